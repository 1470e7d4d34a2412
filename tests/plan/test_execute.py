"""`gemnb plan --execute`: the notebook runs in a real kernel, nothing is called, a pending picture stops it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from gemnb.errors import NotebookError
from gemnb.plan import execute_notebook
from tests.plan.conftest import unrun, write

if TYPE_CHECKING:
    from pathlib import Path

    from gemnb.emulator import Emulator

START = "%load_ext gemnb\n%gemnb use google/gemini-3-pro-image"


def test_it_stops_where_a_pending_picture_is_read(project: Path, emulator: Emulator) -> None:
    """Calls are counted up to the cell that reads what is not there; no cell can lift the mode, and none is asked."""
    path = unrun(
        project,
        START,
        "%config GemImg.mode = 'auto'\nprompts = ['a', 'b']",
        "%%gemimg cat -m emulator/sketch-1 --mode auto\nA cat",
        "%%gemimg -n 2 -q\nA dog",
        "%%gemimg again -n 2\nA dog",
        "import gemnb\nmore = [gemnb.generate(p, model='nano-banana-pro', mode='refresh') for p in prompts]",
        "print(len(cat), cat.digest[:7], repr(cat)[:15])",
        "cat.image.size",
        "%%gemimg\nNever reached",
    )
    before = path.read_bytes()
    found = execute_notebook(path)

    assert found.stop is not None
    assert (found.stop.cell, found.stop.kind, found.stop.pending) == (8, "PendingRead", True)
    assert found.calls == 1 + 2 + 2
    assert abs(found.usd - 4 * Decimal("0.1344")) < Decimal("0.002")
    assert found.unpriced == 0
    assert emulator.calls == ()
    assert path.read_bytes() == before
    assert not (project / "cache").exists()


def test_another_error_stops_it_too(project: Path) -> None:
    """A notebook that names no kernel is run all the same; where it fails is told with the error's own words."""
    path = write(project / "post.ipynb", [{"cell_type": "code", "metadata": {}, "source": "1 / 0", "outputs": []}])
    path.write_text(path.read_text().replace('"kernelspec"', '"none"'))
    found = execute_notebook(path)

    assert found.stop is not None
    assert (found.stop.cell, found.stop.kind, found.stop.message) == (1, "ZeroDivisionError", "division by zero")


def test_what_cannot_be_run_is_an_error(project: Path) -> None:
    """A notebook in another language, for a kernel that is not installed, is told as such."""
    path = unrun(project, "1")
    document = json.loads(path.read_text())
    document["metadata"]["kernelspec"] = {"name": "no-such-kernel", "display_name": "x", "language": "cobol"}
    path.write_text(json.dumps(document))
    with pytest.raises(NotebookError, match="could not be run"):
        execute_notebook(path)
