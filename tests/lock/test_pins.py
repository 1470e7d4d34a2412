"""The values of a lock, and where it lies."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from gemnb.canonical import is_digest
from gemnb.errors import NotebookError
from gemnb.lock import Lock, Pin, Source, find_lock, notebook_name, parameters_digest


def pin(notebook: str, cell: str, request: str = "1", attempt: int = 1, **more: Any) -> Pin:
    """Return a pin whose digests do not matter but for the request's."""
    digest = "sha256:" + request * 64
    return Pin(notebook=notebook, cell=cell, request=digest, attempt=attempt, record=digest, **more)


def test_the_nth_asking_gets_the_nth_attempt():
    """Attempts at one request stand in the order of the notebook, whatever its cells are called."""
    lock = Lock(pins=(pin("b.ipynb", "z", attempt=3), pin("a.ipynb", "q", "2"), pin("b.ipynb", "a", attempt=1)))

    assert lock.attempts("b.ipynb") == {"sha256:" + "1" * 64: (3, 1)}
    assert lock.attempts("a.ipynb") == {"sha256:" + "2" * 64: (1,)}
    assert lock.attempts("c.ipynb") == {}


def test_a_run_with_parameters_is_another_run():
    """What is pinned for a notebook as it stands says nothing of a run with parameters, and the other way round."""
    digest = parameters_digest({"style": "ink"})
    plain, inked = pin("a.ipynb", "x"), pin("a.ipynb", "x", attempt=2, parameters=digest)
    photo = Source(notebook="a.ipynb", parameters=digest, source="*.png", files=(("p.png", "sha256:" + "3" * 64),))
    lock = Lock(pins=(inked, plain), sources=(photo,))

    assert lock.of("a.ipynb") == (plain,)
    assert lock.of("a.ipynb", digest) == (inked,)
    assert lock.files("a.ipynb") == {}
    assert lock.files("a.ipynb", digest) == {"*.png": photo.files}


def test_parameters_are_told_by_their_values():
    """The order of giving does not matter, types and values do, and none at all is no digest."""
    assert parameters_digest({}) == ""
    assert is_digest(parameters_digest({"a": 1}))
    assert parameters_digest({"a": 1, "b": [True, None]}) == parameters_digest({"b": [True, None], "a": 1})
    assert len({parameters_digest({"a": value}) for value in (1, "1", 2, None, True)}) == 5


@pytest.mark.parametrize("value", [float("nan"), 2**60, dt.date(2026, 1, 1), "\ud800", {1: 2}])
def test_parameters_without_canonical_form_are_refused(value: object):
    """A value that JSON does not hold is an error of ours that speaks of parameters."""
    with pytest.raises(NotebookError, match="these parameters cannot be pinned"):
        parameters_digest({"a": value})


def test_the_nearest_lock_counts(tmp_path: Path):
    """The lock in the notebook's folder goes before one above it, and none above the project's folder counts."""
    root, deep = tmp_path / "project", tmp_path / "project" / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "gemnb.lock").write_text("")
    assert find_lock(deep / "n.ipynb", root) is None

    (root / "gemnb.lock").write_text("")
    assert find_lock(deep / "n.ipynb", root) == root / "gemnb.lock"
    assert find_lock(deep / ".." / ".." / "n.ipynb", root) == root / "gemnb.lock"

    (root / "a" / "gemnb.lock").write_text("")
    assert find_lock(deep / "n.ipynb", root) == root / "a" / "gemnb.lock"
    assert find_lock(root / "n.ipynb", root) == root / "gemnb.lock"


def test_a_folder_of_that_name_is_no_lock(tmp_path: Path):
    """Only a file is a lock."""
    (tmp_path / "gemnb.lock").mkdir()

    assert find_lock(tmp_path / "n.ipynb", tmp_path) is None


def test_a_notebook_is_named_from_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The name has `/`, no `..`, and does not depend on the working folder."""
    lock = tmp_path / "gemnb.lock"
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")

    assert notebook_name(tmp_path / "a" / "n.ipynb", lock) == "a/n.ipynb"
    assert notebook_name(Path("n.ipynb"), lock) == "a/n.ipynb"
    assert notebook_name(Path("../b/n.ipynb"), lock) == "b/n.ipynb"
    with pytest.raises(NotebookError, match="cannot be pinned"):
        notebook_name(Path("../../n.ipynb"), lock)
    with pytest.raises(NotebookError, match="no Unicode text"):
        notebook_name(tmp_path / "\udcff.ipynb", lock)
