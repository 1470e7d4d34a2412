"""What is on the disk when the power goes: the order of system calls, as strace sees it."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gemnb.arrival import unpack
from gemnb.cache import Arrived, Cache, DirectoryStore, Flights, Tiers
from gemnb.canonical import request_digest
from gemnb.client import Client
from gemnb.errors import Unavailable
from gemnb.model import Content, Invocation, Mode, Request

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = Path(__file__).parent / "programs"
CALLS = "openat,write,fsync,fdatasync,link,linkat,rename,renameat,renameat2,mkdir,mkdirat,unlink,unlinkat"
_LINE = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")

NO_SYNC = "flight._write renames into the claims folder and does not fsync it: a power cut can take the name back"
BODY_NOT_FORCED = "flight.land does not sync the body: a power cut before the record is kept loses an answer"
TORN_BODY = "flight.landed takes whatever follows the header for the body; its length or digest is not in the header"
NO_SYNC_AGAIN = (
    "put() of a name that is there returns at once; its first writer may not have synced the folder yet, "
    "so a record can be durable before the name of its blob"
)
LATE_INTENT = "killed after keeping, before the intent is forgotten, a refresh tells of a loss that was none"

REQUEST = Request(
    model="emulator/sketch-1",
    contents=(Content(role="user", parts=({"text": "a cat"},)),),
    config={"seed": 7},
)


def unavailable(_vendor: str) -> None:
    raise Unavailable("not now")


@dataclass(frozen=True)
class Step:
    """A system call that did something: its name and the paths in it, relative to the traced folder."""

    call: str
    paths: tuple[str, ...]


@pytest.fixture
def trace(tmp_path: Path) -> Callable[..., list[Step]]:
    """Run a program of this folder under strace and return what it did below a folder, in order."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    if subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here")

    def run(program: str, folder: Path) -> list[Step]:
        output = tmp_path / "trace"
        command = [strace, "-f", "-y", "-o", str(output), "-e", f"trace={CALLS}"]
        subprocess.run([*command, sys.executable, str(PROGRAMS / program), str(folder)], check=True)
        return [step for line in output.read_text("utf-8", "replace").splitlines() if (step := _step(line, folder))]

    return run


def _step(line: str, folder: Path) -> Step | None:
    match = _LINE.match(line)
    if match is None or int(match.group(3)) < 0:
        return None
    call, arguments = match.group(1), match.group(2)
    if call == "openat":
        return None  # a name that is not there yet is made by what follows
    found = re.findall(r"[\"<]" + re.escape(str(folder)) + r"(/[^\">]*)?[\">]", arguments)
    return Step(call, tuple(path.removeprefix("/") for path in found)) if found else None


def place(steps: list[Step], call: str, path: str, *, first: int = 0) -> int:
    """Return where a call on a path that matches stands, from a place on; fail where it does not."""
    kinds = {"sync": ("fsync", "fdatasync"), "name": ("link", "linkat", "rename", "renameat", "renameat2")}
    wanted = kinds.get(call, (call,))
    for number, step in enumerate(steps[first:], first):
        if step.call in wanted and step.paths and re.fullmatch(path, step.paths[-1]):
            return number
    pytest.fail(f"no {call} of {path} from step {first} on: {steps}")


def test_a_picture_is_durable_before_its_record_has_a_name(trace: Callable[..., list[Step]], tmp_path: Path):
    """Bytes synced, named, folder synced: of every blob first, then of the record, and only then is it forgotten."""
    steps = trace("ask_once.py", tmp_path / "project")
    at = place(steps, "sync", r"cache/blobs/../\..*\.tmp")
    at = place(steps, "name", r"cache/blobs/../[0-9a-f]{64}", first=at)
    at = place(steps, "sync", r"cache/blobs/..", first=at)
    at = place(steps, "sync", r"cache/records/../[0-9a-f]{64}/\..*\.tmp", first=at)
    at = place(steps, "name", r"cache/records/../[0-9a-f]{64}/1\.json", first=at)
    at = place(steps, "sync", r"cache/records/../[0-9a-f]{64}", first=at)
    at = place(steps, "unlink", r"claims/[0-9a-f]{64}\.(body|intent)", first=at)


def test_nothing_is_named_before_its_bytes_are_synced(trace: Callable[..., list[Step]], tmp_path: Path):
    """Intent, blob and record were synced under their temporary names since their last write."""
    steps = trace("ask_once.py", tmp_path / "project")
    named = [step for step in steps if step.call.startswith(("link", "rename"))]
    assert len(named) >= 4  # intent, body, blob, record
    for step in [step for step in named if not step.paths[-1].endswith(".body")]:
        touched = [s.call for s in steps[: steps.index(step)] if s.paths == step.paths[:1]]
        assert touched[-1] == "fsync", step


