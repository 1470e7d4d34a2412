"""Tables and exit codes for what reproduce and verify found. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.errors import printable
from gemnb.reproduce.run import Verdict
from gemnb.reproduce.verify import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gemnb.reproduce.run import Run
    from gemnb.reproduce.verify import Check

ALL_WELL, DRIFT, USAGE, NOTEBOOK_FAILED, UNAVAILABLE = range(5)
"""Exit codes: all reproduced, drift or missing, usage, a notebook failed, store or model unavailable."""

UNATTESTED = (
    "origin unattested: digests show that notebook, record and picture belong together,\n"
    "not that a given model made the picture."
)

_UNAVAILABLE_ERRORS = ("StoreError", "Unavailable", "MissingKey")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned columns under a head."""
    shown = [[printable(" ".join(cell.split())) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(head), *shown]) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [list(head), *shown]
    )


def reproduce_report(runs: Sequence[tuple[Path, Run]]) -> str:
    """Return the table of a re-run: notebook, cell, name, picture digest, verdict; then the reasons."""
    rows = [row for _, run in runs for row in run.rows]
    lines = [
        table(
            ("notebook", "cell", "name", "picture", "verdict"),
            [(row.notebook.name, str(row.cell), row.name, row.picture, row.verdict.value) for row in rows],
        )
    ]
    reasons = [f"{row.notebook.name} cell {row.cell}: {row.reason}" for row in rows if row.reason]
    reasons += [
        f"{path.name} cell {run.error[0]}: {run.error[1]}: {run.error[2]}"
        for path, run in runs
        if run.error and not any(row.reason and row.cell == run.error[0] for row in run.rows)
    ]
    count = sum(row.verdict is Verdict.REPRODUCED for row in rows)
    stopped = [f"{path.name} failed in cell {run.error[0]}" for path, run in runs if run.error]
    last = "; ".join([f"{count} of {len(rows)} pictures reproduced", *stopped]) + "."
    return "\n".join([*lines, "", *_prose(reasons), last])


def reproduce_code(runs: Sequence[tuple[Path, Run]]) -> int:
    """Return the exit code of a re-run."""
    errors = [run.error[1] for _, run in runs if run.error]
    if any(kind in _UNAVAILABLE_ERRORS for kind in errors):
        return UNAVAILABLE
    if any(kind != "CacheMiss" for kind in errors):
        return NOTEBOOK_FAILED
    rows = [row for _, run in runs for row in run.rows]
    return ALL_WELL if not errors and all(row.verdict is Verdict.REPRODUCED for row in rows) else DRIFT


def verify_report(found: Sequence[tuple[Path, Sequence[Check]]]) -> str:
    """Return the table of a check, the reasons, and what is not claimed."""
    rows = [
        (path.name, str(check.cell), check.name, check.picture, check.finding.value)
        for path, checks in found
        for check in checks
    ]
    reasons = [
        f"{path.name} cell {check.cell}: {reason}"
        for path, checks in found
        for check in checks
        for reason in check.reasons
    ]
    bound = [
        f"{path.name}: bound from the record, only the kernel knew them: {', '.join(names)}"
        for path, checks in found
        if (names := dict.fromkeys(name for check in checks for name in check.bound))
    ]
    return "\n".join(
        [
            table(("notebook", "cell", "name", "picture", "finding"), rows),
            "",
            *_prose(reasons),
            *_prose(bound),
            UNATTESTED,
        ]
    )


def verify_code(found: Sequence[tuple[Path, Sequence[Check]]]) -> int:
    """Return the exit code of a check."""
    well = all(check.finding is Finding.CONSISTENT for _, checks in found for check in checks)
    return ALL_WELL if well else DRIFT


def _prose(lines: Sequence[str]) -> list[str]:
    return [printable(" ".join(line.split())) for line in lines] + ([""] if lines else [])
