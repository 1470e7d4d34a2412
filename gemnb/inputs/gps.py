"""Tell whether a picture says where it was taken, with the standard library and without trusting a byte.

EXIF is a TIFF file (EXIF 2.32, §4.5) inside APP1 of JPEG, `eXIf` of PNG, `EXIF` of WebP; its tag 0x8825 leads to
the GPS directory. XMP, beside it, says the same in words.
"""

from __future__ import annotations

import logging
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gemnb.model import Binding

_log = logging.getLogger("gemnb")
_warned: set[str] = set()

_GPS_DIRECTORY = 0x8825
# Latitude and longitude of the camera, and of what it was pointed at; without these a directory names no place.
_PLACES = frozenset({2, 4, 20, 22})
_EXIF = b"Exif\x00\x00"
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"


def warn_of_places(bindings: Iterable[Binding], blobs: Mapping[str, bytes]) -> None:
    """Warn of each input picture that says where it was taken, once per picture and process.

    Args:
        bindings: What a cell is about to send.
        blobs: The bytes of its pictures, by digest.
    """
    for binding in bindings:
        data = blobs.get(binding.blob or "")
        if data is None or not binding.blob or binding.blob in _warned or not holds_place(data):
            continue
        _warned.add(binding.blob)
        name = ((binding.value if binding.kind == "file" else None) or binding.source)[:100]
        opened = f'"{name.removeprefix("file:")}"' if binding.kind == "file" else "io.BytesIO(the bytes)"
        _log.warning(
            "%s holds the place where it was taken (GPS); it will be sent and kept. "
            "To strip it: photo = gemnb.keep(PIL.Image.open(%s)), then -i photo",
            name,
            opened,
        )


def holds_place(data: bytes) -> bool:
    """Return whether the metadata of JPEG, PNG or WebP bytes holds coordinates."""
    if data.startswith(b"\xff\xd8"):
        blocks = _jpeg(data)
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        blocks = _png(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        blocks = _webp(data)
    else:
        return False
    return any(b"GPSLatitude" in block if is_xmp else _tiff(block) for is_xmp, block in blocks)


def _jpeg(data: bytes) -> Iterator[tuple[bool, bytes]]:
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == 0xDA:  # the picture itself begins
            return
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if length < 2:
            return
        if marker == 0xE1:
            block = data[position + 4 : position + 2 + length]
            if block.startswith(_EXIF):
                yield False, block[len(_EXIF) :]
            elif block.startswith(_XMP):
                yield True, block
        position += 2 + length


def _png(data: bytes) -> Iterator[tuple[bool, bytes]]:
    position = 8
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        block = data[position + 8 : position + 8 + length]
        if kind == b"eXIf":
            yield False, block.removeprefix(_EXIF)
        elif kind == b"iTXt" and block.startswith(b"XML:com.adobe.xmp\x00"):
            yield True, block
        position += 12 + length


def _webp(data: bytes) -> Iterator[tuple[bool, bytes]]:
    position = 12
    while position + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        block = data[position + 8 : position + 8 + length]
        if kind == b"EXIF":
            yield False, block.removeprefix(_EXIF)
        elif kind == b"XMP ":
            yield True, block
        position += 8 + length + length % 2


def _tiff(data: bytes) -> bool:
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        return False
    (first,) = struct.unpack_from(order + "I", data, 4)
    place = dict(_directory(data, first, order)).get(_GPS_DIRECTORY)
    return place is not None and not _PLACES.isdisjoint(tag for tag, _ in _directory(data, place, order))


def _directory(data: bytes, offset: int, order: str) -> Iterator[tuple[int, int]]:
    """Yield tag and value field of each entry of a directory, as far as the bytes go."""
    if offset + 2 > len(data):
        return
    (count,) = struct.unpack_from(order + "H", data, offset)
    for entry in range(offset + 2, min(offset + 2 + 12 * count, len(data) - 11), 12):
        tag, _kind, _count, value = struct.unpack_from(order + "HHII", data, entry)
        yield tag, value
