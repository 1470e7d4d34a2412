"""Notebooks of ours in JupyterLab, in a real browser: opened, edited, run, saved."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gemnb.compose import open_cache
from gemnb.notebook import first_error, load_notebook, read_notebook, scan
from gemnb.verify import verify_notebook

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.emulator import Emulator

pytestmark = pytest.mark.browser
TABLE = Path(__file__).parents[1] / "survival" / "table.toml"


def shown(path: Path) -> tuple[list[object], list[bytes | None]]:
    """Return the records and the pictures of a notebook, in order."""
    outputs = [output for cell in scan(read_notebook(path)) for output in cell.shown]
    return [output.document for output in outputs], [output.picture for output in outputs]


def gemnb(verb: str, path: Path) -> bool:
    """Run a verb of the command line on a notebook and return whether its exit code is 0."""
    command = [sys.executable, "-m", "gemnb", verb, path.name]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)
    print(done.stdout, done.stderr)  # noqa: T201 - pytest shows it where the test fails
    return done.returncode == 0


def is_well(path: Path) -> bool:
    """Return whether verify finds nothing against a notebook."""
    checks = verify_notebook(path, open_cache(path.parent / "cache", look_only=True), path.parent)
    return len(checks) == 3 and all(check.well for check in checks)


def test_edit_run_and_save_leave_records_and_pictures(
    notebook: Path, open_notebook: Callable, emulator: Emulator
) -> None:
    """After a person edited a text, ran all cells and saved, the pictures are the same, consistent, and replay."""
    (row,) = [row for row in tomllib.loads(TABLE.read_text("utf-8"))["way"] if row["id"] == "jupyterlab"]
    before = shown(notebook)

    window = open_notebook(f"{notebook.parent.name}/{notebook.name}")
    window.edit_first_cell(", edited in JupyterLab")
    window.run_all()
    window.save()

    assert read_notebook(notebook)[0].source == "# A post, edited in JupyterLab"
    assert shown(notebook) == before
    assert (row["records"], row["pictures"]) == ("kept", "kept")
    assert is_well(notebook)
    assert gemnb("reproduce", notebook) is (row["from_cache"] == "yes")
    assert emulator.calls == ()


def test_a_saved_notebook_replays_alone(notebook: Path, open_notebook: Callable) -> None:
    """A packed notebook that JupyterLab ran and saved replays where neither the cache nor the input is."""
    (row,) = [row for row in tomllib.loads(TABLE.read_text("utf-8"))["way"] if row["id"] == "jupyterlab"]
    assert gemnb("pack", notebook)

    window = open_notebook(f"{notebook.parent.name}/{notebook.name}")
    window.run_all()
    window.save()

    shutil.rmtree(notebook.parent / "cache")
    notebook.with_name("photo.png").unlink()
    assert gemnb("reproduce", notebook) is (row["alone"] == "yes")


def test_a_packed_notebook_shows_its_pictures_and_survives_a_save(notebook: Path, open_notebook: Callable) -> None:
    """Opened, edited and saved, a packed notebook keeps what is packed, and slims to what it was before."""
    before = shown(notebook)
    assert gemnb("pack", notebook)
    packed = load_notebook(notebook).metadata["gemnb"]
    assert len(packed["packed"]["blobs"]) >= 2  # the big original, and the input
    shutil.rmtree(notebook.parent / "cache")

    window = open_notebook(f"{notebook.parent.name}/{notebook.name}")
    widths = window.pictures()
    window.edit_first_cell("!")
    window.save()

    assert len(widths) == 3
    assert min(widths) > 0
    assert read_notebook(notebook)[0].source == "# A post!"
    assert load_notebook(notebook).metadata["gemnb"] == packed
    assert gemnb("slim", notebook)
    assert "gemnb" not in load_notebook(notebook).metadata
    assert shown(notebook) == before
    assert is_well(notebook)


def test_an_error_is_our_lines(notebook: Path, open_notebook: Callable, emulator: Emulator) -> None:
    """A cell with a wrong option shows what, why and what to type, on the page and in the file, and no traceback."""
    text = notebook.read_text("utf-8")
    assert text.count("-m emulator/sketch-pro-1 -s 2K") >= 1
    notebook.write_text(text.replace("%%gemimg big -m emulator/sketch-pro-1 -s 2K", "%%gemimg big --sede 4"), "utf-8")

    window = open_notebook(f"{notebook.parent.name}/{notebook.name}")
    window.run_all()
    window.save()

    area = window.page.locator(".jp-OutputArea-output", has_text="CellSyntaxError")
    assert area.count() == 1
    said = area.inner_text()
    assert said.startswith("CellSyntaxError: There is no option --sede")
    assert len(said.strip().splitlines()) <= 6
    assert "Traceback" not in said
    error = first_error(read_notebook(notebook))
    assert error is not None
    assert error[:2] == (4, "CellSyntaxError")
    assert emulator.calls == ()
