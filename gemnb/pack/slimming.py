"""Slim a notebook: what is packed in it goes into the cache, is read back there, and only then taken out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.cache import Cache
from gemnb.cache.store import blob_key
from gemnb.errors import CorruptEntry, StoreError
from gemnb.inventory.check import blobs_of, key_of
from gemnb.notebook import cells_of, read_bytes, scan
from gemnb.notebook.style import read_styled, replace_notebook, write_styled
from gemnb.pack.held import packed
from gemnb.pack.needed import says_private, shown_answers
from gemnb.pack.packing import embedded_pictures
from gemnb.pack.pool import own_answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gemnb.cache import Kept
    from gemnb.model import JSONObject
    from gemnb.pack.held import Packed


@dataclass(frozen=True, slots=True, kw_only=True)
class SlimReport:
    """What slimming one notebook came to.

    Attributes:
        path: The notebook.
        blobs: Pictures and other bytes that were taken out of it.
        answers: Answers that were.
        new: How many of both the cache did not hold before.
        before: The notebook's bytes before.
        after: Its bytes afterwards.
        exact: Whether its formatting was kept; else it is Jupyter's now.
    """

    path: Path
    blobs: int
    answers: int
    new: int
    before: int
    after: int
    exact: bool = True


def slim_notebook(
    path: Path, cache: Cache, private: Cache, *, output: Path | None = None, dry_run: bool = False
) -> SlimReport:
    """Take out of a notebook what `pack_notebook` put into it, once the cache holds all of it.

    The answers that its outputs show are put into the cache too, where they are whole, so that it replays from
    there. Nothing that is kept is replaced.

    Args:
        path: The notebook; it is written only if something is packed in it.
        cache: The project's cache.
        private: Its part that is not committed.
        output: Another file to write.
        dry_run: Nothing is written.

    Raises:
        NotebookError: It is no notebook, or cannot be written.
        CorruptEntry: What is packed is damaged, or the cache holds another answer in its place; nothing was changed.
        StoreError: The cache cannot be written; the notebook is as it was.
    """
    before = read_bytes(path)
    document, style = read_styled(before, str(path))
    held = packed(document, str(path))
    answers = own_answers(held)
    blobs = {digest: held.blob(digest) or b"" for digest in sorted(held.digests)}
    places = _Places(cache=cache, private=private, held=held)
    places.refuse_others(answers)
    new = 0
    if held and not dry_run:
        new = places.put(blobs, answers)
        _put_shown(document, str(path), places)
        places.read_back(blobs, answers)
    after = write_styled(document, style) if _take_out(document, held) else before
    if not dry_run:
        replace_notebook(path, output, before, after)
    return SlimReport(
        path=path,
        blobs=len(blobs),
        answers=len(answers),
        new=new,
        before=len(before),
        after=len(after),
        exact=style.exact or after == before,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    cache: Cache
    private: Cache
    held: Packed

    def of(self, key: str) -> Cache:
        """Return where an entry belongs."""
        return self.private if key in self.held.private else self.cache

    def refuse_others(self, answers: Iterable[Kept]) -> None:
        """Refuse before anything is put where the cache holds something else under a name."""
        for kept in answers:
            place = self.of(key_of(kept))
            there = Cache(place.store, look_only=True).find(kept.record.request_digest, kept.record.attempt)
            if there is not None and there != kept:
                raise self._other(key_of(kept))
        for key, data in self.held.pointers.items():
            if self.of(key).store.get(key) not in (None, data):
                raise self._other(key)

    def put(self, blobs: Mapping[str, bytes], answers: Iterable[Kept]) -> int:
        """Put bytes, then what leads to them, then answers; return how many were not there."""
        new = 0
        for digest, data in blobs.items():
            place = self.of(blob_key(digest))
            new += len(place.missing([digest]))
            place.put_blob(data)
        for key, data in self.held.pointers.items():
            self.of(key).store.put(key, data)
        for kept in answers:
            place = self.of(key_of(kept))
            new += kept.record.attempt not in place.attempts(kept.record.request_digest)
            place.adopt(kept.record, kept.invocation, {})
        return new

    def read_back(self, blobs: Iterable[str], answers: Iterable[Kept]) -> None:
        """Refuse to go on unless the cache gives back what was put."""
        for digest in blobs:
            Cache(self.of(blob_key(digest)).store, look_only=True).blob(digest)
        for kept in answers:
            looking = Cache(self.of(key_of(kept)).store, look_only=True)
            if looking.find(kept.record.request_digest, kept.record.attempt) != kept:
                raise StoreError(f"The cache does not hold {key_of(kept)}; {self.held.name} is as it was.")
        for key, data in self.held.pointers.items():
            if self.of(key).store.get(key) != data:
                raise StoreError(f"The cache does not hold {key}; {self.held.name} is as it was.")

    def _other(self, key: str) -> CorruptEntry:
        return CorruptEntry(
            f"The cache holds something else under cache/{key} than {self.held.name}; nothing was changed.",
            why="What is kept is never replaced.",
            hint=f"GEMNB_CACHE=/another/folder gemnb slim {self.held.name}   keeps what is packed there",
            key=key,
        )


def _put_shown(document: JSONObject, name: str, places: _Places) -> None:
    """Put the answers that outputs show beside the rest, those of which all bytes are there."""
    scanned = scan(cells_of(document, name))
    embedded = embedded_pictures(scanned)
    for several in shown_answers(scanned, name).shown.values():
        kept = several[0]
        place = places.private if says_private(kept.invocation) else places.cache
        wanted = [digest for output in several for digest in blobs_of(output)]
        own = {digest: embedded[digest] for digest in wanted if digest in embedded}
        lacking = places.cache.missing(digest for digest in wanted if digest not in own)
        if kept.record.attempt in place.attempts(kept.record.request_digest) or places.private.missing(lacking):
            continue
        place.adopt(kept.record, kept.invocation, own)


def _take_out(document: JSONObject, held: Packed) -> bool:
    """Remove what packing added; return whether there was anything."""
    metadata = document.get("metadata")
    own = metadata.get("gemnb") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(own, dict) or "packed" not in own:
        return False
    del own["packed"]
    if "gemnb" in held.made and not own:
        del metadata["gemnb"]
    if "metadata" in held.made and not metadata:
        del document["metadata"]
    return True
