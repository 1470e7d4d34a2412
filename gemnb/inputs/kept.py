"""Pictures that the cache holds: `record:<hex>` for those of an answer, `blob:<hex>` for bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gemnb.canonical import short
from gemnb.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemnb.cache import Cache
    from gemnb.model import Record

_REFERENCE = re.compile(r"(?:sha256:)?([0-9a-f]{6,64})(?:#([1-9][0-9]{0,3}))?")


def record_of(reference: str, places: Sequence[Cache], slot: str) -> tuple[Record, int]:
    """Return the latest answer that `record:<hex>` or `record:<hex>#k` names, and which picture (from 0).

    Raises:
        InputError: No answer, or more than one, has a digest that begins so.
        CacheError: It is kept and damaged.
    """
    prefix, number = _parsed(reference, slot)
    digest = _only("records", prefix, reference, places, slot)
    kept = next((kept for place in places if (kept := place.find(digest))), None)
    if kept is None:
        raise InputError(f"{slot} {reference}: no answer is kept under {short(digest)}.")
    return kept.record, number - 1


def picture_of(reference: str, places: Sequence[Cache], slot: str) -> tuple[bytes, Record]:
    """Return the bytes of the picture that `record:<hex>` names, and its record.

    Raises:
        InputError: There is no such answer, or it has no such picture.
        CacheError: It is kept and damaged.
    """
    record, index = record_of(reference, places, slot)
    if index >= len(record.pictures):
        count = len(record.pictures)
        raise InputError(
            f"{slot} {reference}: that answer has {count or 'no'} picture{'' if count == 1 else 's'}.",
            why=f"Its outcome was {record.outcome.value}.",
            hint=f"{slot} {reference.partition('#')[0]}#{count} is the last." if count else "",
        )
    return _blob(record.pictures[index].original.blob, places), record


def blob_of(reference: str, places: Sequence[Cache], slot: str) -> bytes:
    """Return the bytes that `blob:<hex>` names.

    Raises:
        InputError: No bytes, or more than one, have a digest that begins so.
        CacheError: They are kept and damaged.
    """
    if "#" in reference:
        raise _malformed(reference, slot)
    prefix, _ = _parsed(reference, slot)
    return _blob(_only("blobs", prefix, reference, places, slot), places)


def _blob(digest: str, places: Sequence[Cache]) -> bytes:
    found = next((data for place in places if (data := place.get_blob(digest)) is not None), None)
    return places[0].blob(digest) if found is None else found


def _parsed(reference: str, slot: str) -> tuple[str, int]:
    match = _REFERENCE.fullmatch(reference.partition(":")[2])
    if match is None:
        raise _malformed(reference, slot)
    return match.group(1), int(match.group(2) or 1)


def _malformed(reference: str, slot: str) -> InputError:
    return InputError(
        f"{slot} {reference[:100]}: that names nothing in the cache.",
        why="It takes at least 6 digits of a digest, from 0 to 9 and a to f.",
        hint=f"{slot} record:3f9a2c81d4e0   {slot} record:3f9a2c81d4e0#2   {slot} blob:5f70bf18a086",
    )


def _only(kind: str, prefix: str, reference: str, places: Sequence[Cache], slot: str) -> str:
    """Return the one digest of a kind that begins so, in whichever places it is."""
    names = (key.split("/") for place in places for key in place.store.keys(f"{kind}/{prefix[:2]}/"))
    found = sorted({parts[2] for parts in names if len(parts) > 2 and parts[2].startswith(prefix)})
    whole = [name for name in found if len(name) == 64]
    if len(whole) == 1:
        return f"sha256:{whole[0]}"
    what = "answer" if kind == "records" else "blob"
    if not whole:
        raise InputError(
            f"{slot} {reference}: no {what} is kept whose digest begins so.",
            hint="`%gemnb status` says which cache was read.",
        )
    raise InputError(
        f"{slot} {reference}: {len(whole)} {what}s are kept whose digests begin so.",
        why=", ".join(name[:16] for name in whole[:4]),
        hint=f"Give more digits: {slot} {kind.removesuffix('s')}:{whole[0][: len(prefix) + 6]}",
    )
