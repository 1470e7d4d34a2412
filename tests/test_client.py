"""The path of a request: what is kept replays, what is not is asked for once, and no answer that came is lost."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
import threading
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from gemnb.arrival import unpack
from gemnb.backends import Reply
from gemnb.cache import Arrived, Cache, DirectoryStore, Flights
from gemnb.canonical import blob_digest, request_digest, short
from gemnb.client import Client
from gemnb.detach import attach, image_part, text_part
from gemnb.errors import (
    CacheMiss,
    CorruptEntry,
    MalformedAnswer,
    MissingKey,
    StoreError,
    Unavailable,
)
from gemnb.model import Content, Invocation, Mode, Outcome, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gemnb.cache import Store
    from gemnb.model import Record

PROGRAMS = Path(__file__).parent / "cache" / "programs"
INVOCATION = Invocation(source="%%gemimg hero\na cat")


def _request(prompt: str = "a cat", *pictures: bytes, model: str = "emulator/sketch-1") -> Request:
    parts = (*(image_part(blob_digest(data), "image/png") for data in pictures), text_part(prompt))
    return Request(model=model, contents=(Content(role="user", parts=parts),))


def _body(*pictures: bytes, text: str = "in words") -> bytes:
    parts = [{"inlineData": {"mimeType": "image/png", "data": b64encode(data).decode()}} for data in pictures]
    turn = {"role": "model", "parts": [*parts, {"text": text}]}
    return json.dumps({"candidates": [{"content": turn, "finishReason": "STOP"}]}).encode()


def _said(record: Record) -> str:
    return record.response["candidates"][0]["content"]["parts"][-1]["text"]


class Desk:
    """A client over two folders, whose backend answers `first`, `second`, … and counts; any part can be another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[Request] = []
        self.vendors: list[str] = []
        self.store: Store = DirectoryStore(folder / "cache")

    def generate(self, request: Request, _blob: Callable[[str], bytes]) -> Reply:
        self.calls.append(request)
        words = ("first", "second", "third", "fourth")
        return Reply(body=_body(text=words[len(self.calls) - 1]), host="emulator", client="double/1")

    def backend(self, vendor: str) -> Desk:
        self.vendors.append(vendor)
        return self

    @property
    def claims(self) -> Path:
        return self.folder / "claims"

    @property
    def cache(self) -> Cache:
        return Cache(self.store)

    def ask(self, request: Request, mode: Mode = Mode.AUTO, inputs: dict[str, bytes] | None = None) -> Record:
        client = Client(cache=self.cache, flights=lambda: Flights(self.claims), backend=self.backend, unpack=unpack)
        return client.answer(request, mode=mode, invocation=INVOCATION, inputs=inputs or {})

    def traces(self) -> list[str]:
        """Return the intents and bodies that stay behind."""
        return sorted(path.suffix for path in self.claims.iterdir() if path.suffix != ".lock")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A client in folders that do not exist yet, with a backend that counts."""
    return Desk(tmp_path)


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the library said at warning level since the last look, through the logger `gemnb`."""
    caplog.set_level(logging.WARNING, "gemnb")

    def look() -> list[str]:
        said = [entry.getMessage() for entry in caplog.records if entry.name == "gemnb"]
        assert {entry.levelno for entry in caplog.records} <= {logging.WARNING}
        caplog.clear()
        return said

    return look


def _never(*_: object) -> None:
    pytest.fail("a part was used that a hit does not need")


def test_a_miss_asks_once_and_a_hit_is_the_same_record(desk: Desk):
    """The second time, the record kept the first time is the answer, and nobody is asked."""
    first = desk.ask(_request())
    assert desk.ask(_request()) == first
    assert desk.ask(_request(), Mode.REPLAY) == first
    assert len(desk.calls) == 1
    assert (first.attempt, first.outcome, first.request_digest) == (1, Outcome.TEXT, request_digest(_request()))
    assert first.received["host"] == "emulator"
    assert desk.traces() == []


def test_a_hit_needs_nothing_but_the_cache(desk: Desk):
    """Neither claims, nor a backend, nor the parser of answers is touched on a hit."""
    first = desk.ask(_request())
    shutil.rmtree(desk.claims)
    client = Client(cache=desk.cache, flights=_never, backend=_never, unpack=_never)
    for mode in (Mode.AUTO, Mode.REPLAY):
        assert client.answer(_request(), mode=mode, invocation=INVOCATION, inputs={}) == first
    assert not desk.claims.exists()


