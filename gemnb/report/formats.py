"""The forms of a report by their names, and by the endings of files. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from gemnb.report.machine import json_report, junit_report
from gemnb.report.markdown import markdown_report
from gemnb.report.page import html_report
from gemnb.report.text import text_report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gemnb.report.lines import Report

FORMATS: Mapping[str, Callable[[Report], str]] = MappingProxyType(
    {
        "text": text_report,
        "json": json_report,
        "junit": junit_report,
        "markdown": markdown_report,
        "html": html_report,
    }
)
"""What `--format` takes, and what makes it."""

_ENDINGS = {".txt": "text", ".json": "json", ".xml": "junit", ".md": "markdown", ".html": "html", ".htm": "html"}


def format_of(name: str) -> str | None:
    """Return the form that a file's name asks for by its ending, or None where the ending says nothing."""
    _, dot, ending = name.rpartition(".")
    return _ENDINGS.get(f".{ending.lower()}") if dot else None


def render(report: Report, form: str) -> str:
    """Return the report in one of the `FORMATS`."""
    return FORMATS[form](report)
