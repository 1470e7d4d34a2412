"""What papermill and nbformat leave in a notebook that another run would leave otherwise is taken out again."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from gemnb.foreign import parse_json

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from nbformat import NotebookNode

_RANDOM_ID = re.compile(r"[0-9a-f]{8}")  # as nbformat makes them


def tidy(nb: NotebookNode, kept: Mapping[str, object], *, random: Collection[str]) -> None:
    """Leave the input and its outputs: no times, no paths, no ids that another run would make anew.

    Args:
        nb: The notebook as it came.
        kept: Members of its metadata as they were.
        random: The cell ids that were drawn by lot.
    """
    parameters = nb.metadata.pop("papermill", {}).get("parameters")
    if parameters:
        nb.metadata["papermill"] = {"parameters": parameters}
    nb.metadata.update(kept)
    taken = {cell.get("id") for cell in nb.cells}
    for number, cell in enumerate(nb.cells, 1):
        cell.metadata.pop("papermill", None)
        tags = cell.metadata.get("tags")
        if tags == []:
            del cell.metadata["tags"]
        if tags and "injected-parameters" in tags:
            cell["id"] = "injected-parameters"
        elif cell.get("id") in random:
            name = f"cell-{number}"
            cell["id"] = name if name not in taken else f"cell-{number}-{number}"


def random_ids(nb: NotebookNode, path: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return the cell ids that nbformat drew, since the file has none or one twice, and those it has twice."""
    own = [str(cell.get("id", "")) for cell in nb.cells]
    if not any(map(_RANDOM_ID.fullmatch, own)):
        return frozenset(), frozenset()
    try:
        document = parse_json(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return frozenset(), frozenset()  # read from elsewhere than a file of this machine
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):  # format 3 has sheets, and no ids
        cells = []
    held = Counter(str(cell["id"]) for cell in cells if isinstance(cell, dict) and "id" in cell)
    minor = document.get("nbformat_minor") if isinstance(document, dict) else None
    if not isinstance(minor, int) or minor < 5:  # what is called so there is dropped
        held.clear()
    drawn = frozenset(name for name in own if _RANDOM_ID.fullmatch(name) and name not in held)
    return drawn, frozenset(name for name, times in held.items() if times > 1)