def test_a_replay_miss_asks_nobody(desk: Desk):
    """In replay, what is not kept is an error with the digest and what to type; no part but the cache is used."""
    client = Client(cache=desk.cache, flights=_never, backend=_never, unpack=_never)
    with pytest.raises(CacheMiss) as caught:
        client.answer(_request(), mode=Mode.REPLAY, invocation=INVOCATION, inputs={})
    digest = request_digest(_request())
    assert short(digest) in caught.value.what
    assert "emulator/sketch-1" in caught.value.what
    assert "--mode auto" in caught.value.hint
    assert caught.value.evidence == {"digest": digest, "model": "emulator/sketch-1"}
    assert list(desk.folder.iterdir()) == []


def test_other_words_are_another_request(desk: Desk):
    """One more character in the prompt is a request of its own."""
    desk.ask(_request("a cat"))
    desk.ask(_request("a cat "))
    assert len(desk.calls) == 2


def test_refresh_appends_and_the_latest_answers(desk: Desk):
    """Refresh asks anew and keeps a further attempt, which answers from then on; the first one stays."""
    first = desk.ask(_request())
    second = desk.ask(_request(), Mode.REFRESH)
    assert (second.attempt, _said(second)) == (2, "second")
    assert desk.ask(_request()) == desk.ask(_request(), Mode.REPLAY) == second
    assert desk.cache.find(first.request_digest, 1).record == first
    assert len(desk.calls) == 2


def test_the_record_keeps_who_asked(desk: Desk):
    """The cell is recorded with the answer it caused; a hit by another cell changes nothing."""
    record = desk.ask(_request())
    client = Client(cache=desk.cache, flights=_never, backend=_never, unpack=_never)
    client.answer(_request(), mode=Mode.AUTO, invocation=Invocation(source="another"), inputs={})
    assert desk.cache.find(record.request_digest).invocation == INVOCATION


def test_inputs_are_sent_and_kept(desk: Desk, make_picture: Callable[..., bytes]):
    """The backend gets the bytes of pictures given now and of pictures kept before; given ones are kept."""
    given, before = make_picture("PNG", (8, 8)), make_picture("PNG", (9, 9))
    desk.cache.put_blob(before)
    seen = []

    def generate(request: Request, blob: Callable[[str], bytes]) -> Reply:
        seen.extend(blob(part["inlineData"]["data"]["$blob"]) for part in request.contents[0].parts[:2])
        return Reply(body=_body(), host="h", client="c")

    desk.generate = generate
    desk.ask(_request("both", given, before), inputs={blob_digest(given): given})
    assert seen == [given, before]
    assert desk.cache.blob(blob_digest(given)) == given


def test_pictures_of_an_answer_are_kept_as_received(desk: Desk, make_picture: Callable[..., bytes]):
    """The bytes of an answer's picture come back from the cache exactly as they came."""
    picture = make_picture("PNG", (40, 30), noise=True)
    desk.generate = lambda *_: Reply(body=_body(picture), host="h", client="c")
    record = desk.ask(_request())
    assert record.outcome is Outcome.PICTURE
    assert desk.cache.blob(record.pictures[0].original.blob) == picture


def test_the_vendor_chooses_the_backend(desk: Desk):
    """What stands before the slash of the model chooses who is asked."""
    desk.ask(_request())
    desk.ask(_request(model="google/gemini-3-pro-image"))
    assert desk.vendors == ["emulator", "google"]


def test_doubts_about_a_model_are_told_before_the_call_only(desk: Desk, warned: Callable[[], list[str]]):
    """A model that is not in the table is warned about when it is asked, not when its answer replays."""
    desk.ask(_request(model="emulator/unheard-of"))
    assert len([said for said in warned() if "emulator/unheard-of" in said]) == 1
    desk.ask(_request(model="emulator/unheard-of"))
    assert warned() == []


def test_a_failing_store_asks_nobody(desk: Desk):
    """A store that cannot be read is an error and not a miss: nothing is asked for that may lie there."""
    folder = desk.folder / "cache" / "records"
    folder.mkdir(parents=True)
    key = folder / request_digest(_request())[7:9]
    key.symlink_to(key.name)  # a folder that can be listed by nobody, root included
    with pytest.raises(StoreError):
        desk.ask(_request())
    assert desk.calls == []


