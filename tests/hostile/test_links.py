"""A cloned project with symbolic links in its cache: nothing is read from, or written to, what they lead to."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gemnb import generate
from gemnb.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.emulator import Emulator

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a link takes rights there")
MODEL = "emulator/sketch-1"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the project, with something in it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "theirs").write_bytes(b"theirs")
    return folder


@pytest.mark.parametrize("link", ["cache", "cache/blobs", "cache/records", "cache/private", "cache/.gitignore"])
def test_a_cell_stops_before_it_pays(
    project: Path, outside: Path, emulator: Emulator, run_cells: Callable[..., list[Any]], link: str
):
    """A cache, or a part of it, that is a link elsewhere stops a cell before its call, and it says what to type."""
    (project / link).parent.mkdir(exist_ok=True)
    (project / link).symlink_to(outside)
    cells = run_cells(
        "%load_ext gemnb\n%gemnb use emulator/sketch-1", "%%gemimg --publish false\nA cat", "%%gemimg\nA"
    )
    errors = [output for cell in cells for output in cell.outputs if output.output_type == "error"]
    assert errors
    assert all("symbolic link" in error.evalue and "GEMNB_CACHE=" in error.evalue for error in errors)
    assert len(emulator.calls) == 0
    assert [path.name for path in outside.rglob("*")] == ["theirs"]


@pytest.mark.parametrize("link", ["blobs", "records"])
def test_a_link_deeper_down_loses_nothing(project: Path, outside: Path, emulator: Emulator, link: str):
    """Links in the place of all folders of answers: what was paid for is kept elsewhere, and replays without them."""
    links = [project / "cache" / link / f"{number:02x}" for number in range(256)]
    links[0].parent.mkdir(parents=True)
    for path in links:
        path.symlink_to(outside)
    with pytest.raises(StoreError, match="is a symbolic link") as caught:
        _ = generate("A cat", model=MODEL, size="512").bytes
    assert "rm '" in caught.value.hint
    assert [path.name for path in outside.rglob("*")] == ["theirs"]
    for path in links:
        path.unlink()
    assert generate("A cat", model=MODEL, size="512").bytes.startswith(b"\x89PNG")
    assert len(emulator.calls) == 1


def test_verify_reads_nothing_through_a_link(project: Path, outside: Path, notebook: Path):
    """`gemnb verify` of a project whose cache leads elsewhere is one error that names the link."""
    (project / "cache").rename(outside / "cache")
    (project / "cache").symlink_to(outside / "cache")
    said = subprocess.run(
        [sys.executable, "-m", "gemnb", "verify", str(notebook)], capture_output=True, text=True, check=False
    )
    assert said.returncode not in (0, 1)
    assert "is a symbolic link out of the project" in said.stdout + said.stderr
    assert "Traceback" not in said.stderr


def test_the_users_own_link_is_followed(
    project: Path, outside: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    """Whoever names the folder in the environment means it, link or not."""
    (project / "cache").symlink_to(outside)
    with pytest.raises(SettingsError):
        generate("A cat", model=MODEL, size="512")
    monkeypatch.setenv("GEMNB_CACHE", str(project / "cache"))
    assert generate("A cat", model=MODEL, size="512").bytes.startswith(b"\x89PNG")
    assert (outside / "records").is_dir()
