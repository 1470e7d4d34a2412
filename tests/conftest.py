"""Fixtures of the whole suite: a project of its own for each test, an environment without the developer's."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from gemnb.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


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
