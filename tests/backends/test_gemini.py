"""The Gemini backend over real HTTP: what is sent, what is tried again, what a person is told (law 12)."""

from __future__ import annotations

import email.utils
import http.server
import json
import logging
import pickle
import threading
import time
import traceback
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from gemnb.backends.failures import Failure, explain, may_retry, other_model
from gemnb.backends.gemini import GeminiBackend
from gemnb.canonical import blob_digest
from gemnb.detach import image_part, text_part
from gemnb.emulator import Fault
from gemnb.errors import BackendError, MissingKey, Rejected, RequestError, SettingsError, Unavailable
from gemnb.model import Content, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gemnb.emulator import Emulator

KEY = "AIzaSyTEST-key-that-must-not-be-seen"


def request(*parts: dict, **config: object) -> Request:
    """Return a request to the emulator."""
    return Request(
        model="emulator/sketch-1",
        contents=(Content(role="user", parts=parts or (text_part("A cat"),)),),
        config={"image_size": "512", **config},
    )


def backend(url: str, deadline: float = 20.0) -> GeminiBackend:
    """Return a backend that asks this server."""
    return GeminiBackend(base_url=url, api_key=KEY, deadline=deadline, keep_vendor=True)


def no_blob(digest: str) -> bytes:
    """Fail: the request has no bytes to look up."""
    raise AssertionError(digest)


