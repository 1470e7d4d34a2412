"""What papermill and nbformat leave in a notebook that another run would leave otherwise is taken out again."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nbformat import NotebookNode

_RANDOM_ID = re.compile(r"[0-9a-f]{8}")  # as nbformat makes them
_MINOR = re.compile(r'"nbformat_minor":\s*(\d+)')


def tidy(nb: NotebookNode, kept: Mapping[str, object], *, random: bool) -> None:
    """Leave the input and its outputs: no times, no paths, no ids that another run would make anew."""
    parameters = nb.metadata.pop("papermill", {}).get("parameters")
    if parameters:
        nb.metadata["papermill"] = {"parameters": parameters}
    nb.metadata.update(kept)
    for number, cell in enumerate(nb.cells, 1):
        cell.metadata.pop("papermill", None)
        tags = cell.metadata.get("tags")
        if tags == []:
            del cell.metadata["tags"]
        if tags and "injected-parameters" in tags:
            cell["id"] = "injected-parameters"
        elif random and "id" in cell:
            cell["id"] = f"cell-{number}"


def lacks_ids(nb: NotebookNode, path: Path) -> bool:
    """Return whether the file had no cell ids, so that nbformat made random ones."""
    if not all(_RANDOM_ID.fullmatch(str(cell.get("id", ""))) for cell in nb.cells):
        return False
    try:
        text = path.read_text("utf-8")
        found = _MINOR.search(text[-200:])
        minor = int(found.group(1)) if found else json.loads(text).get("nbformat_minor", 5)
    except (OSError, ValueError, AttributeError):
        return False  # read from elsewhere than a file of this machine
    return not isinstance(minor, int) or minor < 5
