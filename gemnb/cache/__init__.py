"""Where answers are kept: the project's plain files, and the claims that keep a request from being paid twice."""

from gemnb.cache.cache import Cache, Kept
from gemnb.cache.directory import DirectoryStore
from gemnb.cache.flight import Arrived, Claim, Flights
from gemnb.cache.store import Reader, Store
from gemnb.cache.tiers import Tiers

__all__ = ["Arrived", "Cache", "Claim", "DirectoryStore", "Flights", "Kept", "Reader", "Store", "Tiers"]
