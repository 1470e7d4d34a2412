"""`pytest --gemnb`: an item per picture and per notebook, beside nbval, through pytest's own options."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HERO, EVENING = "cell-5-hero", "cell-7-evening"
NBVALS_HERO = "post.ipynb::Cell 2"


def edited(document: dict[str, Any]) -> None:
    """Change one word of the first prompt."""
    cell = document["cells"][4]
    source = "".join(cell["source"])
    assert "lighthouse" in source
    cell["source"] = source.replace("lighthouse", "windmill")


def test_every_picture_and_every_notebook_is_an_item(notebook: Path, run_pytest: Callable) -> None:
    """A notebook as it was saved passes, with an item for each picture and one for its replay."""
    ran = run_pytest("--gemnb")

    assert ran.items == {f"post.ipynb::{name}": None for name in (HERO, EVENING, "replays")}
    assert ran.code == 0
    assert "origin unattested" in ran.text


@pytest.mark.slow
def test_what_does_not_belong_together_fails_with_its_reason(
    notebook: Path, run_pytest: Callable, tamper: Callable, other_picture: Callable
) -> None:
    """Another picture, an edited prompt and a file that is no notebook fail, each alone and without a traceback."""
    tamper(notebook, "picture.ipynb", other_picture)
    tamper(notebook, "prompt.ipynb", edited)
    notebook.with_name("torn.ipynb").write_text('{"cells": [')

    ran = run_pytest("--gemnb", "-v")

    assert ran.code == 1
    assert ran.failed == {
        f"picture.ipynb::{HERO}",
        "picture.ipynb::replays",
        f"prompt.ipynb::{HERO}",
        "prompt.ipynb::replays",
        "torn.ipynb::verify",
        "torn.ipynb::replays",
    }
    assert "edited after the picture was made" in ran.items[f"prompt.ipynb::{HERO}"]
    assert "cell 5 hero: drifted" in ran.items["picture.ipynb::replays"]
    assert "cell 5: CacheMiss" in ran.items["prompt.ipynb::replays"]
    assert "is no notebook" in ran.items["torn.ipynb::verify"]
    assert "Traceback" not in ran.text
    assert "pytest_plugin.py" not in ran.text


@pytest.mark.slow
def test_nbval_alone_passes_what_gemnb_beside_it_fails(
    notebook: Path, run_pytest: Callable, tamper: Callable, other_picture: Callable
) -> None:
    """nbval does not compare pictures; with --gemnb it does, and the items of both fail."""
    tamper(notebook, "post.ipynb", other_picture)

    alone = run_pytest("--nbval")
    beside = run_pytest("--nbval", "--gemnb")

    assert alone.code == 0
    assert set(alone.items) < set(beside.items)
    assert beside.failed == {f"post.ipynb::{HERO}", "post.ipynb::replays", NBVALS_HERO}


@pytest.mark.slow
def test_a_notebook_without_records_is_nbvals_own_affair(run_pytest: Callable, project: Path) -> None:
    """A picture in a notebook that gemnb left no record in is compared no more than nbval alone does."""
    source = "from IPython.display import Image, display\ndisplay(Image(data=b'new', format='png'))"
    held = new_output("display_data", {"image/png": "b2xk\n", "text/plain": "<IPython.core.display.Image object>"})
    book = new_notebook(cells=[new_code_cell(source, outputs=[held], execution_count=1)])
    nbformat.write(book, project / "plot.ipynb")

    assert run_pytest("--nbval", "--gemnb").failed == set()


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--nbval", "--nbval-lax"])
def test_a_cell_that_died_with_a_usage_error_fails(flag: str, run_pytest: Callable, project: Path) -> None:
    """nbval passes a cell that ended in UsageError; with --gemnb it fails, unless the cell is to raise."""
    died = new_output("stream", name="stderr", text="UsageError: Line magic function `%nothing` not found.\n")
    cells = [
        new_code_cell("%nothing", outputs=[died], execution_count=1),
        new_code_cell("# NBVAL_RAISES_EXCEPTION\n%nothing", outputs=[died], execution_count=2),
        new_code_cell("1", outputs=[new_output("execute_result", {"text/plain": "1"}, execution_count=3)]),
    ]
    cells[2]["execution_count"] = 3
    nbformat.write(new_notebook(cells=cells), project / "usage.ipynb")

    alone = run_pytest(flag)
    beside = run_pytest(flag, "--gemnb", "-k", "Cell")

    assert alone.failed == set()
    assert beside.failed == {"usage.ipynb::Cell 0"}
    assert "UsageError: Line magic function" in beside.items["usage.ipynb::Cell 0"]


@pytest.mark.slow
def test_a_replay_that_differs_from_the_lock_fails(notebook: Path, run_pytest: Callable, project: Path) -> None:
    """A picture that is not the one gemnb.lock pins fails the replay, with the lock's own words."""
    subprocess.run(
        [sys.executable, "-m", "gemnb", "lock", "post.ipynb"], cwd=project, check=True, capture_output=True
    )
    lock = project / "gemnb.lock"
    text = lock.read_text("utf-8")
    assert 'pictures = ["sha256:64422e6f' in text
    lock.write_text(text.replace('pictures = ["sha256:64422e6f', 'pictures = ["sha256:00000000'), "utf-8")

    ran = run_pytest("--gemnb")

    assert ran.failed == {"post.ipynb::replays"}
    assert "changed: post.ipynb, cell hero" in ran.items["post.ipynb::replays"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "items"),
    [
        (("-k", "hero"), {HERO}),
        (("-k", "cell-7"), {EVENING}),
        (("-k", "not replays"), {HERO, EVENING}),
        (("post.ipynb::replays",), {"replays"}),
        ((f"post.ipynb::{HERO}", "--nbval"), {HERO}),
        (("post.ipynb::Cell 0", "--nbval"), {"Cell 0"}),
        (("--deselect", "post.ipynb::replays"), {HERO, EVENING}),
    ],
)
def test_items_can_be_chosen(
    arguments: tuple[str, ...], items: set[str], notebook: Path, run_pytest: Callable
) -> None:
    """Expressions of -k and node ids choose items, of nbval's too."""
    ran = run_pytest("--gemnb", *arguments)

    assert (ran.code, set(ran.items)) == (0, {f"post.ipynb::{name}" for name in items})


