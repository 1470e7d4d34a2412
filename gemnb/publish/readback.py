"""Read a published page back: the prompts it shows and the pictures it names, in order. Pure; the page is foreign.

What is read is the page's source: fences called `txt` and `<pre class="gemnb-txt">` are prompts, `<img>` are
pictures. Comments are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from gemnb.publish.escape import pre_text
from gemnb.publish.flavors import STYLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^`]*)")
_PRE = re.compile(r'<pre class="gemnb-txt"[^>]*><code[^>]*>(.*)</code></pre>')
_IMAGE = re.compile(r"<img\b([^>]*)>")
_NAME = re.compile(r"[\w.-]+\.\w+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shows:
    """One thing a page shows.

    Attributes:
        line: Where it begins, from 1.
        prompt: The text of a prompt; None for a picture.
        files: The file names of a picture, of its `src` and its `srcset`.
    """

    line: int
    prompt: str | None = None
    files: tuple[str, ...] = ()


def read_page(text: str, back: Callable[[str], str], *, is_html: bool) -> list[Shows]:
    """Return what a page shows, in order.

    Args:
        text: The page.
        back: Undoes what the flavor does to text inside a fence.
        is_html: Whether it is HTML rather than Markdown.
    """
    if is_html:
        reader = _Reader()
        reader.feed(text)
        reader.close()
        return reader.found
    return list(_markdown(text.split("\n"), back))


def _markdown(lines: list[str], back: Callable[[str], str]) -> Iterator[Shows]:
    number = _after_front(lines)
    hidden = False
    while number < len(lines):
        line = lines[number]
        match = None if hidden else _FENCE.fullmatch(line)
        if match:
            end = _closing(lines, number + 1, match.group(1))
            if match.group(2).strip() == "txt":
                yield Shows(number + 1, prompt=back("\n".join(lines[number + 1 : end])))
            number = end + 1
            continue
        # Our own style ends no comment that a cell above it left open: Hugo puts it in when Markdown has been read.
        seen, hidden = ("", hidden) if line == STYLE else _seen(line, hidden=hidden)
        if found := _PRE.search(seen):
            yield Shows(number + 1, prompt=pre_text(found.group(1)))
        for image in _IMAGE.finditer(seen):
            yield Shows(number + 1, files=_names(image.group(1)))
        number += 1


def _after_front(lines: list[str]) -> int:
    if lines[:1] != ["---"]:
        return 0
    return next((number for number in range(1, len(lines)) if lines[number] == "---"), 0) + 1


def _closing(lines: list[str], start: int, marks: str) -> int:
    pattern = re.compile(rf" {{0,3}}{re.escape(marks[0])}{{{len(marks)},}}[ \t]*")
    return next((number for number in range(start, len(lines)) if pattern.fullmatch(lines[number])), len(lines))


def _seen(line: str, *, hidden: bool) -> tuple[str, bool]:
    """Return what of a line is outside comments, and whether a comment is open after it."""
    shown = ""
    while line:
        if hidden:
            _, end, line = line.partition("-->")
            hidden = not end
        else:
            before, start, line = line.partition("<!--")
            shown += before
            hidden = bool(start)
    return shown, hidden


def _names(attributes: str) -> tuple[str, ...]:
    found: list[str] = []
    for match in re.finditer(r'\b(?:src|srcset)="([^"]*)"', attributes):
        for address in match.group(1).split(","):
            # Jekyll's address is an expression with the path in quotes.
            names = _NAME.findall(address.replace("'", " ").split("|", 1)[0].rpartition("/")[2])
            found += names[:1]
    return tuple(dict.fromkeys(found))


class _Reader(HTMLParser):
    """Reads HTML: of gemnb's own, and what a site generator made of a fence (`<pre><code class="language-txt">`)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Shows] = []
        self._held: list[str] | None = None
        self._line = 0
        self._is_own = self._is_prompt = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        classes = (said.get("class") or "").split()
        if tag == "pre":
            self._held, self._line = [], self.getpos()[0]
            self._is_prompt = self._is_own = "gemnb-txt" in classes
        elif tag == "code" and self._held is not None and "language-txt" in classes:
            self._is_prompt = True
        elif tag == "img":
            both = ", ".join(filter(None, (said.get("src"), said.get("srcset"))))
            names = (address.split()[0].rpartition("/")[2] for address in both.split(",") if address.split())
            self.found.append(Shows(self.getpos()[0], files=tuple(dict.fromkeys(names))))

    def handle_data(self, data: str) -> None:
        if self._held is not None:
            self._held.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre" and self._held is not None:
            text = "".join(self._held)
            if self._is_prompt:  # Markdown ends the text of a fence with a line end
                self.found.append(Shows(self._line, prompt=text if self._is_own else text.removesuffix("\n")))
            self._held = None
