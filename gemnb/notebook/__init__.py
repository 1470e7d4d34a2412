"""Notebooks as files: read them, and find what gemnb left in them."""

from gemnb.notebook.files import (
    Notebook,
    NotebookCell,
    cells_of,
    find_notebooks,
    load_notebook,
    parse_notebook,
    read_notebook,
)
from gemnb.notebook.scan import ScannedCell, Shown, first_error, scan

__all__ = [
    "Notebook",
    "NotebookCell",
    "ScannedCell",
    "Shown",
    "cells_of",
    "find_notebooks",
    "first_error",
    "load_notebook",
    "parse_notebook",
    "read_notebook",
    "scan",
]
