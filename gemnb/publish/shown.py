"""What HTML shows of prompts, pictures and evidence, in order. Pure; the HTML is foreign.

What stands in a comment, a `<template>`, a `<noscript>` or another element that no reader sees does not count, nor
what is `hidden`. Style sheets and scripts are not looked at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HIDING = frozenset(
    {
        *("audio", "canvas", "datalist", "dialog", "embed", "iframe", "math", "noembed", "noframes"),
        *("noscript", "object", "script", "select", "style", "svg", "template", "textarea", "title", "video"),
    }
)
"""Elements whose content a reader does not see as what it is, or sees only where something else fails."""

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_SHOWING = ("iframe", "object", "embed", "svg", "video", "canvas")
_INVISIBLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?![.\d])", re.IGNORECASE
)
_URL = re.compile(r"url\(\s*[\"']?([^\"')]+)", re.IGNORECASE)
_DESCRIPTOR = re.compile(r"\s+[\d.]+[wxh]\Z")
_BREAKS = frozenset({"li", "p", "summary", "div", "br", "figcaption", "ul", "details", "blockquote", "figure"})
_EMPTY_COMMENT = re.compile(r"<!--(?=-?>)")
_MISENDED = re.compile(r"--!>")


class Kind(StrEnum):
    """What a page shows."""

    PROMPT = "prompt"
    FIGURE = "figure"
    """One of gemnb's, with its pictures and its words."""
    PICTURE = "picture"
    """Any other."""
    EVIDENCE = "evidence"
    CARD = "card"
    OPEN = "open"
    """A comment left open, of which it is not certain what a reader sees."""


@dataclass(frozen=True, slots=True)
class Shows:
    """One thing a page shows.

    Attributes:
        line: Where it begins, from 1.
        kind: What it is.
        prompt: The text of a prompt; else None.
        pictures: For each picture the addresses of all its files, as they stand on the page.
        words: Its text by paragraphs and rows, white space joined.
        links: Addresses that it links, in order.
    """

    line: int
    kind: Kind
    prompt: str | None = None
    pictures: tuple[tuple[str, ...], ...] = ()
    words: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


def normal_comments(text: str) -> str:
    """Return HTML in which comments end where browsers end them: `<!-->` and `--!>` end one."""
    return _MISENDED.sub(" -->", _EMPTY_COMMENT.sub("<!-- --", text))


def read_fragment(html: str) -> list[Shows]:
    """Return what a piece of HTML shows, in order."""
    reader = PageReader()
    reader.feed(html)
    reader.close()
    return reader.found


_GROUPS = {
    "figure": ("gemnb-figure", Kind.FIGURE),
    "details": ("gemnb-evidence", Kind.EVIDENCE),
    "blockquote": ("gemnb-card", Kind.CARD),
}


@dataclass(slots=True)
class _Group:
    """A figure, evidence or card that is open."""

    tag: str
    at: int
    depth: int
    text: list[str]
    pictures: list[tuple[str, ...]]
    links: list[str]


