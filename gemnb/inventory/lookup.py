"""Find a kept answer by the beginning of its request's digest, or of the digest of a picture of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gemnb.cache import Cache
from gemnb.canonical import short
from gemnb.errors import InputError
from gemnb.inventory.listing import blob_keys, digest_of, read_records, record_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemnb.cache import Kept

_HEX = re.compile(r"(?:(sha256|record|blob):)?([0-9a-f]{4,64})")
_SHOWN = 4  # candidates named in an error


def is_prefix(text: str) -> bool:
    """Return whether this can be the beginning of a digest: four hex digits or more, `sha256:` allowed."""
    return _HEX.fullmatch(text) is not None


def look_up(places: Sequence[Cache], text: str) -> Kept:
    """Return the one kept answer that the beginning of a digest names.

    Args:
        places: Where answers are kept, nearest first.
        text: Four or more hex digits of the digest of a request (then its latest attempt is meant) or of a
            picture; `record:` and `blob:` in front of them say which of the two.

    Raises:
        InputError: It is no beginning of a digest, or nothing or more than one thing begins so.
        CacheError: What it names is damaged, or the store failed.
    """
    match = _HEX.fullmatch(text)
    if match is None:
        raise InputError(
            f"{text!r} is no beginning of a digest.",
            why="It takes four or more of the digits 0-9 and a-f.",
            hint="%gemnb history   lists the answers that are kept, with their digests",
        )
    kind, digits = match.groups()
    requests = [] if kind == "blob" else _requests(places, digits)
    pictures = {} if kind == "record" else _pictures(places, digits)
    found = [f"request {short(digest)}" for digest in requests] + [f"picture {short(d)}" for d in sorted(pictures)]
    if not found:
        raise InputError(
            f"Nothing that is kept has a digest that begins with {digits[:12]}.",
            hint="%gemnb history   lists the answers that are kept, with their digests",
            prefix=digits,
        )
    if len(found) > 1:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise InputError(
            f"{digits[:12]} is the beginning of {len(found)} digests.",
            why=", ".join(found[:_SHOWN]) + more,
            hint="Give more digits, or say record:… or blob:…",
            prefix=digits,
            candidates=len(found),
        )
    kept = _latest(places, requests[0]) if requests else next(iter(pictures.values()))
    if kept is None:
        raise InputError(f"The answer {digits[:12]} is gone from the cache.", prefix=digits)
    return kept


def _latest(places: Sequence[Cache], digest: str) -> Kept | None:
    """Return the answer that replays: the latest of the nearest place that has any."""
    found = (Cache(place.store, look_only=True).find(digest) for place in places)
    return next((kept for kept in found if kept is not None), None)


def _requests(places: Sequence[Cache], digits: str) -> list[str]:
    keys = (key for place in places for key in record_keys(place.store, f"records/{digits[:2]}/"))
    return sorted({digest_of(key) for key in keys if digest_of(key).startswith(f"sha256:{digits}")})


def _pictures(places: Sequence[Cache], digits: str) -> dict[str, Kept]:
    """Return the answers whose picture, or its preview, has such a digest; the first to have it stands for all."""
    blobs = {digest_of(key) for place in places for key in blob_keys(place.store, f"blobs/{digits[:2]}/")}
    wanted = {digest for digest in blobs if digest.startswith(f"sha256:{digits}")}
    found: dict[str, Kept] = {}
    if not wanted:
        return found
    for kept in sorted((kept for place in places for kept in read_records(place).kept), key=when):
        for picture in kept.record.pictures:
            images = [picture.original, *([picture.preview] if picture.preview else [])]
            for digest in wanted & {image.blob for image in images}:
                # A preview is named for its original: both are one picture.
                found.setdefault(picture.original.blob if digest != picture.original.blob else digest, kept)
    return found


def when(kept: Kept) -> tuple[str, str, int]:
    """Return what answers are sorted by: when they were received, then digest and attempt."""
    return str(kept.record.received.get("time", "")), kept.record.request_digest, kept.record.attempt
