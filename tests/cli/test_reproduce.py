"""`gemnb reproduce` as typed: many notebooks, the lock, reports, outputs, budgets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

if TYPE_CHECKING:
    from gemnb.emulator import Emulator

GEMNB = str(Path(sys.executable).with_name("gemnb"))


@pytest.fixture
def two(project: Path, emulator: Emulator, run_cells: Any) -> Path:
    """A project with two notebooks of a picture each, made with the emulator."""
    for name, prompt in (("one", "A cat"), ("two", "A dog")):
        cells = run_cells("%load_ext gemnb\n%gemnb use emulator/sketch-1", f"%%gemimg it\n{prompt}")
        notebook = nbformat.v4.new_notebook(cells=cells)
        (project / "nb").mkdir(exist_ok=True)
        nbformat.write(notebook, project / "nb" / f"{name}.ipynb")
    emulator.clear()
    return project


def gemnb(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does."""
    return subprocess.run([GEMNB, *arguments], capture_output=True, text=True, check=False)


def test_folders_and_globs_are_run_on_all_cores(two: Path, emulator: Emulator) -> None:
    """A folder, a quoted glob and a file name the same notebooks once each; a line per notebook tells of the way."""
    done = gemnb("reproduce", "nb", "nb/*.ipynb", "nb/one.ipynb")

    assert done.returncode == 0, done.stderr
    assert "2 of 2 pictures reproduced." in done.stdout
    assert sorted(line.split(" ", 1)[0] for line in done.stderr.splitlines()) == ["[1/2]", "[2/2]"]
    assert emulator.calls == ()


def test_a_file_that_is_no_notebook_stops_no_other(two: Path) -> None:
    """It is told in words, the others are run, and the exit code says that the call was wrong."""
    Path("nb/broken.ipynb").write_text("{")
    done = gemnb("reproduce", "nb")

    assert done.returncode == 2
    assert "nb/broken.ipynb is no notebook: it is no JSON." in done.stderr
    assert "2 of 2 pictures reproduced." in done.stdout


def test_what_came_is_written_where_it_is_asked_for(two: Path) -> None:
    """`--output` gets the notebooks under their names, the same bytes on every run; the notebooks stay."""
    before = {path.name: path.read_bytes() for path in Path("nb").iterdir()}
    assert gemnb("reproduce", "nb", "-o", "first").returncode == 0
    assert gemnb("reproduce", "nb", "-o", "second", "-j", "1").returncode == 0

    first = {path.name: path.read_bytes() for path in Path("first").iterdir()}
    assert first == {path.name: path.read_bytes() for path in Path("second").iterdir()}
    assert before == {path.name: path.read_bytes() for path in Path("nb").iterdir()}
    assert set(first) == set(before)


def test_locked_wants_every_answer_pinned(two: Path, emulator: Emulator) -> None:
    """Without a lock it says how to write one; with one it holds until a notebook shows something else."""
    without = gemnb("reproduce", "--locked", "nb")
    assert without.returncode == 2
    assert "gemnb lock nb/one.ipynb" in without.stderr

    assert gemnb("lock", "nb/one.ipynb").returncode == 0
    half = gemnb("reproduce", "--locked", "nb")
    assert half.returncode == 1
    assert "added: nb/two.ipynb" in half.stdout
    assert gemnb("reproduce", "nb").returncode == 0

    assert gemnb("lock", "nb").returncode == 0
    assert gemnb("reproduce", "--locked", "nb").returncode == 0
    assert emulator.calls == ()


def test_the_lock_selects_the_attempt(two: Path) -> None:
    """A later attempt at the same request does not change what a locked notebook shows; without a lock it does."""
    asked = "import gemnb; gemnb.generate('A cat', model='emulator/sketch-1', mode='refresh')"
    subprocess.run([sys.executable, "-c", asked], check=True)
    later = gemnb("reproduce", "nb/one.ipynb")
    assert later.returncode == 1
    assert "the notebook holds attempt 1, the run shows attempt 2" in later.stdout

    assert gemnb("lock", "nb").returncode == 0
    assert gemnb("reproduce", "nb/one.ipynb").returncode == 0


@pytest.mark.parametrize(("name", "begins"), [("r.json", "{"), ("r.xml", "<?xml"), ("r.md", ""), ("r.html", "<!")])
def test_a_report_is_written_too(two: Path, name: str, begins: str) -> None:
    """The ending of the file says which form it has."""
    assert gemnb("reproduce", "nb/one.ipynb", "--report", name).returncode == 0
    text = Path(name).read_text("utf-8")

    assert text.lstrip().lower().startswith(begins.lower())
    assert "one.ipynb" in text
    assert "reproduce" in text


def test_a_limit_belongs_to_a_run_that_pays(two: Path) -> None:
    """`--max-cost` in a replay, and a report of no known form, are told before anything runs."""
    replay = gemnb("reproduce", "nb", "--max-cost", "1")
    form = gemnb("reproduce", "nb", "--report", "report.doc")

    assert (replay.returncode, form.returncode) == (2, 2)
    assert "a replay costs nothing" in replay.stderr
    assert ".html" in form.stderr


def test_what_is_missing_is_asked_for_in_auto(two: Path, emulator: Emulator) -> None:
    """Live regeneration goes the same way: another parameter-free prompt is asked for once, and kept."""
    path = Path("nb/one.ipynb")
    document = json.loads(path.read_text("utf-8"))
    document["cells"][1]["source"] = "%%gemimg it\nA bird"
    path.write_text(json.dumps(document), "utf-8")
    assert gemnb("reproduce", str(path)).returncode == 1

    done = gemnb("reproduce", str(path), "--mode", "auto", "--max-cost", "0.5", "-o", "new")

    assert done.returncode == 1  # it is another picture than the notebook holds
    assert "'A cat' became 'A bird'" in done.stdout
    assert len(emulator.calls) == 1
    assert gemnb("reproduce", "new").returncode == 0
