"""A report as one HTML page with its pictures: no script, nothing loaded from anywhere, everything escaped. Pure."""

from __future__ import annotations

import base64
import binascii
from html import escape
from typing import TYPE_CHECKING

from gemnb.report.lines import UNATTESTED, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gemnb.report.lines import Line, Report

# Pictures from the page itself, its one style sheet, and nothing else at all.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_SHOWN = ("image/png", "image/jpeg")

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #b3261e; --good: #1e7b34; --soft: #8881; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #7bd88f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; } h2 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
.claim { padding: .5rem .75rem; border-left: .25rem solid var(--line); background: var(--soft); }
article { display: flex; flex-wrap: wrap; gap: 1rem; padding: 1rem 0; border-top: 1px solid var(--line); }
article > div { flex: 1 1 18rem; min-width: 0; }
img { flex: 0 1 16rem; width: 16rem; max-width: 100%; height: auto; align-self: flex-start; background: var(--soft); }
.verdict { font-weight: 600; color: var(--good); } .bad .verdict { color: var(--bad); }
.where, .soft { color: GrayText; overflow-wrap: anywhere; }
ul { margin: .25rem 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
code { font-family: ui-monospace, monospace; }
@media (max-width: 40rem) { img { flex-basis: 100%; width: 100%; } }
"""


def html_report(report: Report) -> str:
    """Return the report as a page; pictures stand in it as `data:` URLs."""
    title = f"gemnb {report.command}: {'all well' if report.well else 'not all is well'}"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            f"<h1>{escape(title)}</h1>",
            f"<p>{_text(report.summary())}</p>",
            f'<p class="claim">{_text(UNATTESTED)}</p>',
            *(f'<p class="bad"><b>{_text(item.notebook)}</b>: {_text(item.reason)}</p>' for item in report.troubled),
            *(row for line in report.failures_first() for row in _article(line)),
            "</body>",
            "</html>",
        ]
    )


def _article(line: Line) -> Iterator[str]:
    yield f'<article class="{"good" if line.well else "bad"}">'
    yield from _picture(line)
    yield "<div>"
    yield f'<h2><span class="verdict">{_text(line.verdict)}</span> {_text(line.name)}</h2>'
    yield f'<div class="where">{_text(line.notebook)}, cell {line.cell} <code>{_text(line.picture)}</code></div>'
    yield from _list("", line.reasons)
    yield from _list("soft", tuple(f"bound from the record, only the kernel knew: {name}" for name in line.bound))
    yield from _list("soft", line.notes)
    yield "</div>"
    yield "</article>"


def _picture(line: Line) -> Iterator[str]:
    """Yield the picture, where what stands in the notebook is base64 of a type that is shown."""
    if line.image is None or line.image[0] not in _SHOWN:
        return
    kind, encoded = line.image
    try:
        data = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return
    # Encoded anew: nothing of the notebook's own text reaches the page unescaped.
    source = f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
    yield f'<img src="{source}" alt="{_text(f"the picture of {line.title}")}" decoding="async">'


def _list(kind: str, texts: tuple[str, ...]) -> Iterator[str]:
    if texts:
        yield f'<ul class="{kind}">' if kind else "<ul>"
        yield from (f"<li>{_text(text)}</li>" for text in texts)
        yield "</ul>"


def _text(text: str) -> str:
    return escape(one_line(text))
