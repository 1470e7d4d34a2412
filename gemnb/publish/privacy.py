"""What says that an answer is private: its cell, as it stands or as it ran, and the cache's private part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.cell import is_gemimg, parse
from gemnb.errors import CacheError, GemnbError
from gemnb.records import load, parse_document
from gemnb.session import is_private
from gemnb.verify.sources import spelling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gemnb.cell import Cell
    from gemnb.model import Invocation, JSONValue, Record
    from gemnb.notebook import ScannedCell
    from gemnb.publish.place import Place
    from gemnb.verify.sources import Present


def withholds(now: Present, scanned: ScannedCell) -> bool:
    """Return whether the cell as it stands, or as it was when it ran, says `publish: false`."""
    cells = [now.cell] if now.cell else []
    for shown in scanned.shown:
        source = _recorded_source(shown.document)
        try:
            cells += [parse(source)] if is_gemimg(source) else []
        except GemnbError:
            continue
    # A cell that cannot be read may be one that would say so.
    unreadable = bool(now.error) and "publish" in scanned.source
    return unreadable or any(_says_private(cell) for cell in cells)


def _recorded_source(document: JSONValue) -> str:
    """Return the source that a record says it came from, whatever else is wrong with it; or nothing."""
    invocation = document.get("invocation") if isinstance(document, dict) else None
    source = invocation.get("source") if isinstance(invocation, dict) else None
    return source if isinstance(source, str) else ""


def _says_private(cell: Cell) -> bool:
    try:
        return is_private(cell)
    except GemnbError:
        return True  # neither true nor false: better withheld than shown


def maker(scanned: ScannedCell, sources: Mapping[str, int]) -> int:
    """Return which cell made what another one shows; that one itself where none is known.

    Args:
        scanned: The cell that shows it.
        sources: Position of each private cell by the `spelling` of its source.
    """
    for shown in scanned.shown:
        number = sources.get(spelling(_recorded_source(shown.document)))
        if number is not None:
            return number
    return scanned.number


def line_name(source: str) -> str:
    """Return what may be the NAME in the line of a cell that cannot be read."""
    words = source.lstrip().partition("\n")[0].split()
    return words[1] if len(words) > 1 and words[1].isidentifier() else ""


def kept_apart(place: Place) -> Iterator[tuple[Record, Invocation]]:
    """Yield the answers that only the private part of the cache keeps.

    Raises:
        StoreError: The cache cannot be read.
    """
    if place.private is None:
        return
    for key in place.private.store.keys("records/"):
        data = place.private.store.get(key)
        if data is None or place.cache.store.get(key) is not None:
            continue
        try:
            record, invocation, _ = parse_document(load(data))
        except CacheError:
            continue
        yield record, invocation
