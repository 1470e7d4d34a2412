"""Disks that are read-only, full, missing, oddly named or without links: what the user sees, and what was paid."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from gemnb.cache import Cache, DirectoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.emulator import Emulator

CAT = "%%gemimg cat\nA cat"
DOG = "%%gemimg dog\nA dog"
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0"'
FULL = 'mount -t tmpfs -o size=64k none "$0" && dd if=/dev/zero of="$0/filler" bs=1k count=60 2>/dev/null'
NO_NAMES = 'mount -t tmpfs -o nr_inodes=4 none "$0"'


def test_a_read_only_cache_replays(see: Callable, mounted: Callable, emulator: Emulator, project: Path):
    """The kept picture is shown from a read-only disk, byte for byte, without a call and without a word."""
    (before,) = see(CAT)
    prefix = mounted(READ_ONLY, project)
    assert see(CAT, prefix=prefix) == [before]
    assert see(CAT + "!", CAT.replace("cat\n", "cat --mode replay\n"), prefix=prefix)[1] == before
    assert len(emulator.calls) == 2


def test_a_miss_on_a_read_only_cache_is_shown_and_kept_elsewhere(
    see: Callable, mounted: Callable, emulator: Emulator, project: Path, tmp_path: Path
):
    """The picture is shown, the notice names folder, reason and where it lies now, and nobody pays for it again."""
    see(CAT)
    prefix = mounted(READ_ONLY, project)
    (seen,) = see(DOG, prefix=prefix)
    assert len(seen["pictures"]) == 1
    assert f"Cannot write {project / 'cache'}" in seen["said"]
    assert "Read-only file system" in seen["said"]
    assert f"kept in {tmp_path}/user-data" in seen["said"]
    assert see(DOG, prefix=prefix)[0]["pictures"] == seen["pictures"]
    assert see(DOG)[0]["pictures"] == seen["pictures"]
    assert len(emulator.calls) == 2
    assert len(list((project / "cache" / "records").rglob("1.json"))) == 2  # copied home when it could be


@pytest.mark.parametrize(
    "commands",
    [pytest.param(FULL, id="no bytes left"), pytest.param(NO_NAMES, id="no names left", marks=pytest.mark.slow)],
)
def test_a_full_disk_shows_the_picture_and_keeps_it_elsewhere(
    see: Callable, mounted: Callable, emulator: Emulator, project: Path, commands: str
):
    """The notice says that no space is left; nothing half-written stays, and nobody pays again when there is room."""
    cache = project / "cache"
    cache.mkdir()
    (seen,) = see(CAT, prefix=mounted(commands, cache))
    assert len(seen["pictures"]) == 1
    assert "No space left on device" in seen["said"]
    assert str(cache) in seen["said"]
    assert see(CAT)[0]["pictures"] == seen["pictures"]
    assert len(emulator.calls) == 1


@pytest.mark.parametrize("commands", [FULL, READ_ONLY], ids=["full", "read-only"])
def test_a_picture_that_can_be_kept_nowhere_is_shown_and_said_not_to_be_kept(
    see: Callable, mounted: Callable, emulator: Emulator, project: Path, tmp_path: Path, commands: str
):
    """What was paid for is shown, beside a line that it was not kept and why; the next run that can keeps it."""
    cache, spill = project / "cache", tmp_path / "user-data"
    cache.mkdir()
    spill.mkdir()
    both = f"{commands} && {commands.replace('$0', str(spill))}"
    (seen,) = see(CAT, prefix=mounted(both, cache))
    assert seen["error"] is None
    assert len(seen["pictures"]) == 1
    assert "NOT kept" in seen["said"]
    (later,) = see(CAT)
    assert later["pictures"] == seen["pictures"]
    assert "is kept now" in later["said"]
    assert len(emulator.calls) == 1


def test_a_disk_that_fills_up_loses_nothing(see: Callable, mounted: Callable, project: Path, emulator: Emulator):
    """Cells below each other on a disk that fills up all show their picture, replay it, and are paid for once."""
    cache = project / "cache"
    cache.mkdir()
    cells = [f"%%gemimg\nPicture {number}" for number in range(5)]
    again = [cell.replace("\n", " --mode replay\n", 1) for cell in cells]
    prefix = mounted('mount -t tmpfs -o size=64k none "$0"', cache)
    seen = see(*cells, *again, prefix=prefix)
    assert [one["error"] for one in seen] == [None] * 10
    assert [one["pictures"] for one in seen[:5]] == [one["pictures"] for one in seen[5:]]
    assert seen[0]["said"] == ""
    assert any("No space left" in one["said"] for one in seen[:5])
    assert len(emulator.calls) == 5


@pytest.mark.parametrize("commands", [FULL, READ_ONLY], ids=["full", "read-only"])
def test_nothing_is_asked_where_calls_cannot_be_noted(
    see: Callable, mounted: Callable, emulator: Emulator, tmp_path: Path, commands: str
):
    """Where the user's own folder cannot be written, the error says so before anything is paid for."""
    claims = tmp_path / "user-cache"
    claims.mkdir()
    if commands == FULL:
        commands = commands.replace("count=60", "count=64")
    (seen,) = see(CAT, prefix=mounted(commands, claims))
    assert seen["error"].startswith("StoreError: Cannot write in")
    assert "where calls under way are noted" in seen["error"]
    assert "XDG_CACHE_HOME" in seen["error"]
    assert emulator.calls == ()


