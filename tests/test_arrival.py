"""arrival: from the raw body of an answer to a record and its bytes, or to an error that says what arrived."""

from __future__ import annotations

import base64
import io
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from gemnb.arrival import answer_of, final_blobs, unpack
from gemnb.canonical import blob_digest, request_digest
from gemnb.detach import attach, references
from gemnb.errors import MalformedAnswer
from gemnb.model import Content, Image, Invocation, Outcome, Picture, Request
from gemnb.records import document, dump, load, parse_document

REQUEST = Request(model="emulator/sketch-1", contents=(Content(role="user", parts=({"text": "a cat"},)),))
RECEIVED = {"time": "2026-11-21T06:00:00Z", "host": "127.0.0.1", "client": "gemnb"}


def inline(data: bytes | str, mime_type: str = "image/png", **more) -> dict:
    text = base64.b64encode(data).decode() if isinstance(data, bytes) else data
    return {"inlineData": {"mimeType": mime_type, "data": text}} | more


def body(*parts: dict, **more) -> bytes:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP"}
    return json.dumps({"candidates": [candidate], "usageMetadata": {"promptTokenCount": 3}} | more).encode()


def noise(kind: str, size: tuple[int, int], **options) -> bytes:
    buffer = io.BytesIO()
    PillowImage.effect_noise(size, 80).convert("RGB").save(buffer, kind, **options)
    return buffer.getvalue()


TINY = noise("PNG", (12, 8))


def test_a_picture_becomes_a_record_and_its_bytes(make_picture):
    """A picture is kept as received, under its own digest, with the facts that its bytes say."""
    png = make_picture("PNG", (64, 48))
    record, blobs = unpack(REQUEST, body({"text": "Here."}, inline(png)), RECEIVED)
    image = Image(blob=blob_digest(png), mime_type="image/png", size=len(png), width=64, height=48)
    assert blobs == {blob_digest(png): png}
    assert record.pictures == (Picture(original=image),)
    assert (record.request, record.request_digest) == (REQUEST, request_digest(REQUEST))
    assert (record.attempt, record.outcome, record.received) == (1, Outcome.PICTURE, RECEIVED)
    assert answer_of(record).text == "Here."


def test_an_answer_can_be_put_together_again(make_picture):
    """From the record and its bytes the service's answer comes back as it was, drafts and signatures included."""
    sent = body(
        {"text": "hm", "thought": True},
        inline(make_picture("PNG", (9, 9)), thought=True),
        inline(make_picture("JPEG", (64, 48)), "image/jpeg", thoughtSignature="A" * 2000),
        {"newPart": {"x": [1, 2.5, None]}},
        newField={"y": True},
    )
    record, blobs = unpack(REQUEST, sent, RECEIVED)
    assert attach(record.response, blobs.__getitem__) == json.loads(sent)
    assert set(references(record.response)) == set(blobs)


@pytest.mark.parametrize("value", ["x", None, {"nested": []}, blob_digest(b"elsewhere")], ids=repr)
def test_an_answer_with_the_key_of_references_comes_back(value, make_picture):
    """An object of the service with a `$blob` of its own is never taken for a reference to kept bytes."""
    sent = body(inline(make_picture()), {"functionCall": {"args": {"$blob": value}}})
    record, blobs = unpack(REQUEST, sent, RECEIVED)
    assert set(references(record.response)) == set(blobs)
    assert attach(record.response, blobs.__getitem__) == json.loads(sent)


def test_drafts_are_kept_and_are_no_pictures(make_picture):
    """A draft's bytes are kept with the answer, and only the final pictures are its pictures, in order."""
    draft, first, second = (make_picture("PNG", (width, 8)) for width in (5, 6, 7))
    sent = body(inline(draft, thought=True), inline(first), inline(second), inline(first))
    record, blobs = unpack(REQUEST, sent, RECEIVED)
    assert [picture.original.width for picture in record.pictures] == [6, 7, 6]
    assert set(blobs) == {blob_digest(data) for data in (draft, first, second)}


