"""The seam of the cache: a store is get, keys, put and delete over bytes. Keys are `/`-separated safe names."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Protocol, cast

from gemnb.canonical import is_digest
from gemnb.errors import CorruptEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*")
_KEY_LIMIT = 300  # characters
_RECORD = re.compile(r"records/[0-9a-f]{2}/[0-9a-f]{64}/([1-9]\d{0,5})\.json")


class Reader(Protocol):
    """Something bytes can be read from."""

    def get(self, key: str) -> bytes | None:
        """Return the bytes under the key, or None where there are none."""

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below a prefix that ends in `/` (or all, for the empty prefix)."""


class Store(Reader, Protocol):
    """A reader that bytes can also be put into. Every failure is a `StoreError`, never a miss."""

    def put(self, key: str, value: bytes) -> bool:
        """Put bytes under a key once, durably; return False where the key was there already."""

    def delete(self, key: str) -> None:
        """Take the key away; nothing happens where it is not there."""


def together(store: Store) -> contextlib.AbstractContextManager[None]:
    """Return a context in which puts are one write, in a store that can do that."""
    transaction = getattr(store, "transaction", contextlib.nullcontext)
    return cast("contextlib.AbstractContextManager[None]", transaction())


def is_key(key: str) -> bool:
    """Return whether gemnb could have made this key; other names in a cache folder are passed over."""
    return len(key) <= _KEY_LIMIT and _KEY.fullmatch(key) is not None


def check_key(key: str) -> str:
    """Return the key if no path can be made of it that leads elsewhere.

    Raises:
        CorruptEntry: It is no key that gemnb makes.
    """
    if not is_key(key):
        raise CorruptEntry("A name in the cache is none that gemnb makes.", why=repr(key)[:200])
    return key


def blob_key(digest: str) -> str:
    """Return the key of a blob: `blobs/ab/abcd…`."""
    name = _hex(digest)
    return f"blobs/{name[:2]}/{name}"


def record_prefix(digest: str) -> str:
    """Return the prefix of the attempts at a request: `records/ab/abcd…/`."""
    name = _hex(digest)
    return f"records/{name[:2]}/{name}/"


def record_key(digest: str, attempt: int) -> str:
    """Return the key of one attempt: `records/ab/abcd…/1.json`."""
    return f"{record_prefix(digest)}{attempt}.json"


def attempt_of(key: str) -> int | None:
    """Return the attempt a record's key names, or None for any other key."""
    match = _RECORD.fullmatch(key)
    return int(match.group(1)) if match else None


def _hex(digest: str) -> str:
    if not is_digest(digest):
        raise CorruptEntry("A digest is none.", why=repr(digest)[:200])
    return digest.removeprefix("sha256:")
