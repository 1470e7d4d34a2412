"""A page that stands by itself and runs nothing: narrative through a sanitiser, under a strict policy.

Two walls, each enough alone: what the notebook's author wrote loses every element and attribute that is not on a
short list (nh3, which is Rust's ammonia), and the page's Content-Security-Policy allows no script, no frame, no
form and no foreign picture.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from gemnb.errors import SettingsError
from gemnb.publish.escape import html_text, one_line
from gemnb.publish.figures import SLIDER_STYLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gemnb.publish.post import Front

_OWN_STYLE = """
body{max-width:45rem;margin:2rem auto;padding:0 1rem;font:1.05rem/1.6 system-ui,sans-serif;color:#1d1d1f;
background:#fff}
img{max-width:100%;height:auto}
figure{margin:1.5rem 0}
h1,h2,h3{line-height:1.25}
figcaption p{margin:.3rem 0}
figcaption,.gemnb-evidence{font-size:.85rem;color:#555;overflow-wrap:anywhere}
pre{background:#f4f4f6;padding:.8rem 1rem;border-radius:.4rem;overflow-x:auto;font-size:.9rem}
pre.gemnb-txt{white-space:pre-wrap;overflow-wrap:anywhere}
blockquote{border-left:.25rem solid #bbb;margin:1rem 0;padding:.2rem 1rem}
table{border-collapse:collapse}
td,th{border:1px solid #ccc;padding:.2rem .6rem}
@media (prefers-color-scheme:dark){
body{color:#e6e6e8;background:#1b1b1d}
pre{background:#2a2a2d}
figcaption,.gemnb-evidence{color:#aaa}
a{color:#8ab4f8}
}
"""

_STYLE = _OWN_STYLE + SLIDER_STYLE
_TAGS = {
    *(
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "caption",
        "cite",
        "code",
        "dd",
        "del",
        "details",
        "dfn",
        "div",
        "dl",
        "dt",
    ),
    *(
        "em",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
    ),
    *("pre", "q", "s", "samp", "section", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td"),
    *("tfoot", "th", "thead", "time", "tr", "u", "ul", "var"),
}
_ATTRIBUTES = {
    "*": {"id", "title"},
    "a": {"href"},
    "code": {"class"},
    "img": {"src", "alt", "width", "height"},
    "li": {"class"},
    "ol": {"start"},
    "section": {"class"},
    "span": {"class"},
    "sup": {"class"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}


def narrative_html(markdown: str) -> str:
    """Return a Markdown cell as HTML that can run nothing; footnotes work, mathematics stays as it was typed.

    Raises:
        SettingsError: What this needs is not installed.
    """
    parser, nh3 = _libraries()
    return str(
        nh3.clean(
            parser.render(markdown),
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            url_schemes={"http", "https", "mailto"},
            # Only these classes, so that no narrative can look like a prompt of the record.
            attribute_filter=_filter,
            link_rel="noopener noreferrer",
        )
    ).strip()


def body_html(pieces: Sequence[tuple[bool, str]]) -> str:
    """Return narrative and blocks as HTML.

    The narrative is rendered as one text, so that a footnote may be defined in another cell than the one that uses
    it. Where a cell leaves something open (a fence, a comment) that swallows what follows, cells are rendered one by
    one, as Jupyter does.

    Args:
        pieces: In order: whether it is Markdown, and the text; what is not Markdown is HTML of ours.
    """
    held = hashlib.sha256("".join(text for _, text in pieces).encode("utf-8", "replace")).hexdigest()
    slots = {f"gemnb-slot-{held}-{n}": text for n, (is_text, text) in enumerate(pieces) if not is_text}
    names = iter(slots)
    whole = narrative_html("\n\n".join(text if is_text else next(names) for is_text, text in pieces))
    if all(whole.count(f"<p>{name}</p>") == 1 == whole.count(f"{name}<") for name in slots):
        parts = re.split(rf"<p>(gemnb-slot-{held}-\d+)</p>", whole)
        return "".join(slots[part] if n % 2 else part for n, part in enumerate(parts))
    return "\n".join(narrative_html(text) if is_text else text for is_text, text in pieces)


def page_html(front: Front, body: str) -> str:
    """Return the whole page."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src 'self' file:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    title = one_line(front.title)
    head = [
        "<!DOCTYPE html>",
        '<html lang="en">' if "lang" not in front.more else f'<html lang="{one_line(str(front.more["lang"]))}">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="referrer" content="no-referrer">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        *([f'<meta name="description" content="{one_line(front.summary)}">'] if front.summary else []),
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
        f"<h1>{title}</h1>",
        *(
            [f'<p><time datetime="{html_text(front.date)}">{html_text(front.date[:10])}</time></p>']
            if front.date
            else []
        ),
    ]
    return "\n".join([*head, body, "</main>", "</body>", "</html>"]) + "\n"


def _filter(tag: str, name: str, value: str) -> str | None:
    if name == "class":
        words = [word for word in value.split() if word.startswith(("language-", "footnote", "math"))]
        return " ".join(word for word in words if tag != "code" or word != "language-txt") or None
    if tag == "img" and name == "src" and (":" in value.split("/", 1)[0] or value.startswith("//")):
        return None  # a foreign picture tells its host who reads
    return value


@cache
def _libraries() -> tuple[Any, Any]:
    try:
        import nh3
        from markdown_it import MarkdownIt
        from mdit_py_plugins.dollarmath import dollarmath_plugin
        from mdit_py_plugins.dollarmath.index import math_inline_dollar
        from mdit_py_plugins.footnote import footnote_plugin
    except ImportError as error:
        reason = str(error)
    else:
        parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
        parser.use(footnote_plugin).use(dollarmath_plugin, allow_space=False, renderer=_math)
        parser.inline.ruler.at("math_inline", _not_before_digit(math_inline_dollar(allow_space=False)))
        return parser, nh3
    raise SettingsError(
        "A page of HTML needs libraries that are not installed.",
        why=reason,
        hint="pip install 'gemnb[publish]'",
    )


def _not_before_digit(rule: Callable[[Any, bool], bool]) -> Callable[[Any, bool], bool]:
    """Return the rule of Pandoc and GitHub: a closing `$` has no digit behind it, so that prices are prices.

    The plugin's own `allow_digits=False` reads the last character of a paragraph as the one before its first.
    """

    def closes(state: Any, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
        start, made = state.pos, len(state.tokens)
        if not rule(state, silent):
            return False
        if state.src[state.pos : state.pos + 1].isdigit():
            # What it pushed last is the formula; text before it stays.
            del state.tokens[max(made, len(state.tokens) - 1) :]
            state.pos = start
            return False
        return True

    return closes


def _math(content: str, options: dict[str, Any]) -> str:
    marks = "$$" if options.get("display_mode") else "$"
    return html_text(f"{marks}{content}{marks}")
