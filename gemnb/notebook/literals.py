"""Which names stand for a text or number at a place of a notebook, by its plain code alone. Nothing is run.

Only what cannot be otherwise counts: an assignment of a literal at the top level of a cell, as in a cell tagged
`parameters`, with nothing after it that might bind the name anew.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, field
from typing import NamedTuple

_LINE_MAGIC = re.compile(r"^([ \t]*)([%!].*)$", re.MULTILINE)
_HARMLESS = re.compile(r"(?:![^\n]*|%(?:load_ext|reload_ext|gemnb|matplotlib|config|pip|conda|cd|pwd|ls)\b[^\n]*)")
_REACHES = frozenset({"exec", "eval", "globals", "locals", "vars", "setattr", "get_ipython", "__import__"})


class Literal(NamedTuple):
    """The text of a value, and the position of the cell that assigns it."""

    text: str
    cell: int


@dataclass(slots=True)
class Literals:
    """The names that are known at the place reached."""

    _known: dict[str, Literal] = field(default_factory=dict)
    _open: set[str] = field(default_factory=set)  # names that some function binds, whenever it is called

    def get(self, name: str) -> Literal | None:
        """Return what a name stands for, or None where that cannot be told."""
        return None if name in self._open else self._known.get(name)

    def bind(self, name: str) -> None:
        """Note that a name stands for something else from here on."""
        self._known.pop(name, None)

    def read(self, source: str, cell: int) -> None:
        """Go through a cell of plain code."""
        tree = _parsed(source)
        magic = tree is None
        if magic and all(_HARMLESS.fullmatch(line) for _, line in _LINE_MAGIC.findall(source)):
            tree = _parsed(_LINE_MAGIC.sub(r"\1pass", source))
        if tree is None:
            self._known.clear()
            return
        for statement in tree.body:
            self._step(statement, cell, magic=magic)

    def _step(self, statement: ast.stmt, cell: int, *, magic: bool) -> None:
        target = _target(statement)
        text = None if target is None else _text(getattr(statement, "value", None))
        if text is not None and magic and "\n" in text:
            text = None  # a line of it may have been taken for a magic
        if target is not None and text is not None:
            self._known[target] = Literal(text, cell)
            return
        for node in ast.walk(statement):
            self._forget(node)

    def _forget(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            if node.id in _REACHES:
                self._known.clear()
            elif not isinstance(node.ctx, ast.Load):
                self.bind(node.id)
        elif isinstance(node, ast.Global):
            self._open.update(node.names)
        elif isinstance(node, ast.alias):
            if node.name == "*":
                self._known.clear()
            self.bind(node.asname or node.name.partition(".")[0])
        else:  # functions, classes, handlers, patterns
            for name in (getattr(node, "name", None), getattr(node, "rest", None)):
                if isinstance(name, str):
                    self.bind(name)


def _parsed(source: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings(action="ignore"):  # of the notebook's own code
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _target(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign):
        target = statement.target
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None


def _text(value: object) -> str | None:
    """Return the text that a literal has in a prompt, or None for what is none or has no place there."""
    if not isinstance(value, ast.Constant) or isinstance(value.value, bool):
        return None
    return str(value.value) if isinstance(value.value, str | int | float) else None
