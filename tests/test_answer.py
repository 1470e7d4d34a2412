"""answer: every answer of the service ends as a picture, words or a refusal with its reason, or is none."""

from __future__ import annotations

import pytest
from google.genai.types import BlockedReason, FinishReason
from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.answer import BLOCK_REASONS, FINISH_REASONS, Answer, ReasonClass, asides, read_answer, usage, why_refused
from gemnb.detach import detach
from gemnb.errors import MalformedAnswer
from gemnb.model import Outcome

DRAFT = {"inlineData": {"mimeType": "image/png", "data": "ZHJhZnQ="}, "thought": True}
FIRST = {"inlineData": {"mimeType": "image/png", "data": "Zmlyc3Q="}}
SECOND = {"inlineData": {"mimeType": "image/jpeg", "data": "c2Vjb25k"}, "thoughtSignature": "c2ln"}
WORDS = {"text": "Here it is."}
MUSING = {"text": "I should draw a cat.", "thought": True}


def answer(*parts: dict, **candidate) -> dict:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **candidate}]}


@pytest.mark.parametrize("reason", FinishReason, ids=lambda reason: reason.value)
def test_every_finish_reason_ends_in_a_named_outcome(reason):
    """A picture is a picture, words are words when the model stopped by itself, the rest is a refusal by name."""
    value = reason.value
    found = [
        (read.outcome, read.reason)
        for read in (
            read_answer(answer(FIRST, finishReason=value)),
            read_answer(answer(WORDS, finishReason=value)),
            read_answer(answer(finishReason=value)),
            read_answer({"candidates": [{"finishReason": value}]}),
        )
    ]
    words = Outcome.TEXT if reason is FinishReason.STOP else Outcome.REFUSAL
    assert found == [(Outcome.PICTURE, value), (words, value), (Outcome.REFUSAL, value), (Outcome.REFUSAL, value)]


@pytest.mark.parametrize("reason", BlockedReason, ids=lambda reason: reason.value)
def test_every_blocked_prompt_is_a_refusal_with_its_reason(reason):
    """A prompt that the service blocked is a refusal that names the service's reason."""
    feedback = {"blockReason": reason.value, "blockReasonMessage": "Not this."}
    expected = Answer(
        outcome=Outcome.REFUSAL,
        pictures=(),
        text="",
        reason=reason.value,
        blocked=True,
        message="Not this.",
        content=None,
    )
    assert expected == read_answer({"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 4}})
    assert expected == read_answer({"promptFeedback": feedback, "candidates": []})


def test_every_reason_of_the_installed_sdk_is_classified():
    """A reason that a newer google-genai brings, and one that it drops, is seen here first."""
    assert set(FINISH_REASONS) == {reason.value for reason in FinishReason}
    assert set(BLOCK_REASONS) == {reason.value for reason in BlockedReason}


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("IMAGE_SAFETY", ReasonClass.REFUSAL),
        ("PUP_LIMITED_DISABLED", ReasonClass.REFUSAL),
        ("NO_IMAGE", ReasonClass.NO_IMAGE),
        ("OTHER", ReasonClass.NO_IMAGE),
        ("STOP", ReasonClass.NO_IMAGE),
        ("MAX_TOKENS", ReasonClass.INCOMPLETE),
        ("CONTINUATION", ReasonClass.INCOMPLETE),
        ("MISSING_THOUGHT_SIGNATURE", ReasonClass.CALLER),
        ("LANGUAGE", ReasonClass.CALLER),
    ],
)
def test_a_refusal_says_what_its_reason_means(reason, expected):
    """Whoever asked learns whether to ask again, to change the request or to let it be, and what the service said."""
    meaning, said = why_refused(read_answer(answer(finishReason=reason, finishMessage="In its\nwords."))).splitlines()
    assert FINISH_REASONS[reason] is expected
    assert (meaning, said) == (expected.value, "In its words.")


def test_the_same_word_means_more_of_a_prompt():
    """OTHER of an answer may pass, OTHER of a prompt stays."""
    soft = why_refused(read_answer(answer(finishReason="OTHER")))
    hard = why_refused(read_answer({"promptFeedback": {"blockReason": "OTHER"}}))
    assert (soft, hard) == (ReasonClass.NO_IMAGE.value, ReasonClass.REFUSAL.value)


@pytest.mark.parametrize(
    "document", [answer(WORDS, finishReason="HUNGER"), {"promptFeedback": {"blockReason": "HUNGER"}}]
)
def test_an_unknown_reason_is_a_refusal_that_says_it_is_new(document):
    """A reason that no table knows is told by name, and the answer is a refusal all the same."""
    read = read_answer(document)
    assert (read.outcome, read.reason) == (Outcome.REFUSAL, "HUNGER")
    assert "HUNGER is new to this gemnb" in why_refused(read)


def test_an_answer_without_a_reason_says_that():
    """Content without parts, without a reason, is a refusal that does not pretend to know one."""
    assert "gives no reason" in why_refused(read_answer({"candidates": [{"content": {"role": "model"}}]}))


def test_a_long_story_of_the_service_is_cut():
    """The words of the service are one line of at most 400 characters."""
    told = why_refused(read_answer(answer(finishReason="NO_IMAGE", finishMessage="so\n" * 4000))).splitlines()
    assert [len(told), len(told[1])] == [2, 400]


def test_a_finish_message_is_kept():
    """What the service says about NO_IMAGE, and the SDK drops, reaches the user."""
    read = read_answer(answer(finishReason="NO_IMAGE", finishMessage="Try rephrasing the prompt."))
    assert (read.outcome, read.reason) == (Outcome.REFUSAL, "NO_IMAGE")
    assert read.message == "Try rephrasing the prompt."


