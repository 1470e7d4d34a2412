"""The copies of a page: their widths and names, what is kept of the original, and what is not."""

from __future__ import annotations

import io
import pickle
import struct
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import PIL
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from gemnb.canonical import blob_digest
from gemnb.errors import InputError
from gemnb.publish.pictures import Provenance, encoder_version, renditions

if TYPE_CHECKING:
    from collections.abc import Callable


def opened(data: bytes) -> Image.Image:
    """Return a picture, decoded."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def saved(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    """Return the bytes of a picture."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def one(data: bytes, provenance: Provenance, **how: Any) -> Image.Image:
    """Return the one copy of a picture, decoded."""
    (made,) = renditions(data, stem="cat", widths=(), provenance=provenance, **how)
    return opened(made.data)


def test_each_width_up_to_the_original(make_picture: Callable[..., bytes], provenance: Provenance):
    """There is a copy at each width that the original has, the widest under the plain name, heights in proportion."""
    made = renditions(
        make_picture("PNG", (2100, 1402)),
        stem="cat-12345678",
        widths=(768, 320, 1024, 320, 2048),
        provenance=provenance,
    )
    assert [(item.name, item.width, item.height) for item in made] == [
        ("cat-12345678-320.webp", 320, 214),
        ("cat-12345678-768.webp", 768, 513),
        ("cat-12345678-1024.webp", 1024, 684),
        ("cat-12345678.webp", 2048, 1367),
    ]
    for item in made:
        assert item.mime_type == "image/webp"
        image = opened(item.data)
        assert (image.format, image.size) == ("WEBP", (item.width, item.height))


@pytest.mark.parametrize(
    ("own", "made"),
    [(1376, [480, 768, 1024, 1376]), (1100, [480, 768, 1100]), (1024, [480, 768, 1024]), (512, [512]), (64, [64])],
)
def test_an_original_below_the_widest_has_its_own_width(
    make_picture: Callable[..., bytes], provenance: Provenance, own: int, made: list[int]
):
    """A dense display gets every pixel there is, in place of a copy that would be nearly as wide."""
    copies = renditions(
        make_picture("PNG", (own, 60)), stem="cat", widths=(480, 768, 1024, 1440), provenance=provenance
    )
    assert [copy.width for copy in copies] == made


def test_a_small_original_has_its_own_width(make_picture: Callable[..., bytes], provenance: Provenance):
    """Nothing is enlarged: a picture narrower than all widths has one copy as wide as itself."""
    (made,) = renditions(make_picture("PNG", (200, 100)), stem="cat", widths=(320, 768), provenance=provenance)
    assert (made.name, made.width, made.height) == ("cat.webp", 200, 100)


def test_the_same_bytes_everywhere(make_picture: Callable[..., bytes], provenance: Provenance):
    """Another process makes the same bytes of the same arguments, and both travel by pickle."""
    data = make_picture("PNG", (700, 500), noise=True)
    asked = {"stem": "cat", "widths": (320, 640), "provenance": provenance}
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        there = pool.submit(renditions, data, **asked).result(timeout=60)
    here = renditions(data, **asked)
    assert there == here
    assert pickle.loads(pickle.dumps(here)) == here


def test_the_quality_counts(make_picture: Callable[..., bytes], provenance: Provenance):
    """Less quality makes fewer bytes."""
    data = make_picture("PNG", (700, 500), noise=True)
    low, high = (
        renditions(data, stem="cat", widths=(), provenance=provenance, quality=quality)[0] for quality in (40, 90)
    )
    assert len(low.data) < len(high.data) * 0.7


def test_transparency_is_kept(provenance: Provenance):
    """What is transparent stays so; a channel in which nothing is transparent is left out; palettes count, too."""
    image = Image.new("RGBA", (64, 48), "teal")
    assert one(saved(image), provenance).mode == "RGB"
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    made = one(saved(image), provenance)
    assert made.mode == "RGBA"
    assert made.getchannel("A").getextrema() == image.getchannel("A").getextrema()
    palette = Image.new("P", (20, 20))
    assert one(saved(palette, transparency=0), provenance).mode == "RGBA"


def test_the_picture_is_upright_and_its_place_forgotten(provenance: Provenance):
    """The orientation is carried out, and neither it nor the place where the picture was taken is in the copy."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera's maker"
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    image = Image.new("RGB", (60, 40), "navy")
    image.paste("yellow", (0, 0, 60, 20))
    data = saved(image, "JPEG", exif=exif, comment=b"a remark")
    (item,) = renditions(data, stem="cat", widths=(), provenance=provenance)
    made = opened(item.data)
    assert made.size == (40, 60)
    right, left = made.getpixel((35, 30)), made.getpixel((5, 30))
    assert isinstance(right, tuple)
    assert isinstance(left, tuple)
    assert right[0] > 200
    assert left[0] < 60
    assert "exif" not in made.info
    assert b"camera" not in item.data
    assert b"remark" not in item.data


def test_colours_become_those_of_srgb(provenance: Provenance):
    """A profile is carried out and not carried on: what its file calls red and shows green is green in the copy."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ", 128), profile.index(b"gXYZ", 128)
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    image = Image.new("RGB", (32, 32), (250, 5, 5))
    made = one(saved(image, icc_profile=bytes(profile)), provenance)
    colour = made.getpixel((16, 16))
    assert isinstance(colour, tuple)
    assert colour[1] > 200
    assert colour[0] < 60
    assert "icc_profile" not in made.info


