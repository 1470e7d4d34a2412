"""mime: what a cell leaves in the notebook is a function of the record and of how it is shown, byte for byte."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.canonical import blob_digest, request_digest, short
from gemnb.errors import CorruptEntry
from gemnb.mime import ORIGINAL_LIMIT, bundle, embedded, plain
from gemnb.model import (
    MIMETYPE,
    Binding,
    Content,
    Embed,
    Image,
    Invocation,
    Outcome,
    Picture,
    Presentation,
    Record,
    Request,
)
from gemnb.records import document, parse_document

GOLDEN = Path(__file__).parent / "golden"
REGOLD = os.environ.get("GEMNB_REGOLD") == "1"


def golden(name: str, made: bytes) -> bytes:
    """The committed bytes of a golden file (tests/golden/README.md says how to write them anew)."""
    if REGOLD:
        (GOLDEN / name).write_bytes(made)
    return (GOLDEN / name).read_bytes()


# Stand-ins: nothing here looks into the bytes of a picture.
SMALL, BIG, PREVIEW, WEBP = b"\x89PNG small", b"\xff\xd8\xff big", b"\xff\xd8\xff preview", b"RIFF webp"
BLOBS = {blob_digest(data): data for data in (SMALL, BIG, PREVIEW, WEBP)}


def image(data: bytes, mime_type: str, size: int, width: int, height: int) -> Image:
    return Image(blob=blob_digest(data), mime_type=mime_type, size=size, width=width, height=height)


SMALL_PNG = Picture(original=image(SMALL, "image/png", len(SMALL), 1024, 768))
BIG_JPEG = Picture(
    original=image(BIG, "image/jpeg", 900_000, 2752, 1536),
    preview=image(PREVIEW, "image/jpeg", 90_000, 1024, 572),
    claimed="image/png",
)
REQUEST = Request(
    model="google/gemini-3-pro-image",
    contents=(Content(role="user", parts=({"text": "a cat's hat"},)),),
    config={"aspect_ratio": "16:9"},
)
INVOCATION = Invocation(
    source="%%gemimg hero -p what=hat --alt x\na cat's {{what}}",
    defaults="nano-banana-pro -a 16:9",
    bindings=(Binding(slot="-p what", kind="literal", source="hat", value="hat"),),
)
RECEIVED = {"time": "2026-11-21T06:00:00Z", "host": "generativelanguage.googleapis.com", "client": "gemnb/0.1.0"}


def record(*pictures: Picture, **fields) -> Record:
    parts = [
        {"inlineData": {"mimeType": picture.original.mime_type, "data": {"$blob": picture.original.blob}}}
        for picture in pictures
    ]
    answer = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
    made = Record(
        request=REQUEST,
        request_digest=request_digest(REQUEST),
        attempt=1,
        outcome=Outcome.PICTURE,
        pictures=pictures,
        response=answer,
        received=RECEIVED,
    )
    return replace(made, **fields)


REFUSAL = record(
    outcome=Outcome.REFUSAL,
    response={"candidates": [{"finishReason": "NO_IMAGE", "finishMessage": "Unable to show the generated image."}]},
)
WORDS = record(
    outcome=Outcome.TEXT,
    response={"candidates": [{"content": {"parts": [{"text": "I would rather talk."}]}, "finishReason": "STOP"}]},
)
CASES = {
    "small-png": (record(SMALL_PNG), 0, Presentation(alt="A cat's hat", caption="Fig. 1: été")),
    "preview-of-a-big-jpeg": (record(BIG_JPEG), 0, Presentation()),
    "original-of-a-big-jpeg": (record(BIG_JPEG), 0, Presentation(embed=Embed.ORIGINAL, alt="A hat")),
    "second-of-two": (record(BIG_JPEG, SMALL_PNG), 1, Presentation(alt="A hat")),
    "refusal": (REFUSAL, 0, Presentation(alt="A hat")),
    "words": (WORDS, 0, Presentation()),
}
EVERY = [pytest.param(*case, id=name) for name, case in CASES.items()]


def output(rec: Record, index: int, presentation: Presentation, invocation: Invocation = INVOCATION) -> dict:
    data, metadata = bundle(rec, index, presentation, invocation, BLOBS.__getitem__)
    return {"data": data, "metadata": metadata}


@pytest.mark.parametrize("name", CASES)
def test_an_output_has_the_golden_bytes(name):
    """The output of a cell is the one that every gemnb of this schema left there."""
    made = (json.dumps(output(*CASES[name]), indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()
    assert golden(f"output-{name}.json", made) == made


@pytest.mark.parametrize(("rec", "index", "presentation"), EVERY)
def test_an_output_holds_its_record(rec, index, presentation):
    """The record of an output reads back as the record, the cell and the picture it stands for."""
    data = output(rec, index, presentation)["data"]
    found = json.loads(json.dumps(data[MIMETYPE]))
    assert parse_document(found) == (rec, INVOCATION, index if rec.pictures else None)


@pytest.mark.parametrize(("rec", "index", "presentation"), EVERY)
def test_the_shown_bytes_are_the_kept_ones(rec, index, presentation):
    """A picture stands in an output once, as base64 of kept bytes on one line, with their type and size."""
    made = output(rec, index, presentation)
    shown = {key: value for key, value in made["data"].items() if key.startswith("image/")}
    assert list(made["metadata"]) == list(shown)
    assert len(shown) == bool(rec.pictures)
    for mime_type, text in shown.items():
        kept = embedded(rec.pictures[index], presentation.embed)
        facts = {"width": kept.width, "height": kept.height}
        facts |= {"alt": presentation.alt} if presentation.alt else {}
        assert (mime_type, base64.b64decode(text, validate=True)) == (kept.mime_type, BLOBS[kept.blob])
        assert made["metadata"][mime_type] == facts


@pytest.mark.parametrize(("rec", "index", "presentation"), EVERY)
def test_no_time_stands_outside_the_record(rec, index, presentation):
    """An answer received at another time and place leaves the same output but for what its record says of it."""
    later = replace(rec, received={"time": "2031-01-01T00:00:00Z", "host": "elsewhere.example", "client": "x"})
    here, there = output(rec, index, presentation), output(later, index, presentation)
    for made, source in ((here, rec), (there, later)):
        found = made["data"].pop(MIMETYPE)
        shown = {"presentation": found.pop("presentation")} if "presentation" in found else {}
        assert found == document(source, INVOCATION, index if rec.pictures else None)
        made["shown"] = shown
    assert here == there


@pytest.mark.parametrize(("rec", "index", "presentation"), EVERY)
def test_an_output_depends_on_nothing_around_it(rec, index, presentation, tmp_path, monkeypatch):
    """Another folder, environment and time zone leave the same bytes: hit and miss, here and elsewhere."""
    before = json.dumps(output(rec, index, presentation))
    monkeypatch.chdir(tmp_path)
    for name, value in (("GEMNB_EMBED", "original"), ("GEMNB_CACHE", "x"), ("TZ", "Asia/Tokyo"), ("LC_ALL", "tr_TR")):
        monkeypatch.setenv(name, value)
    assert before == json.dumps(output(rec, index, presentation))


def test_only_the_shown_bytes_are_read():
    """Showing a preview does not read the original, which may lie elsewhere."""
    asked = []

    def blob(digest):
        asked.append(digest)
        return BLOBS[digest]

    bundle(record(BIG_JPEG), 0, Presentation(), INVOCATION, blob)
    assert asked == [blob_digest(PREVIEW)]


def test_an_answer_in_words_reads_no_bytes():
    """A refusal is shown without the store."""

    def blob(digest):
        raise AssertionError(digest)

    data, metadata = bundle(REFUSAL, 0, Presentation(), INVOCATION, blob)
    assert sorted(data) == [MIMETYPE, "text/plain"]
    assert metadata == {}


def test_damaged_bytes_are_never_shown():
    """When the kept bytes are damaged the error passes, and there is no output."""

    def blob(digest):
        raise CorruptEntry("damaged")

    with pytest.raises(CorruptEntry, match="damaged"):
        bundle(record(SMALL_PNG), 0, Presentation(), INVOCATION, blob)


@pytest.mark.parametrize(
    ("alt", "expected"),
    [
        pytest.param(None, "[gemnb:{} 1024×768]", id="none"),
        pytest.param("", "[gemnb:{} 1024×768]", id="empty"),
        pytest.param("A cat's hat", "A cat's hat [gemnb:{} 1024×768]", id="words"),
        pytest.param(
            "A cat's\n\n  hat\r\n\u2028for $5\t", "A cat's hat for $5 [gemnb:{} 1024×768]", id="line breaks"
        ),
        pytest.param(" \n ", "[gemnb:{} 1024×768]", id="blank"),
    ],
)
def test_the_text_of_a_picture_names_its_digest_and_size(alt, expected):
    """A text diff sees that the picture changed: one line, the alternative text, 12 digits, the original's size."""
    assert expected.format(short(blob_digest(SMALL))) == plain(SMALL_PNG, alt)


