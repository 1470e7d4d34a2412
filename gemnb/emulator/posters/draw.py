"""Draws the emulator's pictures: posters that say, in type, what was asked and that no model made them."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from gemnb.emulator.posters import patterns, scenes
from gemnb.emulator.posters.chance import Chance
from gemnb.emulator.posters.insets import Card, cards, lay
from gemnb.emulator.posters.layout import Box, Layout, lay_out
from gemnb.emulator.posters.letters import title
from gemnb.emulator.posters.palettes import PALETTES, Colour, Palette, pencil
from gemnb.emulator.posters.press import print_sheet
from gemnb.emulator.posters.sheet import Mark, Sheet, disc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAMILIES: Final[tuple[Callable[[Chance, float, float], Sheet], ...]] = (
    patterns.lattice,
    patterns.bubbles,
    patterns.arches,
    patterns.quarters,
    patterns.scales,
    patterns.rays,
    patterns.ribbons,
    scenes.hills,
    scenes.houses,
    scenes.garden,
    scenes.sparks,
)

FINENESS: Final = ((64, 1), (24, 1), (10, 1), (8, 4))
"""Colours of a tipped-in picture and side of its grains in pixels: the first that keeps a PNG within its
measure. Drawings stay at the first, photographs at the first three; the last is for noise."""

MEASURE: Final = 0.125
"""Bytes of a PNG for each of its pixels, at most: 131 kB for a square of 1024."""

NOTE: Final = "Synthetic picture: drawn by rule from the request's digest by gemnb's emulator; no model made it."

ONE_AT_A_TIME: Final = threading.Lock()
"""A 4K poster takes 200 MB while it is drawn, and a face of type may not be used by two threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """Everything a picture depends on.

    Attributes:
        digest: of the request, hexadecimal.
        model: without its vendor, as the footer names it.
        prompt: whose first words are the title.
        size: width and height in pixels.
        inputs: pictures to tip in, as bytes that `open_picture` takes.
        draft: 0 for the picture itself, else the number of a draft, which is drawn in pencil.
    """

    digest: str
    model: str
    prompt: str
    size: tuple[int, int]
    inputs: tuple[bytes, ...] = ()
    draft: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """A poster before its inputs are laid on it."""

    ground: Image.Image
    cards: list[Card]
    shadow: Colour

    def versions(self) -> Iterator[Image.Image]:
        """Yield the finished picture, its inputs coarser each time."""
        cards = self.cards
        for colours, grain in FINENESS:
            cards = [card.coarser(colours, grain) for card in cards]
            picture = self.ground.copy()
            for card in cards:
                lay(picture, card, self.shadow)
            yield picture


def encode(poster: Poster, mime_type: str) -> bytes:
    """Return the poster as a file.

    Args:
        poster: what to draw.
        mime_type: `image/png` (up to 256 colours, the flat ones exact) or `image/jpeg` (quality 85).

    Raises:
        ValueError: an input is no picture.
    """
    with ONE_AT_A_TIME:
        versions = _scene(poster).versions()
        if mime_type == "image/jpeg":
            return _jpeg(next(versions))
        data = b""
        for picture in versions:
            data = _png(picture)
            if not poster.inputs or len(data) <= MEASURE * poster.size[0] * poster.size[1]:
                break
        return data


def _jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85, subsampling=0, optimize=True, comment=NOTE)
    return file.getvalue()


def _png(picture: Image.Image) -> bytes:
    note = PngInfo()
    note.add_text("Software", "gemnb emulator")
    note.add_text("Comment", NOTE)
    file = io.BytesIO()
    few = picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(file, "PNG", pnginfo=note)
    return file.getvalue()


def _scene(poster: Poster) -> _Scene:
    chance = Chance(bytes.fromhex(poster.digest))
    palette, family = chance.pick(PALETTES), chance.pick(FAMILIES)
    ground, type_tint = _tints(chance, palette)
    if poster.draft:
        palette = pencil(palette, poster.draft)
        ground, type_tint = palette.paper, palette.dark
    layout = lay_out(chance, poster.size, title(poster.prompt), footer(poster))
    picture = Image.new("RGB", poster.size, ground)
    _print(picture, layout.art, family, chance, palette)
    brush = ImageDraw.Draw(picture)
    layout.title.draw(brush, layout.title_at, type_tint, ground)
    layout.footer.draw(brush, layout.footer_at, type_tint, ground)
    _dots(picture, layout, palette, ground)
    return _Scene(ground=picture, cards=cards(poster.inputs, layout.art, palette, chance), shadow=palette.dark)


def _tints(chance: Chance, palette: Palette) -> tuple[Colour, Colour]:
    """Return the colours of the sheet and of its type: mostly dark on paper."""
    on_paper = (palette.paper, palette.dark)
    return chance.pick((*[on_paper] * 4, (palette.dark, palette.paper), (palette.inks[0], palette.dark)))


def footer(poster: Poster) -> tuple[str, ...]:
    """Return what a poster says about itself, part by part."""
    kind = f"synthetic draft {poster.draft}" if poster.draft else "synthetic picture"
    return "gemnb emulator", poster.model, kind, poster.digest[:12]


def _print(
    picture: Image.Image, art: Box, family: Callable[[Chance, float, float], Sheet], chance: Chance, palette: Palette
) -> None:
    unit = min(art.size)
    sheet = family(chance, art.size[0] / unit, art.size[1] / unit)
    inks = (*palette.inks, palette.dark, palette.paper)
    picture.paste(print_sheet(sheet, art.size, palette.paper, inks), (art.left, art.top))


def _dots(picture: Image.Image, layout: Layout, palette: Palette, ground: Colour) -> None:
    """Put a row of dots in the inks, as printers do to check their colours."""
    if not layout.dot:
        return
    inks = [number for number, ink in enumerate(palette.inks) if ink != ground]
    marks = tuple(Mark(shape=disc(0.5 + 1.5 * place, 0.5, 0.48), ink=ink) for place, ink in enumerate(inks))
    width = 1.5 * len(inks) - 0.5
    sheet = Sheet(width=width, height=1, ground=None, marks=marks)
    row = print_sheet(sheet, (round(width * layout.dot), layout.dot), ground, palette.inks)
    picture.paste(row, (layout.dots_at[0] - row.width, layout.dots_at[1]))
