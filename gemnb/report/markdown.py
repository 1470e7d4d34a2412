"""A report as Markdown for a comment of a continuous integration: short, failures first. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gemnb.report.lines import UNATTESTED, listed, one_line
from gemnb.report.text import names_of

if TYPE_CHECKING:
    from gemnb.report.lines import Line, Report

MOST_ROWS = 50
"""Rows of a table; a comment on GitHub holds 65,536 characters."""

_LONGEST = 400  # characters of the reasons of one picture
# What Markdown, its tables, HTML in it and links that GitHub finds by itself could take for more than text.
_ACTIVE = re.compile(r"[\\`*_\[\]<>|~@#&$]|:(?=/)|(?<=www)\.", re.IGNORECASE)


def markdown_report(report: Report) -> str:
    """Return the report as Markdown."""
    short = names_of(report)
    mark = "✅" if report.well else "❌"
    rows = [f"### {mark} gemnb {report.command}", "", _escaped(report.summary()), ""]
    if report.lines:
        rows += ["| notebook | cell | picture | verdict | why |", "| --- | --- | --- | --- | --- |"]
        ordered = report.failures_first()
        rows += [_row(line, short[line.notebook]) for line in ordered[:MOST_ROWS]]
        rows += [""]
        if len(ordered) > MOST_ROWS:
            rows += [f"… and {len(ordered) - MOST_ROWS} more.", ""]
    rows += [
        f"- {_escaped(one_line(short[item.notebook]))}: {_escaped(_cut(one_line(item.reason)))}"
        for item in report.troubled[:MOST_ROWS]
    ]
    rows += [""] if report.troubled else []
    return "\n".join([*rows, _escaped(" ".join(UNATTESTED.split()))])


def _row(line: Line, notebook: str) -> str:
    why = line.reasons or line.notes or tuple(f"bound: {name}" for name in line.bound)
    cells = (
        notebook,
        " ".join(filter(None, (str(line.cell), line.name))),
        line.picture,
        line.verdict,
        _cut(listed(why)),
    )
    shown = [_escaped(one_line(cell)) for cell in cells]
    if not line.well:
        shown[3] = f"**{shown[3]}**"
    return "| " + " | ".join(shown) + " |"


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is: what could be active stands as a character reference."""
    return _ACTIVE.sub(_reference, text)


def _reference(match: re.Match[str]) -> str:
    character = match.group()
    # GitHub looks for @mentions and #numbers after the Markdown was read: a blank of no width keeps them apart.
    return f"&#{ord(character)};" + ("&#8203;" if character in "@#" else "")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
