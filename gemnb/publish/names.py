"""Which names of a notebook's code hold what a page may not show: followed cell by cell, without running any. Pure.

It errs to one side: a name that is made in one statement with a withheld one holds something of it.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(r"[^\W\d]\w*")
_MAGIC = re.compile(r"^([ \t]*)(?:[^\W\d][\w, ]*=[ \t]*)?[%!].*$", re.MULTILINE)
_OTHER_LANGUAGE = re.compile(r"\s*%%(?!capture\b|time\b|timeit\b|prun\b)")
_TAKING_IN = frozenset({"append", "add", "extend", "insert", "update", "setdefault", "put", "appendleft"})


def words(text: str) -> set[str]:
    """Return every word of a text that could be a name."""
    return set(_WORD.findall(text))


def used(source: str) -> set[str]:
    """Return the names that code uses; of magics, and of what cannot be read as Python, every word."""
    tree, rest = _read(source)
    return rest if tree is None else rest | _loaded(tree)


def asks_privately(source: str) -> bool:
    """Return whether code calls `generate(…, publish=False)`, or with anything else than True."""
    tree, _ = _read(source)
    return tree is not None and _is_private(tree)


def holders(source: str, held: set[str], *, all_of_it: bool = False) -> tuple[set[str], set[str]]:
    """Return which names hold something withheld when a cell has run, and which hold it no more.

    Args:
        source: The cell's code.
        held: The names that hold it before.
        all_of_it: Whether whatever the cell makes is withheld.
    """
    tree, rest = _read(source)
    if tree is None:
        found = re.findall(r"^[ \t]*([^\W\d]\w*)[ \t]*=", source, re.MULTILINE) if all_of_it or rest & held else []
        return set(found), set()
    more: set[str] = set()
    less: set[str] = set()
    for statement in tree.body:
        own = held - less | more
        if all_of_it or _is_private(statement) or _loaded(statement) & own:
            made = set(_made(statement))
            more |= made
            less -= made
        elif isinstance(statement, ast.Assign) and all(isinstance(one, ast.Name) for one in statement.targets):
            plain = {one.id for one in statement.targets if isinstance(one, ast.Name)}
            less |= plain
            more -= plain
    return more, less


def _read(source: str) -> tuple[ast.Module | None, set[str]]:
    """Return code as a tree, and the words of its magics; no tree, and every word, where it is no Python."""
    if _OTHER_LANGUAGE.match(source):
        return None, words(source)
    found: set[str] = set()

    def note(match: re.Match[str]) -> str:
        found.update(words(match.group()))
        return match.group(1) + "pass"

    try:
        return ast.parse(_MAGIC.sub(note, source)), found
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None, words(source)


def _loaded(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _made(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement gives a value, and those of containers that it puts something into."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield from _base(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TAKING_IN:
            yield from _base(node.func.value)


def _base(node: ast.expr) -> Iterator[str]:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _is_private(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.Call) and _keeps_private(node) for node in ast.walk(tree))


def _keeps_private(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    said = [keyword.value for keyword in call.keywords if keyword.arg == "publish"]
    return name == "generate" and any(not (isinstance(it, ast.Constant) and it.value is True) for it in said)
