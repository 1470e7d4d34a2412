"""Tell what picture bytes are from their first bytes: MIME type and size in pixels. Standard library only.

A hit must not import Pillow, so the header is read here. Sources: PNG (W3C, §11.2.2 IHDR), JPEG
(ITU T.81, B.2.2 frame header), WebP (RFC 9649, §2), GIF89a (§18). Whether a picture is whole is
another question; `gemnb.preview` decodes it once, when it arrives.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_MARKERS_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
# Start-of-frame markers: C0 to CF but DHT (C4), JPG (C8) and DAC (CC).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sniffed:
    """What the header says: MIME type, width and height in pixels."""

    mime_type: str
    width: int
    height: int


def sniff(data: bytes) -> Sniffed | None:
    """Return type and size of PNG, JPEG, WebP or GIF bytes, or None when they are none of these."""
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return _made("image/gif", *struct.unpack("<HH", data[6:10])) if len(data) >= 10 else None
    return None


def _made(mime_type: str, width: int, height: int) -> Sniffed | None:
    return Sniffed(mime_type=mime_type, width=width, height=height) if width and height else None


def _png(data: bytes) -> Sniffed | None:
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    return _made("image/png", *struct.unpack(">II", data[16:24]))


def _jpeg(data: bytes) -> Sniffed | None:
    position = 2
    while position + 9 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in _JPEG_MARKERS_WITHOUT_LENGTH:
            position += 2
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            return _made("image/jpeg", width, height)
        else:
            length = int.from_bytes(data[position + 2 : position + 4], "big")
            if length < 2:
                return None
            position += 2 + length
    return None


def _webp(data: bytes) -> Sniffed | None:
    if len(data) < 30:
        return None
    chunk = data[12:16]
    if chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", data[26:30])
        return _made("image/webp", width & 0x3FFF, height & 0x3FFF)
    if chunk == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        return _made("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return _made("image/webp", width, height)
    return None