def test_a_broken_draft_does_not_spoil_the_picture(make_picture):
    """A draft that is no picture is kept as it is, and the final picture counts."""
    record, _ = unpack(REQUEST, body(inline(b"draft", thought=True), inline(make_picture())), RECEIVED)
    assert len(record.pictures) == 1


def test_a_big_picture_brings_its_preview():
    """The preview of a big picture is made on arrival and kept beside it."""
    big = noise("JPEG", (1500, 700), quality=95)
    record, blobs = unpack(REQUEST, body(inline(big, "image/jpeg")), RECEIVED)
    (picture,) = record.pictures
    assert picture.preview is not None
    assert (picture.preview.mime_type, picture.preview.width, picture.preview.height) == ("image/jpeg", 1024, 478)
    assert picture.preview.size == len(blobs[picture.preview.blob])
    assert set(blobs) == {picture.original.blob, picture.preview.blob}
    assert blobs[picture.original.blob] == big


@pytest.mark.parametrize(
    ("kind", "claimed", "expected"),
    [
        ("JPEG", "image/png", "image/png"),
        ("PNG", "image/jpeg", "image/jpeg"),
        ("PNG", "text/html", "text/html"),
        ("PNG", "image/png", None),
        ("PNG", "", None),
        ("PNG", None, None),
    ],
)
def test_the_bytes_say_what_they_are(kind, claimed, expected, make_picture):
    """A picture has the type of its bytes; what the answer claimed instead is kept beside it."""
    part = inline(make_picture(kind))
    part["inlineData"]["mimeType"] = claimed
    record, _ = unpack(REQUEST, body(part), RECEIVED)
    (picture,) = record.pictures
    assert (picture.original.mime_type, picture.claimed) == (f"image/{kind.lower()}", expected)


ENCODINGS = {
    "base64": base64.b64encode,
    "base64url": base64.urlsafe_b64encode,
    "unpadded": lambda data: base64.b64encode(data).rstrip(b"="),
    "unpadded base64url": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
}


def picture_of_length(remainder: int) -> bytes:
    """A PNG whose base64 ends in `remainder` equals signs."""
    return next(png for width in range(5, 200) if len(png := noise("PNG", (width, 7))) % 3 == -remainder % 3)


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_a_picture_is_read_from_every_form_of_base64(name, padding):
    """Padded or not, in the URL-safe alphabet or not, the picture's bytes are the same, and the string comes back."""
    png = picture_of_length(padding)
    sent = body(inline(ENCODINGS[name](png).decode()))
    record, blobs = unpack(REQUEST, sent, RECEIVED)
    assert [picture.original.blob for picture in record.pictures] == [blob_digest(png)]
    assert blobs[blob_digest(png)] == png
    assert attach(record.response, blobs.__getitem__) == json.loads(sent)


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_response_itself_names_the_final_pictures(name):
    """What verify reads from the response are the digests of the record's pictures, None for irregular base64."""
    png = picture_of_length(1)
    record, _ = unpack(REQUEST, body(inline(b"draft", thought=True), inline(ENCODINGS[name](png).decode())), RECEIVED)
    (picture,) = record.pictures
    assert final_blobs(record) == [None if name.startswith("unpadded") else picture.original.blob]


def test_a_strangers_reference_names_no_picture():
    """A picture of a response that refers to something other than a digest stands without a name."""
    record, _ = unpack(REQUEST, body({"text": "x"}), RECEIVED)
    parts = [
        inline(""),
        *({"inlineData": {"data": {"$blob": bad}}} for bad in (None, "../x", 7)),
        {"inlineData": None},
    ]
    record.response["candidates"][0]["content"]["parts"] = parts
    assert final_blobs(record) == [None] * 5


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        pytest.param(body({"text": "No."}), Outcome.TEXT, id="words"),
        pytest.param(body(), Outcome.REFUSAL, id="nothing"),
        pytest.param(b'{"promptFeedback": {"blockReason": "SAFETY"}}', Outcome.REFUSAL, id="blocked"),
        pytest.param(b'{"candidates": [{"finishReason": "NO_IMAGE"}]}', Outcome.REFUSAL, id="no image"),
    ],
)
def test_every_outcome_is_a_record(sent, outcome):
    """Words and refusals are answers too, kept without pictures."""
    record, blobs = unpack(REQUEST, sent, RECEIVED)
    assert (record.outcome, record.pictures, blobs) == (outcome, (), {})
    assert attach(record.response, blobs.__getitem__) == json.loads(sent)


