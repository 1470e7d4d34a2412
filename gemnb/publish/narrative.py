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
_IMAGE = re.compile(
    r"""(!\[)((?:\\.|[^\]\\])*)(\]\(\s*)(<[^>\n]*>|[^\s)<][^\s)]*)"""
    r"""((?:\s+(?:"[^"]*"|'[^']*'|\([^)]*\)))?\s*\))?"""
)
_REFERENCE = re.compile(r"!\[((?:\\.|[^\]\\])*)\](?:\[([^\]]*)\])?(?!\()")
_TAG = re.compile(r"""<img\b[^>]*?\bsrc\s*=\s*("[^"]*"|'[^']*')[^>]*>""", re.IGNORECASE)
_ALT = re.compile(r"""\balt\s*=\s*(?:"([^"]*[^\s"][^"]*)"|'([^']*[^\s'][^']*)')""", re.IGNORECASE)
# An opening or closing tag as CommonMark 0.31 §6.6 has it; not in a shortcode, and not after a backslash.
_HTML = re.compile(
    r"""(?<![\\<{%])<(?:/[A-Za-z][A-Za-z0-9-]*\s*"""
    r"""|[A-Za-z][A-Za-z0-9-]*(?:\s+[A-Za-z_:][\w.:-]*(?:\s*=\s*(?:[^\s"'=<>`]+|'[^']*'|"[^"]*"))?)*\s*/?)>"""
)
_DEFINITION = re.compile(
    r"^( {0,3}\[([^\]^][^\]]*)\]:[ \t]*)(<[^>\n]*>|\S+\.(?:png|jpe?g|gif|webp|svg))([ \t]+\S.*)?",
    re.MULTILINE | re.IGNORECASE,
)

DROPPED = ""
"""The address of a picture that is not published: of it, only the author's words stay."""


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


def leaves_open(text: str) -> bool:
    """Return whether a comment that the text begins does not end in it; in code there are none."""
    words = "".join(part for is_code, part in parts(text) if not is_code)
    return words.rfind("<!--") > words.rfind("-->")


def closed(text: str) -> str:
    """Return the text with a fence that it leaves open closed: Jupyter ends a fence where its cell ends."""
    *_, (is_open, last) = _fences(text)
    match = _FENCE.match(last) if is_open else None
    return f"{text.rstrip()}\n{match.group(1)}" if match else text


def rewrite(text: str, address: Callable[[Use], str | None]) -> str:
    """Return a narrative with the addresses of its pictures replaced; None leaves one, `DROPPED` only its words.

    Looked at are `![…](…)`, `<img src="…">` and definitions `[name]: picture.png`, outside code.
    """
    gone: set[str] = set()
    pieces = [(is_code, part if is_code else _rewrite(part, address, gone)) for is_code, part in parts(text)]
    return "".join(part if is_code or not gone else _without(part, gone) for is_code, part in pieces)


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


def _rewrite(text: str, address: Callable[[Use], str | None], gone: set[str]) -> str:
    def image(match: re.Match[str]) -> str:
        start, alt, middle, target, end = match.groups()
        new = address(Use(target.strip("<>"), has_alt=bool(alt.strip())))
        if new == DROPPED:
            return str(alt)
        return match.group() if new is None else f"{start}{alt}{middle}{new}{end or ''}"

    def tag(match: re.Match[str]) -> str:
        quoted = match.group(1)
        alt = _ALT.search(match.group())
        new = address(Use(quoted[1:-1], has_alt=alt is not None))
        if new == DROPPED:
            return (alt.group(1) or alt.group(2)).replace("<", "&lt;") if alt else ""
        return match.group() if new is None else match.group().replace(quoted, f'"{new}"', 1)

    def definition(match: re.Match[str]) -> str:
        new = address(Use(match.group(3).strip("<>"), has_alt=True))
        if new == DROPPED:
            gone.add(_label(match.group(2)))
            return ""
        return match.group() if new is None else match.group(1) + new + (match.group(4) or "")

    return _DEFINITION.sub(definition, _TAG.sub(tag, _IMAGE.sub(image, text)))


def _without(text: str, gone: set[str]) -> str:
    """Return a text with the words of pictures in the place of those whose definition is gone."""

    def image(match: re.Match[str]) -> str:
        label = match.group(2) or match.group(1)
        return match.group(1) if _label(label) in gone else match.group()

    return _REFERENCE.sub(image, text)


def _label(text: str) -> str:
    return " ".join(text.split()).casefold()