def test_the_text_is_of_the_original_even_where_the_preview_is_shown():
    """The digest and the size in the text are those of the original picture."""
    data = output(record(BIG_JPEG), 0, Presentation())["data"]
    assert data["text/plain"] == f"[gemnb:{short(blob_digest(BIG))} 2752×1536]"


@settings(deadline=None)
@given(st.text())
def test_an_alternative_text_never_breaks_the_line(alt):
    """Whatever the alternative text holds, the text of a picture is one line that ends in its mark."""
    text = plain(SMALL_PNG, alt)
    assert len(text.splitlines()) == 1
    assert text.endswith(f"[gemnb:{short(blob_digest(SMALL))} 1024×768]")


@pytest.mark.parametrize(
    ("rec", "expected"),
    [
        pytest.param(
            REFUSAL, "refused: NO_IMAGE: Unable to show the generated image. [gemnb:{} no picture]", id="refusal"
        ),
        pytest.param(WORDS, "I would rather talk. [gemnb:{} no picture]", id="words"),
        pytest.param(
            record(outcome=Outcome.REFUSAL, response={"promptFeedback": {"blockReason": "SAFETY"}}),
            "refused: SAFETY [gemnb:{} no picture]",
            id="blocked",
        ),
        pytest.param(
            record(outcome=Outcome.REFUSAL, response={"candidates": [{"content": {"role": "model"}}]}),
            "refused [gemnb:{} no picture]",
            id="no reason",
        ),
    ],
)
def test_an_answer_without_a_picture_says_what_it_was(rec, expected):
    """A refusal names its reason, an answer in words gives them, each with the digest of the request."""
    data = output(rec, 0, Presentation())["data"]
    assert data["text/plain"] == expected.format(short(rec.request_digest))


