"""Read a published page back: the prompts, pictures and evidence that it shows, in order. Pure; the page is foreign.

Of Markdown the source is read: its fences and its own way to name pictures are put into the HTML that stands around
them, and that is read as HTML is (`gemnb.publish.shown`). Where a reader could see more or less than is certain, more
is read: what is read and belongs nowhere is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.publish.flavors import STYLE
from gemnb.publish.shown import HIDING, Kind, PageReader, Shows, normal_comments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Kind", "Shows", "read_page"]

_FENCE = re.compile(r"([ \t>]*)(`{3,}|~{3,})[ \t]*([^`]*)")
_CODE_SPAN = re.compile(r"(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_TAG_LINE = re.compile(r" {0,3}<(?!https?:|mailto:)[A-Za-z/!?]")
_ESCAPED = re.compile(r"\\<")
_ADDRESS = r"(?:\{\{[^\n]*?\}\}[^\s){]*)+|<[^>\n]*>|[^\s)]*"
# Tags, and `<pre>`, stay as they are: what they hold is no Markdown.
_PICTURES = re.compile(
    rf"<pre\b[^\n]*?</pre>|<[A-Za-z][^<>]*>|!\[(?:\\.|[^\]\\])*\]\(\s*(?P<inline>{_ADDRESS})"
    r"|^ {0,3}\[[^\]^][^\]]*\]:[ \t]*(?P<named><[^>\n]*>|\S+\.(?:png|jpe?g|gif|webp|svg|avif))"
    r"""|\{[{%][<%]?\s*(?!gemnb\b)[\w/-]+[^}\n]*?\bsrc\s*=\s*["']?(?P<code>[^"'\s>}]+)""",
    re.MULTILINE | re.IGNORECASE,
)
_OWN_ADDRESS = re.compile(r"\{\{< gemnb >\}\}\./[\w.@-]+\{\{< /gemnb >\}\}")
_END = "\n-->"
"""Ends a comment that the page leaves open, as its end does for browsers; the parser would read on in it."""
_LIST = re.compile(r" {0,3}(?:[-*+]|\d+[.)])(?:[ \t]|$)")
_HIDES = re.compile(rf"<(?=/?(?:{'|'.join(sorted(HIDING))})\b)", re.IGNORECASE)
_LIKE = re.compile(r"<img|!\[|gemnb-|txt", re.IGNORECASE)
_LIQUID = re.compile(
    r"\{%-?\s*(comment|if|unless|case|for|capture)\b.*?\{%-?\s*end\1\s*-?%\}|\{::comment\}.*?\{:/(?:comment)?\}",
    re.DOTALL,
)


def read_page(text: str, back: Callable[[str], str], *, is_html: bool, is_liquid: bool = False) -> list[Shows]:
    """Return what a page shows, in order.

    Args:
        text: The page.
        back: Undoes what the flavor does to text inside a fence.
        is_html: Whether it is HTML rather than Markdown.
        is_liquid: Whether what Liquid may leave out (comments, conditions) does not count.
    """
    if is_html:
        reader = PageReader()
        reader.feed(normal_comments(text) + _END)
        reader.close()
        return reader.found
    if is_liquid:
        text = _LIQUID.sub(lambda match: "\n" * match.group().count("\n"), text)
    return _Markdown(back).read(text.split("\n"))


@dataclass(slots=True)
class _Markdown:
    """Makes HTML of a page's source, line by line, in which `PageReader` finds what Markdown itself shows."""

    back: Callable[[str], str]
    slots: list[Shows] = field(default_factory=list)
    left_open: list[Shows] = field(default_factory=list)
    _out: list[str] = field(default_factory=list)

    def read(self, lines: list[str]) -> list[Shows]:
        """Return what the page of these lines shows."""
        # What stands for a fence or a picture has a name that no page can hold: it is a digest of the page.
        import hashlib

        name = "gemnb-" + hashlib.sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()
        self._stream(lines, name)
        reader = PageReader(name, self.slots)
        reader.feed("\n".join(self._out) + _END)
        reader.close()
        return sorted([*reader.found, *self.left_open], key=lambda one: one.line)

    def _stream(self, lines: list[str], name: str) -> None:
        number = _after_front(lines)
        masked = [""] * number + _masked([normal_comments(line) for line in lines[number:]])
        self._out = [""] * number
        comment = _Comment()
        indented = _Indented()
        while number < len(lines):
            match = None if comment.is_open else _FENCE.fullmatch(lines[number])
            before = match.group(1) if match else ""
            if match and before.strip(" ") == "" and len(before) <= 3:
                end = _closing(lines, number + 1, match.group(2))
                self._out.append(self._slot(name, self._fence(lines[number + 1 : end], match, number)))
                self._out += [""] * (min(end, len(lines) - 1) - number)
                number = end + 1
                continue
            if match:  # deep in a list or a quotation, or no fence at all: its text is read as what it is, too
                end = _closing(lines, number + 1, match.group(2), before)
                prompt = self._fence(lines[number + 1 : end], match, number)
                self._out.append(self._slot(name, prompt))
            elif lines[number] == STYLE:
                # It ends no comment that a cell above left open: Hugo puts it in when Markdown has been read.
                self._out.append("")
            else:
                line = indented.line(masked[number])
                if said := comment.line(line, number + 1):
                    self.left_open.append(said)
                self._out.append(self._pictures(line, name, number + 1))
            number += 1

    def _fence(self, lines: list[str], match: re.Match[str], number: int) -> Shows | None:
        info = match.group(3).strip()
        if re.split(r"[\s{,:]", info, maxsplit=1)[0].lower() != "txt":
            return None
        indent = match.group(1)
        text = self.back("\n".join(_dedented(lines, indent)))
        # Anything behind `txt` may change how it is shown; no prompt begins with U+FFFE, as `escape.shown` has it.
        return Shows(number + 1, Kind.PROMPT, prompt=text if info == "txt" else f"\ufffe{info}\n{text}")

    def _pictures(self, line: str, name: str, number: int) -> str:
        def slot(match: re.Match[str]) -> str:
            address = match["inline"] if match["inline"] is not None else match["named"] or match["code"]
            if address is None:
                return match.group()
            return self._slot(name, Shows(number, Kind.PICTURE, pictures=((address.strip("<>"),),)))

        return _PICTURES.sub(slot, line)

    def _slot(self, name: str, shows: Shows | None) -> str:
        if shows is None:
            return ""
        self.slots.append(shows)
        return f"<{name} n={len(self.slots) - 1}>"


@dataclass(slots=True)
class _Comment:
    """Whether a comment is open, from line to line."""

    is_open: bool = False
    _began: int = 0
    _may_be_seen: bool = False

    def line(self, line: str, number: int) -> Shows | None:
        """Go over a line; where something stands in it that only looks like a comment's, return that."""
        said = None
        if self.is_open:
            # In the middle of a paragraph, `<!--` that the paragraph does not close is no comment for Markdown.
            self._may_be_seen |= self._began > 0 and not line.strip()
            if self._may_be_seen and _LIKE.search(line.partition("-->")[0]):
                said = Shows(self._began, Kind.OPEN)
                self._may_be_seen, self._began = False, 0
        while line:
            if self.is_open:
                _, end, line = line.partition("-->")
                self.is_open = not end
            else:
                before, start, line = line.partition("<!--")
                self.is_open = bool(start)
                self._began, self._may_be_seen = (number if before.strip() else 0), False
        return said


@dataclass(slots=True)
class _Indented:
    """Takes tags that hide something out of indented code, which only shows them."""

    _in_list: bool = False
    _after_blank: bool = True
    _is_code: bool = False

    def line(self, line: str) -> str:
        """Return the line."""
        if not line.strip():
            self._after_blank = True
            return line
        if not line.startswith(("    ", "\t")):
            self._in_list = bool(_LIST.match(line)) or (self._in_list and not self._after_blank)
            self._is_code = False
        else:
            self._is_code = not self._in_list and (self._is_code or self._after_blank)
        self._after_blank = False
        return _HIDES.sub("&lt;", line) if self._is_code else line


def _masked(lines: list[str]) -> list[str]:
    """Return the lines without their code spans, which show what they hold and do nothing."""
    found: list[str] = []
    for chunk in _chunks(lines):
        at = next((number for number, line in enumerate(chunk) if _is_raw(line)), None)
        # Inside HTML and shortcodes a backtick is a character like any other.
        head, tail = chunk[:at], chunk[at:] if at is not None else []
        text = _ESCAPED.sub("&lt;", _CODE_SPAN.sub(_blank, "\n".join(head)))
        found += [*(text.split("\n") if head else []), *tail]
    return found


def _is_raw(line: str) -> bool:
    return _TAG_LINE.match(line) is not None or re.search(r"\{\{[<%]", _OWN_ADDRESS.sub("", line)) is not None


def _chunks(lines: Iterable[str]) -> Iterator[list[str]]:
    held: list[str] = []
    for line in lines:
        if not line.strip() or _FENCE.fullmatch(line):
            if held:
                yield held
            yield [line]
            held = []
        else:
            held.append(line)
    if held:
        yield held


def _blank(match: re.Match[str]) -> str:
    if "-->" in match.group():  # a comment that is open ends there all the same
        return match.group()
    return "\n" * match.group().count("\n") or " "


def _after_front(lines: list[str]) -> int:
    if lines[:1] != ["---"]:
        return 0
    return next((number for number in range(1, len(lines)) if lines[number] == "---"), 0) + 1


def _closing(lines: list[str], start: int, marks: str, before: str = "") -> int:
    inset = r"[ \t>]*" if before else " {0,3}"
    pattern = re.compile(rf"{inset}{re.escape(marks[0])}{{{len(marks)},}}[ \t]*")
    return next((number for number in range(start, len(lines)) if pattern.fullmatch(lines[number])), len(lines))


def _dedented(lines: list[str], indent: str) -> Iterator[str]:
    for line in lines:
        if ">" in indent:
            yield re.sub(r"^[ \t]*(?:>[ \t]?)+", "", line)
        else:
            yield line[min(len(indent), len(line) - len(line.lstrip(" \t"))) :]
