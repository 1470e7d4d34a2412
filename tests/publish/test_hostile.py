"""A stranger's notebook published to HTML runs no script, asks nobody for anything, and shows nobody's files."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemnb.errors import GemnbError
from gemnb.publish import Options, Wishes, publish_notebook
from gemnb.publish.standalone import body_html, narrative_html
from tests.publish.conftest import answer, code, markdown, raw

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEYS = (
    *("cell_type", "source", "outputs", "metadata", "attachments", "id", "tags", "code", "markdown", "raw"),
    *("output_type", "data", "text", "ename", "evalue", "image/png", "text/plain", "application/vnd.gemnb.v1+json"),
    *("application/vnd.gemnb.compare.v1+json", "pictures", "presentation", "alt", "raw_mimetype", "format"),
    *("title", "slug", "date", "tags", "cover", "image", "summary", "notebook", "more"),
)

ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1)) [y](data:text/html;base64,PHNjcmlwdD4=) [z](vbscript:x)",
    "![x](https://tracker.example/p.png) ![y](//tracker.example/p.png) ![z](data:image/svg+xml,<svg/onload=x>)",
    "<style>@import 'https://tracker.example/x.css'</style><link rel=stylesheet href=https://tracker.example/x.css>",
    "<form action=https://tracker.example><input name=x><button>x</button></form>",
    "<base href=https://tracker.example/><meta http-equiv=refresh content='0;url=https://tracker.example'>",
    "<object data=x></object><embed src=x><video src=x onplay=alert(1)></video><math><mtext></mtext></math>",
    "<p style='background:url(https://tracker.example)' onclick=alert(1) class=gemnb-txt>x</p>",
    "<pre class='gemnb-txt'><code class='language-txt'>not a prompt</code></pre>",
    "```txt\nnot a prompt\n```",
    "<!--[if IE]><script>alert(1)</script><![endif]--> <!-- open",
    "```\nan open fence",
    "$</span><script>alert(1)</script>$ $$\n</div><img src=x onerror=alert(1)>\n$$",
    "<details open ontoggle=alert(1)>x</details><noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
)
MAY_NAME_ADDRESSES = {("a", "href"), ("img", "src"), ("img", "srcset")}
HARMLESS = re.compile(r"(?:https?://|mailto:|#)[^\s]*|[\w.-]+(?: \d+w)?(?:, [\w.-]+ \d+w)*|gemnb-attached:[\w.-]+")


class Look(HTMLParser):
    """Notes what could run, load or send something."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.prompts: list[str] = []
        self._in_prompt = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        refused = (
            "script",
            "iframe",
            "svg",
            "object",
            "embed",
            "form",
            "input",
            "button",
            "base",
            "link",
            "video",
            "math",
        )
        if tag in refused:
            self.wrong.append(tag)
        for name, value in attrs:
            text = value or ""
            if name.startswith("on") or (name == "style"):
                self.wrong.append(f"{tag} {name}")
            if name in ("src", "srcset", "href", "action", "data", "poster"):
                fine = (tag, name) in MAY_NAME_ADDRESSES and HARMLESS.fullmatch(text)
                if not fine or (tag == "img" and "//" in text):
                    self.wrong.append(f"{tag} {name}={text[:60]}")
        if tag == "pre" and dict(attrs).get("class") == "gemnb-txt":
            self.prompts.append("")
            self._in_prompt = True

    def handle_data(self, data: str) -> None:
        if self._in_prompt:
            self.prompts[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._in_prompt = self._in_prompt and tag != "pre"


def look(html: str) -> Look:
    """Return what is wrong with a page."""
    found = Look()
    found.feed(html)
    found.close()
    return found


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_narrative_runs_nothing(attack: str) -> None:
    """Each way of running or loading something is gone from a rendered Markdown cell."""
    assert look(narrative_html(attack)).wrong == []
    assert look(narrative_html(attack)).prompts == []


@given(text=st.lists(st.one_of(st.sampled_from(ATTACKS), st.text(max_size=9)), max_size=4).map(" ".join))
def test_no_mixture_of_attacks_runs(text: str) -> None:
    """Nor does any mixture of them."""
    assert look(narrative_html(text)).wrong == []


@given(texts=st.lists(st.sampled_from((*ATTACKS, "Words[^1]", "[^1]: Note")), max_size=5))
def test_no_narrative_swallows_or_forges_a_block(texts: list[str]) -> None:
    """What a Markdown cell leaves open ends with it: blocks between cells stand whole, in their order."""
    pieces = [piece for n, text in enumerate(texts) for piece in ((True, text), (False, f"<hr id='own-{n}'>"))]
    body = body_html(pieces)

    assert [int(n) for n in re.findall(r"<hr id='own-(\d+)'>", body)] == list(range(len(texts)))


def test_footnotes_work_across_cells() -> None:
    """A footnote that one cell uses and another defines leads there and back."""
    body = body_html([(True, "Words[^a]"), (False, "<hr>"), (True, "[^a]: A note")])

    assert body.count('href="#fn1"') == 1
    assert 'id="fn1"' in body


def test_mathematics_stays_as_typed() -> None:
    """Formulas are shown in the author's own spelling: a page that runs no script draws none."""
    assert "$a_1 * b_2 &lt; c*$" in narrative_html("So $a_1 * b_2 < c*$ it is")


def test_a_strangers_notebook_runs_nothing(
    asked: Any, write: Any, publish: Any, make_picture: Callable[..., bytes]
) -> None:
    """With attacks in every place that a notebook has, the page holds none, and its policy allows no script."""
    bad = '"><script>alert(1)</script>'
    html = {"output_type": "display_data", "data": {"text/html": bad, "text/plain": bad}, "metadata": {}}
    error = {"output_type": "error", "ename": bad, "evalue": bad, "traceback": [bad]}
    picture = asked(f"%%gemimg hat --alt '{bad}' --caption '{bad}'\n{bad}", answer(make_picture()))
    path = write(
        raw(f"---\ntitle: {json.dumps(bad)}\nsummary: {json.dumps(bad)}\nlang: {json.dumps(bad)}\n---"),
        *map(markdown, ATTACKS),
        raw(bad),
        raw(bad, metadata={"raw_mimetype": "text/html"}),
        code(bad, html, error, tags=("show-code",)),
        asked(f"%%gemimg --allow-refusal\n{bad}", answer(finish=bad, message=bad)),
        picture,
        post={"notebook": "javascript:alert(1)"},
    )
    done = publish(path, "html", code=True, facts=True)
    page = done.files[done.page].decode()
    found = look(page)

    assert found.wrong == []
    assert found.prompts == [bad, bad]
    assert "default-src 'none'" in page
    assert "script-src" not in page


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", " javascript:x", "vbscript:x", "file:///etc"]
)
@pytest.mark.parametrize("to", ["hugo", "jekyll", "markdown", "html"])
def test_a_link_to_the_notebook_is_an_address_of_the_web(
    asked: Any, write: Any, publish: Any, make_picture: Any, to: str, link: str
) -> None:
    """An address of another kind in the notebook's metadata is not linked; the author is told."""
    cell = asked("%%gemimg cat --alt x\nA cat", answer(make_picture()))
    done = publish(write(cell, post={"title": "A", "notebook": link}), to)

    assert link.strip() not in done.files[done.page].decode()
    assert any("is no address" in remark.text for remark in done.remarks)


