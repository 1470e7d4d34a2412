"""Check a notebook against itself and the cache without executing anything, and trusting nothing it says.

Per picture, four independent facts: the recorded request has the recorded digest; the cell's present source,
with the recorded bindings, still makes that request; the embedded bytes are those of the record; the original,
its preview and the inputs lie in the cache under their digests. Together they are *consistent*; that a given
model made the picture is not proved by any digest, and stays *origin unattested*.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gemnb.canonical import short
from gemnb.cell import parse
from gemnb.errors import CacheError, GemnbError
from gemnb.invocation import parse_use
from gemnb.notebook import read_notebook, scan
from gemnb.records import parse_document
from gemnb.reproduce.checks import (
    Place,
    Trouble,
    check_bindings,
    check_invocation,
    check_picture,
    check_record,
    check_source,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gemnb.cache import Cache, Tiers
    from gemnb.cell import Cell
    from gemnb.invocation import Defaults
    from gemnb.model import Binding, Invocation, Record
    from gemnb.notebook import ScannedCell, Shown


class Finding(StrEnum):
    """What verify says of a picture."""

    CONSISTENT = "consistent"
    DRIFTED = "drifted"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The findings on one picture.

    Attributes:
        cell: Position of the cell in the notebook, from 1.
        name: The variable the cell binds, or empty.
        picture: Short digest of the picture, or empty.
        finding: The verdict.
        reasons: Why it is not consistent.
        bound: Names whose values only the kernel knew; taken from the record.
    """

    cell: int
    name: str
    picture: str
    finding: Finding
    reasons: tuple[str, ...] = ()
    bound: tuple[str, ...] = ()


def verify_notebook(path: Path, cache: Cache | Tiers, root: Path) -> list[Check]:
    """Return one check per picture of a notebook, and one per cell that should have a picture and has none.

    Args:
        path: The notebook.
        cache: The project's cache; nothing is changed in it where it was opened so.
        root: The project's folder; no file outside it is read.

    Raises:
        NotebookError: The file is no notebook.
    """
    reader = _Reader(Place(cache=cache, root=root.resolve(), folders=(path.parent, root)))
    return [check for cell in scan(read_notebook(path)) for check in reader.cell(cell)]


class _Reader:
    """Goes through the cells in order and knows what each NAME above was."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._names: dict[str, list[Record]] = {}

    def cell(self, scanned: ScannedCell) -> Iterator[Check]:
        """Yield the checks of one cell."""
        cell, defaults, error = _present(scanned) if scanned.asks else (None, None, None)
        name = (cell.name if cell else None) or ""
        records = []
        for shown in scanned.shown:
            trouble = Trouble()
            if error is not None:
                trouble.drifted.append(f"the cell as it stands cannot run: {error}")
            try:
                record, invocation, index = parse_document(shown.document)
            except CacheError as failure:
                trouble.drifted.append(failure.why or failure.what)
                yield _check(scanned, name, "", trouble, ())
                continue
            records.append(record)
            if cell is not None:
                check_source(cell, defaults, record, invocation, trouble)
            bound = self._check(record, invocation, index, shown, trouble)
            picture = "" if index is None else short(record.pictures[index].original.blob)
            yield _check(scanned, name, picture, trouble, bound)
        if cell is not None and cell.get("quiet") is None and (lacking := _lacking(cell, scanned, records)):
            yield _check(scanned, name, "", Trouble(missing=[lacking]), ())
        if name:
            self._names[name] = records

    def _check(
        self, record: Record, invocation: Invocation, index: int | None, shown: Shown, trouble: Trouble
    ) -> tuple[str, ...]:
        if index is not None:
            check_picture(record.pictures[index], shown, trouble)
        check_record(record, self._place.cache, trouble)
        check_invocation(record, invocation, trouble)
        check_bindings(record, invocation, self._place, trouble)
        bound = []
        for binding in invocation.bindings:
            if binding.source in self._names and (binding.blob or binding.request):
                self._check_name(binding, trouble)
            elif binding.kind in ("variable", "expression", "argument", "pixels"):
                bound.append(binding.source)
        return tuple(dict.fromkeys(bound))

    def _check_name(self, binding: Binding, trouble: Trouble) -> None:
        """The NAME of a cell above is still the answer this one was made from."""
        above = self._names[binding.source]
        answers = {(record.request_digest, record.attempt) for record in above}
        pictures = {picture.original.blob for record in above for picture in record.pictures}
        if (binding.request, binding.attempt) not in answers and binding.blob not in pictures:
            trouble.drifted.append(f"{binding.source} above is another answer than the one it was made from")


def _check(scanned: ScannedCell, name: str, picture: str, trouble: Trouble, bound: tuple[str, ...]) -> Check:
    finding = Finding.DRIFTED if trouble.drifted else Finding.MISSING if trouble.missing else Finding.CONSISTENT
    reasons = (*dict.fromkeys(trouble.drifted), *dict.fromkeys(trouble.missing))
    return Check(cell=scanned.number, name=name, picture=picture, finding=finding, reasons=reasons, bound=bound)


def _present(scanned: ScannedCell) -> tuple[Cell | None, Defaults | None, str | None]:
    try:
        cell = parse(scanned.source)
        return cell, parse_use(scanned.defaults) if scanned.defaults else None, None
    except GemnbError as error:
        return None, None, error.what


def _lacking(cell: Cell, scanned: ScannedCell, records: list[Record]) -> str:
    if not scanned.shown:
        return "the cell has no picture with a record; run it"
    samples = {record.request.sample for record in records}
    asked = cell.get("samples")
    if asked and asked.isascii() and asked.isdigit() and len(samples) < int(asked):
        return f"the cell asks for {asked} samples, and {len(samples)} are there"
    return ""
