"""Metadata goes into PNG, JPEG and WebP bytes without touching a pixel; Content Credentials do not go along."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gemnb.errors import InputError
from gemnb.publish.pictures import Provenance, embed_xmp, xml_holds

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = ["PNG", "JPEG", "WEBP"]
PROMPT = (
    '  - two\tspaces & <b> ]]> "q"\r\nCRLF\rCR\n\n{{<x>}} {% y %} :emoji: é 🐱 \u2028 &amp; &#13; \x7f\x85 end \n '
)


def mime_type(kind: str) -> str:
    """Return the MIME type of a format of Pillow's."""
    return f"image/{kind.lower()}"


def pixels(data: bytes) -> bytes:
    """Return the decoded pixels."""
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGBA").tobytes()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "prompt", ["A cat", PROMPT, "\x00 \x1b[31m \ud800 \ufffe"], ids=["plain", "awkward", "not XML"]
)
def test_exiftool_reads_what_was_written(
    make_picture: Callable[..., bytes],
    provenance: Provenance,
    metadata: Callable[[bytes], dict[str, Any]],
    kind: str,
    prompt: str,
):
    """exiftool finds every field, the prompt to the character, and no fault in the file."""
    data = embed_xmp(make_picture(kind), mime_type(kind), replace(provenance, prompt=prompt, writer="N. N."))
    found = metadata(data)
    assert found["XMP-iptcExt:AIPromptInformation"] == xml_holds(prompt)
    assert found["XMP-iptcExt:AISystemUsed"] == "Google Gemini"
    assert found["XMP-iptcExt:AISystemVersionUsed"] == "gemini-3-pro-image"
    assert found["XMP-iptcExt:AIPromptWriterName"] == "N. N."
    assert str(found["XMP-iptcExt:DigitalSourceType"]).endswith("/digitalsourcetype/trainedAlgorithmicMedia")
    assert found["XMP-iptcCore:AltTextAccessibility"] == "A cat on a mat"
    assert found["XMP-xmpMM:DerivedFrom"] == {"DocumentID": provenance.original}
    assert str(found["ExifTool:Validate"]) in ("OK", "0 0 0")


def test_a_long_prompt_fits_a_jpeg(
    make_picture: Callable[..., bytes], provenance: Provenance, metadata: Callable[[bytes], dict[str, Any]]
):
    """A prompt beyond the 64 kB of a JPEG segment goes into a second packet, whole."""
    prompt = PROMPT + "é<" * 60_000 + " "
    found = metadata(embed_xmp(make_picture("JPEG"), "image/jpeg", replace(provenance, prompt=prompt)))
    # exiftool hands over what is long as base64.
    read = found["XMP-iptcExt:AIPromptInformation"]
    if read.startswith("base64:"):
        import base64

        read = base64.b64decode(read.removeprefix("base64:")).decode()
    assert read == prompt
    assert found["XMP-iptcExt:AISystemUsed"] == "Google Gemini"


@pytest.mark.parametrize(
    ("kind", "mode", "how"),
    [
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("JPEG", "RGB", {}),
        ("WEBP", "RGB", {"lossless": False}),
        ("WEBP", "RGB", {"lossless": True}),
        ("WEBP", "RGBA", {"lossless": False}),
        ("WEBP", "RGBA", {"lossless": True}),
    ],
)
def test_no_pixel_changes(provenance: Provenance, kind: str, mode: str, how: dict[str, Any]):
    """The pixels are those of before, transparency included; a second packet replaces the first."""
    image = Image.effect_noise((61, 40), 80).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    data = buffer.getvalue()
    made = embed_xmp(data, mime_type(kind), provenance)
    assert pixels(made) == pixels(data)
    assert len(made) < len(data) + 3000
    assert embed_xmp(made, mime_type(kind), provenance) == made
    assert embed_xmp(made, mime_type(kind), replace(provenance, prompt=None)).count(b"A cat</") == 0


def test_a_moving_picture_keeps_moving(provenance: Provenance):
    """All frames of a moving WebP are there afterwards."""
    frames = [Image.new("RGB", (32, 20), colour) for colour in ("red", "green", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], duration=50)
    with Image.open(io.BytesIO(embed_xmp(buffer.getvalue(), "image/webp", provenance))) as image:
        assert getattr(image, "n_frames", 1) == 3


@pytest.mark.parametrize("kind", FORMATS)
def test_content_credentials_are_left_out(
    make_picture: Callable[..., bytes], with_credentials: Callable[[bytes], bytes], provenance: Provenance, kind: str
):
    """What was signed for other bytes is not in a copy that has new metadata."""
    data = with_credentials(make_picture(kind))
    assert b"jumb" in data
    assert pixels(data)
    made = embed_xmp(data, mime_type(kind), provenance)
    assert not any(mark in made for mark in (b"jumb", b"caBX", b"C2PA", b"c2pa"))
    assert pixels(made) == pixels(data)


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=150, deadline=None)
@given(cut=st.integers(0, 10_000), flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4))
def test_broken_bytes_are_an_error_or_a_picture(kind: str, cut: int, flips: list[tuple[int, int]]):
    """Cut and altered files end in our error or in bytes of the same type, never in another exception."""
    buffer = io.BytesIO()
    Image.effect_noise((40, 30), 80).convert("RGB").save(buffer, kind)
    data = bytearray(buffer.getvalue())
    for position, value in flips:
        data[position % len(data)] = value
    broken = bytes(data[: len(data) - cut % len(data)])
    provenance = Provenance(system="x", version="", prompt="p", source="", original="sha256:0")
    try:
        made = embed_xmp(broken, mime_type(kind), provenance)
    except InputError:
        return
    assert made[:2] == broken[:2]
    assert b"AIPromptInformation" in made


def test_another_type_is_refused(make_picture: Callable[..., bytes], provenance: Provenance):
    """GIF has no place for it, and a PNG is no JPEG."""
    with pytest.raises(InputError, match="no place"):
        embed_xmp(make_picture("GIF"), "image/gif", provenance)
    with pytest.raises(InputError, match="no image/jpeg"):
        embed_xmp(make_picture("PNG"), "image/jpeg", provenance)


def test_a_jpeg_that_cannot_hold_the_rest_is_refused(make_picture: Callable[..., bytes], provenance: Provenance):
    """Only the prompt may be long; an alternative text beyond a segment is an error, not a broken file."""
    with pytest.raises(InputError, match="broken"):
        embed_xmp(make_picture("JPEG"), "image/jpeg", replace(provenance, alt="x" * 70_000))


def test_jfif_stays_first(make_picture: Callable[..., bytes], provenance: Provenance):
    """A JPEG still begins with the segment that its readers look for first."""
    made = embed_xmp(make_picture("JPEG"), "image/jpeg", provenance)
    assert made[2:4] == b"\xff\xe0"
    (length,) = struct.unpack(">H", made[4:6])
    assert made[4 + length : 6 + length] == b"\xff\xe1"
