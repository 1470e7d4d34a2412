"""The page for users about what can go wrong says what the code says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import gemnb

PACKAGE = Path(gemnb.__file__).parent
PAGE = PACKAGE.parent / "docs" / "explanation" / "what-can-go-wrong.md"


def sentences() -> list[str]:
    """Return every text in the package's code, with … for each value in it."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r"%[sdr]|%\.\df", "…", node.value))
            elif isinstance(node, ast.JoinedStr):
                found.append("".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values))
    return found


@pytest.mark.parametrize("quoted", re.findall("“([^”]+)”", PAGE.read_text("utf-8")))
def test_what_the_page_quotes_is_what_the_code_says(quoted: str):
    """Each piece of each quotation stands in one text of the code."""
    pieces = [piece.strip(" .,:") for piece in quoted.split("…") if piece.strip(" .,:()")]
    assert any(all(piece in text for piece in pieces) for text in sentences())
