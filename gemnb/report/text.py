"""A report as a table for a terminal. Pure."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from gemnb.report.lines import UNATTESTED, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemnb.report.lines import Report


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned columns under a head."""
    shown = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(head), *shown]) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [list(head), *shown]
    )


def text_report(report: Report) -> str:
    """Return the table of a report, the reasons, what was bound, notes, and what is not claimed."""
    head = ("notebook", "cell", "name", "picture", "finding" if report.command == "verify" else "verdict")
    rows = [(_file(line.notebook), str(line.cell), line.name, line.picture, line.verdict) for line in report.lines]
    reasons = [_about(line.notebook, line.cell, reason) for line in report.lines for reason in line.reasons]
    reasons += [f"{_file(item.notebook)}: {item.reason}" for item in report.troubled]
    bound: dict[str, dict[str, None]] = {}
    for line in report.lines:
        if line.bound:
            bound.setdefault(line.notebook, {}).update(dict.fromkeys(line.bound))
    taken = [
        f"{_file(notebook)}: bound from the record, only the kernel knew them: {', '.join(names)}"
        for notebook, names in bound.items()
    ]
    notes = [_about(line.notebook, line.cell, f"note: {note}") for line in report.lines for note in line.notes]
    return "\n".join([table(head, rows), "", *prose(reasons), *prose(taken), *prose(notes), UNATTESTED])


def prose(lines: Sequence[str]) -> list[str]:
    """Return a paragraph of lines, and an empty line behind it where it has any."""
    return [one_line(line) for line in lines] + ([""] if lines else [])


def _file(notebook: str) -> str:
    return PurePath(notebook).name


def _about(notebook: str, cell: int, said: str) -> str:
    return f"{_file(notebook)} cell {cell}: {said}"