def test_a_damaged_record_asks_nobody(desk: Desk):
    """A damaged record is an error, so that nobody pays a second time without being told."""
    record = desk.ask(_request())
    path = next((desk.folder / "cache" / "records").rglob("1.json"))
    path.write_bytes(b"{")
    for mode in (Mode.AUTO, Mode.REPLAY):
        with pytest.raises(CorruptEntry):
            desk.ask(_request(), mode)
        path.write_bytes(b"{")
    assert len(desk.calls) == 1
    assert record.attempt == 1


def test_without_a_claim_nobody_is_asked(desk: Desk):
    """Where the claims folder cannot be made, it is said before anything is paid for."""
    desk.claims.write_bytes(b"")
    with pytest.raises(StoreError) as caught:
        desk.ask(_request())
    assert str(desk.claims) in caught.value.what
    assert desk.calls == []


MALFORMED = {
    "no JSON": b"<html>Bad gateway</html>",
    "no UTF-8": b'{"candidates": "\xff"}',
    "no answer": b"{}",
    "no object": b"[]",
    "no picture": _body(b"\x89PNG\r\n\x1a\n and then nothing"),
    "cut": _body()[:-3],
    "empty": b"",
    "too deep": b"[" * 100_000,
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_an_answer_that_is_none_is_kept_and_told(desk: Desk, kind: str):
    """A malformed answer's raw body lies under failed/; the error names the file and that it may have been billed."""
    body = MALFORMED[kind]
    desk.generate = lambda *_: Reply(body=body, host="h", client="c")
    with pytest.raises(MalformedAnswer) as caught:
        desk.ask(_request())
    (key,) = desk.store.keys("failed/")
    assert desk.store.get(key) == body
    assert f"cache/{key}" in caught.value.hint
    assert "may have been billed" in caught.value.hint
    assert desk.traces() == []
    assert desk.cache.attempts(request_digest(_request())) == []


def test_after_an_answer_that_is_none_the_next_run_asks(desk: Desk, warned: Callable[[], list[str]]):
    """A malformed answer is no outcome: running the cell again asks again."""
    desk.generate, right = lambda *_: Reply(body=b"{}", host="h", client="c"), desk.generate
    with pytest.raises(MalformedAnswer):
        desk.ask(_request())
    desk.generate = right
    assert _said(desk.ask(_request())) == "first"
    assert warned() == []


def test_an_answer_with_half_a_character_is_kept(desk: Desk):
    """A lone surrogate, which a model that is cut off may leave, does not keep an answer from being kept."""
    body = _body()[:-1] + b', "extra": "\\ud83d"}'
    desk.generate = lambda *_: Reply(body=body, host="h", client="c")
    record = desk.ask(_request())
    assert desk.cache.find(record.request_digest).record == record
    assert attach(record.response, desk.cache.blob) == json.loads(body)


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 100_000 + "]" * 100_000], ids=["big", "deep"])
def test_an_answer_that_cannot_be_read_is_told_as_such(desk: Desk, value: str):
    """An answer that cannot be recorded is malformed: kept under failed/, and the next run asks again."""
    body = _body()[:-1] + b', "extra": ' + value.encode() + b"}"
    desk.generate, right = lambda *_: Reply(body=body, host="h", client="c"), desk.generate
    with pytest.raises(MalformedAnswer, match="billed"):
        desk.ask(_request())
    (key,) = desk.store.keys("failed/")
    assert desk.store.get(key) == body
    desk.generate = right
    assert _said(desk.ask(_request())) == "first"


@pytest.mark.parametrize("error", [Unavailable("503"), MissingKey("no key"), CorruptEntry("damaged input")])
def test_a_call_that_brought_nothing_leaves_no_trace(desk: Desk, warned: Callable[[], list[str]], error: Exception):
    """After an error that says itself what may have been billed, the next run asks without a warning."""

    def fail(*_: object) -> None:
        raise error

    desk.generate, right = fail, desk.generate
    with pytest.raises(type(error)):
        desk.ask(_request())
    assert desk.traces() == []
    desk.generate = right
    assert _said(desk.ask(_request())) == "first"
    assert warned() == []


