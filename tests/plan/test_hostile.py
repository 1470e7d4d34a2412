"""Any notebook has a plan: whatever stands in its cells and outputs, nothing but our own errors comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.model import MIMETYPE
from gemnb.plan import as_json, as_table
from tests.plan.conftest import planned

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(
    [
        *(
            "-i",
            "-e",
            "-p",
            "-n",
            "-s",
            "-m",
            "-q",
            "--mode",
            "--sample",
            "--seed",
            "--alt",
            "--max-cost",
            "--publish",
        ),
        *("hero", "hero[1]", "hero[-9]", "hero.image", "x", "x=$hero", "x=$", "x=y", "$hero", "plan", "refresh", "3"),
        *("a/b.png", "*", "**/*", "[", "../../*", "/etc/hostname", "file:", "var:", "var:hero", "record:", "data:,"),
        *("blob:123456", "record:abcdef#9", "https://h/a.png", "emulator/sketch-1", "nano-banana", "\x00", "\ud800"),
    ]
)
LINES = st.lists(WORDS, max_size=5).map(" ".join)
GEMIMG = st.builds("%%gemimg {} -m emulator/sketch-1 {}\n{}".format, st.sampled_from(["", "hero"]), LINES, st.text())
PLAIN = st.sampled_from(
    [
        *("hero = 1", "del hero", "import hero as gemnb", "%gemnb use x", "%gemnb use nano-banana -s 2K", "def f(:"),
        *(
            "gemnb.generate(" * 50,
            "(" * 500,
            "x = [hero for hero in hero]",
            "class hero: pass",
            "\x00",
            "from . import *",
        ),
    ]
)
OUTPUT = st.builds(lambda data: {"output_type": "display_data", "data": data, "metadata": {}}, JSON)
RECORD = st.builds(lambda document: {"output_type": "display_data", "data": {MIMETYPE: document}}, JSON)
CELL = st.builds(
    lambda source, outputs: {"cell_type": "code", "metadata": {}, "source": source, "outputs": outputs},
    GEMIMG | PLAIN | st.text(),
    st.lists(OUTPUT | RECORD, max_size=2),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(CELL, max_size=6))
def test_any_notebook_has_a_plan(cells: list[dict[str, object]]) -> None:
    """Every `%%gemimg` cell has its line, in a table that a terminal can show and JSON that a program can read."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "post.ipynb"
        (Path(folder) / "pyproject.toml").write_text("[tool.gemnb]\n")
        path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}))
        found = planned(path)
        left = sorted(item.name for item in Path(folder).iterdir())

    assert left == ["post.ipynb", "pyproject.toml"]
    asking = [number for number, cell in enumerate(cells, 1) if str(cell["source"]).startswith("%%gemimg ")]
    assert set(asking) <= {cell.cell for cell in found}
    assert "\x1b" not in as_table(found)
    assert as_table(found).encode("utf-8")
    assert len(json.loads(as_json(found))["cells"]) == len(found)
