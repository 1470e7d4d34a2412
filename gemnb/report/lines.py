"""What a report is about: a line per picture, whoever found it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.errors import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

UNATTESTED = (
    "origin unattested: digests show that notebook, record and picture belong together,\n"
    "not that a given model made the picture."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What was found of one picture.

    Attributes:
        notebook: The path as it was given.
        cell: The cell's position in the notebook, from 1.
        name: The variable it binds, or empty.
        picture: Short digest of the picture, or empty.
        verdict: One word.
        well: Whether the verdict is a good one.
        reasons: Why it is not.
        notes: What a reader should know besides.
        bound: What only the kernel knew, and was taken from the record.
        image: MIME type and base64 of the picture, for a page that shows it.
    """

    notebook: str
    cell: int
    name: str
    picture: str
    verdict: str
    well: bool
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    bound: tuple[str, ...] = ()
    image: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def title(self) -> str:
        """The picture for a person: cell, name and short digest."""
        return " ".join(filter(None, (f"cell {self.cell}", self.name, self.picture)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Troubled:
    """A notebook of which nothing, or not all, could be found out, and why."""

    notebook: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a command found.

    Attributes:
        command: `verify` or `reproduce`.
        lines: One per picture, in the order of notebooks and cells.
        troubled: Notebooks that could not be read, or that failed.
    """

    command: str
    lines: tuple[Line, ...]
    troubled: tuple[Troubled, ...] = ()

    @property
    def well(self) -> bool:
        """Whether every verdict is a good one and every notebook could be read."""
        return not self.troubled and all(line.well for line in self.lines)

    def failures_first(self) -> list[Line]:
        """Return the lines, those that are not well before the others."""
        return sorted(self.lines, key=lambda line: line.well)

    def summary(self) -> str:
        """Return one sentence: how many pictures, and how many of each verdict."""
        counts: dict[str, int] = {}
        for line in sorted(self.lines, key=lambda line: (line.well, line.verdict)):
            counts[line.verdict] = counts.get(line.verdict, 0) + 1
        parts = [f"{number} {verdict}" for verdict, number in counts.items()]
        parts += [f"{len(self.troubled)} notebook{_s(len(self.troubled))} in trouble"] if self.troubled else []
        count = f"{len(self.lines)} picture{_s(len(self.lines))}"
        return f"{count}: {', '.join(parts)}." if parts else f"{count}."


def one_line(text: str) -> str:
    """Return a stranger's text as one printable line."""
    return printable(" ".join(text.split()))


def listed(texts: Sequence[str]) -> str:
    """Return texts as one line."""
    return "; ".join(map(one_line, texts))


def _s(number: int) -> str:
    return "" if number == 1 else "s"
