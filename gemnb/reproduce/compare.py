"""Say of each picture of a notebook whether the run brought what the notebook held. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import zip_longest
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, short
from gemnb.cell import parse
from gemnb.errors import CacheError, CellError
from gemnb.notebook import MAY_RAISE, first_error, is_papermills, scan, should_show
from gemnb.records import parse_document
from gemnb.reproduce.differences import request_differences
from gemnb.reproduce.imported import compare_imports

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gemnb.model import Record
    from gemnb.notebook import NotebookCell, ScannedCell, Shown

_LONG = 60  # characters of a stranger's text that are repeated


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
    """Return one row per picture, imports among them, that the notebook held or the run brought.

    Args:
        path: The notebook.
        held: Its cells as they were saved.
        came: Its cells after the run, numbered alike.
        error: Where the run failed: cell, class and message.
        other_parameters: It ran with parameters of its own; what they change is nothing the notebook pins.
    """
    before, after = (scan([cell for cell in cells if not is_papermills(cell)]) for cells in (held, came))
    rows = [*_compare(path, before, after, error), *_imports(path, held, came, error)]
    rows = [*sorted(rows, key=lambda row: row.cell), *_hidden(path, held, error)]
    return tuple(_unpinned(row) if other_parameters and row.is_asked_anew else row for row in rows)


def _imports(
    path: Path, held: Sequence[NotebookCell], came: Sequence[NotebookCell], error: tuple[int, str, str] | None
) -> Iterator[Row]:
    for cell, picture, verdict, reason in compare_imports(held, came, error):
        yield Row(notebook=path, cell=cell, name="", picture=picture, verdict=Verdict(verdict), reason=reason)


def failure(held: Sequence[NotebookCell], came: Sequence[NotebookCell]) -> tuple[int, str, str] | None:
    """Return position, class and message of the first error that a run brought and nobody expected, or None.

    A cell tagged `raises-exception` is expected to end with the error that the notebook holds, by its class.
    """
    saved = {cell.number: error[1] for cell in held if (error := first_error([cell])) is not None}
    for cell in came:
        error = first_error([cell])
        if error is not None and not (MAY_RAISE in cell.tags and saved.get(cell.number) == error[1]):
            return error
    return None


def _unpinned(row: Row) -> Row:
    reason = "the notebook holds the picture of other parameters; `gemnb lock -p NAME VALUE` pins this one"
    return replace(row, verdict=Verdict.UNPINNED, reason=reason)


def own_cells(cells: Sequence[NotebookCell]) -> list[NotebookCell]:
    """Return the cells without those papermill puts in, numbered as in the notebook.

    One of papermill's that shows a record, which none does by itself, stays, with the number of the cell above it.
    """
    own: list[NotebookCell] = []
    number = 0
    for cell in cells:
        if not is_papermills(cell):
            number += 1
        elif not scan([cell]):
            continue
        own.append(replace(cell, number=max(1, number)))
    return own


def lacking(cell: ScannedCell) -> bool:
    """Return whether a `%%gemimg` cell that should show something shows no answer and no error."""
    return not cell.shown and not cell.error and should_show(cell)


def _hidden(path: Path, held: Sequence[NotebookCell], error: tuple[int, str, str] | None) -> Iterator[Row]:
    """Yield a row for each record below a cell of papermill's: code that gives names values shows nothing."""
    for cell in scan([cell for cell in held if is_papermills(cell)]):
        for shown in cell.shown:
            verdict, reason = _judge(shown, None, cell, error)
            yield Row(
                notebook=path,
                cell=cell.number,
                name="",
                picture=_digest(shown),
                verdict=verdict,
                reason=reason,
            )


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
            verdict, reason = _judge(old, new, cell, failure)
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
        if failure is None and (row := _strangers(path, old_cells.get(number), new_cells.get(number))):
            yield row


def _strangers(path: Path, old: ScannedCell | None, new: ScannedCell | None) -> Row | None:
    """Return a row where the notebook shows, below a cell that asks, what the run did not bring."""
    if old is None or old.strangers <= (new.strangers if new else 0):
        return None
    reason = "below the cell stands an output without a record, which the run did not bring"
    return Row(notebook=path, cell=old.number, name=_name(old), picture="", verdict=Verdict.DRIFTED, reason=reason)


def _asks_anew(old: Shown, new: Shown) -> bool:
    try:
        one, other = (parse_document(shown.document)[0].request_digest for shown in (old, new))
    except CacheError:
        return False
    return one != other


def _judge(
    old: Shown | None, new: Shown | None, cell: ScannedCell, failure: tuple[int, str, str] | None
) -> tuple[Verdict, str]:
    if new is None:
        return _lost(old, cell, failure)
    if old is None:
        return Verdict.UNPINNED, "the notebook held no picture to compare with; run it and save it"
    if (old.encoded, old.plain, old.document, old.others) == (new.encoded, new.plain, new.document, new.others):
        return Verdict.REPRODUCED, ""
    try:
        new_record, _, _ = parse_document(new.document)
        old_record, _, _ = parse_document(old.document)
    except CacheError as error:
        return Verdict.DRIFTED, f"the notebook's record: {error.why or error.what}"
    if reason := _difference(old, new, old_record, new_record):
        return Verdict.DRIFTED, reason
    return Verdict.REPRODUCED, ""


def _lost(old: Shown | None, cell: ScannedCell, failure: tuple[int, str, str] | None) -> tuple[Verdict, str]:
    """Return the verdict on a picture that did not come."""
    if failure is None:
        return Verdict.MISSING, "the cell ran and showed no such picture"
    number, kind, message = failure
    if number < cell.number:
        return Verdict.FAILED, ""
    first = message.splitlines()[0] if message else ""
    if kind == "CacheMiss":
        # The reason names the input that changed; the general one says no more than what `_edits` finds.
        changed = [line for line in message.splitlines()[1:2] if line.startswith("-")]
        return Verdict.MISSING, "; ".join([f"cell {number}: {first or kind}", *changed, *_edits(old, cell)])
    return Verdict.FAILED, f"cell {number}: {kind}: {first}"


def _edits(old: Shown | None, cell: ScannedCell) -> list[str]:
    """Return in what a cell no longer asks for what the notebook holds below it."""
    from gemnb.verify.findings import Trouble
    from gemnb.verify.sources import check_present, present

    if old is None or not cell.asks:
        return []
    trouble = Trouble()
    try:
        record, invocation, _ = parse_document(old.document)
    except CacheError:
        return []
    check_present(present(cell), record, invocation, trouble)
    return trouble.drifted


def _difference(old: Shown, new: Shown, old_record: Record, new_record: Record) -> str:
    if old_record.request_digest != new_record.request_digest:
        return "; ".join(request_differences(old_record.request, [new_record.request]))
    if old_record.attempt != new_record.attempt:
        return f"the notebook holds attempt {old_record.attempt}, the run shows attempt {new_record.attempt}"
    if old.picture != new.picture and not (_is_of(old, old_record) and _is_of(new, new_record)):
        return "the picture's bytes differ: " + _first_byte(old.picture or b"", new.picture or b"")
    if old.plain != new.plain:
        return f"text/plain was {old.plain[:60]!r}, is {new.plain[:60]!r}"
    if also := set(old.others) ^ set(new.others):
        return f"one of the two outputs also holds {', '.join(sorted(also))[:_LONG]}"
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