@pytest.fixture
def answering() -> Iterator[Callable[..., tuple[str, list[dict[str, str]]]]]:
    """Start servers that answer every POST with a given status, headers and body; return URL and requests."""
    servers = []

    def start(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[str, list]:
        seen: list[dict[str, str]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                seen.append({k.lower(): v for k, v in self.headers.items()})
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}", seen

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_raw_body_comes_back_with_its_host(emulator: Emulator) -> None:
    """A good call returns the body as received, unknown members included, and who answered through what."""
    reply = backend(emulator.url).generate(request(), no_blob)

    assert json.loads(reply.body)["modelVersion"] == "emulator/sketch-1"
    assert reply.host == "127.0.0.1"
    assert reply.client.startswith("google-genai 3.")


def test_pictures_are_sent_as_their_original_bytes(emulator: Emulator, make_picture: Callable[..., bytes]) -> None:
    """Input bytes are not re-encoded on their way."""
    import base64

    data = make_picture("JPEG")
    backend(emulator.url).generate(
        request(image_part(blob_digest(data), "image/jpeg"), text_part("Edit")), lambda _: data
    )

    sent = emulator.calls[0].body["contents"][0]["parts"][0]["inlineData"]
    assert base64.b64decode(sent["data"]) == data
    assert sent["mimeType"] == "image/jpeg"


def test_unset_options_are_not_sent(emulator: Emulator) -> None:
    """A request without options has no generationConfig but what was asked for."""
    backend(emulator.url).generate(
        Request(model="emulator/sketch-1", contents=(Content(role="user", parts=(text_part("A cat"),)),)), no_blob
    )

    assert not emulator.calls[0].body.get("generationConfig")


@pytest.mark.parametrize("kind", ["rate-limited", "overloaded", "overloaded-html"])
def test_a_busy_service_is_asked_again(kind: str, emulator: Emulator) -> None:
    """429 and 503, as JSON or HTML, are tried again and then answered."""
    fault = Fault(kind=kind, seconds=0.05) if kind == "rate-limited" else Fault(kind=kind)
    emulator.script(fault)

    reply = backend(emulator.url).generate(request(), no_blob)

    assert b"candidates" in reply.body
    assert len(emulator.calls) == 2


def test_retry_after_beyond_the_deadline_gives_up_at_once(emulator: Emulator) -> None:
    """A service that asks for more patience than the deadline allows is not asked again."""
    emulator.script(Fault(kind="rate-limited", seconds=3600))

    with pytest.raises(Unavailable, match="did not answer the request \\(429\\)"):
        backend(emulator.url, deadline=5).generate(request(), no_blob)

    assert len(emulator.calls) == 1


def test_a_stalled_service_ends_at_the_deadline_and_is_not_asked_twice(emulator: Emulator) -> None:
    """A call without an answer ends by the wall clock, is not repeated, and says it may have been billed."""
    emulator.script(Fault(kind="stall"))

    with pytest.raises(Unavailable, match="may have been billed"):
        backend(emulator.url, deadline=1).generate(request(), no_blob)

    assert len(emulator.calls) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
def test_other_server_errors_are_not_asked_again(status: int, answering: Callable) -> None:
    """A 5xx other than 503 may have been paid for, so it is told and not repeated."""
    url, seen = answering(status, b'{"error": {"message": "Internal", "status": "INTERNAL"}}')

    with pytest.raises(Unavailable, match="may have been billed"):
        backend(url).generate(request(), no_blob)

    assert len(seen) == 1


@pytest.mark.parametrize("status", [201, 202, 204])
def test_any_success_is_an_answer(status: int, answering: Callable) -> None:
    """What the SDK takes for an error because it is no 200 may hold a paid picture, and comes back as it is."""
    url, seen = answering(status, b"" if status == 204 else b'{"candidates": []}')

    assert backend(url).generate(request(), no_blob).body == (b"" if status == 204 else b'{"candidates": []}')
    assert len(seen) == 1


def test_retry_after_is_waited_for(emulator: Emulator) -> None:
    """The request goes out again when the service said, not before."""
    emulator.script(Fault(kind="rate-limited", seconds=0.1, message="x"))  # 0.1 in RetryInfo, 1 in the header
    start = time.monotonic()
    backend(emulator.url).generate(request(), no_blob)

    assert time.monotonic() - start >= 1
    assert len(emulator.calls) == 2


def test_a_request_that_cannot_be_sent_is_told(emulator: Emulator) -> None:
    """A model id that the SDK does not put into a path is our error, and nothing is sent."""
    asked = Request(model="emulator/../sketch-1", contents=request().contents)

    with pytest.raises(RequestError, match="cannot be sent") as caught:
        backend(emulator.url).generate(asked, no_blob)

    assert "model" in caught.value.why
    assert emulator.calls == ()


@pytest.mark.parametrize("key", ["AIza\nSECRET", "AIza\x00SECRET", "AIza\u2026SECRET"])
def test_a_key_that_cannot_be_one_is_refused_and_not_quoted(key: str, emulator: Emulator) -> None:
    """A key with a line break or a typographic sign in it is told as that, and no byte of it is shown (law 12)."""
    with pytest.raises(MissingKey) as caught:
        GeminiBackend(base_url=emulator.url, api_key=key, deadline=5)

    assert "AIza" not in str(caught.value) + repr(caught.value)
    assert "SECRET" not in str(caught.value) + repr(caught.value)
    assert emulator.calls == ()


def test_a_key_at_the_end_of_a_long_message_is_taken_out_whole(answering: Callable) -> None:
    """Where a message is cut, half a key does not stay (law 12)."""
    for pad in (380, 395):
        url, _ = answering(400, json.dumps({"error": {"message": "x" * pad + " " + KEY}}).encode())
        with pytest.raises(Rejected) as caught:
            backend(url).generate(request(), no_blob)
        assert KEY[:4] not in str(caught.value)
        assert len(caught.value.why) == 400 if pad == 395 else caught.value.why.endswith("[key]")


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://user:secret@elsewhere.invalid:8/x?key=y", "redirects to elsewhere.invalid (307)"),
        ("/v1/other", "redirects to another path (307)"),
        ("", "redirects to another path (307)"),
        ("https://[::1", "redirects to what is no address (307)"),
    ],
)
def test_a_redirect_names_the_host_alone(location: str, words: str) -> None:
    """Of a redirect's address only the host is shown."""
    failure = Failure.of_status(307, {"location": location}, b"", "")

    assert words in str(explain(failure, model="google/x", host="h"))


