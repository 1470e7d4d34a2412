"""What is remembered of previews: only pairs that were found alike, and nothing that foreign bytes could steer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemnb.canonical import blob_digest
from gemnb.verify import Alike

if TYPE_CHECKING:
    from pathlib import Path

DIGESTS = st.binary(max_size=3).map(blob_digest)


@given(st.sets(st.tuples(DIGESTS, DIGESTS)), st.tuples(DIGESTS, DIGESTS))
def test_only_what_was_added_is_known(tmp_path_factory: pytest.TempPathFactory, pairs: set, other: tuple) -> None:
    """A later run knows exactly the pairs that were added, each in its order."""
    path = tmp_path_factory.mktemp("alike") / "deep" / "pairs"
    first = Alike(path)
    for pair in pairs:
        first.add(*pair)
    first.save()
    later = Alike(path)

    assert all(later.has(*pair) for pair in pairs)
    assert later.has(*other) == (other in pairs)


def test_two_runs_beside_each_other_keep_what_both_found(tmp_path: Path) -> None:
    """What another run noted in the meantime is not lost."""
    path = tmp_path / "pairs"
    one, other = Alike(path), Alike(path)
    one.add("a", "b")
    other.add("c", "d")
    one.save()
    other.save()

    assert Alike(path).has("a", "b")
    assert Alike(path).has("c", "d")


def test_a_file_that_grew_too_big_begins_anew(tmp_path: Path) -> None:
    """The file is bounded: beyond four megabytes it holds only what is new."""
    path = tmp_path / "pairs"
    path.write_bytes(b"0" * (4 * 1024 * 1024 + 1))
    alike = Alike(path)
    alike.add("a", "b")
    alike.save()

    assert path.stat().st_size < 100
    assert Alike(path).has("a", "b")


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"\n" * 1000, b"a" * 1_000_000, b"sha256:00 sha256:00\n"])
def test_a_damaged_file_is_no_knowledge(tmp_path: Path, data: bytes) -> None:
    """Whatever stands in the file, pairs that nobody found alike are compared."""
    path = tmp_path / "pairs"
    path.write_bytes(data)

    assert not Alike(path).has("a", "b")


def test_where_nothing_can_be_written_nothing_fails(tmp_path: Path) -> None:
    """Without a home, or with a file in the folder's place, pictures are compared each time."""
    (tmp_path / "file").write_text("")
    for alike in (Alike(None), Alike(tmp_path / "file" / "pairs")):
        alike.add("a", "b")
        alike.save()
        assert not alike.has("a", "b")
