"""The machine tier: a bounded second copy of answers this machine received, shared by all projects of the user.

diskcache in the user's own cache folder. Bytes only, inline in SQLite; a row that says it is pickled, or lies in
a file, is refused unread (CVE-2025-69872: a crafted diskcache folder runs code, even under its JSONDisk), and a
folder that belongs to somebody else, or that others can write, is not opened at all.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from functools import cached_property
from typing import TYPE_CHECKING

import diskcache

from gemnb.cache.store import check_key
from gemnb.errors import CorruptEntry, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE_LIMIT = 2 * 1024**3
"""Bytes; beyond it the least recently used rows go. Every answer also lies in its project, which evicts nothing."""

_RAW = 1  # diskcache's mode of a value that is the row itself (core.MODE_RAW)
_LONGEST_LOG = 16384  # pages, 64 MB; SQLite's own 4 MB would move its log into the database at every third picture
_INLINE = 2**40  # bytes; values below this size stay in the row


class _BytesDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache is untyped
    """Stores bytes in rows, and reads nothing else."""

    def store(self, value: object, read: bool, key: object = None) -> tuple[int, int, None, sqlite3.Binary]:  # noqa: ARG002, FBT001 - diskcache's signature
        if not isinstance(value, bytes):
            msg = "the machine tier takes bytes"
            raise TypeError(msg)
        return 0, _RAW, None, sqlite3.Binary(value)

    def fetch(self, mode: int, filename: str | None, value: object, read: bool) -> bytes:  # noqa: ARG002, FBT001
        if mode != _RAW or filename is not None or not isinstance(value, bytes):
            raise CorruptEntry("A row of the machine tier is none that gemnb writes; it was not read.")
        return value

    def get(self, key: object, raw: bool) -> str:  # noqa: FBT001
        if not raw or not isinstance(key, str):
            raise CorruptEntry("A key of the machine tier is none that gemnb writes; it was not read.")
        return key


class MachineStore:
    """A store over diskcache; the folder is made and opened on first use."""

    def __init__(self, folder: Path, size_limit: int = SIZE_LIMIT) -> None:
        self.folder = folder
        self._size_limit = size_limit

    def __repr__(self) -> str:
        return f"MachineStore({str(self.folder)!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return MachineStore, (self.folder, self._size_limit)

    def get(self, key: str) -> bytes | None:
        """Return the bytes under a key, or None.

        Raises:
            CorruptEntry: The row is none that gemnb writes.
            StoreError: The database failed.
        """
        check_key(key)
        try:
            found = self._open.get(key)
        except (sqlite3.Error, OSError, diskcache.Timeout) as error:
            failure = error
        else:
            return found if isinstance(found, bytes) else None
        raise self._failed(failure)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys below a prefix, sorted.

        Raises:
            StoreError: The database failed.
        """
        # A range over the index on keys: a lookup among 100,000 rows touches a handful. diskcache itself can
        # only walk all keys. "0" is the character after "/".
        if prefix:
            check_key(prefix.removesuffix("/"))
        query = "SELECT key FROM Cache WHERE raw = 1 AND key >= ? AND key < ? ORDER BY key"
        bounds = (prefix.removesuffix("/") + "/", prefix.removesuffix("/") + "0") if prefix else ("", "\U0010ffff")
        try:
            rows = self._open._sql(query, bounds).fetchall()  # noqa: SLF001
        except (sqlite3.Error, OSError, diskcache.Timeout) as error:
            failure = error
        else:
            for (key,) in rows:
                yield check_key(key if isinstance(key, str) else "")
            return
        raise self._failed(failure)

    def put(self, key: str, value: bytes) -> bool:
        """Put bytes under a key once; return False where it was there already.

        Raises:
            StoreError: The database failed.
        """
        check_key(key)
        try:
            return bool(self._open.add(key, value))
        except (sqlite3.Error, OSError, diskcache.Timeout) as error:
            failure = error
        raise self._failed(failure)

    def delete(self, key: str) -> None:
        """Take a key away.

        Raises:
            StoreError: The database failed.
        """
        check_key(key)
        try:
            self._open.delete(key)
        except (sqlite3.Error, OSError, diskcache.Timeout) as error:
            failure = error
        else:
            return
        raise self._failed(failure)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Return a context in which many puts are one write to the disk: all of them, or none.

        Raises:
            StoreError: The database failed.
        """
        try:
            with self._open.transact():
                yield
        except (sqlite3.Error, OSError, diskcache.Timeout) as error:
            failure = error
        else:
            return
        raise self._failed(failure)

    def open(self) -> None:
        """Open the database now, to know that it can be.

        Raises:
            StoreError: The folder is somebody else's.
            OSError: It cannot be made.
        """
        try:
            _ = self._open
        except (sqlite3.Error, diskcache.Timeout) as error:
            failure = error
        else:
            return
        raise self._failed(failure)

    def close(self) -> None:
        """Close the database; it opens again on the next use."""
        if "_open" in self.__dict__:
            self._open.close()
            del self.__dict__["_open"]

    @cached_property
    def _open(self) -> diskcache.Cache:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = self.folder.stat()
        if hasattr(os, "getuid") and (
            status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & (stat.S_IWGRP | stat.S_IWOTH)
        ):
            raise StoreError(
                f"{self.folder} belongs to somebody else, or others can write it; it is not opened.",
                hint="GEMNB_MACHINE=off   works without a machine tier",
            )
        return diskcache.Cache(
            str(self.folder),
            disk=_BytesDisk,
            disk_min_file_size=_INLINE,
            size_limit=self._size_limit,
            eviction_policy="least-recently-used",
            statistics=False,
            sqlite_wal_autocheckpoint=_LONGEST_LOG,
        )

    def _failed(self, error: Exception) -> StoreError:
        return StoreError(
            f"The machine tier in {self.folder} failed.",
            why=f"{type(error).__name__}: {error}",
            hint="GEMNB_MACHINE=off   works without it; its folder can be deleted, it holds second copies only.",
        )
