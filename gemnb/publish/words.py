"""What a page says about an answer, from its record: prompt, parameters, facts for a caption, the system. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.answer import read_answer, why_refused
from gemnb.detach import references
from gemnb.errors import MalformedAnswer
from gemnb.model import Outcome
from gemnb.prices import cost
from gemnb.publish.pictures import Provenance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gemnb.model import JSONValue, Record

_SYSTEMS = {"google": "Google Gemini", "emulator": "gemnb emulator"}


def prompt_of(record: Record) -> str:
    """Return the text that went to the model in the last turn."""
    turns = record.request.contents[-1:]
    texts = (part.get("text") for turn in turns for part in turn.parts)
    return "".join(text for text in texts if isinstance(text, str))


def input_pictures(record: Record) -> list[str]:
    """Return the digests of the pictures that went to the model, in order: of its turns, and of the user's."""
    found: list[str] = []
    for turn in record.request.contents:
        for part in turn.parts:
            inline = part.get("inlineData")
            if isinstance(inline, dict):
                data = inline.get("data")
                pixels = data.get("$pixels") if isinstance(data, dict) else None
                found += [pixels] if isinstance(pixels, str) else list(references(inline))
    return list(dict.fromkeys(found))


def model_version(record: Record) -> str:
    """Return the version the answer says of its model, where it says another name than the request; or nothing."""
    said = record.response.get("modelVersion")
    model = record.request.model
    return said if isinstance(said, str) and said not in (model, model.partition("/")[2]) else ""


def parameters(record: Record) -> list[tuple[str, str]]:
    """Return what was asked for beside the prompt, by the names of the record."""
    rows = [(key, _value(value)) for key, value in sorted(record.request.config.items())]
    return rows if record.request.sample == 1 else [*rows, ("sample", str(record.request.sample))]


def caption_facts(record: Record, attempts: int) -> tuple[str, ...]:
    """Return model, date, cost where it can be told, and which attempt it is.

    Args:
        record: The answer.
        attempts: How many answers to this request are kept.
    """
    time = record.received.get("time")
    price = cost(record)
    return tuple(
        filter(
            None,
            (
                record.request.model.partition("/")[2],
                time[:10] if isinstance(time, str) else "",
                f"${price:.3f}" if price else "",
                f"attempt {record.attempt} of {max(attempts, record.attempt)}",
            ),
        )
    )


def provenance(
    record: Record, picture: int, sources: Mapping[str, str], alt: str | None, *, prompt: bool
) -> Provenance:
    """Return what the published copies of a picture say of themselves.

    Args:
        record: The answer.
        picture: Which of its pictures.
        sources: Digital source types of known pictures, by digest.
        alt: Alternative text.
        prompt: Whether they hold the prompt.
    """
    original = record.pictures[picture].original.blob
    model = record.request.model
    version = " ".join(filter(None, (model.partition("/")[2], model_version(record))))
    return Provenance(
        system=_SYSTEMS.get(model.partition("/")[0], ""),
        version=version,
        prompt=prompt_of(record) if prompt else None,
        source=sources.get(original, ""),
        original=original,
        alt=alt,
    )


def outcome_words(record: Record) -> tuple[str, tuple[str, ...]]:
    """Return a title and lines for an answer without a picture."""
    try:
        answer = read_answer(record.response)
    except MalformedAnswer as error:
        return "No picture", (error.what,)
    if record.outcome is Outcome.TEXT:
        return "The model answered in words", tuple(answer.text.splitlines())
    return f"Refused: {answer.reason}" if answer.reason else "Refused", tuple(why_refused(answer).splitlines())


def _value(value: JSONValue) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
