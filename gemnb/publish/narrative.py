"""The author's Markdown: its first heading, and the pictures it refers to. Everything else stays as it is. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_HEADING = re.compile(r"\A\s*#[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*(?:\n|\Z)")
_PLAIN = re.compile(r"[*_`]|!?\[([^\]]*)\]\([^)]*\)")
_CODE_SPAN = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_IMAGE = re.compile(r"(!\[)((?:\\.|[^\]\\])*)(\]\(\s*)(<[^>\n]*>|[^\s)<][^\s)]*)")
_TAG = re.compile(r"""<img\b[^>]*?\bsrc\s*=\s*("[^"]*"|'[^']*')[^>]*>""", re.IGNORECASE)
_ALT = re.compile(r"""\balt\s*=\s*(?:"[^"]*\S[^"]*"|'[^']*\S[^']*')""", re.IGNORECASE)
# An opening or closing tag as CommonMark 0.31 §6.6 has it; not in a shortcode, and not after a backslash.
_HTML = re.compile(
    r"""(?<![\\<{%])<(?:/[A-Za-z][A-Za-z0-9-]*\s*"""
    r"""|[A-Za-z][A-Za-z0-9-]*(?:\s+[A-Za-z_:][\w.:-]*(?:\s*=\s*(?:[^\s"'=<>`]+|'[^']*'|"[^"]*"))?)*\s*/?)>"""
)
_DEFINITION = re.compile(
    r"^( {0,3}\[[^\]^][^\]]*\]:[ \t]*)(<[^>\n]*>|\S+\.(?:png|jpe?g|gif|webp|svg))", re.MULTILINE | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Use:
    """A picture that a narrative uses: its address as written, and whether it has an alternative text."""

    address: str
    has_alt: bool


def first_heading(text: str) -> str:
    """Return the words of a first-level heading with which the text begins, or nothing."""
    match = _HEADING.match(text)
    return plain(match.group(1)) if match else ""


def without_heading(text: str) -> str:
    """Return the text without the heading it begins with."""
    return _HEADING.sub("", text, count=1).lstrip("\n")


def plain(text: str) -> str:
    """Return inline Markdown as words: without emphasis, with a link's text for the link."""
    return " ".join(_PLAIN.sub(lambda m: m.group(1) or "", text).split())


def raw_html(text: str) -> str:
    """Return the first HTML tag in a narrative, outside code; or nothing. Addresses in `<…>` are none."""
    found = (_HTML.search(part) for is_code, part in parts(text) if not is_code)
    return next((match.group() for match in found if match), "")


def closed(text: str) -> str:
    """Return the text with a fence that it leaves open closed: Jupyter ends a fence where its cell ends."""
    *_, (is_open, last) = _fences(text)
    match = _FENCE.match(last) if is_open else None
    return f"{text.rstrip()}\n{match.group(1)}" if match else text


def rewrite(text: str, address: Callable[[Use], str | None]) -> str:
    """Return a narrative with the addresses of its pictures replaced; None leaves one as it is.

    Looked at are `![…](…)`, `<img src="…">` and definitions `[name]: picture.png`, outside code.
    """
    return "".join(part if is_code else _rewrite(part, address) for is_code, part in parts(text))


def parts(text: str) -> Iterator[tuple[bool, str]]:
    """Yield a text in pieces, each with whether it is code: fences and code spans."""
    for is_fence, piece in _fences(text):
        if is_fence:
            yield True, piece
            continue
        position = 0
        for match in _CODE_SPAN.finditer(piece):
            yield False, piece[position : match.start()]
            yield True, match.group()
            position = match.end()
        yield False, piece[position:]


def _fences(text: str) -> Iterator[tuple[bool, str]]:
    held: list[str] = []
    marks = ""
    for line in text.splitlines(keepends=True):
        match = _FENCE.match(line)
        if not marks and match and not (match.group(1)[0] == "`" and "`" in match.group(2)):
            yield False, "".join(held)
            held, marks = [line], match.group(1)
        elif marks and match and match.group(1).startswith(marks) and not match.group(2).strip():
            yield True, "".join([*held, line])
            held, marks = [], ""
        else:
            held.append(line)
    yield bool(marks), "".join(held)


def _rewrite(text: str, address: Callable[[Use], str | None]) -> str:
    def image(match: re.Match[str]) -> str:
        start, alt, middle, target = match.groups()
        new = address(Use(target.strip("<>"), has_alt=bool(alt.strip())))
        return match.group() if new is None else f"{start}{alt}{middle}{new}"

    def tag(match: re.Match[str]) -> str:
        quoted = match.group(1)
        new = address(Use(quoted[1:-1], has_alt=_ALT.search(match.group()) is not None))
        return match.group() if new is None else match.group().replace(quoted, f'"{new}"', 1)

    def definition(match: re.Match[str]) -> str:
        new = address(Use(match.group(2).strip("<>"), has_alt=True))
        return match.group() if new is None else match.group(1) + new

    return _DEFINITION.sub(definition, _TAG.sub(tag, _IMAGE.sub(image, text)))
