"""Every bad answer a service has been seen to give, and every reason it may give, through the whole path.

Each ends in a named error or outcome with the service's own words, in at most six lines; only what certainly was
not answered is asked twice; what may have been paid for is kept.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from google.genai.types import BlockedReason, FinishReason

import gemnb
from gemnb.emulator import Emulator, Fault
from gemnb.errors import (
    CacheMiss,
    GemnbError,
    MalformedAnswer,
    NoPicture,
    OutcomeError,
    Refused,
    Rejected,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gemnb.result import Result

WORDS = "These are the words of the service."
BILLED = "may have been billed"


def generate(**options: object) -> Result:
    """Ask for a small picture of a cat."""
    return gemnb.generate("A cat", **{"model": "emulator/sketch-1", "size": "512", **options})


def failure(**options: object) -> GemnbError:
    """Ask, and return the error, which is in at most six lines."""
    with pytest.raises(GemnbError) as caught:
        generate(**options)
    shown = caught.value._render_traceback_()
    assert len("\n".join(shown).splitlines()) <= 6
    assert caught.value.__context__ is None
    return caught.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What lies in a project's cache after a call: records, and bodies of answers that are none."""

    records: int
    failed: tuple[bytes, ...]


NOTHING, RECORD = Kept(records=0, failed=()), Kept(records=1, failed=())


def kept(project: Path) -> Kept:
    """Return what a project's cache holds."""
    cache = project / "cache"
    return Kept(
        records=len(list(cache.glob("records/*/*/*.json"))),
        failed=tuple(path.read_bytes() for path in sorted(cache.glob("failed/*"))),
    )


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMNB_DEADLINE", "20")


def error(status: int, reason: str | None = None) -> Fault:
    """Return an error of the service in its own words."""
    return Fault(kind="error", status=status, reason=reason, message=WORDS)


NOT_ANSWERED = {
    "400": (error(400), Rejected, "rejected the request (400)"),
    "400 not in your country": (error(400, "FAILED_PRECONDITION"), Rejected, "rejected the request (400)"),
    "401": (error(401), Rejected, "does not accept the API key (401)"),
    "403": (error(403), Rejected, "does not accept the API key (403)"),
    "404": (error(404), Rejected, "knows no model emulator/sketch-1 (404)"),
    "408": (error(408), Rejected, "rejected the request (408)"),
    "409": (error(409), Rejected, "rejected the request (409)"),
    "413": (error(413), Rejected, "rejected the request (413)"),
    "499": (error(499), Rejected, "rejected the request (499)"),
    "500": (error(500), Unavailable, BILLED),
    "501": (error(501), Unavailable, BILLED),
    "502": (error(502), Unavailable, BILLED),
    "504": (error(504), Unavailable, BILLED),
}


@pytest.mark.parametrize("row", NOT_ANSWERED.values(), ids=NOT_ANSWERED)
def test_an_error_of_the_service_is_told_in_its_words_and_asked_once(
    row: tuple[Fault, type, str], project: Path, emulator: Emulator
) -> None:
    """4xx and 5xx but 429 and 503 end the call at once, leave nothing behind, and the next run asks again."""
    fault, kind, phrase = row
    emulator.script(fault)
    told = failure()

    assert type(told) is kind
    assert phrase in str(told)
    assert WORDS in str(told)
    assert len(emulator.calls) == 1
    assert kept(project) == NOTHING
    assert len(generate().pictures) == 1


def test_a_bad_key_is_told_with_the_way_to_a_good_one(project: Path, emulator: Emulator) -> None:
    """400 with API_KEY_INVALID is about the key, whatever its status."""
    emulator.script(Fault(kind="bad-key"))
    told = failure()

    assert type(told) is Rejected
    assert "API key not valid. Please pass a valid API key." in str(told)
    assert "GEMINI_API_KEY" in told.hint
    assert (len(emulator.calls), kept(project)) == (1, NOTHING)


