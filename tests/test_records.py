"""records: what is kept reads back as it was, any edit of it is found, and a stranger's file does no harm."""

from __future__ import annotations

import contextlib
import copy
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.canonical import blob_digest, request_digest
from gemnb.errors import CacheError, CorruptEntry, UnknownSchema
from gemnb.model import Binding, Content, Image, Invocation, Outcome, Picture, Record, Request
from gemnb.records import (
    MAX_BYTES,
    document,
    dump,
    invocation_json,
    load,
    parse_document,
    parse_invocation,
    parse_record,
    parse_request,
    record_digest,
    record_json,
)

GOLDEN = Path(__file__).parent / "golden"
REGOLD = os.environ.get("GEMNB_REGOLD") == "1"


def golden(name: str, made: bytes) -> bytes:
    """The committed bytes of a golden file (tests/golden/README.md says how to write them anew)."""
    if REGOLD:
        (GOLDEN / name).write_bytes(made)
    return (GOLDEN / name).read_bytes()


ORIGINAL, PREVIEW, INPUT = (blob_digest(text) for text in (b"original", b"preview", b"input"))
REQUEST = Request(
    model="google/gemini-3-pro-image",
    contents=(
        Content(
            role="user",
            parts=({"inlineData": {"mimeType": "image/png", "data": {"$blob": INPUT}}}, {"text": "a cat's hat\n"}),
        ),
    ),
    config={"aspect_ratio": "16:9", "temperature": 0.7},
)
RECORD = Record(
    request=REQUEST,
    request_digest=request_digest(REQUEST),
    attempt=2,
    outcome=Outcome.PICTURE,
    pictures=(
        Picture(
            original=Image(blob=ORIGINAL, mime_type="image/jpeg", size=900_000, width=2752, height=1536),
            preview=Image(blob=PREVIEW, mime_type="image/jpeg", size=90_000, width=1024, height=572),
            claimed="image/png",
        ),
        Picture(original=Image(blob=INPUT, mime_type="image/png", size=100, width=8, height=6)),
    ),
    response={
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": "Été…", "thought": True},
                        {"inlineData": {"mimeType": "image/png", "data": {"$blob": ORIGINAL}}},
                        {"inlineData": {"mimeType": "image/png", "data": {"$blob": INPUT}}},
                    ],
                },
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {"promptTokenCount": 12},
    },
    received={"time": "2026-11-21T06:00:00Z", "host": "generativelanguage.googleapis.com", "client": "gemnb/0.1.0"},
)
INVOCATION = Invocation(
    source='%%gemimg hero -i cat.png -p style -t 0.7 --alt "a cat"\na cat\'s {{style}}\n',
    defaults="nano-banana-pro -a 16:9",
    bindings=(
        Binding(slot="-i", kind="file", source="cat.png", blob=INPUT, mime_type="image/png"),
        Binding(slot="-p style", kind="variable", source="style", value="hat"),
        Binding(slot="-e", kind="result", source="hero", request=request_digest(REQUEST), attempt=1),
    ),
)
BLOCKED = Request(model="emulator/sketch-1", contents=(Content(role="user", parts=({"text": "refuse"},)),), sample=3)
REFUSAL = Record(
    request=BLOCKED,
    request_digest=request_digest(BLOCKED),
    attempt=1,
    outcome=Outcome.REFUSAL,
    pictures=(),
    response={"promptFeedback": {"blockReason": "SAFETY"}},
    received={},
)


def good() -> dict:
    """A document as it stands in a notebook's output, to be damaged."""
    return copy.deepcopy(document(RECORD, INVOCATION, 0))


@pytest.mark.parametrize(
    ("name", "record", "invocation"),
    [
        pytest.param("record.json", RECORD, INVOCATION, id="picture"),
        pytest.param("record-refusal.json", REFUSAL, Invocation(), id="refusal"),
    ],
)
def test_a_record_file_has_the_golden_bytes(name, record, invocation):
    """A record file is indented, sorted UTF-8 with one line feed at its end, the same from every gemnb."""
    made = dump(document(record, invocation))
    kept = golden(name, made)
    assert kept == made
    assert parse_document(load(kept)) == (record, invocation, None)


NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(max_size=6), JSON, max_size=3)
DIGESTS = st.binary(max_size=4).map(blob_digest)
MIME_TYPES = st.sampled_from(["image/png", "image/jpeg", "image/webp", "image/gif"])
COUNTS = st.integers(1, 2**53 - 1)
IMAGES = st.builds(Image, blob=DIGESTS, mime_type=MIME_TYPES, size=COUNTS, width=COUNTS, height=COUNTS)
PICTURES = st.builds(
    Picture, original=IMAGES, preview=st.none() | IMAGES, claimed=st.none() | st.text(min_size=1, max_size=9)
)
REQUESTS = st.builds(
    Request,
    model=st.text(),
    contents=st.lists(
        st.builds(Content, role=st.sampled_from(["user", "model"]), parts=st.lists(OBJECTS, max_size=2).map(tuple)),
        max_size=2,
    ).map(tuple),
    config=OBJECTS,
    sample=COUNTS,
)
RECORDS = REQUESTS.flatmap(
    lambda request: st.builds(
        Record,
        request=st.just(request),
        request_digest=st.just(request_digest(request)),
        attempt=COUNTS,
        outcome=st.sampled_from(Outcome),
        pictures=st.lists(PICTURES, max_size=2).map(tuple),
        response=OBJECTS,
        received=OBJECTS,
    )
)
MAYBE = st.none() | st.text(max_size=9)
BINDINGS = st.builds(
    Binding,
    slot=st.text(max_size=5),
    kind=st.text(max_size=5),
    source=st.text(max_size=5),
    value=MAYBE,
    blob=st.none() | DIGESTS,
    mime_type=MAYBE,
    request=st.none() | DIGESTS,
    attempt=st.none() | COUNTS,
)
INVOCATIONS = st.builds(Invocation, source=MAYBE, defaults=MAYBE, bindings=st.lists(BINDINGS, max_size=2).map(tuple))


@settings(deadline=None, max_examples=150)
@given(RECORDS, INVOCATIONS, st.data())
def test_what_is_kept_reads_back_as_it_was(record, invocation, data):
    """Any record and invocation, written and read again, are the same, number for number."""
    picture = data.draw(st.none() | st.integers(0, len(record.pictures) - 1) if record.pictures else st.none())
    made = document(record, invocation, picture)
    assert (record, invocation, picture) == parse_document(load(dump(made)))
    assert dump(made) == dump(document(*parse_document(load(dump(made)))))


def test_an_invocation_with_broken_unicode_can_be_kept():
    """An answer that was paid for is kept even when the cell's alternative text is no valid Unicode."""
    invocation = Invocation(source="%%gemimg --alt '\ud83d'\na cat")
    assert parse_document(load(dump(document(RECORD, invocation)))) == (RECORD, invocation, None)


def test_the_invocation_is_no_part_of_the_records_digest():
    """The same answer below another cell, or another picture of it, is the same record."""
    bare, shown = document(RECORD, Invocation()), document(RECORD, INVOCATION, 1)
    assert bare["record_digest"] == shown["record_digest"] == record_digest(RECORD)
    assert parse_document(shown) == (RECORD, INVOCATION, 1)


def test_what_is_not_set_stays_absent():
    """A field that has no value is not written, so that a diff shows what is there."""
    assert invocation_json(Invocation()) == {"bindings": []}
    assert record_json(RECORD)["pictures"][1] == {
        "original": {"blob": INPUT, "mime_type": "image/png", "size": 100, "width": 8, "height": 6}
    }
    assert parse_invocation({"bindings": [], "source": None, "defaults": None}) == Invocation()


Path_ = tuple[str | int, ...]


def leaves(value: object, path: Path_ = ()) -> list[Path_]:
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in leaves(item, (*path, key))]
    if isinstance(value, list):
        return [found for index, item in enumerate(value) for found in leaves(item, (*path, index))]
    return [path]


def nodes(value: object, path: Path_ = ()) -> list[Path_]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(found for key, item in items for found in nodes(item, (*path, key)))]


def spelled(path: Path_) -> str:
    return ".".join(map(str, path))


def replaced(doc: dict, path: Path_, value: object) -> dict:
    inner = doc
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return doc


def removed(doc: dict, path: Path_) -> dict:
    inner = doc
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return doc


def at(doc: object, path: Path_) -> object:
    for key in path:
        doc = doc[key]
    return doc


HASHED = [path for path in leaves(good()) if path[0] in ("record", "record_digest") and path[-1] != "schema"]


@pytest.mark.parametrize("path", HASHED, ids=spelled)
def test_every_edit_of_a_value_is_found(path):
    """Whichever value of a record is edited, the record is reported as damaged."""
    value = at(good(), path)
    edits = {
        str: (f"{value}x", f"{value}"[:-1], "sha256:" + "0" * 64),
        int: (1_000_001, -1),
        float: (0.8, 1),
        bool: (False, None),
    }
    for edit in edits[type(value)]:
        with pytest.raises(CorruptEntry):
            parse_document(replaced(good(), path, edit))


REMOVABLE = [path for path in nodes(good()) if path[0] in ("record", "record_digest", "schema")]


@pytest.mark.parametrize("path", [*REMOVABLE, ("invocation",)], ids=spelled)
def test_every_removal_is_found(path):
    """Whichever part of a record is taken out, the record is reported as damaged."""
    with pytest.raises(CorruptEntry):
        parse_document(removed(good(), path))


