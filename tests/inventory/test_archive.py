"""Export and import: the same answers make the same file, and a stranger's file can do no harm."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemnb.cache import Cache, DirectoryStore
from gemnb.cache.store import blob_key
from gemnb.errors import CacheError, CorruptEntry, StoreError
from gemnb.inventory.archive import export, import_, left_out
from gemnb.inventory.check import check_cache, key_of
from gemnb.inventory.referred import find_references

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def other(tmp_path: Path) -> Cache:
    """The empty cache of somebody else."""
    return Cache(DirectoryStore(tmp_path / "other"))


@pytest.fixture
def packed(cache: Cache, keep: Callable, tmp_path: Path) -> Path:
    """An archive of one answer."""
    keep("a cat")
    export(cache, tmp_path / "packed.zip")
    return tmp_path / "packed.zip"


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def entries(path: Path) -> dict[str, bytes]:
    """Return what an archive holds."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(path: Path, content: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    """Write an archive that holds something else."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=compression)


def test_a_round_trip_brings_every_byte(cache: Cache, other: Cache, keep: Callable, tmp_path: Path, project: Path):
    """What was exported and imported elsewhere is, file for file, what it was."""
    photo = b"an input"
    keep("a cat", image=photo)
    keep("a cat", image=photo)
    keep("a dog")
    packed = export(cache, tmp_path / "a.zip")
    taken = import_(other, tmp_path / "a.zip")

    assert (packed.records, packed.blobs) == (taken.records, taken.blobs) == (3, 4)
    assert tree(tmp_path / "other") == tree(project / "cache")
    assert check_cache(other).damaged == ()


def test_the_same_answers_make_the_same_file(cache: Cache, other: Cache, keep: Callable, tmp_path: Path):
    """Exported twice, and exported again from where it was imported, the bytes are equal."""
    keep("a cat")
    keep("a dog")
    for number, source in enumerate((cache, cache, other)):
        if source is other:
            import_(other, tmp_path / "0.zip")
        export(source, tmp_path / f"{number}.zip")

    assert len({(tmp_path / f"{number}.zip").read_bytes() for number in range(3)}) == 1


def test_only_what_notebooks_refer_to_is_exported(
    cache: Cache, keep: Callable, write_notebook: Callable, tmp_path: Path, project: Path
):
    """With paths, the archive holds the answers of the notebooks under them and nothing else."""
    kept = keep("a cat")
    keep("a dog")
    write_notebook("a.ipynb", "%%gemimg\na cat")
    export(cache, tmp_path / "a.zip", find_references([project], project))

    assert set(entries(tmp_path / "a.zip")) == {key_of(kept), blob_key(kept.record.pictures[0].original.blob)}


def test_importing_twice_changes_nothing(other: Cache, packed: Path, tmp_path: Path):
    """The second import finds everything there."""
    import_(other, packed)
    before = tree(tmp_path / "other")
    taken = import_(other, packed)

    assert (taken.records, taken.blobs, taken.known) == (0, 0, 2)
    assert tree(tmp_path / "other") == before


def test_another_answer_in_the_same_place_stays(cache: Cache, keep: Callable, packed: Path, project: Path):
    """Where the archive has another first attempt at a request, the one that is here is kept, and told."""
    (first,) = (project / "cache/records").rglob("*.json")
    first.unlink()
    mine = keep("a cat")
    before = tree(project / "cache")
    taken = import_(cache, packed)

    assert taken.differing == (key_of(mine),)
    assert tree(project / "cache") == before


def test_an_export_is_whole_or_not_there(cache: Cache, keep: Callable, tmp_path: Path, project: Path):
    """A missing blob stops the export; no file is left, and a file that is there is never replaced."""
    kept = keep("a cat")
    (tmp_path / "there.zip").write_text("mine")
    with pytest.raises(StoreError, match="is there already"):
        export(cache, tmp_path / "there.zip")
    (project / "cache" / blob_key(kept.record.pictures[0].original.blob)).unlink()
    with pytest.raises(CorruptEntry, match="missing"):
        export(cache, tmp_path / "a.zip")

    assert (tmp_path / "there.zip").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.glob("*.zip*")) == ["there.zip"]
    assert list(tmp_path.glob(".*.tmp")) == []


NAMES = [
    *("../evil", "records/../../evil", "/etc/evil", "C:\\evil", "records\\aa\\x", "blobs/aa/", "a\x00b", ""),
    *("trash/x", "corrupt/x", "failed/x.body", "private/x", "records/notes.txt", "blobs/aa/" + "b" * 64),
    *("blobs/" + "a" * 64, "RECORDS/x", "x" * 400, "é", ".gitignore"),
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_gemnb_does_not_make_are_refused(other: Cache, packed: Path, tmp_path: Path, name: str):
    """A name that leads elsewhere, or to anything but an answer or its bytes, refuses the whole archive."""
    rewrite(packed, entries(packed) | {name: b"x"})

    with pytest.raises(CorruptEntry):
        import_(other, packed)
    assert tree(tmp_path / "other") == {}
    assert not (tmp_path / "evil").exists()


def test_compressed_entries_are_refused(other: Cache, packed: Path, tmp_path: Path):
    """A zip bomb is a compressed entry, and none is taken: it is refused before anything is unpacked."""
    bomb = {"blobs/aa/" + "a" * 64: bytes(50_000_000)}
    rewrite(packed, bomb, zipfile.ZIP_DEFLATED)

    with pytest.raises(CorruptEntry, match="no archive") as caught:
        import_(other, packed)
    assert "compressed" in caught.value.why
    assert tree(tmp_path / "other") == {}


def test_entries_that_share_their_bytes_are_refused(other: Cache, packed: Path):
    """An archive whose directory lists the same bytes many times claims more than it has, and is refused."""
    data = packed.read_bytes()
    end = data.rindex(b"PK\x05\x06")
    count, _, size, start = struct.unpack("<HHLL", data[end + 8 : end + 20])
    directory = data[start : start + size]
    many = 200
    tail = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, count * many, count * many, size * many, start, 0)
    packed.write_bytes(data[:start] + directory * many + tail)

    with pytest.raises(CorruptEntry, match="no archive"):
        import_(other, packed)