@pytest.mark.parametrize(
    ("version", "other"),
    [
        ("gemini-3-pro-image", ""),
        ("models/gemini-3-pro-image", ""),
        ("gemini-3-pro-image-001", ""),
        ("gemini-3-pro-image-preview", "gemini-3-pro-image-preview"),
        ("gemini-3.1-flash-lite-image", "gemini-3.1-flash-lite-image"),
        ("", ""),
    ],
)
@pytest.mark.parametrize(
    "form", ['{"modelVersion":"%s"}', '{"x": "\\"modelVersion\\"", "modelVersion" : "%s" }', "%s"]
)
def test_another_model_than_the_one_asked_for_is_seen(version: str, other: str, form: str) -> None:
    """A version of the model is the model; whatever else answered is named."""
    body = (form % version).encode()

    assert other_model(body, "gemini-3-pro-image") == (other if "{" in form else "")


def test_the_model_that_answered_is_read_from_a_real_place_only() -> None:
    """Words in a picture's prompt or a text cannot pass for a modelVersion."""
    body = json.dumps({"text": '"modelVersion": "x"', "modelVersion": "m"}).encode()
    reverse = json.dumps({"modelVersion": "m", "text": '"modelVersion": "x"'}).encode()

    assert [other_model(found, "m") for found in (body, reverse)] == ["", ""]


def test_a_redirect_is_not_followed(answering: Callable) -> None:
    """A redirect to another host is refused, so that the key does not travel there."""
    elsewhere, seen = answering(200, b"{}")
    url, _ = answering(307, b"", {"Location": f"{elsewhere}/v1/models/x:generateContent"})

    with pytest.raises(Rejected, match="307"):
        backend(url).generate(request(), no_blob)

    assert seen == []


def test_a_refused_connection_is_told(unused_port: int) -> None:
    """Nobody listening ends in an error that says so, after the tries that cost nothing."""
    with pytest.raises(Unavailable, match="did not answer") as caught:
        backend(f"http://127.0.0.1:{unused_port}", deadline=1).generate(request(), no_blob)

    assert "billed" not in str(caught.value)


