"""A committed notebook in a project of its own, and the table of what survives."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def table() -> list[dict[str, str]]:
    """The rows of the table, in order."""
    return tomllib.loads((Path(__file__).parent / "table.toml").read_text("utf-8"))["way"]


@pytest.fixture
def notebook(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed notebook of two pictures with its cache; nothing here may call anybody."""
    shutil.copytree(ROOT / "cache", project / "cache")
    shutil.copy(ROOT / "notebooks" / "1_first_picture.ipynb", project / "post.ipynb")
    monkeypatch.setenv("GEMNB_MODE", "replay")
    return project / "post.ipynb"
