"""What Hugo and Jekyll build, looked at without a browser: formulas as typed, and addresses of pictures."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from gemnb.publish import Options, publish_notebook
from tests.sites import generators

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.sites

FORMULAS = (
    r"$a_1*b_2*c$",
    r"$\{x\} \, \left\{y\right\}$",
    r"$f'(x)''$",
    r"$a<b>c$ and $c>d$",
    r"$x--y...z \ldots$",
    r"$|x|$ and $\|y\|$",
    r"$[a](b)$ and $[^1]$",
    r"$a~b~~c~~$",
    r"$:smile:$ and $a&b&lt;c$",
    r"$\alpha_{i,j}^{*} \% \# \$$",
    r"$x ==y== ++z++$",
    r"$\frac{{a}}{{b}}$ {{< x >}}",
    "$$\n\\begin{pmatrix} a_1 & b \\\\\nc_* & d_* \\\\\n- 1 \\\\\n  = 2\n+ 3\n1. x\n> 4\n# 5\n\\end{pmatrix}\n$$",
    r"$$x_1*y_2*z \\ \{q\}$$",
    "words $$p_1*q_2*r$$ and $5 *or* $6",
    "\\begin{align}\na_1 &= b*c*d \\\\\n  - e &= f\n\\end{align}",
    "| t | u |\n|---|---|\n| $a_1*b_2*c$ | $\\{y\\}$ |",
    "- item $a_1*b_2*c$\n\n    $$u_1*v_2*w$$\n",
)
_FORMULA = re.compile(
    r"\$\$.+?\$\$|\$(?=\S)(?:\\.|[^$\\])+?(?<=\S)\$(?!\d)|\\begin\{(\w+)\}.*?\\end\{\1\}", re.DOTALL
)


class Words(HTMLParser):
    """The text of a page, and the addresses of its pictures."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.addresses: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {key: value or "" for key, value in attrs}
        if tag == "img":
            several = [one.split()[0] for one in said.get("srcset", "").split(",") if one.strip()]
            self.addresses += [said["src"], *several]

    def handle_data(self, data: str) -> None:
        self.text += data


def _site(folder: Path, to: str) -> Path:
    address = "http://127.0.0.1:1/site"
    if to == "jekyll":
        generators.make_jekyll_site(folder, address)
    else:
        generators.make_hugo_site(folder, address, unsafe=to == "hugo-unsafe")
    return folder


@pytest.mark.parametrize("to", ["hugo", "hugo-unsafe", "jekyll"])
def test_formulas_are_shown_as_typed(tmp_path: Path, to: str) -> None:
    """Every character of a formula reaches the page, for MathJax or KaTeX to find, with the sites' usual settings."""
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": f"begin{n}.\n\n{text}\n\nend{n}."}
        for n, text in enumerate(FORMULAS)
    ]
    post = {"title": "Formulas", "date": "2026-11-20"}
    book = {"nbformat": 4, "nbformat_minor": 4, "metadata": {"gemnb": {"post": post}}, "cells": cells}
    (tmp_path / "pyproject.toml").write_text("[tool.gemnb]\n")
    (tmp_path / "math.ipynb").write_text(json.dumps(book))
    site = _site(tmp_path / "site", to)
    publish_notebook(tmp_path / "math.ipynb", site, Options(to=to.partition("-")[0]))
    built = generators.build_jekyll(site) if to == "jekyll" else generators.build_hugo(site)
    (page,) = (
        path for path in built.rglob("*.html") if "begin0." in path.read_text() and "end17." in path.read_text()
    )
    text = Words(page.read_text()).text
    wrong = []
    for number, source in enumerate(FORMULAS):
        shown = text.partition(f"begin{number}.")[2].partition(f"end{number}.")[0]
        for match in _FORMULA.finditer(source):
            # Of `$$…$$` kramdown makes `\\[…\\]` or `\\(…\\)`, which MathJax takes as well.
            typed = match.group().strip("$") if to == "jekyll" and match.group().startswith("$$") else match.group()
            if " ".join(typed.split()) not in " ".join(shown.split()):
                wrong.append((source, shown))

    assert wrong == []


@pytest.mark.parametrize("ugly", [False, True])
def test_pictures_are_found_where_addresses_end_in_html(boats: Path, tmp_path: Path, *, ugly: bool) -> None:
    """With `uglyURLs` a page's files do not lie below its address; its pictures are found all the same."""
    site = _site(tmp_path / "site", "hugo")
    configuration = site / "hugo.toml"
    configuration.write_text(f"uglyURLs = {str(ugly).lower()}\n{configuration.read_text()}")
    done = publish_notebook(boats, site, Options(to="hugo"))
    built = generators.build_hugo(site)
    (page,) = (path for path in built.rglob("*.html") if "Reproduce this picture" in path.read_text())
    addresses = Words(page.read_text()).addresses
    missing = [one for one in addresses if not (built / urlsplit(one).path.removeprefix("/site/")).is_file()]

    assert (page.name == "index.html") != ugly
    assert len(addresses) > len(done.post.figures())
    assert missing == []
