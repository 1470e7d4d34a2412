"""Check a notebook against itself and the cache without executing anything, and trusting nothing it says.

Per picture, four independent facts: the recorded request has the recorded digest; the cell's present source,
with the recorded bindings, still makes that request; the embedded bytes are those of the record; the original,
its preview and the inputs lie in the cache under their digests. Together they are *consistent*; that a given
model made the picture is not proved by any digest, and stays *origin unattested*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from gemnb.arrival import final_blobs
from gemnb.canonical import blob_digest, request_digest, short
from gemnb.cell import parse
from gemnb.detach import references
from gemnb.errors import CacheError, GemnbError
from gemnb.invocation import assemble, needs, parse_use
from gemnb.mime import plain
from gemnb.notebook import read_notebook, scan
from gemnb.records import parse_document, record_digest
from gemnb.reproduce.differences import request_differences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gemnb.cache import Cache
    from gemnb.cell import Cell
    from gemnb.invocation import Defaults
    from gemnb.model import Invocation, Picture, Record, Request
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The cache, and the project's folder: no file outside it is read."""

    cache: Cache
    root: Path
    folders: tuple[Path, ...]


@dataclass(slots=True)
class _Trouble:
    drifted: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def finding(self) -> Finding:
        if self.drifted:
            return Finding.DRIFTED
        return Finding.MISSING if self.missing else Finding.CONSISTENT


def verify_notebook(path: Path, cache: Cache, root: Path) -> list[Check]:
    """Return one check per picture of a notebook, and one per cell that should have a picture and has none.

    Args:
        path: The notebook.
        cache: The project's cache.
        root: The project's folder; no file outside it is read.

    Raises:
        NotebookError: The file is no notebook.
    """
    place = _Place(cache=cache, root=root.resolve(), folders=(path.parent, root))
    checks = []
    for cell in scan(read_notebook(path)):
        checks += list(_check_cell(cell, place))
    return checks


def _check_cell(scanned: ScannedCell, place: _Place) -> Iterator[Check]:
    cell, defaults, error = _present(scanned) if scanned.asks else (None, None, None)
    name = (cell.name if cell else None) or ""
    samples = set()
    for shown in scanned.shown:
        trouble = _Trouble()
        if error is not None:
            trouble.drifted.append(f"the cell as it stands cannot run: {error}")
        picture = ""
        bound: tuple[str, ...] = ()
        try:
            record, invocation, index = parse_document(shown.document)
        except CacheError as failure:
            trouble.drifted.append(failure.why or failure.what)
        else:
            samples.add(record.request.sample)
            bound = tuple(b.source for b in invocation.bindings if b.kind in ("variable", "expression", "argument"))
            if index is not None:
                picture = short(record.pictures[index].original.blob)
                _check_picture(record.pictures[index], shown, trouble)
            _check_record(record, place.cache, trouble)
            if cell is not None:
                _check_source(cell, defaults, record, invocation, trouble)
            _check_bindings(record, invocation, place, trouble)
        yield Check(
            cell=scanned.number,
            name=name,
            picture=picture,
            finding=trouble.finding,
            reasons=(*trouble.drifted, *trouble.missing),
            bound=bound,
        )
    if cell is not None and cell.get("quiet") is None and (lacking := _lacking(cell, samples)):
        yield Check(cell=scanned.number, name=name, picture="", finding=Finding.MISSING, reasons=(lacking,))


def _present(scanned: ScannedCell) -> tuple[Cell | None, Defaults | None, str | None]:
    try:
        cell = parse(scanned.source)
        return cell, parse_use(scanned.defaults) if scanned.defaults else None, None
    except GemnbError as error:
        return None, None, error.what


def _lacking(cell: Cell, samples: set[int]) -> str:
    if not samples:
        return "the cell has no picture with a record; run it"
    asked = cell.get("samples")
    if asked and asked.isascii() and asked.isdigit() and len(samples) < int(asked):
        return f"the cell asks for {asked} samples, and {len(samples)} are there"
    return ""


