"""Read a notebook file, trusting nothing in it. Format 4 is read as JSON; nbformat is imported for older ones only.

Importing nbformat takes two to three seconds where JupyterLab is installed.
"""

from __future__ import annotations

import codecs
import glob
import json
import re
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gemnb.errors import NotebookError
from gemnb.foreign import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gemnb.model import JSONObject, JSONValue


_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")  # the schema of nbformat 4.5

MAX_NOTEBOOK = 256 * 1024 * 1024
"""Bytes; originals of fifty pictures embedded take about 150 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookCell:
    """A cell: its position from 1, whether it holds code, its source, its outputs as JSON, its tags, its id.

    The id is None before format 4.5, which has none, and where it is not what that format allows.
    """

    number: int
    is_code: bool
    source: str
    outputs: tuple[JSONObject, ...]
    tags: tuple[str, ...] = ()
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """A notebook as it was read: its cells, and its whole JSON, upgraded to format 4 where it was older."""

    cells: tuple[NotebookCell, ...]
    document: JSONObject = field(repr=False)

    @property
    def metadata(self) -> JSONObject:
        """The notebook's own metadata; empty where it is none."""
        found = self.document.get("metadata")
        return found if isinstance(found, dict) else {}


def read_notebook(path: Path) -> tuple[NotebookCell, ...]:
    """Return the cells of a notebook file; errors as `load_notebook`."""
    return load_notebook(path).cells


def load_notebook(path: Path) -> Notebook:
    """Return a notebook file's cells and JSON.

    Raises:
        NotebookError: The file cannot be read, is no JSON, or is no notebook.
    """
    return load_bytes(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """Return the bytes of what may be a notebook file.

    Raises:
        NotebookError: It cannot be read, is too big, or is no file.
    """
    try:
        facts = path.stat()
        if not (stat.S_ISREG(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):  # reading a pipe waits for its writer
            raise NotebookError(f"{path} is no notebook.", why="It is a pipe or a device, not a file.")
        size = facts.st_size
        if size > MAX_NOTEBOOK:
            raise NotebookError(
                f"{path} has {size // 1024**2} MB; gemnb reads notebooks of up to {MAX_NOTEBOOK // 1024**2} MB.",
                why="Parsing takes several times the size in memory; GitHub shows up to about 14 MB.",
                hint="GEMNB_EMBED=preview keeps a notebook small.",
            )
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
    raise NotebookError(f"{path} cannot be read.", why=reason)


def parse_notebook(data: bytes, name: str) -> tuple[NotebookCell, ...]:
    """Return the cells of a notebook's bytes; `name` is for messages."""
    return load_bytes(data, name).cells


def load_bytes(data: bytes, name: str) -> Notebook:
    """Return the cells and JSON of a notebook's bytes; `name` is for messages.

    Raises:
        NotebookError: They are no JSON, or no notebook.
    """
    if not data or data.isspace():
        raise NotebookError(f"{name} is no notebook: it is empty.", why="A save that was cut leaves such a file.")
    try:
        document = parse_json(data.removeprefix(codecs.BOM_UTF8))
    except (ValueError, RecursionError) as error:
        reason = str(error)
    else:
        if not isinstance(document, dict):
            raise NotebookError(f"{name} is no notebook.", why="Its JSON is not an object.")
        if document.get("nbformat") == 4:
            return Notebook(cells=cells_of(document, name), document=document)
        upgraded = _upgrade(document, name)
        # An upgrade draws the cells' ids by lot.
        cells = tuple(replace(cell, id=None) for cell in cells_of(upgraded, name))
        return Notebook(cells=cells, document=upgraded)
    raise NotebookError(f"{name} is no notebook: it is no JSON.", why=reason)


def cells_of(document: JSONObject, name: str) -> tuple[NotebookCell, ...]:
    """Return the cells of a notebook of format 4 as JSON; `name` is for messages.

    Raises:
        NotebookError: It has no list of cells.
    """
    cells = document.get("cells")
    if not isinstance(cells, list):
        raise NotebookError(f"{name} is no notebook.", why="It has no list of cells.")
    minor = document.get("nbformat_minor")
    has_ids = isinstance(minor, int) and minor >= 5
    return tuple(_cell(number, cell, name, has_ids=has_ids) for number, cell in enumerate(cells, 1))


def find_notebooks(paths: Iterable[Path]) -> list[Path]:
    """Return the notebooks of files, folders and globs, sorted within each, checkpoints left out.

    A glob is expanded where its shell has not done it (`'posts/**/*.ipynb'`); a folder that is called
    `x.ipynb` is a folder.

    Raises:
        NotebookError: A path is not there, or holds no notebook.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = _below(path)
            if not inside:
                # "in .." would be read as the folder above.
                raise NotebookError(f"There is no notebook in {path if path.name else path.absolute()}.")
            found += inside
        elif path.exists():
            found.append(path)
        elif glob.has_magic(str(path)):
            found += _matched(path)
        else:
            raise NotebookError(f"{path} is not there.", hint="Give notebooks, or folders of them.")
    return list(dict.fromkeys(found))


def _below(folder: Path) -> list[Path]:
    inside = sorted(folder.rglob("*.ipynb"))
    return [path for path in inside if not _is_hidden(path.relative_to(folder)) and path.is_file()]


def _matched(pattern: Path) -> list[Path]:
    """Return the notebooks that a glob matches, and those in the folders that it matches."""
    found: list[Path] = []
    for path in map(Path, sorted(glob.glob(str(pattern), recursive=True))):  # noqa: PTH207 - Path.glob is relative
        if path.is_dir():
            found += _below(path)
        elif path.suffix == ".ipynb":
            found.append(path)
    if not found:
        raise NotebookError(
            f"{pattern} matches no notebook.",
            hint="* and ? stay inside one folder, ** goes through all below: 'posts/**/*.ipynb'",
        )
    return found


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def joined(value: JSONValue) -> str:
    """Return a multi-line string of a notebook, which may be stored as a list of lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _cell(number: int, cell: JSONValue, name: str, *, has_ids: bool) -> NotebookCell:
    if not isinstance(cell, dict):
        raise NotebookError(f"{name} is no notebook.", why=f"Its cell {number} is no object.")
    outputs = cell.get("outputs")
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    own_id = cell.get("id") if has_ids else None
    return NotebookCell(
        number=number,
        is_code=cell.get("cell_type") == "code",
        source=joined(cell.get("source")),
        outputs=tuple(o for o in outputs if isinstance(o, dict)) if isinstance(outputs, list) else (),
        tags=tuple(t for t in tags if isinstance(t, str)) if isinstance(tags, list) else (),
        id=own_id if isinstance(own_id, str) and _ID.fullmatch(own_id) else None,
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
