"""Type for the pictures: the built-in face, words wrapped and sized to fit a box."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from PIL import ImageFont

from gemnb.emulator.posters.letters import ACCENTS, bare, split_accents

if TYPE_CHECKING:
    from PIL import ImageDraw

    from gemnb.emulator.posters.palettes import Colour

GAP: Final = 0.26
"""Between words, in sizes of the face: at ten pixels the face's own gap is rounded away."""


@lru_cache(maxsize=64)
def face(size: int) -> ImageFont.FreeTypeFont:
    """Return the built-in face at `size` pixels.

    Raises:
        TypeError: this Pillow was built without FreeType.
    """
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("this Pillow was built without FreeType, which the emulator's lettering needs")
    return font


@lru_cache(maxsize=512)
def ink(text: str, size: int) -> tuple[int, int, int, int]:
    """Return the box that a text's ink fills, from the text's top left (Pillow's own box ends at the baseline)."""
    font = face(size)
    mask, (left, top) = font.getmask2(text)
    box = mask.getbbox() or (0, 0, 1, 1)
    return box[0] + left, box[1] + top, box[2] + left, box[3] + top


def length(text: str, size: int) -> float:
    """Return how long a line is, in pixels, its words set `GAP` apart."""
    words = text.split(" ")
    return sum(face(size).getlength(bare(word)) for word in words) + (len(words) - 1) * size * GAP


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Lines of type in one size.

    Attributes:
        lines: what stands in each line.
        size: of the face, in pixels.
        leading: from one line's top to the next, in pixels.
        weight: how far each stroke is thickened, in pixels.
    """

    lines: tuple[str, ...]
    size: int
    leading: int
    weight: int = 0

    @property
    def height(self) -> int:
        """From the first line's top to the last line's foot, in pixels."""
        return self.leading * (len(self.lines) - 1) + round(self.size * 1.2)

    @property
    def width(self) -> int:
        """Of the longest line, in pixels."""
        return max(round(length(line, self.size)) for line in self.lines) + 2 * self.weight

    def draw(self, brush: ImageDraw.ImageDraw, at: tuple[int, int], tint: Colour, ground: Colour) -> None:
        """Set the block in `tint` on a plain `ground`, its top left corner at `at`."""
        for number, line in enumerate(self.lines):
            x, y = float(at[0] + self.weight), at[1] + number * self.leading
            for word in line.split(" "):
                pen = _Pen(brush=brush, size=self.size, weight=self.weight, tint=tint, ground=ground)
                pen.word(word, round(x), y)
                x += length(word, self.size) + self.size * GAP


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pen:
    brush: ImageDraw.ImageDraw
    size: int
    weight: int
    tint: Colour
    ground: Colour

    def word(self, word: str, x: int, y: int) -> None:
        plain = bare(word)
        self._set(plain, x, y, self.size)
        for place, accent in split_accents(word):
            left = x + face(self.size).getlength(plain[:place])
            self._accent(plain[place], accent, left, y)

    def _set(self, text: str, x: float, y: float, size: int) -> None:
        font = face(size)
        self.brush.text((x, y), text, fill=self.tint, font=font, stroke_width=self.weight, stroke_fill=self.tint)

    def _accent(self, letter: str, accent: str, left: float, y: int) -> None:
        """Put an accent over a letter, or under it; an i or j loses its own dot first."""
        sign, share, below = ACCENTS[accent]
        start, top, end, bottom = ink(letter, self.size)
        if letter in "ij" and not below:
            top = ink("x", self.size)[1]
            dot = (left + start - self.weight, y, left + end + self.weight, y + top - self.weight - 1)
            self.brush.rectangle(dot, fill=self.ground)
        size = max(4, round(self.size * share))
        sign_left, sign_top, sign_right, sign_bottom = ink(sign, size)
        gap = max(1, round(self.size * 0.07)) + self.weight
        across = left + (start + end) / 2 - (sign_left + sign_right) / 2
        down = bottom - sign_top - self.weight if below else top - gap - sign_bottom
        self._set(sign, across, y + down, size)


def headline(text: str, room: tuple[int, int], largest: int, smallest: int) -> Block:
    """Return `text` as large as the room allows; at the smallest size, what does not fit is left out.

    Args:
        text: what to set, words in letters that the face has.
        room: width and height in pixels.
        largest: size to begin with, in pixels.
        smallest: size to stop at, in pixels.
    """
    size = largest
    while size > smallest:
        block = _set(text.split(), size, room[0])
        if block.width <= room[0] and block.height <= room[1]:
            return block
        size = max(smallest, min(size - 1, round(size * 0.95)))
    return _cut(text, smallest, room)


def _cut(text: str, size: int, room: tuple[int, int]) -> Block:
    """Return as much of the text as fits at `size`, long words broken."""
    words = [piece for word in text.split() for piece in _pieces(word, size, room[0] - 2 * _weight(size))]
    block = _set(words, size, room[0])
    while block.height > room[1] and len(words) > 1:
        words = [*words[:-2], words[-2].rstrip("\u2026.,;:- ")[: max(1, len(words[-2]) - 1)] + "\u2026"]
        block = _set(words, size, room[0])
    return block


def _pieces(word: str, size: int, room: float) -> list[str]:
    """Return a word cut into pieces that fit a line."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and length(pieces[-1] + letter, size) > room:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _weight(size: int) -> int:
    """Return how far strokes are thickened: the face is a regular, a poster wants more."""
    return round(size * 0.016)


def _set(words: list[str], size: int, width: int) -> Block:
    """Return the words in as few lines as the width allows, the lines as even as they can be."""
    room = width - 2 * _weight(size)
    fewest = len(_wrap(words, size, room))
    narrow, wide = 0.0, float(room)
    for _ in range(8):
        middle = (narrow + wide) / 2
        if len(_wrap(words, size, middle)) <= fewest:
            wide = middle
        else:
            narrow = middle
    return Block(lines=tuple(_wrap(words, size, wide)), size=size, leading=round(size * 1.1), weight=_weight(size))


def _wrap(words: list[str], size: int, room: float) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and length(f"{lines[-1]} {word}", size) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def caption(parts: tuple[str, ...], width: int, size: int) -> Block:
    """Return small type that breaks only between its parts, smaller if a part is too wide.

    Args:
        parts: what belongs together, set with raised dots between.
        width: room in pixels.
        size: of the face, in pixels.
    """
    while size > 7 and max(length(part, size) for part in parts) > width:
        size -= 1
    lines = [parts[0]]
    for part in parts[1:]:
        longer = f"{lines[-1]} \u00b7 {part}"
        if length(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return Block(lines=tuple(lines), size=size, leading=round(size * 1.4))
