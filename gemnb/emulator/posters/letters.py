"""Which letters the built-in face can show, and what stands for the others: never an empty box."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LETTERS: Final = frozenset(
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
    "\u00a9\u00ab\u00b1\u00b7\u00bb\u2018\u2019\u201c\u201d\u2026\u2039\u203a\u2044\u2122"
)
"""What Aileron has as built into Pillow 10.1 and later, found by asking it for every code point to U+FB02."""

ACCENTS: Final = {
    "\u0300": ("`", 0.9, False),
    "\u0301": ("\u00b4", 0.9, False),
    "\u0302": ("^", 0.62, False),
    "\u0303": ("~", 0.62, False),
    "\u0304": ("-", 0.8, False),
    "\u0307": (".", 0.9, False),
    "\u0308": ("..", 0.9, False),
    "\u030a": ("o", 0.42, False),
    "\u030b": ("\u00b4\u00b4", 0.8, False),
    "\u030c": ("v", 0.42, False),
    "\u0323": (".", 0.9, True),
    "\u0327": (",", 0.7, True),
    "\u0328": (",", 0.7, True),
}
"""Combining accent -> the sign of the face that stands for it, its size beside the letter's, whether below."""

SPELLED: Final = {
    "\u00df": "ss", "\u00e6": "ae", "\u00c6": "Ae", "\u0153": "oe", "\u0152": "Oe", "\u00f8": "o", "\u00d8": "O",
    "\u0142": "l", "\u0141": "L", "\u0111": "d", "\u0110": "D", "\u00f0": "d", "\u00fe": "th", "\u0131": "i",
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": " - ", "\u2212": "-", "\u2022": "\u00b7",
    "\u00d7": "x", "\u201e": "\u201c", "\u201a": "\u2018", "\u20ac": "EUR ", "\u00a3": "GBP ", "\u00b0": " deg ",
    "\u00a1": "", "\u00bf": "",
}  # fmt: skip
"""How to write what does not come apart into letters and accents."""

WORDS: Final = 16
"""A title is the prompt's first words, so many at most."""

LENGTH: Final = 90
"""How many letters and gaps a title has at most."""

LIST_MARKS: Final = re.compile(r"(?m)^\s*(?:[-*+>]|#{1,6}|\d+\.)\s+|[*`]+")
"""What Markdown puts before a line or around words."""


def bare(text: str) -> str:
    """Return the text without its accents."""
    return "".join(letter for letter in text if letter not in ACCENTS)


def split_accents(text: str) -> Iterator[tuple[int, str]]:
    """Yield each accent with the place of its letter in the bare text."""
    place = -1
    for letter in text:
        if letter in ACCENTS:
            yield place, letter
        else:
            place += 1


def printable(text: str) -> str:
    """Return `text` in what the face can show, letter and accent apart; emoji and other scripts are dropped."""
    spelled = "".join(SPELLED.get(letter, letter) for letter in unicodedata.normalize("NFC", text))
    shown: list[str] = []
    for letter in unicodedata.normalize("NFKD", spelled):
        accent = letter in ACCENTS and bool(shown) and shown[-1].isalpha()
        if accent or letter in LETTERS:
            shown.append(letter)
        elif not unicodedata.combining(letter):
            shown.append(" ")
    return " ".join("".join(shown).split())


def title(prompt: str) -> str:
    """Return the first words of a prompt, fit to be set large; "Untitled" if none of them can be shown."""
    words = printable(LIST_MARKS.sub(" ", prompt[:2000])).split()
    if not any(letter.isalnum() for word in words for letter in word):
        return "Untitled"
    chosen: list[str] = []
    for word in words[:WORDS]:
        if chosen and len(" ".join((*chosen, word))) > LENGTH:
            break
        chosen.append(word[:LENGTH])
    if chosen == words:
        return " ".join(words)
    return " ".join(chosen).rstrip(" .,;:-\u2026") + "\u2026"
