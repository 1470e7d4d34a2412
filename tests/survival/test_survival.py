"""What is left of records and pictures after other tools had a notebook; JupyterLab's row is in tests/browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from gemnb.compose import open_cache
from gemnb.notebook import read_notebook, scan
from gemnb.reproduce.run import Job, run_job
from gemnb.verify import verify_notebook

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


def program(*command: str) -> None:
    """Run a module of this environment as a program."""
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)


def by_nbclient(path: Path) -> Path:
    """Run a notebook as nbclient does and save it."""
    notebook = nbformat.read(path, 4)
    NotebookClient(notebook, extra_arguments=["--IPKernelApp.log_level=ERROR"]).execute(cwd=str(path.parent))
    nbformat.write(notebook, path)
    return path


def by_papermill(path: Path, *engine: str) -> Path:
    """Run it through papermill into another file."""
    out = path.with_name("out.ipynb")
    program("papermill", *engine, "--no-progress-bar", str(path), str(out))
    return out


def by_nbconvert(path: Path) -> Path:
    """Run it through nbconvert onto itself."""
    program("nbconvert", "--to", "notebook", "--execute", "--inplace", str(path))
    return path


def through_text(path: Path, *update: str) -> Path:
    """Write it as text, change the text, and make a notebook of it again."""
    text = path.with_suffix(".py")
    program("jupytext", "--to", "py:percent", str(path), "-o", str(text))
    text.write_text(text.read_text("utf-8").replace("# ## The picture", "# ## A picture"), "utf-8")
    target = path if update else path.with_name("fresh.ipynb")
    program("jupytext", "--to", "ipynb", *update, str(text), "-o", str(target))
    assert "## A picture" in target.read_text("utf-8")
    return target


def stripped(path: Path) -> Path:
    """Strip its outputs."""
    program("nbstripout", str(path))
    return path


def tagged_and_stripped(path: Path) -> Path:
    """Tag its cells so that their outputs are kept, and strip it."""
    document = json.loads(path.read_text("utf-8"))
    for cell in document["cells"]:
        cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), "keep_output"]
    path.write_text(json.dumps(document), "utf-8")
    return stripped(path)


WAYS: dict[str, Callable[[Path], Path]] = {
    "nbclient": by_nbclient,
    "papermill": by_papermill,
    "engine": lambda path: by_papermill(path, "--engine", "gemnb"),
    "nbconvert": by_nbconvert,
    "jupytext-update": lambda path: through_text(path, "--update"),
    "jupytext-fresh": through_text,
    "nbstripout-keep": tagged_and_stripped,
    "nbstripout": stripped,
}
IN_THE_BROWSER = {"jupyterlab"}


def shown(path: Path) -> tuple[list[object], list[bytes | None]]:
    """Return the records and the pictures of a notebook, in order."""
    outputs = [output for cell in scan(read_notebook(path)) for output in cell.shown]
    return [output.document for output in outputs], [output.picture for output in outputs]


def fate(before: list, after: list) -> str:
    """Return the word of the table."""
    assert before
    return "kept" if after == before else "lost" if not after else "changed"


def replays(path: Path) -> str:
    """Return whether a replay brings the two pictures of the notebook."""
    run = run_job(Job(path=path))
    return "yes" if not run.error and [row.picture for row in run.rows] == ["64422e6f33a0", "e183bcb23e9f"] else "no"


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_what_survives_is_what_the_table_says(way: str, notebook: Path, table: list[dict[str, str]]) -> None:
    """What is left after a tool had the notebook is what its row says, and what is kept is consistent."""
    (row,) = [row for row in table if row["id"] == way]
    records, pictures = shown(notebook)

    path = WAYS[way](notebook)

    after = shown(path)
    found = {"records": fate(records, after[0]), "pictures": fate(pictures, after[1]), "from_cache": replays(path)}
    checks = verify_notebook(path, open_cache(path.parent / "cache", look_only=True), path.parent)
    assert [check.well for check in checks] == [row["records"] == "kept"] * 2
    shutil.rmtree(path.parent / "cache")
    assert found | {"alone": replays(path)} == {name: row[name] for name in (*found, "alone")}


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--keep-id",), ()])
def test_a_lock_holds_where_outputs_are_stripped(options: tuple[str, ...], notebook: Path) -> None:
    """A stripped notebook is reproduced to the pinned answers, whether its cells keep their ids or not."""
    program("gemnb", "lock", str(notebook))
    program("nbstripout", *options, str(notebook))

    run = run_job(Job(path=notebook, locked=True))

    assert run.error is None
    assert run.drift == ()
    assert {row.verdict.value for row in run.rows} == {"reproduced"}
    assert [row.picture for row in run.rows] == ["64422e6f33a0", "e183bcb23e9f"]


def test_every_row_is_measured(table: list[dict[str, str]]) -> None:
    """Each row of the table has its test, here or in the browser."""
    assert {row["id"] for row in table} == set(WAYS) | IN_THE_BROWSER


def test_the_page_shows_the_table(table: list[dict[str, str]]) -> None:
    """docs/explanation/what-survives.md has the rows of the table, and no others."""
    page = (ROOT / "docs/explanation/what-survives.md").read_text("utf-8")
    rows = re.findall(r"^\| (.+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", page, re.MULTILINE)

    assert rows[1:] == [
        (row["told"], row["records"], row["pictures"], row["from_cache"], row["alone"]) for row in table
    ]
