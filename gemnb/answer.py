"""Read an answer of the Gemini API: which outcome it is, its final pictures, its words, its reason. Pure.

The SDK reports most failures as success (no candidates, no parts, NO_IMAGE), so the raw JSON is
classified here. Reasons as in google-genai 3.4 `FinishReason` and `BlockedReason`; a test holds the two
tables below against the SDK that is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from gemnb.errors import MalformedAnswer
from gemnb.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gemnb.model import JSONObject, JSONValue


class ReasonClass(Enum):
    """What a reason means for whoever asked; the value is the sentence they are told."""

    REFUSAL = "The service does not make this picture; the same request will most likely be refused again."
    NO_IMAGE = "The model made no picture this time; the same request may bring one."
    INCOMPLETE = "The model stopped before its answer was complete; a simpler prompt or a smaller size may help."
    CALLER = "The request did not fit the model; asking again does not help, changing the request may."


FINISH_REASONS: Mapping[str, ReasonClass] = MappingProxyType(
    {
        # Permanent: a policy spoke, of the model or of the account.
        "SAFETY": ReasonClass.REFUSAL,
        "RECITATION": ReasonClass.REFUSAL,  # too close to a source
        "BLOCKLIST": ReasonClass.REFUSAL,
        "PROHIBITED_CONTENT": ReasonClass.REFUSAL,
        "SPII": ReasonClass.REFUSAL,  # sensitive personal data
        "IMAGE_SAFETY": ReasonClass.REFUSAL,
        "IMAGE_PROHIBITED_CONTENT": ReasonClass.REFUSAL,
        "IMAGE_RECITATION": ReasonClass.REFUSAL,
        "ESCALATION": ReasonClass.REFUSAL,  # a rule of Google's filtered the request
        "PUP_LIMITED_DISABLED": ReasonClass.REFUSAL,  # the account is limited for its earlier requests
        "MODEL_ARMOR": ReasonClass.REFUSAL,  # a customer's own filter on Vertex AI
        # Soft: chance had a part in it.
        "FINISH_REASON_UNSPECIFIED": ReasonClass.NO_IMAGE,  # no reason, by another name
        "STOP": ReasonClass.NO_IMAGE,  # a normal end, but without a picture where this is asked
        "OTHER": ReasonClass.NO_IMAGE,
        "IMAGE_OTHER": ReasonClass.NO_IMAGE,
        "NO_IMAGE": ReasonClass.NO_IMAGE,
        "MALFORMED_RESPONSE": ReasonClass.NO_IMAGE,  # the service could not use what its model made
        # Incomplete: a limit was reached; gemnb never has an answer continued, since each piece is billed.
        "MAX_TOKENS": ReasonClass.INCOMPLETE,
        "CONTINUATION": ReasonClass.INCOMPLETE,
        # The request's own fault: signatures left out, a language or tools that the model does not have.
        "LANGUAGE": ReasonClass.CALLER,
        "MISSING_THOUGHT_SIGNATURE": ReasonClass.CALLER,
        "MALFORMED_FUNCTION_CALL": ReasonClass.CALLER,
        "UNEXPECTED_TOOL_CALL": ReasonClass.CALLER,
        "TOO_MANY_TOOL_CALLS": ReasonClass.CALLER,
    }
)
"""`finishReason` -> what it means in an answer without a picture."""

BLOCK_REASONS: Mapping[str, ReasonClass] = MappingProxyType(
    dict.fromkeys(
        (
            "BLOCKED_REASON_UNSPECIFIED",
            "SAFETY",
            "OTHER",  # of a prompt, unlike of an answer: what was asked is what is wrong
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "IMAGE_SAFETY",
            "MODEL_ARMOR",
            "JAILBREAK",
        ),
        # The same prompt meets the same filter, before any model sees it.
        ReasonClass.REFUSAL,
    )
)
"""`promptFeedback.blockReason` -> what it means."""

_SAID = 400  # characters of the service's own words that an error shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an answer says.

    Attributes:
        outcome: Picture, text or refusal.
        pictures: `inlineData` of the final pictures (parts that are not thoughts), in order.
        text: The words that are not thoughts.
        reason: `promptFeedback.blockReason` or `finishReason`; empty when it gave none.
        blocked: Whether the reason is of the prompt (`blockReason`), not of the answer.
        message: What the model or service said about the reason; may be empty.
        content: The model's turn, as received; None when there is none.
    """

    outcome: Outcome
    pictures: tuple[JSONObject, ...]
    text: str
    reason: str
    blocked: bool
    message: str
    content: JSONObject | None


