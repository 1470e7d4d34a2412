"""Entries that lead to bytes: from pixels to a PNG, from a URL or an import to a picture. They travel with them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gemnb.inventory.referred import digests_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gemnb.cache import Store

MAX_POINTER = 64 * 1024
"""Bytes; a URL and a digest take some hundreds."""

_POINTER = re.compile(r"pixels/[0-9a-f]{2}/[0-9a-f]{64}|(?:urls|imports)/[0-9a-f]{2}/[0-9a-f]{64}/[1-9]\d{0,5}\.json")


def is_pointer(key: str) -> bool:
    """Return whether this is the key of such an entry."""
    return _POINTER.fullmatch(key) is not None


def pointers(store: Store) -> Iterator[tuple[str, bytes]]:
    """Yield each such entry of a store: key and bytes."""
    for prefix in ("pixels/", "urls/", "imports/"):
        for key in store.keys(prefix):
            data = store.get(key) if is_pointer(key) else None
            if data is not None and len(data) <= MAX_POINTER:
                yield key, data


def led_to(store: Store) -> set[str]:
    """Return the digests of all bytes that such entries lead to."""
    return {digest for _, data in pointers(store) for digest in digests_in(data)}
