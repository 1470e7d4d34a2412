"""What each name of a notebook stands for as far as can be told without running it."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gemnb.model import Record

_MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.MULTILINE)
_HELP = re.compile(r"\?\??[ \t]*$", re.MULTILINE)
_CALL = re.compile(r"\bgemnb\s*\.\s*generate\s*\(")
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The NAME of a cell whose answers are kept."""

    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The NAME of a cell that would call, whose values are unknown, or that cannot run.

    Attributes:
        cell: Its position.
        calls: Whether it would call, or show what a cell above calls for.
        kept: Its samples, with the records of those that are kept.
    """

    cell: int
    calls: bool
    kept: tuple[Record | None, ...] = ()


@dataclass(slots=True)
class Names:
    """The names that cells bind, and what plain code makes of them.

    Attributes:
        known: NAMEs of cells, as long as no plain code binds them anew.
        made: Every name that plain code binds.
    """

    known: dict[str, Answered | Asked] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    _made_of: dict[str, tuple[str, int]] = field(default_factory=dict)
    _modules: set[str] = field(default_factory=set)
    _functions: set[str] = field(default_factory=set)

    def bind(self, name: str, value: Answered | Asked) -> None:
        """Note what a `%%gemimg` cell binds its NAME to."""
        self.known[name] = value
        self._made_of.pop(name, None)

    def read(self, source: str) -> int:
        """Note what a cell of plain code does to names; return how often it calls `gemnb.generate`."""
        try:
            with warnings.catch_warnings(action="ignore"):  # of the notebook's own code
                tree = ast.parse(_HELP.sub("", _MAGIC.sub(r"\1pass", source)))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return len(_CALL.findall(source))
        used: set[str] = set()
        made: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                (used if isinstance(node.ctx, ast.Load) else made).add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                made.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                made.update(self._imported(node))
        origin = next((found for name in sorted(used) if (found := self.origin(name)) is not None), None)
        self.made |= made
        for name in made:
            self.known.pop(name, None)
            self._made_of.pop(name, None)
            if origin is not None:
                self._made_of[name] = origin
        return sum(isinstance(node, ast.Call) and self._asks(node.func) for node in ast.walk(tree))

    def origin(self, text: str) -> tuple[str, int] | None:
        """Return the NAME and cell not answered yet that an expression is made of, or None."""
        for word in _WORD.findall(text):
            known = self.known.get(word)
            if isinstance(known, Asked):
                return word, known.cell
            if word in self._made_of:
                return self._made_of[word]
        return None

    def _imported(self, node: ast.Import | ast.ImportFrom) -> Iterable[str]:
        for alias in node.names:
            name = alias.asname or alias.name.partition(".")[0]
            if isinstance(node, ast.Import) and alias.name == "gemnb":
                self._modules.add(name)
            if isinstance(node, ast.ImportFrom) and node.module == "gemnb" and alias.name in ("generate", "*"):
                self._functions.add("generate" if alias.name == "*" else name)
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]

    def _asks(self, called: ast.expr) -> bool:
        if isinstance(called, ast.Name):
            return called.id in self._functions
        return (
            isinstance(called, ast.Attribute)
            and called.attr == "generate"
            and isinstance(called.value, ast.Name)
            and called.value.id in {"gemnb", *self._modules}
        )
