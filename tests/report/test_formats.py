"""Reports in every form: whole, stable, and without a way for a stranger's text to be more than text."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemnb.report import (
    FORMATS,
    UNATTESTED,
    Line,
    Report,
    Troubled,
    format_of,
    render,
    reproduce_report,
    run_lines,
)
from gemnb.report.markdown import MOST_ROWS
from gemnb.reproduce.run import Row, Run, Verdict

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(HTMLParser):
    """The elements of a page, as a browser's parser finds them, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_text_has_a_row_per_picture_and_the_reasons(report: Report):
    """The table comes first, then reasons, what was bound, notes, and what is not claimed."""
    said = render(report, "text")

    assert said.splitlines()[0].split() == ["notebook", "cell", "name", "picture", "finding"]
    assert "a.ipynb   4     hat   aaaaaaaaaaaa  bound" in said
    assert "a.ipynb cell 5: the prompt was edited" in said
    assert "a.ipynb: bound from the record, only the kernel knew them: style" in said
    assert "a.ipynb cell 4: note: --alt was edited" in said
    assert "c.ipynb: posts/c.ipynb is no notebook" in said
    assert said.endswith(UNATTESTED)


def test_notebooks_of_one_name_are_told_apart():
    """A text shows as many folders as it takes to tell two notebooks from each other, and no more."""
    paths = ("nb/one.ipynb", "old/2023/one.ipynb", "old/two.ipynb")
    lines = [
        Line(notebook=path, cell=1, name="", picture="", verdict="drifted", well=False, reasons=("why",))
        for path in paths
    ]
    trouble = Troubled(notebook="two.ipynb", reason="is none")
    made = Report(command="verify", lines=tuple(lines), troubled=(trouble,))
    text, markdown = render(made, "text"), render(made, "markdown")

    for shown in ("nb/one.ipynb cell 1: why", "2023/one.ipynb cell 1: why", "old/two.ipynb cell 1: why"):
        assert f"\n{shown}" in text
    assert "\ntwo.ipynb: is none" in text
    assert "| nb/one.ipynb |" in markdown
    assert "| 2023/one.ipynb |" in markdown


def test_a_reason_says_its_cell_once():
    """The cell stands beside the reason; another cell in the reason stays."""
    path = Path("one.ipynb")
    rows = [
        Row(notebook=path, cell=2, name="", picture="", verdict=Verdict.FAILED, reason="cell 2: ValueError: no"),
        Row(notebook=path, cell=3, name="", picture="", verdict=Verdict.FAILED, reason="cell 2: earlier"),
    ]
    runs = [(path, Run(rows=tuple(rows)))]

    assert "one.ipynb cell 2: ValueError: no" in reproduce_report(runs)
    assert "one.ipynb cell 3: cell 2: earlier" in reproduce_report(runs)
    assert [line.reasons for line in run_lines(runs).lines] == [("ValueError: no",), ("cell 2: earlier",)]


def test_the_json_has_its_members(report: Report):
    """The members of the JSON report are those that are documented, in their types."""
    made = json.loads(render(report, "json"))

    assert {key: type(value) for key, value in made.items()} == {
        "schema": int,
        "command": str,
        "well": bool,
        "origin": str,
        "pictures": list,
        "notebooks_in_trouble": list,
    }
    assert (made["schema"], made["command"], made["well"], made["origin"]) == (1, "verify", False, "unattested")
    assert made["pictures"][1] == {
        "notebook": "posts/a.ipynb",
        "cell": 4,
        "name": "hat",
        "picture": "aaaaaaaaaaaa",
        "verdict": "bound",
        "well": True,
        "reasons": [],
        "bound": ["style"],
        "notes": ["--alt was edited after the picture was made"],
    }
    assert made["notebooks_in_trouble"][0]["notebook"] == "posts/c.ipynb"


def test_the_junit_report_counts_and_names_every_picture(report: Report):
    """A suite per notebook, a case per picture, failures and errors with their reasons, counts that add up."""
    root = ET.fromstring(render(report, "junit"))
    suites = root.findall("testsuite")

    assert root.tag == "testsuites"
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "2", "1")
    assert [suite.get("name") for suite in suites] == ["posts/a.ipynb", "posts/b.ipynb", "posts/c.ipynb"]
    for key, found in (("tests", "testcase"), ("failures", "testcase/failure"), ("errors", "testcase/error")):
        assert [int(suite.get(key, "")) for suite in suites] == [len(suite.findall(found)) for suite in suites]
    case = suites[0].findall("testcase")[2]
    failure = case.find("failure")
    assert failure is not None
    assert (case.get("name"), case.get("classname"), case.get("file")) == (
        "cell 5 bbbbbbbbbbbb",
        "posts/a.ipynb",
        "posts/a.ipynb",
    )
    assert failure.get("type") == "drifted"
    assert (failure.get("message") or "").startswith("drifted: the prompt was edited")
    assert (failure.text or "").endswith("\nsecond")
    assert "bound from the record, only the kernel knew: style" in (
        suites[0].findall("testcase")[1].findtext("system-out") or ""
    )


def test_no_two_junit_cases_of_a_suite_have_one_name():
    """Readers take two cases of one name for one, so that a second picture of the same name is numbered."""
    line = Line(notebook="a", cell=1, name="x", picture="p", verdict="consistent", well=True)
    root = ET.fromstring(render(Report(command="verify", lines=(line, line)), "junit"))

    assert [case.get("name") for case in root.iter("testcase")] == ["cell 1 x p", "cell 1 x p (2)"]


