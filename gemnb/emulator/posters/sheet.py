"""What is printed, as a value: shapes in painter's order, each in one ink.

Lengths are in units of the sheet's shorter side, so that one description serves every size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A filled outline.

    Attributes:
        kind: `disc` (points: centre, then (radius x, radius y)), `pie` (the same, cut by `angles`),
            `outline` (a polygon through its points).
        points: lengths in units of the sheet's shorter side.
        angles: where a pie starts and ends, in degrees, clockwise from three o'clock.
    """

    kind: Literal["disc", "pie", "outline"]
    points: tuple[Point, ...]
    angles: tuple[float, float] = (0.0, 360.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One shape put on the sheet.

    Attributes:
        shape: the outline.
        ink: the number of an ink, or None to take away what lies there.
        over: true prints over what lies there, as thin ink does; false covers it.
    """

    shape: Shape
    ink: int | None
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A print: a ground and the marks on it, first mark first.

    Attributes:
        width: in units of the shorter side.
        height: in units of the shorter side.
        ground: the number of the ink that covers the whole sheet, or None for bare paper.
        marks: what is printed on the ground.
    """

    width: float
    height: float
    ground: int | None
    marks: tuple[Mark, ...]


def disc(x: float, y: float, radius: float) -> Shape:
    """Return a circle."""
    return Shape(kind="disc", points=((x, y), (radius, radius)))


def pie(x: float, y: float, radius: float, start: float, end: float) -> Shape:
    """Return a slice of a circle, from `start` to `end` degrees, clockwise from three o'clock."""
    return Shape(kind="pie", points=((x, y), (radius, radius)), angles=(start, end))


def outline(points: Iterable[Point]) -> Shape:
    """Return a polygon."""
    return Shape(kind="outline", points=tuple(points))


def box(x: float, y: float, width: float, height: float) -> Shape:
    """Return an upright rectangle."""
    return outline(((x, y), (x + width, y), (x + width, y + height), (x, y + height)))


def turned(points: Iterable[Point], centre: Point, degrees: float) -> tuple[Point, ...]:
    """Return the points turned clockwise about `centre`."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return tuple(
        (
            centre[0] + (x - centre[0]) * cos - (y - centre[1]) * sin,
            centre[1] + (x - centre[0]) * sin + (y - centre[1]) * cos,
        )
        for x, y in points
    )


def leaf(stalk: Point, length: float, width: float, degrees: float, *, side: int = 0) -> Shape:
    """Return a leaf.

    Args:
        stalk: where it starts.
        length: from stalk to tip.
        width: at its widest.
        degrees: the way it grows, clockwise from three o'clock.
        side: 0 for the whole leaf, -1 or 1 for the half on that side of its rib.
    """
    x, y = stalk
    steps = [step / 24 for step in range(25)]
    bulge = [width / 2 * math.sin(math.pi * share**0.8) for share in steps]
    upper = [(x + share * length, y - (side <= 0) * b) for share, b in zip(steps, bulge, strict=True)]
    lower = [(x + share * length, y + (side >= 0) * b) for share, b in zip(steps, bulge, strict=True)]
    return outline(turned((*upper, *reversed(lower)), stalk, degrees))
