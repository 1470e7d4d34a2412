"""Collecting: what anything under the paths refers to stays, the rest can be moved and moved back."""

from __future__ import annotations

import datetime as dt
import shutil
from typing import TYPE_CHECKING

import pytest

from gemnb.cache.store import blob_key
from gemnb.canonical import blob_digest, short
from gemnb.errors import NotebookError
from gemnb.inventory.check import check_cache, key_of
from gemnb.inventory.lookup import look_up
from gemnb.inventory.referred import find_references
from gemnb.inventory.trash import move, plan
from gemnb.mime import bundle
from gemnb.model import Binding, Presentation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from gemnb.cache import Cache, Kept

DAY = dt.date(2026, 11, 21)


def output(cache: Cache, kept: Kept) -> dict[str, Any]:
    """Return what a cell leaves in a notebook for an answer."""
    data, metadata = bundle(kept.record, 0, Presentation(), kept.invocation, cache.blob)
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def going(cache: Cache, project: Path, *paths: Path) -> set[str]:
    """Return the keys that would go."""
    return set(plan(cache, find_references(paths or [project], project)).sizes)


def all_of(kept: Kept) -> set[str]:
    """Return the keys of an answer with one picture."""
    return {key_of(kept), blob_key(kept.record.pictures[0].original.blob)}


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_an_output_shows_stays(cache: Cache, keep: Callable, write_notebook: Callable, project: Path):
    """The record in an output keeps its answer, though its cell was rewritten since; another answer goes."""
    shown, other = keep("a cat"), keep("a dog")
    write_notebook("deep/er/a.ipynb", "%%gemimg\nsomething else", [output(cache, shown)])

    assert going(cache, project) == all_of(other)


def test_a_cell_without_outputs_keeps_its_answers(
    cache: Cache, keep: Callable, write_notebook: Callable, project: Path
):
    """A cell that stands in a cleared notebook as it stood when it asked keeps what it brought."""
    keep("a cat", source="%%gemimg hero -a 1:1\na cat")
    other = keep("a dog")
    write_notebook("a.ipynb", "\n%%gemimg hero -a 1:1 \na cat\n")

    assert going(cache, project) == all_of(other)


def test_the_mark_in_an_outputs_text_is_enough(cache: Cache, keep: Callable, write_notebook: Callable, project: Path):
    """A notebook from which other tools took the records still names its pictures."""
    shown, other = keep("a cat"), keep("a dog")
    mark = f"[gemnb:{short(shown.record.pictures[0].original.blob)} 8×8]"
    write_notebook("a.ipynb", "1", [{"output_type": "display_data", "data": {"text/plain": mark}, "metadata": {}}])

    assert going(cache, project) == all_of(other)


def test_all_attempts_inputs_and_earlier_answers_stay(
    cache: Cache, keep: Callable, write_notebook: Callable, project: Path, make_picture: Callable
):
    """With an answer stay its other attempts, its input pictures, and the answers it was made from, and theirs."""
    photo = make_picture("PNG", (9, 9))
    first = keep("a cat", image=photo)
    again = keep("a cat", image=photo)
    edit = Binding(slot="-e", kind="result", source="cat", request=first.record.request_digest, attempt=1)
    second = keep("a hat", bindings=(edit,))
    edit = Binding(slot="-e", kind="result", source="hat", request=second.record.request_digest, attempt=1)
    third = keep("a scarf", bindings=(edit,))
    other = keep("a dog")
    write_notebook("a.ipynb", "%%gemimg\na scarf", [output(cache, third)])

    gone = going(cache, project)
    assert gone == all_of(other)
    assert not gone & {blob_key(blob_digest(photo)), *all_of(first), *all_of(again), *all_of(second)}


