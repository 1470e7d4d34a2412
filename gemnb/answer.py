"""Read an answer of the Gemini API: which outcome it is, its final pictures, its words, its reason. Pure.

The SDK reports most failures as success (no candidates, no parts, NO_IMAGE), so the raw JSON is
classified here. Reasons as in google-genai 3.4 `FinishReason` and `BlockedReason`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.errors import MalformedAnswer
from gemnb.model import Outcome

if TYPE_CHECKING:
    from gemnb.model import JSONObject, JSONValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an answer says.

    Attributes:
        outcome: Picture, text or refusal.
        pictures: `inlineData` of the final pictures (parts that are not thoughts), in order.
        text: The words that are not thoughts.
        reason: `promptFeedback.blockReason` or `finishReason`; empty when it gave none.
        message: What the model or service said about the reason; may be empty.
        content: The model's turn, as received; None when there is none.
    """

    outcome: Outcome
    pictures: tuple[JSONObject, ...]
    text: str
    reason: str
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
    text = "".join(str(part["text"]) for part in parts if isinstance(part.get("text"), str))
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
        message=message,
        content=content if isinstance(content, dict) else None,
    )


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
