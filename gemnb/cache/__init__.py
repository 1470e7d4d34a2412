"""Where answers are kept: plain files, the machine tier, and the claims that keep a request from being paid twice.

What a hit does not need (claims, the machine tier) is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.cache.cache import Cache, Kept
from gemnb.cache.directory import DirectoryStore
from gemnb.cache.store import Reader, Store
from gemnb.cache.tiers import Tiers

if TYPE_CHECKING:
    from gemnb.cache.flight import Arrived, Claim, Flights

__all__ = ["Arrived", "Cache", "Claim", "DirectoryStore", "Flights", "Kept", "Reader", "Store", "Tiers"]


def __getattr__(name: str) -> object:
    if name in ("Arrived", "Claim", "Flights"):
        from gemnb.cache import flight

        return getattr(flight, name)
    msg = f"module 'gemnb.cache' has no attribute {name!r}"
    raise AttributeError(msg)