@pytest.mark.parametrize("where", ["gemnb.lock", "notebooks/gemnb.lock"])
def test_what_a_lock_names_stays(cache: Cache, keep: Callable, write_notebook: Callable, project: Path, where: str):
    """A lock beside the notebooks or above them, up to the project, keeps requests and bytes that it names."""
    locked, other = keep("a cat"), keep("a dog")
    orphan = cache.put_blob(b"an input that only the lock names")
    write_notebook("notebooks/a.ipynb")
    (project / where).write_text(f'x = "{locked.record.request_digest}"\n[inputs]\n"a.png" = "{orphan}"\n')

    for path in (project / "notebooks", project / "notebooks/a.ipynb"):
        assert going(cache, project, path) == all_of(other)


def test_answers_to_the_function_stay_while_anything_calls_it(
    cache: Cache, keep: Callable, write_notebook: Callable, project: Path
):
    """An answer without a cell cannot be told to be nobody's while a notebook calls `generate`."""
    made = keep("a cat", source=None)
    notebook = write_notebook("a.ipynb", "import gemnb\nx = gemnb.generate('a cat', model='m')")
    assert going(cache, project) == set()

    notebook.unlink()
    write_notebook("a.ipynb", "1 + 1")
    assert going(cache, project) == all_of(made)


def test_damaged_records_and_what_they_name_stay(
    cache: Cache, keep: Callable, write_notebook: Callable, project: Path
):
    """Nobody knows what a damaged record was good for; it is reported and keeps the bytes it names."""
    kept = keep("a cat")
    path = project / "cache" / key_of(kept)
    path.write_bytes(path.read_bytes()[:-4])
    write_notebook("a.ipynb")
    planned = plan(cache, find_references([project], project))

    assert planned.sizes == {}
    assert [item.key for item in planned.damaged] == [key_of(kept)]


def test_what_private_answers_name_stays(cache: Cache, keep: Callable, write_notebook: Callable, project: Path):
    """A private answer may go on from one that is committed; that one stays."""
    kept, other = keep("a cat"), keep("a dog")
    private = project / "cache/private/records/aa/x.json"
    private.parent.mkdir(parents=True)
    private.write_text(f'{{"request": "{kept.record.request_digest}"}}')
    write_notebook("a.ipynb")

    assert going(cache, project) == all_of(other)


def test_notebooks_elsewhere_do_not_count(cache: Cache, keep: Callable, write_notebook: Callable, project: Path):
    """Only what stands under the given paths is asked; checkpoints of Jupyter are not."""
    kept = keep("a cat")
    write_notebook("drafts/a.ipynb", "%%gemimg\na cat")
    write_notebook("post/.ipynb_checkpoints/a.ipynb", "%%gemimg\na cat")
    write_notebook("post/a.ipynb")

    assert going(cache, project, project / "post") == all_of(kept)
    assert going(cache, project, project / "post", project / "drafts") == set()


@pytest.mark.parametrize("trouble", ["empty folder", "missing", "no notebook"])
def test_without_a_readable_notebook_nothing_is_planned(cache: Cache, keep: Callable, project: Path, trouble: str):
    """A path that is wrong is an error, never a reason to move everything."""
    keep("a cat")
    path = project / "x.ipynb"
    if trouble == "empty folder":
        path.mkdir()
    elif trouble == "no notebook":
        path.write_text("{")

    with pytest.raises(NotebookError):
        find_references([path], project)


def test_what_is_moved_can_be_moved_back(cache: Cache, keep: Callable, write_notebook: Callable, project: Path):
    """Below the trash folder keys are what they were: copying it over the cache brings back every byte."""
    keep("a cat")
    other = keep("a dog")
    write_notebook("a.ipynb", "%%gemimg\na cat")
    before = tree(project / "cache")
    folder = move(cache, going(cache, project), DAY)

    assert folder == "trash/2026-11-21"
    assert set(tree(project / "cache" / folder)) == all_of(other)
    assert check_cache(cache).damaged == ()
    assert going(cache, project) == set()
    shutil.copytree(project / "cache" / folder, project / "cache", dirs_exist_ok=True)
    assert {name: data for name, data in tree(project / "cache").items() if not name.startswith("trash")} == before
    assert look_up([cache], other.record.request_digest).record == other.record