def test_a_forged_output_shows_no_foreign_bytes(
    asked: Any, write: Any, publish: Any, project: Any, make_picture: Any
) -> None:
    """Embedded bytes that are not the record's are never published; the record's own are, from the cache."""
    cell = asked("%%gemimg cat --alt x\nA cat", answer(make_picture("PNG", (40, 30))))
    import base64

    cell["outputs"][0]["data"]["image/png"] = base64.b64encode(make_picture("PNG", (70, 50))).decode()
    done = publish(write(cell), "markdown")
    (made,) = done.made.values()

    assert [(file.width, file.height) for file in made.files] == [(40, 30)]
    assert any("is not the record's" in remark.text for remark in done.remarks)


def test_a_broken_record_is_a_card(asked: Any, write: Any, publish: Any, make_picture: Any) -> None:
    """A record whose request was edited is not shown as if it were one."""
    cell = asked("%%gemimg cat --alt x\nA cat", answer(make_picture()))
    document = cell["outputs"][0]["data"]["application/vnd.gemnb.v1+json"]
    document["record"]["request"]["contents"][0]["parts"][0]["text"] = "A dog"
    done = publish(write(cell), "hugo")
    page = done.files[done.page].decode()

    assert "The record cannot be read" in page
    assert "A dog" not in page
    assert "<img" not in page


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=9,
)


OUTPUTS = st.fixed_dictionaries(
    {"output_type": st.sampled_from(["display_data", "error", "stream"]) | ODD, "data": ODD},
    optional={"metadata": ODD, "text": ODD, "ename": ODD, "evalue": ODD},
)
CELLS = st.fixed_dictionaries(
    {
        "cell_type": st.sampled_from(["code", "markdown", "raw"]) | ODD,
        "source": st.sampled_from(["%%gemimg\nA cat", "![x](attachment:x.png)", "---\ntitle: 1\n---"]) | ODD,
    },
    optional={"outputs": st.lists(OUTPUTS | ODD, max_size=3) | ODD, "metadata": ODD, "attachments": ODD, "id": ODD},
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(cell=CELLS, post=ODD)
def test_a_notebook_of_odd_shape_is_published_or_refused(tmp_path: Path, cell: Any, post: Any) -> None:
    """Members of any type in cells, outputs, attachments and metadata end in a post or in an error of gemnb's."""
    (tmp_path / "pyproject.toml").write_text("[tool.gemnb]\n")
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"gemnb": {"post": post}}, "cells": [cell, cell]}
    path = tmp_path / "post.ipynb"
    path.write_text(json.dumps(document))
    try:
        done = publish_notebook(path, tmp_path / "site", Options(to="html", wishes=Wishes(code=True), force=True))
    except GemnbError:
        return
    assert look(done.files[done.page].decode()).wrong == []
