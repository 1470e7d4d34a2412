"""Compare the imports that a notebook held with what a run brought: pictures, and what is stated of them. Pure.

The verdicts are those of pictures, by their names: `gemnb.reproduce.compare` makes rows of them.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, short
from gemnb.errors import CacheError
from gemnb.inputs.statements import STATED, parse_import
from gemnb.verify.imports import shown_imports

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gemnb.notebook import NotebookCell, Shown

_LONG = 60  # characters of a stranger's text that are repeated


def compare_imports(
    held: Sequence[NotebookCell], came: Sequence[NotebookCell], error: tuple[int, str, str] | None
) -> Iterator[tuple[int, str, str, str]]:
    """Yield cell, short digest, verdict and reason of each import that the notebook held or the run brought.

    Args:
        held: The notebook's cells as they were saved.
        came: Its cells after the run, numbered alike.
        error: Where the run failed: cell, class and message.
    """
    before, after = ({cell.number: shown_imports(cell) for cell in cells} for cells in (held, came))
    pictures = {cell.number: _others(cell) for cell in held}
    for number in sorted(before | after):
        failure = error if error is not None and error[0] <= number else None
        for old, new in zip_longest(before.get(number, ()), after.get(number, ())):
            verdict, reason = _judge(old, new, number, failure)
            if old is None and pictures.get(number):
                verdict, reason = "drifted", "the notebook shows another picture in the place of the import"
            yield number, _digest(new or old), verdict, reason


def _judge(
    old: Shown | None, new: Shown | None, number: int, failure: tuple[int, str, str] | None
) -> tuple[str, str]:
    if new is None:
        return _lost(number, failure)
    if old is None:
        return "unpinned", "the notebook held no import to compare with; run it and save it"
    if (old.encoded, old.plain, old.document, old.others) == (new.encoded, new.plain, new.document, new.others):
        return "reproduced", ""
    reasons = _differences(old, new)
    return ("drifted", "; ".join(reasons)) if reasons else ("reproduced", "")


def _lost(number: int, failure: tuple[int, str, str] | None) -> tuple[str, str]:
    if failure is None:
        return "missing", "the cell ran and showed no such import"
    cell, kind, message = failure
    if cell < number:
        return "failed", ""
    return "failed", f"cell {cell}: {kind}: {message.splitlines()[0] if message else ''}"


def _differences(old: Shown, new: Shown) -> list[str]:
    try:
        was = parse_import(old.document)
        now = parse_import(new.document)
    except CacheError as error:
        return [f"the notebook's import: {error.why or error.what}"]
    said = []
    for name in STATED:
        then, this = getattr(was.stated, name), getattr(now.stated, name)
        if then != this:
            said.append(f"its {name} was {_said(then)}, is {_said(this)}")
    if was.picture.original != now.picture.original:
        said.append("another picture was imported: " + _short(old, new))
    elif old.picture != new.picture:
        said.append("the embedded picture is not the one that was imported: " + _short(old, new))
    if old.plain != new.plain:
        said.append(f"text/plain was {old.plain[:_LONG]!r}, is {new.plain[:_LONG]!r}")
    if also := set(old.others) ^ set(new.others):
        said.append(f"one of the two outputs also holds {', '.join(sorted(also))[:_LONG]}")
    return said or ([] if old.document == new.document else ["the import differs from the notebook's"])


def _short(old: Shown, new: Shown) -> str:
    one, other = ("no picture" if s.picture is None else short(blob_digest(s.picture)) for s in (old, new))
    return f"its bytes were {one}, are {other}"


def _said(text: str | None) -> str:
    return "not stated" if text is None else repr(text[:_LONG])


def _others(cell: NotebookCell) -> bool:
    """Return whether a cell shows a picture that is no import's."""
    tables = [data for output in cell.outputs if isinstance(data := output.get("data"), dict)]
    return sum(any(kind.startswith("image/") for kind in table) for table in tables) > len(shown_imports(cell))


def _digest(shown: Shown | None) -> str:
    try:
        return "" if shown is None else short(parse_import(shown.document).picture.original.blob)
    except CacheError:
        return ""
