"""Reports on pictures of notebooks, one neutral line each, as text, JSON, JUnit XML, Markdown or HTML. Pure.

`gemnb verify` and `gemnb reproduce` make the lines; whoever renders them knows neither. Everything in a line may
come from a stranger's notebook, so every form escapes it.
"""

from typing import TYPE_CHECKING

from gemnb.report.formats import FORMATS, format_of, render
from gemnb.report.lines import UNATTESTED, Line, Report, Troubled
from gemnb.report.text import table, text_report

if TYPE_CHECKING:
    from gemnb.report.runs import reproduce_code, reproduce_report, run_lines

__all__ = [
    "FORMATS",
    "UNATTESTED",
    "Line",
    "Report",
    "Troubled",
    "format_of",
    "render",
    "reproduce_code",
    "reproduce_report",
    "run_lines",
    "table",
    "text_report",
]


def __getattr__(name: str) -> object:
    if name in ("reproduce_code", "reproduce_report", "run_lines"):  # verify does without what runs notebooks
        from gemnb.report import runs

        return getattr(runs, name)
    msg = f"module 'gemnb.report' has no attribute {name!r}"
    raise AttributeError(msg)
