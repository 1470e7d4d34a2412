"""Every prompt comes out on the page as it went to the model, for every flavor; what reads a page is not ours here.

A Markdown library renders the page, Python's HTML parser reads it, and two small readers, written from the
documentation of Hugo and Liquid, stand for those programs (the programs themselves build sites in other tests).
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gemnb.publish.escape import html_text, hugo_narrative, liquid, shown
from gemnb.publish.flavors import FLAVORS
from gemnb.publish.narrative import closed, parts, rewrite
from gemnb.publish.post import Card, CardKind, Front, Narrative, Post, Prompt
from gemnb.publish.readback import read_page
from gemnb.publish.render import render

PIECES = (
    *(
        "{{<",
        " >}}",
        ">}}",
        "{{%",
        "%}}",
        "{{",
        "}}",
        "{%",
        "%}",
        "{% raw %}",
        "{% endraw %}",
        "{{</*",
        "*/>}}",
        "/*",
    ),
    *(
        ":smile:",
        ":",
        "<script>alert(1)</script>",
        "```",
        "`````",
        "~~~",
        "\n",
        "\n\n",
        "\t",
        " ",
        "   ",
        "- a",
        "# c",
    ),
    *("\r", "\r\n", "\u2028", "\x85", "\x00", "\x01", "\x7f", "<!--more-->", "<!--", "-->", "&amp;", '"', "'", "\\"),
    *(
        "$x$",
        "[^1]",
        "![a](b)",
        "HAHAHUGOSHORTCODE0s0HBHB",
        "./x",
        "---",
        "</code></pre>",
        "</details>",
        "a",
        "漢",
        "🐈",
    ),
)
PROMPTS = st.one_of(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join), st.text(min_size=1)
).filter(str.strip)


def page_of(to: str, *texts: str) -> str:
    """Return a page with a prompt and a card for each text."""
    blocks = []
    for text in texts:
        blocks += [Narrative(text="Words"), Prompt(text=text), Card(kind=CardKind.REFUSAL, title=text)]
    return render(Post(front=Front(title="T", slug="t"), blocks=tuple(blocks)), FLAVORS[to], {}, {})


def as_hugo(text: str) -> str:
    """Read shortcodes as Hugo does, everywhere: comments lose their marks, ours stands for its inner, others fail."""
    assert not re.search(r":[\w+-]+:|HAHAHUGO|<!--\s*more\s*-->", text)
    found = ""
    while (at := re.search(r"\{\{[<%]", text)) is not None:
        found += text[: at.start()]
        sign = at.group()[-1]
        end = {"<": ">}}", "%": "%}}"}[sign]
        rest = text[at.end() :]
        if rest.startswith("/*"):
            content, _, text = rest[2:].partition("*/")
            assert text.startswith(end)
            found, text = found + "{{" + sign + content + end, text[3:]
        else:
            name, closing, text = rest.partition(end)
            assert closing
            assert name.strip() in ("gemnb", "/gemnb")
    return found + text


def as_liquid(text: str) -> str:
    """Run what of Liquid a page may hold: an expression that is one string."""
    found = ""
    while (at := re.search(r"\{\{|\{%", text)) is not None:
        match = re.match(r'\{\{ "(.)" \}\}', text[at.start() :], re.DOTALL)
        assert match, text[at.start() :][:40]
        found, text = found + text[: at.start()] + match.group(1), text[at.start() + match.end() :]
    return found + text


class Texts(HTMLParser):
    """Collects the text of each `<pre>` that holds a prompt, and the names of all elements."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.prompts: list[str] = []
        self.titles: list[str] = []
        self.tags: set[str] = set()
        self._into: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "code" and dict(attrs).get("class") == "language-txt":
            self.prompts.append("")
            self._into = self.prompts
        elif tag == "strong":
            self.titles.append("")
            self._into = self.titles

    def handle_endtag(self, tag: str) -> None:
        if tag in ("code", "strong"):
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data


