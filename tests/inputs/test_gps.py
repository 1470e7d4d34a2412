"""Pictures that say where they were taken are warned about, and no byte of their metadata is trusted."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gemnb.canonical import blob_digest
from gemnb.inputs import holds_place, warn_of_places
from gemnb.model import Binding

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("JPEG", "PNG", "WEBP")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a exif:GPSLatitude="52,30N"/></x:xmpmeta>'


def picture(kind: str, exif: bytes | None = None, xmp: bytes | None = None, size: tuple[int, int] = (8, 8)) -> bytes:
    """The bytes of a picture with this metadata, as Pillow writes it."""
    buffer = io.BytesIO()
    more = {key: value for key, value in (("exif", exif), ("xmp", xmp)) if value}
    Image.new("RGB", size).save(buffer, kind, **more)
    return buffer.getvalue()


def _binding(data: bytes, source: str = "photo.jpg", kind: str = "file") -> Binding:
    return Binding(slot="-i", kind=kind, source=source, blob=blob_digest(data), mime_type="image/jpeg")


@pytest.mark.parametrize("kind", KINDS)
def test_coordinates_that_pillow_wrote_are_found(kind: str):
    """A picture with coordinates in its EXIF holds a place; one with other EXIF, or none, does not."""
    exif = Image.Exif()
    exif[0x010E] = "a description"
    assert not holds_place(picture(kind))
    assert not holds_place(picture(kind, exif.tobytes()))
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 0.0), 3: "E", 4: (13.0, 24.0, 0.0)})
    assert holds_place(picture(kind, exif.tobytes()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_only_coordinates_are_a_place(exif: Callable[..., bytes], kind: str, order: str):
    """A GPS directory without coordinates, or another directory with such tags, names no place."""
    assert holds_place(picture(kind, b"Exif\x00\x00" + exif((0, 1, 2), order)))
    assert holds_place(picture(kind, b"Exif\x00\x00" + exif((22,), order)))
    assert not holds_place(picture(kind, b"Exif\x00\x00" + exif((0, 29), order)))
    assert not holds_place(picture(kind, b"Exif\x00\x00" + exif((2, 4), order, 0x8769)))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_coordinates_in_words_are_found(kind: str):
    """Coordinates in XMP are found as well."""
    assert holds_place(picture(kind, xmp=XMP))
    assert not holds_place(picture(kind, xmp=XMP.replace(b"GPS", b"Gps")))


def test_coordinates_in_words_of_a_png_are_found():
    """XMP stands in PNG as text."""
    data = picture("PNG")
    body = b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + XMP
    assert holds_place(data[:33] + struct.pack(">I4s", len(body), b"iTXt") + body + bytes(4) + data[33:])


def test_a_comment_is_no_place():
    """The word alone, outside XMP, says nothing."""
    data = picture("JPEG")
    assert not holds_place(data[:2] + b"\xff\xfe\x00\x0dGPSLatitude" + data[2:])
    assert not holds_place(picture("GIF") + XMP)


@given(st.sampled_from(KINDS), st.binary(max_size=80), st.data())
def test_any_metadata_is_read_without_harm(kind: str, noise: bytes, data: st.DataObject):
    """Cut, overwritten or invented metadata is a place or none, never an error."""
    tiff = b"II*\x00\x08\x00\x00\x00\x01\x00\x25\x88\x04\x00\x01\x00\x00\x00\x1a\x00\x00\x00" + bytes(4)
    whole = picture(kind, b"Exif\x00\x00" + tiff + b"\x01\x00\x02\x00\x05\x00\x03\x00\x00\x00" + bytes(8))
    position = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(0, len(whole)))
    for broken in (whole[:end], whole[:position] + noise + whole[position + len(noise) :], whole[:12] + noise):
        assert holds_place(broken) in (True, False)
    for head in (b"II*\x00", b"MM\x00*"):
        assert holds_place(picture(kind, b"Exif\x00\x00" + head + noise)) in (True, False)


def test_a_directory_that_leads_to_itself_ends(exif: Callable[..., bytes]):
    """A GPS directory that is the first directory again is read once."""
    tiff = bytearray(exif((2,)))
    tiff[18:22] = struct.pack("<I", 8)
    assert not holds_place(picture("JPEG", b"Exif\x00\x00" + bytes(tiff)))


def test_a_place_is_warned_of_once(exif: Callable[..., bytes], caplog: pytest.LogCaptureFixture):
    """The warning names the file and what to type, once per picture, and pictures without a place cause none."""
    data, plain = picture("JPEG", b"Exif\x00\x00" + exif((2, 4)), size=(9, 9)), picture("JPEG")
    blobs = {blob_digest(data): data, blob_digest(plain): plain}
    for _ in range(2):
        warn_of_places([_binding(data), _binding(plain), _binding(data, "other.jpg")], blobs)
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith("photo.jpg holds the place where it was taken (GPS); it will be sent and kept.")
    assert 'gemnb.keep(PIL.Image.open("photo.jpg"))' in message


def test_a_variable_is_warned_of_in_its_own_words(exif: Callable[..., bytes], caplog: pytest.LogCaptureFixture):
    """A picture that is no file is named as the cell does; bytes that are not at hand cause no warning."""
    data = picture("PNG", b"Exif\x00\x00" + exif((2, 4)), size=(9, 8))
    warn_of_places([_binding(data, "photo", "variable")], {})
    assert caplog.records == []
    warn_of_places([_binding(data, "photo", "variable")], {blob_digest(data): data})
    assert caplog.records[0].getMessage().startswith("photo holds the place")
    assert "PIL.Image.open(io.BytesIO(" in caplog.records[0].getMessage()
