"""Find the kept request that is most like one that was missed. Pure, and the same for the same records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.inventory.differences import Difference, differences, inputs, names_of, prompt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gemnb.cache import Kept
    from gemnb.model import Binding, Request

_CLOSER_LOOK = 10  # candidates whose prompts are compared word by word
_WORDS = 500  # of a prompt are compared so

# How much a difference weighs. A prompt says more of what a person meant than any option does.
_PROMPT, _MODEL, _OPTION, _SAMPLE, _TURNS, _INPUTS = 4.0, 1.0, 0.5, 0.25, 1.0, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """A kept answer and the fields in which its request differs from the one asked about."""

    kept: Kept
    differences: tuple[Difference, ...]


def nearest_kept(request: Request, kept: Iterable[Kept], bindings: Iterable[Binding] = ()) -> Near | None:
    """Return the kept answer whose request is most like this one, or None where nothing is kept.

    Prompts are compared by the words they share; the ten best candidates by the order of the words as well.
    Equally near ones are told apart by their digests.

    Args:
        request: What was asked.
        kept: Among what is looked.
        bindings: Of the cell that asked; they say what it calls its input pictures.
    """
    latest: dict[str, Kept] = {}
    for item in kept:
        other = latest.get(item.record.request_digest)
        if other is None or other.record.attempt < item.record.attempt:
            latest[item.record.request_digest] = item
    wanted = Counter(prompt(request).split())
    ranked = sorted(
        latest.values(),
        key=lambda item: (_distance(request, item.record.request, wanted), item.record.request_digest),
    )
    best = min(
        ranked[:_CLOSER_LOOK],
        key=lambda item: (_distance(request, item.record.request, None), item.record.request_digest),
        default=None,
    )
    if best is None:
        return None
    names = names_of(best.invocation.bindings), names_of(bindings)
    return Near(kept=best, differences=differences(best.record.request, request, names))


def _distance(asked: Request, kept: Request, words: Counter[str] | None) -> float:
    options = sum(asked.config.get(key) != kept.config.get(key) for key in set(asked.config) | set(kept.config))
    here, there = set(inputs(asked)), set(inputs(kept))
    pictures = 1 - len(here & there) / len(here | there) if here | there else 0.0
    return (
        _MODEL * (asked.model != kept.model)
        + _OPTION * options
        + _SAMPLE * (asked.sample != kept.sample)
        + _TURNS * (asked.contents[:-1] != kept.contents[:-1])
        + _INPUTS * pictures
        + _PROMPT * (1 - _alike(prompt(asked), prompt(kept), words))
    )


def _alike(asked: str, kept: str, words: Counter[str] | None) -> float:
    if asked == kept:
        return 1.0
    if words is not None:
        other = Counter(kept.split())
        return 2 * (words & other).total() / max(1, words.total() + other.total())
    import difflib

    return difflib.SequenceMatcher(None, asked.split()[:_WORDS], kept.split()[:_WORDS], autojunk=False).ratio()