def _check_picture(picture: Picture, shown: Shown, trouble: _Trouble) -> None:
    known = {picture.original.blob, *([picture.preview.blob] if picture.preview else [])}
    if shown.picture is None:
        trouble.missing.append("the output holds no picture beside its record")
    elif (found := blob_digest(shown.picture)) not in known:
        trouble.drifted.append(f"the embedded picture is not the record's: its bytes have the digest {short(found)}")
    mark = plain(picture, None)
    if shown.plain != mark and not shown.plain.endswith(" " + mark):
        trouble.drifted.append(f"text/plain says {shown.plain[-60:]!r}, and the record {mark!r}")


def _check_record(record: Record, cache: Cache, trouble: _Trouble) -> None:
    said = [picture.original.blob for picture in record.pictures]
    if said != final_blobs(record):
        trouble.drifted.append("the record names other pictures than its answer holds")
    try:
        kept = cache.find(record.request_digest, record.attempt)
        if kept is None:
            trouble.missing.append(f"the cache has no answer {short(record.request_digest)}; it cannot be replayed")
        elif record_digest(kept.record) != record_digest(record):
            trouble.drifted.append("the notebook's record is not the one in the cache")
    except CacheError as error:
        trouble.drifted.append(error.why or error.what)
    previews = [picture.preview.blob for picture in record.pictures if picture.preview]
    wanted = [*said, *previews, *references(record.response), *_sent(record.request)]
    for digest in dict.fromkeys(wanted):
        _check_blob(digest, cache, trouble)


def _sent(request: Request) -> Iterator[str]:
    for content in request.contents:
        yield from references(list(content.parts))


def _check_blob(digest: str, cache: Cache, trouble: _Trouble) -> None:
    try:
        if cache.missing([digest]):
            trouble.missing.append(f"the bytes {short(digest)} are not in the cache")
        else:
            cache.blob(digest)
    except CacheError as error:
        trouble.drifted.append(f"the bytes {short(digest)} in the cache are damaged: {error.why}")


def _check_source(
    cell: Cell, defaults: Defaults | None, record: Record, invocation: Invocation, trouble: _Trouble
) -> None:
    asked = [(need.slot, need.kind if need.kind != "picture" else "", need.source) for need in needs(cell, defaults)]
    known = {(b.slot, b.source): b for b in invocation.bindings}
    for slot, _, source in asked:
        if (slot, source) not in known:
            trouble.drifted.append(f"the cell now refers to {slot} {source}, which the record does not know")
            return
    bindings = [known[slot, source] for slot, _, source in asked]
    try:
        requests = assemble(cell, defaults, bindings, record.request.contents[:-1])
    except GemnbError as error:
        trouble.drifted.append(f"the cell as it stands cannot run: {error.what}")
        return
    if any(request_digest(request) == record.request_digest for request in requests):
        return
    trouble.drifted += request_differences(record.request, requests)


def _check_bindings(record: Record, invocation: Invocation, place: _Place, trouble: _Trouble) -> None:
    for binding in invocation.bindings:
        if binding.kind == "file" and binding.blob:
            _check_file(binding.source, binding.blob, place, trouble)
        if binding.kind == "result" and binding.request and binding.attempt:
            try:
                parent = place.cache.find(binding.request, binding.attempt)
            except CacheError as error:
                trouble.drifted.append(error.why or error.what)
                continue
            if parent is None:
                trouble.missing.append(f"the cache has no answer {short(binding.request)}, which it goes on from")
            elif record.request.contents[: len(parent.record.request.contents)] != parent.record.request.contents:
                trouble.drifted.append("it does not go on from the result that its record names")


def _check_file(source: str, blob: str, place: _Place, trouble: _Trouble) -> None:
    text = source.removeprefix("file:")
    for folder in place.folders:
        path = (folder / text).resolve()
        # A notebook may name any path; only the project's own files are read.
        if path.is_relative_to(place.root) and path.is_file():
            if blob_digest(path.read_bytes()) != blob:
                trouble.drifted.append(f"the input {text} has changed since the picture was made")
            return
