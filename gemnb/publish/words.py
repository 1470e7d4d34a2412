"""What a page says about an answer, from its record: prompt, parameters, facts for a caption, the system. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gemnb.answer import read_answer, why_refused
from gemnb.detach import references
from gemnb.errors import MalformedAnswer
from gemnb.model import Outcome
from gemnb.prices import cost
from gemnb.publish.pictures import Provenance

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gemnb.model import JSONObject, JSONValue, Record

_HOMES = re.compile(
    r"""(?<![\w./-])(?:/home|/Users)/[^/\s'":]+|(?<!\w)[A-Za-z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/)[^\\/\s'":]+"""
)
_SYSTEMS = {"google": "Google Gemini", "emulator": "gemnb emulator"}


def prompt_of(record: Record) -> str:
    """Return the text that went to the model in the last turn."""
    turns = record.request.contents[-1:]
    texts = (part.get("text") for turn in turns for part in turn.parts)
    return "".join(text for text in texts if isinstance(text, str))


def input_pictures(record: Record) -> list[str]:
    """Return the digests of the pictures that the user's turns gave the model, in order."""
    given = [turn for turn in record.request.contents if turn.role != "model"]
    return list(dict.fromkeys(digest for turn in given for part in turn.parts for digest in _pictures(part)))


def goes_on_from(record: Record) -> str | None:
    """Return the digest of the model's picture that an edit goes on from; None for what is no edit."""
    turns = [turn for turn in record.request.contents[:-1] if turn.role == "model"]
    made = [digest for turn in turns for part in turn.parts if not part.get("thought") for digest in _pictures(part)]
    return made[-1] if made else None


def _pictures(part: JSONObject) -> list[str]:
    inline = part.get("inlineData")
    if not isinstance(inline, dict):
        return []
    data = inline.get("data")
    pixels = data.get("$pixels") if isinstance(data, dict) else None
    return [pixels] if isinstance(pixels, str) else list(references(inline))


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


def without_places(text: str, *folders: Path) -> str:
    """Return a message without the author's folders: paths below these become relative, a home becomes `~`.

    Args:
        text: The message.
        folders: Of the project, the innermost first.
    """
    for folder in folders:
        text = text.replace(f"{folder}/", "") if len(folder.parts) > 1 else text
    return _HOMES.sub("~", text)


def _value(value: JSONValue) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
