"""The store of plain files: what is special about it, beside the contract of every store."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import stat
from typing import TYPE_CHECKING

import pytest

from gemnb.cache import DirectoryStore
from gemnb.cache.directory import MAX_FILE
from gemnb.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "blobs/ab/abcd"


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    """A store in a folder that does not exist yet."""
    return DirectoryStore(tmp_path / "project" / "cache")


def _temporary(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if ".tmp" in path.name]


def test_keys_are_paths_below_the_folder(store: DirectoryStore):
    """A key is the path of a plain file that holds the value and nothing else."""
    store.put(KEY, b"bytes")
    assert (store.root / "blobs" / "ab" / "abcd").read_bytes() == b"bytes"


def test_looking_makes_no_folder(store: DirectoryStore):
    """Reading, listing and deleting in a folder that is not there leave it not there."""
    assert store.get(KEY) is None
    assert list(store.keys("records/")) == []
    store.delete(KEY)
    assert not store.root.exists()


def test_of_eight_writers_one_is_first(store: DirectoryStore, run_together: Callable[..., list[str]]):
    """Eight processes put the same keys at once: for each key exactly one is first, and its bytes are whole."""
    keys = [f"blobs/ab/{number}" for number in range(6)]
    said = [
        json.loads(text) for text in run_together("put_once.py", *([str(store.root), c, *keys] for c in "abcdefgh"))
    ]
    for index, key in enumerate(keys):
        winners = [letter for letter, answers in zip("abcdefgh", said, strict=True) if answers[index]]
        assert len(winners) == 1
        assert store.get(key) == winners[0].encode() * 1_000_000
    assert _temporary(store.root) == []


def test_no_temporary_file_stays(store: DirectoryStore):
    """Neither a first put, nor a second one, nor one that fails leaves a temporary file."""
    store.put(KEY, b"first")
    store.put(KEY, b"second")
    with pytest.raises(StoreError):
        store.put(KEY + "/below", b"third")
    assert _temporary(store.root.parent) == []
    assert list(store.keys("")) == [KEY]


def test_a_temporary_file_of_a_killed_writer_is_no_key(store: DirectoryStore):
    """What a killed writer left behind is neither listed nor in the way of the next writer."""
    store.put("blobs/ab/other", b"")
    (store.root / "blobs" / "ab" / ".abcd.0123456789ab.tmp").write_bytes(b"half")
    assert list(store.keys("")) == ["blobs/ab/other"]
    assert store.put(KEY, b"whole") is True
    assert store.get(KEY) == b"whole"


@pytest.mark.parametrize("where", ["a file stands where the cache would be", "below a device", "below a file"])
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, where: str):
    """Where no folder can be made (modes would not stop root, so a file is in the way) put says what, why, hint."""
    (tmp_path / "file").write_bytes(b"")
    roots = {
        "a file stands where the cache would be": tmp_path / "file",
        "below a device": type(tmp_path)(os.devnull) / "cache",
        "below a file": tmp_path / "file" / "cache",
    }
    store = DirectoryStore(roots[where])
    with pytest.raises(StoreError) as caught:
        store.put(KEY, b"bytes")
    assert str(roots[where]) in caught.value.what
    assert caught.value.why
    assert "GEMNB_CACHE" in caught.value.hint
    assert isinstance(caught.value.evidence["errno"], int)


def test_nothing_is_kept_below_a_file(tmp_path: Path):
    """Where a file stands in the place of the cache, nothing is kept: no error, since a replay only reads."""
    (tmp_path / "file").write_bytes(b"")
    store = DirectoryStore(tmp_path / "file")
    assert store.get(KEY) is None
    assert list(store.keys("records/")) == []


def test_a_folder_that_cannot_be_removed_is_told(store: DirectoryStore):
    """Deleting a key in whose place a folder stands is a StoreError that names it."""
    store.put(KEY + "/below", b"")
    with pytest.raises(StoreError, match="Cannot remove"):
        store.delete(KEY)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _socket(path: Path) -> None:
    # The address of a socket is short, so it is bound by its name alone.
    before = os.open(".", os.O_RDONLY)
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.fchdir(before)
        os.close(before)


def _folder(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


_FOLDER_BUG = (
    "get() lets IsADirectoryError out (and leaks the descriptor): os.fdopen refuses a folder before the check"
)


@pytest.mark.skipif(os.name == "nt", reason="needs FIFOs and devices")
@pytest.mark.usefixtures("no_hang")
@pytest.mark.parametrize(
    "make",
    [
        _fifo,
        _device,
        _socket,
        _loop,
        _folder,
    ],
)
def test_what_is_no_file_is_an_error_at_once(store: DirectoryStore, make: Callable[[Path], None]):
    """A FIFO, device, socket, folder or circular link in the place of a blob is a StoreError, and nothing waits."""
    store.put("blobs/ab/other", b"")
    make(store.root / KEY)
    with pytest.raises(StoreError) as caught:
        store.get(KEY)
    assert str(store.root / KEY) in caught.value.what


def test_a_file_beyond_every_picture_is_not_read(store: DirectoryStore):
    """A file of more than a gibibyte (here without content) is a StoreError and is not read."""
    store.put(KEY, b"")
    os.truncate(store.root / KEY, MAX_FILE + 1)
    with pytest.raises(StoreError):
        store.get(KEY)


def test_deleting_a_link_leaves_what_it_points_at(store: DirectoryStore, tmp_path: Path):
    """A symbolic link in the cache is taken away itself, not the file behind it."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    store.put("blobs/ab/other", b"")
    (store.root / KEY).symlink_to(outside)
    store.delete(KEY)
    assert not (store.root / KEY).is_symlink()
    assert outside.read_bytes() == b"mine"


