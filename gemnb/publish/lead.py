"""The words with which a narrative begins, for lists of posts and feeds that have no summary. Pure."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from gemnb.publish import mathematics, narrative
from gemnb.publish.post import Narrative

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gemnb.publish.post import Block

WORDS = 70
"""As many words as Hugo takes for a summary of its own."""

# A heading, a quotation, a list, a table, a rule, a definition, a formula, HTML: no paragraph of words.
_NO_PARAGRAPH = re.compile(
    r" {0,3}(?:#|>|[-*+][ \t]|\d{1,9}[.)][ \t]|\||\$\$|\[[^\]]*\]:|<[A-Za-z/!?]|[-=_*]{3,})|\t| {4}"
)
_NAMED = re.compile(r"(?m)^.*\S.*\n {0,3}(?:=+|-+)[ \t]*$")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_PICTURE = re.compile(r"!\[(?:\\.|[^\]\\])*\](?:\([^)]*\)|\[[^\]]*\])?")
_NOTE = re.compile(r"\[\^[^\]]*\]")
_LINK = re.compile(r"\[((?:\\.|[^\[\]\\])*)\](?:\([^)]*\)|\[[^\]]*\])?")
_ADDRESS = re.compile(r"<(https?://[^\s<>]+|[^\s<>@]+@[^\s<>]+)>")
_EMPHASIS = re.compile(
    r"(?<!\\)(\*{1,3}|~~)(?=\S)(.+?)(?<=\S)(?<!\\)\1|(?<![\w\\])(_{1,3})(?=\S)(.+?)(?<=\S)\3(?!\w)", re.DOTALL
)
_BACKSLASH = re.compile(r"\\([!-/:-@\[-`{-~])")


def lead_of(blocks: Iterable[Block]) -> str | None:
    """Return the words of the first paragraph of the narrative, at most `WORDS`; None where there is none.

    It is HTML that needs no escaping: `<` is written `&lt;`, since Hugo reads a summary as Markdown and Jekyll puts
    an excerpt on the page as it is. Where the author marks the end of a summary (`<!--more-->`), there is none.
    """
    texts = [block.text for block in blocks if isinstance(block, Narrative)]
    if any(re.search(r"<!--\s*more\s*-->", text) for text in texts):
        return None
    own = (block.written or block.text for block in blocks if isinstance(block, Narrative) and not block.raw)
    return next((words for text in own for part in _paragraphs(text) if (words := _words(part))), None)


def _paragraphs(text: str) -> list[str]:
    # A code span is no fence; `narrative.parts` gives both, and only a fence begins a line with its marks.
    pieces = [
        "\n\n" if is_code and re.match(r" {0,3}(?:`{3,}|~{3,})", piece) else piece
        for is_code, piece in narrative.parts(_COMMENT.sub("", text))
    ]
    found = re.split(r"\n[ \t]*\n", "".join(pieces).replace("\r\n", "\n"))
    found = [part.strip("\n") for part in found]
    return [part for part in found if not _NO_PARAGRAPH.match(part) and not _NAMED.match(part)]


def _words(paragraph: str) -> str:
    text = "".join(
        piece.strip("`").strip() if is_code else mathematics.around(piece, _inline)
        for is_code, piece in narrative.parts(paragraph)
    )
    words = text.split()
    short = " ".join(words[:WORDS]) + (" …" if len(words) > WORDS else "")
    return short.replace("<", "&lt;")


def _inline(text: str) -> str:
    text = _ADDRESS.sub(lambda m: m.group(1), text)
    for pattern in (_PICTURE, _NOTE, _TAG):
        text = pattern.sub("", text)
    text = _LINK.sub(lambda m: m.group(1), text)
    text = _EMPHASIS.sub(lambda m: m.group(2) or m.group(4), text)
    # A reference such as &amp;lt; stays one, so that it is read once, as on the page.
    return _BACKSLASH.sub(lambda m: html.escape(m.group(1), quote=False), text)