def test_each_time_has_a_folder_of_its_own(cache: Cache, keep: Callable):
    """What was moved on the same day before is not mixed with what is moved now."""
    first, second = keep("a cat"), keep("a dog")

    assert move(cache, all_of(first), DAY) == "trash/2026-11-21"
    assert move(cache, all_of(second), DAY) == "trash/2026-11-21-2"


def test_records_go_before_their_bytes(keep: Callable, cache: Cache, project: Path):
    """Cut short at any point, the collection leaves no record without its bytes."""
    kept = [keep("a cat"), keep("a dog")]
    keys = set().union(*map(all_of, kept))

    class Dying:
        def __init__(self, after: int) -> None:
            self.after = after

        def __getattr__(self, name: str) -> Any:
            return getattr(cache.store, name)

        def delete(self, key: str) -> None:
            if self.after == 0:
                raise InterruptedError
            self.after -= 1
            cache.store.delete(key)

    for after in range(len(keys)):
        with pytest.raises(InterruptedError):
            move(type(cache)(Dying(after)), keys, DAY)
        assert check_cache(cache).damaged == ()
        for folder in sorted(path for path in (project / "cache/trash").iterdir()):
            shutil.copytree(folder, project / "cache", dirs_exist_ok=True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "# Post\n\n```python\n%%gemimg x --alt 'A cat'\na cat\n\nin a hat\n```\n"),
        ("a.py", "# %%\n# %%gemimg x --alt 'A cat'\n# a cat\n#\n# in a hat\n"),
        ("deep/er/a.qmd", "```{python}\n%%gemimg x --alt 'A cat'\na cat\n\nin a hat\n```\n"),
    ],
    ids=["markdown", "python", "quarto"],
)
def test_a_notebook_in_plain_text_keeps_its_answers(
    cache: Cache, keep: Callable, project: Path, name: str, text: str
):
    """An answer stays whose cell stands in a Jupytext or Quarto file, commented out or not; another one goes."""
    keep("a cat\n\nin a hat", source="%%gemimg x --alt 'A cat'\na cat\n\nin a hat")
    other = keep("a cat\n\nin a coat", source="%%gemimg x --alt 'A cat'\na cat\n\nin a coat")
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text(text)

    assert going(cache, project) == all_of(other)
    assert going(cache, project, project / name) == all_of(other)


def test_a_script_that_calls_generate_keeps_answers_without_a_cell(
    cache: Cache, keep: Callable, write_notebook: Callable, project: Path
):
    """An answer to `gemnb.generate` stays where a module beside the notebook calls it; another module does not."""
    called = keep("a cat", source=None)
    write_notebook("a.ipynb", "import pictures")
    (project / "pictures.py").write_text("def generate(): pass\n")
    assert going(cache, project) == all_of(called)
    (project / "pictures.py").write_text("import gemnb\ncat = gemnb.generate('a cat')\n")

    assert going(cache, project) == set()


@pytest.mark.parametrize("text", ["", "gemnb generates pictures", "%%bash\necho generate"])
def test_a_folder_of_other_texts_is_no_folder_of_notebooks(cache: Cache, keep: Callable, project: Path, text: str):
    """Where nothing asks gemnb for anything, nothing is collected: what a README says is no notebook."""
    keep("a cat")
    (project / "README.md").write_text(text)

    for path in (project, project / "README.md"):
        with pytest.raises(NotebookError, match=r"no notebook"):
            find_references([path], project)


def test_hidden_folders_and_installed_packages_are_not_read(
    cache: Cache, keep: Callable, write_notebook: Callable, project: Path
):
    """What stands in a virtual environment or a checkpoint keeps nothing."""
    other = keep("a cat")
    write_notebook("a.ipynb", "1 + 1")
    for folder in (".ipynb_checkpoints", ".venv/lib", "venv/lib/site-packages", "node_modules"):
        (project / folder).mkdir(parents=True)
        (project / folder / "a.md").write_text("%%gemimg\na cat\n")

    assert going(cache, project) == all_of(other)