@pytest.fixture
def unused_port() -> int:
    """A port of this machine on which nobody listens."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_unknown_model_is_told_with_a_suggestion(emulator: Emulator) -> None:
    """A 404 names the model that was probably meant."""
    asked = Request(model="emulator/sketch-2", contents=request().contents)

    with pytest.raises(Rejected, match="knows no model emulator/sketch-2") as caught:
        backend(emulator.url).generate(asked, no_blob)

    assert "emulator/sketch-1" in caught.value.hint


def test_a_retired_model_is_told_with_its_successor() -> None:
    """A 404 of a retired model names its successor."""
    failure = Failure.of_status(404, {}, b"", "not found")

    error = explain(failure, model="google/gemini-2.5-flash-image", host="h")

    assert error.hint == "Its successor: google/gemini-nano-banana-2.1"


def test_parts_that_cannot_be_sent_back_are_named(emulator: Emulator) -> None:
    """An earlier answer with a part gemnb does not know is refused with the way round it."""
    with pytest.raises(RequestError, match="executableCode") as caught:
        backend(emulator.url).generate(request({"executableCode": {"code": "1"}}), no_blob)

    assert "-i NAME in place of -e NAME" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "headers", "body", "wait"),
    [
        (429, {"retry-after": "7"}, b"", 7.0),
        (429, {}, b'{"error": {"details": [{"@type": "x", "retryDelay": "3.5s"}]}}', 3.5),
        (429, {}, b'[{"error": {"details": [{"@type": "x", "retryDelay": "3.5s"}]}}]', 3.5),
        (503, {"retry-after": "100000"}, b"", 100_000.0),
        (503, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, b"", 0.0),
        (503, {"retry-after": "Wed, 21 Oct 2015 07:28:00 -0000"}, b"", 0.0),
        (503, {"retry-after": "inf"}, b"", None),
        (503, {"retry-after": "Wed, 99 Oct 2015 07:28:00 GMT"}, b"", None),
        (503, {"retry-after": "soon"}, b"<html>", None),
        (503, {"retry-after": "-1"}, b"", None),
        (429, {}, b"[1, 2]", None),
        (429, {}, b"[" * 100_000, None),
    ],
)
def test_the_wait_a_service_asks_for_is_read(
    status: int, headers: dict[str, str], body: bytes, wait: float | None
) -> None:
    """Retry-After in seconds or RetryInfo is honoured, and nonsense is passed over."""
    failure = Failure.of_status(status, headers, body, "")

    assert failure.retry_after == wait
    assert may_retry(failure)


def test_a_date_to_come_back_at_is_a_wait() -> None:
    """Retry-After may be a date; the wait is what is left until then."""
    until = email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)

    assert 80 < (Failure.of_status(503, {"retry-after": until}, b"", "").retry_after or 0) <= 90


def test_html_is_told_as_text() -> None:
    """An HTML error page becomes its words, without scripts and tags."""
    page = b"<html><script>alert(1)</script><h1>503</h1><p>Service   busy</p></html>"

    assert Failure.of_status(503, {}, page, "").message == "503 Service busy"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_no_byte_of_the_key_is_in_an_error(
    status: int, answering: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    """Even a service that echoes the key back does not bring it into an error, log, pickle or traceback (law 12)."""
    body = json.dumps({"error": {"message": f"the key {KEY} is bad", "status": "X"}}).encode()
    url, seen = answering(status, body)
    asked = backend(url, deadline=0.8)

    with caplog.at_level(logging.DEBUG, logger="gemnb"), pytest.raises(BackendError) as caught:
        asked.generate(request(), no_blob)

    error = caught.value
    error.__context__ = error.__cause__ = None  # as the magic raises it
    shown = "".join(traceback.format_exception(error)) + "\n".join(error._render_traceback_())
    ours = "".join(record.getMessage() for record in caplog.records if record.name.startswith("gemnb"))
    assert KEY not in shown + repr(error) + ours + repr(asked)
    assert KEY.encode() not in pickle.dumps(error)
    assert seen[0]["x-goog-api-key"] == KEY


def test_a_good_answer_that_echoes_the_key_is_handed_on_without_it(
    answering: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    """Key and header values are blanked in the body of a 200, whatever it is, and one warning says so."""
    token = "a-token/of+a gateway"
    url, _ = answering(200, json.dumps({"debug": [KEY, token], "modelVersion": KEY}).encode())
    asked = GeminiBackend(base_url=url, api_key=KEY, deadline=9, headers={"X-Gate": token, "Accept": "application/x"})

    reply = asked.generate(request(), no_blob)

    assert json.loads(reply.body) == {"debug": ["[key]", "[key]"], "modelVersion": "[key]"}
    assert sum("back in its answer" in record.getMessage() for record in caplog.records) == 1
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Authorization": "Bearer TOPSECRET99\n"}, "the value of Authorization"),
        ({"Authorization": " TOPSECRET99"}, "the value of Authorization"),
        ({"Authorization": "TOPSECRET99\x1b"}, "the value of Authorization"),
        ({"Authorization": "TOPSECRET99…"}, "the value of Authorization"),
        ({"X-Good": "yes", "Bearer TOPSECRET99": ""}, "the name of header 2"),
        ({"": "TOPSECRET99"}, "the name of header 1"),
        ({"Content-Length": "99"}, "Content-Length follows"),
    ],
)
def test_a_header_that_cannot_be_sent_is_refused_at_once(headers: dict[str, str], told: str) -> None:
    """What an HTTP library would refuse at each call, quoting it, is refused before, without its value."""
    with pytest.raises(SettingsError, match=told) as caught:
        GeminiBackend(base_url="http://127.0.0.1:9", api_key=KEY, deadline=1, headers=headers)
    assert "TOPSECRET99" not in str(caught.value)
    assert "GEMNB_HEADERS=" in caught.value.hint


def test_concurrent_calls_do_not_mix_their_answers(emulator: Emulator) -> None:
    """Eight threads through one client each get the answer to their own request."""
    from concurrent.futures import ThreadPoolExecutor

    asked = backend(emulator.url)
    alone = {word: asked.generate(request(text_part(word)), no_blob).body for word in "abcdefgh"}
    with ThreadPoolExecutor(8) as pool:
        bodies = dict(
            zip(
                "abcdefgh",
                pool.map(lambda w: asked.generate(request(text_part(w)), no_blob).body, "abcdefgh"),
                strict=True,
            )
        )

    assert bodies == alone
