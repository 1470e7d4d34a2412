"""What a cell is by source and tags: one that asks for pictures, that shows what is kept, papermill's own. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gemnb.cell import is_gemimg

if TYPE_CHECKING:
    import ast

    from gemnb.notebook.files import NotebookCell

# Magics of IPython that run what stands below them as a cell of the notebook's own.
_AROUND = re.compile(
    r"(?:[ \t]*\r?\n)*(?:%%(?:capture|time|prun)(?:[ \t][^\n]*|\r)?\n(?:[ \t]*\r?\n)*)+(?=%%gemimg(?:\s|$))"
)
_CAPTURE = re.compile(r"^%%capture\b", re.MULTILINE)
_OTHER_MAGIC = re.compile(r"\s*%%(?!capture\b|time\b|prun\b)")
_SHOW = re.compile(r"^[ \t]*%gemnb[ \t]+show[ \t]+\S", re.MULTILINE)
_PAPERMILL_TAGS = frozenset({"injected-parameters", "papermill-error-cell-tag"})


def gemimg_of(source: str) -> str | None:
    """Return the `%%gemimg` cell in a source, also below `%%time`, `%%capture`, `%%prun`; None where none is."""
    if is_gemimg(source):
        return source
    match = _AROUND.match(source)
    return source[match.end() :] if match else None


def is_captured(source: str) -> bool:
    """Return whether what a `%%gemimg` cell shows goes to the variable of a `%%capture` above it."""
    match = _AROUND.match(source)
    return match is not None and _CAPTURE.search(match.group()) is not None


def is_own_code(source: str) -> bool:
    """Return whether a cell runs as one of the notebook's own; the body of `%%bash`, `%%writefile` … does not."""
    return _OTHER_MAGIC.match(source) is None


def shows_kept(source: str) -> bool:
    """Return whether a cell shows what is kept, by a line `%gemnb show …`; a comment that names it does not."""
    return is_own_code(source) and _SHOW.search(source) is not None


def is_papermills(cell: NotebookCell) -> bool:
    """Return whether papermill put a cell in: by its tag, and by what it is, since anybody can set a tag.

    Papermill puts in Markdown about an error, and code that gives names values.
    """
    if not set(cell.tags) & _PAPERMILL_TAGS:
        return False
    return not cell.is_code or _only_assigns(cell.source)


def _only_assigns(source: str) -> bool:
    """Return whether Python source gives names plain values and does nothing else."""
    import ast

    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(_assigns(statement) for statement in statements)


def _assigns(statement: ast.stmt) -> bool:
    import ast

    if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
        return False
    for node in ast.walk(statement.value):
        if isinstance(node, ast.Call):  # papermill writes float('nan'), and has no other call
            if not (isinstance(node.func, ast.Name) and node.func.id == "float"):
                return False
        elif isinstance(node, ast.Attribute | ast.Subscript | ast.Await | ast.Yield | ast.NamedExpr):
            return False
    return True
