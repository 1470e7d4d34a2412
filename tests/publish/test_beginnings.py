"""How a post begins: one title, and words for lists of posts and feeds; and what a site would leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gemnb.cli import main
from gemnb.publish import FLAVORS
from gemnb.publish.lead import WORDS, lead_of
from gemnb.publish.narrative import raw_html
from gemnb.publish.post import Code, Narrative
from gemnb.publish.report import report
from gemnb.publish.sites import shows_html
from gemnb.publish.standalone import narrative_html
from gemnb.publish.words import without_places
from tests.publish.conftest import answer, code, markdown, raw

if TYPE_CHECKING:
    from pathlib import Path

    from gemnb.publish import Publication


def page(done: Publication) -> str:
    """Return the text of the page."""
    return done.files[done.page].decode()


def told(done: Publication) -> list[str]:
    """Return the remarks as they are printed, without that on the date."""
    marks = {True: "! ", False: ""}
    return [marks[remark.strict] + remark.text for remark in done.remarks if "no date" not in remark.text]


@pytest.mark.parametrize("to", ["hugo", "jekyll", "html"])
@pytest.mark.parametrize("heading", ["Cats & `hats`", "Of cats"])
def test_a_page_shows_one_title(write: Any, publish: Any, to: str, heading: str) -> None:
    """The first narrative cell loses its own title where the front matter has one; another one is told."""
    cells = (raw("---\ntitle: Cats & hats\n---"), markdown(f"# {heading}\n\nWords"), markdown("# Part two"))
    done = publish(write(*cells), to)

    assert heading not in page(done).replace("&amp;", "&").split("Words")[0].split("---\n")[-1].split("</h1>")[-1]
    assert "Part two" in page(done)
    differs = "its heading 'Of cats' is left out: the page shows the title 'Cats & hats'"
    assert told(done) == ([differs] if heading == "Of cats" else [])


def test_a_heading_that_is_asked_for_stays(write: Any, publish: Any) -> None:
    """With the wish for it, and in Markdown, whose readers show no title, the heading is kept and nothing told."""
    path = write(markdown("# Of cats\n\nWords"), post={"title": "Cats"})

    assert "# Of cats" in page(publish(path, "hugo", keep_heading=True))
    assert "# Of cats" in page(publish(path, "markdown"))
    assert told(publish(path, "markdown")) == []


@pytest.mark.parametrize(("to", "key"), [("hugo", "summary"), ("jekyll", "excerpt")])
def test_the_first_paragraph_is_the_summary(write: Any, publish: Any, to: str, key: str) -> None:
    """Lists and feeds show it where the author gave none, and the author's where there is one."""
    text = "# Cats\n\n![x](y)\n\n## Why\n\nI *asked* for `a<b>` and\n[a cat](https://example.org)[^1].\n\n[^1]: N"
    own = publish(write(markdown(text), post={"title": "Cats"}), to)
    said = publish(write(markdown(text), post={"title": "Cats", "summary": "Mine"}), to)

    assert f'\n{key}: "I asked for a&lt;b> and a cat."\n' in page(own)
    assert "description" not in page(own).partition("\n---\n")[0]
    assert f'\n{key}: "Mine"\n' in page(said)
    assert "I asked" not in page(said).partition("\n---\n")[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "> quoted\n\n- a\n\n| a |\n\n```\nWords\n\nin code\n```\n\n$$x$$\n\n<p>\n\nA $x_1$ snake_case 2 * 3.",
            "A $x_1$ snake_case 2 * 3.",
        ),
        ("Title\n=====\n\n**Bold** words \\*so\\* &lt;b&gt;", "Bold words *so* &lt;b&gt;"),
        ("Words <!-- hidden --><b>bold</b> <https://example.org/>", "Words bold https://example.org/"),
        ("word " * 80, "word " * WORDS + "…"),
        ("Words\n\n<!--more-->\n\nmore", None),
        ("# Only a heading", None),
        ("", None),
    ],
)
def test_the_words_of_a_paragraph(text: str, words: str | None) -> None:
    """Only a paragraph of words counts, without its marks, and no longer than a summary is."""
    assert lead_of([Code(text="no", language="text"), Narrative(text="raw", raw=True), Narrative(text=text)]) == words


@given(st.text(alphabet="ab <>&/!-[]()*_`\\\n$#1.", max_size=60))
def test_a_lead_opens_no_element(text: str) -> None:
    """Whatever a narrative holds, its lead is one line, and holds no `<` that a site could read."""
    words = lead_of([Narrative(text=text)])

    assert words is None or ("<" not in words and "\n" not in words and words.strip() == words != "")


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("a <b>hi</b>", "<b>"),
        ('x <img src="a.png" alt=y/> z', '<img src="a.png" alt=y/>'),
        ("closing </div>", "</div>"),
        ("`<b>` and\n```\n<i>\n```\n", ""),
        ("<https://example.org> <a@example.org> 1 <2> a < b > c \\<b> <!-- x --> {{<b>}}", ""),
    ],
)
def test_raw_html_is_found_outside_code(text: str, tag: str) -> None:
    """Tags are; code, addresses, comments, shortcodes and comparisons of numbers are none."""
    assert raw_html(text) == tag


