"""What no page may show, as a value that is asked: by cell, by digest, by pixels. Pure.

`gemnb.publish.withholding` finds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest
from gemnb.publish.pixels import Lookalikes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

GOES_ON = "It goes on from a withheld picture."
MADE_FROM = "It is made from a withheld picture."
SHOWS = "It shows a withheld picture."
_HOW = {
    GOES_ON: "it goes on from the picture of",
    MADE_FROM: "it is made from the picture of",
    SHOWS: "it shows the picture of",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why something is withheld.

    Attributes:
        cell: Position of the cell that says `publish: false`; 0 where none of this notebook is known to.
        because: A sentence for the page; empty where the cell itself says so.
        name: The variable by which it depends on that cell, where only that shows it.
    """

    cell: int
    because: str = ""
    name: str = ""

    @property
    def whose(self) -> str:
        """What it depends on, for the author."""
        of = f"cell {self.cell}, which says `publish: false`" if self.cell else "an answer in cache/private"
        return f"`{self.name}`, of {of}" if self.name else of

    def told(self, *, asks: bool) -> str:
        """Return what the author is told, and what to type.

        Args:
            asks: Whether it stands at a `%%gemimg` cell.
        """
        if not self.because:
            return "withheld: the cell says `publish: false`"
        if asks:
            return f"withheld: {_HOW[self.because]} {self.whose}; say `#| publish: false` here too"
        if self.name:
            return f"withheld: its code names {self.whose}; the tag show-output publishes it all the same"
        return f"withheld: {_HOW[self.because]} {self.whose}; the tag hide-output leaves it out"


@dataclass(slots=True, kw_only=True)
class Withheld:
    """What no page may show.

    Attributes:
        cells: Why, by position: cells whose source and answers are not shown.
        records: Why, by position of the cell and of the output among those with records.
        digests: The cell that withholds it, by digest: originals, previews, and whatever an answer holds.
        names: The cell that withholds what a name holds at the end of the notebook, by name.
        uses: Why, by position: cells of plain code that use a name which holds something withheld.
        blob: Digest to bytes of pictures that may be withheld; None where they are not kept.
    """

    cells: dict[int, Reason] = field(default_factory=dict)
    records: dict[tuple[int, int], Reason] = field(default_factory=dict)
    digests: dict[str, int] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    uses: dict[int, Reason] = field(default_factory=dict)
    blob: Callable[[str], bytes | None] = lambda _digest: None
    _alike: Lookalikes | None = None

    def picture(self, data: bytes) -> Reason | None:
        """Return why a picture may not be shown: by its bytes, or by its pixels; None where it may."""
        if not self.digests:
            return None
        cell = self.digests.get(blob_digest(data))
        if cell is None:
            if self._alike is None:
                self._alike = Lookalikes(self.digests, self.blob)
            cell = self._alike.find(data)
        return None if cell is None else Reason(cell=cell, because=SHOWS)

    def named(self, digests: Iterable[str]) -> Reason | None:
        """Return why one of these digests may not be shown; None where each may."""
        cell = next((self.digests[digest] for digest in digests if digest in self.digests), None)
        return None if cell is None else Reason(cell=cell, because=SHOWS)
