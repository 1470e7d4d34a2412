"""Notebooks and scripts that are plain text (Jupytext's Markdown and Python, Quarto, a module): what they ask for.

They are not parsed: each tool cuts cells in its own way. An answer is asked for where every line of its cell stands
in the file, commented out or not. That may keep what no cell asks for; it loses nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.errors import NotebookError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDINGS = frozenset({".md", ".markdown", ".myst", ".rmd", ".qmd", ".py"})
_NOT_OURS = frozenset({"node_modules", "site-packages", "__pycache__"})
MAX_TEXT = 16 * 1024 * 1024
"""Bytes; a bigger file is no notebook that somebody writes as text."""


def is_text(path: Path) -> bool:
    """Return whether a file's name is that of a notebook or script in plain text."""
    return path.suffix.lower() in _ENDINGS


def texts_below(folder: Path) -> list[Path]:
    """Return the files below a folder that may be such, sorted, without hidden folders and installed packages."""
    return sorted(_walk(folder))


def read_text(path: Path) -> bytes:
    """Return a file's bytes if it names gemnb, else nothing.

    Raises:
        NotebookError: It cannot be read: what it asks for is not known.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_TEXT else b""
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        return data if b"gemimg" in data or b"gemnb" in data else b""
    raise NotebookError(f"{path} cannot be read.", why=reason)


def lines_of(data: bytes) -> frozenset[str]:
    """Return the lines of a file without what stands around them, each also without one `#` before it."""
    lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()]
    return frozenset(lines) | {line.removeprefix("#").strip() for line in lines}


def stands_in(source: str, lines: frozenset[str]) -> bool:
    """Return whether every line of a cell is among a file's; blank ones do not count."""
    return all(line.strip() in lines for line in source.splitlines() if line.strip())


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _NOT_OURS]
        found = (Path(place) / name for name in files if not name.startswith("."))
        yield from (path for path in found if is_text(path) and path.is_file())
