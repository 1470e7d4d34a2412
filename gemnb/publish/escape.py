r"""Texts that must come out on a page exactly: as HTML that nothing on the way changes, and as fenced code. Pure.

What changes text on the way to a page, each tried with the program itself (Hugo 0.111, Jekyll 4.3):

- Markdown reads CR and CRLF as LF, in fences too.
- Hugo reads `{{<` and `{{%` everywhere, fences included; `{{</* … */>}}` gives `{{< … >}}`. With `enableEmoji` it
  replaces `:smile:` everywhere, takes `<!--more-->` away, drops empty lines at the end of a fence, and refuses text
  that looks like its own placeholder `HAHAHUGOSHORTCODE`.
- Jekyll runs Liquid before Markdown: `{{` and `{%` are read everywhere; `{{ "{" }}` gives one brace.

A text that a fence would not bring through stands in `<pre>` instead, with character references.
"""

from __future__ import annotations

import html
import re

_NOT_SHOWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Written as character references in every HTML fragment: what HTML, Hugo's emoji, its shortcodes and placeholders,
# Liquid, or a Markdown parser that sees line ends would read. `./` is how a fragment for Hugo refers to its folder.
_REFERENCES = re.compile(r"""[&<>"'{}\n\r\t\x7f-\x9f\u2028\u2029]|:(?=[\w+-]+:)|H(?=AHAHUGO)|\.(?=/)""")
_FENCE_CHANGES = re.compile(r"[\r\x7f-\x9f\u2028\u2029]|\n\Z|\A\s*\Z")
_HUGO_CHANGES = re.compile(r":[\w+-]+:|<!--\s*more\s*-->|HAHAHUGO")
_SHORTCODE = re.compile(r"\{\{(?:<(?!/)((?:(?!\*/|/\*).)*?)>|%(?!/)((?:(?!\*/|/\*).)*?)%)\}\}", re.DOTALL)
_SHORTCODE_COMMENT = re.compile(r"\{\{(?:</\*(.*?)\*/>|%/\*(.*?)\*/%)\}\}", re.DOTALL)
_LIQUID = re.compile(r"\{(?=[{%])")
_LIQUID_BRACE = '{{ "{" }}'


def shown(text: str) -> str:
    """Return a text as a page and its feed can hold it.

    XML, so every feed, has no way to write the control characters but tab, LF and CR: they are shown as their
    pictures (U+2400 and following), and lone surrogates, U+FFFE and U+FFFF as U+FFFD. All else stays exactly.
    """
    return _NOT_SHOWN.sub(lambda m: chr(0x2400 + ord(m.group())) if m.group() < " " else "\ufffd", text)


def html_text(text: str) -> str:
    """Return text for HTML content or a quoted attribute, on one line, that no site generator changes."""
    return _REFERENCES.sub(_reference, shown(text))


def one_line(text: str) -> str:
    """Return a text with its white space joined, as HTML text: for captions and alternative texts."""
    return html_text(" ".join(text.split()))


def pre(text: str, language: str, *, style: str = "") -> str:
    """Return `<pre>` with exactly this text; the white space of its element is what wraps."""
    look = f' style="{style}"' if style else ""
    return f'<pre class="gemnb-{language}"{look}><code class="language-{language}">{html_text(text)}</code></pre>'


def pre_text(content: str) -> str:
    """Return the text of what stands inside such a `<code>`."""
    return html.unescape(content)


def fence(text: str, language: str) -> str:
    """Return fenced code, with a fence longer than any run of backticks in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{language}\n{text}\n{marks}"


def fits_fence(text: str) -> bool:
    """Return whether Markdown brings this text through a fence unchanged."""
    return _FENCE_CHANGES.search(text) is None


def hugo_fence(text: str) -> str | None:
    """Return the text as Hugo wants it inside a fence, or None where no spelling of it comes through."""
    if _HUGO_CHANGES.search(text):
        return None
    return _commented(text)


def hugo_narrative(text: str) -> str:
    """Return Markdown in which `{{<` and `{{%` are what a reader sees, as they were in the notebook."""
    escaped = _commented(text)
    return re.sub(r"\{\{(?=[<%])", "&#123;&#123;", text) if escaped is None else escaped


def liquid(text: str) -> str:
    """Return text that Liquid leaves as it was."""
    return _LIQUID.sub(_LIQUID_BRACE, text)


def hugo_back(text: str) -> str:
    """Return what Hugo makes of escaped shortcodes."""
    return _SHORTCODE_COMMENT.sub(
        lambda m: f"{{{{<{m.group(1)}>}}}}" if m.group(1) is not None else f"{{{{%{m.group(2)}%}}}}", text
    )


def liquid_back(text: str) -> str:
    """Return what Liquid makes of escaped braces."""
    return text.replace(_LIQUID_BRACE, "{")


def same(text: str) -> str:
    """Return the text as it is."""
    return text


def _reference(match: re.Match[str]) -> str:
    return html.escape(match.group()) if match.group() in "&<>\"'" else _number(match.group())


def _number(character: str) -> str:
    # HTML reads &#128; to &#159; as windows-1252, so those stay as they are.
    return character if "\x7f" <= character <= "\x9f" else f"&#{ord(character)};"


def _comment(match: re.Match[str]) -> str:
    sign, content = ("<", match.group(1)) if match.group(1) is not None else ("%", match.group(2))
    closing = ">" if sign == "<" else "%"
    return f"{{{{{sign}/*{content}*/{closing}}}}}"


def _commented(text: str) -> str | None:
    """Return the text with its shortcodes as comments of Hugo's; None where one cannot be."""
    escaped = _SHORTCODE.sub(_comment, text)
    left = _SHORTCODE_COMMENT.sub("", escaped)
    return None if "{{<" in left or "{{%" in left or hugo_back(escaped) != text else escaped
