"""The slider is HTML without script: two pictures, everything from outside escaped, only styles that survive."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from gemnb.publish.pictures import slider_html

# What JupyterLab's sanitiser lets through untrusted (packages/apputils/src/sanitizer.ts), as far as it is used here.
STYLES = {
    "position": r"relative|absolute",
    "overflow": r"hidden",
    "resize": r"horizontal",
    "display": r"block",
    "z-index": r"\d+",
    "box-sizing": r"border-box",
    "background": r"white",
    "border-right": r"\d+px solid white",
    **dict.fromkeys(("top", "bottom", "left", "margin", "line-height"), "0"),
    **dict.fromkeys(("width", "height", "max-width", "min-width"), r"\d+px|\d+%|auto|none"),
}


class Reader(HTMLParser):
    """What a browser makes of HTML: its elements with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_reader_without_styles_sees_two_pictures():
    """Without its styles the slider is two pictures in order, before and after, each with its text and size."""
    found = Reader(slider_html("a.webp", "b.webp", "before", "after", 640, 480)).elements
    bare = [(tag, {k: v for k, v in attrs.items() if k != "style"}) for tag, attrs in found if tag == "img"]
    size = {"width": "640", "height": "480"}
    assert bare == [
        ("img", {"src": "a.webp", "alt": "before", **size}),
        ("img", {"src": "b.webp", "alt": "after", **size}),
    ]


def test_only_styles_that_survive_are_used():
    """Every style has a property and a form that JupyterLab lets through in a notebook that is not trusted."""
    found = Reader(slider_html("a.webp", "b.webp", "", "", 640, 480)).elements
    assert {tag for tag, _ in found} == {"div", "img"}
    declared = [item.split(":") for _, attrs in found for item in (attrs["style"] or "").split(";")]
    assert len(declared) > 15
    for name, value in declared:
        assert re.fullmatch(STYLES[name.strip()], value.strip()), (name, value)


ANY = st.text() | st.sampled_from(['"><script>alert(1)</script>', "' onerror='x", "</div>", "javascript:x", "&quot;"])


@given(ANY, ANY, ANY, ANY)
def test_nothing_from_outside_becomes_an_element(before: str, after: str, first: str, second: str):
    """Whatever addresses and texts hold, there are two divisions and two pictures, and each text reads back."""
    found = Reader(slider_html(before, after, first, second, 10, 10))
    assert [tag for tag, _ in found.elements] == ["div", "div", "img", "img"]
    assert found.text == ""
    assert all(set(attrs) <= {"src", "alt", "width", "height", "style", "dir"} for _, attrs in found.elements)
    assert [found.elements[k][1]["src"] for k in (2, 3)] == [before, after]
    assert [found.elements[k][1]["alt"] for k in (2, 3)] == [first, second]