class PageReader(HTMLParser):
    """Reads HTML: of gemnb's own, and what a site generator made of a fence (`<pre><code class="language-txt">`).

    Args:
        slot: A tag that stands for one of `slots`, whose attribute `n` says which.
        slots: What Markdown shows.
    """

    def __init__(self, slot: str = "", slots: Sequence[Shows] = ()) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Shows] = []
        self._slot, self._slots = slot, slots
        self._hidden = ""
        self._depth = 0
        self._groups: list[_Group] = []
        self._held: list[str] | None = None
        self._line = 0
        self._is_own = self._is_prompt = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a picture, of a prompt, figure or evidence that begins, and of what hides the rest."""
        if self._hidden:
            self._depth += tag == self._hidden
            return
        said: dict[str, str] = {}
        for key, value in attrs:  # of two attributes of one name, browsers take the first
            said.setdefault(key, value or "")
        if tag == self._slot:
            self._take(self._slots[int(said.get("n", "0"))])
            return
        hides = tag in HIDING or "hidden" in said or _INVISIBLE.search(said.get("style", "")) is not None
        if hides and tag not in _VOID:
            self._hidden, self._depth = tag, 1
        if not hides or tag in _SHOWING:
            self._picture(tag, said)
        if not hides:
            self._element(tag, said)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read `<p/>` as browsers do, as `<p>`."""
        self.handle_starttag(tag, attrs)
        if tag == "svg":  # a slash at the end is nothing to HTML, and an end to what is not HTML
            self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        """Take the text of what is open."""
        if self._hidden:
            return
        if self._held is not None:
            self._held.append(data)
        for group in self._groups:
            group.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        """End what began with this tag."""
        if self._hidden:
            self._depth -= tag == self._hidden
            self._hidden = self._hidden if self._depth else ""
            return
        if tag == "pre" and self._held is not None:
            text = "".join(self._held)
            if self._is_prompt:  # Markdown ends the text of a fence with a line end
                prompt = text if self._is_own else text.removesuffix("\n")
                self.found.append(Shows(self._line, Kind.PROMPT, prompt=prompt))
            self._held = None
        if tag in _BREAKS:
            self._break()
        if self._groups and self._groups[-1].tag == tag:
            self._groups[-1].depth -= 1
            if not self._groups[-1].depth:
                self._end(self._groups.pop())

    def close(self) -> None:
        """End what is still open."""
        super().close()
        while self._groups:
            self._end(self._groups.pop())

    def _element(self, tag: str, said: dict[str, str]) -> None:
        classes = said.get("class", "").split()
        if tag == "pre":
            self._held, self._line = [], self.getpos()[0]
            self._is_prompt = self._is_own = "gemnb-txt" in classes
        elif tag == "code" and self._held is not None and "language-txt" in classes:
            self._is_prompt = True
        elif tag == "a" and "href" in said:
            for group in self._groups:
                group.links.append(said["href"])
        if tag in _BREAKS:
            self._break()
        if self._groups and self._groups[-1].tag == tag:
            self._groups[-1].depth += 1
        wanted, kind = _GROUPS.get(tag, ("", Kind.CARD))
        if wanted in classes:
            self.found.append(Shows(self.getpos()[0], kind))
            self._groups.append(_Group(tag, len(self.found) - 1, 1, [], [], []))

    def _picture(self, tag: str, said: dict[str, str]) -> None:
        addresses = tuple(dict.fromkeys(_addresses(tag, said)))
        if addresses:
            self._take(Shows(self.getpos()[0], Kind.PICTURE, pictures=(addresses,)))

    def _take(self, shows: Shows) -> None:
        figure = next((group for group in self._groups if group.tag == "figure"), None)
        if shows.kind is Kind.PICTURE and figure is not None:
            figure.pictures += shows.pictures
        else:
            self.found.append(shows)

    def _break(self) -> None:
        for group in self._groups:
            group.text.append("\0")

    def _end(self, group: _Group) -> None:
        parts = (" ".join(part.split()) for part in "".join(group.text).split("\0"))
        self.found[group.at] = replace(
            self.found[group.at],
            words=tuple(part for part in parts if part),
            pictures=tuple(group.pictures),
            links=tuple(group.links),
        )


def _addresses(tag: str, said: dict[str, str]) -> Iterator[str]:
    if tag == "svg":
        yield "svg"
    if tag in ("img", "source", "input", "embed", "iframe", "video") and said.get("src"):
        yield said["src"].strip()
    if tag == "object" and said.get("data"):
        yield said["data"].strip()
    if tag == "video" and said.get("poster"):
        yield said["poster"].strip()
    for candidate in said.get("srcset", "").split(",") if tag in ("img", "source") else ():
        if candidate.strip():
            yield _DESCRIPTOR.sub("", candidate.strip())
    yield from (address.strip() for address in _URL.findall(said.get("style", "")))
