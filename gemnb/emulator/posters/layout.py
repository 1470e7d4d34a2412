"""Where things stand on a poster: art, title, footer, at any shape and size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gemnb.emulator.posters.lettering import Block, caption, headline

if TYPE_CHECKING:
    from gemnb.emulator.posters.chance import Chance


class Box(NamedTuple):
    """A rectangle in pixels; right and bottom lie just outside it."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.right - self.left, self.bottom - self.top


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A poster's plan, in pixels.

    Attributes:
        art: where the print goes.
        title: the title's type.
        title_at: its top left corner.
        footer: the footer's type.
        footer_at: its top left corner.
        dot: the diameter of the printer's colour dots beside the footer; 0 if there is no room for them.
        dots_at: the top right corner of the row of dots.
    """

    art: Box
    title: Block
    title_at: tuple[int, int]
    footer: Block
    footer_at: tuple[int, int]
    dot: int
    dots_at: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Measures that all arrangements share, in pixels."""

    width: int
    height: int
    margin: int
    room: int
    footer: Block
    largest: int
    smallest: int

    def title(self, text: str, height: int) -> Block:
        return headline(text, (self.room, height), self.largest, self.smallest)


def lay_out(chance: Chance, size: tuple[int, int], title: str, footer: tuple[str, ...]) -> Layout:
    """Return the plan of a poster.

    Args:
        chance: decides among the arrangements that suit the shape.
        size: width and height in pixels.
        title: what is set large.
        footer: what is set small, part by part.
    """
    width, height = size
    scale = math.sqrt(width * height)
    shape = width / height
    beside = shape > 1.9 or chance.chance(0.4 if shape > 1.4 else 0.0)
    column = round(width * (0.3 if shape > 2 else 0.36)) if beside else width
    margin = round(min(0.045 * scale, 0.07 * min(size)))
    foot = max(10, round(scale * 0.0155))
    plan = _Plan(
        width=width,
        height=height,
        margin=margin,
        room=column - 2 * margin,
        footer=caption(footer, column - 2 * margin, foot),
        largest=round(scale * 0.105),
        smallest=foot + 2,
    )
    bleed = chance.chance(0.4)
    if beside:
        return _beside(plan, column, title, bleed=bleed)
    return _above(plan, title) if not bleed and chance.chance(0.3) else _below(plan, title, bleed=bleed)


def _beside(plan: _Plan, column: int, title: str, *, bleed: bool) -> Layout:
    """Title and footer in a column on the left, the art on the right."""
    edge, gap = (0, plan.margin) if bleed else (plan.margin, 0)
    block = plan.title(title, plan.height - 3 * plan.margin - plan.footer.height)
    art = Box(column + gap, edge, plan.width - edge, plan.height - edge)
    return _layout(plan, art, block, plan.margin - _headroom(block) + edge // 4, column - plan.margin)


def _below(plan: _Plan, title: str, *, bleed: bool) -> Layout:
    """The art above, title and footer in a band below."""
    edge = 0 if bleed else plan.margin
    block = plan.title(title, round(min(0.26 * math.sqrt(plan.width * plan.height), 0.4 * plan.height)))
    foot = plan.footer.height + plan.margin
    top = plan.height - foot - round(plan.margin * 0.5) - block.height
    art = Box(edge, edge, plan.width - edge, top - round(plan.margin * 0.5))
    return _layout(plan, art, block, top, plan.width - plan.margin)


def _above(plan: _Plan, title: str) -> Layout:
    """The title on top, the art below it, the footer at the foot."""
    block = plan.title(title, round(min(0.24 * math.sqrt(plan.width * plan.height), 0.4 * plan.height)))
    top = plan.margin - _headroom(block)
    foot = plan.height - plan.margin - plan.footer.height - round(plan.margin * 0.6)
    art = Box(plan.margin, top + block.height + round(plan.margin * 0.6), plan.width - plan.margin, foot)
    return _layout(plan, art, block, top, plan.width - plan.margin)


def _headroom(block: Block) -> int:
    """Return the empty part above a block's capitals, about a sixth of its size."""
    return round(block.size * 0.16)


def _layout(plan: _Plan, art: Box, block: Block, title_top: int, right: int) -> Layout:
    footer_top = plan.height - plan.margin - plan.footer.height
    dot = round(plan.footer.size * 0.8)
    last = footer_top + plan.footer.height - round(plan.footer.size * 0.62) - dot // 2
    spare = right - plan.margin - plan.footer.width
    return Layout(
        art=art,
        title=block,
        title_at=(plan.margin, title_top),
        footer=plan.footer,
        footer_at=(plan.margin, footer_top),
        dot=dot if spare > dot * 9 else 0,
        dots_at=(right, last),
    )