def test_what_hugo_would_drop_is_told(write: Any, publish: Any, project: Path) -> None:
    """Each cell with raw HTML is named, but not where the site shows it, nor for another site."""
    path = write(markdown("# T\n\na <b>hi</b>"), markdown("`<b>`"), raw("{{< x >}}<b>{{< /x >}}"), post={"tags": "a"})
    done = publish(path, "hugo")
    lacking = "! Hugo drops the cell's raw HTML (<b>); `markup.goldmark.renderer.unsafe = true` shows it"

    assert [(r.cell, r.strict) for r in done.remarks if "raw HTML" in r.text] == [(2, True)]
    assert told(done) == [lacking]
    assert told(publish(path, "jekyll")) == told(publish(path, "html", output="pages")) == []
    (project / "site/hugo.toml").write_text("[markup.goldmark.renderer]\n# unsafe = false\nunsafe = true\n")
    assert told(publish(path, "hugo")) == []


@pytest.mark.parametrize(
    ("name", "text", "shows"),
    [
        ("hugo.yaml", "markup:\n  goldmark: {renderer: {unsafe: true}}", True),
        ("config/_default/markup.toml", "[goldmark.renderer]\n  unsafe=true", True),
        ("config.json", '{"markup": {"goldmark": {"renderer": {"unsafe": true}}}}', True),
        ("hugo.toml", "# unsafe = true\nunsafe = false", False),
        ("other.toml", "unsafe = true", False),
    ],
)
def test_a_site_says_whether_it_shows_html(tmp_path: Path, name: str, text: str, *, shows: bool) -> None:
    """Its own configuration is read, in each of the forms and places that Hugo reads."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)

    assert shows_html(tmp_path) is shows


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Costs $5 and $6", "<p>Costs $5 and $6</p>"),
        ("$5 and *x*$6", "<p>$5 and <em>x</em>$6</p>"),
        ("$a_1*b*c_2$ of 5", '<p><span class="math">$a_1*b*c_2$</span> of 5</p>'),
        ("It costs $5, so $x_1 = 2*y*z$.", '<p>It costs $5, so <span class="math">$x_1 = 2*y*z$</span>.</p>'),
        ("$ *a* $ and $", "<p>$ <em>a</em> $ and $</p>"),
        ("Before $x$1 after", "<p>Before $x$1 after</p>"),
        ("$$a_1*b*c$$", "<div>\n$$a_1*b*c$$\n</div>"),
    ],
)
def test_dollars_are_prices_or_mathematics(text: str, html: str) -> None:
    """A `$` opens before no space, and closes behind no space and before no digit, as in Pandoc and on GitHub."""
    assert narrative_html(text).replace(' class="math inline"', ' class="math"') == html


@pytest.mark.parametrize("to", FLAVORS)
def test_banners_of_papermill_are_left_out(write: Any, publish: Any, to: str) -> None:
    """What papermill says of a failed run is not published, nor taken for the beginning."""
    banner = markdown("<span>An Exception was encountered</span>", metadata={"tags": ["papermill-error-cell-tag"]})
    error = {
        "output_type": "error",
        "ename": "FileNotFoundError",
        "evalue": "no '/home/someone/x.png'",
        "traceback": [],
    }
    done = publish(write(banner, markdown("# Cats\n\nWords"), banner, code("open(x)", error), post={"tags": "a"}), to)

    assert done.post.front.title == "Cats"
    assert "An Exception" not in page(done)
    assert "~/x.png" in page(done)
    assert "someone" not in page(done)


def test_messages_hold_no_folder_of_the_author(tmp_path: Path) -> None:
    """Paths below the project are relative; homes are `~`; addresses of the web stay."""
    text = f"{tmp_path}/a.png /Users/me/b.png C:\\Users\\me\\c.png https://example.org/home/me/d"

    assert without_places(text, tmp_path) == "a.png ~/b.png ~\\c.png https://example.org/home/me/d"


def test_what_is_written_is_counted(asked: Any, write: Any, publish: Any, project: Path, make_picture: Any) -> None:
    """As many files are written as there are; what the site gets once is named beside them."""
    path = write(
        asked("%%gemimg cat --alt 'A cat'\nA cat, please", answer(make_picture())), post={"date": "2026-11-21"}
    )
    first, second = report(publish(path, "hugo"), project), report(publish(path, "hugo"), project)

    assert first[-2].startswith("1 picture ")
    assert first[-1].endswith(": 3 files, 3 written. For the site: layouts/shortcodes/gemnb.html.")
    assert second[-1].endswith(": 3 files, nothing changed.")


def test_the_command_has_a_short_option_and_wants_one_notebook(write: Any, project: Path) -> None:
    """`-o` is `--output`; a folder in the place of the notebook is told."""
    path = write(markdown("# Cats\n\nWords"), post={"tags": "a"})
    done = CliRunner().invoke(main, ["publish", str(path), "--to", "markdown", "-o", str(project / "out")])
    folder = CliRunner().invoke(main, ["publish", str(project), "--to", "markdown"])

    assert done.exit_code == 0
    assert (project / "out/cats/index.md").is_file()
    assert folder.exit_code == 2
    assert "is a folder. Give one notebook" in folder.output
