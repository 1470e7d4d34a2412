"""Parsers of foreign bytes that are no notebook and no picture: records, blobs, answers, a service's errors, HTTP."""

from __future__ import annotations

import copy
import json
import socket
import string
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemnb.arrival import unpack
from gemnb.backends.failures import Failure, explain, may_retry
from gemnb.cache.store import record_key
from gemnb.errors import CacheError, CorruptEntry, MalformedAnswer, UnknownSchema
from gemnb.model import Content, Request

if TYPE_CHECKING:
    from gemnb.cache import Cache
    from gemnb.emulator import Emulator

REQUEST = Request(model="emulator/sketch-1", contents=(Content(role="user", parts=({"text": "A cat"},)),))
OTHER = "sha256:" + "ab" * 32

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
NAMES = [
    *("candidates", "content", "parts", "text", "thought", "inlineData", "mimeType", "data", "thoughtSignature"),
    *("finishReason", "finishMessage", "promptFeedback", "blockReason", "usageMetadata", "role", "$blob", "error"),
]
answers = st.recursive(
    leaves | st.sampled_from(["STOP", "iVBORw0KGgo=", "image/png", "model"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=14,
)
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def kept_at(cache: Cache, true_document: dict) -> tuple[str, str]:
    """Return the request's digest and the key under which the true record is kept."""
    digest = true_document["record"]["request_digest"]
    return digest, record_key(digest, 1)


def put(cache: Cache, key: str, data: bytes) -> None:
    """Put bytes in the place of a kept entry."""
    path = cache.store.root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@quick
@given(data=st.binary(max_size=300))
def test_any_bytes_in_place_of_a_record_are_set_aside(cache: Cache, true_document: dict, data: bytes):
    """A record file of any bytes is reported as damaged, and is neither shown nor a miss."""
    digest, key = kept_at(cache, true_document)
    put(cache, key, data)
    with pytest.raises((CorruptEntry, UnknownSchema)) as caught:
        cache.find(digest)
    assert key in caught.value.what or isinstance(caught.value, UnknownSchema)


@quick
@given(value=values, data=st.data())
def test_any_json_in_place_of_a_member_of_a_record_is_told(
    cache: Cache, true_document: dict, value: object, data: st.DataObject
):
    """Whatever JSON stands in the place of a member, the record is the true one, or is reported as damaged."""
    digest, key = kept_at(cache, true_document)
    document = copy.deepcopy(true_document)
    document.pop("picture")
    holder = data.draw(st.sampled_from([document, document["record"], document["invocation"]]))
    holder[data.draw(st.sampled_from(sorted(holder)))] = value
    put(cache, key, json.dumps(document).encode())
    try:
        kept = cache.find(digest)
    except (CorruptEntry, UnknownSchema):
        return
    assert kept.record.request_digest == digest


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"schema":' * 100_000,
        b'{"schema":0,"record":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"schema": 1e999}',
        b'{"schema": ' + b"9" * 100_000 + b"}",
        b'{"schema": 99}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
        b" " * 5_000_000,
    ],
    ids=["lists", "objects", "900 deep", "infinite", "long number", "later", "byte order mark", "UTF-16", "spaces"],
)
def test_records_made_to_hurt_are_told(cache: Cache, true_document: dict, data: bytes, no_hang: None):
    """Deep nesting, endless numbers and other encodings are a damaged record, or one of a later gemnb."""
    digest, key = kept_at(cache, true_document)
    put(cache, key, data)
    with pytest.raises((CorruptEntry, UnknownSchema)):
        cache.find(digest)


def test_a_record_beyond_all_sizes_is_not_parsed(cache: Cache, true_document: dict, no_hang: None):
    """A sparse record file of a hundred megabytes, and one of two gigabytes, are errors at once."""
    digest, key = kept_at(cache, true_document)
    for size in (100 * 2**20, 2 * 2**30):
        put(cache, key, b"")
        with (cache.store.root / key).open("r+b") as file:
            file.truncate(size)
        with pytest.raises(CacheError):
            cache.find(digest)


def test_a_record_that_claims_another_digest_is_set_aside(cache: Cache, true_document: dict):
    """A true record filed under another request does not answer for it, nor as another attempt."""
    digest, key = kept_at(cache, true_document)
    data = cache.store.get(key)
    for name, asked in ((record_key(OTHER, 1), OTHER), (record_key(digest, 2), digest)):
        put(cache, name, data)
        with pytest.raises(CorruptEntry, match="set aside"):
            cache.find(asked)
        assert not (cache.store.root / name).exists()
    assert cache.find(digest).record.attempt == 1


@quick
@given(data=st.binary(max_size=200))
def test_any_bytes_in_place_of_a_blob_are_set_aside(cache: Cache, data: bytes):
    """Bytes that have not the digest of their name are never given out."""
    put(cache, "blobs/ab/" + "ab" * 32, data)
    with pytest.raises(CorruptEntry):
        cache.blob(OTHER)


@quick
@given(
    digest=st.text(max_size=80) | st.sampled_from(["sha256:../../x", "sha256:" + "AB" * 32, "", "sha256:" + "a" * 63])
)
def test_no_text_that_is_no_digest_becomes_a_path(cache: Cache, digest: str):
    """Whatever is given for a digest, it is refused before a path is made of it."""
    for ask in (cache.find, cache.blob, cache.attempts):
        with pytest.raises(CorruptEntry):
            ask(digest)


