"""The machine tier's own promises: bounded, bytes only, and nothing in it runs."""

from __future__ import annotations

import pickle
import sqlite3
from typing import TYPE_CHECKING

import pytest

from gemnb.cache.machine import MachineStore
from gemnb.errors import CorruptEntry, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MachineStore]:
    """An empty machine tier."""
    made = MachineStore(tmp_path / "machine")
    yield made
    made.close()


class Bomb:
    """Something that leaves a trace when it is unpickled."""

    def __init__(self, trace: str) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return open, (self.trace, "w")


def craft(store: MachineStore, **columns: object) -> None:
    """Change every row of the database by hand, as somebody who wants to harm would."""
    store.close()
    with sqlite3.connect(store.folder / "cache.db") as database:
        for name, value in columns.items():
            database.execute(f"UPDATE Cache SET {name} = ?", (value,))
    database.close()


@pytest.mark.parametrize("as_key", [False, True])
def test_a_pickled_row_is_refused_unread(store: MachineStore, tmp_path: Path, *, as_key: bool) -> None:
    """A crafted row that says it is pickled, as value or as key, is an error, and nothing of it runs."""
    trace = tmp_path / "ran"
    store.put("blobs/ab/abcd", b"good")
    crafted = pickle.dumps(Bomb(str(trace)))
    if as_key:
        craft(store, key=crafted, raw=0)
        assert store.get("blobs/ab/abcd") is None
        assert list(store.keys("")) == []
    else:
        craft(store, mode=4, value=crafted)
        with pytest.raises(CorruptEntry):
            store.get("blobs/ab/abcd")

    assert not trace.exists()


def test_a_row_that_lies_in_a_file_is_refused_unread(store: MachineStore, tmp_path: Path) -> None:
    """A crafted row that names a file elsewhere brings nothing of it."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    store.put("blobs/ab/abcd", b"good")
    craft(store, mode=2, filename=str(secret), value=None)

    with pytest.raises(CorruptEntry):
        store.get("blobs/ab/abcd")
    assert secret.read_bytes() == b"secret"


def test_values_lie_inline(store: MachineStore) -> None:
    """However big a value is, it makes no file of its own."""
    store.put("blobs/ab/abcd", bytes(3_000_000))

    assert {path.name for path in store.folder.iterdir()} <= {"cache.db", "cache.db-wal", "cache.db-shm"}


def test_it_is_bounded_and_drops_the_least_recently_used(tmp_path: Path) -> None:
    """Beyond its size old rows go, those used lately stay."""
    store = MachineStore(tmp_path / "machine", size_limit=4_000_000)
    for number in range(40):
        store.put(f"blobs/ab/{number:04}", bytes(200_000))
        store.get("blobs/ab/0000")
    kept = list(store.keys("blobs/"))
    store.close()

    assert "blobs/ab/0000" in kept
    assert "blobs/ab/0001" not in kept
    assert len(kept) < 30


def test_a_folder_that_others_can_write_is_not_opened(tmp_path: Path) -> None:
    """A database that somebody else could have written is refused with the way round it."""
    folder = tmp_path / "machine"
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(StoreError, match="others can write it") as caught:
        MachineStore(folder).get("blobs/ab/abcd")
    assert "GEMNB_MACHINE=off" in caught.value.hint


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\x00" + bytes(500)])
def test_a_broken_database_is_an_error_and_no_miss(tmp_path: Path, content: bytes) -> None:
    """A database that cannot be read says so, and names what to do."""
    folder = tmp_path / "machine"
    folder.mkdir(mode=0o700)
    (folder / "cache.db").write_bytes(content)
    store = MachineStore(folder)

    with pytest.raises(StoreError, match="failed") as caught:
        store.get("blobs/ab/abcd")
    assert "GEMNB_MACHINE=off" in caught.value.hint


def test_it_pickles_without_its_connection(store: MachineStore) -> None:
    """A copy in another process opens the database by itself."""
    store.put("blobs/ab/abcd", b"good")
    copy = pickle.loads(pickle.dumps(store))

    assert copy.get("blobs/ab/abcd") == b"good"
    copy.close()


def test_a_transaction_is_kept_whole_or_not_at_all(store: MachineStore) -> None:
    """What was put before an error in a transaction is not there after it; a failing database is a StoreError."""

    def fail() -> None:
        with store.transaction():
            store.put("blobs/ab/abcd", b"bytes")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(store.keys("")) == []
    with pytest.raises(StoreError), store.transaction():
        raise sqlite3.OperationalError
    with store.transaction():
        store.put("blobs/ab/abcd", b"bytes")
    assert store.get("blobs/ab/abcd") == b"bytes"
