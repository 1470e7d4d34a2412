"""Answers of generateContent, good and bad, as bytes that depend on the request alone."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

from gemnb.emulator.posters import Poster, encode
from gemnb.emulator.posters.letters import title
from gemnb.emulator.wire import encode64, signature

if TYPE_CHECKING:
    from gemnb.emulator.asked import Asked
    from gemnb.emulator.errors import JSONValue
    from gemnb.emulator.faults import Fault

INPUT_IMAGE_TOKENS: Final = 560
IMAGE_TOKENS: Final = {"512": 747, "1K": 1120, "2K": 1680, "4K": 2520}
"""Tokens of a picture that goes in, and of one that comes out: Gemini 3.1's published figures, 2026-10."""


class Content(NamedTuple):
    """Parts of an answer, and what they cost: tokens of thought, text and pictures."""

    parts: list[JSONValue]
    thoughts: int
    text: int
    images: int


def tokens(text: str) -> int:
    """Return about how many tokens a text has: one for four letters, rounded up."""
    return -(-len(text) // 4)


def answer(asked: Asked, fault: Fault | None) -> dict[str, JSONValue]:
    """Return the body of a 200.

    Args:
        asked: the request.
        fault: what is wrong with the answer, if anything is; one of the kinds that leave a 200.
    """
    if fault and fault.kind == "prompt-blocked":
        return _blocked(asked, fault)
    if fault and fault.kind == "no-candidates":
        return {"candidates": [], **_ending(asked, None)}
    if fault and fault.kind in ("no-image", "no-parts"):
        return _no_image(asked, fault)
    if not asked.settings.image or (fault and fault.kind == "text-only"):
        content = _text_only(asked, fault.message if fault else None)
    else:
        content = _picture(asked, fault)
    candidate: dict[str, JSONValue] = {
        "content": {"parts": content.parts, "role": "model"},
        "finishReason": "STOP",
        "index": 0,
    }
    ending = _ending(asked, content)
    if fault and fault.kind == "other-model":
        ending["modelVersion"] = fault.model or "emulator/sketch-0"
    return {"candidates": [candidate], **ending}


def chunks(whole: dict[str, JSONValue]) -> list[dict[str, JSONValue]]:
    """Return the body of a 200 as a stream tells it: one part after the other, the reason with the last."""
    candidates = whole.get("candidates")
    candidate = candidates[0] if isinstance(candidates, list) and candidates else None
    content = candidate.get("content") if isinstance(candidate, dict) else None
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(candidate, dict) or not isinstance(parts, list):
        return [whole]
    found: list[dict[str, JSONValue]] = []
    for number, part in enumerate(parts, 1):
        piece: dict[str, JSONValue] = {"content": {"parts": [part], "role": "model"}, "index": 0}
        if number == len(parts):
            piece = {**candidate, **piece}
        found.append({**whole, "candidates": [piece]})
    return found


def count(asked: Asked) -> dict[str, JSONValue]:
    """Return the body of a 200 to countTokens."""
    text, images = _prompt_tokens(asked)
    return {"totalTokens": text + images, "promptTokensDetails": _details(text, images)}


def _blocked(asked: Asked, fault: Fault) -> dict[str, JSONValue]:
    feedback: dict[str, JSONValue] = {
        "blockReason": fault.reason or "PROHIBITED_CONTENT",
        "blockReasonMessage": fault.message
        or "The prompt was blocked: a fault that gemnb's emulator was told to show.",
    }
    return {"promptFeedback": feedback, **_ending(asked, None)}


def _no_image(asked: Asked, fault: Fault) -> dict[str, JSONValue]:
    candidate: dict[str, JSONValue] = {"content": {"role": "model"}, "finishReason": "STOP", "index": 0}
    if fault.kind == "no-image":
        candidate["finishReason"] = fault.reason or "NO_IMAGE"
        candidate["finishMessage"] = (
            fault.message or "No picture was made: a fault that gemnb's emulator was told to show."
        )
    return {"candidates": [candidate], **_ending(asked, None)}


def _text_only(asked: Asked, message: str | None) -> Content:
    text = (
        message
        if message is not None
        else (
            f"This is gemnb's emulator. Of \u201c{title(asked.prompt)}\u201d it can draw a synthetic picture "
            f"({asked.digest[:12]}), but no model reads it."
        )
    )
    return Content([{"text": text}], 0, tokens(text), 0)


def _picture(asked: Asked, fault: Fault | None) -> Content:
    kind = fault.kind if fault else ""
    drafts = (fault.count or 1) if fault and kind == "drafts" else int(asked.model.thinks)
    parts: list[JSONValue] = []
    thought = _thought(asked) if drafts else ""
    if drafts:
        parts.append({"text": thought, "thought": True})
    parts.extend(
        {"inlineData": _blob(*_drawn(asked, "", number)), "thought": True} for number in range(1, drafts + 1)
    )
    text = f"A synthetic picture for \u201c{title(asked.prompt)}\u201d." if asked.settings.text else ""
    if text:
        parts.append({"text": text})
    pictures = (fault.count or 2) if fault and kind == "pictures" else 1
    for number in range(pictures):
        mime_type, data = _drawn(asked, kind, 0, number)
        blob = _blob(mime_type, data)
        if kind == "bad-base64":
            blob["data"] = "%% no base64 %%"
        parts.append({"inlineData": blob, "thoughtSignature": signature(data)})
    size = "4K" if kind == "huge" else asked.settings.size
    return Content(parts, tokens(thought), tokens(text), IMAGE_TOKENS[size] * pictures)


def _thought(asked: Asked) -> str:
    inputs = len(asked.inputs)
    carried = f" It carries {inputs} earlier picture{'s' * (inputs > 1)}." if inputs else ""
    return (
        f"**Planning the poster**\n\nThe title is \u201c{title(asked.prompt)}\u201d.{carried} "
        "A draft in pencil comes first, to see whether the parts balance."
    )


def _drawn(asked: Asked, kind: str, draft: int, number: int = 0) -> tuple[str, bytes]:
    """Return MIME type and bytes of a picture, as the fault's kind would have them; `number` is 0 for the first."""
    poster = Poster(
        digest=hashlib.sha256(f"{asked.digest} {number}".encode()).hexdigest() if number else asked.digest,
        model=asked.model.name,
        prompt=asked.prompt,
        size=(4096, 4096) if kind == "huge" else asked.pixels,
        inputs=tuple(image.data for image in asked.inputs),
        draft=draft,
    )
    if kind == "not-an-image":
        return "image/png", b"This text was said to be a picture: a fault that gemnb's emulator was told to show.\n"
    if kind == "truncated-image":
        whole = encode(poster, "image/png")
        return "image/png", whole[: len(whole) // 2]
    if kind == "wrong-mime":
        return "image/png", encode(poster, "image/jpeg")
    mime_type = "image/jpeg" if kind in ("jpeg", "huge") else asked.model.mime_type
    return mime_type, encode(poster, mime_type)


def _blob(mime_type: str, data: bytes) -> dict[str, JSONValue]:
    return {"mimeType": mime_type, "data": encode64(data)}


def _ending(asked: Asked, content: Content | None) -> dict[str, JSONValue]:
    return {
        "usageMetadata": _usage(asked, content),
        "modelVersion": asked.model.id,
        "responseId": asked.digest[:24],
    }


def _prompt_tokens(asked: Asked) -> tuple[int, int]:
    """Return the tokens of what was asked: of text and of pictures."""
    text = tokens(asked.system) + sum(tokens(words) for turn in asked.turns for words in turn.words())
    return text, INPUT_IMAGE_TOKENS * sum(1 for turn in asked.turns for _ in turn.images())


def _usage(asked: Asked, content: Content | None) -> dict[str, JSONValue]:
    text, images = _prompt_tokens(asked)
    usage: dict[str, JSONValue] = {"promptTokenCount": text + images}
    total = text + images
    if content:
        usage["candidatesTokenCount"] = content.text + content.images
        if content.thoughts:
            usage["thoughtsTokenCount"] = content.thoughts
        total += content.text + content.images + content.thoughts
    usage["totalTokenCount"] = total
    usage["promptTokensDetails"] = _details(text, images)
    if content:
        usage["candidatesTokensDetails"] = _details(content.text, content.images)
    return usage


def _details(text: int, images: int) -> list[JSONValue]:
    return [
        {"modality": modality, "tokenCount": count}
        for modality, count in (("TEXT", text), ("IMAGE", images))
        if count
    ]
