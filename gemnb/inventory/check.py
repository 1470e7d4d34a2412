"""Check everything a cache keeps: records parsed, blobs hashed, references and pointers followed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gemnb.cache import Cache, DirectoryStore
from gemnb.canonical import short
from gemnb.errors import CacheError
from gemnb.inventory.answers import blobs_of, key_of, own_blobs
from gemnb.inventory.listing import Damaged, blob_keys, digest_of, folder_name, read_records, size_of
from gemnb.inventory.pointers import faulty_pointers, pointer_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gemnb.cache import Store

__all__ = ["Checked", "blobs_of", "check_cache", "key_of"]

_PARTS = ("records", "blobs", "pixels", "urls", "imports")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was looked at, and what is wrong with it.

    Attributes:
        records: How many answers.
        blobs: How many blobs.
        pointers: How many entries that lead from pixels, URLs and imports to bytes.
        size: The bytes of answers and blobs.
        damaged: What is not as it should be.
    """

    records: int
    blobs: int
    pointers: int
    size: int
    damaged: tuple[Damaged, ...]


def check_cache(cache: Cache, *, beside: Sequence[Cache] = (), brings_inputs: bool = True) -> Checked:
    """Return what is damaged or missing; nothing is set aside or written.

    Args:
        cache: What is checked.
        beside: What lies beside it and is committed with it: bytes may be there.
        brings_inputs: Whether the bytes that were sent lie here too; in the spill folder they may be in a project.

    Raises:
        StoreError: A folder of the cache cannot be listed.
    """
    looking = Cache(cache.store, look_only=True)
    listing = read_records(looking)
    blobs = blob_keys(cache.store)
    damaged = [*_no_folders(cache.store), *listing.damaged]
    for key in blobs:
        try:
            looking.blob(digest_of(key))
        except CacheError as error:
            damaged.append(Damaged(key=key, why=error.why or error.what))
    damaged += faulty_pointers(looking)
    there = {digest_of(key) for place in (cache, *beside) for key in blob_keys(place.store)}
    lacking: dict[str, str] = {}
    for kept in listing.kept:
        for digest in blobs_of(kept) if brings_inputs else own_blobs(kept):
            if digest not in there:
                lacking.setdefault(digest, kept.record.request_digest)
    damaged += [
        Damaged(key=f"blobs/{digest[7:9]}/{digest[7:]}", why=f"Missing; the answer {short(request)} refers to it.")
        for digest, request in sorted(lacking.items())
    ]
    folder = folder_name(cache.store)
    return Checked(
        records=len(listing.kept),
        blobs=len(blobs),
        pointers=len(pointer_keys(cache.store)),
        size=sum(size_of(cache.store, [*blobs, *(key_of(kept) for kept in listing.kept)]).values()),
        damaged=tuple(replace(item, folder=folder) for item in damaged),
    )


def _no_folders(store: Store) -> Iterator[Damaged]:
    """Yield the parts of a cache that are there and are no folders: what should be in them reads as missing."""
    if isinstance(store, DirectoryStore):
        for part in _PARTS:
            path = store.root / part
            if path.exists() and not path.is_dir():
                yield Damaged(key=part, why="It is no folder.")
