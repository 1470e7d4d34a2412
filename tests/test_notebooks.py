"""The committed notebooks: consistent, honest about their model, and reproduced from the committed cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from gemnb.compose import open_cache
from gemnb.notebook import read_notebook, scan
from gemnb.records import parse_document
from gemnb.reproduce.run import Verdict, reproduce_notebook
from gemnb.verify import verify_notebook

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture
def copy(project: Path) -> Path:
    """The notebooks and their cache in a folder of their own."""
    for name in ("notebooks", "cache"):
        shutil.copytree(ROOT / name, project / name)
    return project


def test_there_are_three() -> None:
    """A first picture, prompts from files, and a parameterised one."""
    assert [path.stem[0] for path in NOTEBOOKS] == ["1", "2", "3"]


@each
def test_every_picture_is_consistent(path: Path) -> None:
    """Verify finds nothing to say against a committed notebook."""
    checks = verify_notebook(path, open_cache(ROOT / "cache", look_only=True), ROOT)

    assert checks
    assert [check for check in checks if not check.well] == []


@each
def test_every_picture_is_reproduced(path: Path, copy: Path) -> None:
    """The notebook replays offline to the same bytes."""
    run = reproduce_notebook(copy / "notebooks" / path.name)

    assert run.error is None
    assert {row.verdict for row in run.rows} == {Verdict.REPRODUCED}


@pytest.mark.slow
@each
def test_two_replays_are_the_file_itself(path: Path, copy: Path, tmp_path: Path) -> None:
    """Through the papermill engine, in two folders, time zones and hash seeds, the bytes are those of the file."""
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(copy, elsewhere)
    replays = [
        _replayed(copy, path.name, TZ="UTC"),
        _replayed(elsewhere, path.name, TZ="Asia/Tokyo", PYTHONHASHSEED="7"),
    ]

    assert replays[0] == replays[1]
    assert replays[0] + b"\n" == path.read_bytes()  # papermill ends no file with a line break


def _replayed(project: Path, name: str, **environment: str) -> bytes:
    command = [sys.executable, "-m", "papermill", "--engine", "gemnb", "--no-progress-bar", name, "out.ipynb"]
    subprocess.run(command, cwd=project / "notebooks", env=os.environ | environment, check=True, capture_output=True)
    return (project / "notebooks" / "out.ipynb").read_bytes()


@each
def test_it_says_that_its_pictures_are_synthetic(path: Path) -> None:
    """One sentence tells where the pictures come from, and every record is of an emulator model."""
    text = " ".join(cell.source for cell in read_notebook(path) if not cell.is_code)
    records = [parse_document(shown.document)[0] for cell in scan(read_notebook(path)) for shown in cell.shown]

    assert "The pictures here are synthetic" in text
    assert records
    assert all(record.request.model.startswith("emulator/") for record in records)


@each
def test_it_is_valid_and_clean(path: Path) -> None:
    """The file is a valid notebook with stable ids, no timing, no path of a machine."""
    text = path.read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    nbformat.validate(nbformat.from_dict(document))

    assert "/tmp/" not in text
    assert "/home/" not in text
    assert all("execution" not in cell["metadata"] for cell in document["cells"])
    assert all(len(cell["id"]) < 20 for cell in document["cells"])


def test_one_parameter_switches_the_model() -> None:
    """Each notebook has a cell tagged `parameters` with the model, which `%gemnb use` takes."""
    for path in NOTEBOOKS:
        cells = read_notebook(path)
        (parameters,) = [cell for cell in cells if "parameters" in cell.tags]
        assert parameters.source.startswith('model = "emulator/')
        assert any("%gemnb use $model" in cell.source for cell in cells)


def test_the_cache_holds_nothing_else() -> None:
    """Every record and blob in the committed cache belongs to a committed notebook."""
    wanted = set()
    for path in NOTEBOOKS:
        for cell in scan(read_notebook(path)):
            for shown in cell.shown:
                wanted |= set(_digests(json.dumps(shown.document)))
    kept = {
        p.parent.name if p.suffix else p.name for p in (ROOT / "cache").rglob("*") if p.is_file() and p.name[0] != "."
    }

    assert kept - wanted == set()


def _digests(text: str) -> list[str]:
    import re

    return re.findall(r"sha256:([0-9a-f]{64})", text)
