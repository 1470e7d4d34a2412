"""preview: a picture is decoded once when it arrives, and a small one is made where the original is too big."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from gemnb.mime import ORIGINAL_LIMIT
from gemnb.preview import PREVIEW_SIDE, check_picture, make_preview
from gemnb.sniff import Sniffed, sniff


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    return Image.effect_noise((width, height), 80).convert(mode)


def png_chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def png_with(png: bytes, name: bytes, payload: bytes) -> bytes:
    """The PNG with one more chunk after its header."""
    return png[:33] + png_chunk(name, payload) + png[33:]


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data))


BIG = {
    "PNG": saved(noise(1500, 700), "PNG"),
    "JPEG": saved(noise(1500, 700), "JPEG", quality=95),
    "WebP": saved(noise(1500, 700), "WEBP", quality=95),
    "GIF": saved(noise(1500, 700), "GIF"),
    "CMYK": saved(noise(1500, 700).convert("CMYK"), "JPEG", quality=95),
    "grey": saved(noise(1500, 700, "L"), "PNG"),
}


@pytest.mark.parametrize("name", BIG)
def test_a_big_picture_gets_a_small_jpeg(name):
    """A picture of more than 200 kB gets a JPEG of the same shape whose longest side is 1024."""
    data, found = BIG[name], sniff(BIG[name])
    assert found is not None
    assert len(data) > ORIGINAL_LIMIT
    preview = make_preview(data, found.mime_type)
    assert sniff(preview or b"") == Sniffed(mime_type="image/jpeg", width=1024, height=478)
    assert opened(preview).mode == "RGB"
    assert PREVIEW_SIDE == 1024


@pytest.mark.parametrize(
    ("size", "expected"), [((700, 1500), (478, 1024)), ((600, 600), (600, 600)), ((4000, 60), (1024, 15))]
)
def test_a_preview_is_never_larger_than_its_picture(size, expected):
    """Tall, wide and smaller pictures keep their shape, and none is blown up."""
    data = saved(noise(*size), "PNG")
    assert opened(make_preview(data, "image/png")).size == expected


def test_transparency_is_kept():
    """A picture with transparency gets a PNG, with its transparent and its solid part."""
    image = noise(1500, 700, "RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size).point(lambda level: 255 * (level > 127)))
    preview = make_preview(saved(image, "PNG"), "image/png")
    assert sniff(preview or b"") == Sniffed(mime_type="image/png", width=1024, height=478)
    alpha = opened(preview).getchannel("A")
    assert (alpha.getpixel((0, 0)), alpha.getpixel((1023, 477))) == (0, 255)


def test_a_palette_with_transparency_keeps_it():
    """A palette picture with a transparent colour gets a PNG with alpha."""
    image = noise(1500, 900).quantize(256)
    preview = make_preview(saved(image, "PNG", transparency=3), "image/png")
    assert (opened(preview).format, opened(preview).mode) == ("PNG", "RGBA")


@pytest.mark.parametrize(
    ("orientation", "corner", "size"),
    [(1, (0, 0), (1024, 478)), (3, (1023, 477), (1024, 478)), (6, (477, 0), (478, 1024))],
)
def test_the_orientation_of_a_camera_is_applied(orientation, corner, size):
    """A preview stands as the original is meant to be seen, since its own bytes carry no orientation."""
    image = noise(1500, 700)
    image.paste("red", (0, 0, 200, 200))
    tags = Image.Exif()
    tags[0x0112] = orientation
    preview = opened(make_preview(saved(image, "JPEG", exif=tags, quality=95), "image/jpeg"))
    red, green, _ = preview.getpixel(corner)
    assert preview.size == size
    assert red > 200
    assert green < 60
    assert 0x0112 not in preview.getexif()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_small_picture_gets_none(kind, make_picture):
    """A small picture that every notebook shows stands there itself."""
    assert make_preview(make_picture(kind), f"image/{kind.lower()}") is None


def test_the_limit_is_200_kilobytes(make_picture):
    """The last byte below the limit needs no preview, the first above it does."""
    png = make_picture("PNG", (8, 8))
    padded = png_with(png, b"prVt", bytes(ORIGINAL_LIMIT - len(png) - 12))
    assert len(padded) == ORIGINAL_LIMIT
    assert make_preview(padded, "image/png") is None
    assert opened(make_preview(padded + b"\0", "image/png")).size == (8, 8)


@pytest.mark.parametrize(("kind", "mime_type"), [("WEBP", "image/webp"), ("GIF", "image/gif")])
def test_a_type_that_not_every_notebook_shows_gets_one(kind, mime_type, make_picture):
    """However small, a WebP or GIF gets a preview that every notebook tool renders."""
    preview = opened(make_preview(make_picture(kind), mime_type))
    assert (preview.format, preview.size) == ("JPEG", (64, 48))


def test_the_colours_of_a_profile_are_kept():
    """A preview of a picture with a colour profile carries it."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    preview = opened(make_preview(saved(noise(1500, 700), "JPEG", icc_profile=profile, quality=95), "image/jpeg"))
    assert preview.info["icc_profile"] == profile


@pytest.mark.parametrize("name", BIG)
def test_a_whole_picture_has_its_facts(name):
    """Type and size of a whole picture are those in its header."""
    assert check_picture(BIG[name]) == sniff(BIG[name])


def bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"", "neither PNG, JPEG, WebP nor GIF", id="nothing"),
        pytest.param(b"<html>", "neither PNG, JPEG, WebP nor GIF", id="text"),
        pytest.param(bomb(60_000, 60_000), "exceeds limit of", id="3.6 gigapixels"),
        pytest.param(bomb(10_000, 10_000), "exceeds limit of", id="100 megapixels"),
        pytest.param(BIG["PNG"][:24], "ends before its last chunk", id="header alone"),
    ],
)
def test_what_is_no_plausible_picture_is_refused(data, why):
    """Bytes of another kind, and sizes that would take the machine's memory, are refused with the reason."""
    with pytest.raises((ValueError, OSError), match=why):
        check_picture(data)


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WebP", "GIF"])
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_cut_picture_is_refused(name, part):
    """A picture that lacks its end is found, although its header is whole."""
    cut = BIG[name][: int(len(BIG[name]) * part)]
    assert sniff(cut) is not None
    with pytest.raises((ValueError, OSError)):
        check_picture(cut)


@pytest.mark.parametrize("missing", [12, 20])
def test_a_png_without_its_end_is_refused(missing):
    """A PNG whose last chunk or last checksum is missing was cut on its way, and is refused."""
    with pytest.raises((ValueError, OSError, SyntaxError)):
        check_picture(BIG["PNG"][:-missing])


SMALL = [saved(noise(20, 14), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF")]


@pytest.mark.filterwarnings("ignore")  # Pillow warns of damage that it can read across
@settings(deadline=None, max_examples=300)
@given(st.sampled_from(SMALL), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_picture_is_read_or_refused(data, damage):
    """However a picture is damaged, it is whole, or refused by one of the errors that arrival reports."""
    damaged = bytearray(data)
    for position, value in damage:
        damaged[position % len(damaged)] = value
    try:
        found = check_picture(bytes(damaged))
    except (ValueError, OSError, SyntaxError):
        return
    assert found.width > 0
