"""Pattern families after the posters and prints of the 1950s to 1970s: shapes laid out by rule.

Every family is a function from chance and a sheet's measures, in units of its shorter side, to a sheet.
Inks 0 to 3 are a palette's own, lightest first; DARK and PAPER are its other two colours.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from gemnb.emulator.posters.sheet import Mark, Shape, Sheet, box, disc, leaf, outline, pie, turned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gemnb.emulator.posters.chance import Chance

DARK: Final = 4
PAPER: Final = 5


class Cell(NamedTuple):
    """One cell of a grid: its column and row, its top left corner, its width and height."""

    column: int
    row: int
    x: float
    y: float
    wide: float
    high: float

    @property
    def middle(self) -> tuple[float, float]:
        """The cell's centre."""
        return self.x + self.wide / 2, self.y + self.high / 2

    @property
    def side(self) -> float:
        """The cell's shorter side."""
        return min(self.wide, self.high)


def cells(width: float, height: float, across: int) -> Iterator[Cell]:
    """Yield the cells, row by row, when the sheet's shorter side is cut in `across`."""
    columns, rows = max(1, round(width * across)), max(1, round(height * across))
    wide, high = width / columns, height / rows
    for row in range(rows):
        for column in range(columns):
            yield Cell(column, row, column * wide, row * high, wide, high)


def lattice(chance: Chance, width: float, height: float) -> Sheet:
    """Circles on a grid, so wide that each overlaps its neighbours in petals."""
    grid = list(cells(width, height, chance.pick((3, 4))))
    inks = chance.shuffled((chance.pick((0, 1)), chance.pick((2, 3))))
    radius = grid[0].side * 0.72
    petals = [
        Mark(shape=disc(*cell.middle, radius), ink=inks[(cell.column + cell.row) % 2], over=True) for cell in grid
    ]
    hearts = [
        Mark(shape=disc(*cell.middle, radius * 0.2), ink=(PAPER, DARK)[(cell.column + cell.row) % 2]) for cell in grid
    ]
    return Sheet(width=width, height=height, ground=None, marks=(*petals, *hearts))


def bubbles(chance: Chance, width: float, height: float) -> Sheet:
    """Large translucent circles that drift across the sheet, with a few small solid ones."""
    marks: list[Mark] = []
    count = max(5, round(width * height * 4.4))
    inks = chance.shuffled((0, 1, 2, 3))
    swing = chance.between(0, math.tau)
    for number in range(count):
        share, across = (number + 0.5) / count, 0.5 + 0.33 * math.sin(number * 2.3 + swing)
        x, y = (share * width, across) if width >= height else (across, share * height)
        radius = chance.between(0.2, 0.36)
        marks.append(Mark(shape=disc(x, y, radius), ink=inks[number % 4], over=True))
        if number % 3 == 0:
            marks.append(Mark(shape=disc(x, y, radius * 0.42), ink=PAPER))
            marks.append(Mark(shape=disc(x, y, radius * 0.3), ink=inks[(number + 1) % 4]))
    for _ in range(count):
        x, y = chance.between(0.05, width - 0.05), chance.between(0.05, height - 0.05)
        marks.append(Mark(shape=disc(x, y, chance.between(0.01, 0.024)), ink=DARK))
    return Sheet(width=width, height=height, ground=None, marks=tuple(marks))


def arches(chance: Chance, width: float, height: float) -> Sheet:
    """Rows of nested arches, like a rainbow cut in paper."""
    grounds = chance.shuffled((0, 1, 2, 3))
    marks: list[Mark] = []
    for cell in cells(width, height, chance.pick((2, 3))):
        shift = cell.column + cell.row * 2 + chance.whole(0, 1)
        inks = [grounds[(shift + step) % 4] for step in range(4)]
        upright = (cell.column + cell.row) % 2 == 0 or chance.chance(0.5)
        marks.append(Mark(shape=box(cell.x, cell.y, cell.wide, cell.high), ink=inks[3]))
        for step, ink in enumerate((PAPER, inks[0], inks[1], DARK)):
            radius = cell.side * (0.46 - 0.11 * step)
            marks.extend(Mark(shape=shape, ink=ink) for shape in _arch(cell, radius, upright=upright))
    return Sheet(width=width, height=height, ground=grounds[0], marks=tuple(marks))


def _arch(cell: Cell, radius: float, *, upright: bool) -> tuple[Shape, Shape]:
    """Return the round half of an arch and the straight half; the two overlap by a hair."""
    (x, y), hair = cell.middle, 0.001
    start = 180 if upright else 0
    leg = box(x - radius, y - hair if upright else cell.y, radius * 2, cell.high / 2 + hair)
    return pie(x, y, radius, start, start + 180), leg


def quarters(chance: Chance, width: float, height: float) -> Sheet:
    """Square tiles with quarter circles, leaves and discs, as a school of design would set them."""
    across = chance.pick((4, 5))
    inks = (*chance.shuffled((0, 1, 2, 3)), PAPER, DARK)
    marks: list[Mark] = []
    for cell in cells(width, height, across):
        ground, front, dot = chance.shuffled(inks)[:3]
        marks.append(Mark(shape=box(cell.x, cell.y, cell.wide, cell.high), ink=ground))
        tile = _tile(chance, cell, ground, front, dot)
        marks.extend(Mark(shape=shape, ink=ink) for shape, ink in tile)
    return Sheet(width=width, height=height, ground=inks[0], marks=tuple(marks))


