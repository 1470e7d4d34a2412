"""What every store promises, over everything that is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gemnb.cache import DirectoryStore
from gemnb.cache.machine import MachineStore
from gemnb.errors import CorruptEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gemnb.cache import Store

BAD_KEYS = [
    "",
    "../x",
    "a/../x",
    "a/..",
    "..",
    ".",
    "./x",
    "a/./x",
    "/x",
    "//x",
    "a//x",
    "a\\x",
    "..\\x",
    "c:/x",
    "a\x00",
    "a\nb",
    "a\n",
    "A",
    "blobs/AB",
    "ä",
    "a b",
    "~/x",
    "$HOME",
    ".hidden",
    "a/.hidden",
    "x" * 400,
    "a/" * 200 + "x",
]


@pytest.fixture(params=["directory", "machine", "memory"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """A maker of empty stores, of each kind there is."""
    made: list[Store] = []

    def make() -> Store:
        if request.param == "memory":
            return type(request.getfixturevalue("memory"))()
        folder = tmp_path / "inside" / f"cache-{len(made)}"
        made.append(DirectoryStore(folder) if request.param == "directory" else MachineStore(folder))
        return made[-1]

    yield make
    for store in made:
        if isinstance(store, MachineStore):
            store.close()


@pytest.fixture
def store(make_store: Callable[[], Store]) -> Store:
    """An empty store, of each kind there is."""
    return make_store()


def _files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("value", [b"", b"\x00", b"text\r\n", bytes(range(256)) * 5000], ids=len)
def test_bytes_come_back_as_they_went_in(store: Store, value: bytes):
    """What is put is got back, byte by byte."""
    assert store.put("blobs/ab/abcd", value) is True
    assert store.get("blobs/ab/abcd") == value


def test_a_key_nobody_put_is_none(store: Store):
    """A key that was never put has no bytes, and neither has what would lie above or below another key."""
    store.put("a/b/c", b"1")
    assert [store.get(key) for key in ("x", "a/b/d", "a/b/c/d", "z/b/c")] == [None] * 4


def test_a_second_put_changes_nothing(store: Store):
    """Putting a key again returns False and leaves the first bytes."""
    store.put("a/b", b"first")
    assert store.put("a/b", b"second") is False
    assert store.put("a/b", b"first") is False
    assert store.get("a/b") == b"first"


def test_a_deleted_key_is_gone_and_can_be_put_again(store: Store):
    """Deleting takes a key away, so that the next put is a first one."""
    store.put("a/b", b"first")
    store.delete("a/b")
    assert store.get("a/b") is None
    assert list(store.keys("")) == []
    assert store.put("a/b", b"second") is True
    assert store.get("a/b") == b"second"


def test_deleting_nothing_is_no_error(store: Store):
    """Deleting a key that is not there does nothing."""
    store.put("a/b", b"1")
    store.delete("a/c")
    store.delete("x/y/z")
    assert list(store.keys("")) == ["a/b"]


def test_keys_are_those_below_the_prefix_and_no_others(store: Store):
    """A prefix ends at a `/`, so that a neighbour whose name only begins alike is not below it."""
    for key in ("records/ab/x/1.json", "records/ab/x/2.json", "records/ab/xy/1.json", "records/ac/x/1.json"):
        store.put(key, b"")
    assert list(store.keys("records/ab/x/")) == ["records/ab/x/1.json", "records/ab/x/2.json"]
    assert len(list(store.keys("records/ab/"))) == 3
    assert len(list(store.keys("records/"))) == len(list(store.keys(""))) == 4
    assert list(store.keys("blobs/")) == []


def test_keys_of_an_empty_store_are_none(store: Store):
    """A store that nothing was ever put into has no keys and raises nothing."""
    assert list(store.keys("")) == list(store.keys("records/")) == []


def test_keys_are_sorted(store: Store):
    """Keys come in the order of their characters, whatever the order they were put in."""
    for key in ("b/2", "b/10", "a/1", "c", "b/1"):
        store.put(key, b"")
    assert list(store.keys("")) == ["a/1", "b/1", "b/10", "b/2", "c"]


def test_keys_are_sorted_across_folders(store: Store):
    """Keys come in the order of their characters even where a name goes on with a sign that sorts before `/`."""
    for key in ("a/x", "a-b/x", "a.b/x", "ab/x"):
        store.put(key, b"")
    assert list(store.keys("")) == ["a-b/x", "a.b/x", "a/x", "ab/x"]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_key_that_gemnb_does_not_make_is_refused(store: Store, tmp_path: Path, key: str):
    """A key that could lead elsewhere is a CorruptEntry in every method, and nothing on the disk changes."""
    store.put("a/b", b"kept")
    before = _files(tmp_path)
    for act in (store.get, store.delete, lambda bad: store.put(bad, b"!")):
        with pytest.raises(CorruptEntry):
            act(key)
    assert _files(tmp_path) == before
    assert store.get("a/b") == b"kept"


def test_a_key_that_ends_in_a_slash_is_refused(store: Store, tmp_path: Path):
    """A prefix is no key: nothing can be got, put or deleted under it."""
    store.put("a/b", b"kept")
    before = _files(tmp_path)
    for act in (store.get, store.delete, lambda bad: store.put(bad, b"!")):
        with pytest.raises(CorruptEntry):
            act("a/")
    assert _files(tmp_path) == before


@pytest.mark.parametrize("prefix", [key for key in BAD_KEYS if key])
def test_a_prefix_that_gemnb_does_not_make_is_refused(store: Store, prefix: str):
    """A prefix that could lead elsewhere is a CorruptEntry, with and without its closing slash."""
    for bad in (prefix, prefix + "/"):
        with pytest.raises(CorruptEntry):
            list(store.keys(bad))


def test_a_refused_key_is_told_without_its_control_characters(store: Store):
    """The error shows what the bad key was in printable characters."""
    with pytest.raises(CorruptEntry) as caught:
        store.get("a\x1b[2J\x00")
    assert "\\x1b" in str(caught.value)
    assert "\x1b" not in str(caught.value)


KEYS = st.builds(
    "/".join,
    st.tuples(st.sampled_from(["a", "ab", "a-", "b"]), st.sampled_from(["1.json", "2.json", "10.json", "x", "xy"])),
)


def test_a_store_is_a_dict_that_never_forgets_its_first_value(make_store: Callable[[], Store]):
    """Whatever the order of puts, deletes and reads, a store answers as a write-once dict would."""

    class Against(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.store = make_store()
            self.model: dict[str, bytes] = {}

        @rule(key=KEYS, value=st.binary(max_size=20))
        def put(self, key: str, value: bytes) -> None:
            assert self.store.put(key, value) is (key not in self.model)
            self.model.setdefault(key, value)

        @rule(key=KEYS)
        def get(self, key: str) -> None:
            assert self.store.get(key) == self.model.get(key)

        @rule(key=KEYS)
        def delete(self, key: str) -> None:
            self.store.delete(key)
            self.model.pop(key, None)

        @invariant()
        def keys(self) -> None:
            assert sorted(self.store.keys("")) == sorted(self.model)
            for folder in ("a/", "ab/", "c/"):
                assert list(self.store.keys(folder)) == sorted(key for key in self.model if key.startswith(folder))

    run_state_machine_as_test(Against, settings=settings(max_examples=25, stateful_step_count=20, deadline=None))
