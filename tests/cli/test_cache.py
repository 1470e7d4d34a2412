"""`gemnb cache` as a user meets it: lists, verdicts, questions, exit codes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.arrival import unpack
from gemnb.cache import Cache, DirectoryStore
from gemnb.cli.cache import cache
from gemnb.detach import text_part
from gemnb.model import Content, Invocation, Request

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def gemnb(project: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `gemnb` in a process of its own, in the project, with nobody to ask."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gemnb", *arguments],
            cwd=project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def kept(project: Path, make_picture: Callable[..., bytes]) -> list[Path]:
    """Two answers in the project's cache, to a cat and to a dog, and a notebook with the cat's cell."""
    cache = Cache(DirectoryStore(project / "cache"))
    found = []
    for minute, prompt in enumerate(("a cat", "a dog")):
        data = b64encode(make_picture("PNG", (8, 8), noise=True)).decode()
        parts = [{"inlineData": {"mimeType": "image/png", "data": data}}]
        answer = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
        request = Request(model="emulator/sketch-1", contents=(Content(role="user", parts=(text_part(prompt),)),))
        facts = {"host": "h", "time": f"2026-01-01T00:0{minute}:00Z", "client": "c"}
        record, blobs = unpack(request, json.dumps(answer).encode(), facts)
        cache.keep(record, Invocation(source=f"%%gemimg\n{prompt}"), blobs)
        digest = record.request_digest[7:]
        found.append(project / f"cache/records/{digest[:2]}/{digest}/1.json")
    cells = [{"cell_type": "code", "metadata": {}, "source": "%%gemimg\na cat", "outputs": []}]
    document = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
    (project / "a.ipynb").write_text(json.dumps(document))
    return found


def files(project: Path) -> set[str]:
    """Return the files of the cache."""
    cache = project / "cache"
    return {str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file() and path.name != ".gitignore"}


def answered(project: Path, word: str, *arguments: str) -> str:
    """Run `gemnb` with somebody at the terminal who types a word; return what the terminal showed."""
    ours, theirs = pty.openpty()
    os.write(ours, word.encode() + b"\n")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "gemnb", *arguments],
            cwd=project,
            stdin=theirs,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return done.stdout


def test_ls_lists_the_latest_last(gemnb: Callable, kept: list[Path]) -> None:
    """One line an answer in the order of their time; `--long` adds all facts, and nothing else changes."""
    plain = gemnb("cache", "ls")
    full = gemnb("cache", "ls", "--long")
    lines = plain.stdout.splitlines()

    assert plain.returncode == full.returncode == 0
    assert [line.rsplit("  ", 1)[-1] for line in lines] == ["a cat", "a dog", "2 answers to 2 requests."]
    assert set(lines) <= set(full.stdout.splitlines())
    assert "  received       2026-01-01T00:00:00Z from h" in full.stdout.splitlines()


def test_an_empty_cache_is_no_trouble(gemnb: Callable, project: Path) -> None:
    """Listing and checking a cache that is not there yet says so and makes nothing."""
    assert gemnb("cache", "ls").stdout == "0 answers to 0 requests.\n"
    assert gemnb("cache", "verify").returncode == 0
    assert not (project / "cache").exists()


def test_verify_exits_1_where_something_is_damaged(gemnb: Callable, kept: list[Path], project: Path) -> None:
    """0 and a count where all is well; 1 and the entry with its reason where not; nothing is changed."""
    assert gemnb("cache", "verify").stdout.endswith("nothing damaged.\n")
    kept[0].write_bytes(kept[0].read_bytes().replace(b"a cat", b"a cow"))
    before = files(project)
    done = gemnb("cache", "verify")

    assert done.returncode == 1
    assert f"damaged: {kept[0].relative_to(project)}" in done.stdout
    assert done.stdout.endswith("; 1 damaged.\n")
    assert files(project) == before
    assert gemnb("cache", "ls").stderr.startswith("damaged: cache/records/")


def test_private_answers_are_listed_checked_and_left_out(gemnb: Callable, kept: list[Path], project: Path) -> None:
    """`ls` marks them, `verify` hashes their bytes, `export` leaves them out and says how many."""
    private = project / "cache/private"
    for part in ("records", "blobs"):
        (project / "cache" / part).rename(project / part)
        (private / part).parent.mkdir(exist_ok=True)
        (project / part).rename(private / part)
    listed, whole = gemnb("cache", "ls", "--long").stdout, gemnb("cache", "verify")
    assert listed.count("[private]") == 2
    assert listed.count("kept in        cache/private/records/") == 2
    assert listed.endswith("2 answers to 2 requests, 2 of them private.\n")
    assert (whole.returncode, f"{private}: 2 answers, 2 blobs, " in whole.stdout) == (0, True)
    assert gemnb("cache", "export", "a.zip").stdout.endswith("; 2 private answers left out.\n")
    blob = next(path for path in (private / "blobs").rglob("*") if path.is_file())
    blob.write_bytes(blob.read_bytes() + b"x")
    done = gemnb("cache", "verify")

    assert done.returncode == 1
    assert f"damaged: {blob.relative_to(project)}" in done.stdout


def test_the_spill_folder_is_counted_and_checked(
    gemnb: Callable, kept: list[Path], project: Path, tmp_path: Path
) -> None:
    """Answers that no project could take are counted by `ls`, and checked by `verify`."""
    spill = tmp_path / "user-data/gemnb/spill"
    spill.parent.mkdir(parents=True)
    (project / "cache").rename(spill)

    assert gemnb("cache", "ls").stdout.splitlines() == [
        "0 answers to 0 requests.",
        f"spill:    2 answers in {spill}, what no project could take",
    ]
    assert f"{spill}: 2 answers, 2 blobs, " in gemnb("cache", "verify").stdout
    next(path for path in (spill / "blobs").rglob("*") if path.is_file()).write_bytes(b"x")
    done = gemnb("cache", "verify")
    assert done.returncode == 1
    assert f"damaged: {spill}/blobs/" in done.stdout


@pytest.mark.parametrize("key", ["urls/ab/" + "ab" * 32 + "/1.json", "pixels/ab/" + "ab" * 32])
def test_verify_reads_what_leads_to_bytes(gemnb: Callable, kept: list[Path], project: Path, key: str) -> None:
    """Garbage where a URL or pixels lead to bytes is damage: a cell that asks for them would stop."""
    (project / "cache" / key).parent.mkdir(parents=True)
    (project / "cache" / key).write_text("garbage")
    done = gemnb("cache", "verify")

    assert done.returncode == 1
    assert f"damaged: cache/{key}" in done.stdout


@pytest.mark.parametrize("verb", ["ls", "verify", "gc", "export"])
def test_a_named_cache_that_is_none_is_an_error(
    gemnb: Callable, kept: list[Path], project: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """A folder that is named and not there, and a file in its place, end in words and exit code 4, not in a count."""
    arguments = {"gc": ["."], "export": ["a.zip"]}.get(verb, [])
    named = gemnb("cache", verb, *arguments, "--cache", "nowhere")
    monkeypatch.setenv("GEMNB_CACHE", str(project / "nowhere"))
    missing = gemnb("cache", verb, *arguments)
    monkeypatch.setenv("GEMNB_CACHE", str(project / "a.ipynb"))
    file = gemnb("cache", verb, *arguments)

    assert (named.returncode, missing.returncode, file.returncode) == (4, 4, 4)
    assert named.stderr.startswith(f"There is no folder {project / 'nowhere'}.\n--cache names it.\n")
    assert missing.stderr.startswith(f"There is no folder {project / 'nowhere'}.\nGEMNB_CACHE names it.\n")
    assert file.stderr.startswith(f"{project / 'a.ipynb'} is no folder, so nothing is kept there.\n")
    assert not (project / "nowhere").exists()


def test_another_cache_can_be_named(gemnb: Callable, kept: list[Path], project: Path) -> None:
    """`--cache` looks at, fills and collects another folder than the project's, and names it in what it says."""
    assert gemnb("cache", "export", "all.zip").returncode == 0
    assert gemnb("cache", "import", "all.zip", "--cache", "other").stdout.startswith(
        f"{project / 'other'}: 2 answers"
    )
    before = files(project)
    assert gemnb("cache", "gc", "a.ipynb", "--yes", "--cache", "other").returncode == 0
    assert gemnb("cache", "ls", "--cache", "other").stdout.endswith("1 answer to 1 request.\n")
    next((project / "other/records").rglob("1.json")).write_text("{}")

    assert gemnb("cache", "verify", "--cache", "other").stdout.startswith(f"damaged: {project / 'other'}/records/")
    assert files(project) == before


