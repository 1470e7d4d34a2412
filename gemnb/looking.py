"""Caches opened to look at what a cell would find: nothing is fetched, copied, repaired or set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.cache import Cache, DirectoryStore, Tiers
from gemnb.compose import far_tiers, open_cache
from gemnb.inputs import Reach
from gemnb.model import Mode

if TYPE_CHECKING:
    from gemnb.settings import Settings


def open_all_for_looking(settings: Settings) -> Tiers:
    """Return every tier that a cell reads: of the project, its private part, and of the user."""
    project, private = _of_project(settings)
    return Tiers(
        project,
        private=private,
        spill=lambda: _to_look_at(far_tiers(settings)[0]),
        machine=lambda _writing: _to_look_at(far_tiers(settings)[1]),
    )


def reach_for_looking(settings: Settings) -> Reach:
    """Return what input pictures are looked up in."""
    return Reach(places=_of_project(settings), mode=Mode.REPLAY)


def _of_project(settings: Settings) -> tuple[Cache, Cache]:
    private = Cache(DirectoryStore(settings.cache / "private"), look_only=True)
    return open_cache(settings.cache, look_only=True), private


def _to_look_at(tier: Cache | None) -> Cache | None:
    # As if it were near: what is found farther away would be copied to the project.
    return None if tier is None else Cache(tier.store, look_only=True)