def test_new_folders_of_the_cache_are_durable(trace: Callable[..., list[Step]], tmp_path: Path):
    """The folder around each new one is synced: a blob's before the record has a name, a record's before the end."""
    steps = trace("ask_once.py", tmp_path / "project")
    made = [number for number, step in enumerate(steps) if step.call == "mkdir" and "cache" in step.paths[0]]
    assert len(made) >= 5
    named = place(steps, "name", r"cache/records/../[0-9a-f]{64}/1\.json")
    forgotten = place(steps, "unlink", r"claims/[0-9a-f]{64}\.(body|intent)", first=named)
    for number in made:
        folder = steps[number].paths[0]
        around = re.escape(folder.rpartition("/")[0])
        limit = forgotten if folder.startswith("cache/records") else named
        assert place(steps, "sync", around, first=number) < limit


def test_the_request_goes_out_after_its_intent_and_before_its_body(trace: Callable[..., list[Step]], tmp_path: Path):
    """Intent synced and named, request sent, body named, and only then are blobs and record kept."""
    steps = trace("ask_once.py", tmp_path / "project")
    at = place(steps, "sync", r"claims/.*\.intent\.tmp")
    at = place(steps, "name", r"claims/.*\.intent", first=at)
    at = place(steps, "write", "log", first=at)
    at = place(steps, "name", r"claims/.*\.body", first=at)
    place(steps, "mkdir", "cache", first=at)


def test_a_body_torn_behind_its_header_is_told_as_lost(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """A body that a power cut left half written is no answer: its loss is told, and it is asked anew."""
    with Flights(tmp_path / "claims").claim(request_digest(REQUEST)) as claim:
        claim.send({"time": "2026-11-21T12:00:00Z", "model": REQUEST.model})
        claim.land(Arrived(body=b'{"candidates": [{"content"', facts={"host": "h"}))
        whole = claim.path.with_suffix(".body")
        whole.write_bytes(whole.read_bytes()[:-5])
    client = Client(
        cache=Tiers(Cache(DirectoryStore(tmp_path / "cache"))),
        flights=lambda: Flights(tmp_path / "claims"),
        backend=unavailable,
        unpack=unpack,
    )
    with caplog.at_level(logging.WARNING, "gemnb"), pytest.raises(Unavailable):
        client.answer(REQUEST, mode=Mode.AUTO, invocation=Invocation(), inputs={})
    assert "2026-11-21T12:00:00Z" in caplog.text


def test_the_name_of_an_intent_is_durable_before_the_request_goes_out(
    trace: Callable[..., list[Step]], tmp_path: Path
):
    """After a power cut in flight the next run still knows of the request that was sent."""
    steps = trace("ask_once.py", tmp_path / "project")
    named = place(steps, "name", r"claims/.*\.intent")
    sent = place(steps, "write", "log", first=named)
    assert place(steps, "sync", "claims", first=named) < sent


def test_a_name_that_is_there_already_is_made_durable_too(trace: Callable[..., list[Step]], tmp_path: Path):
    """Who finds a blob that another process named this moment syncs its folder before a record refers to it."""
    DirectoryStore(tmp_path / "cache").put("blobs/ab/abcd", b"bytes")
    place(trace("put_again.py", tmp_path / "cache"), "sync", "blobs/ab")


@pytest.mark.parametrize("removal", ["1", "2"])
def test_a_refresh_tells_of_no_loss_after_an_answer_that_was_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, removal: str
):
    """Killed in the last moment, when the answer was kept and its traces were to be forgotten, nothing is lost."""
    run = subprocess.run([sys.executable, str(PROGRAMS / "ask_once.py"), str(tmp_path), removal], check=False)
    assert run.returncode < 0
    cache = Cache(DirectoryStore(tmp_path / "cache"))
    assert cache.attempts(request_digest(REQUEST)) == [1]

    client = Client(
        cache=Tiers(cache), flights=lambda: Flights(tmp_path / "claims"), backend=unavailable, unpack=unpack
    )
    with caplog.at_level(logging.WARNING, "gemnb"), pytest.raises(Unavailable):
        client.answer(REQUEST, mode=Mode.REFRESH, invocation=Invocation(), inputs={})
    assert "never arrived" not in caplog.text
