"""Two users with one cache, users without a home, a clock that goes back, several versions of Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gemnb.client
from gemnb.cache import Cache, DirectoryStore, Flights, Tiers
from gemnb.canonical import request_digest
from gemnb.client import Client
from gemnb.errors import Unavailable
from gemnb.model import Content, Invocation, Mode, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gemnb.emulator import Emulator

PROGRAMS = Path(__file__).parent / "programs"
CAT = "%%gemimg cat\nA cat"
DOG = "%%gemimg dog\nA dog"
ANNA, BERT, NOBODY_KNOWS = 61001, 61002, 61003


def owned(folder: Path, user: int) -> Path:
    """Make a folder that belongs to a user."""
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, user, user)
    return folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that all users may go through, unlike pytest's."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can go on as another user")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def shared(open_folder: Path) -> Path:
    """A project in it, which Anna owns and others may read."""
    folder = owned(open_folder / "project", ANNA)
    (folder / "pyproject.toml").write_text("[tool.gemnb]\n")
    return folder


@pytest.fixture
def as_user(
    see: Callable, open_folder: Path, shared: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[dict]]:
    """Run cells as one of the users, each with folders of their own."""

    def run(user: int, *cells: str, umask: str = "022", folder: Path = shared, **more: object) -> list[dict]:
        home = owned(open_folder / f"home {user}", user)
        for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "IPYTHONDIR"):
            monkeypatch.setenv(name, str(home))
        return see(*cells, user=user, umask=umask, folder=folder, **more)

    return run


def test_what_one_user_kept_replays_for_another(as_user: Callable, emulator: Emulator, shared: Path):
    """Of a cache that others may read, another user sees the same bytes, without a call."""
    before = as_user(ANNA, CAT)
    assert as_user(BERT, CAT) == before
    assert len(emulator.calls) == 1


@pytest.mark.slow
def test_a_user_who_may_not_write_the_cache_keeps_elsewhere(as_user: Callable, emulator: Emulator, shared: Path):
    """The picture is shown, the notice names the reason and where it lies now, and nobody pays for it again."""
    as_user(ANNA, CAT)
    (seen,) = as_user(BERT, DOG)
    assert len(seen["pictures"]) == 1
    assert "Permission denied" in seen["said"]
    assert "is kept in" in seen["said"]
    assert as_user(BERT, DOG)[0]["pictures"] == seen["pictures"]
    assert len(emulator.calls) == 2


@pytest.mark.slow
def test_two_users_of_a_group_share_a_cache(as_user: Callable, emulator: Emulator, shared: Path):
    """Where both may write, what either of them kept replays for the other."""
    shared.chmod(0o777)
    first = as_user(ANNA, CAT, umask="000")
    second = as_user(BERT, CAT, DOG, umask="000")
    assert second[0] == first[0]
    assert as_user(ANNA, CAT, DOG, umask="000") == second
    assert len(emulator.calls) == 2


def test_a_cache_that_may_not_be_read_is_an_error_and_not_a_miss(as_user: Callable, emulator: Emulator, shared: Path):
    """What another user closed is named with its reason, and is not paid for a second time."""
    as_user(ANNA, CAT, umask="077")
    (seen,) = as_user(BERT, CAT)
    assert seen["error"].startswith("StoreError: Cannot ")
    assert "Permission denied" in seen["error"]
    assert len(emulator.calls) == 1


@pytest.mark.slow
def test_a_hit_needs_no_home(as_user: Callable, emulator: Emulator, shared: Path):
    """A user whom the system does not know, without HOME (a container's), sees kept pictures."""
    before = as_user(ANNA, CAT)
    assert as_user(NOBODY_KNOWS, CAT, drop=("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")) == before


@pytest.mark.parametrize("cell", [CAT, CAT.replace("cat\n", "cat --mode replay\n")], ids=["auto", "replay"])
def test_a_miss_without_a_home_says_what_to_set(as_user: Callable, emulator: Emulator, shared: Path, cell: str):
    """Where there is no folder of the user, the error is gemnb's and names XDG_CACHE_HOME, or the miss is told."""
    owned(shared, NOBODY_KNOWS)
    (seen,) = as_user(NOBODY_KNOWS, cell, drop=("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"))
    assert seen["error"].startswith(("StoreError", "SettingsError", "CacheMiss"))
    assert "XDG_CACHE_HOME" in seen["error"] or seen["error"].startswith("CacheMiss")
    assert emulator.calls == ()


@pytest.mark.slow
def test_without_a_home_folders_that_are_named_do(as_user: Callable, emulator: Emulator, shared: Path):
    """HOME unset and the XDG folders set: a miss is kept and replays, and no folder called `~` appears."""
    before = as_user(ANNA, CAT, drop=("HOME",))
    assert before[0]["error"] is None
    assert as_user(ANNA, CAT, drop=("HOME",)) == before
    assert not (shared / "~").exists()


def test_a_project_below_a_closed_folder_is_told(as_user: Callable, emulator: Emulator, open_folder: Path):
    """Where a folder above the project is closed to the user, the error is gemnb's and names what cannot be read."""
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    (seen,) = as_user(ANNA, CAT, folder=owned(closed / "project", ANNA))
    assert seen["error"].startswith(("StoreError", "SettingsError"))
    assert emulator.calls == ()


def _request(prompt: str) -> Request:
    return Request(model="emulator/sketch-1", contents=(Content(role="user", parts=({"text": prompt},)),))


def test_a_clock_that_goes_back_changes_nothing_of_what_is_kept(
    project: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
):
    """Attempts are in the order in which they were kept, whatever their times say, and the latest is shown."""
    from gemnb import generate

    times = iter(["2030-01-01T00:00:00Z"] * 2 + ["1970-01-01T00:00:00Z"] * 2 + ["2026-11-21T00:00:00Z"] * 2)
    monkeypatch.setattr(gemnb.client, "_now", lambda: next(times))
    for mode in ("auto", "refresh", "refresh"):
        generate("A cat", model="emulator/sketch-1", size="512", mode=mode)
    shown = generate("A cat", model="emulator/sketch-1", size="512")
    cache = Cache(DirectoryStore(project / "cache"))
    received = [cache.find(shown.digest, number).record.received["time"][:4] for number in (1, 2, 3)]
    assert received == ["2030", "1970", "2026"]
    assert shown.record.attempt == 3


def test_a_loss_in_the_future_is_told_as_it_was_noted(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Where the clock went back since a request was lost, the noted time is told, and the request is asked."""
    with Flights(tmp_path).claim(request_digest(_request("a cat"))) as claim:
        claim.send({"time": "2099-12-31T23:59:59Z", "model": "emulator/sketch-1"})

    def unavailable(_vendor: str) -> None:
        raise Unavailable("asked")

    client = Client(
        cache=Tiers(Cache(DirectoryStore(tmp_path / "cache"))),
        flights=lambda: Flights(tmp_path),
        backend=unavailable,
        unpack=unavailable,
    )
    with pytest.raises(Unavailable, match="asked"):
        client.answer(_request("a cat"), mode=Mode.AUTO, invocation=Invocation(), inputs={})
    assert "2099-12-31T23:59:59Z" in caplog.text


def _pythons() -> list[str]:
    """Return interpreters of other versions that gemnb supports, and this one."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [
        next((str(path) for path in sorted(versions.glob(f"{name}.*/bin/python"))), shutil.which(f"python{name}"))
        for name in ("3.11", "3.12", "3.13")
        if not sys.version.startswith(name)
    ]
    return [sys.executable, *(path for path in found if path)]


def test_versions_of_python_share_a_cache_and_its_claims(tmp_path: Path):
    """Two processes of each version ask the same requests at once: one call each, equal digests and equal records."""
    pythons = _pythons()
    if len(pythons) < 2:
        pytest.skip("no other Python from 3.11 to 3.13 is installed")
    path = os.pathsep.join([str(Path(gemnb.__file__).parents[1]), str(Path(pytest.__file__).parents[1])])
    command = [str(PROGRAMS / "ask_in_words.py"), str(tmp_path), "20"]
    running = [
        subprocess.Popen(
            [python, "-B", *command], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}
        )
        for python in pythons * 2
    ]
    said = [json.loads(process.communicate()[0]) for process in running]
    assert {facts["python"] for facts in said} >= {"3.11", "3.12"} or len({facts["python"] for facts in said}) > 1
    assert all(facts["records"] == said[0]["records"] for facts in said)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == len(set(calls)) == 20
