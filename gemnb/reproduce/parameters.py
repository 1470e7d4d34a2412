"""Parameters of a run as papermill reads them: a YAML or JSON file, and NAME VALUE pairs with papermill's types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gemnb.errors import NotebookError
from gemnb.notebook import read_notebook
from gemnb.reproduce.run import import_papermill

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


_SET = re.compile(r"^[ \t]*([^\W\d]\w*)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)  # `name = …`, `name: type = …`
_WORDS: dict[str, object] = {"True": True, "False": False, "None": None}


def read_parameters(file: Path | None, pairs: Sequence[tuple[str, str]]) -> dict[str, object]:
    """Return the parameters of a file, overridden by the pairs.

    A value of a pair is read as papermill reads it: True, False, None, whole numbers and decimals, else text.

    Raises:
        NotebookError: The file cannot be read, or holds no mapping.
    """
    import_papermill()
    import yaml  # papermill brings it
    from papermill.iorw import read_yaml_file

    found: dict[str, object] = {}
    if file is not None:
        try:
            content = read_yaml_file(str(file)) or {}
        except OSError as error:
            raise NotebookError(f"{file} cannot be read.", why=error.strerror or str(error)) from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            content, reason = None, str(error)
        else:
            reason = "It holds no mapping of names to values."
        if not isinstance(content, dict):
            hint = "style: ink   is a line of such a file"
            raise NotebookError(f"{file} cannot be read as parameters.", why=reason, hint=hint)
        found |= content
    return found | {name: _typed(value) for name, value in pairs}


def declared(notebook: Path) -> set[str]:
    """Return the names that a notebook's cells tagged `parameters` set; none where it cannot be read."""
    try:
        cells = read_notebook(notebook)
    except NotebookError:
        return set()
    return {name for cell in cells if "parameters" in cell.tags for name in _SET.findall(cell.source)}


def _typed(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
