"""Read a notebook file, trusting nothing in it. Format 4 is read as JSON; nbformat is imported for older ones only.

Importing nbformat takes two to three seconds where JupyterLab is installed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from gemnb.errors import NotebookError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gemnb.model import JSONObject, JSONValue


MAX_NOTEBOOK = 256 * 1024 * 1024
"""Bytes; originals of fifty pictures embedded take about 150 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookCell:
    """A cell: its position from 1, whether it holds code, its source, its outputs as JSON, its tags."""

    number: int
    is_code: bool
    source: str
    outputs: tuple[JSONObject, ...]
    tags: tuple[str, ...] = ()


def read_notebook(path: Path) -> tuple[NotebookCell, ...]:
    """Return the cells of a notebook file.

    Raises:
        NotebookError: The file cannot be read, is no JSON, or is no notebook.
    """
    try:
        size = path.stat().st_size
        if size > MAX_NOTEBOOK:
            raise NotebookError(
                f"{path} has {size // 1024**2} MB; gemnb reads notebooks of up to {MAX_NOTEBOOK // 1024**2} MB.",
                why="Parsing takes several times the size in memory; GitHub shows up to about 14 MB.",
                hint="GEMNB_EMBED=preview keeps a notebook small.",
            )
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        return parse_notebook(data, str(path))
    raise NotebookError(f"{path} cannot be read.", why=reason)


def parse_notebook(data: bytes, name: str) -> tuple[NotebookCell, ...]:
    """Return the cells of a notebook's bytes; `name` is for messages."""
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        reason = str(error)
    else:
        if not isinstance(document, dict):
            raise NotebookError(f"{name} is no notebook.", why="Its JSON is not an object.")
        if document.get("nbformat") != 4:
            document = _upgrade(document, name)
        cells = document.get("cells")
        if not isinstance(cells, list):
            raise NotebookError(f"{name} is no notebook.", why="It has no list of cells.")
        return tuple(_cell(number, cell, name) for number, cell in enumerate(cells, 1))
    raise NotebookError(f"{name} is no notebook: it is no JSON.", why=reason)


def find_notebooks(paths: Iterable[Path]) -> list[Path]:
    """Return the notebooks of files and folders, sorted within a folder, checkpoints left out.

    Raises:
        NotebookError: A path is not there, or holds no notebook.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*.ipynb")) if not _is_hidden(p.relative_to(path))]
            if not inside:
                raise NotebookError(f"There is no notebook in {path}.")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise NotebookError(f"{path} is not there.", hint="Give notebooks, or folders of them.")
    return list(dict.fromkeys(found))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def joined(value: JSONValue) -> str:
    """Return a multi-line string of a notebook, which may be stored as a list of lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _cell(number: int, cell: JSONValue, name: str) -> NotebookCell:
    if not isinstance(cell, dict):
        raise NotebookError(f"{name} is no notebook.", why=f"Its cell {number} is no object.")
    outputs = cell.get("outputs")
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return NotebookCell(
        number=number,
        is_code=cell.get("cell_type") == "code",
        source=joined(cell.get("source")),
        outputs=tuple(o for o in outputs if isinstance(o, dict)) if isinstance(outputs, list) else (),
        tags=tuple(t for t in tags if isinstance(t, str)) if isinstance(tags, list) else (),
    )


def _upgrade(document: dict[str, Any], name: str) -> dict[str, Any]:
    import nbformat

    raised = (
        *(ValueError, KeyError, TypeError, AttributeError, AssertionError, RecursionError),
        nbformat.ValidationError,
    )
    try:
        return cast("dict[str, Any]", nbformat.reads(json.dumps(document), 4))  # type: ignore[no-untyped-call]
    except raised as error:
        reason = f"{type(error).__name__}: {error}"
    raise NotebookError(f"{name} is of a notebook format that cannot be read.", why=reason)
