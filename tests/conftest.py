"""Fixtures of the whole suite: a project of its own for each test, an environment without the developer's."""

from __future__ import annotations

import io
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

from gemnb.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


POST = (
    "style = 'i' + 'nk'",  # what only the kernel knows
    "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512",
    "%%gemimg cat -p style --alt 'A cat'\nA cat, {{style}}",
    "%%gemimg hat -e cat\nGive it a hat",
    "%%gemimg both -i cat -i photo.png\nPut them side by side",
)


def pytest_configure() -> None:
    """Forget that this is CI, where gemnb replays unless told otherwise: the tests ask the emulator."""
    os.environ.pop("CI", None)


@pytest.fixture(autouse=True)
def _clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, key or folder of whoever runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith(("GEMNB_", "GEMINI_", "GOOGLE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user-data"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is a gemnb project, and the working folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.gemnb]\n")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def make_picture() -> Callable[..., bytes]:
    """A maker of picture bytes: `make_picture("PNG", (64, 48), noise=True)`."""
    from PIL import Image

    def make(kind: str = "PNG", size: tuple[int, int] = (64, 48), *, noise: bool = False, mode: str = "RGB") -> bytes:
        image = Image.effect_noise(size, 80).convert(mode) if noise else Image.new(mode, size, "teal")
        buffer = io.BytesIO()
        image.save(buffer, kind)
        return buffer.getvalue()

    return make


@pytest.fixture(scope="session")
def _running_emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(_running_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """A running emulator that this process, and every kernel it starts, asks; no calls yet, no faults."""
    _running_emulator.clear()
    monkeypatch.setenv("GEMNB_EMULATOR", _running_emulator.url)
    return _running_emulator


@pytest.fixture
def run_cells(project: Path) -> Callable[..., list[Any]]:
    """Run cells in a real kernel of their own and return them with their outputs; errors do not stop it."""

    def run(*sources: str, folder: Path = project) -> list[Any]:
        notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            allow_errors=True,
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
            shutdown_kernel="immediate",
        )
        client.execute()
        return list(notebook.cells)

    return run


@pytest.fixture(scope="session")
def _run_once(tmp_path_factory: pytest.TempPathFactory, _running_emulator: Emulator) -> Path:
    """A project whose notebook was run in a real kernel; tests get copies of it."""
    folder = tmp_path_factory.mktemp("run-once")
    (folder / "pyproject.toml").write_text("[tool.gemnb]\n")
    Image.new("RGB", (64, 48), "teal").save(folder / "photo.png")
    notebook = new_notebook(cells=[new_markdown_cell("# A post"), *map(new_code_cell, POST)])
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
def edit(project: Path) -> Callable[[Callable[[dict[str, Any]], None]], None]:
    """Change the notebook's JSON through a function."""

    def apply(change: Callable[[dict[str, Any]], None]) -> None:
        path = project / "post.ipynb"
        document = json.loads(path.read_text("utf-8"))
        change(document)
        path.write_text(json.dumps(document), "utf-8")

    return apply
