"""Decode a picture once, when it arrives, and make its preview. The only place of a call that needs Pillow."""

from __future__ import annotations

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


def check_picture(data: bytes) -> Sniffed:
    """Return the facts of a whole, decodable picture.

    Raises:
        ValueError: The bytes are no picture, or the picture is cut or implausibly large.
        OSError: The picture is broken, in Pillow's words.
        SyntaxError: The same, for a broken PNG.
    """
    found = sniff(data)
    if found is None:
        msg = "the bytes are neither PNG, JPEG, WebP nor GIF"
        raise ValueError(msg)
    if found.mime_type == "image/png" and _PNG_END not in data:
        msg = "the PNG ends before its last chunk"  # Pillow reads across that once it has all pixels
        raise ValueError(msg)
    with _opened(data) as image:
        image.load()
        return Sniffed(mime_type=found.mime_type, width=image.width, height=image.height)


def make_preview(data: bytes, mime_type: str) -> bytes | None:
    """Return the bytes of a small derived picture, or None where the original can stand in a notebook.

    JPEG, or PNG where there is transparency; longest side 1024 pixels. Made once and kept, since its bytes
    depend on the version of Pillow.
    """
    if len(data) <= ORIGINAL_LIMIT and mime_type in SHOWN_EVERYWHERE:
        return None
    with _opened(data) as opened:
        image = _upright(opened)
        transparent = image.has_transparency_data
        # A profile of another colour model (CMYK) does not fit the converted pixels.
        profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
        image = image.convert("RGBA" if transparent else "RGB")
        image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        buffer = io.BytesIO()
        if transparent:
            image.save(buffer, "PNG", optimize=True, icc_profile=profile)
        else:
            image.save(buffer, "JPEG", quality=_PREVIEW_QUALITY, icc_profile=profile)
        return buffer.getvalue()


def _upright(image: PIL.Image.Image) -> PIL.Image.Image:
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except (
        SyntaxError,
        struct.error,
        TypeError,
        ValueError,
        KeyError,
        AttributeError,
    ):  # broken EXIF data; the pixels are whole
        return image


def _opened(data: bytes) -> PIL.Image.Image:
    from PIL import Image, UnidentifiedImageError

    # A header of 60,000 by 60,000 must not take the memory of the machine: Pillow's own limit, as an error.
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return Image.open(io.BytesIO(data))
        except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise ValueError(str(error)) from None
