"""Write what a notebook holds of its own answers into the scratch folder of a re-run, before outputs are cleared.

Only what the project's cache lacks is written, and only what fits its digest: a notebook may come from a stranger.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.cache.store import blob_key, record_key
from gemnb.canonical import blob_digest
from gemnb.compose import open_for_looking
from gemnb.detach import references
from gemnb.errors import CacheError, NotebookError
from gemnb.inputs import url_entry
from gemnb.lock import find_lock, notebook_name, parameters_digest, read_lock
from gemnb.mime import embedded
from gemnb.model import Embed, Mode
from gemnb.notebook import scan
from gemnb.pack import Packed, packed
from gemnb.records import document, dump, parse_document
from gemnb.scratch import Scratch
from gemnb.settings import find_project, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from gemnb.cache import Tiers
    from gemnb.model import Image, Invocation, JSONObject, Picture, Record
    from gemnb.notebook import NotebookCell, ScannedCell, Shown

_log = logging.getLogger("gemnb")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """An answer that the notebook holds: which of its pictures an output shows, or None where it is packed."""

    record: Record
    invocation: Invocation
    index: int | None
    shown: Shown | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baggage:
    """What a run starts from.

    Attributes:
        notebook: The notebook, its old outputs still in it.
        cells: Its own cells.
        source: Where it lies.
        parameters: Those of this run.
        working: The working folder of the kernel, from which its project is looked for.
    """

    notebook: JSONObject
    cells: Sequence[NotebookCell]
    source: Path
    parameters: Mapping[str, object]
    working: Path


def bring_along(start: Baggage, folder: Path) -> dict[str, str]:
    """Fill the scratch folder of a run, empty so far, and return what its kernel's environment has to say.

    Raises:
        GemnbError: The settings, or the lock, cannot be read.
    """
    settings = load_settings(start.working)
    said: list[str] = []
    more = _packed(start.notebook, said)
    held = list(_held(scan(start.cells), more, said))
    # The lock is the notebook's project's; the kernel may run in another.
    pins = _pins(start.source, find_project(start.source.parent)[0], start.parameters)
    for reason in said + hydrate(held, more, open_for_looking(settings), folder, pins):
        _log.warning("%s: not used: %s", start.source.name, reason)
    made = {"GEMNB_SCRATCH": str(folder)}
    if os.environ.get("GEMNB_MODE", Mode.REPLAY.value) == Mode.REPLAY.value:
        made |= {"GEMNB_MODE": Mode.REPLAY.value, "GEMNB_OFFLINE": "1"}  # no cell can lift it
    if "GEMNB_EMBED" not in os.environ:
        made["GEMNB_EMBED"] = _embed(held).value
    return made


def _pins(source: Path, root: Path, parameters: Mapping[str, object]) -> Scratch:
    path = find_lock(source, root)
    if path is None:
        return Scratch()
    try:
        which = notebook_name(source, path), parameters_digest(parameters)
    except NotebookError as error:  # nothing can be pinned for such a run
        _log.debug("%s", error.what)
        return Scratch()
    lock = read_lock(path)
    return Scratch(attempts=lock.attempts(*which), inputs=lock.files(*which))


def _embed(held: Sequence[_Held]) -> Embed:
    """Return the setting under which the notebook was saved, as far as its outputs show it."""
    shown = [
        (one.record.pictures[one.index], _size(one.shown.encoded))
        for one in held
        if one.shown is not None and one.shown.encoded and one.index is not None
    ]
    fits = [
        setting
        for setting in (Embed.AUTO, Embed.ORIGINAL, Embed.PREVIEW)
        if all(embedded(picture, setting).size == size for picture, size in shown)
    ]
    return fits[0] if fits else Embed.AUTO


def _size(encoded: str) -> int:
    """Return how many bytes a base64 text stands for."""
    text = "".join(encoded.split()) if "\n" in encoded else encoded
    return len(text) // 4 * 3 - text[-2:].count("=")


def hydrate(held: Sequence[_Held], more: Packed, near: Tiers, folder: Path, pins: Scratch) -> list[str]:
    """Write the folder that `GEMNB_SCRATCH` names; return what of the notebook could not be used, for a person.

    Args:
        held: The answers that the notebook holds.
        more: What `gemnb pack` put into it.
        near: The project's cache; what it has is not written again.
        folder: An empty folder.
        pins: What the lock says of attempts and inputs.
    """
    stands_for: dict[str, tuple[tuple[str, str], ...]] = {}
    for one in held:
        stands_for |= _files(one.invocation)
        key = record_key(one.record.request_digest, one.record.attempt)
        if not _is_kept(one.record, near):
            _write(folder, key, dump(document(one.record, one.invocation)))
    said = _write_blobs(held, more, near, folder)
    stands_for |= dict(pins.inputs)
    shown_by = (url_entry(url, files[0][1], "") for url, files in stands_for.items() if "://" in url)
    for key, entry in {**dict(shown_by), **more.pointers}.items():
        _write(folder, key, entry)
    Scratch(attempts=pins.attempts, inputs=stands_for).write(folder)
    return said


def _write_blobs(held: Sequence[_Held], more: Packed, near: Tiers, folder: Path) -> list[str]:
    said = []
    embeds: dict[str, list[Shown]] = {}
    for one in held:
        if one.shown is not None and one.index is not None:
            for image in _images(one.record.pictures[one.index]):
                embeds.setdefault(image.blob, []).append(one.shown)
    for digest in _blobs(held):
        if _is_there(digest, near):
            continue
        bytes_there = (shown.decode() for shown in embeds.get(digest, ()))
        data = next((data for data in bytes_there if data is not None and blob_digest(data) == digest), None)
        try:
            data = more.blob(digest) if data is None else data
        except CacheError as error:
            said.append(error.what)
            continue
        if data is not None:
            _write(folder, blob_key(digest), data)
    return said


def _held(cells: Iterable[ScannedCell], more: Packed, said: list[str]) -> Iterator[_Held]:
    shown = [(f"cell {cell.number}", output.document, output) for cell in cells for output in cell.shown]
    for where, found, output in [*shown, *(("what is packed", item, None) for item in more.documents)]:
        try:
            record, invocation, index = parse_document(found)
        except CacheError as error:
            said.append(f"{where}: {error.why or error.what}")
        else:
            yield _Held(record=record, invocation=invocation, index=index, shown=output)


def _is_kept(record: Record, near: Tiers) -> bool:
    try:
        return near.find(record.request_digest, record.attempt) is not None
    except CacheError:  # damaged there; the notebook has a good one
        return False


def _is_there(digest: str, near: Tiers) -> bool:
    try:
        near.blob(digest)
    except CacheError:  # missing, or damaged
        return False
    return True


def _images(picture: Picture) -> list[Image]:
    return [image for image in (picture.original, picture.preview) if image]


def _packed(notebook: JSONObject, said: list[str]) -> Packed:
    try:
        return packed(notebook)
    except CacheError as error:
        said.append(f"what is packed: {error.why or error.what}")
        return packed({})


def _blobs(held: Iterable[_Held]) -> list[str]:
    """Return every digest that answers and their cells refer to, each once."""
    found: dict[str, None] = {}
    for one in held:
        record = one.record
        found |= dict.fromkeys(image.blob for picture in record.pictures for image in _images(picture))
        found |= dict.fromkeys(references(record.response))
        found |= dict.fromkeys(d for content in record.request.contents for d in references(list(content.parts)))
        found |= dict.fromkeys(binding.blob for binding in one.invocation.bindings if binding.blob)
    return list(found)


def _files(invocation: Invocation) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return what each path and glob of a cell stood for when its answer came."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for binding in invocation.bindings:
        if binding.kind in ("file", "url") and binding.blob:
            text = binding.source.removeprefix("file:")
            found[text] = tuple(dict.fromkeys([*found.get(text, ()), (binding.value or text, binding.blob)]))
    return found


def _write(folder: Path, key: str, data: bytes) -> None:
    """Write an entry of the scratch cache; it lives as long as the run, so nothing is synchronised to the disk."""
    path = folder / "cache" / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
