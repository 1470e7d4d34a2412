"""What is kept in several folders as one collection: the project, its private part, the user's spill folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.errors import CacheError
from gemnb.inventory.lines import count
from gemnb.inventory.listing import Listing, folder_name, read_records, record_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gemnb.cache import Cache, Kept

PROJECT, PRIVATE, SPILL = "project", "private", "spill"
"""The places, as `gemnb.compose.open_places` names them; `private` and `spill` are how their answers are marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A kept answer and the name of the place it lies in."""

    kept: Kept
    place: str

    @property
    def mark(self) -> str:
        """How the answer is marked in a listing; nothing where it lies in the project's own part."""
        return "" if self.place == PROJECT else self.place


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What was read in several places.

    Attributes:
        answers: The answers, each once: a copy in a farther place is not counted again.
        listings: What was read, by place.
    """

    answers: tuple[Placed, ...]
    listings: Mapping[str, Listing] = field(default_factory=dict)

    @property
    def kept(self) -> list[Kept]:
        """The answers without their places."""
        return [item.kept for item in self.answers]


def own_places(places: Mapping[str, Cache]) -> dict[str, Cache]:
    """Return the places that belong to the project: all but the user's spill folder, which all projects share."""
    return {name: cache for name, cache in places.items() if name != SPILL}


def gather(places: Mapping[str, Cache], *, limit: int | None = None) -> Gathered:
    """Read the records of several places, nearest first; of each the newest so many, where a limit is given.

    Raises:
        StoreError: A folder cannot be listed.
    """
    listings = {name: read_records(cache, limit=limit) for name, cache in places.items()}
    found: dict[tuple[str, int], Placed] = {}
    for name, listing in listings.items():
        for kept in listing.kept:
            answer = kept.record.request_digest, kept.record.attempt
            found.setdefault(answer, Placed(kept=kept, place=name))
    return Gathered(answers=tuple(found.values()), listings=listings)


def attempts_at(places: Mapping[str, Cache], digest: str) -> dict[int, str]:
    """Return the attempts at a request with the nearest place of each, ascending.

    Raises:
        StoreError: A folder cannot be listed.
    """
    found: dict[int, str] = {}
    for name, cache in places.items():
        for number in cache.attempts(digest):
            found.setdefault(number, name)
    return dict(sorted(found.items()))


def replaying(places: Mapping[str, Cache], digest: str) -> int | None:
    """Return the attempt that a cell shows: the latest of the nearest place that has any; None where none has."""
    return next((max(found) for cache in places.values() if (found := cache.attempts(digest))), None)


def find_one(places: Sequence[Cache], digest: str, attempt: int) -> Kept | None:
    """Return one attempt at a request from the nearest place that has it whole, or None where none has it.

    Raises:
        CacheError: It is damaged in every place that has it, or a store failed.
    """
    damage: CacheError | None = None
    for cache in places:
        try:
            if (kept := cache.find(digest, attempt)) is not None:
                return kept
        except CacheError as error:
            damage = damage or error
    if damage is not None:
        raise damage
    return None


def apart_lines(places: Mapping[str, Cache]) -> list[str]:
    """Return a line for each place beside the project's own that holds answers; in the spill folder, of any project.

    Raises:
        StoreError: A folder cannot be listed.
    """
    said = {PRIVATE: "not committed", SPILL: "what no project could take"}
    kept = {name: places[name].store for name in said if name in places}
    return [
        f"{name + ':':<9} {count(number, 'answer')} in {folder_name(store)}, {said[name]}"
        for name, store in kept.items()
        if (number := len(record_keys(store)))
    ]
