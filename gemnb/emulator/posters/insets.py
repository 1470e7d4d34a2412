"""Earlier pictures tipped in on a poster, as photographs were in books: a white border, dark corners."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageChops, ImageDraw

from gemnb.emulator.posters.palettes import between
from gemnb.emulator.posters.photographs import open_picture

if TYPE_CHECKING:
    from gemnb.emulator.posters.chance import Chance
    from gemnb.emulator.posters.layout import Box
    from gemnb.emulator.posters.palettes import Colour, Palette

SHADOW: Final = 0.3
"""How much light a card's shadow takes away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one card lies.

    Attributes:
        middle: its centre, in pixels.
        room: the largest width and height it may take, in pixels, before it leans.
        lean: in degrees, counterclockwise.
    """

    middle: tuple[float, float]
    room: tuple[float, float]
    lean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card that leans.

    Attributes:
        face: what it shows; around it, the colour of its corners.
        shape: where it is, 0 to 255.
        at: where its top left corner goes on the poster, in pixels.
        drop: how far to the right and below its shadow falls, in pixels.
    """

    face: Image.Image
    shape: Image.Image
    at: tuple[int, int]
    drop: int

    def coarser(self, colours: int, grain: int) -> Card:
        """Return the card with so many colours at most, in square grains of so many pixels a side."""
        flat = self.face.reduce(grain) if grain > 1 else self.face
        flat = flat.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
        return replace(self, face=flat.resize(self.face.size, Image.Resampling.NEAREST))


def places(shapes: list[float], art: Box, chance: Chance) -> list[Place]:
    """Return a place on the art for each picture, in reading order.

    Args:
        shapes: width over height of each picture.
        art: where they may lie, in pixels.
        chance: decides how far each leans.
    """
    if not shapes:
        return []
    columns = _columns(shapes, art)
    wide, high = art.size[0] / columns, art.size[1] / math.ceil(len(shapes) / columns)
    fill = 0.72 if len(shapes) == 1 else 0.84
    found: list[Place] = []
    for number in range(len(shapes)):
        row, column = divmod(number, columns)
        shift = max(0, columns - (len(shapes) - row * columns)) / 2
        middle = (art.left + (column + shift + 0.5) * wide, art.top + (row + 0.5) * high)
        found.append(Place(middle=middle, room=(wide * fill, high * fill), lean=chance.between(-2.5, 2.5)))
    return found


def _columns(shapes: list[float], art: Box) -> int:
    """Return in how many columns pictures of these shapes come out largest."""
    width, height = art.size

    def area(columns: int) -> float:
        wide, high = width / columns, height / math.ceil(len(shapes) / columns)
        return sum(min(wide, high * shape) * min(high, wide / shape) for shape in shapes)

    return max(range(1, len(shapes) + 1), key=area)


def cards(inputs: tuple[bytes, ...], art: Box, palette: Palette, chance: Chance) -> list[Card]:
    """Return the inputs as cards, ready to be laid down.

    Args:
        inputs: pictures as bytes that `open_picture` takes.
        art: where on the poster they may lie, in pixels.
        palette: the poster's colours.
        chance: decides how far each leans.

    Raises:
        ValueError: an input is no picture.
    """
    pictures = [open_picture(data, palette.paper) for data in inputs]
    shapes = [picture.width / picture.height for picture in pictures]
    found = zip(pictures, places(shapes, art, chance), strict=True)
    return [_turn(_card(picture, place.room, palette), place, palette.dark) for picture, place in found]


def lay(poster: Image.Image, card: Card, tint: Colour) -> None:
    """Put a card down on the poster, its shadow, in `tint`, first."""
    (left, top), drop = card.at, card.drop
    _shade(poster, card.shape, (left + drop, top + drop), tint)
    poster.paste(card.face, (left, top), card.shape)


def _card(picture: Image.Image, room: tuple[float, float], palette: Palette) -> Image.Image:
    """Return the picture fitted into the room, on a white card with corners in the palette's dark."""
    border = max(3, round(min(room) * 0.035))
    scale = min((room[0] - 2 * border) / picture.width, (room[1] - 2 * border) / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    white = between(palette.paper, (255, 255, 255), 0.7)
    card = Image.new("RGB", (size[0] + 2 * border, size[1] + 2 * border), white)
    card.paste(picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0), (border, border))
    _corners(card, round(border * 2.6), palette.dark)
    return card


def _corners(card: Image.Image, reach: int, tint: Colour) -> None:
    """Put the triangles on that hold a photograph in an album."""
    brush = ImageDraw.Draw(card)
    right, bottom = card.width - 1, card.height - 1
    for x, y in ((0, 0), (right, 0), (0, bottom), (right, bottom)):
        inward_x, inward_y = (reach if x == 0 else -reach), (reach if y == 0 else -reach)
        brush.polygon([(x, y), (x + inward_x, y), (x, y + inward_y)], fill=tint)


def _turn(card: Image.Image, place: Place, tint: Colour) -> Card:
    """Return the card as it leans; two clear pixels around it let its edges turn smooth."""
    shape = Image.new("L", (card.width + 4, card.height + 4))
    shape.paste(255, (2, 2, card.width + 2, card.height + 2))
    framed = Image.new("RGB", shape.size, tint)
    framed.paste(card, (2, 2))
    turned = framed.rotate(place.lean, Image.Resampling.BICUBIC, expand=True, fillcolor=tint)
    at = (round(place.middle[0] - turned.width / 2), round(place.middle[1] - turned.height / 2))
    return Card(
        face=turned,
        shape=shape.rotate(place.lean, Image.Resampling.BICUBIC, expand=True),
        at=at,
        drop=max(2, round(min(card.size) * 0.022)),
    )


def _shade(poster: Image.Image, shape: Image.Image, at: tuple[int, int], tint: Colour) -> None:
    """Darken what lies under the shape."""
    spot = (at[0], at[1], at[0] + shape.width, at[1] + shape.height)
    below = poster.crop(spot)
    veil = Image.new("RGB", shape.size, between((255, 255, 255), tint, SHADOW))
    poster.paste(ImageChops.multiply(below, veil), at, shape)
