"""`gemnb verify` as a user meets it: forms of report, files, exit codes, published pages."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from gemnb.cli.verify import FORMATS as NAMED
from gemnb.cli.verify import INDEX
from gemnb.model import Embed
from gemnb.report import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

CAT = 4
PAGE = Path(__file__).parents[2] / "docs/how-to/check-a-notebook.md"


def gemnb(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `gemnb` in a folder."""
    command = [sys.executable, "-m", "gemnb", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def edit_prompt(document: dict[str, Any]) -> None:
    """Edit the prompt of a cell whose picture stays."""
    cell = document["cells"][CAT - 1]
    cell["source"] = "".join(cell["source"]).replace("\nA cat", "\nA dog")


def test_the_forms_of_the_command_are_those_of_reports():
    """`--format` takes every form there is."""
    assert tuple(FORMATS) == NAMED


def test_bound_is_success(notebook: Path):
    """Values that only the kernel knew are told, and are no failure."""
    done = gemnb(notebook.parent, "verify", "post.ipynb")

    assert (done.returncode, done.stderr) == (0, "")
    assert "post.ipynb  4     cat   " in done.stdout
    assert "bound from the record, only the kernel knew them: style" in done.stdout
    assert "origin unattested" in done.stdout
    assert "proves" not in done.stdout


@pytest.mark.parametrize(
    ("name", "begins"),
    [("r.txt", "notebook"), ("r.json", "{"), ("r.xml", "<?xml"), ("r.md", "### "), ("r.html", "<!doctype html>")],
)
def test_the_ending_of_the_file_gives_the_form(notebook: Path, edit: Callable, name: str, begins: str):
    """`-o FILE` writes the report in the form of its ending, says nothing, and keeps the exit code."""
    edit(edit_prompt)
    done = gemnb(notebook.parent, "verify", "post.ipynb", "-o", name)

    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    said = (notebook.parent / name).read_text("utf-8")
    assert said.startswith(begins)
    assert "edited after the picture was made" in said


def test_a_form_can_be_named(notebook: Path, edit: Callable):
    """`--format` goes before the file's ending, and without a file to the standard output."""
    edit(edit_prompt)
    done = gemnb(notebook.parent, "verify", "post.ipynb", "--format", "json", "-o", "report.out")
    made = json.loads((notebook.parent / "report.out").read_text("utf-8"))
    root = ET.fromstring(gemnb(notebook.parent, "verify", "post.ipynb", "--format", "junit").stdout)

    assert done.returncode == 1
    assert [picture["verdict"] for picture in made["pictures"]] == ["drifted", "consistent", "consistent"]
    assert (root.get("tests"), root.get("failures")) == ("3", "1")


def test_the_page_shows_the_pictures_of_the_notebook(notebook: Path):
    """The page holds one picture per output."""
    gemnb(notebook.parent, "verify", "post.ipynb", "-o", "r.html")

    assert (notebook.parent / "r.html").read_text("utf-8").count('<img src="data:image/png;base64,') == 3


def test_the_page_shows_previews_of_big_originals(write_answers: Callable[..., Path]):
    """Where a notebook embeds big originals, the page has their previews, so that a phone can open it."""
    buffer = io.BytesIO()
    Image.effect_noise((900, 700), 120).convert("RGB").save(buffer, "PNG")
    notebook = write_answers((buffer.getvalue(), "image/png"), embed=Embed.ORIGINAL)
    gemnb(notebook.parent, "verify", "post.ipynb", "-o", "r.html")
    page = (notebook.parent / "r.html").read_text("utf-8")

    assert page.count('<img src="data:image/jpeg;base64,') == 1
    assert len(page) < notebook.stat().st_size / 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "report.pdf"), "report.pdf does not say which form it is to have. Add --format"),
        (("--format", "pdf"), "'pdf' is not one of"),
        (("-o", "nowhere/r.json"), "nowhere/r.json"),
    ],
)
def test_a_wrong_call_is_told(notebook: Path, arguments: tuple[str, ...], words: str):
    """A form that is none, and a file that cannot be written, end in words and are no success."""
    done = gemnb(notebook.parent, "verify", "post.ipynb", *arguments)

    assert done.returncode in (2, 4)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_notebook_in_trouble_stands_in_the_report(notebook: Path):
    """A file that is no notebook is an error of its own in every form, beside the pictures of the others."""
    (notebook.parent / "x.ipynb").write_text("{")
    done = gemnb(notebook.parent, "verify", ".", "--format", "json")
    made = json.loads(done.stdout)

    assert done.returncode == 2
    assert (made["well"], len(made["pictures"])) == (False, 3)
    assert made["notebooks_in_trouble"][0]["notebook"].endswith("x.ipynb")


def test_the_commands_of_the_how_to_page_run(notebook: Path):
    """Every command of the page on checking runs as it stands, and writes the reports it says."""
    text = "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL))
    commands = [line.replace("'", "").split()[1:] for line in text.splitlines()]

    assert len(commands) == 6
    assert [gemnb(notebook.parent, *command).returncode for command in commands] == [0] * 6
    assert {path.name for path in notebook.parent.glob("report.*")} == {"report.html", "report.xml"}


def test_the_members_of_the_json_report_are_documented(notebook: Path):
    """Each member of the JSON report, and of a picture in it, stands in the reference."""
    page = (PAGE.parents[1] / "reference/command-line.md").read_text("utf-8")
    made = json.loads(gemnb(notebook.parent, "verify", ".", "--format", "json").stdout)

    assert [name for name in (*made, *made["pictures"][0]) if f"`{name}`" not in page] == []


def test_a_published_folder_is_checked_as_a_page(notebook: Path):
    """A folder with an index is handed to what checks pages; an index that is none is told, beside the notebook."""
    folder = notebook.parent / "page"
    folder.mkdir()
    (folder / INDEX).write_text("{}")
    done = gemnb(notebook.parent, "verify", "post.ipynb", "page")

    assert done.returncode == 2
    assert INDEX in done.stderr
    assert "Traceback" not in done.stderr
    assert "post.ipynb" in done.stdout


def test_the_name_of_an_index_is_that_of_publish():
    """What the command takes for a published folder is what publish writes."""
    from gemnb.publish.figures import INDEX as WRITTEN

    assert INDEX == WRITTEN


def test_pages_below_a_folder_are_found(notebook: Path):
    """A whole site is checked page by page, beside the notebooks in it; one page is named by its index too."""
    published = gemnb(notebook.parent, "publish", "post.ipynb", "--to", "hugo", "--output", "blog")
    assert published.returncode == 0, published.stderr
    site = gemnb(notebook.parent, "verify", "blog")
    both = gemnb(notebook.parent, "verify", ".")
    page = next((notebook.parent / "blog").rglob(INDEX))
    alone = gemnb(notebook.parent, "verify", str(page))

    assert [done.returncode for done in (site, both, alone)] == [0, 0, 0]
    assert site.stdout == alone.stdout
    assert site.stdout.count("consistent") == 3
    assert "post.ipynb" in both.stdout