def read_answer(response: JSONValue) -> Answer:
    """Classify the JSON of an answer (bytes in place or detached).

    Raises:
        MalformedAnswer: It has not the shape of an answer at all.
    """
    if not isinstance(response, dict):
        raise _malformed(f"it is a JSON {type(response).__name__}, not an object")
    feedback = _object(response.get("promptFeedback"))
    candidates = response.get("candidates")
    candidate = _object(candidates[0]) if isinstance(candidates, list) and candidates else {}
    if not candidate and not feedback.get("blockReason"):
        raise _malformed("it has neither a candidate nor a reason for having none")
    content = candidate.get("content")
    parts = _parts(content)
    pictures = tuple(_object(part["inlineData"]) for part in parts if "inlineData" in part)
    text = "".join(_words(part.get("text")) for part in parts)
    reason = str(feedback.get("blockReason") or candidate.get("finishReason") or "")
    message = str(feedback.get("blockReasonMessage") or candidate.get("finishMessage") or "")
    if pictures:
        outcome = Outcome.PICTURE
    elif reason in ("", "STOP") and text:
        outcome = Outcome.TEXT
    else:
        outcome = Outcome.REFUSAL
    return Answer(
        outcome=outcome,
        pictures=pictures,
        text=text,
        reason=reason,
        blocked=bool(feedback.get("blockReason")),
        message=message,
        content=content if isinstance(content, dict) else None,
    )


def _words(text: JSONValue) -> str:
    """Return the text of a part; one that no record can hold (half a character) was detached, and is marked."""
    return text if isinstance(text, str) else "\N{REPLACEMENT CHARACTER}" if isinstance(text, dict) else ""


def why_refused(answer: Answer) -> str:
    """Return, for a person, what the reason of a refusal means and, on a line of its own, what the service said."""
    known = (BLOCK_REASONS if answer.blocked else FINISH_REASONS).get(answer.reason)
    if known:
        meaning = known.value
    elif answer.reason:
        meaning = f"{answer.reason[:80]} is new to this gemnb; it counts as a refusal."
    else:
        meaning = "The answer holds neither a picture nor words, and gives no reason."
    said = " ".join((answer.message or answer.text).split())[:_SAID]
    return f"{meaning}\n{said}".strip()


def asides(response: JSONObject) -> list[str]:
    """Return, for a person, what is odd about an answer with a picture: nothing of it is shown with the picture."""
    answer = read_answer(response)
    if answer.outcome is not Outcome.PICTURE:
        return []
    found = []
    if answer.reason not in ("", "STOP"):
        said = " ".join(answer.message.split())[:_SAID]
        found.append(f"The picture came with the reason {answer.reason[:80]}" + (f": {said}" if said else "."))
    candidates = response.get("candidates")
    if isinstance(candidates, list) and len(candidates) > 1:
        found.append(f"The answer has {len(candidates)} candidates; the first is shown, all are in the record.")
    return found


def usage(response: JSONObject) -> JSONObject:
    """Return the answer's token counts as the service sent them; empty when it sent none."""
    return _object(response.get("usageMetadata"))


def _malformed(why: str) -> MalformedAnswer:
    return MalformedAnswer("The service's answer is no answer.", why=why)


def _object(value: JSONValue) -> JSONObject:
    return value if isinstance(value, dict) else {}


def _parts(content: JSONValue) -> list[JSONObject]:
    """Return the parts that are not thoughts (drafts are thoughts and never a result)."""
    parts = _object(content).get("parts")
    if not isinstance(parts, list):
        return []
    return [part for part in parts if isinstance(part, dict) and part.get("thought") is not True]