def png_header(width: int, height: int) -> bytes:
    return TINY[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + TINY[24:]


@pytest.mark.parametrize(
    ("sent", "what"),
    [
        pytest.param(b"", "is no JSON", id="empty"),
        pytest.param(b"<html>502 Bad Gateway</html>", "is no JSON", id="HTML"),
        pytest.param(b'{"candidates": [', "is no JSON", id="cut JSON"),
        pytest.param(b'{"candidates": "\xff\xfe"}', "is no JSON", id="invalid UTF-8"),
        pytest.param('{"candidates": []}'.encode("utf-16"), "is no JSON", id="UTF-16"),
        pytest.param(b"[" * 100_000, "is no JSON", id="nested 100,000 deep"),
        pytest.param(b'{"candidates":' * 100_000 + b"1" + b"}" * 100_000, "is no JSON", id="objects 100,000 deep"),
        pytest.param(b"9" * 5000, "is no JSON", id="endless number"),
        pytest.param(b"null", "is no answer", id="null"),
        pytest.param(b"[]", "is no answer", id="list"),
        pytest.param(b"{}", "is no answer", id="no candidates"),
        pytest.param(body(inline(TINY[:-40])), "are none", id="cut picture"),
        pytest.param(body(inline(TINY[:24])), "are none", id="header alone"),
        pytest.param(body(inline(b"I am a picture")), "call themselves image/png and are none", id="text"),
        pytest.param(body(inline(b"<svg/>", "image/svg+xml")), "call themselves image/svg", id="SVG"),
        pytest.param(body(inline(b"")), "holds 0 bytes", id="no bytes"),
        pytest.param(body(inline(b"x", "")), "call themselves a picture", id="no type"),
        pytest.param(body(inline(png_header(60_000, 60_000))), "are none", id="60,000 by 60,000"),
        pytest.param(body(inline("no base64!")), "is no base64", id="no base64"),
        pytest.param(body(inline("A")), "is no base64", id="one digit"),
        pytest.param(body(inline("été=")), "is no base64", id="other letters"),
        pytest.param(body({"inlineData": {"mimeType": "image/png"}}), "are none", id="no data"),
        pytest.param(body({"inlineData": {"data": {"$blob": "sha256:" + "0" * 64}}}), "no base64", id="a reference"),
        pytest.param(body({"inlineData": None}), "are none", id="null"),
        pytest.param(body(inline(TINY), inline(TINY[:-40])), "are none", id="the second is cut"),
    ],
)
def test_what_is_no_answer_is_malformed(sent, what):
    """A body that is no answer, or holds a picture that is none, is one error, whatever is wrong with it."""
    with pytest.raises(MalformedAnswer, match=what) as caught:
        unpack(REQUEST, sent, RECEIVED)
    assert caught.value.why
    assert len(str(caught.value)) < 2000


# A description, an orientation and a place, as a camera writes them; each of the others has one thing broken.
EXIF = bytes.fromhex(
    "4578696600004d4d002a000000080003010e00020000000600000032011200030000000100060000882500040000000100000038"
    "0000000068656c6c6f0000010001000200000002"
    "4e00000000000000"
)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        pytest.param("", "", id="whole"),
        pytest.param("4d4d002a", "4d4d0000", id="no TIFF header"),
        pytest.param("010e0002", "01000002", id="a text for a size"),
        pytest.param("000100010002", "000100000002", id="a place without a version"),
        pytest.param(
            "010e000200000006",
            "010e000500000001",
            id="a fraction for a text",
        ),
    ],
)
def test_a_picture_with_broken_metadata_is_still_a_picture(good, bad):
    """A big picture whose EXIF data is broken is kept and shown: its pixels are whole, and it was paid for."""
    big = noise("PNG", (600, 400), exif=EXIF.replace(bytes.fromhex(good), bytes.fromhex(bad), 1))
    record, _ = unpack(REQUEST, body(inline(big)), RECEIVED)
    (picture,) = record.pictures
    assert picture.original.size == len(big)
    assert picture.preview is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=6), JSON, max_size=3))
