"""sniff: type and size from the first bytes, the same as Pillow's, and never an exception."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gemnb.sniff import Sniffed, sniff


def picture(kind: str, size: tuple[int, int] = (37, 21), *, mode: str = "RGB", **options) -> bytes:
    image = Image.linear_gradient("L").resize(size).convert(mode)
    if options.pop("animated", False):
        options |= {"save_all": True, "append_images": [image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)]}
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def after_start(jpeg: bytes, segments: bytes) -> bytes:
    """The JPEG with segments between its start marker and the rest."""
    return jpeg[:2] + segments + jpeg[2:]


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload


def exif() -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = 6
    return tags


MAKERS = {
    "PNG": {"kind": "PNG"},
    "PNG palette": {"kind": "PNG", "mode": "P"},
    "PNG alpha": {"kind": "PNG", "mode": "RGBA"},
    "PNG grey": {"kind": "PNG", "mode": "L"},
    "JPEG baseline": {"kind": "JPEG"},
    "JPEG progressive": {"kind": "JPEG", "progressive": True},
    "JPEG grey": {"kind": "JPEG", "mode": "L"},
    "JPEG CMYK": {"kind": "JPEG", "mode": "CMYK"},
    "JPEG EXIF": {"kind": "JPEG", "exif": exif()},
    "JPEG comment and profile": {"kind": "JPEG", "comment": b"\xff\xc0" * 20, "icc_profile": b"\xff\xc0" * 40_000},
    "JPEG restarts": {"kind": "JPEG", "restart_marker_blocks": 1},
    "WebP lossy": {"kind": "WEBP"},
    "WebP lossless": {"kind": "WEBP", "lossless": True},
    "WebP extended": {"kind": "WEBP", "mode": "RGBA", "exif": exif()},
    "WebP animated": {"kind": "WEBP", "animated": True},
    "GIF": {"kind": "GIF"},
    "GIF animated": {"kind": "GIF", "animated": True},
}
EVERY = [pytest.param(maker, id=name) for name, maker in MAKERS.items()]


@pytest.mark.parametrize("maker", EVERY)
@pytest.mark.parametrize("size", [(1, 1), (2, 255), (300, 7), (257, 256)], ids="{0[0]}x{0[1]}".format)
def test_a_picture_has_the_type_and_size_that_pillow_sees(maker, size):
    """What stands in a record is what any viewer of the picture says."""
    data = picture(size=size, **maker)
    with Image.open(io.BytesIO(data)) as image:
        seen = Sniffed(mime_type=Image.MIME[image.format or ""], width=image.width, height=image.height)
    assert seen == sniff(data)


@pytest.mark.parametrize(
    ("kind", "size"),
    [("PNG", (16_385, 1)), ("JPEG", (1, 65_500)), ("WEBP", (16_383, 1)), ("WEBP", (1, 16_383)), ("GIF", (65_535, 1))],
)
def test_the_largest_sizes_of_each_type_are_read(kind, size):
    """A size near the limit of its format is read whole."""
    found = sniff(picture(kind, size))
    assert found == Sniffed(mime_type=f"image/{kind.lower()}", width=size[0], height=size[1])


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(segment(0xE1, b"Exif\0\0" + picture("JPEG", (5, 3))), id="thumbnail in APP1"),
        pytest.param(segment(0xE2, b"\xff\xc0" * 32_000) * 3, id="three big APP2"),
        pytest.param(segment(0xFE, b""), id="empty comment"),
        pytest.param(segment(0xC4, b"\0" * 17), id="Huffman table"),
        pytest.param(segment(0xCC, b"\0\1"), id="arithmetic table"),
        pytest.param(b"\xff" * 9, id="fill bytes"),
        pytest.param(b"\xff\xff" + segment(0xED, b"x") + b"\xff", id="fill bytes around APP13"),
        pytest.param(b"\xff\x01", id="marker without length"),
    ],
)
@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
def test_segments_before_the_frame_do_not_hide_it(segments, progressive):
    """A camera's or an editor's data in front of a JPEG's frame changes nothing of what is read."""
    data = after_start(picture("JPEG", progressive=progressive), segments)
    assert sniff(data) == Sniffed(mime_type="image/jpeg", width=37, height=21)


@pytest.mark.parametrize("maker", EVERY)
def test_a_cut_picture_is_read_alike_or_not_at_all(maker):
    """However a picture is cut, its header is read as it is or not at all, and nothing fails."""
    data = picture(**maker)
    whole = sniff(data)
    assert whole is not None
    assert {whole, None} == {sniff(data[:length]) for length in range(min(len(data), 2000))} | {sniff(data)}


MAGICS = (b"", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"RIFF")
WEBPS = tuple(b"RIFF\0\0\0\0WEBP" + chunk for chunk in (b"VP8 ", b"VP8L", b"VP8X"))


@settings(deadline=None, max_examples=500)
@given(st.sampled_from(MAGICS + WEBPS), st.binary(max_size=80))
def test_arbitrary_bytes_never_raise(magic, rest):
    """Whatever bytes are called a picture, the answer is a plausible size or none, never an exception."""
    found = sniff(magic + rest)
    assert found is None or (found.width > 0 and found.height > 0)


SAMPLES = [picture(**maker) for maker in MAKERS.values()]


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=6))
def test_damaged_headers_never_raise(data, damage):
    """A picture with damaged bytes in its header is read as some size or none, never with an exception."""
    damaged = bytearray(data)
    for position, value in damage:
        damaged[position % len(damaged)] = value
    found = sniff(bytes(damaged))
    assert found is None or (found.width > 0 and found.height > 0)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"a picture of a cat", id="text"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="SVG"),
        pytest.param(b"%PDF-1.7\n", id="PDF"),
        pytest.param(picture("BMP"), id="BMP"),
        pytest.param(picture("TIFF"), id="TIFF"),
        pytest.param(b"\0\0\0\x18ftypheic" + bytes(40), id="HEIC"),
        pytest.param(b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), id="WAV"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(40), id="PNG without IHDR"),
        pytest.param(b"GIF89a\0\0\x05\0" + bytes(40), id="GIF of width 0"),
        pytest.param(picture("PNG")[:16] + struct.pack(">II", 5, 0) + picture("PNG")[24:], id="PNG of height 0"),
        pytest.param(b"\xff\xd8" + segment(0xE0, b"JFIF") + b"no marker here", id="JPEG without frame"),
        pytest.param(b"\xff\xd8\xff\xe0\0\0" + bytes(40), id="JPEG segment of length 0"),
    ],
)
def test_what_is_no_picture_is_none(data):
    """Bytes of any other kind, and headers without a size, are no picture."""
    assert sniff(data) is None