def read(to: str, page: str) -> Texts:
    """Return what a browser would show of the page."""
    texts = Texts()
    if to == "html":
        texts.feed(page)
    else:
        body = page.split("\n---\n", 1)[1]
        body = {"hugo": as_hugo, "jekyll": as_liquid, "markdown": str}[to](body)
        texts.feed(MarkdownIt("commonmark").render(body))
    texts.close()
    return texts


@pytest.mark.parametrize("to", FLAVORS)
@given(text=PROMPTS)
def test_a_prompt_comes_out_exactly(to: str, text: str) -> None:
    """To the character, with no element that it brought; control characters, which no feed holds, as pictures."""
    texts = read(to, page_of(to, text))
    (found,) = texts.prompts

    assert found.removesuffix("\n") == shown(text).removesuffix("\n")
    assert found in (shown(text), shown(text) + "\n")
    assert "script" not in texts.tags


@pytest.mark.parametrize("to", FLAVORS)
@given(text=PROMPTS)
def test_a_text_in_html_comes_out_exactly(to: str, text: str) -> None:
    """Titles of cards, as captions and alternative texts, keep every character but the kind of their white space."""
    texts = read(to, page_of(to, text))

    assert texts.titles == [" ".join(shown(" ".join(text.split())).split("\n"))]


@pytest.mark.parametrize("to", FLAVORS)
@given(prompts=st.lists(PROMPTS, min_size=1, max_size=4))
def test_a_page_is_read_back(to: str, prompts: list[str]) -> None:
    """What checks a page finds the prompts that publishing put there, in their order."""
    found = read_page(page_of(to, *prompts), FLAVORS[to].back, is_html=to == "html")

    assert [one.prompt for one in found if one.prompt is not None] == [shown(text) for text in prompts]


@pytest.mark.parametrize(
    ("text", "to", "expected"),
    [
        ("a {{< figure src=x >}} b", "hugo", "```txt\na {{</* figure src=x */>}} b\n```"),
        ("{{% notice %}}", "hugo", "```txt\n{{%/* notice */%}}\n```"),
        ("  - a\n\t- b", "hugo", "```txt\n  - a\n\t- b\n```"),
        ("{{ x }} {% y %}", "jekyll", '```txt\n{{ "{" }}{ x }} {{ "{" }}% y %}\n```'),
        ("a ``` b ```` c", "markdown", "`````txt\na ``` b ```` c\n`````"),
        ("<b>&amp;", "html", '<pre class="gemnb-txt"><code class="language-txt">&lt;b&gt;&amp;amp;</code></pre>'),
    ],
)
def test_a_prompt_is_readable_in_the_source(text: str, to: str, expected: str) -> None:
    """The page's source shows a prompt as each site generator's users write it."""
    assert expected in page_of(to, text)


@given(text=PROMPTS)
def test_a_narrative_keeps_its_braces(text: str) -> None:
    """What Hugo and Liquid would read in a Markdown cell is what the notebook shows."""
    assert as_liquid(liquid(text)) == text
    escaped = hugo_narrative(text)
    if "&#123;" not in escaped and not re.search(r":[\w+-]+:|HAHAHUGO|<!--\s*more\s*-->", text):
        assert as_hugo(escaped) == text


@given(text=st.text(alphabet=st.sampled_from("`~\n a![](x.png)<>:"), max_size=60))
def test_a_narrative_is_not_changed_by_looking_at_it(text: str) -> None:
    """Cutting a narrative into code and the rest, and rewriting nothing, gives the same text."""
    assert "".join(piece for _, piece in parts(text)) == text
    assert rewrite(text, lambda _use: None) == text
    assert closed(text).startswith(text.rstrip())


@given(text=st.text())
def test_html_text_is_one_line_of_no_markup(text: str) -> None:
    """An escaped text holds no line end, no tag and no quote."""
    assert not set(html_text(text)) & set("<>\"'\n\r{}")
