"""`gemnb verify` where a cell shows nothing by its own wish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat

from gemnb.compose import open_cache
from gemnb.verify import verify_notebook

if TYPE_CHECKING:
    from pathlib import Path

    from gemnb.emulator import Emulator


def test_an_edit_of_a_quiet_cell_is_well(project: Path, emulator: Emulator, run_cells: Any) -> None:
    """A picture that goes on from a quiet cell's is no drift: no output says what the NAME was."""
    cells = run_cells(
        "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512",
        "%%gemimg dog -q\nA dog",
        "%%gemimg -e dog\nGive it a hat",
    )
    path = project / "post.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)

    (check,) = verify_notebook(path, open_cache(project / "cache", look_only=True), project)

    assert (check.cell, check.reasons) == (3, ())