def test_a_size_that_is_a_lie_is_refused(other: Cache, packed: Path):
    """Entries that claim more bytes than the file has are refused before they are read."""
    data = bytearray(packed.read_bytes())
    entry = data.index(b"PK\x01\x02")
    struct.pack_into("<LL", data, entry + 20, 2**31, 2**31)
    packed.write_bytes(data)

    with pytest.raises(CorruptEntry):
        import_(other, packed)


@pytest.mark.parametrize("what", ["blob", "record", "renamed record", "extra field", "missing blob", "later schema"])
def test_contents_that_are_not_what_they_say_are_refused(other: Cache, packed: Path, tmp_path: Path, what: str):
    """Edited bytes, an edited, renamed or lacking entry refuse the whole archive; nothing is put."""
    content = entries(packed)
    blob, record = sorted(content)
    if what == "blob":
        content[blob] += b"x"
    elif what == "record":
        content[record] = content[record].replace(b"a cat", b"a dog")
    elif what == "renamed record":
        content[record.replace("1.json", "2.json")] = content.pop(record)
    elif what == "missing blob":
        del content[blob]
    else:
        document = json.loads(content[record])
        document["record"] |= {"hidden": 1} if what == "extra field" else {"schema": 99}
        content[record] = json.dumps(document).encode()
    rewrite(packed, content)

    with pytest.raises(CacheError):
        import_(other, packed)
    assert tree(tmp_path / "other") == {}


def test_a_name_that_stands_twice_is_refused(other: Cache, packed: Path):
    """Two entries of one name could show one thing to the check and another to the import."""
    content = entries(packed)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(packed, "a") as archive:
        archive.writestr(zipfile.ZipInfo(max(content)), content[max(content)])

    with pytest.raises(CorruptEntry, match="no archive"):
        import_(other, packed)


def test_what_a_record_file_holds_beside_the_record_is_left_out(other: Cache, packed: Path, tmp_path: Path):
    """Only what was checked is written: further members of the file do not come along."""
    content = entries(packed)
    record = max(content)
    clean = content[record]
    content[record] = json.dumps(json.loads(clean) | {"smuggled": "x"}).encode()
    rewrite(packed, content)
    import_(other, packed)

    assert (tmp_path / "other" / record).read_bytes() == clean


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_other_files_are_told(other: Cache, tmp_path: Path, data: bytes):
    """An empty archive holds nothing; what is no zip file is told to be none."""
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    if data.startswith(b"PK\x05"):
        assert import_(other, path).records == 0
        return
    with pytest.raises(CorruptEntry, match="no archive"):
        import_(other, path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4))
def test_an_archive_with_flipped_bytes_brings_no_damage(packed: Path, tmp_path: Path, changes: list[tuple[int, int]]):
    """Whatever bytes are changed, the import refuses in words or brings whole answers only."""
    data = bytearray(packed.read_bytes())
    for at, value in changes:
        data[at % len(data)] = value
    path = tmp_path / "flipped.zip"
    path.write_bytes(data)
    target = Cache(DirectoryStore(tmp_path / f"target-{abs(hash(bytes(data)))}"))
    try:
        import_(target, path)
    except CacheError as error:
        assert error.why  # noqa: PT017 - either way is right; both are checked
    assert check_cache(target).damaged == ()


def test_an_archive_is_one_that_other_tools_read(packed: Path):
    """The file is a plain zip file of the cache's own paths."""
    with zipfile.ZipFile(io.BytesIO(packed.read_bytes())) as archive:
        assert archive.testzip() is None
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_private_answers_are_left_out_and_counted(
    cache: Cache, keep: Callable, write_notebook: Callable, project: Path, tmp_path: Path
) -> None:
    """No byte of the private part is exported; how many answers that are is told, of all or of those referred to."""
    private = Cache(DirectoryStore(project / "cache/private"))
    public = keep("a cat")
    apart = [keep("a dog"), keep("an owl")]
    for kept in (public, *apart):  # the first was private once, and was shared since
        pictures = [picture.original.blob for picture in kept.record.pictures]
        private.adopt(kept.record, kept.invocation, {digest: cache.blob(digest) for digest in pictures})
    for kept in apart:
        cache.store.delete(key_of(kept))
        cache.drop(picture.original.blob for picture in kept.record.pictures)
    write_notebook("a.ipynb", "%%gemimg\na dog")
    packed = export(cache, tmp_path / "a.zip")

    assert (packed.records, packed.blobs) == (1, 1)
    assert left_out(cache, private) == 2
    assert left_out(cache, private, find_references([project], project)) == 1