@pytest.mark.skipif(os.name == "nt", reason="a link takes rights there")
@pytest.mark.parametrize("link", ["blobs", "blobs/ab", "blobs/ab/abcd"])
@pytest.mark.parametrize("act", ["get", "put", "delete", "keys"])
def test_no_link_on_a_keys_path_is_followed(store: DirectoryStore, tmp_path: Path, link: str, act: str):
    """Where a folder or file of a key is a link to elsewhere, nothing is read, listed, written or removed there."""
    outside = DirectoryStore(tmp_path / "outside")
    outside.put(KEY, b"theirs")
    store.put("blobs/cd/other", b"")
    if link == "blobs":
        shutil.rmtree(store.root / "blobs")
    (store.root / link).parent.mkdir(exist_ok=True)
    (store.root / link).symlink_to(outside.root / link)
    acts = {
        "get": lambda: store.get(KEY),
        "put": lambda: store.put(KEY if link.endswith("abcd") else "blobs/ab/new", b"mine"),
        "delete": lambda: store.delete(KEY),
        "keys": lambda: list(store.keys("blobs/ab/")),
    }
    if link.endswith("abcd") and act in ("delete", "keys"):  # the link itself is a file of the cache
        acts[act]()
    else:
        with pytest.raises(StoreError, match="is a symbolic link") as caught:
            acts[act]()
        assert str(store.root / link) in caught.value.what
        assert str(outside.root / link) in caught.value.why
        assert "rm '" in caught.value.hint
    assert list(outside.keys("")) == [KEY]
    assert outside.get(KEY) == b"theirs"


@pytest.mark.skipif(os.name == "nt", reason="a link takes rights there")
def test_listing_all_enters_no_link(store: DirectoryStore, tmp_path: Path):
    """A link to a folder is not gone into when all keys are listed."""
    DirectoryStore(tmp_path / "outside").put("ab/abcd", b"theirs")
    store.put("records/ab/x/1.json", b"")
    (store.root / "blobs").symlink_to(tmp_path / "outside")
    assert list(store.keys("")) == ["blobs", "records/ab/x/1.json"]


@pytest.mark.skipif(os.name == "nt", reason="a link takes rights there")
@pytest.mark.parametrize("there", [False, True])
def test_what_git_is_told_is_not_written_through_a_link(tmp_path: Path, *, there: bool):
    """A `.gitignore` that is a link, dangling or not, is an error of the put, and what it leads to stays as it is."""
    store = DirectoryStore(tmp_path / "cache", "/private/\n")
    store.root.mkdir()
    (store.root / ".gitignore").symlink_to(tmp_path / "outside")
    if there:
        (tmp_path / "outside").write_bytes(b"theirs")
    with pytest.raises(StoreError, match=r"gitignore is a symbolic link"):
        store.put(KEY, b"bytes")
    assert [path.read_bytes() for path in tmp_path.glob("outside")] == [b"theirs"] * there