BUSY = {
    "429": (Fault(kind="rate-limited", seconds=0, message=WORDS), WORDS),
    "503": (Fault(kind="overloaded", seconds=0, message=WORDS), WORDS),
    "503 in HTML": (Fault(kind="overloaded-html", seconds=0), "The service you requested is not available"),
}


@pytest.mark.parametrize("row", BUSY.values(), ids=BUSY)
def test_a_service_that_stays_busy_is_asked_five_times(
    row: tuple[Fault, str], project: Path, emulator: Emulator
) -> None:
    """429 and 503 are tried again, five times at most; nothing was billed and nothing is kept."""
    fault, said = row
    emulator.script(*[fault] * 5)
    told = failure()

    assert type(told) is Unavailable
    assert said in str(told)
    assert BILLED not in str(told)
    assert len(emulator.calls) == 5
    assert kept(project) == NOTHING
    assert len(generate().pictures) == 1


def test_a_service_that_is_busy_for_a_moment_answers_in_the_end(project: Path, emulator: Emulator) -> None:
    """Whatever mixture of 429 and 503 comes first, the answer is kept as if it had come at once."""
    emulator.script(BUSY["429"][0], BUSY["503 in HTML"][0], BUSY["503"][0])

    assert len(generate().pictures) == 1
    assert (len(emulator.calls), kept(project)) == (4, RECORD)


