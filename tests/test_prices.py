"""prices: what a request is likely to cost, what an answer did cost, by the dated table; unknown is said as such."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.capabilities import models
from gemnb.detach import image_part, pixels_part, text_part
from gemnb.model import Content, Image, Outcome, Picture, Record, Request
from gemnb.prices import cost, cost_of_usage, dollars, estimate

PRO = "google/gemini-3-pro-image"
BLOB = "sha256:" + "a" * 64


def request(model: str = PRO, *pictures: dict, text: str = "a cat", **config) -> Request:
    return Request(model=model, contents=(Content(role="user", parts=(*pictures, text_part(text))),), config=config)


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        # The published figures per picture (USD), each to the cent fraction it was published with.
        ("google/gemini-nano-banana-2.1", None, "0.0336"),
        ("google/gemini-nano-banana-2.1", "2K", "0.0504"),
        ("google/gemini-nano-banana-2.1", "4K", "0.1134"),
        ("google/gemini-3.1-flash-image", "512", "0.045"),
        ("google/gemini-3.1-flash-image", None, "0.067"),
        ("google/gemini-3.1-flash-image", "2K", "0.101"),
        ("google/gemini-3.1-flash-image", "4K", "0.151"),
        ("google/gemini-3.1-flash-lite-image", "1K", "0.0336"),
        (PRO, "2K", "0.134"),
        (PRO, "4K", "0.24"),
        ("google/gemini-2.5-flash-image", None, "0.039"),
    ],
)
def test_a_picture_costs_what_is_published(model, size, expected):
    """An estimate is the published price (rounded) of a picture of its size; a short prompt adds next to nothing."""
    found = estimate(request(model, **({} if size is None else {"image_size": size})))
    assert abs(found.usd - Decimal(expected)) < Decimal("0.0005")
    assert found.as_of == models()[model].priced
    assert f"prices as of {found.as_of}" in found.basis


def test_what_is_sent_along_is_counted():
    """Input pictures (bytes or pixels), earlier turns, the system instruction and long prompts add their tokens."""
    bare = estimate(request()).usd
    pictures = request(PRO, image_part(BLOB, "image/png"), pixels_part(BLOB))
    assert estimate(pictures).usd - bare == Decimal(2 * 560 * 2) / 1_000_000
    assert estimate(request(text="a cat" + "x" * 4000)).usd - bare == Decimal(1000 * 2) / 1_000_000
    assert estimate(request(system_instruction="x" * 4000)).usd - bare == Decimal(1000 * 2) / 1_000_000
    turns = (Content(role="model", parts=(image_part(BLOB, "image/png"),)), *request().contents)
    assert estimate(replace(request(), contents=turns)).usd > bare


def test_the_emulator_costs_nothing():
    """A request to the emulator costs nothing, also to a model of its that the table does not know."""
    assert estimate(request("emulator/sketch-1", image_size="4K")).usd == 0
    assert estimate(request("emulator/unheard-of")).usd == 0


def test_an_unknown_price_is_no_number():
    """For a model without a row no price is invented, and that is said."""
    found = estimate(request("google/gemini-99"))
    assert found.usd is None
    assert found.basis.startswith("price unknown")
    assert found.as_of is None


def test_a_size_without_a_price_is_taken_at_the_dearest():
    """A size that the table does not know does not slip below a limit, and the estimate says what it took."""
    found = estimate(request(image_size="8K"))
    assert found.usd == estimate(request(image_size="4K")).usd
    assert "of size 8K no price is known; that of 4K is taken" in found.basis


@pytest.mark.parametrize(
    ("usd", "text"),
    [("0", "$0"), ("0.00004", "less than $0.0001"), ("0.0004", "$0.0004"), ("0.0387", "$0.039"), ("1.344", "$1.34")],
)
def test_amounts_are_short(usd, text):
    """An amount is shown with as many digits as a person needs."""
    assert dollars(Decimal(usd)) == text


def record(model: str, usage: dict, *, picture: bool) -> Record:
    """Return a kept answer with these token counts."""
    image = Image(blob=BLOB, mime_type="image/png", size=1, width=1, height=1)
    return Record(
        request=request(model),
        request_digest=BLOB,
        attempt=1,
        outcome=Outcome.PICTURE if picture else Outcome.TEXT,
        pictures=(Picture(original=image),) if picture else (),
        response={"usageMetadata": usage} if usage else {},
        received={},
    )


def test_an_answer_costs_what_its_tokens_cost():
    """The price of an answer is by its own counts; without counts, or without a price, there is none."""
    assert cost(record(PRO, USAGE, picture=True)) == Decimal("0.13976")
    assert cost(record(PRO, {}, picture=True)) is None
    assert cost(record("google/gemini-99", USAGE, picture=True)) is None


def test_output_without_a_modality_is_a_picture_where_there_is_one():
    """Counts that do not tell pictures from words are taken as pictures, the dearer, if the answer holds one."""
    counts = {"promptTokenCount": 0, "candidatesTokenCount": 1120}
    assert cost(record(PRO, counts, picture=True)) == Decimal("0.1344")
    assert cost(record(PRO, counts, picture=False)) == Decimal("0.01344")


USAGE = {
    "promptTokenCount": 1000,
    "candidatesTokenCount": 1200,
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}, {"modality": "TEXT", "tokenCount": 80}],
    "thoughtsTokenCount": 200,
    "totalTokenCount": 2400,
}


@pytest.mark.parametrize(
    ("model", "usage", "expected"),
    [
        # 1000 × 2.00 + (80 + 200) × 12.00 + 1120 × 120.00, per million.
        pytest.param(PRO, USAGE, "0.13976", id="picture with thoughts"),
        # 1000 × 0.30 + 1290 × 30.00, per million.
        pytest.param(
            "google/gemini-2.5-flash-image",
            {
                "promptTokenCount": 1000,
                "candidatesTokenCount": 1290,
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
            },
            "0.039",
            id="picture alone",
        ),
        pytest.param(PRO, {"promptTokenCount": 10, "candidatesTokenCount": 20}, "0.00026", id="words alone"),
        pytest.param(PRO, {"promptTokenCount": 500_000}, "1", id="blocked prompt"),
        pytest.param("emulator/sketch-1", USAGE, "0", id="emulator"),
        pytest.param("google/gemini-99", USAGE, None, id="unknown model"),
        pytest.param(PRO, {}, None, id="no counts"),
    ],
)
def test_a_price_counts_each_modality_at_its_own(model, usage, expected):
    """Picture, words and prompt have their own prices; without a row or counts no price is invented."""
    assert cost_of_usage(model, usage) == (None if expected is None else Decimal(expected))


COUNTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["modality", "tokenCount"]), inner),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(list(USAGE)), COUNTS))
def test_token_counts_of_any_shape_have_a_price_or_none(usage):
    """Whatever stands in place of token counts, the price is a number or none, never an exception."""
    price = cost_of_usage(PRO, usage)
    assert price is None or (price.is_finite() and price >= 0)