def test_gc_reads_notebooks_in_plain_text(gemnb: Callable, kept: list[Path], project: Path) -> None:
    """What a Markdown notebook asks for stays; a folder without any notebook is named whole, the working one too."""
    (project / "a.ipynb").unlink()
    refused = gemnb("cache", "gc", ".")
    (project / "a.md").write_text("```python\n%%gemimg\na cat\n```\n")
    done = gemnb("cache", "gc", ".")

    assert (refused.returncode, refused.stderr) == (2, f"There is no notebook in {project}.\n")
    assert "2 files (" in done.stdout
    assert "(0 notebooks, 1 text file and 0 locks read)" in done.stdout
    assert str(kept[0].relative_to(project / "cache")) not in done.stdout


def test_gc_wants_paths(gemnb: Callable, kept: list[Path], project: Path) -> None:
    """Without a path, or with one that holds no notebook, nothing is looked at and nothing goes."""
    before = files(project)
    (project / "empty").mkdir()
    for arguments in ((), ("--yes",), ("empty", "--yes"), ("nowhere", "--yes")):
        done = gemnb("cache", "gc", *arguments)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr

    assert files(project) == before


def test_gc_is_dry_where_nobody_can_be_asked(gemnb: Callable, kept: list[Path], project: Path) -> None:
    """What would go is listed with sizes, and stays."""
    before = files(project)
    done = gemnb("cache", "gc", ".")

    assert done.returncode == 0
    assert str(kept[1].relative_to(project / "cache")) in done.stdout
    assert str(kept[0].relative_to(project / "cache")) not in done.stdout
    assert "2 files (" in done.stdout
    assert "1 notebook and 0 locks read" in done.stdout
    assert "Nothing was moved" in done.stdout
    assert files(project) == before