def test_a_blocked_prompt_outweighs_the_candidate():
    """Where prompt and candidate both give a reason, the prompt's stands."""
    document = answer(finishReason="OTHER", finishMessage="other") | {"promptFeedback": {"blockReason": "SAFETY"}}
    assert read_answer(document).reason == "SAFETY"


def test_words_without_a_picture_are_text():
    """Words of a model that stopped by itself, or gave no reason, are a text outcome, joined as sent."""
    for extra in ({"finishReason": "STOP"}, {}):
        read = read_answer(answer(WORDS, {"text": " Enjoy."}, **extra))
        assert (read.outcome, read.text) == (Outcome.TEXT, "Here it is. Enjoy.")


def test_drafts_and_musings_never_count():
    """A draft is no picture and a musing no words: an answer of thoughts alone is a refusal."""
    read = read_answer(answer(MUSING, DRAFT, finishReason="STOP"))
    assert (read.outcome, read.pictures, read.text) == (Outcome.REFUSAL, (), "")


def test_final_pictures_keep_their_order():
    """Several pictures come in the order of the answer, without its drafts, and with its words."""
    parts = (MUSING, DRAFT, SECOND, WORDS, DRAFT, FIRST)
    read = read_answer(answer(*parts, finishReason="STOP"))
    assert read.pictures == (SECOND["inlineData"], FIRST["inlineData"])
    assert read.text == "Here it is."
    assert read.content == {"role": "model", "parts": list(parts)}


@pytest.mark.parametrize("thought", [False, None, "true", 1])
def test_only_true_marks_a_thought(thought):
    """A part is a draft when the service says `thought: true`, and not otherwise."""
    assert read_answer(answer(FIRST | {"thought": thought})).outcome is Outcome.PICTURE


def test_an_answer_reads_alike_with_its_bytes_in_place_or_detached():
    """A record's response says the same as the body it was made from, but for the place of its bytes."""
    document = answer(MUSING, DRAFT, FIRST, WORDS, finishReason="STOP", finishMessage="done")
    bare, _ = detach(document)
    here, there = read_answer(document), read_answer(bare)
    assert (here.outcome, here.text, here.reason, here.message) == (
        there.outcome,
        there.text,
        there.reason,
        there.message,
    )
    assert len(here.pictures) == len(there.pictures)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        pytest.param({}, "neither a candidate", id="empty object"),
        pytest.param(None, "JSON NoneType", id="null"),
        pytest.param([], "JSON list", id="empty list"),
        pytest.param([answer(FIRST)], "JSON list", id="list of an answer"),
        pytest.param("error", "JSON str", id="text"),
        pytest.param(7, "JSON int", id="number"),
        pytest.param(True, "JSON bool", id="true"),
        pytest.param({"candidates": []}, "neither a candidate", id="no candidates"),
        pytest.param({"candidates": None}, "neither a candidate", id="candidates null"),
        pytest.param({"candidates": [{}]}, "neither a candidate", id="empty candidate"),
        pytest.param({"candidates": [None]}, "neither a candidate", id="candidate null"),
        pytest.param({"candidates": {"0": answer(FIRST)}}, "neither a candidate", id="candidates no list"),
        pytest.param({"promptFeedback": {}}, "neither a candidate", id="empty feedback"),
        pytest.param({"error": {"code": 500}}, "neither a candidate", id="error document"),
    ],
)
def test_what_is_no_answer_is_malformed(document, why):
    """JSON without a candidate and without a reason is no answer, and the error says what it is."""
    with pytest.raises(MalformedAnswer, match="is no answer") as caught:
        read_answer(document)
    assert why in caught.value.why


KEYS = st.sampled_from(
    ["candidates", "content", "parts", "inlineData", "data", "text", "thought", "finishReason", "promptFeedback"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
)


@settings(deadline=None, max_examples=300)
@given(st.one_of(JSON, st.dictionaries(KEYS, JSON), st.lists(JSON, min_size=1).map(lambda parts: answer(*parts))))
def test_any_json_is_an_answer_or_malformed(document):
    """Whatever JSON arrives, it is one of the three outcomes or MalformedAnswer."""
    try:
        read = read_answer(document)
    except MalformedAnswer:
        return
    assert isinstance(read.outcome, Outcome)
    assert (read.outcome is Outcome.PICTURE) == bool(read.pictures)


@pytest.mark.parametrize("value", [None, [], "12", 3], ids=repr)
def test_token_counts_of_another_shape_are_none(value):
    """An answer without token counts, or with something else in their place, has none."""
    assert usage({"usageMetadata": value}) == {}
    assert usage({}) == {}


def test_token_counts_are_as_sent():
    """Token counts are the service's own, fields that gemnb does not know included."""
    counts = {"promptTokenCount": 5, "newField": {"x": 1}}
    assert usage({"usageMetadata": counts}) == counts


def test_what_is_odd_about_an_answer_with_a_picture_is_said():
    """Another reason than STOP, and further candidates, are told; a plain picture, and a refusal, need no word."""
    part = {"inlineData": {"mimeType": "image/png", "data": "YQ=="}}
    candidate = {"content": {"parts": [part]}, "finishReason": "IMAGE_SAFETY", "finishMessage": "Cut\n short."}
    stopped = candidate | {"finishReason": "STOP"}

    assert asides({"candidates": [candidate]}) == ["The picture came with the reason IMAGE_SAFETY: Cut short."]
    assert asides({"candidates": [stopped, stopped]}) == [
        "The answer has 2 candidates; the first is shown, all are in the record."
    ]
    assert asides({"candidates": [stopped]}) == []
    assert asides({"candidates": [{"finishReason": "IMAGE_SAFETY"}]}) == []