def test_a_wait_beyond_the_deadline_is_told_and_not_waited_for(
    project: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that asks for a day of patience is asked once, and the error says how long."""
    monkeypatch.setenv("GEMNB_DEADLINE", "5")
    emulator.script(Fault(kind="rate-limited", seconds=3600, message=WORDS))
    told = failure()

    assert type(told) is Unavailable
    assert "asks to wait 3600 s" in str(told)
    assert (len(emulator.calls), kept(project)) == (1, NOTHING)


def test_a_retry_does_not_hide_a_later_error(project: Path, emulator: Emulator) -> None:
    """After a 503 anything else ends the call as it would have done at first."""
    emulator.script(BUSY["503"][0], error(500))

    assert BILLED in str(failure())
    assert (len(emulator.calls), kept(project)) == (2, NOTHING)


BROKEN = {
    "truncated": (Fault(kind="truncated"), "RemoteProtocolError"),
    "reset": (Fault(kind="reset"), "ReadError"),
    "hang-up": (Fault(kind="hang-up"), "RemoteProtocolError"),
    "drip": (Fault(kind="drip", seconds=0.2), "ReadTimeout"),
    "drip that pauses across the deadline": (Fault(kind="drip", seconds=0.9), "ReadTimeout"),
    "stall": (Fault(kind="stall"), "ReadTimeout"),
}


@pytest.mark.parametrize("row", BROKEN.values(), ids=BROKEN)
def test_a_connection_that_breaks_is_told_and_not_asked_twice(
    row: tuple[Fault, str], project: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that was sent and not wholly answered ends by the deadline, is not repeated and may be billed."""
    fault, said = row
    if said == "ReadTimeout":
        monkeypatch.setenv("GEMNB_DEADLINE", "1")
    emulator.script(fault)
    start = time.monotonic()
    told = failure()

    assert time.monotonic() - start < 1.7  # the next piece of the slower drip comes after 1.8 seconds
    assert type(told) is Unavailable
    assert BILLED in str(told)
    assert said in str(told)
    assert (len(emulator.calls), kept(project)) == (1, NOTHING)
    assert len(generate().pictures) == 1


def test_a_slow_drip_inside_the_deadline_is_an_answer(project: Path, emulator: Emulator) -> None:
    """An answer that comes in pieces is an answer once it is whole."""
    emulator.script(Fault(kind="drip", seconds=0.02))

    assert len(generate().pictures) == 1
    assert (len(emulator.calls), kept(project)) == (1, RECORD)


def test_nobody_there_is_told_as_that(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection was no request: nothing was billed, and nothing is kept."""
    monkeypatch.setenv("GEMNB_DEADLINE", "0.4")
    monkeypatch.setenv("GEMNB_EMULATOR", f"http://127.0.0.1:{unused_port()}")
    told = failure()

    assert type(told) is Unavailable
    assert "ConnectError" in str(told)
    assert BILLED not in str(told)
    assert kept(project) == NOTHING


def test_a_service_that_comes_up_a_moment_later_is_reached(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed connect is tried again."""
    late = Emulator(port=unused_port())
    starting = threading.Timer(0.2, late.start)
    monkeypatch.setenv("GEMNB_EMULATOR", f"http://127.0.0.1:{late._port}")
    starting.start()
    try:
        assert len(generate().pictures) == 1
        assert len(late.calls) == 1
    finally:
        starting.join()
        late.stop()


def unused_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_redirect_is_not_followed(project: Path, emulator: Emulator) -> None:
    """Another host gets neither prompt nor key, and the error names it."""
    with Emulator(host="localhost") as elsewhere:
        there = elsewhere.url.replace("127.0.0.1", "localhost")
        path = "/v1/models/emulator/sketch-1:generateContent"
        emulator.script(Fault(kind="redirect", location=there + path))
        told = failure()

        assert type(told) is Rejected
        assert "redirects to localhost (307)" in str(told)
        assert elsewhere.calls == ()
    assert (len(emulator.calls), kept(project)) == (1, NOTHING)
    assert len(generate().pictures) == 1


MALFORMED = {
    "empty body": (Fault(kind="empty-body"), "no JSON"),
    "page of HTML": (Fault(kind="html"), "no JSON"),
    "bad JSON": (Fault(kind="bad-json"), "no JSON"),
    "no candidates": (Fault(kind="no-candidates"), "neither a candidate nor a reason"),
    "bad base64": (Fault(kind="bad-base64"), "no base64"),
    "not an image": (Fault(kind="not-an-image"), "call themselves image/png and are none"),
    "truncated image": (Fault(kind="truncated-image"), "ends before its last chunk"),
}


@pytest.mark.parametrize("row", MALFORMED.values(), ids=MALFORMED)
def test_an_answer_that_is_none_is_kept_as_it_came(row: tuple[Fault, str], project: Path, emulator: Emulator) -> None:
    """Its raw body lies in cache/failed/, the error says where and that it may be billed; the next run asks again."""
    fault, phrase = row
    emulator.script(fault)
    told = failure()

    assert type(told) is MalformedAnswer
    assert phrase in str(told)
    assert BILLED in str(told)
    assert "cache/failed/" in str(told)
    assert len(emulator.calls) == 1
    assert kept(project).records == 0
    assert len(kept(project).failed) == 1
    assert len(generate().pictures) == 1
    assert len(emulator.calls) == 2


NO_PICTURE = {
    "text only": (Fault(kind="text-only", message=WORDS), NoPicture, "answered in words", WORDS),
    "no parts": (Fault(kind="no-parts"), Refused, "refused: STOP", ""),
    "no image": (Fault(kind="no-image", message=WORDS), Refused, "refused: NO_IMAGE", WORDS),
    "blocked": (Fault(kind="prompt-blocked", message=WORDS), Refused, "refused: PROHIBITED_CONTENT", WORDS),
    "new to us": (Fault(kind="no-image", reason="HUNGER", message=WORDS), Refused, "refused: HUNGER", WORDS),
    "blocked, new to us": (Fault(kind="prompt-blocked", reason="HUNGER", message=WORDS), Refused, "HUNGER", WORDS),
    "long": (Fault(kind="no-image", message=f"{WORDS}\n" * 500), Refused, "refused: NO_IMAGE", WORDS),
} | {
    f"finish {reason.value}": (
        Fault(kind="no-image", reason=reason.value, message=WORDS),
        Refused,
        f"refused: {reason.value}",
        WORDS,
    )
    for reason in FinishReason
}
NO_PICTURE |= {
    f"block {reason.value}": (
        Fault(kind="prompt-blocked", reason=reason.value, message=WORDS),
        Refused,
        f"refused: {reason.value}",
        WORDS,
    )
    for reason in BlockedReason
}


@pytest.mark.parametrize("row", NO_PICTURE.values(), ids=NO_PICTURE)
def test_an_answer_without_a_picture_is_kept_and_replays(
    row: tuple[Fault, type, str, str], project: Path, emulator: Emulator
) -> None:
    """Every reason is a named outcome with the model's own message, asked for once, told again in the same words."""
    fault, kind, phrase, said = row
    emulator.script(fault)
    told = failure()
    again, replayed = failure(), failure(mode="replay")

    assert type(told) is kind
    assert issubclass(kind, OutcomeError)
    assert phrase in str(told)
    assert said in str(told)
    assert str(told) == str(again) == str(replayed)
    assert (len(emulator.calls), kept(project)) == (1, RECORD)
    assert generate(allow_refusal=True).pictures == ()
    assert len(generate(mode="refresh").pictures) == 1


@pytest.mark.parametrize("row", [*NOT_ANSWERED.values(), *MALFORMED.values()], ids=[*NOT_ANSWERED, *MALFORMED])
def test_what_is_no_outcome_is_a_miss_in_replay(row: tuple, project: Path, emulator: Emulator) -> None:
    """A call that brought no outcome leaves nothing that a replay could take for one."""
    emulator.script(row[0])
    failure()

    assert type(failure(mode="replay")) is CacheMiss
    assert len(emulator.calls) == 1


def test_several_pictures_are_all_kept_and_shown_in_order(
    project: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each picture of one answer is a picture of the result, in the order it came, on a miss and on a hit."""
    emulator.script(Fault(kind="pictures", count=3))
    miss, hit = generate(), generate(mode="replay")
    parts = miss.record.response["candidates"][0]["content"]["parts"]
    sent = [part["inlineData"]["data"]["$blob"] for part in parts if "inlineData" in part]

    assert [picture.original.blob for picture in miss.pictures] == sent
    assert len(set(sent)) == 3
    assert miss.records == hit.records
    assert [miss.blob(digest) for digest in sent] == [hit.blob(digest) for digest in sent]
    assert (len(emulator.calls), kept(project)) == (1, RECORD)


def test_several_pictures_stand_in_a_notebook_in_order(run_cells: Callable, emulator: Emulator) -> None:
    """A cell whose answer has two pictures has two outputs, in the order of the answer."""
    emulator.script(Fault(kind="pictures"))
    cells = run_cells("%load_ext gemnb", "%%gemimg two -m emulator/sketch-1 -s 512\nA cat", "two.pictures")

    shown = [output.data["application/vnd.gemnb.v1+json"]["picture"] for output in cells[1].outputs]
    assert shown == [0, 1]
    assert len({output.data["image/png"] for output in cells[1].outputs}) == 2


def test_another_model_that_answers_is_named(
    project: Path, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The picture is kept, its record says who made it, and a warning names both models."""
    emulator.script(Fault(kind="other-model", model="emulator/sketch-9"))
    with caplog.at_level(logging.WARNING, logger="gemnb"):
        result = generate()

    assert len(result.pictures) == 1
    assert result.record.response["modelVersion"] == "emulator/sketch-9"
    (message,) = (record.getMessage() for record in caplog.records if record.name == "gemnb")
    assert "emulator/sketch-1 was asked for" in message
    assert "emulator/sketch-9" in message


def test_a_proper_answer_warns_of_nothing(
    project: Path, emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    """The model asked for is the one that answered, and nobody hears of it."""
    with caplog.at_level(logging.WARNING, logger="gemnb"):
        generate()

    assert [record for record in caplog.records if record.name == "gemnb"] == []


def test_a_picture_of_sixteen_megapixels_is_kept_whole_and_shown_small(project: Path, emulator: Emulator) -> None:
    """4096 × 4096 pixels come through; what would stand in the notebook is a preview of 1024."""
    emulator.script(Fault(kind="huge"))
    result = generate()
    (picture,) = result.pictures

    assert (picture.original.width, picture.original.height) == (4096, 4096)
    assert len(result.bytes) == picture.original.size
    assert picture.preview is not None
    assert max(picture.preview.width, picture.preview.height) == 1024


class Wire:
    """A server that answers each request with given bytes, whatever they are, and hangs up.

    Attributes:
        requests: the requests it has received.
    """

    def __init__(self, reply: bytes) -> None:
        self.requests: list[bytes] = []
        self._reply = reply
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            link, _ = self._listener.accept()
            with link, link.makefile("rb") as file:
                head = b"".join(iter(file.readline, b"\r\n"))
                if not head:
                    return
                length = next(
                    int(row[15:]) for row in head.splitlines() if row.lower().startswith(b"content-length:")
                )
                file.read(length)
                self.requests.append(head)
                link.sendall(self._reply)

    def close(self) -> None:
        """Stop with a request that is none."""
        with socket.create_connection(self._listener.getsockname()) as link:
            link.sendall(b"\r\n")
        self._thread.join()
        self._listener.close()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], Wire]]:
    """Start a server that answers with these bytes; it stands where the emulator would."""
    servers: list[Wire] = []

    def start(reply: bytes) -> Wire:
        servers.append(Wire(reply))
        monkeypatch.setenv("GEMNB_EMULATOR", servers[-1].url)
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def http(status: int, body: bytes, kind: str = "application/json", length: int | None = None) -> bytes:
    """Return an HTTP answer."""
    given = len(body) if length is None else length
    head = f"HTTP/1.1 {status} Said\r\nContent-Type: {kind}\r\nContent-Length: {given}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


ANSWER = json.dumps({"candidates": [{"content": {"parts": [{"text": WORDS}]}, "finishReason": "STOP"}]}).encode()
PAGE = f"<html><script>no()</script><h1>Sorry</h1><p>{WORDS}</p></html>".encode()
CLOSED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

STRANGE = {
    "400 list": (http(400, b'[{"error": {"message": "%s"}}]' % WORDS.encode()), Rejected, WORDS),
    "400 long list": (http(400, json.dumps([WORDS, WORDS]).encode()), Rejected, WORDS),
    "400 text": (http(400, json.dumps(WORDS).encode()), Rejected, WORDS),
    "400 deep": (http(400, b"[" * 100_000), Rejected, "[[["),
    "400 no UTF-8": (http(400, WORDS.encode() + b"\xff\xfe"), Rejected, WORDS),
    "400 nothing": (http(400, b""), Rejected, "(400)"),
    "400 escape sequences": (http(400, b'"%s \\u001b[2J"' % WORDS.encode()), Rejected, WORDS),
    "400 odd charset": (http(400, PAGE, "text/html; charset=base64"), Rejected, f"Sorry {WORDS}"),
    "500 null": (http(500, b"null"), Unavailable, "null"),
    "500 odd error": (http(500, b'{"error": "boom"}'), Unavailable, "boom"),
    "500 odd message": (http(500, b'{"error": {"message": {"en": "boom"}}}'), Unavailable, "boom"),
    "500 page": (http(500, PAGE, "text/html"), Unavailable, f"Sorry {WORDS}"),
    "502 page": (http(502, PAGE, "text/html"), Unavailable, f"Sorry {WORDS}"),
    "302 page": (http(302, PAGE, "text/html"), Rejected, f"Sorry {WORDS}"),
    "304": (b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n", Rejected, "(304)"),
    "short": (http(200, ANSWER, length=len(ANSWER) + 9), Unavailable, "RemoteProtocolError"),
    "cut in a chunk": (CHUNKED + b"%x\r\n" % len(ANSWER) + ANSWER[:40], Unavailable, "RemoteProtocolError"),
    "cut between chunks": (CHUNKED + b"%x\r\n%s\r\n" % (len(ANSWER), ANSWER), Unavailable, "RemoteProtocolError"),
    "garbage": (b"\x16\x03\x01 this is no HTTP\r\n\r\n", Unavailable, "RemoteProtocolError"),
    "broken gzip": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\nConnection: close\r\n\r\nABCD",
        Unavailable,
        "DecodingError",
    ),
}


@pytest.mark.parametrize("row", STRANGE.values(), ids=STRANGE)
def test_strange_answers_without_success_are_told_once(
    row: tuple[bytes, type, str], project: Path, wire: Callable[[bytes], Wire]
) -> None:
    """Whatever stands where an error of the service should be, its words are told, and nothing is sent twice."""
    reply, kind, said = row
    server = wire(reply)
    told = failure()

    assert type(told) is kind
    assert said in str(told)
    assert "\x1b" not in str(told)
    assert (len(server.requests), kept(project)) == (1, NOTHING)
    failure()
    assert len(server.requests) == 2


SUCCESSES = {
    "200 empty": (200, b"", "no JSON"),
    "200 empty object": (200, b"{}", "neither a candidate"),
    "200 null": (200, b"null", "JSON NoneType"),
    "200 empty list": (200, b"[]", "JSON list"),
    "200 list of an answer": (200, b"[%s]" % ANSWER, "JSON list"),
    "200 page": (200, PAGE, "no JSON"),
    "200 half": (200, ANSWER[:50], "no JSON"),
    "200 no UTF-8": (200, ANSWER.replace(b"words", b"\xff"), "no JSON"),
    "200 deep": (200, b"[" * 100_000, "no JSON"),
    "202 operation": (202, b'{"name": "operations/1"}', "neither a candidate"),
}


@pytest.mark.parametrize("row", SUCCESSES.values(), ids=SUCCESSES)
def test_a_success_that_is_no_answer_is_kept_byte_by_byte(
    row: tuple[int, bytes, str], project: Path, wire: Callable[[bytes], Wire]
) -> None:
    """What the SDK reports as success, as nothing or as a bare JSON error ends in one class, its body kept."""
    status, body, phrase = row
    server = wire(http(status, body))
    told = failure()

    assert type(told) is MalformedAnswer
    assert phrase in str(told)
    assert BILLED in str(told)
    assert (len(server.requests), kept(project)) == (1, Kept(records=0, failed=(body,)))
    failure()
    assert len(server.requests) == 2


def test_no_content_is_an_empty_answer(project: Path, wire: Callable[[bytes], Wire]) -> None:
    """204 is a success without an answer, and is told as that."""
    server = wire(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    assert type(failure()) is MalformedAnswer
    assert (len(server.requests), kept(project)) == (1, Kept(records=0, failed=(b"",)))


def test_half_a_body_of_no_stated_length_is_kept(project: Path, wire: Callable[[bytes], Wire]) -> None:
    """An answer cut where only its JSON can tell is no answer, and what came of it is kept."""
    server = wire(CLOSED + ANSWER[:60])

    assert type(failure()) is MalformedAnswer
    assert (len(server.requests), kept(project)) == (1, Kept(records=0, failed=(ANSWER[:60],)))


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_whole_answer_counts_whatever_success_it_came_with(
    status: int, project: Path, wire: Callable[[bytes], Wire], make_picture: Callable[..., bytes]
) -> None:
    """A picture under 202, which the SDK takes for an error, was made and paid for, and is kept."""
    import base64

    data = make_picture()
    part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(data).decode()}}
    body = json.dumps({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]}).encode()
    server = wire(http(status, body, "application/json; charset=base64"))

    assert generate().bytes == data
    assert generate().bytes == data
    assert (len(server.requests), kept(project)) == (1, RECORD)
