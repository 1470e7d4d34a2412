"""Check everything a cache keeps: every record parsed, every blob hashed, every reference followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.cache import Cache
from gemnb.canonical import short
from gemnb.detach import references
from gemnb.errors import CacheError
from gemnb.inventory.listing import Damaged, blob_keys, digest_of, read_records, size_of

if TYPE_CHECKING:
    from gemnb.cache import Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was looked at, and what is wrong with it."""

    records: int
    blobs: int
    size: int
    damaged: tuple[Damaged, ...]


def blobs_of(kept: Kept) -> list[str]:
    """Return the digests of all bytes an answer refers to: pictures, previews, drafts, inputs, earlier turns."""
    record = kept.record
    images = [image.blob for p in record.pictures for image in (p.original, p.preview) if image is not None]
    sent = [digest for content in record.request.contents for digest in references(list(content.parts))]
    bound = [binding.blob for binding in kept.invocation.bindings if binding.blob]
    return list(dict.fromkeys([*images, *references(record.response), *sent, *bound]))


def check_cache(cache: Cache) -> Checked:
    """Return what is damaged or missing; nothing is set aside or written.

    Raises:
        StoreError: A folder of the cache cannot be listed.
    """
    looking = Cache(cache.store, look_only=True)
    listing = read_records(looking)
    blobs = blob_keys(cache.store)
    damaged = list(listing.damaged)
    for key in blobs:
        try:
            looking.blob(digest_of(key))
        except CacheError as error:
            damaged.append(Damaged(key=key, why=error.why or error.what))
    there = {digest_of(key) for key in blobs}
    lacking: dict[str, str] = {}
    for kept in listing.kept:
        for digest in blobs_of(kept):
            if digest not in there:
                lacking.setdefault(digest, kept.record.request_digest)
    damaged += [
        Damaged(key=f"blobs/{digest[7:9]}/{digest[7:]}", why=f"Missing; the answer {short(request)} refers to it.")
        for digest, request in sorted(lacking.items())
    ]
    size = sum(size_of(cache.store, [*blobs, *(key_of(kept) for kept in listing.kept)]).values())
    return Checked(records=len(listing.kept), blobs=len(blobs), size=size, damaged=tuple(damaged))


def key_of(kept: Kept) -> str:
    """Return the key under which an answer is kept."""
    digest = kept.record.request_digest.removeprefix("sha256:")
    return f"records/{digest[:2]}/{digest}/{kept.record.attempt}.json"
