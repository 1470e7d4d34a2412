"""What a cell leaves in the notebook: one MIME bundle per picture, a pure function of the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pybase64

from gemnb.answer import read_answer
from gemnb.canonical import short
from gemnb.errors import MalformedAnswer, printable
from gemnb.model import MIMETYPE, Embed, Outcome
from gemnb.records import document

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.model import Image, Invocation, JSONObject, JSONValue, Picture, Presentation, Record

ORIGINAL_LIMIT = 200_000
"""With `embed=auto`, originals of up to this many bytes stand in the notebook themselves."""

SHOWN_EVERYWHERE = ("image/png", "image/jpeg")
"""The picture types that every notebook tool renders."""


def bundle(
    record: Record,
    index: int,
    presentation: Presentation,
    invocation: Invocation,
    blob: Callable[[str], bytes],
) -> tuple[dict[str, JSONValue], JSONObject]:
    """Return data and metadata of the output of one picture, or of an answer without one.

    Args:
        record: The answer.
        index: Which of its pictures; 0 where it has none.
        presentation: Alternative text, caption, and which bytes are embedded.
        invocation: The cell this output stands below.
        blob: Digest to bytes; called for the embedded picture only.

    Raises:
        CorruptEntry: The kept bytes are damaged.
    """
    if not record.pictures:
        return _words_only(record, presentation, invocation)
    picture = record.pictures[index]
    shown = embedded(picture, presentation.embed)
    data: dict[str, JSONValue] = {
        shown.mime_type: pybase64.b64encode_as_string(blob(shown.blob)),
        "text/plain": plain(picture, presentation.alt),
        MIMETYPE: document(record, invocation, index) | _shown(presentation),
    }
    facts: JSONObject = {"width": shown.width, "height": shown.height}
    if presentation.alt is not None:
        facts["alt"] = presentation.alt
    return data, {shown.mime_type: facts}


def embedded(picture: Picture, embed: Embed) -> Image:
    """Return which bytes of a picture stand in the notebook."""
    if picture.preview is None:
        return picture.original
    if picture.original.mime_type not in SHOWN_EVERYWHERE:
        return picture.preview
    if embed is Embed.ORIGINAL or (embed is Embed.AUTO and picture.original.size <= ORIGINAL_LIMIT):
        return picture.original
    return picture.preview


def plain(picture: Picture, alt: str | None) -> str:
    """Return the `text/plain` of a picture: a text diff, and nbval, see that the picture changed."""
    mark = f"[gemnb:{short(picture.original.blob)} {picture.original.width}×{picture.original.height}]"
    return " ".join([*(alt or "").split(), mark])


def _words_only(
    record: Record, presentation: Presentation, invocation: Invocation
) -> tuple[dict[str, JSONValue], JSONObject]:
    try:
        answer = read_answer(record.response)
    except MalformedAnswer as error:  # a forged record; what it claims is shown for what it is
        said = error.what
    else:
        refusal = ": ".join(filter(None, ("refused", answer.reason, answer.message or answer.text)))
        said = answer.text if record.outcome is Outcome.TEXT else refusal
    text = f"{printable(said)} [gemnb:{short(record.request_digest)} no picture]"
    return {"text/plain": text, MIMETYPE: document(record, invocation) | _shown(presentation)}, {}


def _shown(presentation: Presentation) -> JSONObject:
    pairs = (("alt", presentation.alt), ("caption", presentation.caption))
    shown: JSONObject = {key: value for key, value in pairs if value is not None}
    return {"presentation": shown} if shown else {}