def test_a_backend_that_cannot_be_made_leaves_no_trace(desk: Desk):
    """Where there is no key, nothing was sent, and no later run says that it was."""

    def no_key(_vendor: str) -> None:
        raise MissingKey("There is no key.")

    desk.backend = no_key
    with pytest.raises(MissingKey):
        desk.ask(_request())
    assert desk.traces() == []


def test_an_interrupted_call_is_told_by_the_next_run(desk: Desk, warned: Callable[[], list[str]]):
    """Who interrupts a call may have paid for it: the next run says so, and asks."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    desk.generate, right = interrupted, desk.generate
    with pytest.raises(KeyboardInterrupt):
        desk.ask(_request())
    desk.generate = right
    desk.ask(_request())
    assert "may have been billed" in warned()[0]


def _die(folder: Path, when: str) -> None:
    command = [sys.executable, str(PROGRAMS / "die_asking.py"), str(folder), "a cat", when]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


def test_an_owner_killed_in_flight_is_told_and_the_next_run_asks(desk: Desk, warned: Callable[[], list[str]]):
    """The next run says when the lost request was sent and that it may have been billed, and asks again, once."""
    _die(desk.folder, "in flight")
    (intent,) = desk.claims.glob("*.intent")
    when = json.loads(intent.read_bytes())["time"]
    desk.ask(_request())
    (said,) = warned()
    assert when in said
    assert "may have been billed" in said
    desk.ask(_request())
    assert warned() == []
    assert len(desk.calls) == 1
    assert desk.traces() == []


def test_an_answer_whose_owner_was_killed_before_keeping_it_is_kept(desk: Desk, warned: Callable[[], list[str]]):
    """The next run keeps what had landed, without a call, and says so."""
    _die(desk.folder, "landed")
    record = desk.ask(_request())
    assert desk.calls == []
    assert "had arrived and was not kept" in warned()[0]
    assert record.outcome is Outcome.PICTURE
    assert record.received["client"] == "double/1"
    assert desk.cache.blob(record.pictures[0].original.blob).startswith(b"\x89PNG")
    assert desk.traces() == []


def test_an_answer_whose_owner_was_killed_after_keeping_it_replays(desk: Desk, warned: Callable[[], list[str]]):
    """What was kept in the last moment is a hit like any other."""
    _die(desk.folder, "kept")
    assert desk.ask(_request()).attempt == 1
    assert desk.calls == []
    assert warned() == []


def test_refresh_asks_anew_though_a_body_stayed(desk: Desk):
    """Where the owner was killed after keeping, the body he left is no answer to a refresh: it is kept already."""
    _die(desk.folder, "kept")
    assert _said(desk.ask(_request(), Mode.REFRESH)) == "first"
    assert len(desk.calls) == 1


def test_wherever_the_owner_is_killed_nothing_is_lost_or_corrupt(tmp_path: Path):
    """Killed before each thing done to the disk, then asked again: one call, or two where no answer had landed."""
    command = [sys.executable, str(PROGRAMS / "die_anywhere.py"), str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    rounds = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(rounds) > 20
    for facts in rounds:
        lost_in_flight = facts["calls before"] == 1 and not facts["landed"] and not facts["kept"]
        assert facts["calls"] == (2 if lost_in_flight else 1), facts
        assert (facts["attempts"], facts["corrupt"]) == ([1], [])
        assert facts["pictures"] == [67]
    stages = {(facts["calls before"], facts["landed"], facts["kept"]) for facts in rounds}
    assert stages == {(0, False, False), (1, False, False), (1, True, False), (1, True, True), (1, False, True)}


class Full:
    """A store on a full disk: everything can be read, nothing under some prefix can be written."""

    def __init__(self, store: Store, prefix: str) -> None:
        self.store, self.prefix = store, prefix

    def get(self, key: str) -> bytes | None:
        return self.store.get(key)

    def keys(self, prefix: str) -> Iterator[str]:
        return self.store.keys(prefix)

    def delete(self, key: str) -> None:
        self.store.delete(key)

    def put(self, key: str, value: bytes) -> bool:
        if key.startswith(self.prefix):
            raise StoreError(f"Cannot write {key}: no space left.")
        return self.store.put(key, value)


@pytest.mark.parametrize("prefix", ["blobs/", "records/"])
def test_an_answer_that_cannot_be_kept_is_kept_by_the_next_run(
    desk: Desk, warned: Callable[[], list[str]], make_picture: Callable[..., bytes], prefix: str
):
    """Where the store fails, the answer is shown, the user is told, and the next run keeps the body that stayed."""
    picture = make_picture()
    body = _body(picture)
    desk.generate = lambda *_: Reply(body=body, host="h", client="c")
    desk.store, right = Full(desk.store, prefix), desk.store
    desk.ask(_request())
    assert "NOT kept" in warned()[-1]
    assert ".body" in desk.traces()
    assert desk.cache.attempts(request_digest(_request())) == []
    desk.store, desk.generate = right, _never
    record = desk.ask(_request())
    assert desk.cache.blob(record.pictures[0].original.blob) == picture
    assert "is kept now" in warned()[-1]
    assert desk.traces() == []


def test_an_answer_that_is_none_stays_where_it_landed_on_a_full_disk(desk: Desk):
    """Where failed/ cannot be written, the error names the file of the claims folder that has the raw body."""
    desk.generate = lambda *_: Reply(body=b"<html>", host="h", client="c")
    desk.store = Full(desk.store, "failed/")
    with pytest.raises(MalformedAnswer) as caught:
        desk.ask(_request())
    (path,) = desk.claims.glob("*.body")
    assert str(path) in caught.value.hint
    assert path.read_bytes().endswith(b"\n<html>")


def test_an_answer_is_kept_though_it_could_not_land(desk: Desk, warned: Callable[[], list[str]]):
    """Where the user's cache folder is cleared while a request is in flight, the answer is kept all the same."""

    def generate(*_: object) -> Reply:
        shutil.rmtree(desk.claims)
        return Reply(body=_body(text="paid"), host="h", client="c")

    desk.generate = generate
    assert _said(desk.ask(_request())) == "paid"
    assert _said(desk.cache.find(request_digest(_request())).record) == "paid"
    assert "could not be noted" in warned()[0]


