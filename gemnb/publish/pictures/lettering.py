"""The letters of labels: Pillow's own font where it has all of them, else one of the system's.

Pillow carries the ASCII letters of Aileron, so that plain labels look the same on every machine. A label with other
letters takes the first common font that has them, and so may look different elsewhere.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

    Font = FreeTypeFont | ImageFont

_log = logging.getLogger("gemnb")

_PROBE = 20  # pixels; whether a letter is there does not depend on the size

# Names that FreeType is asked for, in turn: Linux, macOS, Windows; the last ones for Chinese, Japanese and Korean.
_SYSTEM = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Helvetica.ttc",
    "Arial.ttf",
    "arial.ttf",
    "segoeui.ttf",
    "Arial Unicode.ttf",
    "NotoSansCJK-Regular.ttc",
    "Hiragino Sans GB.ttc",
    "msyh.ttc",
)


def font_for(face: str, size: int) -> Font:
    """Return a font by what `face_for` returned, in a size of pixels."""
    from PIL import ImageFont

    return ImageFont.truetype(face, size) if face else ImageFont.load_default(size)


@cache
def face_for(text: str) -> str:
    """Return the font that has all letters of a text, or else most of them; nothing for Pillow's own."""
    best, fewest = "", _lacking(font_for("", _PROBE), text)
    for face in _SYSTEM if fewest else ():
        try:
            lacking = _lacking(font_for(face, _PROBE), text)
        except OSError:  # this machine has it not
            continue
        if lacking < fewest:
            best, fewest = face, lacking
        if not fewest:
            break
    if fewest:
        _log.warning("No font of this machine has all letters of the labels: %s", text[:80])
    return best


def fitting(text: str, font: Font, room: float) -> str:
    """Return a text, shortened with an ellipsis where it is wider than the room; nothing where not a letter fits."""
    if font.getlength(text) <= room:
        return text
    for end in range(len(text) - 1, 0, -1):
        short = text[:end].rstrip() + "…"
        if font.getlength(short) <= room:
            return short
    return ""


def _lacking(font: Font, text: str) -> int:
    """Return how many letters a font has not: it draws the same mark for each."""
    mark = bytes(font.getmask("\U0010ffff"))
    return sum(not character.isspace() and bytes(font.getmask(character)) == mark for character in set(text))
