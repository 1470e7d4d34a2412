"""Parameters of a run as papermill reads them: a YAML or JSON file, and NAME VALUE pairs with papermill's types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.errors import NotebookError
from gemnb.reproduce.run import import_papermill

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


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
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            content, reason = None, str(error)
        else:
            reason = "It holds no mapping of names to values."
        if not isinstance(content, dict):
            raise NotebookError(f"{file} cannot be read as parameters.", why=reason, hint="style: ink")
        found |= content
    return found | {name: _typed(value) for name, value in pairs}


def _typed(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
