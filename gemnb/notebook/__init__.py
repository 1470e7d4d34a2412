"""Notebooks as files: read them, and find what gemnb left in them."""

from gemnb.notebook.asking import gemimg_of, is_papermills, shows_kept
from gemnb.notebook.files import (
    Notebook,
    NotebookCell,
    cells_of,
    find_notebooks,
    load_bytes,
    load_notebook,
    parse_notebook,
    read_bytes,
    read_notebook,
)
from gemnb.notebook.literals import Literal, Literals
from gemnb.notebook.scan import MAY_RAISE, ScannedCell, Shown, first_error, needs_answer, scan, should_show

__all__ = [
    "MAY_RAISE",
    "Literal",
    "Literals",
    "Notebook",
    "NotebookCell",
    "ScannedCell",
    "Shown",
    "cells_of",
    "find_notebooks",
    "first_error",
    "gemimg_of",
    "is_papermills",
    "load_bytes",
    "load_notebook",
    "needs_answer",
    "parse_notebook",
    "read_bytes",
    "read_notebook",
    "scan",
    "should_show",
    "shows_kept",
]
