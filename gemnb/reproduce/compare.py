"""Say of each picture of a notebook whether the run brought what the notebook held. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import zip_longest
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, short
from gemnb.cell import parse
from gemnb.errors import CacheError, CellError
from gemnb.notebook import scan
from gemnb.records import parse_document
from gemnb.reproduce.differences import request_differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gemnb.model import Record
    from gemnb.notebook import NotebookCell, ScannedCell, Shown


_PAPERMILL_TAGS = frozenset({"injected-parameters", "papermill-error-cell-tag"})


class Verdict(StrEnum):
    """What a re-run says of a picture."""

    REPRODUCED = "reproduced"
    """The same bytes and the same record."""
    DRIFTED = "drifted"
    """Another picture, record or text than the notebook holds."""
    MISSING = "missing"
    """No answer is kept for what the cell asks, or the picture did not come."""
    FAILED = "failed"
    """The notebook failed before or at this cell."""
    UNPINNED = "unpinned"
    """The notebook held no picture to compare with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The verdict on one picture; `is_asked_anew` where another request than the notebook's brought it."""

    notebook: Path
    cell: int
    name: str
    picture: str
    verdict: Verdict
    reason: str = ""
    is_asked_anew: bool = False


def compare(
    path: Path,
    held: Sequence[NotebookCell],
    came: Sequence[NotebookCell],
    error: tuple[int, str, str] | None,
    *,
    other_parameters: bool = False,
) -> tuple[Row, ...]:
    """Return one row per picture that the notebook held or the run brought.

    Args:
        path: The notebook.
        held: Its cells as they were saved.
        came: Its cells after the run, numbered alike.
        error: Where the run failed: cell, class and message.
        other_parameters: It ran with parameters of its own; what they change is nothing the notebook pins.
    """
    rows = _compare(path, scan(held), scan(came), error)
    return tuple(_unpinned(row) if other_parameters and row.is_asked_anew else row for row in rows)


def _unpinned(row: Row) -> Row:
    reason = "the notebook holds the picture of other parameters; `gemnb lock -p NAME VALUE` pins this one"
    return replace(row, verdict=Verdict.UNPINNED, reason=reason)


def own_cells(cells: Sequence[NotebookCell]) -> list[NotebookCell]:
    """Return the cells without those papermill puts in, numbered as in the notebook."""
    own = [cell for cell in cells if not set(cell.tags) & _PAPERMILL_TAGS]
    return [replace(cell, number=number) for number, cell in enumerate(own, 1)]


def lacking(cell: ScannedCell) -> bool:
    """Return whether a `%%gemimg` cell that should show something shows no answer and no error."""
    if not cell.asks or cell.shown or cell.error:
        return False
    try:
        return parse(cell.source).get("quiet") is None and parse(cell.source).get("help") is None
    except CellError:
        return True


def _compare(
    path: Path, before: Sequence[ScannedCell], after: Sequence[ScannedCell], error: tuple[int, str, str] | None
) -> Iterator[Row]:
    old_cells = {cell.number: cell for cell in before}
    new_cells = {cell.number: cell for cell in after}
    for number in sorted(old_cells | new_cells):
        cell = new_cells.get(number) or old_cells[number]
        held = old_cells[number].shown if number in old_cells else ()
        came = new_cells[number].shown if number in new_cells else ()
        failure = error if error is not None and error[0] <= number else None
        for old, new in zip_longest(held, came) if held or came else [(None, None)]:
            if old is None and new is None and not (cell.asks if failure else lacking(cell)):
                continue  # a quiet cell that ran: nothing was to be shown
            verdict, reason = _judge(old, new, number, failure)
            anew = verdict is Verdict.DRIFTED and old is not None and new is not None and _asks_anew(old, new)
            yield Row(
                notebook=path,
                cell=number,
                name=_name(cell),
                picture=_digest(new or old),
                verdict=verdict,
                reason=reason,
                is_asked_anew=anew,
            )


def _asks_anew(old: Shown, new: Shown) -> bool:
    try:
        one, other = (parse_document(shown.document)[0].request_digest for shown in (old, new))
    except CacheError:
        return False
    return one != other


def _judge(
    old: Shown | None, new: Shown | None, here: int, failure: tuple[int, str, str] | None
) -> tuple[Verdict, str]:
    if new is None:
        return _lost(here, failure)
    if old is None:
        return Verdict.UNPINNED, "the notebook held no picture to compare with; run it and save it"
    if (old.encoded, old.plain, old.document) == (new.encoded, new.plain, new.document):
        return Verdict.REPRODUCED, ""
    try:
        new_record, _, _ = parse_document(new.document)
        old_record, _, _ = parse_document(old.document)
    except CacheError as error:
        return Verdict.DRIFTED, f"the notebook's record: {error.why or error.what}"
    if reason := _difference(old, new, old_record, new_record):
        return Verdict.DRIFTED, reason
    return Verdict.REPRODUCED, ""


def _lost(here: int, failure: tuple[int, str, str] | None) -> tuple[Verdict, str]:
    """Return the verdict on a picture that did not come."""
    if failure is None:
        return Verdict.MISSING, "the cell ran and showed no such picture"
    number, kind, message = failure
    if number < here:
        return Verdict.FAILED, ""
    first = message.splitlines()[0] if message else ""
    if kind == "CacheMiss":
        return Verdict.MISSING, f"cell {number}: {first or kind}"
    return Verdict.FAILED, f"cell {number}: {kind}: {first}"


def _difference(old: Shown, new: Shown, old_record: Record, new_record: Record) -> str:
    if old_record.request_digest != new_record.request_digest:
        return "; ".join(request_differences(old_record.request, [new_record.request]))
    if old_record.attempt != new_record.attempt:
        return f"the notebook holds attempt {old_record.attempt}, the run shows attempt {new_record.attempt}"
    if old.picture != new.picture and not (_is_of(old, old_record) and _is_of(new, new_record)):
        return "the picture's bytes differ: " + _first_byte(old.picture or b"", new.picture or b"")
    if old.plain != new.plain:
        return f"text/plain was {old.plain[:60]!r}, is {new.plain[:60]!r}"
    return "" if old.document == new.document else "the record differs from the notebook's"


def _is_of(shown: Shown, record: Record) -> bool:
    """Return whether the shown bytes are a picture of the record: its original, or its preview."""
    images = [image for picture in record.pictures for image in (picture.original, picture.preview) if image]
    return shown.picture is not None and blob_digest(shown.picture) in {image.blob for image in images}


def _first_byte(old: bytes, new: bytes) -> str:
    at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    return f"first at byte {at} of {len(old)}"


def _name(cell: ScannedCell) -> str:
    if not cell.asks:
        return ""
    try:
        return parse(cell.source).name or ""
    except CellError:
        return ""


def _digest(shown: Shown | None) -> str:
    if shown is None:
        return ""
    try:
        record, _, index = parse_document(shown.document)
    except CacheError:
        return "" if shown.picture is None else short(blob_digest(shown.picture))
    return "" if index is None else short(record.pictures[index].original.blob)