def test_the_first_failure_stops_before_a_kernel_starts(
    notebook: Path, run_pytest: Callable, tamper: Callable, other_picture: Callable
) -> None:
    """With -x a picture that does not fit ends the run: pictures come before the replay."""
    tamper(notebook, "post.ipynb", other_picture)

    ran = run_pytest("--gemnb", "-x")

    assert set(ran.items) == {f"post.ipynb::{HERO}"}


def test_items_can_be_listed(notebook: Path, run_pytest: Callable) -> None:
    """--collect-only names the items and runs nothing."""
    ran = run_pytest("--gemnb", "--collect-only", "-q")

    assert [line for line in ran.text.splitlines() if "::" in line] == [
        f"post.ipynb::{name}" for name in (HERO, EVENING, "replays")
    ]
    assert ran.code == 0


@pytest.mark.slow
def test_several_processes_share_the_work(notebook: Path, run_pytest: Callable, tamper: Callable) -> None:
    """Under pytest-xdist every item runs, and a failure keeps its text."""
    pytest.importorskip("xdist")
    tamper(notebook, "prompt.ipynb", edited)

    ran = run_pytest("--gemnb", "-n", "2", "-k", "hero or replays")

    assert ran.failed == {f"prompt.ipynb::{HERO}", "prompt.ipynb::replays"}
    assert set(ran.items) - ran.failed == {f"post.ipynb::{HERO}", "post.ipynb::replays"}
    assert "edited after the picture was made" in ran.items[f"prompt.ipynb::{HERO}"]


def test_the_finding_is_in_the_report(notebook: Path, run_pytest: Callable, project: Path) -> None:
    """JUnit XML has verify's word for each picture."""
    run_pytest("--gemnb", "-k", "cell")

    text = (project.parent / "report.xml").read_text()
    assert len(re.findall('<property name="finding" value="(?:consistent|bound)"', text)) == 2


def test_a_strangers_words_reach_no_terminal_as_commands(
    notebook: Path, run_pytest: Callable, tamper: Callable
) -> None:
    """An escape sequence in a record is shown, not sent."""

    def hostile(document: dict[str, Any]) -> None:
        for output in document["cells"][4]["outputs"]:
            for kind, data in output["data"].items():
                if kind.endswith("+json"):
                    data["record"] = json.loads(json.dumps(data["record"]).replace("emulator/", "\\u001b[2Jevil/"))

    tamper(notebook, "post.ipynb", hostile)

    ran = run_pytest("--gemnb", "-k", "hero")

    assert ran.failed == {f"post.ipynb::{HERO}"}
    assert "\x1b[2J" not in ran.text


def test_metadata_that_lies_about_a_picture_fails(notebook: Path, run_pytest: Callable, tamper: Callable) -> None:
    """A width in an output's metadata that is not the picture's fails, which nbval does not look at."""

    def lie(document: dict[str, Any]) -> None:
        for output in document["cells"][4]["outputs"]:
            for facts in output["metadata"].values():
                facts["width"] = 5

    tamper(notebook, "post.ipynb", lie)

    assert run_pytest("--gemnb", "-k", "cell").failed == {f"post.ipynb::{HERO}"}


def test_other_tests_are_told_nothing(run_pytest: Callable, project: Path) -> None:
    """With --gemnb and no notebook, nothing is said of pictures."""
    (project / "test_it.py").write_text("def test_it(): pass\n")

    assert "origin" not in run_pytest("--gemnb").text


def test_without_the_option_nothing_happens(notebook: Path, run_pytest: Callable, project: Path) -> None:
    """Without --gemnb no notebook is collected."""
    ran = run_pytest()

    assert ran.code == pytest.ExitCode.NO_TESTS_COLLECTED


def test_without_the_option_nothing_is_imported(project: Path) -> None:
    """pytest alone takes in two modules of gemnb's, and through them nothing that it has not itself."""
    (project / "test_it.py").write_text(
        "import sys\n"
        "def test_it():\n"
        "    ours = {name for name in sys.modules if name.partition('.')[0] == 'gemnb'}\n"
        "    assert ours == {'gemnb', 'gemnb.pytest_plugin'}\n"
        "    assert not {'papermill', 'nbformat', 'PIL', 'IPython', 'click'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:nbval", "-p", "no:hypothesispytest", "test_it.py"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"], cwd=project, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