def test_an_answer_that_arrived_can_be_kept(extra):
    """Whatever further fields a service sends, the answer becomes a record file and is read back from it."""
    record, _ = unpack(REQUEST, body(inline(TINY), **{f"x{key}": value for key, value in extra.items()}), RECEIVED)
    assert parse_document(load(dump(document(record, Invocation())))) == (record, Invocation(), None)


ODD = {
    "great number": "9007199254740993",
    "NaN": "NaN",
    "infinity": "1e999",
    "lone surrogate in a key": '{"\\ud83d": 1}',
    "nested 700 deep": "[" * 700 + "]" * 700,
    "nested 900 deep": '{"a": ' * 450 + "[" * 450 + "NaN" + "]" * 450 + "}" * 450,
}


@pytest.mark.parametrize("padding", [0, 300_000], ids=["small", "big"])
@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_a_field_that_nobody_reads_does_not_cost_the_picture(value, padding):
    """What canonical JSON does not hold, beside a picture, is recorded apart, and the answer comes back as it was."""
    sent = body(inline(TINY), {"text": " " * padding})
    sent = sent.replace(b'"usageMetadata"', f'"extra": {value}, "usageMetadata"'.encode())
    record, blobs = unpack(REQUEST, sent, RECEIVED)
    assert len(record.pictures) == 1
    assert parse_document(load(dump(document(record, Invocation())))) == (record, Invocation(), None)
    with ThreadPoolExecutor(1) as thread:  # whose stack is empty yet: both recurse
        again = thread.submit(attach, record.response, blobs.__getitem__).result()
        assert thread.submit(json.dumps, again).result() == thread.submit(json.dumps, json.loads(sent)).result()
    assert set(references(record.response)) == set(blobs) > {record.pictures[0].original.blob}


def test_a_count_that_is_no_number_is_no_obstacle():
    """Token counts and reasons that no record holds do not keep an answer from being read as its record is."""
    sent = body({"text": "x"}).replace(b"3}", b"NaN}").replace(b'"STOP"', b"1e999")
    record, _ = unpack(REQUEST, sent, RECEIVED)
    assert (record.outcome, answer_of(record).outcome) == (Outcome.REFUSAL, Outcome.REFUSAL)


@pytest.mark.parametrize("data", ["NaN", "9007199254740993", "1e999"])
def test_a_number_in_the_place_of_a_picture_is_none(data):
    """A picture whose data is a number that no record holds is malformed, not the picture of its digits."""
    with pytest.raises(MalformedAnswer, match="no base64"):
        unpack(
            REQUEST,
            body(inline(TINY)).replace(json.dumps(inline(TINY)["inlineData"]["data"]).encode(), data.encode()),
            RECEIVED,
        )


HALF = "half an emoji \ud83d"


def test_an_answer_with_half_a_character_is_kept(make_picture):
    """Words that end in half an emoji do not cost the picture beside them, and come back as they were."""
    sent = body({"text": HALF}, inline(make_picture()))
    record, blobs = unpack(REQUEST, sent, RECEIVED)
    assert parse_document(load(dump(document(record, Invocation())))) == (record, Invocation(), None)
    assert attach(record.response, blobs.__getitem__) == json.loads(sent)


def test_words_with_half_a_character_stay_words():
    """An answer in words is read from its record as one, half an emoji in it or not."""
    record, _ = unpack(REQUEST, body({"text": HALF}), RECEIVED)
    assert (record.outcome, answer_of(record).outcome) == (Outcome.TEXT, Outcome.TEXT)


@settings(deadline=None, max_examples=200)
@given(
    st.binary()
    | JSON.map(lambda value: json.dumps(value).encode())
    | JSON.map(lambda part: body({"inlineData": part}))
)
def test_any_body_is_an_answer_or_malformed(sent):
    """Whatever bytes a service sends, they become a record or MalformedAnswer."""
    try:
        record, blobs = unpack(REQUEST, sent, RECEIVED)
    except MalformedAnswer:
        return
    assert set(references(record.response)) <= set(blobs)
