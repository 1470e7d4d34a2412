"""Decode a picture once, when it arrives, and make its preview. The only place of a call that needs Pillow."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from gemnb.mime import ORIGINAL_LIMIT, SHOWN_EVERYWHERE
from gemnb.sniff import Sniffed, sniff

if TYPE_CHECKING:
    import PIL.Image

PREVIEW_SIDE = 1024
"""Longest side of a preview, in pixels."""

_PREVIEW_QUALITY = 85  # JPEG; 120 to 415 kB for real Nano Banana pictures at 1024 pixels


def check_picture(data: bytes) -> Sniffed:
    """Return the facts of a whole, decodable picture.

    Raises:
        ValueError: The bytes are no picture, or the picture is cut, broken or implausibly large.
    """
    found = sniff(data)
    if found is None:
        msg = "the bytes are neither PNG, JPEG, WebP nor GIF"
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
    from PIL import ImageOps

    with _opened(data) as opened:
        image = ImageOps.exif_transpose(opened)
        transparent = image.has_transparency_data
        image = image.convert("RGBA" if transparent else "RGB")
        image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        buffer = io.BytesIO()
        if transparent:
            image.save(buffer, "PNG", optimize=True)
        else:
            image.save(buffer, "JPEG", quality=_PREVIEW_QUALITY)
        return buffer.getvalue()


def _opened(data: bytes) -> PIL.Image.Image:
    from PIL import Image, UnidentifiedImageError

    # A header of 60,000 by 60,000 must not take the memory of the machine: Pillow's own limit, as an error.
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return Image.open(io.BytesIO(data))
        except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise ValueError(str(error)) from None
