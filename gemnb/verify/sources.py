"""The single checks of verify: each takes recorded facts and says what does not fit. Nothing is run or written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.arrival import final_blobs
from gemnb.canonical import blob_digest, request_digest, short
from gemnb.cell import is_gemimg, parse
from gemnb.detach import references
from gemnb.errors import CacheError, GemnbError
from gemnb.inputs import bindings_of
from gemnb.invocation import assemble, needs, parse_use
from gemnb.mime import plain
from gemnb.records import record_digest
from gemnb.reproduce.differences import request_differences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gemnb.cache import Cache, Tiers
    from gemnb.cell import Cell
    from gemnb.invocation import Defaults
    from gemnb.model import Binding, Invocation, Picture, Record, Request
    from gemnb.notebook import Shown


@dataclass(slots=True)
class Trouble:
    """What does not fit: things that differ, and things that are not there."""

    drifted: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The cache, and where the project's input files are tried; nothing outside `root` is read."""

    cache: Cache | Tiers
    root: Path
    folders: tuple[Path, ...]


def check_picture(picture: Picture, shown: Shown, trouble: Trouble) -> None:
    """The embedded bytes are those of the record, and `text/plain` names them."""
    known = {picture.original.blob, *([picture.preview.blob] if picture.preview else [])}
    if shown.picture is None:
        trouble.missing.append("the output holds no picture beside its record")
    elif (found := blob_digest(shown.picture)) not in known:
        trouble.drifted.append(f"the embedded picture is not the record's: its bytes have the digest {short(found)}")
    mark = plain(picture, None)
    if shown.plain != mark and not shown.plain.endswith(" " + mark):
        trouble.drifted.append(f"text/plain says {shown.plain[-60:]!r}, and the record {mark!r}")


def check_record(record: Record, cache: Cache | Tiers, trouble: Trouble) -> None:
    """The record names the pictures its answer holds, is the one in the cache, and its bytes are all there."""
    said = [picture.original.blob for picture in record.pictures]
    held = final_blobs(record)
    if len(said) != len(held) or any(b is not None and a != b for a, b in zip(said, held, strict=True)):
        trouble.drifted.append("the record names other pictures than its answer holds")
    try:
        kept = cache.find(record.request_digest, record.attempt)
        if kept is None:
            trouble.missing.append(f"the cache has no answer {short(record.request_digest)}; it cannot be replayed")
        elif record_digest(kept.record) != record_digest(record):
            trouble.drifted.append("the notebook's record is not the one in the cache")
    except CacheError as error:
        trouble.drifted.append(f"{error.what} {error.why}")
    previews = [picture.preview.blob for picture in record.pictures if picture.preview]
    for digest in dict.fromkeys([*said, *previews, *references(record.response), *_sent(record.request)]):
        _check_blob(digest, cache, trouble)


def check_source(
    cell: Cell, defaults: Defaults | None, record: Record, invocation: Invocation, trouble: Trouble
) -> None:
    """The cell as it stands, with the recorded bindings, still makes the recorded request."""
    requests = _requests(cell, defaults, record, invocation, trouble)
    if requests and all(request_digest(request) != record.request_digest for request in requests):
        trouble.drifted += request_differences(record.request, requests)


def check_invocation(record: Record, invocation: Invocation, trouble: Trouble) -> None:
    """The cell that the record says it came from makes its request."""
    if invocation.source is None:
        return
    own = Trouble()
    try:
        cell = parse(invocation.source) if is_gemimg(invocation.source) else None
        defaults = parse_use(invocation.defaults) if invocation.defaults else None
    except GemnbError:
        cell = defaults = None
    requests = _requests(cell, defaults, record, invocation, own) if cell else []
    if all(request_digest(request) != record.request_digest for request in requests):
        trouble.drifted.append("the cell that the record says it came from does not make its request")


def check_bindings(record: Record, invocation: Invocation, place: Place, trouble: Trouble) -> None:
    """Input files are still what they were, and the earlier result is the one it goes on from."""
    for binding in invocation.bindings:
        if binding.kind == "file" and binding.blob:
            _check_file(binding.value or binding.source, binding.blob, place, trouble)
        if binding.kind == "result":
            _check_parent(binding, record, place.cache, trouble)


def _requests(
    cell: Cell, defaults: Defaults | None, record: Record, invocation: Invocation, trouble: Trouble
) -> list[Request]:
    bindings, unknown = bindings_of(needs(cell, defaults), invocation.bindings)
    if unknown is not None:
        trouble.drifted.append(
            f"the cell now refers to {unknown.slot} {unknown.source}, which the record does not know"
        )
        return []
    earlier = record.request.contents[:-1] if cell.get("edit") is not None else ()
    try:
        return list(assemble(cell, defaults, bindings, earlier))
    except GemnbError as error:
        trouble.drifted.append(f"the cell as it stands cannot run: {error.what}")
        return []


def _sent(request: Request) -> Iterator[str]:
    for content in request.contents:
        yield from references(list(content.parts))


def _check_blob(digest: str, cache: Cache | Tiers, trouble: Trouble) -> None:
    try:
        if cache.missing([digest]):
            trouble.missing.append(f"the bytes {short(digest)} are not in the cache")
        else:
            cache.blob(digest)
    except CacheError as error:
        trouble.drifted.append(f"{error.what} {error.why}")


def _check_parent(binding: Binding, record: Record, cache: Cache | Tiers, trouble: Trouble) -> None:
    if not binding.request or not binding.attempt:
        trouble.drifted.append(f"the record does not say which answer {binding.source} was")
        return
    try:
        parent = cache.find(binding.request, binding.attempt)
    except CacheError as error:
        trouble.drifted.append(f"{error.what} {error.why}")
        return
    if parent is None:
        trouble.missing.append(f"the cache has no answer {short(binding.request)}, which it goes on from")
        return
    turns = parent.record.request.contents
    if record.request.contents[: len(turns)] != turns:
        trouble.drifted.append("it does not go on from the result that its record names")


def _check_file(source: str, blob: str, place: Place, trouble: Trouble) -> None:
    text = source.removeprefix("file:")
    for folder in place.folders:
        path = (folder / text).resolve()
        # A notebook may name any path; only the project's own files are read.
        if path.is_relative_to(place.root) and path.is_file():
            if blob_digest(path.read_bytes()) != blob:
                trouble.drifted.append(f"the input {text} has changed since the picture was made")
            return
