"""Globs: which files they match, in which order, and what is said where they match none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemnb.canonical import blob_digest, request_digest
from gemnb.cell import parse
from gemnb.errors import InputError
from gemnb.inputs import bindings_of, expand, resolve
from gemnb.inputs.files import natural
from gemnb.invocation import assemble, needs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = ("a10.png", "a2.png", "B.png", "a.png", "deep/er/c.png", "deep/d.png", ".hidden.png", "notes.txt")


@pytest.fixture
def shots(project: Path, make_picture: Callable[..., bytes]) -> Path:
    """A folder of pictures, all different, and a text."""
    folder = project / "shots"
    for number, name in enumerate(NAMES, 1):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"no picture" if name.endswith(".txt") else make_picture("PNG", (number, 1)))
    return folder


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("shots/*.png", ["B.png", "a.png", "a2.png", "a10.png"]),
        ("shots/a?.png", ["a2.png"]),
        ("shots/[ab]*", ["a.png", "a2.png", "a10.png"]),
        ("s*/deep/*", ["deep/d.png"]),
        ("shots/**/*.png", ["B.png", "a.png", "a2.png", "a10.png", "deep/d.png", "deep/er/c.png"]),
        ("shots/**/c.png", ["deep/er/c.png"]),
        ("./shots/b*", []),
        ("shots/.h*", [".hidden.png"]),
        ("shots/*/", ["B.png", "a.png", "a2.png", "a10.png", "notes.txt"]),
        ("missing/*", []),
        ("shots/notes.txt/*", []),
        ("shots/\x00*", []),
    ],
)
def test_a_glob_matches_files_in_natural_order(shots: Path, pattern: str, found: list[str]):
    """A glob matches regular files by case, in natural order, hidden ones only where their dot is shown."""
    assert [name.removeprefix("./").removeprefix("shots/") for name in expand(pattern, shots.parent)] == found


def test_an_absolute_glob_gives_absolute_paths(shots: Path, tmp_path: Path):
    """An absolute glob is expanded wherever it is asked from."""
    assert expand(f"{shots}/a1*", tmp_path) == [f"{shots}/a10.png"]


def test_a_link_to_a_folder_above_ends(shots: Path):
    """`**` follows no links, so that it ends."""
    (shots / "deep" / "round").symlink_to(shots)
    assert "shots/deep/round/a.png" not in expand("shots/**/a.png", shots.parent)


def test_natural_order_is_that_of_people():
    """Digits count as numbers, a shorter name comes first, and a folder's files stand together."""
    ordered = ["9", "10", "A1", "a", "a.png", "a1.png", "a02", "a2", "a10", "s/1", "s2", "é"]
    assert sorted(sorted(ordered), key=natural) == ordered


@given(st.lists(st.text(max_size=8), max_size=8))
def test_natural_order_is_one_order(names: list[str]):
    """Any names have exactly one order, whatever order they came in."""
    assert sorted(set(names), key=natural) == sorted(sorted(set(names)), key=natural)
    assert len({str(natural(name)) for name in names}) == len(set(names))


def test_a_glob_is_bound_file_by_file(shots: Path):
    """Each file has a binding that says which it is, and the request holds the pictures in that order."""
    cell = parse("%%gemimg -m emulator/sketch-1 -i shots/a*.png\nx")
    resolved = resolve(needs(cell), {}, [shots.parent])

    assert [(b.source, b.value) for b in resolved.bindings] == [
        ("shots/a*.png", f"shots/{name}") for name in ("a.png", "a2.png", "a10.png")
    ]
    assert [b.blob for b in resolved.bindings] == [
        blob_digest((shots / name).read_bytes()) for name in ("a.png", "a2.png", "a10.png")
    ]
    (request,) = assemble(cell, None, resolved.bindings)
    sent = [part["inlineData"]["data"]["$blob"] for part in request.contents[-1].parts[:-1]]
    assert sent == [b.blob for b in resolved.bindings]


@pytest.mark.parametrize(
    "line", ["-i shots/a*.png", "-i B -i shots/a*.png -i B", "-i shots/*.png -i shots/*.png", ""]
)
def test_recorded_bindings_make_the_request_again(shots: Path, make_picture: Callable[..., bytes], line: str):
    """From the recorded bindings alone the same request is made, globs and repetitions included."""
    cell = parse(f"%%gemimg -m emulator/sketch-1 {line}\nx")
    resolved = resolve(needs(cell), {"B": make_picture("JPEG")}, [shots.parent])
    found, unknown = bindings_of(needs(cell), resolved.bindings)

    assert unknown is None
    assert tuple(found) == resolved.bindings
    assert request_digest(assemble(cell, None, found)[0]) == request_digest(
        assemble(cell, None, resolved.bindings)[0]
    )


def test_a_reference_the_record_does_not_know_is_named(shots: Path):
    """A cell that refers to something new is told by what it refers to."""
    resolved = resolve(needs(parse("%%gemimg -i shots/a.png\nx")), {}, [shots.parent])
    found, unknown = bindings_of(needs(parse("%%gemimg -i shots/*.png\nx")), resolved.bindings)

    assert found == []
    assert unknown is not None
    assert unknown.source == "shots/*.png"


def test_a_glob_without_a_match_says_where_it_looked(shots: Path, tmp_path: Path):
    """A glob that matches nothing is an error that names the folders."""
    with pytest.raises(InputError, match="matches no file") as caught:
        resolve(needs(parse("%%gemimg -i shots/*.jpg\nx")), {}, [shots.parent, tmp_path])
    assert str(shots.parent) in caught.value.why
    assert str(tmp_path) in caught.value.why


def test_a_match_that_is_no_picture_is_named(shots: Path):
    """A glob that matches something else than pictures names the file."""
    with pytest.raises(InputError, match=r"shots/notes\.txt is not a picture"):
        resolve(needs(parse("%%gemimg -i shots/*\nx")), {}, [shots.parent])


def test_a_file_whose_name_looks_like_a_glob_is_that_file(shots: Path, make_picture: Callable[..., bytes]):
    """A file that is really called so comes before what the glob would match."""
    (shots / "a[1].png").write_bytes(make_picture("JPEG"))
    (binding,) = resolve(needs(parse("%%gemimg -i shots/a[1].png\nx")), {}, [shots.parent]).bindings
    assert (binding.mime_type, binding.value) == ("image/jpeg", None)


def test_a_glob_in_two_folders_must_match_alike(shots: Path, make_picture: Callable[..., bytes]):
    """Two folders with other matches, or the same names with other bytes, are an error; equal ones are none."""
    other = shots.parent / "posts"
    (other / "shots").mkdir(parents=True)
    wanted = needs(parse("%%gemimg -i shots/a?.png\nx"))
    (other / "shots" / "a2.png").write_bytes((shots / "a2.png").read_bytes())
    assert len(resolve(wanted, {}, [other, shots.parent]).bindings) == 1

    (other / "shots" / "a2.png").write_bytes(make_picture("JPEG"))
    with pytest.raises(InputError, match="two folders"):
        resolve(wanted, {}, [other, shots.parent])
    (other / "shots" / "a2.png").rename(other / "shots" / "a3.png")
    with pytest.raises(InputError, match="two folders"):
        resolve(wanted, {}, [other, shots.parent])
