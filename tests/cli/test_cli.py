"""The command line as a user meets it: tables, reasons, exit codes."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
import pytest

from gemnb.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def gemnb(project: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `gemnb` in a process of its own, in the project."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gemnb", *arguments], cwd=project, capture_output=True, text=True, check=False
        )

    return run


NOTEBOOK = """{"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "python3",
"display_name": "Python 3", "language": "python"}}, "cells": [{"cell_type": "code", "id": "a", "metadata": {},
"execution_count": null, "outputs": [], "source": %s}]}"""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("verify", "nowhere.ipynb"), 2, "nowhere.ipynb is not there."),
        (("reproduce", "."), 2, "There is no notebook in /"),
        (("verify", "broken.ipynb"), 2, "broken.ipynb is no notebook: it is no JSON."),
        (("reproduce", "broken.ipynb"), 2, "broken.ipynb is no notebook: it is no JSON."),
        (("reproduce", "--mode", "sometimes", "x.ipynb"), 2, "'sometimes' is not one of"),
        (("reprodcue", "x.ipynb"), 2, "No such command 'reprodcue'"),
    ],
)
def test_a_wrong_call_is_told_in_words(
    arguments: tuple[str, ...], code: int, words: str, gemnb: Callable, project: Path
) -> None:
    """Every wrong call exits 2 with words on stderr and no traceback."""
    if arguments[-1] == "broken.ipynb":
        (project / "broken.ipynb").write_text("{")
    done = gemnb(*arguments)

    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ('"%load_ext gemnb\\n1 + 1"', 0, "0 of 0 pictures reproduced."),
        ('"1 / 0"', 3, "ZeroDivisionError"),
        (
            "\"%load_ext gemnb\\nget_ipython().run_cell('%%gemimg -m emulator/sketch-1\\\\nA cat').raise_error()\"",
            1,
            "CacheMiss",
        ),
    ],
)
def test_the_exit_code_says_how_it_went(source: str, code: int, words: str, gemnb: Callable, project: Path) -> None:
    """0 where all is well, 3 where the notebook failed, 1 where an answer is missing."""
    (project / "x.ipynb").write_text(NOTEBOOK % source)
    done = gemnb("reproduce", "x.ipynb")

    assert words in done.stdout
    assert done.returncode == code


COMMANDS = {name: main.get_command(click.Context(main), name) for name in main.list_commands(click.Context(main))}
VERBS = sorted(COMMANDS)


def test_a_cache_that_fails_is_exit_code_4(gemnb: Callable, project: Path) -> None:
    """A store that cannot be read is told as such."""
    source = "\"%load_ext gemnb\\nimport gemnb\\ngemnb.generate('A cat', model='emulator/sketch-1')\""
    (project / "x.ipynb").write_text(NOTEBOOK % source)
    digest_folder = project / "cache/records"
    digest_folder.mkdir(parents=True)
    for prefix in range(256):  # whatever the digest begins with, a loop of links stands in its place
        (digest_folder / f"{prefix:02x}").symlink_to(digest_folder / f"{prefix:02x}")
    done = gemnb("reproduce", "x.ipynb")

    assert "StoreError" in done.stdout
    assert done.returncode == 4


def test_emulate_serves_until_interrupted(project: Path) -> None:
    """`gemnb emulate` prints its URL, answers, and ends cleanly on Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gemnb", "emulate"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found is not None, line
        url = urlsplit(found.group())
        connection = http.client.HTTPConnection(url.hostname or "", url.port)
        connection.request("GET", "/v1/models", headers={"x-goog-api-key": "x"})
        body = connection.getresponse().read()
        connection.close()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()

    assert b"models/emulator/sketch-1" in body
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_help_comes_without_the_heavy_parts() -> None:
    """`gemnb --help` imports neither papermill nor nbformat nor the SDK."""
    code = (
        "import sys\nfrom gemnb.cli import main\n"
        "try:\n main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('papermill', 'nbformat', 'google.genai', 'PIL', 'IPython') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_and_option_is_documented(verb: str) -> None:
    """The command-line reference names each verb and each of its long options."""
    page = (DOCS / "reference/command-line.md").read_text("utf-8")
    options = [name for p in COMMANDS[verb].params for name in p.opts if name.startswith("--")]

    assert f"`gemnb {verb}" in page
    for option in options:
        assert option in page or option == "--parameter"


def test_the_version_is_that_of_the_package() -> None:
    """`gemnb --version` prints the installed version."""
    from importlib.metadata import version

    done = subprocess.run([sys.executable, "-m", "gemnb", "--version"], capture_output=True, text=True, check=True)

    assert done.stdout.strip().endswith(version("gemnb"))


def test_a_notebook_that_names_no_kernel_is_run_all_the_same(gemnb: Callable, project: Path) -> None:
    """What `nbformat.v4.new_notebook` makes is run with this environment's Python."""
    source = json.dumps("1 + 1")
    document = json.loads(NOTEBOOK % source)
    document["metadata"] = {}
    text = json.dumps(document)
    (project / "x.ipynb").write_text(text)
    assert "kernelspec" not in text
    done = gemnb("reproduce", "x.ipynb")

    assert "0 of 0 pictures reproduced." in done.stdout
    assert done.returncode == 0


def test_one_failing_notebook_does_not_hide_the_others(gemnb: Callable, project: Path) -> None:
    """The table comes with every notebook, and the last line names the one that failed."""
    (project / "a.ipynb").write_text((NOTEBOOK % '"1 / 0"').replace('"name": "python3"', '"name": "no-such-kernel"'))
    (project / "b.ipynb").write_text(NOTEBOOK % '"1 / 0"')
    done = gemnb("reproduce", ".")

    assert "a.ipynb failed" in done.stdout
    assert "b.ipynb failed in cell 1" in done.stdout
    assert done.returncode == 3