@pytest.mark.parametrize("profile", [b"no profile", b"\x00" * 200])
def test_a_broken_profile_is_passed_over(provenance: Provenance, profile: bytes):
    """A picture with a profile that is none is shown as one without."""
    made = one(saved(Image.new("RGB", (32, 32), (250, 5, 5)), icc_profile=profile), provenance)
    colour = made.getpixel((16, 16))
    assert isinstance(colour, tuple)
    assert colour[0] > 200


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "CMYK"])
def test_every_mode_is_shown(provenance: Provenance, mode: str):
    """A middle grey is one in the copy, whatever mode the original has."""
    grey = {"1": 1, "I;16": 128 * 257, "CMYK": (0, 0, 0, 127), "LA": (128, 255)}.get(mode, 128)
    image = Image.new(mode, (32, 32), grey)
    if mode == "P":
        image.putpalette([value for value in range(256) for _ in range(3)])
    made = one(saved(image, "JPEG" if mode == "CMYK" else "PNG"), provenance)
    colour = made.convert("RGB").getpixel((16, 16))
    assert isinstance(colour, tuple)
    assert all(abs(value - (255 if mode == "1" else 128)) < 4 for value in colour)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_copy_claims_no_content_credentials(
    make_picture: Callable[..., bytes],
    with_credentials: Callable[[bytes], bytes],
    metadata: Callable[[bytes], dict[str, Any]],
    provenance: Provenance,
    kind: str,
):
    """The credentials of an original are not in its copy, which names the original by its digest instead."""
    original = with_credentials(make_picture(kind))
    digest = blob_digest(original)
    (made,) = renditions(original, stem="cat", widths=(), provenance=replace(provenance, original=digest))
    assert not any(mark in made.data for mark in (b"jumb", b"caBX", b"C2PA", b"c2pa"))
    assert metadata(made.data)["XMP-xmpMM:DerivedFrom"] == {"DocumentID": digest}
    assert blob_digest(original) == digest


def bomb(width: int, height: int) -> bytes:
    """Return a small PNG that claims a size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (9000, 8000)])
def test_a_picture_that_claims_too_much_is_refused(provenance: Provenance, size: tuple[int, int]):
    """A header of billions of pixels is refused before anything is decoded."""
    with pytest.raises(InputError, match="pixels"):
        renditions(bomb(*size), stem="cat", widths=(320,), provenance=provenance)


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"\x89PNG\r\n\x1a\n", bomb(64, 64)])
def test_what_is_no_whole_picture_is_refused(provenance: Provenance, data: bytes):
    """Other bytes, and pictures that end early, are our error."""
    with pytest.raises(InputError):
        renditions(data, stem="cat", widths=(320,), provenance=provenance)


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]), cut=st.integers(0, 5000), flip=st.integers(0, 5000))
def test_broken_bytes_are_an_error_or_a_picture(kind: str, cut: int, flip: int):
    """Cut and altered files end in our error or in a copy, never in another exception."""
    data = bytearray(saved(Image.effect_noise((40, 30), 80), kind))
    data[flip % len(data)] ^= 0x55
    provenance = Provenance(system="x", version="", prompt="p", source="", original="sha256:0")
    try:
        made = renditions(bytes(data[: len(data) - cut % len(data)]), stem="x", widths=(20,), provenance=provenance)
    except InputError:
        return
    assert opened(made[0].data).format == "WEBP"


@pytest.mark.parametrize("stem", ["", "../cat", "a/b", "a\\b", ".hidden", "-o", "a\0b", "a b", "a\nb"])
def test_a_stem_that_leads_elsewhere_is_refused(
    make_picture: Callable[..., bytes], provenance: Provenance, stem: str
):
    """A file name cannot lead out of its folder, hide, or be taken for an option."""
    with pytest.raises(InputError, match="file name"):
        renditions(make_picture(), stem=stem, widths=(), provenance=provenance)


def test_the_version_names_what_the_bytes_depend_on():
    """Another Pillow or libwebp is another version, so that kept copies are made anew."""
    version = encoder_version()
    assert f"pillow {PIL.__version__}" in version
    assert "webp 1" in version
    assert version == encoder_version()
