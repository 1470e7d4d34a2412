"""Decode a picture once, when it arrives, and make its preview. The only place of a call that needs Pillow."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from typing import TYPE_CHECKING

from gemnb.mime import ORIGINAL_LIMIT, SHOWN_EVERYWHERE
from gemnb.sniff import Sniffed, sniff

if TYPE_CHECKING:
    import PIL.Image

PREVIEW_SIDE = 1024
"""Longest side of a preview, in pixels."""

_PNG_END = b"IEND\xaeB`\x82"  # the last chunk's type and checksum (PNG, §11.2.5)
_PREVIEW_QUALITY = 85  # JPEG; 120 to 415 kB for real Nano Banana pictures at 1024 pixels


def examine(data: bytes) -> tuple[Sniffed, bytes | None]:
    """Return the facts of a whole, decodable picture, and its preview where it needs one. Decodes once.

    Raises:
        ValueError: The bytes are no picture, or the picture is cut or implausibly large.
        OSError: The picture is broken, in Pillow's words.
        SyntaxError: The same, for a broken PNG.
    """
    found = sniff(data)
    if found is None:
        msg = "the bytes are neither PNG, JPEG, WebP nor GIF"
        raise ValueError(msg)
    if found.mime_type == "image/png" and data.rfind(_PNG_END) < 0:  # from its end, where it stands
        msg = "the PNG ends before its last chunk"  # Pillow reads across that once it has all pixels
        raise ValueError(msg)
    with _opened(data) as image:
        image.load()
        facts = Sniffed(mime_type=found.mime_type, width=image.width, height=image.height)
        return facts, _preview(image) if _needs_preview(data, found.mime_type) else None


def check_picture(data: bytes) -> Sniffed:
    """Return the facts of a whole, decodable picture; errors as `examine`."""
    return examine(data)[0]


def make_preview(data: bytes, mime_type: str) -> bytes | None:
    """Return the bytes of a small derived picture, or None where the original can stand in a notebook.

    JPEG, or PNG where there is transparency; longest side 1024 pixels. Made once and kept, since its bytes
    depend on the version of Pillow.
    """
    if not _needs_preview(data, mime_type):
        return None
    with _opened(data) as image:
        return _preview(image)


def _needs_preview(data: bytes, mime_type: str) -> bool:
    return len(data) > ORIGINAL_LIMIT or mime_type not in SHOWN_EVERYWHERE


def _preview(image: PIL.Image.Image) -> bytes:
    _turn_upright(image)
    transparent = image.has_transparency_data
    # A profile of another colour model (CMYK) does not fit the converted pixels.
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
    mode = "RGBA" if transparent else "RGB"
    small = image if image.mode == mode else image.convert(mode)
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    buffer = io.BytesIO()
    if transparent:
        small.save(buffer, "PNG", optimize=True, icc_profile=profile)
    else:
        small.save(buffer, "JPEG", quality=_PREVIEW_QUALITY, icc_profile=profile)
    return buffer.getvalue()


def _turn_upright(image: PIL.Image.Image) -> None:
    from PIL import ImageOps

    # Whatever broken EXIF data raises: the pixels are whole.
    with contextlib.suppress(SyntaxError, struct.error, TypeError, ValueError, KeyError, AttributeError):
        ImageOps.exif_transpose(image, in_place=True)


def _opened(data: bytes) -> PIL.Image.Image:
    from PIL import Image, UnidentifiedImageError

    # A header of 60,000 by 60,000 must not take the memory of the machine: Pillow's own limit, as an error.
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return Image.open(io.BytesIO(data))
        except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise ValueError(str(error)) from None
