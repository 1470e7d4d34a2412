"""Run a notebook again through papermill, offline unless told otherwise, and compare with its own records."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gemnb.canonical import blob_digest, short
from gemnb.cell import parse
from gemnb.errors import CacheError, CellError, NotebookError
from gemnb.model import Mode
from gemnb.notebook import first_error, read_notebook, scan
from gemnb.records import parse_document
from gemnb.reproduce.differences import request_differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
    """The verdict on one picture."""

    notebook: Path
    cell: int
    name: str
    picture: str
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A notebook that was run again: its rows, and the first error it raised (cell, class, message)."""

    rows: tuple[Row, ...]
    error: tuple[int, str, str] | None = None


def reproduce_notebook(
    path: Path, *, mode: Mode = Mode.REPLAY, parameters: Mapping[str, object] | None = None
) -> Run:
    """Run a notebook in a kernel of its own and compare what it shows with what it held.

    The notebook itself is not written.

    Args:
        path: The notebook.
        mode: `replay` runs offline; `auto` and `refresh` may call models.
        parameters: Values for the cell tagged `parameters`, as papermill takes them.

    Raises:
        NotebookError: It is no notebook, or no kernel could run it.
    """
    held = _own_cells(read_notebook(path))
    with tempfile.TemporaryDirectory(prefix="gemnb-") as folder:
        output = Path(folder) / path.name
        with _environment(mode):
            _execute(path, output, dict(parameters or {}))
        came = _own_cells(read_notebook(output))
    error = first_error(came)
    return Run(rows=tuple(_compare(path, scan(held), scan(came), error)), error=error)


def _own_cells(cells: Sequence[NotebookCell]) -> list[NotebookCell]:
    """Return the cells without those papermill puts in, numbered as in the notebook."""
    own = [cell for cell in cells if not set(cell.tags) & _PAPERMILL_TAGS]
    return [replace(cell, number=number) for number, cell in enumerate(own, 1)]


def _execute(path: Path, output: Path, parameters: dict[str, object]) -> None:
    papermill = _papermill()
    kernel = None if _names_a_kernel(path) else "python3"
    try:
        papermill.execute_notebook(
            str(path.absolute()),
            str(output),
            parameters=parameters,
            kernel_name=kernel,
            cwd=str(path.absolute().parent),
            progress_bar=False,
            request_save_on_cell_execute=False,
            store_widget_state=False,
            # ipykernel warns of its unencrypted loopback sockets at every start, which tells a reader nothing.
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        )
    except papermill.PapermillExecutionError:
        return  # the output file holds the error and what came before it
    except Exception as error:  # noqa: BLE001 - papermill, nbclient and jupyter_client share no base class
        reason = f"{type(error).__name__}: {error}"
    else:
        return
    raise NotebookError(f"{path} could not be run.", why=reason)


def _names_a_kernel(path: Path) -> bool:
    metadata = json.loads(path.read_bytes()).get("metadata")
    return isinstance(metadata, dict) and isinstance(metadata.get("kernelspec"), dict)


def _papermill() -> Any:
    # Where JupyterLab is installed, nbformat's validator builds a grammar of two to three seconds at import,
    # for a URL format that notebooks do not use; without the module it does without.
    if "nbformat" not in sys.modules:
        sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill

    return papermill


@contextlib.contextmanager
def _environment(mode: Mode) -> Iterator[None]:
    """Pass the mode to the kernel; `replay` cannot be lifted by a cell."""
    wanted = {"GEMNB_MODE": mode.value, "GEMNB_OFFLINE": "1" if mode is Mode.REPLAY else "0"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


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
            if old is None and new is None and (failure is None or not cell.asks):
                continue  # a quiet cell that ran: nothing was to be shown
            verdict, reason = _judge(old, new, number, failure)
            yield Row(
                notebook=path,
                cell=number,
                name=_name(cell),
                picture=_digest(new or old),
                verdict=verdict,
                reason=reason,
            )


def _judge(
    old: Shown | None, new: Shown | None, here: int, failure: tuple[int, str, str] | None
) -> tuple[Verdict, str]:
    if new is None:
        if failure is None:
            return Verdict.MISSING, "the cell ran and showed no such picture"
        number, kind, message = failure
        if number < here:
            return Verdict.FAILED, ""
        if kind == "CacheMiss":
            return Verdict.MISSING, f"cell {number}: {message.splitlines()[0] if message else kind}"
        return Verdict.FAILED, f"cell {number}: {kind}: {message.splitlines()[0] if message else ''}"
    if old is None:
        return Verdict.UNPINNED, "the notebook held no picture to compare with; run it and save it"
    try:
        new_record, _, _ = parse_document(new.document)
        old_record, _, _ = parse_document(old.document)
    except CacheError as error:
        return Verdict.DRIFTED, f"the notebook's record: {error.why or error.what}"
    if reason := _difference(old, new, old_record, new_record):
        return Verdict.DRIFTED, reason
    return Verdict.REPRODUCED, ""


def _difference(old: Shown, new: Shown, old_record: Record, new_record: Record) -> str:
    if old_record.request_digest != new_record.request_digest:
        return "; ".join(request_differences(old_record.request, [new_record.request]))
    if old_record.attempt != new_record.attempt:
        return f"the notebook holds attempt {old_record.attempt}, the run shows attempt {new_record.attempt}"
    if old.picture != new.picture:
        return "the picture's bytes differ: " + _first_byte(old.picture or b"", new.picture or b"")
    if old.plain != new.plain:
        return f"text/plain was {old.plain[:60]!r}, is {new.plain[:60]!r}"
    return "" if old.document == new.document else "the record differs from the notebook's"


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
