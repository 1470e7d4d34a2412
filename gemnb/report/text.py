"""A report as a table for a terminal. Pure."""

from __future__ import annotations

from collections import Counter
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
    short = names_of(report)
    rows = [(short[line.notebook], str(line.cell), line.name, line.picture, line.verdict) for line in report.lines]
    about = {id(line): f"{short[line.notebook]} cell {line.cell}" for line in report.lines}
    reasons = [f"{about[id(line)]}: {reason}" for line in report.lines for reason in line.reasons]
    reasons += [f"{short[item.notebook]}: {item.reason}" for item in report.troubled]
    bound: dict[str, dict[str, None]] = {}
    for line in report.lines:
        if line.bound:
            bound.setdefault(line.notebook, {}).update(dict.fromkeys(line.bound))
    taken = [
        f"{short[notebook]}: bound from the record, only the kernel knew them: {', '.join(names)}"
        for notebook, names in bound.items()
    ]
    notes = [f"{about[id(line)]}: note: {note}" for line in report.lines for note in line.notes]
    return "\n".join([table(head, rows), "", *prose(reasons), *prose(taken), *prose(notes), UNATTESTED])


def prose(lines: Sequence[str]) -> list[str]:
    """Return a paragraph of lines, and an empty line behind it where it has any."""
    return [one_line(line) for line in lines] + ([""] if lines else [])


def names_of(report: Report) -> dict[str, str]:
    """Return the notebooks of a report as `short_names`."""
    return short_names([*(line.notebook for line in report.lines), *(item.notebook for item in report.troubled)])


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Return for each path the shortest end that no other has: the file's name, or folders before it, too."""
    left = {path: PurePath(path).parts for path in paths}
    longest = max(map(len, left.values()), default=0)
    found: dict[str, str] = {}
    for length in range(1, longest + 1):
        ends = Counter(parts[-length:] for parts in left.values())
        for path, parts in left.items():
            if path not in found and (ends[parts[-length:]] == 1 or length == longest):
                found[path] = str(PurePath(*parts[-length:]))
    return {path: found.get(path, path) for path in left}
