"""Scene families: hills, a street, a garden, a night sky, each from a few flat shapes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from gemnb.emulator.posters.patterns import DARK, PAPER, cells
from gemnb.emulator.posters.sheet import Mark, Shape, Sheet, box, disc, leaf, outline, turned

if TYPE_CHECKING:
    from gemnb.emulator.posters.chance import Chance
    from gemnb.emulator.posters.patterns import Cell


def hills(chance: Chance, width: float, height: float) -> Sheet:
    """Rolling hills, one behind the other, and a sun."""
    sky = chance.pick((0, None))
    inks = chance.shuffled((1, 2, 3))
    sun = width * chance.between(0.25, 0.75), height * chance.between(0.24, 0.36)
    marks = [Mark(shape=disc(*sun, 0.24), ink=PAPER if sky == 0 else 0), Mark(shape=disc(*sun, 0.18), ink=inks[0])]
    tones = ((inks[1], False), (inks[2], False), (inks[0], False), (inks[1], True), (DARK, False))
    for number, (ink, over) in enumerate(tones):
        level = height * (0.46 + 0.125 * number)
        marks.append(Mark(shape=_hill(chance, width, height, level), ink=ink, over=over))
        if number in (0, 2):
            marks.extend(_trees(chance, width, level, inks[2] if number == 0 else DARK))
    return Sheet(width=width, height=height, ground=sky, marks=tuple(marks))


def _hill(chance: Chance, width: float, height: float, level: float) -> Shape:
    bends, start, lift = chance.between(3.4, 5.6), chance.between(0, math.tau), chance.between(0.05, 0.1)
    ridge = [
        (x, level + lift * math.sin(start + x * bends) + lift * 0.4 * math.sin(start * 2 + x * 3.1))
        for x in (width * step / 96 for step in range(-2, 99))
    ]
    return outline((*ridge, (width * 1.1, height + 0.1), (-width * 0.1, height + 0.1)))


def _trees(chance: Chance, width: float, level: float, ink: int) -> list[Mark]:
    marks: list[Mark] = []
    for _ in range(max(2, round(width * 3))):
        x, y, tall = (
            chance.between(0.04, width - 0.04),
            level + chance.between(0.06, 0.13),
            chance.between(0.08, 0.14),
        )
        marks.append(Mark(shape=box(x - 0.004, y - tall, 0.008, tall), ink=DARK))
        marks.append(Mark(shape=leaf((x, y - tall * 0.25), tall, tall * 0.42, -90), ink=ink))
    return marks


class Front(NamedTuple):
    """The front of a house, without its roof."""

    x: float
    floor: float
    wide: float
    tall: float

    @property
    def top(self) -> float:
        """Where the roof begins."""
        return self.floor - self.tall


def houses(chance: Chance, width: float, height: float) -> Sheet:
    """Two rows of narrow houses under a round moon."""
    inks = chance.shuffled((0, 1, 2, 3))
    marks = [Mark(shape=disc(width * chance.between(0.2, 0.8), height * 0.22, 0.13), ink=inks[1])]
    before = inks[3]
    for row, floor in enumerate((height * 0.8, height)):
        x = -chance.between(0, 0.1)
        while x < width:
            tall = height * chance.between(0.26, 0.46) - 0.08 * row
            front = Front(x, floor + 0.02, chance.between(0.13, 0.21), tall)
            before = chance.pick([ink for ink in (*inks[:3], DARK) if ink != before])
            marks.extend(_house(chance, front, before))
            x += front.wide
    return Sheet(width=width, height=height, ground=0 if inks[3] == 0 else None, marks=tuple(marks))


def _house(chance: Chance, front: Front, ink: int) -> list[Mark]:
    x, top, wide = front.x, front.top, front.wide
    marks = [Mark(shape=box(x, top, wide, front.tall), ink=ink)]
    roof = chance.pick(("gable", "gable", "flat", "round"))
    if roof == "gable":
        marks.append(Mark(shape=outline(((x, top), (x + wide / 2, top - wide * 0.6), (x + wide, top))), ink=ink))
    if roof == "round":
        marks.append(Mark(shape=disc(x + wide / 2, top, wide / 2), ink=ink))
    columns, rows = chance.pick((2, 3)), max(2, int(front.tall / 0.085))
    step_x, step_y = wide / (columns + 0.5), 0.078
    for row in range(rows):
        for column in range(columns):
            pane = box(x + step_x * (column + 0.45), top + 0.03 + step_y * row, step_x * 0.6, step_y * 0.58)
            lit = chance.chance(0.25)
            marks.append(Mark(shape=pane, ink=DARK if ink == 0 else 0 if lit else PAPER))
    return marks


def garden(chance: Chance, width: float, height: float) -> Sheet:
    """Stems with leaves in pairs, each leaf with a darker half, and a flower on top."""
    inks = chance.shuffled((0, 1, 2, 3))
    stems = 2 if height > 2 else max(3, round(width * 4))
    room = width / stems
    marks: list[Mark] = []
    for number in range(stems):
        x, top = room * (number + 0.5), height * chance.between(0.08, 0.2) + 0.12
        ink, shade = inks[number % 3], inks[(number + 1) % 3]
        marks.append(Mark(shape=box(x - 0.005, top, 0.01, height - top + 0.1), ink=DARK))
        length, y = room * 0.62, height - 0.02
        while y > top + length * 0.5:
            marks.extend(_pair(x, y, length, ink, shade))
            y -= length * 0.62
        marks.extend(_flower(x, top, room * 0.36, inks[3], ink))
    return Sheet(width=width, height=height, ground=None, marks=tuple(marks))


def _pair(x: float, y: float, length: float, ink: int, shade: int) -> list[Mark]:
    marks: list[Mark] = []
    for side in (-1, 1):
        whole = leaf((x, y), length, length * 0.5, -90 + side * 48)
        half = leaf((x, y), length, length * 0.5, -90 + side * 48, side=side)
        marks.extend((Mark(shape=whole, ink=ink), Mark(shape=half, ink=shade, over=True)))
    return marks


def _flower(x: float, y: float, radius: float, ink: int, heart: int) -> list[Mark]:
    petals = [leaf((x, y), radius, radius * 0.5, 45 * number) for number in range(8)]
    return [
        *(Mark(shape=petal, ink=ink) for petal in petals),
        Mark(shape=disc(x, y, radius * 0.34), ink=PAPER),
        Mark(shape=disc(x, y, radius * 0.24), ink=heart),
    ]


def sparks(chance: Chance, width: float, height: float) -> Sheet:
    """Starbursts strewn over a plain ground, as on the curtains of the atomic age."""
    ground = chance.pick((3, DARK, PAPER))
    inks = [ink for ink in (0, 1, 2, DARK if ground == PAPER else PAPER) if ink != ground]
    marks: list[Mark] = []
    for cell in cells(width, height, 3):
        marks.extend(_spark(chance, cell, inks))
    return Sheet(width=width, height=height, ground=ground, marks=tuple(marks))


def _spark(chance: Chance, cell: Cell, inks: list[int]) -> list[Mark]:
    centre = (cell.middle[0] + cell.wide * (0.25 if cell.row % 2 else -0.25), cell.middle[1])
    reach, points = 1 / 6, chance.pick((6, 8, 10))
    ink, tip, heart = chance.shuffled(inks)[:3]
    marks = [Mark(shape=disc(*centre, reach * 0.72), ink=heart)] if chance.chance(0.3) else []
    start = chance.between(0, 360 / points)
    for number in range(points):
        marks.extend(_ray(centre, reach, start + 360 / points * number, (ink, tip if number % 2 else None)))
    marks.append(Mark(shape=disc(*centre, reach * 0.13), ink=tip))
    return marks


def _ray(centre: tuple[float, float], reach: float, degrees: float, inks: tuple[int, int | None]) -> list[Mark]:
    """Return one thin ray; a long one with a bead at its end if there is an ink for the bead."""
    (x, y), (ink, bead) = centre, inks
    end = (x + reach * (0.62 if bead is None else 0.95), y)
    blade = ((x, y - reach * 0.035), end, (x, y + reach * 0.035))
    marks = [Mark(shape=outline(turned(blade, centre, degrees)), ink=ink)]
    if bead is not None:
        marks.append(Mark(shape=disc(*turned((end,), centre, degrees)[0], reach * 0.075), ink=bead))
    return marks