def test_gc_moves_when_told(gemnb: Callable, kept: list[Path], project: Path) -> None:
    """`--yes` moves to the trash folder and says how to bring it back; then there is nothing left to move."""
    done = gemnb("cache", "gc", "a.ipynb", "--yes")

    assert done.returncode == 0
    assert "To bring them back: copy what is in that folder over" in done.stdout
    (trash,) = (project / "cache/trash").iterdir()
    assert (trash / kept[1].relative_to(project / "cache")).is_file()
    assert kept[0].is_file()
    assert not kept[1].exists()
    assert gemnb("cache", "gc", ".", "--yes").stdout == "Nothing would go (1 notebook and 0 locks read).\n"


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("word", "moved"), [("n", False), ("", False), ("y", True)])
def test_gc_asks_who_sits_there(kept: list[Path], project: Path, word: str, moved: bool) -> None:  # noqa: FBT001
    """At a terminal it asks, and only a yes moves."""
    shown = answered(project, word, "cache", "gc", ".")

    assert "Move them to" in shown
    assert ("Nothing was moved." in shown) is not moved
    assert kept[1].exists() is not moved


def test_export_and_import_between_projects(
    gemnb: Callable, kept: list[Path], project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one project exports, all or by its notebooks, another imports and replays."""
    assert ": 1 answer, 1 blob, " in gemnb("cache", "export", "cat.zip", "a.ipynb").stdout
    assert ": 2 answers, 2 blobs, " in gemnb("cache", "export", "all.zip").stdout
    assert gemnb("cache", "export", "all.zip").returncode == 4
    monkeypatch.setenv("GEMNB_CACHE", str(tmp_path / "theirs"))
    for name, words in (
        ("cat.zip", "1 answer and 1 blob are new, 0 were here, 0 differ"),
        ("all.zip", "1 answer and 1 blob are new, 2 were here, 0 differ"),
    ):
        assert words in gemnb("cache", "import", name).stdout

    assert gemnb("cache", "verify").returncode == 0
    assert len(files(project)) == 4


def test_a_strangers_file_is_refused_in_words(gemnb: Callable, project: Path) -> None:
    """What is no archive is told in lines, with exit code 1, or 2 where it is not there."""
    (project / "x.zip").write_text("no zip")
    refused, missing = gemnb("cache", "import", "x.zip"), gemnb("cache", "import", "y.zip")

    assert (refused.returncode, missing.returncode) == (1, 2)
    assert refused.stderr.startswith("This is no archive that gemnb takes answers from; nothing was imported.")
    assert "Traceback" not in refused.stderr + missing.stderr


@pytest.mark.parametrize("verb", sorted(cache.commands))
def test_every_verb_and_option_is_documented(verb: str) -> None:
    """The command-line reference names each verb of `gemnb cache` and each of its options."""
    page = (DOCS / "reference/command-line.md").read_text("utf-8")
    command: Any = cache.commands[verb]
    row = next(line for line in page.splitlines() if line.startswith(f"| `gemnb cache {verb}"))

    for option in (name for p in command.params for name in p.opts if name.startswith("--")):
        assert f"`{option}`" in row
