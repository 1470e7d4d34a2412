"""Whether a preview is one of its original: true for all that gemnb makes, false for another picture."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from gemnb.preview import make_preview
from gemnb.sniff import sniff
from gemnb.verify.sketches import LARGEST_LIMIT, MEAN_LIMIT, Sketch, differences, distance, preview_size, sketch


def drawing(size: tuple[int, int] = (700, 500), seed: int = 0) -> Image.Image:
    """Return a picture with a gradient, edges and lettering-like strokes."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(image)
    for step in range(40):
        x, y = (step * 53 + seed * 211) % size[0], (step * 97 + seed * 131) % size[1]
        draw.line((x, y, y, x), fill=(step * 6, 255 - step * 5, (step * 37) % 256), width=1 + step % 4)
    draw.ellipse((seed * 40, 60, seed * 40 + 200, 300), fill="crimson")
    return image


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return a picture's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def sketched(data: bytes) -> Sketch:
    """Return the sketch of bytes that have one."""
    made = sketch(data, sniff(data))
    assert made is not None
    return made


def turned(orientation: int) -> bytes:
    """Return a JPEG that its EXIF says is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(drawing(), "JPEG", exif=exif, quality=95)


def faded() -> Image.Image:
    """Return a picture with transparency of every degree."""
    image = drawing().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").rotate(90).resize(image.size))
    return image


def stripes() -> Image.Image:
    """Return colours that change at every pixel, the worst for JPEG's halved colour."""
    image = Image.new("RGB", (600, 400), "red")
    for x in range(0, 600, 2):
        image.paste("blue", (x, 0, x + 1, 400))
    return image


def bands() -> Image.Image:
    """Return broad bands of strong contrast, in a size whose preview's sides eight does not divide."""
    image = Image.new("RGB", (1200, 893), "black")
    for x in range(0, 1200, 150):
        image.paste("white", (x, 0, x + 75, 893))
    for y in range(0, 893, 150):
        image.paste("navy", (0, y, 1200, y + 40))
    return image


ORIGINALS = {
    "bands": lambda: encoded(bands(), "PNG"),
    "png": lambda: encoded(drawing(), "PNG"),
    "big png": lambda: encoded(drawing((2000, 1333)), "PNG"),
    "tall png": lambda: encoded(drawing((300, 1999)), "PNG"),
    "jpeg": lambda: encoded(drawing((1500, 1100)), "JPEG", quality=90),
    "progressive jpeg": lambda: encoded(drawing((1500, 1100)), "JPEG", progressive=True),
    "grey jpeg": lambda: encoded(drawing().convert("L"), "JPEG"),
    "cmyk jpeg": lambda: encoded(drawing().convert("CMYK"), "JPEG"),
    **{f"jpeg turned {n}": (lambda n=n: turned(n)) for n in range(1, 9)},
    "webp": lambda: encoded(drawing(), "WEBP"),
    "lossless webp": lambda: encoded(drawing(), "WEBP", lossless=True),
    "faded webp": lambda: encoded(faded(), "WEBP", lossless=True),
    "gif": lambda: encoded(drawing().convert("P", palette=Image.Palette.ADAPTIVE), "GIF"),
    "moving gif": lambda: encoded(drawing(), "GIF", save_all=True, append_images=[drawing(seed=3)]),
    "clear gif": lambda: encoded(drawing().convert("P"), "GIF", transparency=3),
    "palette png": lambda: encoded(drawing().convert("P"), "PNG"),
    "clear palette png": lambda: encoded(drawing().convert("P"), "PNG", transparency=3),
    "clear rgb png": lambda: encoded(drawing(), "PNG", transparency=(255, 0, 0)),
    "faded png": lambda: encoded(faded(), "PNG"),
    "grey png": lambda: encoded(drawing().convert("L"), "PNG"),
    "faded grey png": lambda: encoded(faded().convert("LA"), "PNG"),
    "black and white png": lambda: encoded(drawing().convert("1"), "PNG"),
    "16 bit png": lambda: encoded(drawing().convert("I;16"), "PNG"),
    "grey noise": lambda: encoded(Image.effect_noise((900, 700), 120).convert("RGB"), "PNG"),
    "colour noise": lambda: encoded(
        Image.merge("RGB", [Image.effect_noise((1100, 1100), 120) for _ in "rgb"]), "PNG"
    ),
    "stripes": lambda: encoded(stripes(), "PNG"),
    "one pixel": lambda: encoded(Image.new("RGB", (1, 1), "teal"), "PNG"),
    "a line": lambda: encoded(Image.linear_gradient("L").resize((4000, 2)).convert("RGB"), "PNG"),
}


@pytest.mark.parametrize("name", ORIGINALS)
def test_what_gemnb_makes_is_a_preview_of_its_original(name: str):
    """Whatever type and mode an original has, its own preview is one of it."""
    data = ORIGINALS[name]()
    preview = make_preview(data + bytes(200_001), "image/webp")
    assert preview is not None

    assert differences(sketched(data), sketched(preview)) == ""


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_preview_of_another_picture_is_none(seed: int):
    """A picture in which one shape stands elsewhere is another one."""
    preview = make_preview(encoded(drawing(seed=seed), "PNG") + bytes(200_001), "image/png")
    assert preview is not None

    assert "it shows another picture" in differences(sketched(encoded(drawing(), "PNG")), sketched(preview))


def test_previews_of_two_noises_are_told_apart():
    """Two pictures of nothing but noise, the most alike there are, are not taken for each other."""
    one, other = (encoded(Image.effect_noise((900, 700), 120).convert("RGB"), "PNG") for _ in range(2))
    mean, largest = distance(sketched(one), sketched(other))

    assert mean > MEAN_LIMIT or largest > LARGEST_LIMIT


def test_a_picture_that_lies_on_its_side_has_a_preview_that_stands():
    """The size of a preview is that of the upright picture."""
    lying = sketched(turned(6))

    assert (lying.width, lying.height) == (500, 700)


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", encoded(drawing(), "PNG")[:2000], b"GIF89a" + bytes(20)])
def test_what_cannot_be_decoded_has_no_sketch(data: bytes):
    """Bytes that are no whole picture have no sketch, and raise nothing."""
    assert sketch(data, sniff(data)) is None


def test_a_picture_of_implausibly_many_pixels_is_not_decoded():
    """A header of 60,000 by 60,000 pixels takes no memory."""
    data = bytearray(encoded(Image.new("1", (8, 8)), "PNG"))
    data[16:24] = (60_000).to_bytes(4, "big") * 2

    assert sketch(bytes(data), sniff(bytes(data))) is None


@settings(max_examples=200, deadline=None)
@given(width=st.integers(1, 5000), height=st.integers(1, 5000))
def test_the_size_of_a_preview_is_pillows(width: int, height: int):
    """The size worked out here is within a pixel of what Pillow's thumbnail gives."""
    image = Image.new("1", (width, height))
    image.thumbnail((1024, 1024))
    made = preview_size(width, height)

    assert abs(made[0] - image.width) <= 1
    assert abs(made[1] - image.height) <= 1
