"""How a picture came to be, in the words of IPTC's vocabulary of digital source types. Pure.

- `trainedAlgorithmicMedia`: a model made it from words, or from pictures that models made.
- `compositeWithTrainedAlgorithmicMedia`: a model edited a picture that no kept answer holds: a photograph, a scan, a
  chart, an import. What is not known to be generated counts as not generated.
- `algorithmicMedia`: the emulator drew it by a program without a trained model.
- `composite`: the emulator's drawing round such a foreign picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.detach import references

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gemnb.model import JSONValue, Record

TRAINED, COMPOSITE_WITH_TRAINED = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia"
ALGORITHMIC, COMPOSITE = "algorithmicMedia", "composite"

_PLAIN = (TRAINED, ALGORITHMIC)  # nothing in it but what was generated


def digital_source(record: Record, sources: Mapping[str, str]) -> str:
    """Return the digital source type of the pictures of an answer.

    Args:
        record: The answer.
        sources: What `digital_sources` returned: the type of each known picture by the digest of its bytes.
    """
    return _source(record, all(sources.get(digest) in _PLAIN for digest in inputs_of(record)))


def digital_sources(records: Iterable[Record]) -> dict[str, str]:
    """Return the type of each picture of these answers, by the digest of its original bytes.

    An edit of an edit of a photograph is one of a photograph: what a foreign picture went into, at however many
    removes, is a composite.
    """
    known = [(record, {picture.original.blob for picture in record.pictures}) for record in records]
    made = set().union(*(pictures for _, pictures in known))
    users: dict[str, list[int]] = {}
    foreign: list[int] = []
    for number, (record, _) in enumerate(known):
        inputs = inputs_of(record)
        if not inputs <= made:
            foreign.append(number)
        for digest in inputs:
            users.setdefault(digest, []).append(number)
    mixed = set(foreign)
    while foreign:
        for digest in known[foreign.pop()][1]:
            following = [number for number in users.get(digest, ()) if number not in mixed]
            mixed.update(following)
            foreign += following
    found: dict[str, str] = {}
    # The same bytes from two answers: the one that a foreign picture went into is told.
    for number in sorted(range(len(known)), key=lambda number: number in mixed):
        record, pictures = known[number]
        found |= dict.fromkeys(pictures, _source(record, number not in mixed))
    return found


def inputs_of(record: Record) -> set[str]:
    """Return the digests of the pictures that the user's turns of a request hold (of pixels, their own digest)."""
    found: set[str] = set()
    for turn in record.request.contents:
        if turn.role != "model":
            found.update(references(list(turn.parts)))
            found.update(digest for part in turn.parts if (digest := _pixels(part.get("inlineData"))))
    return found


def _source(record: Record, is_plain: bool) -> str:  # noqa: FBT001 - two rows of two
    if record.request.model.startswith("emulator/"):
        return ALGORITHMIC if is_plain else COMPOSITE
    return TRAINED if is_plain else COMPOSITE_WITH_TRAINED


def _pixels(inline: JSONValue) -> str:
    data = inline.get("data") if isinstance(inline, dict) else None
    digest = data.get("$pixels") if isinstance(data, dict) else None
    return digest if isinstance(digest, str) else ""