@quick
@given(value=answers | values)
def test_any_json_for_an_answer_is_a_record_or_none(value: object):
    """Whatever JSON a service sends, it is kept as a record, or is an answer that is none."""
    try:
        record, _ = unpack(REQUEST, json.dumps(value).encode(), {})
    except MalformedAnswer:
        return
    assert record.attempt == 1


@quick
@given(body=st.binary(max_size=200))
def test_any_bytes_for_an_answer_are_none(body: bytes):
    """Bytes that are no answer are told as such."""
    with pytest.raises(MalformedAnswer):
        unpack(REQUEST, body, {})


@quick
@given(
    status=st.integers(100, 999),
    headers=st.dictionaries(st.sampled_from(["retry-after", "content-type"]), st.text(max_size=20)),
    body=st.binary(max_size=200) | values.map(lambda value: json.dumps({"error": value}).encode()),
    message=st.text(max_size=40),
)
def test_any_error_of_a_service_is_told_in_six_lines(status: int, headers: dict, body: bytes, message: str):
    """Whatever a service sends with a bad status, a person gets some lines of text, without control characters."""
    failure = Failure.of_status(status, headers, body, message)
    may_retry(failure)
    error = explain(failure, model="google/x", host="h")
    shown = "\n".join(error.lines())
    assert len(error.lines()) <= 5
    assert not set(shown) & (set(map(chr, range(32))) - set("\n\t"))
    assert failure.retry_after is None or 0 <= failure.retry_after <= 86_400


@pytest.mark.parametrize(
    "value",
    [["x"], {"error": []}, {"error": {"details": "x"}}, {"error": {"details": [[], 1, None]}}]
    + [{"error": {"details": [{"retryDelay": value, "reason": value}]}} for value in ([], {}, 1e400, "1e400s", True)],
    ids=repr,
)
def test_odd_details_of_an_error_are_passed_over(value: object):
    """Details of another shape than Google's leave the failure without them."""
    failure = Failure.of_status(429, {}, json.dumps(value).encode(), "")
    assert failure.retry_after is None or failure.retry_after == 1


@pytest.mark.parametrize(
    "page",
    ["<" * 200_000, "<a" * 100_000, "<style" * 30_000, "<script>" * 30_000, "<!--" * 50_000, "&lt;" * 50_000],
    ids=["brackets", "tags", "styles", "scripts", "comments", "entities"],
)
def test_error_pages_made_to_be_slow_are_read_in_time(page: str, no_hang: None):
    """Megabytes of unclosed tags in an error page cost no more than a moment."""
    error = explain(Failure.of_status(503, {}, page.encode(), ""), model="m/m", host="h")
    assert max(map(len, error.lines())) <= 600


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\x1b]0;x\x07", "\x9b2J"]
)
def test_no_markup_of_a_service_reaches_a_person(text: str):
    """Scripts, tags and escape sequences in an error's message are shown as words or not at all."""
    body = json.dumps({"error": {"message": text, "status": text}}).encode()
    error = explain(Failure.of_status(400, {}, body, text), model="m/m", host="h")
    shown = "".join(error._render_traceback_())
    assert not set("<\x1b\x07\x9b") & set(shown)


def say(emulator: Emulator, data: bytes) -> bytes:
    """Send bytes to the emulator and return what comes back until it closes or is silent."""
    parts = urlsplit(emulator.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        said = b""
        while more := connection.recv(65536):
            said += more
    return said


HEADS = st.sampled_from(["GET", "POST", "PUT", "HEAD", "PRI", "get", ""])
PATHS = st.sampled_from(
    ["/", "/v1/models", "/v1/models/emulator/sketch-1:generateContent", "//", "*", "/../..", "/%00"]
)
LINES = st.tuples(
    st.sampled_from(["Content-Length", "Transfer-Encoding", "Host", "x-goog-api-key", "Expect", "Connection"]),
    st.sampled_from(["0", "-1", "5", "9" * 30, "chunked", "100-continue", "a\x00b", "keep-alive", "\u00e9"])
    | st.text(string.printable, max_size=12),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=HEADS, path=PATHS, lines=st.lists(LINES, max_size=4), body=st.binary(max_size=60))
def test_any_http_is_answered_or_closed(
    emulator: Emulator, method: str, path: str, lines: list[tuple[str, str]], body: bytes
):
    """Any head and body get an answer of four hundred or so, or a closed connection, and the emulator lives."""
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
    said = say(emulator, head.encode("utf-8", "replace") + body)
    if said:
        assert said.startswith(b"HTTP/1.")
        assert b"Traceback" not in said
    assert b" 200 " in say(emulator, b"GET /v1beta/models HTTP/1.0\r\nHost: localhost\r\nx-goog-api-key: k\r\n\r\n")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_any_bytes_to_the_emulator_are_answered_or_closed(emulator: Emulator, data: bytes):
    """Bytes that are no HTTP at all get an error or nothing."""
    said = say(emulator, data)
    assert said == b"" or b"Traceback" not in said
