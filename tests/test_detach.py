"""detach: bytes leave the JSON of an answer and come back as the very strings they were."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.canonical import blob_digest, canonical
from gemnb.detach import DEPTH_LIMIT, SIGNATURE_LIMIT, attach, detach, image_part, references, text_part
from gemnb.errors import CorruptEntry

GOOD = blob_digest(b"good")
TEXT = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\ud800\udfff-_+/=\n")))
ENCODED = st.binary(max_size=40).flatmap(
    lambda data: st.sampled_from(
        [
            base64.b64encode(data).decode(),
            base64.urlsafe_b64encode(data).decode(),
            base64.b64encode(data).decode().rstrip("="),
            base64.urlsafe_b64encode(data).decode().rstrip("="),
            base64.encodebytes(data).decode(),
            base64.b64encode(data).decode().replace("+", "-", 1),  # both alphabets at once
            base64.b64encode(data).decode().replace("/", "_", 1),
        ]
    )
)
LONG = st.binary(min_size=SIGNATURE_LIMIT, max_size=SIGNATURE_LIMIT + 5).map(
    lambda data: base64.b64encode(data).decode()
)
KEYS = (
    st.sampled_from(
        [
            "$blob",
            "$$blob",
            "x$blob",
            "as",
            "data",
            "thoughtSignature",
            "thought_signature",
            "inlineData",
            "mimeType",
            "parts",
        ]
    )
    | TEXT
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | ENCODED | LONG
SHALLOW = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def nest(names: list[str | None], document):
    """Put a document into a list for each None and into an object for each name, the first outermost."""
    for name in reversed(names):
        document = [document] if name is None else {name: document}
    return document


DEEP = st.builds(
    lambda names, times, document: nest((names * times)[:300], document),
    st.lists(st.none() | KEYS, min_size=1, max_size=6),
    st.sampled_from([1, 9, 10, 11, 12, 16, 22, 32, 64]),
    SHALLOW,
)
# No JSON holds one surrogate after another as two characters: a parser makes one of them.
JSON = (SHALLOW | DEEP).map(lambda document: json.loads(json.dumps(document)))


@settings(deadline=None)
@given(JSON)
def test_what_was_taken_out_comes_back(document):
    """Whatever a service sends, putting its bytes back gives the same JSON, character for character."""
    bare, blobs = detach(document)
    # repr tells 1 from True and from 1.0, and NaN is itself there, unlike by ==.
    assert repr(document) == repr(attach(bare, blobs.__getitem__))


@settings(deadline=None)
@given(JSON)
def test_what_is_left_has_a_canonical_form(document):
    """Whatever a service sends, what stays in the record can be addressed, and what left it is JSON or bytes."""
    bare, blobs = detach(document)
    canonical(bare)
    assert all(json.loads(blobs[digest]) is not ... for digest in _as_json(bare))


def _as_json(bare):
    if isinstance(bare, dict) and bare.get("as") == "json":
        yield bare["$blob"]
    elif isinstance(bare, dict | list):
        for item in bare.values() if isinstance(bare, dict) else bare:
            yield from _as_json(item)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**53, b"9007199254740992"),
        (-(2**53), b"-9007199254740992"),
        (10**300, b"1" + b"0" * 300),
        (float("nan"), b"NaN"),
        (float("inf"), b"Infinity"),
        (float("-inf"), b"-Infinity"),
        (
            {"\ud800é": [1.5, "\udfff", {}, []], "b": {"c": None}},
            '{"\\ud800é":[1.5,"\\udfff",{},[]],"b":{"c":null}}'.encode(),
        ),
    ],
    ids=["2^53", "-2^53", "10^300", "NaN", "infinity", "-infinity", "a name with a lone surrogate"],
)
def test_a_value_without_canonical_form_becomes_its_json(value, text):
    """What canonical JSON does not hold leaves a record as JSON text, wherever it stands, alone."""
    bare, blobs = detach({"text": "kept", "odd": value})
    assert blobs == {blob_digest(text): text}
    assert bare == {"text": "kept", "odd": {"$blob": blob_digest(text), "as": "json"}}


@pytest.mark.parametrize("value", [2**53 - 1, 1 - 2**53, 1e300, 5e-324, -0.0, True, {"é": 1}])
def test_what_canonical_json_holds_stays(value):
    """Every number and name that has a canonical form stays readable in the record."""
    assert repr(detach([value])) == repr(([value], {}))


def test_what_is_too_deep_is_taken_out_at_the_limit():
    """The outermost list or object inside that many others becomes one reference, with all that is in it."""
    bare, blobs = detach(nest(["a"] * (DEPTH_LIMIT + 5), float("nan")))
    text = b'{"a":' * 5 + b"NaN" + b"}" * 5
    assert blobs == {blob_digest(text): text}
    assert bare == nest(["a"] * DEPTH_LIMIT, {"$blob": blob_digest(text), "as": "json"})
    _, blobs = detach(nest([None, "a"] * 1000, 1))  # deeper than the stack
    assert list(blobs.values()) == [b'[{"a":' * (1000 - DEPTH_LIMIT // 2) + b"1" + b"}]" * (1000 - DEPTH_LIMIT // 2)]
    assert detach(nest(["a"] * DEPTH_LIMIT, 1)) == (nest(["a"] * DEPTH_LIMIT, 1), {})


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"1 2"], ids=lambda data: repr(data[:4]))
def test_a_json_reference_to_bytes_that_are_none_is_corrupt(data):
    """A reference that calls bytes JSON which are none, or too deep to be read, is reported as damage."""
    with pytest.raises(CorruptEntry, match="JSON"):
        attach({"x": {"$blob": GOOD, "as": "json"}}, lambda _: data)


@pytest.mark.parametrize(
    "text", ["+-AAAAAA", "/_AAAAAA", "YR==", "YWJ=", "YQ==YQ==", "YQ==\n", "Y Q=", "====", "=", "é"]
)
def test_a_string_that_is_nearly_base64_comes_back(text):
    """What decodes as base64 and is not what encoding gives is kept as text, and comes back as it was."""
    bare, blobs = detach({"data": text})
    assert attach(bare, blobs.__getitem__) == {"data": text}


@settings(deadline=None)
@given(JSON)
def test_references_name_exactly_the_bytes_taken_out(document):
    """Each reference names bytes that were taken out, by their own digest, and none is left over."""
    bare, blobs = detach(document)
    assert set(blobs) == set(references(bare))
    assert list(blobs) == [blob_digest(data) for data in blobs.values()]


@pytest.mark.parametrize("value", ["x", GOOD, None, {"$blob": GOOD}], ids=repr)
@pytest.mark.parametrize("key", ["$blob", "$$blob", "$$$$blob"])
def test_a_foreign_key_is_not_taken_for_a_reference(key, value):
    """A service may send a `$blob` of its own: it is no reference, and it too comes back as it was."""
    document = {"functionCall": {"args": {key: value, "as": "text"}}}
    bare, blobs = detach(document)
    assert (list(references(bare)), blobs) == ([], {})
    assert document == attach(bare, {}.__getitem__)


@pytest.mark.parametrize(
    ("text", "data", "form"),
    [
        pytest.param("+/+/", b"\xfb\xff\xbf", {}, id="base64"),
        pytest.param("-_-_", b"\xfb\xff\xbf", {"as": "base64url"}, id="base64url"),
        pytest.param("YQ==", b"a", {}, id="padded"),
        pytest.param("YQ", b"YQ", {"as": "text"}, id="unpadded"),
        pytest.param("YR==", b"YR==", {"as": "text"}, id="stray bits"),
        pytest.param("YWJj\n", b"YWJj\n", {"as": "text"}, id="line break"),
        pytest.param("", b"", {}, id="empty"),
        pytest.param("no base64 – at all", "no base64 – at all".encode(), {"as": "text"}, id="junk"),
        pytest.param("\ud800", b"\xed\xa0\x80", {"as": "text"}, id="lone surrogate"),
    ],
)
def test_a_string_of_bytes_becomes_a_reference(text, data, form):
    """The reference names the bytes and, where they were no plain base64, how they were written."""
    reference = {"$blob": blob_digest(data)} | form
    assert detach({"inlineData": {"data": text}}) == ({"inlineData": {"data": reference}}, {blob_digest(data): data})


@pytest.mark.parametrize("key", ["thoughtSignature", "thought_signature"])
@pytest.mark.parametrize(("length", "taken"), [(SIGNATURE_LIMIT, False), (SIGNATURE_LIMIT + 4, True)])
def test_only_long_signatures_leave_the_record(key, length, taken):
    """A thought signature of up to 1024 characters stays readable in the record, a longer one becomes a blob."""
    bare, blobs = detach({"parts": [{key: "A" * length}]})
    assert taken == bool(blobs)
    assert bare == {"parts": [{key: {"$blob": next(iter(blobs))} if taken else "A" * length}]}


def test_text_stays_where_it_is():
    """Words stay in the record, even words that happen to be base64."""
    document = {"text": "YQ==", "parts": ["YQ== été 🎨", {"mimeType": "image/png"}]}
    assert detach(document) == (document, {})


def test_text_that_canonical_json_does_not_hold_is_taken_out():
    """Words with a lone surrogate become a reference, so that the answer they stand in can be recorded."""
    bare, blobs = detach({"text": "half \ud83d"})
    assert bare == {"text": {"$blob": blob_digest(b"half \xed\xa0\xbd"), "as": "text"}}
    assert attach(bare, blobs.__getitem__) == {"text": "half \ud83d"}


def test_references_come_in_order_and_repeat():
    """A picture that stands twice in a document is named twice, in the order of the document."""
    one, two = blob_digest(b"1"), blob_digest(b"2")
    document = {"b": [{"$blob": two}, {"c": {"$blob": one}}], "a": {"$blob": two}}
    assert list(references(document)) == [two, one, two]


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param({"$blob": None}, id="null"),
        pytest.param({"$blob": 7}, id="number"),
        pytest.param({"$blob": [GOOD]}, id="list"),
        pytest.param({"$blob": ""}, id="empty"),
        pytest.param({"$blob": GOOD[:-1]}, id="short"),
        pytest.param({"$blob": GOOD.upper()}, id="upper case"),
        pytest.param({"$blob": GOOD + "\n"}, id="line break"),
        pytest.param({"$blob": "sha256:../../../etc/passwd"}, id="path"),
        pytest.param({"$blob": "sha1:" + "0" * 40}, id="other hash"),
        pytest.param({"$blob": GOOD, "path": "x"}, id="further field"),
        *(pytest.param({"$blob": GOOD, "as": form}, id=f"as {form!r}") for form in ("base32", "", None, 7, ["text"])),
    ],
)
def test_a_malformed_reference_is_corrupt(reference):
    """A reference that no gemnb wrote is reported as damage, and no bytes are looked up for it."""
    asked = []

    def blob(digest):
        asked.append(digest)
        return b"good"

    with pytest.raises(CorruptEntry, match="no gemnb wrote"):
        attach({"data": reference}, blob)
    assert asked == []


def test_a_text_reference_to_bytes_that_are_no_text_is_corrupt():
    """A reference that calls a picture text is reported as damage."""
    with pytest.raises(CorruptEntry):
        attach({"data": {"$blob": GOOD, "as": "text"}}, lambda _: b"\x89PNG\xff")


def test_errors_of_the_store_pass_through():
    """When bytes are missing, the error is the store's own, with its own hint."""
    failure = CorruptEntry("The bytes are missing.", digest=GOOD)

    def blob(digest):
        raise failure

    with pytest.raises(CorruptEntry) as caught:
        attach([{"$blob": GOOD}], blob)
    assert caught.value is failure


def test_parts_of_a_turn_have_the_shape_of_the_service():
    """A picture's part holds its digest where the service wants base64, a text's part the text exactly."""
    assert image_part(GOOD, "image/png") == {"inlineData": {"mimeType": "image/png", "data": {"$blob": GOOD}}}
    assert text_part(" a\r\n") == {"text": " a\r\n"}