@pytest.mark.parametrize("path", [*REMOVABLE, ("invocation",)], ids=spelled)
def test_every_value_of_another_type_is_found(path):
    """Whatever stands in place of any part of a record is an error of the cache."""
    before = at(good(), path)
    for value in (None, True, False, 7, 0.5, "text", [], {}, [{}], {"$blob": 1}, [None]):
        if value != before:
            with pytest.raises(CacheError):
                parse_document(replaced(good(), path, value))


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(("record", "request"), id="request"),
        *(
            pytest.param(path, id=spelled(path))
            for path in (
                ("record",),
                ("record", "request", "contents", 0),
                ("record", "pictures", 0),
                ("record", "pictures", 0, "original"),
                ("record", "pictures", 0, "preview"),
            )
        ),
    ],
)
def test_every_added_field_is_found(path):
    """A field that no gemnb wrote cannot be added to what the digests cover, not even with matching digests."""
    for doc in (replaced(good(), (*path, "note"), "added"), forged((*path, "note"), "added")):
        with pytest.raises(CorruptEntry):
            parse_document(doc)


@pytest.mark.parametrize("version", [1, 2, 999, 2**53])
@pytest.mark.parametrize("path", [("schema",), ("record", "schema"), ("record", "request", "schema")], ids=spelled)
def test_a_later_schema_asks_for_a_later_gemnb(path, version):
    """A record of a later gemnb is not damaged: the error names its version and the upgrade to type."""
    with pytest.raises(UnknownSchema, match=f"has schema version {version}; this gemnb reads up to 0") as caught:
        parse_document(replaced(good(), path, version))
    assert caught.value.hint == "pip install --upgrade gemnb"
    assert caught.value.evidence == {"schema": version}


@pytest.mark.parametrize(
    "version",
    [
        -1,
        0.5,
        "0",
        None,
        [],
        False,
        True,
        0.0,
    ],
    ids=repr,
)
def test_a_schema_that_is_no_version_is_damage(version):
    """A schema version that no gemnb ever wrote is damage, not a later one."""
    with pytest.raises(CorruptEntry, match="not what gemnb writes"):
        parse_document(replaced(good(), ("schema",), version))


def forged(path: Path_, value: object) -> dict:
    """A document with a value of a stranger's choice and with digests that agree with it."""
    doc = replaced(good(), path, value)
    record = doc["record"]
    request = record["request"]
    record["request_digest"] = blob_digest(b"gemnb-request-v0\n" + canonical_json(request))
    doc["record_digest"] = blob_digest(b"gemnb-record-v0\n" + canonical_json(record))
    return doc


def canonical_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def test_a_forged_record_reads_back():
    """A record forged whole is consistent: digests prove that parts belong together, not who made them."""
    record, *_ = parse_document(forged(("record", "received", "host"), "elsewhere.example"))
    assert record.received["host"] == "elsewhere.example"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("record", "pictures", 0, "original", "blob"), "sha256:" + "../" * 21 + "a"),
        (("record", "pictures", 0, "original", "blob"), "../../etc/passwd"),
        (("record", "pictures", 0, "preview", "blob"), ORIGINAL.upper()),
        (("record", "pictures", 0, "original", "mime_type"), "image/svg+xml"),
        (("record", "pictures", 0, "original", "mime_type"), "text/html"),
        (("record", "pictures", 0, "original", "width"), True),
        (("record", "pictures", 0, "original", "size"), 1.0),
        (("record", "pictures", 0, "claimed"), 7),
        (("record", "attempt"), 0),
        (("record", "attempt"), -1),
        (("record", "attempt"), True),
        (("record", "outcome"), "pending"),
        (("record", "outcome"), "PICTURE"),
        (("record", "request", "sample"), True),
        (("record", "request", "sample"), "1"),
        (("record", "request", "model"), None),
        (("record", "request", "contents"), {}),
        (("record", "request", "contents", 0, "parts"), ["a cat"]),
        (("record", "request", "contents", 0, "role"), None),
        (("record", "request", "config"), []),
        (("record", "request", "endpoint"), "https://elsewhere.example"),
        (("record", "response"), []),
        (("record", "received"), None),
        (("invocation", "bindings", 0, "blob"), "sha256:../../../../etc/passwd"),
        (("invocation", "bindings", 0, "blob"), ""),
        (("invocation", "bindings", 2, "request"), "../records"),
        (("invocation", "bindings", 2, "attempt"), True),
        (("invocation", "bindings", 1, "value"), 7),
        (("invocation", "bindings", 1, "slot"), None),
        (("invocation", "bindings"), {}),
        (("invocation", "source"), ["%%gemimg"]),
        (("picture",), 2),
        (("picture",), -1),
        (("picture",), 0.0),
        (("picture",), "0"),
        (("picture",), False),
        (("picture",), True),
        (("record", "pictures", 0, "original", "width"), -5),
        (("record", "pictures", 1, "original", "height"), 0),
        (("record", "pictures", 0, "preview", "size"), 0),
        (("record", "request", "sample"), 0),
    ],
    ids=lambda item: spelled(item) if isinstance(item, tuple) else repr(item)[:40],
)
def test_a_value_that_no_gemnb_wrote_is_found_under_matching_digests(path, value):
    """Types, digests, counts and names are checked for themselves, since digests can be forged with them."""
    with pytest.raises(CorruptEntry, match="not what gemnb writes") as caught:
        parse_document(forged(path, value))
    assert "_digest says" not in caught.value.why


