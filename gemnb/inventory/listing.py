"""List what a cache keeps. Damaged entries are passed over and reported; nothing is changed by looking."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gemnb.cache import Cache, DirectoryStore
from gemnb.cache.store import attempt_of, blob_key, record_key
from gemnb.canonical import is_digest
from gemnb.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gemnb.cache import Kept, Store

NEWEST = 1000
"""As many records are read to explain something in a notebook.

Reading and checking one takes about half a millisecond, so that an answer comes within a second however big the
cache is. The newest are taken, by the time of their files: what a person has just missed is near to what they
made lately. In a cache that holds fewer, which is nearly every one, the times play no part.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """An entry that is not what its name says, and why.

    Attributes:
        key: Its key.
        why: What is wrong with it.
        folder: How the folder of its cache is named to a person.
    """

    key: str
    why: str
    folder: str = "cache"

    @property
    def name(self) -> str:
        """Where it lies, for a person."""
        return f"{self.folder}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What was read.

    Attributes:
        kept: The records, in the order of their keys.
        damaged: What was passed over.
        unread: How many records were not looked at, because there are more than were asked for.
    """

    kept: tuple[Kept, ...]
    damaged: tuple[Damaged, ...] = ()
    unread: int = 0


def record_keys(store: Store, prefix: str = "records/") -> list[str]:
    """Return the keys of all records below a prefix, sorted; foreign files are passed over."""
    return [key for key in store.keys(prefix) if attempt_of(key) is not None]


def blob_keys(store: Store, prefix: str = "blobs/") -> list[str]:
    """Return the keys of all blobs below a prefix, sorted; foreign files are passed over."""
    return [key for key in store.keys(prefix) if is_digest(digest_of(key)) and blob_key(digest_of(key)) == key]


def digest_of(key: str) -> str:
    """Return the digest in the key of a record or a blob."""
    return "sha256:" + key.split("/")[2] if key.count("/") >= 2 else ""


def read_records(cache: Cache, *, limit: int | None = None) -> Listing:
    """Read the records of a cache.

    Args:
        cache: The cache; damaged entries stay where they are.
        limit: Read the newest so many only.

    Raises:
        StoreError: A folder of the cache cannot be listed.
    """
    keys = record_keys(cache.store)
    chosen = keys if limit is None or len(keys) <= limit else sorted(_newest(cache.store, keys)[:limit])
    kept: list[Kept] = []
    damaged: list[Damaged] = []
    folder = folder_name(cache.store)
    for item in _read(Cache(cache.store, look_only=True), chosen):
        if isinstance(item, Damaged):
            damaged.append(replace(item, folder=folder))
        else:
            kept.append(item)
    return Listing(kept=tuple(kept), damaged=tuple(damaged), unread=len(keys) - len(chosen))


def folder_name(store: Store) -> str:
    """Return how a store's folder is named to a person: `cache` and `cache/private` in short, others as they are."""
    root = store.root if isinstance(store, DirectoryStore) else None
    if root is None or root.name == "cache":
        return "cache"
    return "cache/private" if (root.parent.name, root.name) == ("cache", "private") else str(root)


def size_of(store: Store, keys: Iterable[str]) -> dict[str, int]:
    """Return how many bytes lie under each key; 0 where there is nothing."""
    if isinstance(store, DirectoryStore):
        return {key: _status(store, key)[1] for key in keys}
    return {key: len(store.get(key) or b"") for key in keys}


def _read(cache: Cache, keys: Iterable[str]) -> Iterator[Kept | Damaged]:
    for key in keys:
        digest, attempt = digest_of(key), attempt_of(key) or 0
        if record_key(digest, attempt) != key:
            yield Damaged(key=key, why="It lies in the folder of another digest.")
            continue
        try:
            found = cache.find(digest, attempt)
        except CacheError as error:  # one unreadable file must not hide all the others
            yield Damaged(key=key, why=error.why or error.what)
        else:
            if found is not None:
                yield found


def _newest(store: Store, keys: list[str]) -> list[str]:
    if not isinstance(store, DirectoryStore):
        return keys
    return sorted(keys, key=lambda key: (-_status(store, key)[0], key))


def _status(store: DirectoryStore, key: str) -> tuple[int, int]:
    try:
        status = (store.root / key).lstat()
    except OSError:  # gone since it was listed
        return 0, 0
    return status.st_mtime_ns, status.st_size
