"""Comparisons on a page: what a composite says of its parts, and the two pictures of a slider. Pure.

The document of a comparison comes with the notebook, so perhaps from a stranger: its digests choose among pictures
that are kept, and its words are shown as words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.canonical import is_digest, short
from gemnb.publish.pictures import Provenance
from gemnb.publish.post import Figure, Slider, Source
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gemnb.model import JSONValue

MOST = 36
"""Pictures of a comparison that are named, as many as one can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was compared: digests of originals with their labels, and whether as a slider."""

    parts: tuple[tuple[str, str], ...]
    slider: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the pictures that a comparison may name.

    Attributes:
        slug: That of the post, which names files.
        said: What the copies of each picture of a record say of themselves, by digest of the original.
        figures: The figures above the comparison, by digest of the original.
        read: Digest to bytes; None where they are not kept.
    """

    slug: str
    said: Mapping[str, Provenance]
    figures: Mapping[str, Figure]
    read: Callable[[str], bytes | None]


def parse_comparison(document: JSONValue) -> Comparison | None:
    """Return what was compared; None where the document is none of a comparison."""
    pictures = document.get("pictures") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(pictures, list):
        return None
    parts = []
    for item in pictures[:MOST]:
        blob = item.get("blob") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(blob, str) or not is_digest(blob):
            return None
        label = item.get("label")
        parts.append((blob, label if isinstance(label, str) else ""))
    return Comparison(parts=tuple(parts), slider=document.get("slider") is True)


def labels_of(compared: Comparison) -> str | None:
    """Return the labels of a comparison on one line; None where it has none."""
    return " | ".join(words for _, label in compared.parts if (words := " ".join(label.split()))) or None


def composite_provenance(original: str, alt: str | None, compared: Comparison, known: Known) -> Provenance:
    """Return what copies of a composite say: its own digest, those of its parts, and who made those.

    Args:
        original: Digest of the composite.
        alt: Its alternative text.
        compared: What it was put together from.
        known: What is known of that.
    """
    said = [known.said.get(blob) for blob, _ in compared.parts]
    prompts = [
        f"{label}: {one.prompt}" if label else one.prompt
        for (_, label), one in zip(compared.parts, said, strict=True)
        if one is not None and one.prompt is not None
    ]
    return Provenance(
        system=_each([one.system for one in said if one]),
        version=_each([one.version for one in said if one]),
        prompt="\n\n".join(prompts) or None,
        source=_source([one.source if one else "" for one in said]),
        original=original,
        alt=alt,
        parts=tuple(dict.fromkeys(blob for blob, _ in compared.parts)),
    )


def _each(words: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(word for word in words if word))


def _source(kinds: Sequence[str]) -> str:
    """Return IPTC's term for a composite: that of its parts where they have one, else one for mixtures."""
    if len(set(kinds)) == 1:
        return kinds[0]
    trained = any("rainedAlgorithmicMedia" in kind for kind in kinds)
    return "compositeWithTrainedAlgorithmicMedia" if trained else "composite"


def slider_of(compared: Comparison, alt: str | None, cell: int, known: Known) -> Slider | None:
    """Return the slider of a comparison; None where it is none, or a picture of it is not kept.

    Args:
        compared: What was compared.
        alt: Its alternative text.
        cell: Position of the cell.
        known: What is known of its pictures.
    """
    if not compared.slider or len(compared.parts) != 2:
        return None
    (before, left), (after, right) = compared.parts
    halves = [_half(before, "Before", left, cell, known), _half(after, "After", right, cell, known)]
    if halves[0] is None or halves[1] is None:
        return None
    return Slider(before=halves[0], after=halves[1], labels=(left, right), alt=alt)


def _half(blob: str, time: str, label: str, cell: int, known: Known) -> Figure | None:
    figure = known.figures.get(blob)
    source = figure.source if figure else _new_source(blob, known)
    if source is None:
        return None
    alt = (figure.alt if figure else None) or label.strip() or None
    return Figure(source=source, alt=alt and f"{time}: {alt}", caption=None, cell=cell)


def _new_source(blob: str, known: Known) -> Source | None:
    data = known.read(blob)
    kind = sniff(data) if data else None
    if kind is None:
        return None
    said = known.said.get(blob) or Provenance(system="", version="", prompt=None, source="", original=blob)
    return Source(stem=f"{known.slug}-{short(blob)[:8]}", original=blob, mime_type=kind.mime_type, provenance=said)