def deep(depth: int) -> dict:
    nested: dict = {}
    for _ in range(depth):
        nested = {"a": nested}
    return nested


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"a": 2**53}, id="great number"),
        pytest.param({"a": float("nan")}, id="NaN"),
        pytest.param({"a": float("inf")}, id="infinity"),
        pytest.param({"a": "\ud83d"}, id="lone surrogate"),
        pytest.param(deep(5000), id="deep nesting"),
    ],
)
@pytest.mark.parametrize(
    "path",
    [("record", "response"), ("record", "received"), ("record", "request", "config")],
    ids=spelled,
)
def test_what_has_no_canonical_form_is_damage(path, value):
    """A record that cannot be hashed is damage in the cache, not an error about the user's request."""
    with pytest.raises(CorruptEntry, match="not what gemnb writes") as caught:
        parse_document(replaced(good(), path, value))
    assert "has no canonical form" in caught.value.why


HOSTILE = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | st.text()
    | st.sampled_from([ORIGINAL, "sha256:../..", "picture", "image/png"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*good(), *good()["record"], "bindings", "original", "blob"]) | st.text(), inner
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(HOSTILE)
def test_any_json_is_refused_as_an_error_of_the_cache(doc):
    """No JSON at all makes reading it fail in any other way than as damage or a later schema."""
    for read in (parse_document, parse_record, parse_request):
        with pytest.raises(CacheError):
            read(doc)


@settings(deadline=None, max_examples=400)
@given(path=st.sampled_from(nodes(good())), value=HOSTILE)
def test_any_damage_to_a_good_document_is_an_error_of_the_cache_or_none(path, value):
    """Whatever is put into any place of a good document, it is read, or refused as damage or a later schema."""
    try:
        record, _, picture = parse_document(replaced(good(), path, value))
    except CacheError:
        return
    # What no digest covers may be other words of a valid kind; what one covers is what it was.
    assert (record, picture) in ((RECORD, 0), (RECORD, 1), (RECORD, None))


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode) | st.lists(st.sampled_from(b'{}[]":,0\\u')).map(bytes))
def test_any_bytes_are_json_or_damage(data):
    """A file of any bytes is JSON or is reported as damaged, and nothing else happens."""
    with contextlib.suppress(CorruptEntry):
        found = load(data)
        assert repr(json.loads(data)) == repr(found)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"", "it is no JSON", id="empty"),
        pytest.param(b"{}{}", "Extra data", id="two documents"),
        pytest.param(b'{"a": "\xff"}', "utf-8", id="no UTF-8"),
        pytest.param('{"a": 1}'.encode("utf-16"), "utf-8", id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf{}", "BOM", id="byte order mark"),
        pytest.param(b"[" * 100_000, "recursion", id="nested lists"),
        pytest.param(b'{"a":' * 100_000, "recursion", id="nested objects"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, "recursion", id="nested lists that end"),
        pytest.param(b"9" * 5000, "4300 digits", id="endless number"),
        pytest.param(b" " * (MAX_BYTES + 1), f"it has {MAX_BYTES + 1} bytes", id="too big"),
    ],
)
def test_a_file_that_is_no_record_is_damage(data, why):
    """A file that cannot be read as JSON is reported as damaged, in words that say how."""
    with pytest.raises(CorruptEntry, match="not what gemnb writes") as caught:
        load(data)
    assert why in caught.value.why


@pytest.mark.parametrize("key", list(document(RECORD, INVOCATION)))
def test_a_key_that_stands_twice_does_no_harm(key):
    """A document with a key twice is read by the last of them, and refused when that one does not fit."""
    text = dump(document(RECORD, INVOCATION)).decode().strip()
    assert parse_document(load(f'{{"{key}": [], {text[1:]}'.encode())) == (RECORD, INVOCATION, None)
    with pytest.raises(CacheError):
        parse_document(load(f'{text[:-1]}, "{key}": []}}'.encode()))
