"""Entries that lead to bytes: from pixels to a PNG, from a URL or an import to a picture. They travel with them."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from gemnb.canonical import is_digest, short
from gemnb.errors import CacheError, CorruptEntry
from gemnb.inventory.listing import Damaged
from gemnb.inventory.referred import digests_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gemnb.cache import Cache, Store

MAX_POINTER = 64 * 1024
"""Bytes; a URL and a digest take some hundreds."""

_POINTER = re.compile(r"pixels/[0-9a-f]{2}/[0-9a-f]{64}|(?:urls|imports)/[0-9a-f]{2}/[0-9a-f]{64}/[1-9]\d{0,5}\.json")


def is_pointer(key: str) -> bool:
    """Return whether this is the key of such an entry."""
    return _POINTER.fullmatch(key) is not None


def pointers(store: Store) -> Iterator[tuple[str, bytes]]:
    """Yield each such entry of a store: key and bytes."""
    for key in pointer_keys(store):
        data = store.get(key)
        if data is not None and len(data) <= MAX_POINTER:
            yield key, data


def pointer_keys(store: Store) -> list[str]:
    """Return the keys of all such entries, sorted within each kind; foreign files are passed over."""
    return [key for prefix in ("pixels/", "urls/", "imports/") for key in store.keys(prefix) if is_pointer(key)]


def led_to(store: Store) -> set[str]:
    """Return the digests of all bytes that such entries lead to."""
    return {digest for _, data in pointers(store) for digest in digests_in(data)}


def faulty_pointers(cache: Cache) -> Iterator[Damaged]:
    """Yield each such entry that does not say what its name promises, or whose bytes are not there.

    Args:
        cache: One that only looks.

    Raises:
        StoreError: A folder cannot be listed.
    """
    for key in pointer_keys(cache.store):
        try:
            why = _fault(key, cache.store.get(key) or b"", cache)
        except CacheError as error:
            why = error.why or error.what
        if why:
            yield Damaged(key=key, why=why)


def _fault(key: str, data: bytes, cache: Cache) -> str:
    """Return what is wrong with an entry, or nothing."""
    if len(data) > MAX_POINTER:
        return f"It has {len(data)} bytes; {MAX_POINTER} are the most."
    kind, _, name = key.split("/")[:3]
    if kind == "pixels":
        return _pixels_fault(f"sha256:{name}", data, cache)
    return _url_fault(name, data, cache) if kind == "urls" else _import_fault(name, data, cache)


def _pixels_fault(digest: str, data: bytes, cache: Cache) -> str:
    from gemnb.inputs import pixels_blob

    blob = data.decode("ascii", "replace").strip()
    if not is_digest(blob):
        return "It holds no digest."
    if lacking := _lacking(cache, blob):
        return lacking
    try:
        cache.blob(blob)
    except CorruptEntry:  # told of the bytes themselves
        return ""
    pixels_blob((cache,), digest)  # decoded and compared, as before it is sent
    return ""


def _url_fault(name: str, data: bytes, cache: Cache) -> str:
    try:
        entry = json.loads(data)
    except (ValueError, RecursionError):
        entry = None
    url, blob = (entry.get("url"), entry.get("blob")) if isinstance(entry, dict) else (None, None)
    if not isinstance(url, str) or not isinstance(blob, str) or not is_digest(blob):
        return "It does not say what a URL showed."
    if hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest() != name:
        return "It tells of another URL than its name says."
    return _lacking(cache, blob)


def _import_fault(name: str, data: bytes, cache: Cache) -> str:
    from gemnb.inputs.statements import parse_entry
    from gemnb.records import load

    path, made = parse_entry(load(data))
    address = made.pixels or made.picture.original.blob
    own = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest() if path else address[7:]
    if own != name:
        return "It tells of another picture than its name says."
    images = filter(None, (made.picture.original, made.picture.preview))
    return _lacking(cache, *(image.blob for image in images))


def _lacking(cache: Cache, *digests: str) -> str:
    missing = cache.missing(digests)
    return f"It leads to the bytes {short(missing[0])}, which are not there." if missing else ""
