"""Notebooks as files: read them, and find what gemnb left in them."""

from gemnb.notebook.files import NotebookCell, find_notebooks, parse_notebook, read_notebook
from gemnb.notebook.scan import ScannedCell, Shown, first_error, scan

__all__ = [
    "NotebookCell",
    "ScannedCell",
    "Shown",
    "find_notebooks",
    "first_error",
    "parse_notebook",
    "read_notebook",
    "scan",
]
