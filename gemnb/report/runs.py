"""What `gemnb reproduce` found, as lines of a report, as its table, and as its exit code. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.report.lines import Line, Report, Troubled
from gemnb.report.text import prose, short_names, table
from gemnb.reproduce.run import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gemnb.reproduce.run import Row, Run

ALL_WELL, DRIFT, USAGE, NOTEBOOK_FAILED, UNAVAILABLE = range(5)
"""Exit codes: all reproduced, drift or missing, usage, a notebook failed, store or model unavailable."""

_UNAVAILABLE_ERRORS = ("StoreError", "Unavailable", "MissingKey")


def run_lines(runs: Sequence[tuple[Path, Run]]) -> Report:
    """Return the report of a re-run."""
    lines = tuple(
        Line(
            notebook=str(row.notebook),
            cell=row.cell,
            name=row.name,
            picture=row.picture,
            verdict=row.verdict.value,
            well=row.verdict is Verdict.REPRODUCED,
            reasons=(_reason(row),) if row.reason else (),
        )
        for _, run in runs
        for row in run.rows
    )
    troubled = tuple(
        Troubled(notebook=str(path), reason=f"cell {run.error[0]}: {run.error[1]}: {run.error[2]}")
        for path, run in runs
        if run.error
    )
    drifted = tuple(Troubled(notebook=str(path), reason=d.line()) for path, run in runs for d in run.drift)
    return Report(command="reproduce", lines=lines, troubled=troubled + drifted)


def reproduce_report(runs: Sequence[tuple[Path, Run]]) -> str:
    """Return the table of a re-run: notebook, cell, name, picture digest, verdict; then the reasons."""
    rows = [row for _, run in runs for row in run.rows]
    short = short_names([*(str(path) for path, _ in runs), *(str(row.notebook) for row in rows)])
    lines = [
        table(
            ("notebook", "cell", "name", "picture", "verdict"),
            [(short[str(row.notebook)], str(row.cell), row.name, row.picture, row.verdict.value) for row in rows],
        )
    ]
    reasons = [f"{short[str(row.notebook)]} cell {row.cell}: {_reason(row)}" for row in rows if row.reason]
    reasons += [
        f"{short[str(path)]} cell {run.error[0]}: {run.error[1]}: {run.error[2]}"
        for path, run in runs
        if run.error and not any(row.reason and row.cell == run.error[0] for row in run.rows)
    ]
    reasons += [f"gemnb.lock: {drift.line()}" for _, run in runs for drift in run.drift]
    count = sum(row.verdict is Verdict.REPRODUCED for row in rows)
    stopped = [f"{short[str(path)]} failed in cell {run.error[0]}" for path, run in runs if run.error]
    last = "; ".join([f"{count} of {len(rows)} pictures reproduced", *stopped]) + "."
    return "\n".join([*lines, "", *prose(reasons), last])


def _reason(row: Row) -> str:
    """Return the reason without the cell where that is the row's own, which stands beside it."""
    return row.reason.removeprefix(f"cell {row.cell}: ")


def reproduce_code(runs: Sequence[tuple[Path, Run]]) -> int:
    """Return the exit code of a re-run."""
    errors = [run.error[1] for _, run in runs if run.error]
    if any(kind in _UNAVAILABLE_ERRORS for kind in errors):
        return UNAVAILABLE
    if any(kind != "CacheMiss" for kind in errors):
        return NOTEBOOK_FAILED
    rows = [row for _, run in runs for row in run.rows]
    if errors or any(run.drift for _, run in runs):
        return DRIFT
    return ALL_WELL if all(row.verdict is Verdict.REPRODUCED for row in rows) else DRIFT
