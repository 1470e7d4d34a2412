"""What belongs to a kept answer: the bytes it refers to, and the key it lies under. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.detach import references

if TYPE_CHECKING:
    from gemnb.cache import Kept


def blobs_of(kept: Kept) -> list[str]:
    """Return the digests of all bytes an answer refers to: pictures, previews, drafts, inputs, earlier turns."""
    record = kept.record
    sent = [digest for content in record.request.contents for digest in references(list(content.parts))]
    bound = [binding.blob for binding in kept.invocation.bindings if binding.blob]
    return list(dict.fromkeys([*own_blobs(kept), *sent, *bound]))


def own_blobs(kept: Kept) -> list[str]:
    """Return the digests of the bytes that an answer brought: pictures, previews, drafts, long signatures."""
    record = kept.record
    images = [image.blob for p in record.pictures for image in (p.original, p.preview) if image is not None]
    return list(dict.fromkeys([*images, *references(record.response)]))


def key_of(kept: Kept) -> str:
    """Return the key under which an answer is kept."""
    digest = kept.record.request_digest.removeprefix("sha256:")
    return f"records/{digest[:2]}/{digest}/{kept.record.attempt}.json"
