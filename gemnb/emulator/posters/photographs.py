"""Input pictures: bytes of strangers, opened with care."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageOps

if TYPE_CHECKING:
    from gemnb.emulator.posters.palettes import Colour

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
"""What is taken as an input picture. Gemini takes HEIC too, which Pillow cannot read."""

MOST_PIXELS: Final = 1 << 26
"""Of an input picture: 8192 by 8192, four times Gemini's largest answer."""

BROKEN: Final = (
    OSError,
    SyntaxError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
    Warning,
    Image.DecompressionBombError,
)
"""What Pillow's readers raise at broken files; warnings too, where somebody has made errors of them."""


def open_picture(data: bytes, paper: Colour = (255, 255, 255)) -> Image.Image:
    """Return a picture in RGB, loaded whole, turned upright, its clear parts on `paper`.

    Raises:
        ValueError: the bytes are no picture, or a broken one, or one with too many pixels.
    """
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        if picture.width * picture.height > MOST_PIXELS:
            raise ValueError(f"{picture.width} by {picture.height} pixels are too many")
        return _flat(ImageOps.exif_transpose(picture), paper)
    except BROKEN as error:
        raise ValueError(f"not a whole picture: {error}") from error


def _flat(picture: Image.Image, paper: Colour) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    ground = Image.new("RGBA", picture.size, (*paper, 255))
    return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")
