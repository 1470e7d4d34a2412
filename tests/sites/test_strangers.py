"""A stranger's notebook, published to HTML and opened: nothing of it runs, and nobody is told who reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell, writes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sites.conftest import Site

pytestmark = pytest.mark.sites

ATTACKS = (
    "<script>window.ran = 1</script>",
    '<img src="x.png" onerror="window.ran = 2">',
    '<svg onload="window.ran = 3"><script>window.ran = 4</script></svg>',
    '<iframe srcdoc="<script>parent.ran = 5</script>"></iframe>',
    '<details open ontoggle="window.ran = 6"><summary>x</summary></details>',
    '<meta http-equiv="refresh" content="0;url=http://example.org/">',
    '<link rel="stylesheet" href="http://example.org/x.css"><style>@import "http://example.org/y.css";</style>',
    '<body onload="window.ran = 7"><video><source onerror="window.ran = 8"></video>',
    "[click](javascript:window.ran=9) <a id=js href=' &#106;avascript:window.ran=9'>click</a>",
    '<form action="http://example.org/"><input autofocus onfocus="window.ran = 10"></form>',
    "![spy](http://example.org/spy.png) ![spy](//example.org/spy2.png)",
    '<base href="http://example.org/"><object data="http://example.org/o"></object><embed src="//example.org/e">',
    '<math><mtext></p><img src=x onerror="window.ran=11"></mtext></math>',
    '<noscript><p title="</noscript><img src=x onerror=window.ran=12>"></p></noscript>',
    "<!-- --!><img src=x onerror=window.ran=13> -->",
)


def test_nothing_of_a_strangers_notebook_runs(
    tmp_path: Path, build: Callable[..., Site], look: Callable[..., Any]
) -> None:
    """Scripts in Markdown, raw cells, outputs, attachments, titles and file names do nothing when the page opens."""
    (tmp_path / "pyproject.toml").write_text("[tool.gemnb]\n")
    outputs = [
        new_output("display_data", {"text/html": ATTACKS[0], "text/plain": ATTACKS[1]}),
        new_output("display_data", {"application/javascript": "window.ran = 20", "image/svg+xml": ATTACKS[2]}),
        new_output("stream", name="stdout", text=ATTACKS[1]),
        new_output("error", ename=ATTACKS[0], evalue=ATTACKS[1], traceback=[]),
    ]
    code = new_code_cell("1", outputs=outputs, metadata={"tags": ["show-code"]})
    raw = new_raw_cell(ATTACKS[0], metadata={"format": "text/html"})
    gemimg = new_code_cell(f"%%gemimg --alt '{ATTACKS[0]}'\n{ATTACKS[1]}")
    book = new_notebook(cells=[*map(new_markdown_cell, ATTACKS), code, raw, gemimg])
    book.metadata["gemnb"] = {
        "post": {"title": f"T{ATTACKS[0]}", "slug": "stranger", "summary": f'"><{ATTACKS[0]}', "lang": '"><script>'}
    }
    path = tmp_path / "stranger.ipynb"
    path.write_text(writes(book), "utf-8")
    site = build("html", path)
    page, events = look(site.page)
    for link in page.locator("main a").all():
        assert not (link.get_attribute("href") or "").strip().lower().startswith("javascript")

    assert page.evaluate("() => window.ran ?? null") is None
    assert page.url == site.page
    assert (events.dialogs, events.foreign) == ([], [])
    assert [text for text in events.console if "Content Security Policy" in text] == []
    assert (
        page.evaluate("() => document.querySelectorAll('script, iframe, object, embed, form, base, svg').length") == 0
    )
