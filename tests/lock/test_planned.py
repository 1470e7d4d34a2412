"""Which locks some notebooks change: the nearest one, or the project's; nothing is written while it is found out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gemnb.errors import SettingsError
from gemnb.lock import read_lock
from gemnb.lock.planned import Change, plan_locks
from gemnb.model import Binding
from gemnb.notebook import read_notebook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Make = Callable[..., Any]


def plan(*paths: Path, folders: tuple[Path, ...] = (), parameters: str = "") -> tuple[list[Change], list[str]]:
    """Return the changes that these notebooks make, and what stands against them."""
    return plan_locks([(path, read_notebook(path)) for path in paths], folders, parameters)


def written(*paths: Path, folders: tuple[Path, ...] = ()) -> list[str]:
    """Write the locks of these notebooks; return the notebooks that the one lock then has."""
    (change,), problems = plan(*paths, folders=folders)
    assert problems == []
    change.write()
    return sorted({pin.notebook for pin in read_lock(change.path).pins})


def test_a_first_lock_lies_in_the_projects_folder(answer: Make, shown: Make, code: Make, save: Make, project: Path):
    """Notebooks of any depth go into one lock beside pyproject.toml, and planning writes nothing."""
    paths = [save(name, code("%%gemimg\na cat", shown(answer("a cat")))) for name in ("a.ipynb", "deep/er/b.ipynb")]
    (change,), problems = plan(*paths)

    assert problems == []
    assert change.is_due
    assert change.path == project / "gemnb.lock"
    assert not change.path.exists()
    assert [item.kind for item in change.drift()] == ["added", "added"]
    assert written(*paths) == ["a.ipynb", "deep/er/b.ipynb"]
    (again,), _ = plan(*paths)
    assert not again.is_due
    assert again.drift() == []


def test_notebooks_without_pictures_make_no_lock(code: Make, save: Make):
    """Where there is nothing to pin and no lock, none is due."""
    (change,), problems = plan(save("a.ipynb", code("1 + 1")))

    assert (change.is_due, problems) == (False, [])


def test_a_lock_that_is_nearer_is_the_one_that_is_kept(
    answer: Make, shown: Make, code: Make, save: Make, project: Path
):
    """A folder with a lock of its own keeps its notebooks there, and two locks are planned at once."""
    cell = code("%%gemimg\na cat", shown(answer("a cat")))
    inner, outer = save("posts/a.ipynb", cell), save("b.ipynb", cell)
    (project / "posts/gemnb.lock").write_text("schema = 0\n")
    changes, _ = plan(inner, outer)

    assert [(change.path, change.new.pins[0].notebook) for change in changes] == [
        (project / "posts/gemnb.lock", "a.ipynb"),
        (project / "gemnb.lock", "b.ipynb"),
    ]


def test_what_is_gone_from_a_folder_goes(answer: Make, shown: Make, code: Make, save: Make, project: Path):
    """A notebook that is no more leaves the lock when its folder is looked through, and stays otherwise."""
    cell = code("%%gemimg\na cat", shown(answer("a cat")))
    paths = {name: save(name, cell) for name in ("a.ipynb", "x/b.ipynb", "x/c.ipynb", "y/d.ipynb")}
    written(*paths.values())
    for name in ("x/b.ipynb", "y/d.ipynb"):
        paths[name].unlink()

    everything = sorted(paths)
    assert written(paths["a.ipynb"]) == everything
    assert written(paths["x/c.ipynb"], folders=(project / "x",)) == ["a.ipynb", "x/c.ipynb", "y/d.ipynb"]
    assert written(paths["a.ipynb"], paths["x/c.ipynb"], folders=(project,)) == ["a.ipynb", "x/c.ipynb"]


def test_all_that_stands_against_it_is_told(answer: Make, shown: Make, code: Make, save: Make):
    """Each notebook's trouble is named, and one does not hide another's."""
    broken = shown(answer("a cat"))
    broken[0]["data"]["application/vnd.gemnb.v1+json"]["record_digest"] = "sha256:" + "0" * 64
    paths = [
        save("a.ipynb", code("%%gemimg\na cat"), code("%%gemimg -n 2\na cat", shown(answer("a cat")))),
        save("b.ipynb", code("%%gemimg\na cat", broken)),
        save("c.ipynb", code("%%gemimg\na cat", shown(answer("a cat")))),
    ]
    _, problems = plan(*paths)

    assert [line[:16] for line in problems] == ["a.ipynb: cell 1 ", "a.ipynb: cell 2 ", "b.ipynb cell 1: "]


def test_a_lock_that_is_none_is_not_overwritten(answer: Make, shown: Make, code: Make, save: Make, project: Path):
    """What somebody left in the lock's place, or a merge with conflicts, is refused before anything is planned."""
    (project / "gemnb.lock").write_text("<<<<<<< HEAD\n")
    with pytest.raises(SettingsError, match=r"gemnb\.lock is no lock"):
        plan(save("a.ipynb", code("%%gemimg\na cat", shown(answer("a cat")))))


def test_line_ends_of_windows_are_no_change(answer: Make, shown: Make, code: Make, save: Make, project: Path):
    """A lock that git checked out with other line ends is still the same lock; one edited by hand is not."""
    path = save("a.ipynb", code("%%gemimg\na cat", shown(answer("a cat"))))
    written(path)
    lock = project / "gemnb.lock"
    data = lock.read_bytes()
    lock.write_bytes(data.replace(b"\n", b"\r\n"))
    assert not plan(path)[0][0].is_due

    lock.write_bytes(data + b"# mine\n")
    (change,), _ = plan(path)
    assert change.is_due
    assert change.drift() == []


def test_a_request_that_changed_is_told_by_its_field(answer: Make, shown: Make, code: Make, save: Make):
    """With the old request at hand, the words say which field became what; the pins that go are named for that."""
    old, new = answer("a red cat"), answer("a blue cat")
    path = save("a.ipynb", code("%%gemimg\na red cat", shown(old), name="x"))
    written(path)
    save("a.ipynb", code("%%gemimg\na blue cat", shown(new), name="x"))
    (change,), _ = plan(path)

    assert [pin.request for pin in change.replaced()] == [old.request_digest]
    (told,) = change.drift({old.request_digest: old.request})
    assert told.says == "another request: prompt 'a red cat' → 'a blue cat'"


def test_a_run_with_parameters_stands_beside_the_notebook(answer: Make, shown: Make, code: Make, save: Make):
    """Pinning a run with parameters leaves the pins of the notebook as it stands."""
    photo = Binding(slot="-i", kind="file", source="a.png", blob="sha256:" + "1" * 64, mime_type="image/png")
    path = save("a.ipynb", code("%%gemimg\na cat", shown(answer("a cat"), photo)))
    written(path)
    (change,), _ = plan(path, parameters="sha256:" + "2" * 64)
    change.write()
    (again,), _ = plan(path)

    assert [pin.parameters for pin in change.new.pins] == ["", "sha256:" + "2" * 64]
    assert len(change.new.sources) == 2
    assert not again.is_due
