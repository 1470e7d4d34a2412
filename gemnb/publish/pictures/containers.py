"""Put an XMP packet into PNG, JPEG and WebP bytes without touching a pixel. Pure; standard library only.

Where it stands: PNG, an `iTXt` chunk with the keyword `XML:com.adobe.xmp`; JPEG, an APP1 segment; WebP, an `XMP `
chunk (XMP specification, part 3, §1.1; RFC 9649, §2.7). A packet that was there is replaced. Content Credentials
(C2PA: PNG `caBX`, JPEG APP11, WebP `C2PA`) are left out, since they were signed for other bytes.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import TYPE_CHECKING

from gemnb.errors import InputError
from gemnb.publish.pictures.provenance import prompt_packet, xmp_packet
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gemnb.publish.pictures.provenance import Provenance

_PNG = b"\x89PNG\r\n\x1a\n"
_KEYWORD = b"XML:com.adobe.xmp\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_MORE_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_SEGMENT = 0xFFFF - 2  # bytes that a JPEG segment holds beside its own length
_PORTION = 65_400  # bytes of a second packet that one segment holds (XMP, part 3, §1.1.3.1)
# Flags of WebP's VP8X chunk (RFC 9649, §2.7.1).
_HAS_XMP, _HAS_ALPHA = 0x04, 0x10


def embed_xmp(data: bytes, mime_type: str, provenance: Provenance) -> bytes:
    """Return the picture with the provenance in its metadata; its pixels are those of before, to the byte.

    Args:
        data: PNG, JPEG or WebP bytes.
        mime_type: Their type.
        provenance: What they are to say.

    Raises:
        InputError: They are not of this type, or are broken; or the type holds no XMP.
    """
    put = _PUT.get(mime_type)
    if put is None:
        raise InputError(f"{mime_type[:80]!r} has no place for provenance.", hint="PNG, JPEG and WebP have.")
    found = sniff(data)
    if found is None or found.mime_type != mime_type:
        raise InputError(f"The bytes are no {mime_type}.")
    try:
        return put(data, provenance)
    except (struct.error, IndexError, ValueError) as error:
        reason = str(error)
    raise InputError(f"The {mime_type} is broken.", why=reason)


def _png(data: bytes, provenance: Provenance) -> bytes:
    made = bytearray(_PNG)
    for kind, chunk in _png_chunks(data):
        if kind == b"caBX" or (kind == b"iTXt" and chunk[8:].startswith(_KEYWORD)):
            continue
        made += chunk
        if kind == b"IHDR":
            # Keyword; not compressed; no language, no translated keyword (PNG, §11.3.3.4).
            made += _png_chunk(b"iTXt", _KEYWORD + b"\0\0\0\0" + xmp_packet(provenance))
    return bytes(made)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(_PNG)
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            msg = f"it ends inside its chunk {kind!r}"
            raise ValueError(msg)
        yield kind, data[position:end]
        if kind == b"IEND":  # what follows is no part of the picture
            return
        position = end
    msg = "it has no last chunk"
    raise ValueError(msg)


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _jpeg(data: bytes, provenance: Provenance) -> bytes:
    head, body = bytearray(b"\xff\xd8"), bytearray()
    for marker, segment, is_scan in _jpeg_segments(data):
        content = segment[4:]
        if marker == 0xEB and content[:2] == b"JP":  # JUMBF (ISO 19566-5, annex D)
            continue
        if marker == 0xE1 and content.startswith((_XMP, _MORE_XMP)):
            continue
        # JFIF and EXIF want to be first; XMP comes behind them.
        leads = not body and not is_scan and marker in (0xE0, 0xE1)
        (head if leads else body).extend(segment)
    return bytes(head + b"".join(_jpeg_xmp(provenance)) + body)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Yield each segment before the first scan, and all from there on as one."""
    position = 2
    while True:
        if data[position] != 0xFF:
            msg = "a segment does not begin where the one before it ends"
            raise ValueError(msg)
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        if marker == 0xDA:
            yield marker, data[position:], True
            return
        (length,) = struct.unpack_from(">H", data, position + 2)
        end = position + 2 + length
        if length < 2 or end > len(data):
            msg = "it ends inside a segment"
            raise ValueError(msg)
        yield marker, data[position:end], False
        position = end


def _jpeg_xmp(provenance: Provenance) -> Iterator[bytes]:
    packet = xmp_packet(provenance)
    if len(_XMP) + len(packet) <= _SEGMENT:
        yield _app1(_XMP + packet)
        return
    # The prompt goes into a second packet, in portions, which the first one names by its MD5.
    more = prompt_packet(provenance)
    name = hashlib.md5(more, usedforsecurity=False).hexdigest().upper()
    first = xmp_packet(provenance, leave_out=("prompt",), extended=name)
    if len(_XMP) + len(first) > _SEGMENT:
        msg = "what it is to say is too long for a JPEG"
        raise ValueError(msg)
    yield _app1(_XMP + first)
    for start in range(0, len(more), _PORTION):
        portion = more[start : start + _PORTION]
        yield _app1(_MORE_XMP + name.encode() + struct.pack(">II", len(more), start) + portion)


def _app1(content: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def _webp(data: bytes, provenance: Provenance) -> bytes:
    chunks = list(_webp_chunks(data))
    kept = [(kind, content) for kind, content in chunks if kind not in (b"VP8X", b"XMP ", b"C2PA")]
    kinds = {kind for kind, _ in kept}
    found = sniff(data)
    if found is None or not kinds & {b"VP8 ", b"VP8L", b"ANMF"}:
        msg = "it holds no picture"
        raise ValueError(msg)
    flags = dict(chunks)[b"VP8X"][0] if chunks[0][0] == b"VP8X" else _webp_flags(dict(chunks))
    size = (found.width - 1).to_bytes(3, "little") + (found.height - 1).to_bytes(3, "little")
    made = [(b"VP8X", bytes([flags | _HAS_XMP, 0, 0, 0]) + size), *kept, (b"XMP ", xmp_packet(provenance))]
    body = b"WEBP" + b"".join(_webp_chunk(kind, content) for kind, content in made)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_flags(chunks: dict[bytes, bytes]) -> int:
    """Return what the extended header of a file that had none has to say: whether there is alpha (VP8L, §3.2)."""
    lossless = chunks.get(b"VP8L", b"")
    return _HAS_ALPHA if len(lossless) > 4 and lossless[4] & 0x10 else 0


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    end = min(len(data), 8 + int(struct.unpack_from("<I", data, 4)[0]))
    position = 12
    while position + 8 <= end:
        kind, length = struct.unpack_from("<4sI", data, position)
        if position + 8 + length > len(data):
            msg = f"it ends inside its chunk {kind!r}"
            raise ValueError(msg)
        yield kind, data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def _webp_chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


_PUT: dict[str, Callable[[bytes, Provenance], bytes]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
}
