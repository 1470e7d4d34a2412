"""Collect what nothing refers to any more: say what would go, and move it to a trash folder inside the cache.

Keys stay what they were below `trash/<date>/`, so that copying that folder over the cache brings all back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.cache.store import attempt_of
from gemnb.errors import StoreError
from gemnb.inventory.answers import key_of
from gemnb.inventory.listing import blob_keys, digest_of, read_records, record_keys, size_of
from gemnb.inventory.pointers import led_to
from gemnb.inventory.referred import closure, digests_in

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from gemnb.cache import Cache, Store
    from gemnb.inventory.listing import Damaged
    from gemnb.inventory.referred import References


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would go, with sizes, and what stays.

    Attributes:
        sizes: Bytes by key, records before blobs.
        stays: How many records and blobs stay.
        damaged: Records that cannot be read; they stay, and so do the bytes they name.
    """

    sizes: dict[str, int]
    stays: int
    damaged: tuple[Damaged, ...]

    @property
    def size(self) -> int:
        """The bytes of all that would go."""
        return sum(self.sizes.values())


def plan(cache: Cache, found: References) -> Plan:
    """Return what no notebook and no lock refers to; nothing is changed.

    Raises:
        StoreError: The cache cannot be listed.
    """
    listing = read_records(cache)
    for key in cache.store.keys("private/records/"):
        # A private answer may go on from one that is not; what it names stays, whoever refers to it.
        found.digests |= digests_in(_whatever(cache.store, key))
    requests, blobs = closure(listing.kept, found)
    blobs |= led_to(
        cache.store
    )  # what pixels and URLs lead to stays: no record says which of them are still asked for
    for entry in listing.damaged:
        blobs |= digests_in(_whatever(cache.store, entry.key))
    going = sorted(key_of(kept) for kept in listing.kept if kept.record.request_digest not in requests)
    records, bytes_kept = record_keys(cache.store), blob_keys(cache.store)
    going += [key for key in bytes_kept if digest_of(key) not in blobs]
    return Plan(
        sizes=size_of(cache.store, going),
        stays=len(records) + len(bytes_kept) - len(going),
        damaged=listing.damaged,
    )


def move(cache: Cache, keys: Iterable[str], day: dt.date) -> str:
    """Move entries to a trash folder of their own and return its key, `trash/<date>` or `trash/<date>-2`, ….

    Each is written there before it is taken away; records go before the bytes they refer to, so that whenever
    this is cut short, every record that is left has its bytes.

    Raises:
        StoreError: The cache cannot be written; what was moved so far is in the trash folder.
    """
    folder = _free_folder(cache.store, day)
    for key in sorted(keys, key=lambda key: (attempt_of(key) is None, key)):
        data = cache.store.get(key)
        if data is not None:
            cache.store.put(f"{folder}/{key}", data)
            cache.store.delete(key)
    return folder


def _free_folder(store: Store, day: dt.date) -> str:
    folder, number = f"trash/{day.isoformat()}", 1
    while next(iter(store.keys(f"{folder}/")), None) is not None:
        number += 1
        folder = f"trash/{day.isoformat()}-{number}"
    return folder


def _whatever(store: Store, key: str) -> bytes:
    try:
        return store.get(key) or b""
    except StoreError:  # unreadable: it stays, and names nothing that could be read
        return b""
