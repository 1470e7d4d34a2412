"""How a picture came to be: by a model alone, by a model from a photograph, or by the emulator's program."""

from __future__ import annotations

import pytest

from gemnb.canonical import blob_digest, request_digest
from gemnb.model import Content, Image, JSONObject, Outcome, Picture, Record, Request
from gemnb.publish.pictures import digital_source, digital_sources

PHOTOGRAPH = blob_digest(b"photograph")


def picture(name: str) -> str:
    """Return the digest of a made picture."""
    return blob_digest(name.encode())


def part(reference: JSONObject) -> JSONObject:
    """Return the part of a request that holds a picture."""
    return {"inlineData": {"mimeType": "image/png", "data": reference}}


def answer(name: str, *inputs: str, model: str = "google/gemini-3-pro-image", pixels: str = "") -> Record:
    """Return an answer with one picture, made from others."""
    parts = [part({"$blob": digest}) for digest in inputs] + ([part({"$pixels": pixels})] if pixels else [])
    request = Request(model=model, contents=(Content(role="user", parts=(*parts, {"text": name})),))
    image = Image(blob=picture(name), mime_type="image/png", size=9, width=1, height=1)
    return Record(
        request=request,
        request_digest=request_digest(request),
        attempt=1,
        outcome=Outcome.PICTURE,
        pictures=(Picture(original=image),),
        response={},
        received={},
    )


@pytest.mark.parametrize(
    ("model", "alone", "from_photograph"),
    [
        ("google/gemini-3-pro-image", "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"),
        ("emulator/sketch-1", "algorithmicMedia", "composite"),
    ],
)
def test_a_photograph_makes_a_composite(model: str, alone: str, from_photograph: str):
    """What came from words is generated; what came from a picture that no answer holds is a composite."""
    records = [answer("words", model=model), answer("edit", PHOTOGRAPH, model=model)]
    assert digital_sources(records) == {picture("words"): alone, picture("edit"): from_photograph}
    assert [digital_source(record, {}) for record in records] == [alone, from_photograph]


def test_a_generated_input_makes_no_composite():
    """A picture made from a picture that a model made is still generated."""
    records = [answer("second", picture("first")), answer("first")]
    sources = digital_sources(records)
    assert set(sources.values()) == {"trainedAlgorithmicMedia"}
    assert digital_source(records[0], sources) == "trainedAlgorithmicMedia"
    assert digital_source(records[0], {}) == "compositeWithTrainedAlgorithmicMedia"


def test_an_edit_of_an_edit_of_a_photograph_is_a_composite():
    """A photograph is told at however many removes it went in, in whatever order the answers come."""
    chain = [answer("1", PHOTOGRAPH), *(answer(str(n), picture(str(n - 1))) for n in range(2, 3000))]
    for records in (chain, chain[::-1]):
        assert set(digital_sources(records).values()) == {"compositeWithTrainedAlgorithmicMedia"}


def test_pixels_are_not_known_to_be_generated():
    """A picture that exists as pixels only, such as a chart, is no generated one."""
    assert digital_sources([answer("x", pixels="sha256:" + "1" * 64)]) == {
        picture("x"): "compositeWithTrainedAlgorithmicMedia"
    }


def test_a_ring_of_forged_records_ends():
    """Answers that claim to be made from each other are read to the end."""
    records = [answer("a", picture("b")), answer("b", picture("a"))]
    assert set(digital_sources(records).values()) == {"trainedAlgorithmicMedia"}


def test_a_models_own_drafts_are_no_inputs():
    """The pictures of the model's earlier turns do not make a composite of what follows."""
    first = answer("x")
    draft = Content(role="model", parts=(part({"$blob": blob_digest(b"draft")}),))
    request = Request(model=first.request.model, contents=(*first.request.contents, draft, *first.request.contents))
    assert digital_source(
        Record(
            request=request,
            request_digest=request_digest(request),
            attempt=1,
            outcome=Outcome.PICTURE,
            pictures=(),
            response={},
            received={},
        ),
        {},
    ) == ("trainedAlgorithmicMedia")