@pytest.mark.parametrize("name", ["with spaces", "Vögel 写真 é", "a'b\"c", "-rf", "x" * 200])
def test_the_folder_may_have_any_name(tmp_path: Path, name: str):
    """A cache in a folder with spaces, letters of any script or signs works like any other."""
    store = DirectoryStore(tmp_path / name / "cache")
    assert store.put(KEY, b"bytes") is True
    assert store.get(KEY) == b"bytes"
    assert list(store.keys("blobs/")) == [KEY]


def test_hidden_files_of_others_are_passed_over(store: DirectoryStore):
    """What a file browser or a synchroniser leaves beside records is not listed."""
    store.put("records/ab/x/1.json", b"")
    for name in (".DS_Store", ".nfs000001", ".1.json.swp"):
        (store.root / "records" / "ab" / "x" / name).write_bytes(b"")
    assert list(store.keys("records/")) == ["records/ab/x/1.json"]


@pytest.mark.parametrize("name", ["1 (conflicted copy).json", "Thumbs.db", "1.json~", "README.md", "Ä.json"])
def test_files_of_others_are_passed_over(store: DirectoryStore, name: str):
    """A file whose name is no key is not listed, so that every listed key can be got."""
    store.put("records/ab/x/1.json", b"")
    (store.root / "records" / "ab" / "x" / name).write_bytes(b"")
    assert list(store.keys("records/")) == ["records/ab/x/1.json"]


@pytest.mark.parametrize("name", ["Old", "with spaces", "__pycache__"])
def test_folders_of_others_are_passed_over(store: DirectoryStore, name: str):
    """A folder whose name is no key does not keep the records beside it from being found."""
    store.put("records/ab/x/1.json", b"")
    (store.root / "records" / "ab" / "x" / name).mkdir()
    assert list(store.keys("records/")) == ["records/ab/x/1.json"]


def test_a_name_too_long_for_the_disk_is_told(store: DirectoryStore):
    """A key that no disk has room for in one name is a StoreError, as in every other failure of the disk."""
    store.put("other", b"")
    with pytest.raises(StoreError):
        store.put("x" * 260, b"bytes")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_a_kept_file_can_be_read_by_git(store: DirectoryStore):
    """A kept file has the modes of any file the user makes."""
    store.put(KEY, b"bytes")
    plain = store.root / "plain"
    plain.write_bytes(b"")
    assert stat.S_IMODE((store.root / KEY).stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_disk_without_hard_links_keeps_too(store: DirectoryStore, run_program: Callable[..., object]):
    """Where links are refused, a first put keeps, a second one changes nothing, and no temporary file stays."""
    answer = json.loads(run_program("put_without_links.py", str(store.root), "").stdout)
    assert answer == {"said": [True, False], "kept": "first", "refused": 1}
    assert _temporary(store.root) == []


def test_a_store_names_its_folder(store: DirectoryStore):
    """The repr of a store says where it is."""
    assert str(store.root) in repr(store)


def test_a_transaction_makes_names_durable_at_its_end(store: DirectoryStore, monkeypatch: pytest.MonkeyPatch):
    """Folders are synced once each when a transaction ends, an inner one's before what follows it."""
    synced: list[str] = []
    monkeypatch.setattr("gemnb.cache.directory.sync_folder", lambda folder: synced.append(folder.name))
    with store.transaction():
        with store.transaction():
            store.put("blobs/ab/one", b"1")
            store.put("blobs/ab/two", b"2")
            assert synced == []
        assert sorted(synced) == ["ab", "blobs", "cache", "project", store.root.parent.parent.name]
        store.put("records/cd/three", b"3")
        assert "cd" not in synced
    assert "cd" in synced
    assert list(store.keys("")) == ["blobs/ab/one", "blobs/ab/two", "records/cd/three"]


def test_a_store_is_pickled_without_its_transaction(store: DirectoryStore):
    """A store goes to another process as its folder, and reads there what was put here."""
    store.put(KEY, b"bytes")
    assert pickle.loads(pickle.dumps(store)).get(KEY) == b"bytes"
