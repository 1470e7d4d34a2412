"""A project with a notebook that was run against the emulator: what verify and reproduce are about."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.emulator import Emulator

CELLS = (
    "style = 'ink'",
    "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512",
    "%%gemimg cat -p style --alt 'A cat'\nA cat, {{style}}",
    "%%gemimg hat -e cat\nGive it a hat",
    "%%gemimg both -i cat -i photo.png\nPut them side by side",
)


@pytest.fixture(scope="session")
def _run_once(tmp_path_factory: pytest.TempPathFactory, _running_emulator: Emulator) -> Path:
    """A project whose notebook was run in a real kernel; tests get copies of it."""
    folder = tmp_path_factory.mktemp("run-once")
    (folder / "pyproject.toml").write_text("[tool.gemnb]\n")
    Image.new("RGB", (64, 48), "teal").save(folder / "photo.png")
    notebook = new_notebook(cells=[new_markdown_cell("# A post"), *map(new_code_cell, CELLS)])
    notebook.cells[1].metadata["tags"] = ["parameters"]
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEMNB_EMULATOR", _running_emulator.url)
        patch.setenv("XDG_CACHE_HOME", str(folder.parent / "user"))
        patch.setenv("XDG_DATA_HOME", str(folder.parent / "user"))
        NotebookClient(
            notebook,
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        ).execute()
    nbformat.write(notebook, folder / "post.ipynb")
    return folder


@pytest.fixture
def notebook(project: Path, emulator: Emulator, _run_once: Path) -> Path:
    """A saved notebook of five code cells, three with pictures; cell numbers count the Markdown cell."""
    shutil.copytree(_run_once, project, dirs_exist_ok=True)
    emulator.clear()
    return project / "post.ipynb"


@pytest.fixture
def edit(notebook: Path) -> Callable[[Callable[[dict[str, Any]], None]], None]:
    """Change the notebook's JSON through a function."""

    def apply(change: Callable[[dict[str, Any]], None]) -> None:
        document = json.loads(notebook.read_text("utf-8"))
        change(document)
        notebook.write_text(json.dumps(document), "utf-8")

    return apply
