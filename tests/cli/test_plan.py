"""`gemnb plan` as a user meets it: table, JSON, exit codes; and what it does not load or open."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.plan.conftest import run, unrun

USE = "%gemnb use google/gemini-3-pro-image"
CAT = "%%gemimg cat\nA cat"


def plan(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "gemnb", "plan", *arguments], cwd=project, capture_output=True, text=True, check=False
    )


def test_a_plan_is_printed_and_is_no_failure(project: Path) -> None:
    """Calls to be paid for are no error: the table comes on stdout, with exit code 0."""
    run(project, USE, CAT, name="kept.ipynb")
    unrun(project, USE, CAT, "%%gemimg -e cat\nA hat")
    done = plan(project, ".")

    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "2 pictures replay, 1 call, about $0.136 (prices as of 2026-10-07)."
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("source", "arguments", "code", "words"),
    [
        ("%%gemimg -z\nx", ("post.ipynb",), 1, "There is no option -z."),
        ("1", ("nowhere.ipynb",), 2, "nowhere.ipynb is not there."),
        ("1", (), 2, "Missing argument"),
        ("1", ("--sometimes", "post.ipynb"), 2, "No such option"),
        ("1", ("pyproject.toml",), 2, "is no notebook"),
        ("1", ("post.ipynb",), 0, "0 pictures replay, 0 calls."),
    ],
)
def test_the_exit_code_says_how_it_went(
    project: Path, source: str, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """0 planned, 1 a cell cannot run, 2 usage; never a traceback."""
    unrun(project, source)
    done = plan(project, *arguments)

    assert done.returncode == code
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_page_shows_what_is_printed(project: Path) -> None:
    """The table in the how-to page is, letter for letter, what the command prints for such a notebook."""
    path, _ = run(project, USE, "%%gemimg hero\nA lighthouse in fog")
    document = json.loads(path.read_text())
    for source in (
        "%%gemimg logo -n 2\nA logo",
        "style = read_style()",
        "%%gemimg -i logo\nOn a wall",
        "%%gemimg -p style\nAs {{style}}",
    ):
        document["cells"].append({"cell_type": "code", "metadata": {}, "source": source, "outputs": []})
    path.write_text(json.dumps(document))
    printed = plan(project, "post.ipynb").stdout

    page = Path(__file__).parents[2] / "docs/how-to/plan-and-pay.md"
    assert f"```text\n{printed}```\n" in page.read_text("utf-8"), printed


def test_json_is_for_programs(project: Path) -> None:
    """--json prints one JSON document and nothing else."""
    unrun(project, USE, CAT)
    done = plan(project, "--json", "post.ipynb")

    assert json.loads(done.stdout)["total"]["calls"] == 1
    assert done.returncode == 0


PROGRAM = """
import sys
opened = []
sys.addaudithook(lambda event, arguments: opened.append(event) if event.startswith("socket.") else None)
from gemnb.cli import main
try:
    main(["plan", "post.ipynb"])
except SystemExit as end:
    assert end.code == 0, end.code
heavy = [n for n in ("google.genai", "papermill", "nbformat", "ipykernel", "httpx", "PIL.Image") if n in sys.modules]
assert not opened, opened
assert not heavy, heavy
"""


def test_no_socket_opens_and_nothing_heavy_is_loaded(project: Path) -> None:
    """A static plan with hits, calls, files and a URL opens no socket, and loads neither the SDK nor papermill."""
    run(project, USE, CAT, "%%gemimg -i cat\nA hat")
    path = project / "post.ipynb"
    document = json.loads(path.read_text())
    for source in ("%%gemimg -i https://pictures.example/a.png\nx", "%%gemimg\nA dog"):
        document["cells"].append({"cell_type": "code", "metadata": {}, "source": source, "outputs": []})
    path.write_text(json.dumps(document))
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=project, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "2 pictures replay, 1 call" in done.stdout


def test_it_can_be_run_too(project: Path) -> None:
    """--execute adds a line per notebook: at least how many calls, and where it stopped."""
    unrun(project, f"%load_ext gemnb\n{USE}", CAT, "%%gemimg -e cat\nA hat")
    done = plan(project, "--execute", "post.ipynb")

    assert done.stdout.splitlines()[-1] == (
        "post.ipynb: at least 1 call, about $0.134; stopped in cell 3, which reads a pending picture."
    )
    assert done.returncode == 0
