"""Bad requests: a 4xx in JSON, and the server lives."""

import json
import socket
from urllib.parse import urlsplit

import pytest

from gemnb.emulator import Emulator

PATH = "/v1/models/emulator/sketch-1:generateContent"


def raw(url, *pieces, half_close=False):
    """Send bytes as they are and return status and body of what comes back."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as link:
        for piece in pieces:
            link.sendall(piece)
        if half_close:
            link.shutdown(socket.SHUT_WR)
        received = b""
        while block := link.recv(1 << 16):
            received += block
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def head(*lines, method="POST", path=PATH):
    fixed = (f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "X-Goog-Api-Key: k")
    return "\r\n".join((*fixed, *lines, "", "")).encode("latin-1")


@pytest.fixture
def lives(api, ask):
    """After the test, the server still answers."""
    yield
    assert api.generate(ask()).status == 200


@pytest.mark.usefixtures("lives")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"not json",
        b"null",
        b"[]",
        b'"contents"',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"contents":' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"contents":[{"parts":[{"text":"\xff"}]}]}',
        b"\xef\xbb\xbf{}",
        b'{"contents":"\xed\xa0\x80"}',
        b'{"generationConfig":{"temperature":NaN}}',
        b'{"generationConfig":{"temperature":1e999}}',
        b'{"generationConfig":{"seed":' + b"9" * 5000 + b"}}",
        b'{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"%%%%"}}]}]}',
        b'{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":7}}]}]}',
        b'{"contents":[{"parts":[{"inlineData":[]}]}]}',
        b'{"contents":[[[]]]}',
        b'{"contents":[{"parts":"x"}]}',
        b'{"systemInstruction":7,"contents":[{"parts":[{"text":"x"}]}]}',
    ],
    ids=lambda body: body[:24].decode("latin-1").encode("unicode_escape").decode(),
)
def test_a_body_that_makes_no_sense_is_a_400_in_json(api, body):
    """Whatever is wrong with the body, the answer says so in Google's shape."""
    answer = api.generate(body)
    assert (answer.status, answer.error["code"], answer.error["status"]) == (400, 400, "INVALID_ARGUMENT")


@pytest.mark.usefixtures("lives")
@pytest.mark.parametrize(
    ("lines", "rest", "status"),
    [
        (("Content-Length: 1000000000000000000",), b"{}", 400),
        (("Content-Length: 104857601",), b"{}", 400),
        (("Content-Length: -1",), b"{}", 400),
        (("Content-Length: two",), b"{}", 400),
        (("Content-Length: \xb2",), b"{}", 400),
        (("Content-Length: 2", "Content-Length: 3"), b"{}", 400),
        (("Transfer-Encoding: chunked",), b"zz\r\n\x00\xff\r\n", 411),
        (("Transfer-Encoding: chunked", "Content-Length: 2"), b"{}", 411),
        (("Content-Length: 10",), b"{}", 400),
        (("X-Long: " + "x" * 70_000,), b"", 431),
        (tuple(f"X-{number}: x" for number in range(200)), b"", 431),
    ],
)
def test_bad_heads_are_refused_in_json(emulator, lines, rest, status):
    """Lengths that lie, chunks and endless headers get an error that can be read."""
    found, body = raw(emulator.url, head(*lines), rest, half_close=True)
    assert found == status
    assert json.loads(body)["error"]["code"] == status


@pytest.mark.usefixtures("lives")
@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", 400),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"BREW /v1/models HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"GET /%ff%00 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    ],
)
def test_what_is_hardly_http_is_refused_in_json(emulator, line, status):
    """Garbage where a request line should be does not end in a page of HTML."""
    found, body = raw(emulator.url, line, half_close=True)
    assert found == status
    assert json.loads(body)["error"]["code"] == status


@pytest.mark.usefixtures("lives")
def test_a_refused_upload_is_read_to_its_end_so_that_the_answer_arrives(emulator):
    """A client that sends on after its length was refused still gets the answer, not a reset."""
    found, body = raw(emulator.url, head("Content-Length: 200000000"), b"x" * 20_000_000, half_close=True)
    assert found == 400
    assert "104857600 bytes" in json.loads(body)["error"]["message"]


def test_clients_that_vanish_do_no_harm(api, ask, caplog):
    """Connections reset before, in and after a request leave no trace but a line for debugging."""
    with Emulator() as emulator:
        address = urlsplit(emulator.url)
        for piece in (b"", b"POST", head("Content-Length: 100"), head("Content-Length: 2") + b"{}"):
            link = socket.create_connection((address.hostname, address.port), timeout=10)
            link.sendall(piece)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            link.close()
        assert type(api)(url=emulator.url).generate(ask()).status == 200
    assert [record for record in caplog.records if record.levelname != "DEBUG"] == []


@pytest.mark.usefixtures("lives")
def test_a_head_request_has_no_body(emulator):
    """HEAD is refused by its status alone, else the next answer would be misread."""
    found, body = raw(emulator.url, head("Connection: close", method="HEAD", path="/v1/models"))
    assert (found, body) == (405, b"")


def test_lone_surrogates_in_a_prompt_are_no_obstacle(api, ask):
    """JSON can say what UTF-8 cannot; the answer is made all the same."""
    answer = api.generate(ask("A \ud83d kitten \udc31"))
    assert answer.status == 200
    assert "A kitten" in answer.parts[0]["text"]
