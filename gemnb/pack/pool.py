"""The answers and bytes that packing draws from: those in the notebook already, the cache, its private part."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.cache import Cache, Kept
from gemnb.errors import CorruptEntry
from gemnb.inventory.check import key_of
from gemnb.inventory.listing import read_records
from gemnb.inventory.pointers import pointers
from gemnb.records import parse_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gemnb.model import Record
    from gemnb.pack.held import Packed

Name = tuple[str, int]
"""Digest of a request, and which answer to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Every answer in reach, by request and attempt, and where the bytes are.

    Attributes:
        kept: The answers.
        own: What is packed in the notebook already.
        embedded: The pictures in its outputs, by digest.
        cache: The project's cache.
        private: Its part that is not committed.
        apart: Answers that are only there, or were.
        packed: Answers that are packed in the notebook already.
        damaged: Keys of damaged records, and why.
    """

    kept: Mapping[Name, Kept]
    own: Packed
    embedded: Mapping[str, bytes]
    cache: Cache
    private: Cache
    apart: frozenset[Name]
    packed: frozenset[Name]
    damaged: Mapping[str, str] = field(default_factory=dict)

    def latest(self, request: str) -> Name | None:
        """Return the latest answer to a request, or None."""
        attempts = [attempt for digest, attempt in self.kept if digest == request]
        return (request, max(attempts)) if attempts else None

    def blob(self, digest: str) -> bytes | None:
        """Return bytes from the notebook or from what is committed, or None.

        Raises:
            CorruptEntry: They are damaged.
            StoreError: The cache failed.
        """
        data = self.embedded.get(digest) or self.own.blob(digest)
        return self.cache.get_blob(digest) if data is None else data

    def private_blob(self, digest: str) -> bytes | None:
        """Return bytes that are kept apart, or None."""
        return self.private.get_blob(digest)

    def pointers(self, *, private: bool) -> Iterator[tuple[str, bytes, bool]]:
        """Yield the entries that lead to bytes, each once: key, bytes, whether it is kept apart."""
        seen = set(self.own.pointers)
        for key, data in self.own.pointers.items():
            yield key, data, key in self.own.private
        for cache, apart in ((self.cache, False), (self.private, True)) if private else ((self.cache, False),):
            for key, data in pointers(cache.store):
                if key not in seen:
                    seen.add(key)
                    yield key, data, apart


def open_pool(own: Packed, embedded: Mapping[str, bytes], cache: Cache, private: Cache) -> Pool:
    """Read every answer in reach; nothing is changed by it.

    Raises:
        CacheError: What is packed in the notebook is damaged, or a folder of the cache cannot be listed.
    """
    looking, apart_looking = (Cache(place.store, look_only=True) for place in (cache, private))
    found: dict[Name, Kept] = {}
    apart: set[Name] = set()
    for kept in own_answers(own):
        found[name_of(kept.record)] = kept
        if key_of(kept) in own.private:
            apart.add(name_of(kept.record))
    packed = frozenset(found)
    damaged: dict[str, str] = {}
    for place in (looking, apart_looking):
        listing = read_records(place)
        damaged |= {entry.key: entry.why for entry in listing.damaged}
        for kept in listing.kept:
            if name_of(kept.record) not in found:
                found[name_of(kept.record)] = kept
                if place is apart_looking:
                    apart.add(name_of(kept.record))
    return Pool(
        kept=dict(sorted(found.items())),
        own=own,
        embedded=embedded,
        cache=looking,
        private=apart_looking,
        apart=frozenset(apart),
        packed=packed,
        damaged=damaged,
    )


def own_answers(own: Packed) -> list[Kept]:
    """Return the answers packed in a notebook, each checked.

    Raises:
        CorruptEntry: One is not what gemnb writes.
        UnknownSchema: One was written by a later gemnb.
    """
    found = []
    for number, document in enumerate(own.documents, 1):
        try:
            record, invocation, _ = parse_document(document)
        except CorruptEntry as error:
            reason = error.why or error.what
        else:
            found.append(Kept(record=record, invocation=invocation))
            continue
        raise CorruptEntry(f"What is packed into {own.name} is damaged.", why=f"Answer {number}: {reason}")
    return found


def name_of(record: Record) -> Name:
    """Return by which request and attempt a record is named."""
    return record.request_digest, record.attempt
