"""A project with committed notebooks, good ones and tampered ones, and pytest run over it as a user does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run of pytest: exit code, what it printed, and per item `notebook::name` the text of its failure, or None."""

    code: int
    text: str
    items: dict[str, str | None]

    @property
    def failed(self) -> set[str]:
        """The items that failed."""
        return {name for name, failure in self.items.items() if failure is not None}


@pytest.fixture
def notebook(project: Path) -> Path:
    """A committed notebook of two pictures, the second going on from the first, with its cache."""
    shutil.copytree(ROOT / "cache", project / "cache")
    shutil.copy(ROOT / "notebooks" / "1_first_picture.ipynb", project / "post.ipynb")
    return project / "post.ipynb"


@pytest.fixture
def run_pytest(project: Path) -> Callable[..., Ran]:
    """Run pytest in the project, as a program of its own."""

    def run(*arguments: str) -> Ran:
        report = project.parent / "report.xml"
        report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={report}", *arguments]
        quiet = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, env=quiet, check=False)
        return Ran(code=done.returncode, text=done.stdout + done.stderr, items=_items(report))

    return run


def _items(report: Path) -> dict[str, str | None]:
    if not report.exists():
        return {}
    found: dict[str, str | None] = {}
    for case in ET.parse(report).iter("testcase"):
        failure = case.find("failure")
        found[f"{case.get('classname')}::{case.get('name')}"] = None if failure is None else failure.text or ""
    return found


@pytest.fixture
def tamper() -> Callable[..., Path]:
    """Write a changed copy of a notebook beside it: `tamper(path, name, change)`."""

    def write(path: Path, name: str, change: Callable[[dict[str, Any]], None]) -> Path:
        document = json.loads(path.read_text("utf-8"))
        change(document)
        copy = path.with_name(name)
        copy.write_text(json.dumps(document), "utf-8")
        return copy

    return write


@pytest.fixture
def other_picture() -> Callable[[dict[str, Any]], None]:
    """A change that puts another picture in the place of the first, its record untouched."""

    def change(document: dict[str, Any]) -> None:
        import base64
        import io

        buffer = io.BytesIO()
        Image.new("RGB", (64, 64), "red").save(buffer, "PNG")
        for cell in document["cells"]:
            for output in cell.get("outputs", ()):
                for kind in ("image/png", "image/jpeg"):
                    if kind in output.get("data", {}):
                        output["data"][kind] = base64.b64encode(buffer.getvalue()).decode()
                        return
        raise AssertionError

    return change