def test_the_markdown_has_failures_first(report: Report):
    """The table begins with what is not well; notes and bound values fill the last column of the others."""
    said = render(report, "markdown")
    rows = [line for line in said.splitlines() if line.startswith("| ")]

    assert said.startswith("### ❌ gemnb verify")
    assert [re.sub(r"\*", "", row.split(" | ")[3]) for row in rows[2:]] == [
        "drifted",
        "missing",
        "consistent",
        "bound",
    ]
    assert {len(row.split(" | ")) for row in rows} == {5}
    assert "origin unattested" in said


def test_the_markdown_stays_short_enough_for_a_comment():
    """A thousand pictures with long reasons fit into GitHub's 65,536 characters, and the rest is counted."""
    lines = tuple(
        Line(
            notebook="n" * 50, cell=1, name="x", picture="p", verdict="drifted", well=False, reasons=("word " * 500,)
        )
        for _ in range(1000)
    )
    said = render(Report(command="verify", lines=lines), "markdown")

    assert len(said) < 65_536
    assert f"… and {1000 - MOST_ROWS} more." in said
    assert "1000 pictures: 1000 drifted." in said


def test_the_page_shows_pictures_and_loads_nothing(report: Report):
    """The page holds its pictures itself, failures first, and its policy allows nothing from elsewhere."""
    page = Page(render(report, "html"))
    policy = next(a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    kinds = [attributes["class"] for tag, attributes in page.elements if tag == "article"]

    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert kinds == ["bad", "bad", "good", "good"]
    assert sum(tag == "img" for tag, _ in page.elements) == 2
    assert not {tag for tag, _ in page.elements} & {"script", "link", "iframe", "form", "a", "object"}
    assert all((a.get("src") or "data:").startswith("data:image/png;base64,") for t, a in page.elements if t == "img")
    assert any(a.get("name") == "viewport" for _, a in page.elements)
    assert "origin unattested" in "".join(page.text)


def test_strangers_text_is_only_text_in_a_page(hostile: Report):
    """Whatever a notebook holds, the page has the elements and attributes of a harmless one, and no others."""
    page = Page(render(hostile, "html"))
    tags = [tag for tag, _ in page.elements]

    assert not set(tags) & {"script", "img", "a", "iframe"}
    assert tags.count("style") == tags.count("title") == tags.count("h1") == 1
    assert not {name for _, attributes in page.elements for name in attributes if name.startswith("on")}


def test_strangers_text_is_only_text_in_xml(hostile: Report):
    """Whatever a notebook holds, the XML parses and has the elements of a harmless one."""
    made = render(hostile, "junit")
    root = ET.fromstring(made.encode("utf-8"))

    assert {element.tag for element in root.iter()} == {
        *("testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "system-out")
    }


def test_strangers_text_is_only_text_in_markdown(hostile: Report):
    """Whatever a notebook holds, no markup of it is left, and every row has five columns."""
    said = render(hostile, "markdown")
    row = next(line for line in said.splitlines() if line.startswith("| ") and ".ipynb" in line)
    shown = re.sub(r"&#\d+;", "", row.replace("**", ""))

    assert row.count("|") == 6
    assert not set(shown) & set("`<>[]*@#$\\")
    assert "://" not in shown
    assert "www.example" not in said


def test_strangers_text_is_only_text_in_a_terminal(hostile: Report):
    """No control character, escape sequence or turned direction reaches a terminal, and each row is one line."""
    said = render(hostile, "text")

    assert not set(said) & set("\x00\x1b\x07\u202e\t")
    said.encode("utf-8")


def test_strangers_text_is_whole_in_json(hostile: Report):
    """JSON holds any text as it is, in ASCII."""
    made = render(hostile, "json")

    assert made.isascii()
    assert json.loads(made)["pictures"][0]["reasons"] == list(hostile.lines[0].reasons)


@given(text=st.text(max_size=30))
def test_any_text_makes_xml_that_parses(text: str):
    """Characters that XML cannot hold are replaced, all others come back."""
    line = Line(notebook="n", cell=1, name=text, picture="", verdict="drifted", well=False, reasons=(text,))
    root = ET.fromstring(render(Report(command="verify", lines=(line,)), "junit").encode("utf-8"))

    assert root.find(".//failure") is not None


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *(("r.txt", "text"), ("r.json", "json"), ("r.xml", "junit"), ("r.md", "markdown"), ("R.HTML", "html")),
        *(("r", None), ("r.pdf", None), ("json", None)),
    ],
)
def test_the_ending_of_a_file_says_its_form(name: str, form: str | None):
    """Known endings stand for a form, in any case; others for none."""
    assert format_of(name) == form


def test_an_empty_report_has_every_form():
    """Nothing found is a report in every form."""
    for form in FORMATS:
        assert "verify" in render(Report(command="verify", lines=()), form) or form == "text"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_shows_the_page_without_a_complaint(report: Report, tmp_path: Path):
    """Chromium lays the page out on a phone's width with both pictures decoded; its policy blocks nothing."""
    (tmp_path / "r.html").write_text(render(report, "html"), "utf-8")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0"]
    done = subprocess.run(
        [*command, "--window-size=390,1200", f"--screenshot={tmp_path / 'r.png'}", f"file://{tmp_path / 'r.html'}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (tmp_path / "r.png").stat().st_size > 5000
    assert "Content Security Policy" not in done.stderr
