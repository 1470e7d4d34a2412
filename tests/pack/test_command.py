"""`gemnb pack` and `gemnb slim` as a user meets them: lines, warnings, exit codes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Gemnb = Callable[..., subprocess.CompletedProcess[str]]

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def gemnb(here: Path) -> Gemnb:
    """Run `gemnb` in a process of its own, in the project that was run."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gemnb", *arguments], cwd=here, capture_output=True, text=True, check=False
        )

    return run


def test_one_line_a_notebook(here: Path, gemnb: Gemnb) -> None:
    """Packing says how many pictures, inputs and hidden answers it packed, and the sizes; slimming says where to."""
    before = (here / "post.ipynb").read_bytes()
    done = gemnb("pack", "post.ipynb")
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("post.ipynb: 6 pictures, 4 inputs, 5 hidden answers are in it; ")
    assert "gemnb.generate" in second

    done = gemnb("slim", "post.ipynb")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"post.ipynb: 10 blobs and 5 answers went (0 new) to {here / 'cache'}; ")
    assert (here / "post.ipynb").read_bytes() == before


def test_a_folder_of_notebooks(here: Path, gemnb: Gemnb) -> None:
    """Every notebook of a folder is packed; one that is incomplete makes the exit code 1 and is told."""
    done = gemnb("pack", ".")

    assert done.returncode == 1
    assert done.stdout.count("are in it;") == 2
    assert "left out, since marked `publish: false`: cell 3. --private packs them." in done.stdout
    assert gemnb("pack", "--private", ".").returncode == 0


def test_a_dry_run_says_what_would_be(here: Path, gemnb: Gemnb) -> None:
    """With --dry-run nothing is written, and the words say so."""
    before = (here / "post.ipynb").read_bytes()
    assert "would be in it" in gemnb("pack", "--dry-run", "post.ipynb").stdout
    assert (here / "post.ipynb").read_bytes() == before
    gemnb("pack", "-o", "one.ipynb", "post.ipynb")
    assert "would go (" not in gemnb("slim", "--dry-run", "one.ipynb").stdout
    assert "would go to" in gemnb("slim", "--dry-run", "one.ipynb").stdout
    assert (here / "one.ipynb").stat().st_size > len(before)


def test_a_missing_picture_names_it_and_the_command(here: Path, gemnb: Gemnb) -> None:
    """Missing bytes end in exit code 1 and the line to type, without a traceback."""
    for blob in (here / "cache" / "blobs").rglob("*"):
        if blob.is_file() and blob.stat().st_size > 200_000:
            blob.unlink()
    done = gemnb("pack", "post.ipynb")

    assert done.returncode == 1
    assert "is not in the cache; nothing was packed." in done.stderr
    assert "git checkout -- cache/blobs/" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["pack", "slim"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.ipynb",), "nowhere.ipynb is not there."),
        (("-o", "x.ipynb", "."), "--output takes one notebook, and there are 2."),
        (("photo.png",), "photo.png is no notebook."),
    ],
)
def test_a_wrong_call_is_told_in_words(gemnb: Gemnb, verb: str, arguments: tuple[str, ...], words: str) -> None:
    """A wrong call exits 2 with words and no traceback."""
    done = gemnb(verb, *arguments)

    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (8, None),
        (11, "GitHub does not show"),
        pytest.param(51, "git hosts warn", marks=pytest.mark.slow),
        pytest.param(101, "was not written", marks=pytest.mark.slow),
    ],
)
def test_big_notebooks_are_warned_of(here: Path, gemnb: Gemnb, edit: Any, size: int, words: str | None) -> None:
    """At 10 MB it says that GitHub shows no such notebook, at 50 MB that Jupyter is slow; 100 MB need --yes."""
    path = here / "post.ipynb"
    edit(path, lambda nb: nb["metadata"].update(padding="x" * (size * 1_000_000 - path.stat().st_size)))
    pack = gemnb("pack", "post.ipynb")
    said = pack.stdout + pack.stderr

    warned = [line for line in ("GitHub does not show", "git hosts warn", "was not written") if line in said]
    assert warned == ([words] if words else [])
    assert pack.returncode == (2 if size > 100 else 0)
    if size > 100:
        assert gemnb("pack", "--yes", "post.ipynb").returncode == 0


def test_the_how_to_shows_what_is_printed(gemnb: Gemnb) -> None:
    """The line in the how-to is what the command prints of that notebook, sizes apart."""
    page = (DOCS / "how-to/pack-a-notebook.md").read_text("utf-8")
    line = next(line for line in page.splitlines() if line.startswith("post.ipynb: "))
    said = gemnb("pack", "post.ipynb").stdout.splitlines()[0]

    assert line.partition(";")[0] == said.partition(";")[0]
    assert re.fullmatch(r"; [\d.]+ kB → [\d.]+ MB\.", ";" + line.partition(";")[2])
