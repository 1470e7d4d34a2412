"""Formulas of a narrative: which texts are some, and that a page's Markdown leaves them as typed."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gemnb.publish.lead import lead_of
from gemnb.publish.mathematics import for_goldmark, for_kramdown
from gemnb.publish.post import Narrative
from gemnb.publish.sites import keeps_math
from tests.publish.conftest import markdown

if TYPE_CHECKING:
    from pathlib import Path

NO_FORMULAS = (
    "It costs $5 and *some* for $6.",
    "`$a_1*b*c$` and ``$x`y$``",
    "```\n$a_1*b*c$\n```",
    "    echo $A_B*$C_D*\n",
    r"\$a_1*b*c\$",
    "$ a_1*b*c $",
    "$a_1\n\n*b*c$",
    '<a title="$a_1*b$">x</a>',
    "*emphasis* and [links](x_y_z)",
)


@pytest.mark.parametrize("text", NO_FORMULAS)
def test_what_is_no_formula_stays(text: str) -> None:
    """Prices, code, escaped dollars, addresses and paragraphs are left as the author wrote them."""
    assert for_goldmark(text) == text
    assert for_kramdown(text) == text


def test_what_kramdown_knows_stays() -> None:
    """Jekyll's Markdown passes `$$…$$` on by itself, and would show a backslash more."""
    text = "$$a_1*b_2*c \\\\ d$$"

    assert for_kramdown(text) == text
    assert for_goldmark(text) == "$$a\\_1\\*b\\_2\\*c \\\\\\\\ d$$"


INSIDE = st.text("ab1 _*`\\{}<>&[]()|'\"~^=+-.:!#%,\n", min_size=1, max_size=20)


@given(INSIDE)
def test_a_formula_is_text_to_commonmark(inside: str) -> None:
    """Whatever stands between two dollars, CommonMark shows it as it was typed, to its white space."""
    formula = "$x" + inside.replace("`", "") + "y$"
    if re.search(r"\n[ \t]*\n|\\$", inside) or for_goldmark(formula) == formula:
        return
    shown = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(f"So {for_goldmark(formula)} it is")
    words = html.unescape(re.sub(r"</?p>", "", shown))

    assert "<" not in re.sub(r"</?p>", "", shown)
    assert " ".join(words.split()) == " ".join(f"So {formula} it is".split())


@pytest.mark.parametrize("to", ["hugo", "jekyll"])
def test_a_summary_keeps_its_formulas(write: Any, publish: Any, to: str) -> None:
    """Words taken for lists and feeds hold formulas as typed; Hugo, which reads them as Markdown, escaped."""
    done = publish(write(markdown("So *it* is $a_1*b_2*c < d$.")), to)
    page = done.files[done.page].decode()

    assert lead_of([Narrative(text="So *it* is $a_1*b_2*c < d$.")]) == "So it is $a_1*b_2*c &lt; d$."
    line = "So it is $a\\\\_1\\\\*b\\\\_2\\\\*c \\\\< d$." if to == "hugo" else "So it is $a_1*b_2*c &lt; d$."
    assert f'"{line}"\n' in page.partition("\n---\n")[0] + "\n"


CONFIGURATIONS = {
    "hugo.toml": """[markup.goldmark.extensions.passthrough]
enable = true
[markup.goldmark.extensions.passthrough.delimiters]
block = [['\\[', '\\]'], ['$$', '$$']]
inline = [['\\(', '\\)'], ['$', '$']]
""",
    "config.yaml": """markup:
  goldmark:
    extensions:
      passthrough:
        enable: true
        delimiters:
          block:
          - - $$
            - $$
          inline:
          - - $
            - $
""",
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_site_that_passes_formulas_on_gets_them_as_typed(
    write: Any, publish: Any, project: Path, name: str
) -> None:
    """With Hugo's extension `passthrough` for `$` and `$$`, escapes would be seen, so there are none."""
    (project / "site").mkdir()
    (project / "site" / name).write_text(CONFIGURATIONS[name])
    done = publish(write(markdown("So $a_1*b_2*c$")), "hugo")

    assert "\n\nSo $a_1*b_2*c$\n" in done.files[done.page].decode()


@pytest.mark.parametrize("text", ["", "[markup.goldmark.extensions.passthrough]\nblock = [['$$', '$$']]\n"])
def test_a_site_that_does_not_pass_single_dollars_on_does_not_keep_formulas(tmp_path: Path, text: str) -> None:
    """The delimiters that Hugo's manual proposes have no single dollar."""
    (tmp_path / "hugo.toml").write_text(text)

    assert not keeps_math(tmp_path)
