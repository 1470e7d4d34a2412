"""Check a notebook against itself and the cache without executing anything, and trusting nothing it says.

Per picture, independent facts: the recorded request has the recorded digest; the cell's present source, with the
recorded bindings, still makes that request; the embedded bytes are those of the record, and a preview is one of its
original; the original, its preview and the inputs are there under their digests. Together they are *consistent*; that
a given model made the picture is not proved by any digest, and stays *origin unattested*.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import pybase64

from gemnb.canonical import short
from gemnb.errors import CacheError
from gemnb.inputs import PIXELS
from gemnb.mime import ORIGINAL_LIMIT
from gemnb.notebook import load_notebook, scan, should_show
from gemnb.pack import packed
from gemnb.records import parse_document
from gemnb.verify.alike import Alike
from gemnb.verify.answers import blobs_of, check_kept, check_record
from gemnb.verify.bindings import Place, check_bindings, read_files
from gemnb.verify.findings import Trouble
from gemnb.verify.holdings import Holdings
from gemnb.verify.imports import verify_imports
from gemnb.verify.outputs import Output, check_output, presented
from gemnb.verify.sources import (
    check_belongs,
    check_edits,
    check_invocation,
    check_present,
    note_percent,
    present,
    spelling,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gemnb.cache import Cache, Tiers
    from gemnb.model import Image, Invocation, JSONObject, JSONValue, Record
    from gemnb.notebook import Notebook, NotebookCell, ScannedCell, Shown
    from gemnb.verify.findings import Check
    from gemnb.verify.sources import Present

_SHOWN_WHOLE = 2 * ORIGINAL_LIMIT
"""Characters of base64 up to which a report shows the embedded picture itself, where it has a preview."""


def verify_notebook(  # noqa: PLR0913 - what its callers have at hand, all by keyword
    path: Path,
    cache: Cache | Tiers,
    root: Path,
    *,
    with_images: bool = False,
    notebook: Notebook | None = None,
    alike: Alike | None = None,
) -> list[Check]:
    """Return one check per picture of a notebook, and one per cell that should have a picture and has none.

    Imports are pictures as well: their bytes and digests are checked, what is stated of them cannot be.

    Args:
        path: The notebook.
        cache: The project's cache; nothing is changed in it where it was opened so.
        root: The project's folder; no file outside it is read.
        with_images: Each check carries the picture as it stands in the notebook, for a page that shows it.
        notebook: What the file holds, where it is read already.
        alike: Which previews were found to be of their originals before; what is found now is added.

    Raises:
        NotebookError: The file is no notebook.
        CacheError: What is packed into it is none that gemnb packs.
    """
    notebook = notebook or load_notebook(path)
    holdings = Holdings(cache=cache, packed=packed(notebook.document, str(path)), alike=alike or Alike())
    place = Place(cache=cache, holdings=holdings, root=root.resolve(), folders=(path.parent, root))
    cells = scan(notebook.cells)
    outputs = _read(cells, place)
    reader = _Reader(place, notebook.cells, cells, _pair(notebook, path), with_images=with_images)
    checks = [check for cell, own in zip(cells, outputs, strict=True) for check in reader.cell(cell, own)]
    checks += verify_imports(notebook.cells, holdings, with_images=with_images)
    holdings.alike.save()
    return sorted(checks, key=lambda check: check.cell)


def _read(cells: list[ScannedCell], place: Place) -> list[list[Output]]:
    """Read every record, and all bytes that records refer to, each once."""
    holdings = place.holdings
    parsed = [[_parsed(shown) for shown in cell.shown] for cell in cells]
    flat = [item for own in parsed for item in own]
    extra = [_document(item) for item in (holdings.packed.documents if holdings.packed else ())]
    known = [(item.record, item.invocation) for item in flat] + extra
    found = [(record, invocation) for record, invocation in known if record is not None and invocation is not None]
    for record, invocation in found:
        place.answers.setdefault((record.request_digest, record.attempt), record)
        pairs = [(picture.original.blob, picture.preview.blob) for picture in record.pictures if picture.preview]
        holdings.to_sketch.update(blob for pair in pairs if not holdings.alike.has(*pair) for blob in pair)
        holdings.to_pixels.update(b.blob for b in invocation.bindings if b.kind == PIXELS and b.blob)
    embedded = iter(holdings.read_embedded([(item.shown, _images(item)) for item in flat]))
    read_files([invocation for _, invocation in found], place)
    holdings.read(_digests(found))
    return [[replace(item, embedded=next(embedded)) for item in own] for own in parsed]


def _digests(found: Iterable[tuple[Record, Invocation]]) -> Iterator[str]:
    for record, invocation in found:
        yield from blobs_of(record)
        yield from (binding.blob for binding in invocation.bindings if binding.blob)


def _images(item: Output) -> list[Image]:
    """Return what could stand in an output by its record."""
    if item.record is None or item.index is None:
        return []
    picture = item.record.pictures[item.index]
    return [image for image in (picture.original, picture.preview) if image]


def _parsed(shown: Shown) -> Output:
    try:
        record, invocation, index = parse_document(shown.document)
    except CacheError as failure:
        return Output(shown=shown, error=failure.why or failure.what)
    return Output(shown=shown, record=record, invocation=invocation, index=index)


def _document(document: JSONValue) -> tuple[Record | None, Invocation | None]:
    try:
        record, invocation, _ = parse_document(document)
    except CacheError:  # who packed it is told by whoever unpacks it; no output shows it
        return None, None
    return record, invocation


class _Reader:
    """Goes through the cells in order and knows what each NAME above was."""

    def __init__(
        self, place: Place, every: Iterable[NotebookCell], cells: list[ScannedCell], pair: str, *, with_images: bool
    ) -> None:
        self._place = place
        asking = {cell.number for cell in cells if cell.asks}
        self._plain = deque(cell for cell in every if cell.is_code and cell.number not in asking)
        self._pair = pair
        self._with_images = with_images
        self._asking = {spelling(cell.source) for cell in cells if cell.asks}

    def cell(self, scanned: ScannedCell, outputs: list[Output]) -> Iterator[Check]:
        """Yield the checks of one cell."""
        while self._plain and self._plain[0].number < scanned.number:
            plain = self._plain.popleft()
            self._place.literals.read(plain.source, plain.number)
        now = present(scanned)
        seen: set[tuple[str, int, int | None]] = set()
        asked: set[int] = set()
        for item in outputs:
            trouble = Trouble()
            asked |= self._check(scanned, now, item, seen, trouble)
            yield trouble.check(scanned.number, now.name, _name_of(item), self._image(item))
        records = [item.record for item in outputs if item.record is not None]
        trouble = Trouble()
        self._lacking(scanned, now, outputs, asked, trouble)
        if trouble.drifted or trouble.missing:
            yield trouble.check(scanned.number, now.name, "")
        if now.name:
            self._place.literals.bind(now.name)
        if now.name and records:
            self._place.names[now.name] = records
        elif now.name:  # a quiet cell: what it made, no output says
            self._place.names.pop(now.name, None)

    def _check(
        self,
        scanned: ScannedCell,
        now: Present,
        item: Output,
        seen: set[tuple[str, int, int | None]],
        trouble: Trouble,
    ) -> set[int]:
        """Check one output; return which samples its cell asks for."""
        record, invocation = item.record, item.invocation
        if record is None or invocation is None:
            trouble.drifted += [*([now.error] if now.error else []), item.error]
            return set()
        asked = check_present(now, record, invocation, trouble)
        check_output(item, record, invocation, trouble)
        if scanned.asks:
            check_edits(now, invocation, presented(item.shown), trouble)
            note_percent(now, self._pair, trouble)
        else:
            check_belongs(scanned, invocation, self._asking, trouble)
        answer = (record.request_digest, record.attempt, item.index)
        if answer in seen and scanned.asks:
            trouble.drifted.append("the same picture stands twice below this cell")
        seen.add(answer)
        check_record(record, self._place.holdings, trouble)
        check_kept(record, item.digest, self._place.cache, self._place.holdings, trouble)
        check_invocation(record, invocation, trouble)
        check_bindings(record, invocation, self._place, trouble)
        return asked

    def _lacking(
        self, scanned: ScannedCell, now: Present, outputs: list[Output], asked: set[int], trouble: Trouble
    ) -> None:
        """Say what a cell that asks should show and does not, or shows and should not."""
        if not scanned.asks:
            return
        if scanned.strangers:
            count = "1 output" if scanned.strangers == 1 else f"{scanned.strangers} outputs"
            trouble.drifted.append(f"{count} without a record below the cell; no model is known to have made it")
        if not outputs:
            if now.error and not scanned.fails_rightly:
                trouble.drifted.append(now.error)
            if should_show(scanned):
                trouble.missing.append("the cell has no picture with a record; run it")
            return
        samples = {item.record.request.sample for item in outputs if item.record}
        if asked - samples:
            trouble.missing.append(f"the cell asks for {len(asked)} samples, and {len(samples)} are there")
        shown = {(item.record.request_digest, item.index) for item in outputs if item.record}
        for item in outputs:
            if item.record is None:
                continue
            lacking = [i for i in range(len(item.record.pictures)) if (item.record.request_digest, i) not in shown]
            if lacking and item.index is not None:
                trouble.missing.append(
                    f"the answer has {len(item.record.pictures)} pictures, and number {lacking[0] + 1} is not shown"
                )

    def _image(self, item: Output) -> tuple[str, str] | None:
        shown = item.shown
        if not self._with_images or shown.mime_type is None or shown.encoded is None:
            return None
        picture = item.record.pictures[item.index] if item.record and item.index is not None else None
        if picture is not None and picture.preview is not None and len(shown.encoded) > _SHOWN_WHOLE:
            preview = self._place.holdings.bytes_of(picture.preview.blob)
            if preview is not None and item.embedded == picture.original.blob:
                return picture.preview.mime_type, pybase64.b64encode_as_string(preview)
        return shown.mime_type, shown.encoded


def _name_of(item: Output) -> str:
    if item.record is None or item.index is None:
        return ""
    return short(item.record.pictures[item.index].original.blob)


def _pair(notebook: Notebook, path: Path) -> str:
    """Return what pairs a notebook with a text file, for a person; empty where nothing is known to."""
    if _is_paired(notebook.metadata):
        return "this notebook is a jupytext one, and its text file would come back as two cells"
    beside = next((path.with_suffix(end) for end in (".py", ".md") if path.with_suffix(end).is_file()), None)
    return f"{beside.name} stands beside this notebook and may be its pair" if beside else ""


def _is_paired(metadata: JSONObject) -> bool:
    return isinstance(metadata.get("jupytext"), dict)