def test_a_torn_body_is_asked_for_again(desk: Desk, warned: Callable[[], list[str]]):
    """A body torn by a power cut is no answer: the next run says that a call was made, and asks."""
    with Flights(desk.claims).claim(request_digest(_request())) as claim:
        claim.send({"time": "2026-11-21T12:00:00Z", "model": "emulator/sketch-1"})
        claim.land(Arrived(body=b"", facts={}))
        claim.path.with_suffix(".body").write_bytes(b'{"host"')
    assert _said(desk.ask(_request())) == "first"
    assert "2026-11-21T12:00:00Z" in warned()[0]


def test_threads_share_one_call(desk: Desk):
    """Eight cells of one kernel that ask the same at once pay once."""
    start = threading.Barrier(8)

    def ask(_: int) -> Record:
        start.wait()
        return desk.ask(_request())

    with ThreadPoolExecutor(8) as pool:
        records = list(pool.map(ask, range(8)))
    assert len(desk.calls) == 1
    assert all(record == records[0] for record in records)


@pytest.mark.parametrize(("processes", "keys"), [(4, 25), (8, 200)])
def test_processes_pay_once_for_each_request(tmp_path: Path, processes: int, keys: int):
    """However many processes ask the same requests at once, there are as many calls as requests, and all are read."""
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, str(PROGRAMS / "ask_many.py"), str(tmp_path), str(keys), str(seed)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for seed in range(processes)
        ]
        for process in running:
            assert process.stdout.readline() == "ready\n"
        for process in running:
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [process.communicate()[0] for process in running] == [str(keys)] * processes
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == len(set(calls)) == keys
    cache = Cache(DirectoryStore(tmp_path / "cache"))
    assert all(cache.attempts(digest) == [1] for digest in calls)
    assert [path for path in (tmp_path / "claims").iterdir() if path.suffix != ".lock"] == []


def test_a_backend_is_anything_that_generates(desk: Desk):
    """The seam to a model is one method."""
    client = Client(
        cache=desk.cache,
        flights=lambda: Flights(desk.claims),
        backend=lambda _: SimpleNamespace(generate=desk.generate),
        unpack=unpack,
    )
    record = client.answer(_request(), mode=Mode.AUTO, invocation=INVOCATION, inputs={})
    assert _said(record) == "first"
