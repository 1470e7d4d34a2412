"""What a published page shows against what its index says: each thing at its place, in order. Pure.

The page is taken apart into stanzas: a prompt, a figure, the evidence below it. The index says which stanzas there
are; the longest run of them that the page shows in order is matched, and all else is told.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.publish.escape import shown
from gemnb.publish.index import Entry, Other
from gemnb.publish.shown import Kind
from gemnb.publish.words import prompt_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gemnb.publish.index import Index
    from gemnb.publish.shown import Shows

_MOST_CANDIDATES = 64
"""Places that one stanza is tried at: a picture that stands more often on a page is none a person wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the index says stands somewhere.

    Attributes:
        item: The entry.
        prompt: The text above it, or None.
        is_new: Whether the text stands directly above it; else it is that of the picture before.
        names: Its files.
    """

    item: Entry | Other
    prompt: str | None
    is_new: bool
    names: frozenset[str]


@dataclass(slots=True, kw_only=True)
class Stanza:
    """What stands together on the page.

    Attributes:
        prompt: The prompt above it, or None.
        is_new: Whether nothing but words stands between that and the figure.
        between: Pictures of no record that stand between.
        figure: The figure, or None.
        picture: Addresses of its picture.
        card: What stands in its place, or None.
        evidence: What stands below it, or None.
    """

    prompt: Shows | None
    is_new: bool
    between: list[Shows] = field(default_factory=list)
    figure: Shows | None = None
    picture: tuple[str, ...] = ()
    card: Shows | None = None
    evidence: Shows | None = None

    @property
    def line(self) -> int:
        """Where it begins."""
        found = self.figure or self.card or self.evidence
        return found.line if found else 0


@dataclass(slots=True)
class Page:
    """A page taken apart: its stanzas, and what stands in none.

    Attributes:
        stanzas: In order.
        prompts: Every prompt, each with whether a picture stands directly below it.
        pictures: Pictures that stand neither in a figure of gemnb's nor between a prompt and its figure.
        left_open: Comments of which it is not certain what a reader sees.
    """

    stanzas: list[Stanza] = field(default_factory=list)
    prompts: list[tuple[Shows, bool]] = field(default_factory=list)
    pictures: list[Shows] = field(default_factory=list)
    left_open: list[Shows] = field(default_factory=list)


def take_apart(shows: Iterable[Shows]) -> Page:
    """Return the stanzas of a page and what stands outside them."""
    page = Page()
    prompt: Shows | None = None
    card: Shows | None = None
    between: list[Shows] = []
    is_new = False
    for one in shows:
        last = page.stanzas[-1] if page.stanzas and not is_new else None
        if one.kind is Kind.PROMPT:
            page.pictures += between
            prompt, is_new, between, card = one, True, [], None
            page.prompts.append((one, False))
            continue
        if one.kind is Kind.OPEN:
            page.left_open.append(one)
            continue
        if one.kind is Kind.CARD:
            card = one
            continue
        if is_new and page.prompts:
            page.prompts[-1] = (page.prompts[-1][0], True)
        if one.kind is Kind.PICTURE:
            (between if is_new else page.pictures).append(one)
        elif one.kind is Kind.FIGURE:
            for picture in one.pictures or ((),):
                stanza = Stanza(prompt=prompt, is_new=is_new, between=between, figure=one, picture=picture)
                page.stanzas.append(stanza)
                is_new, between, card = False, [], None
        elif card is None and last is not None and last.figure is not None and last.evidence is None:
            last.evidence = one
        else:
            page.stanzas.append(Stanza(prompt=prompt, is_new=is_new, between=between, card=card, evidence=one))
            is_new, between, card = False, [], None
    page.pictures += between
    return page


def places_of(index: Index) -> list[Place]:
    """Return what an index says stands on its page, in the order of cells.

    A cell shows either pictures with records or pictures without. One picture of several that one answer, or one
    request, brought stands below the same prompt.
    """
    found: list[Place] = []
    above: tuple[int, str] | None = None
    for item in sorted(index.items, key=lambda item: item.cell):
        names = frozenset(file.name for file in item.made.files)
        if isinstance(item, Entry):
            text = shown(prompt_of(item.record))
            found.append(Place(item=item, prompt=text, is_new=(item.cell, text) != above, names=names))
            above = (item.cell, text)
        elif names:  # without any, no page shows it
            stated = item.imported.stated.prompt if item.imported else None
            found.append(Place(item=item, prompt=shown(stated) if stated else None, is_new=bool(stated), names=names))
    return found


@dataclass(slots=True)
class Matched:
    """Which stanza stands at which place, by their numbers, and those that stand at none.

    Attributes:
        at: Place to stanza.
        again: Place to stanzas that show it where it does not belong.
        strange: Stanzas of no record.
    """

    at: dict[int, int] = field(default_factory=dict)
    again: dict[int, list[int]] = field(default_factory=dict)
    strange: list[int] = field(default_factory=list)


def match(
    places: Sequence[Place],
    stanzas: Sequence[Stanza],
    name: Callable[[str], str],
    says: Callable[[Place, Stanza], bool],
) -> Matched:
    """Match stanzas and places, both in order, as many as there are.

    Args:
        places: What the index says.
        stanzas: What the page shows.
        name: The file name of an address on the page, or empty where it leads elsewhere.
        says: Whether the evidence of a stanza is that of a place.
    """
    of_name: dict[str, list[int]] = {}
    for number, place in enumerate(places):
        for file in place.names:
            of_name.setdefault(file, []).append(number)
    candidates = [_candidates(stanza, places, of_name, name, says) for stanza in stanzas]
    found = Matched(at=_longest(candidates))
    used = set(found.at.values())
    for number, near in enumerate(candidates):
        if number not in used and near:
            found.again.setdefault(near[0], []).append(number)
        elif number not in used:
            found.strange.append(number)
    return found


def _candidates(
    stanza: Stanza,
    places: Sequence[Place],
    of_name: dict[str, list[int]],
    name: Callable[[str], str],
    says: Callable[[Place, Stanza], bool],
) -> list[int]:
    """Return the places that a stanza could stand at: those of its files, else the one its evidence names."""
    numbers = {number for address in stanza.picture for number in of_name.get(name(address), ())}
    by_file = sorted(numbers)
    if by_file:
        # One file may be that of several answers with the same picture: what stands around it tells them apart.
        text = stanza.prompt.prompt if stanza.prompt else None
        near = by_file[:_MOST_CANDIDATES]
        has_evidence = stanza.evidence is not None
        return (
            [number for number in near if says(places[number], stanza)]
            or [number for number in near if has_evidence and places[number].prompt == text]
            or [number for number in near if has_evidence == (places[number].prompt is not None)]
            or near
        )
    return [number for number, place in enumerate(places) if says(place, stanza)][:_MOST_CANDIDATES]


def _longest(candidates: Sequence[Sequence[int]]) -> dict[int, int]:
    """Return the longest matching in which both sides ascend (Hunt and Szymanski, CACM 20:5, 1977)."""
    ends: list[int] = []
    chains: list[tuple[int, int, object]] = []
    for stanza, near in enumerate(candidates):
        for place in sorted(near, reverse=True):
            at = bisect_left(ends, place)
            link = (place, stanza, chains[at - 1] if at else None)
            if at == len(ends):
                ends.append(place)
                chains.append(link)
            else:
                ends[at], chains[at] = place, link
    found: dict[int, int] = {}
    chain: object = chains[-1] if chains else None
    while isinstance(chain, tuple):
        found[chain[0]], chain = chain[1], chain[2]
    return found
