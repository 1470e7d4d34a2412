"""`jupyter nbconvert --to gemnb-…` writes what `gemnb publish` writes."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gemnb.publish import FLAVORS
from tests.publish.conftest import answer, markdown, tree

ROOT = Path(__file__).parents[2]


def _entry_points() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project["entry-points"]["nbconvert.exporters"]


def test_each_flavor_has_an_entry_point() -> None:
    """nbconvert finds an exporter for each flavor, and each is there."""
    points = _entry_points()

    assert set(points) == {f"gemnb-{name}" for name in FLAVORS}
    for name, target in points.items():
        module, _, attribute = target.partition(":")
        assert name == f"gemnb-{getattr(import_module(module), attribute).flavor}"


@pytest.mark.slow
@pytest.mark.parametrize("to", FLAVORS)
def test_nbconvert_writes_the_same_tree(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any, to: str
) -> None:
    """Run as a program, nbconvert makes the same files with the same bytes."""
    cat = asked("%%gemimg cat --alt 'A cat'\nA cat\rX", answer(make_picture()))
    path = write(markdown("Words"), cat, post={"title": "A post", "date": "2026-11-21"})
    publish(path, to)
    exporter = _entry_points()[f"gemnb-{to}"].replace(":", ".")
    command = [sys.executable, "-m", "nbconvert", "--to", exporter, str(path), "--output-dir", str(project / "other")]
    subprocess.run(command, check=True, capture_output=True, timeout=120)

    assert tree(project / "other") == tree(project / "site")
