"""Listing what is kept: sorted, checked, bounded, and nothing is changed by it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gemnb.errors import InputError
from gemnb.inventory.check import check_cache, key_of
from gemnb.inventory.lines import WIDTH, facts, fit, human_size, summary
from gemnb.inventory.listing import blob_keys, read_records, record_keys, size_of
from gemnb.inventory.lookup import look_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.cache import Cache


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def damage(project: Path, key: str, data: bytes = b"{}") -> None:
    """Replace the bytes of an entry."""
    (project / "cache" / key).write_bytes(data)


def test_an_empty_cache_lists_nothing(cache: Cache, project: Path):
    """A folder that is not there holds no answers, and is not made by looking."""
    assert read_records(cache).kept == ()
    assert check_cache(cache).damaged == ()
    assert not (project / "cache").exists()


def test_damaged_records_are_passed_over_and_reported(cache: Cache, keep: Callable, project: Path):
    """A record that was edited is named with the reason; the others are listed, and no file is touched."""
    good, bad = keep("a cat"), keep("a dog")
    damage(project, key_of(bad))
    before = tree(project)
    listing = read_records(cache)

    assert [kept.record for kept in listing.kept] == [good.record]
    assert [item.key for item in listing.damaged] == [key_of(bad)]
    assert "schema" in listing.damaged[0].why
    assert tree(project) == before


def test_foreign_files_are_passed_over(cache: Cache, keep: Callable, project: Path):
    """Notes, editors' leavings and files of other tools between the records are not the cache's."""
    kept = keep("a cat")
    for name in ("README.md", "notes.txt", ".DS_Store", "ab/x.json"):
        path = project / "cache/records" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")

    assert record_keys(cache.store) == [key_of(kept)]
    assert check_cache(cache).damaged == ()


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_an_entry_that_is_no_file_does_not_hide_the_others(cache: Cache, keep: Callable, project: Path, kind: str):
    """A folder or a link in the place of a record is damage to that record only."""
    good, bad = keep("a cat"), keep("a dog")
    path = project / "cache" / key_of(bad)
    path.unlink()
    if kind == "link":
        path.symlink_to(project / "pyproject.toml")
    else:
        path.mkdir()
    listing = read_records(cache)

    assert [kept.record for kept in listing.kept] == [good.record]
    assert len(listing.damaged) == (1 if kind == "link" else 0)


def test_a_record_in_the_wrong_folder_is_damage(cache: Cache, keep: Callable, project: Path):
    """A record whose folder is not that of its digest answers nobody, and is reported."""
    kept = keep("a cat")
    source = project / "cache" / key_of(kept)
    digest = source.parent.name
    other = project / "cache/records" / ("00" if digest[:2] != "00" else "01") / digest / "1.json"
    other.parent.mkdir(parents=True)
    source.rename(other)

    assert [item.why for item in read_records(cache).damaged] == ["It lies in the folder of another digest."]


def test_of_many_records_the_newest_are_read(cache: Cache, keep: Callable, project: Path):
    """A limit takes the records whose files are newest, and says how many it left."""
    kept = [keep(f"cat {number}") for number in range(5)]
    for age, item in enumerate(kept):
        os.utime(project / "cache" / key_of(item), (1_000_000 - age, 1_000_000 - age))
    listing = read_records(cache, limit=2)

    assert {item.record.request_digest for item in listing.kept} == {k.record.request_digest for k in kept[:2]}
    assert listing.unread == 3


def test_check_hashes_every_blob_and_follows_every_reference(cache: Cache, keep: Callable, project: Path):
    """Edited bytes, missing bytes and an edited record are each named once; nothing is set aside."""
    one, two, three = keep("one"), keep("two"), keep("three")
    edited, missing = (k.record.pictures[0].original.blob[7:] for k in (one, two))
    damage(project, f"blobs/{edited[:2]}/{edited}", b"x")
    (project / f"cache/blobs/{missing[:2]}/{missing}").unlink()
    damage(project, key_of(three))
    before = tree(project)
    found = check_cache(cache)

    assert sorted(item.key for item in found.damaged) == sorted(
        [f"blobs/{edited[:2]}/{edited}", f"blobs/{missing[:2]}/{missing}", key_of(three)]
    )
    assert tree(project) == before


def test_a_request_is_found_by_the_beginning_of_its_digest(cache: Cache, keep: Callable):
    """Four digits suffice where they are enough; the latest attempt is meant."""
    keep("a cat")
    latest = keep("a cat")
    digest = latest.record.request_digest

    for text in (digest[7:13], digest[7:], digest, f"record:{digest[7:19]}"):
        assert look_up([cache], text).record == latest.record
    assert latest.record.attempt == 2


def test_a_picture_is_found_by_the_beginning_of_its_digest(cache: Cache, keep: Callable):
    """The digest of a picture leads to the very attempt that brought it, though a later one is there."""
    first = keep("a cat")
    keep("a cat")
    digest = first.record.pictures[0].original.blob

    assert look_up([cache], digest[7:19]).record == first.record
    assert look_up([cache], f"blob:{digest[7:19]}").record == first.record


@pytest.mark.parametrize("text", ["", "abc", "hello", "../..", "A" * 64, "sha256:", "f" * 65])
def test_what_is_no_digest_is_refused(cache: Cache, text: str):
    """Anything but four to 64 lower hex digits is told to be no digest."""
    with pytest.raises(InputError, match="no beginning of a digest"):
        look_up([cache], text)


def test_an_unknown_prefix_is_refused(cache: Cache, keep: Callable):
    """A prefix that nothing begins with is an error, for a picture's bytes that no answer showed too."""
    kept = keep("a cat")
    orphan = cache.put_blob(b"an input")

    for text in (orphan[7:19], f"blob:{kept.record.request_digest[7:19]}"):
        with pytest.raises(InputError, match="Nothing that is kept"):
            look_up([cache], text)


def test_an_ambiguous_prefix_names_the_candidates(cache: Cache, keep: Callable, project: Path):
    """Requests that begin alike are named; none is chosen, until more digits or a kind are given."""
    kept = keep("a cat")
    digits = kept.record.request_digest[7:]
    twin = digits[:12] + "0" * 52
    for key in (f"records/{digits[:2]}/{twin}/1.json", f"records/{digits[:2]}/{digits[:5]}{'f' * 59}/1.json"):
        (project / "cache" / key).parent.mkdir(parents=True)
        (project / "cache" / key).write_text("{}")

    with pytest.raises(InputError, match="is the beginning of 3 digests") as caught:
        look_up([cache], digits[:5])
    assert f"request {digits[:12]}" in caught.value.why
    assert look_up([cache], digits[:14]).record == kept.record


def test_lines_fit_and_obey_no_stranger(cache: Cache, keep: Callable):
    """A prompt of many lines with escape sequences becomes one line of at most 100 plain characters."""
    kept = keep("a \x1b[31mred\x1b[0m cat\n" + "very " * 100)

    for line in (summary(kept), *facts(kept, 1), fit("a\nb")):
        assert len(line) <= WIDTH
        assert line.isprintable()


def test_sizes_are_those_of_the_files(cache: Cache, keep: Callable, project: Path):
    """Sizes come from the folder; a key without a file counts nothing."""
    keep("a cat")
    (key,) = blob_keys(cache.store)

    assert size_of(cache.store, [key, "blobs/00/nothing"]) == {
        key: (project / "cache" / key).stat().st_size,
        "blobs/00/nothing": 0,
    }
    assert [human_size(n) for n in (999, 1000, 1_500_000, 2 * 10**9)] == ["999 B", "1.0 kB", "1.5 MB", "2.0 GB"]