@pytest.mark.parametrize(
    ("mime_type", "size", "embed", "original"),
    [
        ("image/jpeg", ORIGINAL_LIMIT, Embed.AUTO, True),
        ("image/jpeg", ORIGINAL_LIMIT + 1, Embed.AUTO, False),
        ("image/png", ORIGINAL_LIMIT, Embed.AUTO, True),
        ("image/png", ORIGINAL_LIMIT + 1, Embed.AUTO, False),
        ("image/png", 5_000_000, Embed.ORIGINAL, True),
        ("image/png", 5_000_000, Embed.PREVIEW, False),
        ("image/png", 10, Embed.PREVIEW, False),
        ("image/webp", 10, Embed.AUTO, False),
        ("image/webp", 10, Embed.ORIGINAL, False),
        ("image/gif", 10, Embed.ORIGINAL, False),
    ],
)
def test_embed_chooses_which_bytes_stand_in_the_notebook(mime_type, size, embed, original):
    """Up to 200,000 bytes the original is shown, above the preview, unless told; WebP and GIF always by preview."""
    picture = Picture(original=image(BIG, mime_type, size, 9, 9), preview=image(PREVIEW, "image/jpeg", 5, 9, 9))
    assert embedded(picture, embed) is (picture.original if original else picture.preview)
    assert ORIGINAL_LIMIT == 200_000


@pytest.mark.parametrize("embed", Embed)
@pytest.mark.parametrize("mime_type", ["image/png", "image/webp"])
def test_a_picture_without_a_preview_is_shown_itself(mime_type, embed):
    """Where there is no preview the original is shown, whatever embed says."""
    picture = Picture(original=image(BIG, mime_type, 5_000_000, 9, 9))
    assert embedded(picture, embed) is picture.original