def _tile(chance: Chance, cell: Cell, ground: int, front: int, dot: int) -> list[tuple[Shape, int]]:
    """Return what lies on one tile: a figure that grows from a corner, or one in the middle."""
    corner, side, middle = chance.whole(0, 3), cell.side, cell.middle
    right, low = corner in (1, 2), corner >= 2
    near = (cell.x + cell.wide * right, cell.y + cell.high * low)
    far = (cell.x + cell.wide * (not right), cell.y + cell.high * (not low))
    kind = chance.pick(("quarter", "quarter", "rings", "leaf", "half", "disc", "steps"))
    if kind == "quarter":
        return [(_quarter(near, side, corner), front)]
    if kind == "rings":
        rings = ((1.0, front), (0.68, ground), (0.36, dot))
        return [(_quarter(near, side * share, corner), ink) for share, ink in rings]
    if kind == "leaf":
        angle = math.degrees(math.atan2(far[1] - near[1], far[0] - near[0]))
        return [(leaf(near, math.dist(near, far), side * 0.62, angle), front)]
    if kind == "half":
        return [(pie(*middle, side / 2, corner * 90, corner * 90 + 180), front), (disc(*middle, side * 0.16), dot)]
    if kind == "disc":
        return [(disc(*middle, side * 0.44), front), (disc(*middle, side * 0.2), dot)]
    return [(outline((near, (near[0], far[1]), far)), front)]


def _quarter(at: tuple[float, float], radius: float, corner: int) -> Shape:
    """Return the quarter circle that fills a tile from its corner: 0 top left, then clockwise."""
    return pie(*at, radius, corner * 90, corner * 90 + 90)


def scales(chance: Chance, width: float, height: float) -> Sheet:
    """Stacked waves: rows of concentric circles, each row over the one above."""
    columns = max(2, round(width * chance.pick((2, 3) if height > 2 else (3, 4, 5))))
    step = width / columns
    inner, heart = chance.shuffled((0, 1, 2, 3))[:2]
    ground, accent = chance.pick((DARK, 3)), chance.pick((0, 1, 2, 3))
    marks: list[Mark] = []
    for row in range(math.ceil(height / (step / 2)) + 2):
        for column in range(-1, columns + 1):
            x, y = (column + 0.5 + row % 2 / 2) * step, row * step / 2
            lead = accent if chance.chance(0.08) else ground
            rings = ((0.5, PAPER), (0.46, lead), (0.34, PAPER), (0.3, inner), (0.17, PAPER), (0.13, heart))
            marks.extend(Mark(shape=disc(x, y, step * radius), ink=ink) for radius, ink in rings)
    return Sheet(width=width, height=height, ground=ground, marks=tuple(marks))


def rays(chance: Chance, width: float, height: float) -> Sheet:
    """Bands that radiate from a sun."""
    x, y = width * chance.pick((0.3, 0.5, 0.7)), height * chance.pick((0.5, 0.66, 0.92))
    inks = chance.shuffled((0, 1, 2, 3))
    pair = (inks[0], chance.pick((PAPER, inks[1])))
    count = chance.pick((24, 28, 32)) + (12 if max(width, height) > 2 else 0)
    far = math.hypot(width, height) * 1.2
    wedge = ((x, y), (x + far, y), *turned(((x + far, y),), (x, y), 360 / count))
    marks = [
        Mark(shape=outline(turned(wedge, (x, y), 360 / count * number)), ink=pair[number % 2])
        for number in range(count)
    ]
    rings = ((0.4, PAPER), (0.36, inks[2]), (0.27, PAPER), (0.235, inks[3]), (0.15, PAPER), (0.115, inks[2]))
    marks.extend(Mark(shape=disc(x, y, radius), ink=ink) for radius, ink in rings)
    marks.append(Mark(shape=pie(x, y, 0.4, 45, 225), ink=0, over=True))
    return Sheet(width=width, height=height, ground=None, marks=tuple(marks))


def ribbons(chance: Chance, width: float, height: float) -> Sheet:
    """Broad stripes side by side that come in from the left, turn a corner together and leave below."""
    inks = chance.shuffled((0, 1, 2, 3))
    ground = chance.pick((None, inks[0]))
    stripe = chance.between(0.085, 0.105)
    top, bend = height * chance.between(0.3, 0.42), stripe * 6 + chance.between(0.02, 0.12)
    turn_x = max(width * 0.35, width - bend - chance.between(0.1, 0.4))
    marks = [Mark(shape=disc(turn_x + bend * 0.72, top - 0.02, 0.2), ink=inks[1])]
    marks.extend(
        Mark(shape=_bend(turn_x, top + stripe * number, bend - stripe * number, height), ink=ink)
        for number, ink in enumerate((PAPER, *inks[1:], PAPER, DARK))
    )
    return Sheet(width=width, height=height, ground=ground, marks=tuple(marks))


def _bend(x: float, y: float, radius: float, height: float) -> Shape:
    """Return what lies under a line that comes from the left at `y` and turns down at `x`."""
    arc = [turned(((x, y),), (x, y + radius), degrees)[0] for degrees in range(0, 91, 3)]
    return outline(((-0.1, y), *arc, (x + radius, height + 0.1), (-0.1, height + 0.1)))
