"""Hand-picked colours: a paper, a dark for type, and four inks that get on with each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

Colour: TypeAlias = tuple[int, int, int]


def colour(text: str) -> Colour:
    """Return the red, green and blue of `text`, six hexadecimal digits."""
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def between(start: Colour, end: Colour, share: float) -> Colour:
    """Return the colour that lies `share` of the way from one to the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue


def luminance(tint: Colour) -> float:
    """Return how light a colour is, 0 to 255 (the weights of ITU-R BT.601)."""
    return 0.299 * tint[0] + 0.587 * tint[1] + 0.114 * tint[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The colours of one print.

    Attributes:
        name: what the palette is called, for whoever edits this table.
        paper: the light colour of the sheet.
        dark: the colour of type on the paper.
        inks: four inks, lightest first.
    """

    name: str
    paper: Colour
    dark: Colour
    inks: tuple[Colour, Colour, Colour, Colour]


def _palette(name: str, paper: str, dark: str, inks: str) -> Palette:
    first, second, third, fourth = sorted((colour(ink) for ink in inks.split()), key=luminance, reverse=True)
    return Palette(name=name, paper=colour(paper), dark=colour(dark), inks=(first, second, third, fourth))


PALETTES: Final = (
    _palette("harbour", "F5ECD7", "1D2F4F", "F2B134 E4572E 2A8C82 A9D6D6"),
    _palette("ochre field", "F6EBD6", "2B2D42", "EDAE49 D1495B 00798C 8DB596"),
    _palette("print shop", "FAF5EA", "243A73", "FFB52E F15060 0078BF 7CCBB5"),
    _palette("desert", "F7E8D0", "3B2A2A", "EBA77A C4512D 7FA07F 2F6672"),
    _palette("fjord", "EFEBE0", "22333B", "9FB8AD E08E45 C8553D 476A85"),
    _palette("plum garden", "F7ECE1", "3A1C3A", "F2B05E D6604D 7A3B69 9DB59A"),
    _palette("seaside", "FFF6E4", "0B3954", "BFD7D9 FFC45C FF6B5E 1A868A"),
    _palette("orchard", "F3EEDB", "1C3A2E", "E9C46A BC4749 4C8B4A B5CC6A"),
    _palette("dusk", "F5E9E0", "2E2045", "EFB08C E56B6F B0567C 5E5A8C"),
    _palette("mustard", "F5EEDB", "262A33", "E3A72F D3382E 3C7DA6 A5B8AE"),
    _palette("sherbet", "FFF3E8", "2F3161", "FFC75F FF7F8E 6E86C4 7CC8AB"),
    _palette("kiln", "F8EEE0", "43251C", "F0BE7C D4693F 5C8F80 9C3D2E"),
    _palette("kiosk", "F4EFE4", "1E2430", "F4C430 EF7B45 D64550 2D7F9D"),
    _palette("greenhouse", "F2F0E1", "17342F", "CFE0A8 F2A65A E2725B 2F7A6B"),
)

PENCILS: Final = (colour("4A6FA5"), colour("A65A4A"))
"""What drafts are drawn in: blue, then red."""


def pencil(palette: Palette, number: int) -> Palette:
    """Return the palette as a draft in pencil shows it: tints of one colour on pale paper.

    Args:
        palette: of the picture that is drafted.
        number: of the draft; odd ones are blue, even ones red.
    """
    lead, paper = PENCILS[(number - 1) % 2], colour("F6F3EA")
    light, fair, deep, strong = (between(paper, lead, share) for share in (0.18, 0.34, 0.52, 0.72))
    return Palette(name=palette.name, paper=paper, dark=lead, inks=(light, fair, deep, strong))
