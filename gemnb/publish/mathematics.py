r"""Formulas of a narrative, `$…$`, `$$…$$` and `\begin{…}…\end{…}`, so that the page shows them as typed. Pure.

Jupyter takes formulas out before it reads Markdown. Hugo's goldmark does not, unless a site enables its extension
`passthrough` (from Hugo 0.122 on); Jekyll's kramdown knows `$$…$$` only. Elsewhere `$a_1*b_2*c$` would be emphasis,
`\\` one backslash, `f'` a curly quote. So what Markdown would read in a formula is escaped, by a backslash, or by a
reference where the parser has no such escape. Tried with Hugo 0.111 and Jekyll 4.3 themselves.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gemnb.publish import narrative

if TYPE_CHECKING:
    from collections.abc import Callable

# A formula has no empty line in it. One between single dollars has no space inside its ends and no digit behind it,
# as in Pandoc and on GitHub, so that prices are prices.
_INSIDE = r"(?:\\.|(?!\n[ \t]*\n)[^$\\])"
_FORMULA = re.compile(
    rf"""(?P<display>(?<!\\)\$\$(?:\\.|(?!\n[ \t]*\n|\$\$)[^\\])+?\$\$)"""
    rf"""|(?P<inline>(?<![\\$])\$(?=[^\s$]){_INSIDE}+?(?<!\s)\$(?![\d$]))"""
    r"""|(?P<named>\\begin\{(?P<name>[A-Za-z]+\*?)\}(?:(?!\n[ \t]*\n).)*?\\end\{(?P=name)\})"""
    r"""|\\.|<[A-Za-z/!][^<>]*>""",
    re.DOTALL,
)
_CODE = re.compile(r"(?: {4}|\t)")
_LIST = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:\s|\Z)|\[\^")
_READ = re.compile(
    r"(?P<line_end>\\(?=[ \t]*(?:\n|\Z)))|(?P<and>&)|(?<=\{\{)%|[\\`*_\[\]<>~^|!#'\":]"
    r"|(?:(?<=\.)|(?=\.\.))\.|(?:(?<=-)|(?=--)|(?<=\n))-|(?:(?<=\+)|(?=\+\+)|(?<=\n))\+|(?:(?<==)|(?===)|(?<=\n))="
    r"|(?<=\n)(?P<number>\d{1,9})[.)]"
)


def for_goldmark(text: str) -> str:
    """Return a narrative whose formulas come through Hugo's Markdown as typed."""
    return _each(text, lambda formula, _is_display: _escaped(formula))


def for_kramdown(text: str) -> str:
    """Return a narrative whose formulas come through Jekyll's Markdown as typed; it knows `$$…$$` itself."""
    return _each(text, lambda formula, is_display: formula if is_display else _escaped(formula, "^%"))


def summary_for_goldmark(text: str) -> str:
    """Return the words of a summary, whose `<` are `&lt;`, with its formulas as Hugo's Markdown needs them."""
    return _replaced(text, lambda formula, _is_display: _escaped(formula.replace("&lt;", "<")))


def around(text: str, words: Callable[[str], str]) -> str:
    """Return a text with a function applied to what stands between its formulas."""
    held: list[str] = []

    def hold(formula: str, _is_display: bool) -> str:  # noqa: FBT001 - as `for_kramdown` needs it
        held.append(formula)
        return f"\ue000{len(held) - 1}\ue001"

    made = words(_replaced(text.replace("\ue000", ""), hold))
    return re.sub("\ue000(\\d+)\ue001", lambda m: held[int(m.group(1))], made)


def _each(text: str, made: Callable[[str, bool], str]) -> str:
    return "".join(
        part if is_code else "".join(_replaced(piece, made) if is_text else piece for is_text, piece in _texts(part))
        for is_code, part in narrative.parts(text)
    )


def _replaced(text: str, made: Callable[[str, bool], str]) -> str:
    def one(match: re.Match[str]) -> str:
        if match["display"] is None and match["inline"] is None and match["named"] is None:
            return match.group()
        return made(match.group(), match["display"] is not None)

    return _FORMULA.sub(one, text)


def _texts(text: str) -> list[tuple[bool, str]]:
    """Return a text in pieces, each with whether it is words rather than code set off by its indentation."""
    found: list[tuple[bool, str]] = []
    in_list = False
    for piece in re.split(r"(\n(?:[ \t]*\n)+)", text):
        lines = piece.split("\n")
        is_indented = all(_CODE.match(line) for line in lines if line.strip())
        is_code = bool(piece.strip()) and is_indented and not in_list
        if piece.strip() and not is_indented:
            in_list = any(_LIST.match(line) for line in lines)
        found.append((not is_code, piece))
    return found


def _escaped(formula: str, plain: str = "") -> str:
    """Return a formula escaped, but for the characters of `plain`, which the parser would not take escaped."""

    def one(match: re.Match[str]) -> str:
        sign = match.group()
        if match["line_end"] is not None:
            return "&#92;"  # before a line end a backslash would be a line break
        if match["and"] is not None:
            return "&amp;"
        if match["number"] is not None:
            return f"{sign[:-1]}\\{sign[-1]}"
        return sign if sign in plain else f"\\{sign}"

    # Two blanks at a line's end are a line break; and what begins a list is escaped where it begins the line.
    return _READ.sub(one, re.sub(r"[ \t]+(?=\n)|(?<=\n)[ \t]+(?=[-+=\d])", "", formula))