def test_a_hit_needs_no_folder_of_the_user(
    see: Callable, mounted: Callable, emulator: Emulator, project: Path, tmp_path: Path
):
    """A kept picture is shown where the project and the user's own folder are both read-only."""
    (before,) = see(CAT)
    assert see(CAT, prefix=mounted(READ_ONLY, tmp_path)) == [before]
    assert len(emulator.calls) == 1


def test_a_missing_cache_is_filled_from_this_machine(see: Callable, emulator: Emulator, project: Path):
    """Where the folder is gone, what this machine received is shown from its second copy, and put back."""
    before = see(CAT)
    shutil.rmtree(project / "cache")
    assert see(CAT.replace("cat\n", "cat --mode replay\n")) == before
    assert len(list((project / "cache" / "records").rglob("1.json"))) == 1
    assert len(emulator.calls) == 1


def test_a_cache_that_is_missing_everywhere_is_a_miss_and_stays_missing(
    see: Callable, emulator: Emulator, project: Path, monkeypatch: pytest.MonkeyPatch
):
    """Without any copy a replay is a miss that says what to type, and no folder is made by looking."""
    monkeypatch.setenv("GEMNB_MACHINE", "off")
    (seen,) = see(CAT.replace("cat\n", "cat --mode replay\n"))
    assert seen["error"].startswith("CacheMiss: No answer is kept for this request to emulator/sketch-1")
    assert "--mode auto" in seen["error"]
    assert not (project / "cache").exists()
    assert emulator.calls == ()


@pytest.mark.parametrize("name", ["Vögel und 写真 – é", "a'b\"c $HOME `x` %41#?&"])
def test_a_project_may_lie_in_any_folder(see: Callable, emulator: Emulator, tmp_path: Path, name: str):
    """Spaces, quotes, signs and letters of any script in the path: a miss, a hit, and an input picture work."""
    folder = tmp_path / name
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.gemnb]\n")
    cells = (CAT, "cat.save('Bild 1.png'); None", "%%gemimg -i 'Bild 1.png'\nA hat")
    first = see(*cells, folder=folder)
    assert [seen["error"] for seen in first] == [None] * 3
    assert see(*cells, folder=folder) == first
    assert len(emulator.calls) == 2
    assert (folder / "cache" / "records").is_dir()


def test_a_disk_without_hard_links_keeps_and_replays(see: Callable, emulator: Emulator, project: Path):
    """Where the disk refuses every link (a stick, some network disks) a miss is kept and its picture replays."""
    strace = shutil.which("strace")
    refusing = (strace, "-f", "-o", "/dev/null", "-e", "inject=link,linkat:error=EPERM")
    if strace is None or subprocess.run([*refusing, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs strace, and leave to trace, to refuse links")
    first, again = see(CAT, CAT.replace("cat\n", "cat --mode replay\n"), prefix=refusing)
    assert (first["error"], first["said"]) == (None, "")
    assert see(CAT) == [again] == [first]
    assert len(emulator.calls) == 1
    assert list((project / "cache").rglob("*.tmp")) == []


@pytest.mark.slow
def test_a_cache_on_a_disk_that_is_not_plugged_in_is_told(
    see: Callable, emulator: Emulator, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A `cache` that the user named and that links to nowhere is named, and nobody pays again when it is back.

    One that the user did not name, as a stranger's project may bring along, asks nobody.
    """
    (project / "cache").symlink_to(tmp_path / "disk" / "cache")
    (refused,) = see(CAT)
    assert "GEMNB_CACHE" in refused["error"]
    assert emulator.calls == ()

    monkeypatch.setenv("GEMNB_CACHE", str(project / "cache"))
    (seen,) = see(CAT)
    assert f"Cannot write {project / 'cache'}" in seen["said"]
    (tmp_path / "disk" / "cache").mkdir(parents=True)
    assert see(CAT)[0]["pictures"] == seen["pictures"]
    assert len(emulator.calls) == 1


@pytest.mark.slow
def test_every_kept_file_of_a_full_disk_is_whole(mounted: Callable, see: Callable, emulator: Emulator, project: Path):
    """After writes that failed in the middle, every name in the cache has bytes that fit it."""
    cache = project / "cache"
    cache.mkdir()
    copy = project / "copy"
    prefix = mounted('mount -t tmpfs -o size=64k none "$0"', cache)
    seen = see(*(f"%%gemimg\nPicture {n}" for n in range(6)), f"!cp -r {cache} {copy}", prefix=prefix)
    assert any("No space left" in one["said"] for one in seen)
    kept = Cache(DirectoryStore(copy))
    for key in kept.store.keys("blobs/"):
        assert len(kept.blob("sha256:" + key.rpartition("/")[2])) > 0
    for key in kept.store.keys("records/"):
        document = json.loads(kept.store.get(key))
        assert kept.find(document["record"]["request_digest"]) is not None
    assert list(copy.rglob("*.tmp")) == []
