"""What verify found, as lines of a report, as its table, and as its exit code. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.report import Line, Report, Troubled, text_report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gemnb.verify.findings import Check

ALL_WELL, DRIFT = range(2)
"""Exit codes: all consistent or bound, drift or missing."""


def verify_lines(found: Sequence[tuple[Path, Sequence[Check]]], troubled: Sequence[tuple[Path, str]] = ()) -> Report:
    """Return the report of a check.

    Args:
        found: Each notebook or page with its checks.
        troubled: Each that could not be read, and why.
    """
    lines = tuple(
        Line(
            notebook=str(path),
            cell=check.cell,
            name=check.name,
            picture=check.picture,
            verdict=check.finding.value,
            well=check.well,
            reasons=check.reasons,
            notes=check.notes,
            bound=check.bound,
            image=check.image,
        )
        for path, checks in found
        for check in checks
    )
    return Report(
        command="verify",
        lines=lines,
        troubled=tuple(Troubled(notebook=str(path), reason=reason) for path, reason in troubled),
    )


def verify_report(found: Sequence[tuple[Path, Sequence[Check]]]) -> str:
    """Return the table of a check, the reasons, and what is not claimed."""
    return text_report(verify_lines(found))


def verify_code(found: Sequence[tuple[Path, Sequence[Check]]]) -> int:
    """Return the exit code of a check."""
    return ALL_WELL if all(check.well for _, checks in found for check in checks) else DRIFT
