"""Pack a notebook: the originals, previews and inputs of its answers into its own metadata. All is checked first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gemnb.cache.store import blob_key
from gemnb.canonical import blob_digest, short
from gemnb.errors import CorruptEntry, NotebookError
from gemnb.inventory.check import blobs_of, key_of
from gemnb.notebook import cells_of, read_bytes, scan
from gemnb.notebook.files import MAX_NOTEBOOK
from gemnb.notebook.style import read_styled, replace_notebook, write_styled
from gemnb.pack.held import packed, packed_json
from gemnb.pack.imports import bytes_of, import_entries
from gemnb.pack.needed import calls, find_hidden, pointers_of, private_names, shown_answers
from gemnb.pack.pool import name_of, open_pool
from gemnb.records import document as record_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gemnb.cache import Cache, Kept
    from gemnb.model import JSONObject
    from gemnb.notebook import ScannedCell
    from gemnb.pack.imports import Entry
    from gemnb.pack.needed import Needed
    from gemnb.pack.pool import Name, Pool

NOT_SHOWN = 10_000_000
"""Bytes from which GitHub shows no notebook any more (google-gemini/cookbook #551: one of 14 MB did not load)."""

SLOW = 50_000_000
"""Bytes from which JupyterLab is slow: 16 s to open 50 MB, 31 s for 200 MB (measured with 4.6); git hosts warn."""

NOT_PUSHED = 100_000_000
"""Bytes from which GitHub refuses a push (its limit for a file is 100 MiB)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackReport:
    """What packing one notebook came to.

    Attributes:
        path: The notebook.
        pictures: Originals and previews that are packed.
        inputs: Other bytes that are packed: input pictures, earlier turns, drafts.
        answers: Answers packed that no output shows.
        before: The notebook's bytes before.
        after: Its bytes afterwards.
        left_out: Cells with answers marked `publish: false`, which were left out.
        lacking: Cells that show nothing, and for which no answer is kept.
        calls: Whether its code calls `gemnb.generate`: of its answers, those that no output, binding or literal
            prompt leads to cannot be found.
        exact: Whether its formatting was kept; else it is Jupyter's now.
    """

    path: Path
    pictures: int
    inputs: int
    answers: int
    before: int
    after: int
    left_out: tuple[int, ...] = ()
    lacking: tuple[int, ...] = ()
    calls: bool = False
    exact: bool = True

    @property
    def complete(self) -> bool:
        """Whether every cell of the notebook has what it needs."""
        return not self.left_out and not self.lacking


def pack_notebook(  # noqa: PLR0913 - what is packed, from where, to where
    path: Path,
    cache: Cache,
    private: Cache,
    *,
    include_private: bool = False,
    output: Path | None = None,
    limit: int | None = NOT_PUSHED,
    dry_run: bool = False,
) -> PackReport:
    """Put into a notebook all that its cells need, so that it can be reproduced where nothing else is.

    Args:
        path: The notebook; it is written only if it changes.
        cache: The project's cache; nothing is changed in it.
        private: Its part that is not committed.
        include_private: Answers marked `publish: false` are packed too.
        output: Another file to write.
        limit: A bigger notebook than so many bytes is not written; None for any.
        dry_run: Nothing is written.

    Raises:
        NotebookError: It is no notebook of format 4, would be too big, or cannot be written.
        CacheError: Something it needs is missing or damaged; nothing was written.
    """
    before = read_bytes(path)
    document, style = read_styled(before, str(path))
    report, changed = _pack(document, path, cache, private, include_private=include_private)
    after = write_styled(document, style) if changed else before
    if len(after) > MAX_NOTEBOOK or (limit is not None and len(after) >= limit and not dry_run):
        raise NotebookError(
            f"{path} would have {len(after) / 1e6:.0f} MB; it was not written.",
            why="GitHub takes no file of more than 100 MB, and JupyterLab needs half a minute to open one.",
            hint=("" if len(after) > MAX_NOTEBOOK else f"gemnb pack --yes {path}   writes it even so\n")
            + f"gemnb cache export pictures.zip {path}   keeps its pictures in a file beside it",
        )
    if not dry_run:
        replace_notebook(path, output, before, after)
    return replace(report, before=len(before), after=len(after), exact=style.exact or after == before)


def _pack(
    document: JSONObject, path: Path, cache: Cache, private: Cache, *, include_private: bool
) -> tuple[PackReport, bool]:
    """Pack a document in place; return what it came to, and whether anything changed."""
    name = str(path)
    metadata, own = _place(document, name)
    held = packed(document, name)
    cells = cells_of(document, name)
    scanned = scan(cells)
    pool = open_pool(held, embedded_pictures(scanned), cache, private)
    found = shown_answers(scanned, name)
    find_hidden(found, scanned, cells, pool)
    apart = private_names(found, pool)
    gathered = _gather(found, pool, apart, import_entries(cells, pool, private=include_private), include_private)
    hidden = [kept for n, kept in sorted(found.hidden.items()) if n not in gathered.left_out]
    changed = False
    if gathered.blobs or hidden or gathered.pointers:
        made = held.made or tuple(
            member for member, there in (("metadata", metadata), ("gemnb", own)) if there is None
        )
        keys = {key_of(kept) for kept in hidden if name_of(kept.record) in apart} | gathered.private
        content = packed_json(
            gathered.blobs,
            [record_document(kept.record, kept.invocation) for kept in hidden],
            gathered.pointers,
            frozenset(keys),
            made,
        )
        changed = _put(document, content)
    pictures = _pictures(found)
    report = PackReport(
        path=path,
        pictures=len(pictures & gathered.blobs.keys()),
        inputs=len(gathered.blobs.keys() - pictures),
        answers=len(hidden),
        before=0,
        after=0,
        left_out=tuple(sorted({found.cells[n] for n in gathered.left_out} - {0})),
        lacking=tuple(found.lacking),
        calls=calls(cells),
    )
    return report, changed


def embedded_pictures(scanned: Iterable[ScannedCell]) -> dict[str, bytes]:
    """Return the pictures that stand beside records in outputs, by digest."""
    return {blob_digest(s.picture): s.picture for cell in scanned for s in cell.shown if s.picture is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gathered:
    blobs: Mapping[str, bytes]
    pointers: Mapping[str, bytes]
    private: frozenset[str]
    left_out: frozenset[Name]


def _gather(
    found: Needed,
    pool: Pool,
    apart: set[Name],
    imports: Iterable[Entry],
    include_private: bool,  # noqa: FBT001
) -> _Gathered:
    """Return every byte that is needed, checked; nothing is missing, or it raises."""
    blobs: dict[str, bytes] = {digest: pool.own.blob(digest) or b"" for digest in pool.own.digests}
    keys = {key for key in pool.own.private if key.startswith("blobs/")}
    left_out = set() if include_private else apart - pool.packed
    for name, kept in found.answers():
        for digest in blobs_of(kept) if name not in left_out else ():
            if digest in blobs or digest in pool.embedded:
                continue
            data = pool.blob(digest)
            if data is None and (data := pool.private_blob(digest)) is not None:
                if not include_private:
                    left_out.add(name)
                    continue
                keys.add(blob_key(digest))
            if data is None:
                raise _missing(digest, kept, found.cells.get(name, 0))
            blobs[digest] = data
    imports = list(imports)
    for key, entry, is_apart in imports:
        pictures = bytes_of(entry, pool)
        blobs |= pictures
        keys |= {key, *map(blob_key, pictures)} if is_apart else set()
    for digest in pool.embedded:
        blobs.pop(digest, None)
    # An input of a private cell alone is private, whoever has the same file in the open.
    public = {digest for name, kept in found.answers() if name not in apart for digest in blobs_of(kept)}
    hidden = {digest for name, kept in found.answers() if name in apart for digest in blobs_of(kept)}
    keys |= {blob_key(digest) for digest in (hidden - public) & blobs.keys()}
    there = blobs.keys() | pool.embedded.keys()
    led = list(pointers_of(found, pool, set(there), private=include_private))
    keys |= {key for key, _, is_apart in led if is_apart}
    return _Gathered(
        blobs=blobs,
        pointers={key: data for key, data, _ in [*led, *imports]},
        private=frozenset(keys),
        left_out=frozenset(left_out),
    )


def _missing(digest: str, kept: Kept, cell: int) -> CorruptEntry:
    what = next(
        (
            word
            for picture in kept.record.pictures
            for word, image in (("original", picture.original), ("preview", picture.preview))
            if image is not None and image.blob == digest
        ),
        "input picture, earlier turn or draft",
    )
    where = f"of cell {cell}" if cell else f"of the answer {short(kept.record.request_digest)}"
    key = blob_key(digest)
    return CorruptEntry(
        f"The {what} {short(digest)} {where} is not in the cache; nothing was packed.",
        why=f"cache/{key} is not there.",
        hint=f"git checkout -- cache/{key}   brings it back if it was committed\n"
        "gemnb cache import FILE.zip   takes it from an export",
        digest=digest,
    )


def _pictures(found: Needed) -> set[str]:
    images = (i for _, kept in found.answers() for p in kept.record.pictures for i in (p.original, p.preview))
    return {image.blob for image in images if image is not None}


def _place(document: JSONObject, name: str) -> tuple[JSONObject | None, JSONObject | None]:
    """Return `metadata` and `metadata.gemnb`, each None where it is not there."""
    if document.get("nbformat") != 4:
        raise NotebookError(
            f"{name} is no notebook of format 4, and only these are packed.",
            hint=f"jupyter nbconvert --to notebook --nbformat 4 --inplace {name}",
        )
    metadata = document.get("metadata")
    own = metadata.get("gemnb") if isinstance(metadata, dict) else None
    for member, value in (("metadata", metadata), ("metadata.gemnb", own)):
        if value is not None and not isinstance(value, dict):
            raise NotebookError(f"{name} is no notebook.", why=f"Its {member} is no object.")
    return metadata if isinstance(metadata, dict) else None, own if isinstance(own, dict) else None


def _put(document: JSONObject, content: JSONObject) -> bool:
    metadata = document.setdefault("metadata", {})
    own = metadata.setdefault("gemnb", {}) if isinstance(metadata, dict) else None
    if not isinstance(own, dict) or own.get("packed") == content:
        return False
    own["packed"] = content
    return True
