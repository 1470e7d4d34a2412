"""A report for programs: JSON (documented in docs/reference/command-line.md) and JUnit XML. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from gemnb.report.lines import UNATTESTED, listed, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gemnb.report.lines import Line, Report

REPORT_SCHEMA = 1
"""Version of the JSON report: members may be added under the same number, none is taken away or changed."""

# What XML 1.0 (§2.2) cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def json_report(report: Report) -> str:
    """Return the report as JSON."""
    made = {
        "schema": REPORT_SCHEMA,
        "command": report.command,
        "well": report.well,
        "origin": "unattested",
        "pictures": [
            {
                "notebook": line.notebook,
                "cell": line.cell,
                "name": line.name,
                "picture": line.picture,
                "verdict": line.verdict,
                "well": line.well,
                "reasons": list(line.reasons),
                "bound": list(line.bound),
                "notes": list(line.notes),
            }
            for line in report.lines
        ],
        "notebooks_in_trouble": [{"notebook": item.notebook, "reason": item.reason} for item in report.troubled],
    }
    return json.dumps(made, indent=1)  # ASCII: what a notebook holds of surrogates and control characters is escaped


def junit_report(report: Report) -> str:
    """Return the report as JUnit XML: a suite per notebook, a test case per picture, failures with their reasons."""
    names = dict.fromkeys([*(line.notebook for line in report.lines), *(item.notebook for item in report.troubled)])
    failures = sum(not line.well for line in report.lines)
    tests = len(report.lines) + len(report.troubled)
    counts = f'tests="{tests}" failures="{failures}" errors="{len(report.troubled)}" skipped="0" time="0"'
    rows = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites name={_attribute(f'gemnb {report.command}')} {counts}>",
        *(row for name in names for row in _suite(report, name)),
        "</testsuites>",
    ]
    return "\n".join(rows)


def _suite(report: Report, notebook: str) -> Iterator[str]:
    lines = [line for line in report.lines if line.notebook == notebook]
    errors = [item for item in report.troubled if item.notebook == notebook]
    failures = sum(not line.well for line in lines)
    counts = f'tests="{len(lines) + len(errors)}" failures="{failures}" errors="{len(errors)}" skipped="0" time="0"'
    yield f"<testsuite name={_attribute(notebook)} {counts}>"
    yield f'<properties><property name="origin" value={_attribute(UNATTESTED)}/></properties>'
    seen: dict[str, int] = {}
    for line in lines:
        seen[line.title] = seen.get(line.title, 0) + 1
        # GitLab takes two cases of one name for one.
        title = line.title if seen[line.title] == 1 else f"{line.title} ({seen[line.title]})"
        yield from _case(line, title)
    for item in errors:
        head = f"<testcase classname={_attribute(notebook)} name={_attribute('the notebook')}"
        yield f'{head} file={_attribute(notebook)} time="0">'
        reason = one_line(item.reason)
        yield f'<error message={_attribute(reason)} type="error">{_text(reason)}</error>'
        yield "</testcase>"
    yield "</testsuite>"


def _case(line: Line, title: str) -> Iterator[str]:
    yield (
        f"<testcase classname={_attribute(line.notebook)} name={_attribute(title)} "
        f'file={_attribute(line.notebook)} time="0">'
    )
    if not line.well:
        message = f"{line.verdict}: {listed(line.reasons[:1])}"
        body = "\n".join(map(one_line, line.reasons))
        yield f"<failure message={_attribute(message)} type={_attribute(line.verdict)}>{_text(body)}</failure>"
    said = [f"bound from the record, only the kernel knew: {one_line(name)}" for name in line.bound]
    said += [f"note: {one_line(note)}" for note in line.notes]
    if said:
        yield f"<system-out>{_text(chr(10).join(said))}</system-out>"
    yield "</testcase>"


def _clean(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _attribute(text: str) -> str:
    from xml.sax.saxutils import quoteattr  # which imports urllib: 0.03 s of every other report

    return quoteattr(_clean(text))


def _text(text: str) -> str:
    from xml.sax.saxutils import escape

    return escape(_clean(text))
