"""Prints a sheet: every fine dot knows which ink covers it and which are printed over that.

A dot is one byte: three bits number the ink that covers, a bit each stands for an ink printed over. So
overlaps are exact and neighbouring shapes leave no seams; only the finished colours are brought down to
the size asked for, which smooths the edges.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageChops, ImageDraw

if TYPE_CHECKING:
    from gemnb.emulator.posters.palettes import Colour
    from gemnb.emulator.posters.sheet import Shape, Sheet

FINEST: Final = 4
"""Dots along a pixel's side, at most: beyond four the eye sees no difference."""

STRIP_DOTS: Final = 1 << 23
"""Dots printed at a time: 8 MB a plate, whatever the size of the picture."""

COVERING_BITS: Final = 3
"""Bits of a dot that number the ink that covers it: seven inks, and none."""


def print_sheet(sheet: Sheet, size: tuple[int, int], paper: Colour, inks: tuple[Colour, ...]) -> Image.Image:
    """Return the print as an RGB image.

    Args:
        sheet: what to print; at most seven inks that cover and five that are printed over.
        size: width and height in pixels.
        paper: the colour of the bare sheet.
        inks: the colours that the sheet's ink numbers stand for.
    """
    width, height = size
    fine = 2 if width * height > 4 << 20 else FINEST
    over = sorted({mark.ink for mark in sheet.marks if mark.over and mark.ink is not None})
    table = _table(over, inks, paper if sheet.ground is None else inks[sheet.ground])
    picture = Image.new("RGB", size)
    rows = max(1, STRIP_DOTS // (width * fine * fine))
    for top in range(0, height, rows):
        strip_size = (width * fine, min(rows, height - top) * fine)
        dots = _strip(sheet, over, strip_size, top * fine)
        dots.putpalette(table)
        picture.paste(dots.convert("RGB").reduce(fine), (0, top))
    return picture


def _strip(sheet: Sheet, over: list[int], size: tuple[int, int], top: int) -> Image.Image:
    """Return one strip of dots, `top` of them below the sheet's upper edge."""
    scale = size[0] / sheet.width
    dots = Image.new("L", size)
    brush = ImageDraw.Draw(dots)
    for mark in sheet.marks:
        if not mark.over:
            _fill(brush, mark.shape, scale, top, 0 if mark.ink is None else mark.ink + 1)
    for number, ink in enumerate(over):
        layer = Image.new("L", size)
        brush = ImageDraw.Draw(layer)
        for mark in sheet.marks:
            if not mark.over or mark.ink == ink:
                _fill(brush, mark.shape, scale, top, mark.over << COVERING_BITS + number)
        dots = ImageChops.add(dots, layer)
    return dots


def _fill(brush: ImageDraw.ImageDraw, shape: Shape, scale: float, top: int, value: int) -> None:
    """Fill a shape; its corners are brought to whole dots first, so that strips meet."""

    def dot(x: float, y: float) -> tuple[int, int]:
        return round(x * scale), round(y * scale) - top

    if shape.kind == "outline":
        brush.polygon([dot(x, y) for x, y in shape.points], fill=value)
        return
    (x, y), (across, down) = shape.points
    corners = [dot(x - across, y - down), dot(x + across, y + down)]
    if shape.kind == "disc":
        brush.ellipse(corners, fill=value)
    else:
        brush.pieslice(corners, shape.angles[0], shape.angles[1], fill=value)


def _table(over: list[int], inks: tuple[Colour, ...], ground: Colour) -> list[int]:
    """Return red, green and blue for each of a dot's 256 values."""
    table: list[int] = []
    for dot in range(256):
        covering = dot & (1 << COVERING_BITS) - 1
        tint = inks[covering - 1] if 0 < covering <= len(inks) else ground
        for number, ink in enumerate(over):
            if dot >> COVERING_BITS + number & 1:
                tint = overprint(tint, inks[ink])
        table.extend(tint)
    return table


def overprint(below: Colour, ink: Colour) -> Colour:
    """Return the colour of thin ink on a colour: what both let through, lightened so that it stays rich."""
    red, green, blue = (math.floor(b * i / 255 * 0.86 + min(b, i) * 0.14) for b, i in zip(below, ink, strict=True))
    return red, green, blue
