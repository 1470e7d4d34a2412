"""The pictures of one narrative: which are published beside the page, and what the author is told of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.inputs import holds_place
from gemnb.publish import attached
from gemnb.publish.narrative import DROPPED
from gemnb.publish.post import Remark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gemnb.publish.narrative import Use
    from gemnb.publish.place import Place
    from gemnb.publish.withheld import Withheld


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrated:
    """Gives each picture of a Markdown cell its address on the page.

    Attributes:
        number: Position of the cell.
        attachments: Its attached files.
        place: Where files are looked up.
        withheld: What no page may show.
        found: Takes the files that are published, by name.
        remarks: Takes what the author should be told.
    """

    number: int
    attachments: Mapping[str, bytes]
    place: Place
    withheld: Withheld
    found: dict[str, bytes]
    remarks: list[Remark]

    def __call__(self, use: Use) -> str | None:
        """Return the new address; None leaves it as it is, `DROPPED` leaves the picture's words only."""
        if not use.has_alt:
            self._tell(f"{_named(use)} has no alternative text")
        if use.address[:5].lower() == "data:":
            return self._inline(use)
        if not attached.is_local(use.address):
            return None
        found = attached.find(use.address, self.attachments, self.place)
        if isinstance(found, str):
            self._tell(f"{_named(use)} is not published: {found}")
            return DROPPED
        name, data = found
        if self._is_withheld(use, data):
            return DROPPED
        if holds_place(data):
            self._tell(f"{_named(use)} says where it was taken, and is published as it is", strict=False)
        self.found[name] = data
        return attached.ATTACHED + name

    def _inline(self, use: Use) -> str | None:
        data = attached.decoded(use.address)
        return DROPPED if data and self._is_withheld(use, data) else None

    def _is_withheld(self, use: Use, data: bytes) -> bool:
        why = self.withheld.picture(data)
        if why is not None:
            self._tell(f"{_named(use)} is not published: it is the picture of {why.whose}; take it out of the text")
        return why is not None

    def _tell(self, text: str, *, strict: bool = True) -> None:
        self.remarks.append(Remark(cell=self.number, text=text, strict=strict))


def _named(use: Use) -> str:
    return use.address[:80] if len(use.address) <= 80 else use.address[:79] + "…"
