"""A record against its own answer, the cache and the bytes: what it says of them is so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gemnb.arrival import answer_of, final_blobs
from gemnb.canonical import short
from gemnb.detach import references
from gemnb.errors import CacheError, MalformedAnswer
from gemnb.records import record_digest
from gemnb.verify.sketches import differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gemnb.cache import Cache, Tiers
    from gemnb.model import Image, Picture, Record, Request
    from gemnb.verify.findings import Trouble
    from gemnb.verify.holdings import Holdings

# How Google names versions of one model: gemini-3-pro-image, …-preview, …-preview-09-2025, …-001, …-exp, …-latest.
_VERSION = r"-(\d{3}|(preview|exp)(-\d{2}-\d{2,4})?|latest)"


def blobs_of(record: Record) -> Iterator[str]:
    """Yield the digest of everything a record refers to: pictures, previews, signatures, what was sent."""
    for picture in record.pictures:
        yield picture.original.blob
        if picture.preview:
            yield picture.preview.blob
    yield from references(record.response)
    for content in record.request.contents:
        yield from references(list(content.parts))


def check_record(record: Record, holdings: Holdings, trouble: Trouble) -> None:
    """Check a record against its answer and against the bytes it refers to."""
    try:
        _check_answer(record, trouble)
    except MalformedAnswer as error:
        trouble.drifted.append(f"the record's answer is none: {error.why or error.what}")
    if said := check_model(record.request, record.response.get("modelVersion"), trouble):
        trouble.drifted.append(said)
    for picture in record.pictures:
        check_picture(picture, holdings, trouble)


def check_kept(record: Record, digest: str, cache: Cache | Tiers, holdings: Holdings, trouble: Trouble) -> None:
    """Check that the cache has this very record, or that the notebook holds all that a replay needs.

    Args:
        record: The record.
        digest: Its own digest.
        cache: The project's cache.
        holdings: What is known of bytes.
        trouble: Takes what does not fit.
    """
    before = len(trouble.missing)
    for blob in dict.fromkeys(blobs_of(record)):
        holdings.check(blob, trouble)
    try:
        kept = cache.find(record.request_digest, record.attempt)
    except CacheError as error:
        trouble.drifted.append(f"{error.what} {error.why}")
        return
    if kept is not None:
        if record_digest(kept.record) != digest:
            trouble.drifted.append("the notebook's record is not the one in the cache")
    elif len(trouble.missing) > before:
        trouble.missing.append(f"the cache has no answer {short(record.request_digest)}; it cannot be replayed")
    elif not holdings.packed:
        trouble.notes.append("the answer is in this notebook only, not in the cache; `gemnb reproduce` replays it")


def check_model(request: Request, version: object, trouble: Trouble) -> str:
    """Return what is at odds between the model asked for and the one the answer names; empty where nothing is.

    The same id, with or without its vendor, a version of it (`-001`, `-preview`), and another name of the same
    row of the table of models are no contradiction. A known successor that answers in its place is noted.
    """
    if not isinstance(version, str):
        return ""
    asked, answered = request.model, version.removeprefix("models/")
    if _same(asked, answered):
        return ""
    from gemnb.capabilities import models

    row = models().get(asked)
    if row is not None and any(_same(name, answered) for name in row.aliases):
        return ""
    said = f"asked of {asked}, the answer says it is from {answered[:80]}"
    if row is not None and row.successor and _same(row.successor, answered):
        trouble.notes.append(f"{said}, its successor")
        return ""
    return said


def _same(asked: str, answered: str) -> bool:
    short_id = asked.partition("/")[2] or asked
    if answered in (asked, short_id):
        return True
    return any(
        re.fullmatch(re.escape(one.partition("/")[2] or one) + _VERSION, other.partition("/")[2] or other) is not None
        for one, other in ((asked, answered), (answered, asked))
    )


def _check_answer(record: Record, trouble: Trouble) -> None:
    said = [picture.original.blob for picture in record.pictures]
    held = final_blobs(record)
    answer = answer_of(record)
    if len(said) != len(held) or any(b is not None and a != b for a, b in zip(said, held, strict=True)):
        trouble.drifted.append("the record names other pictures than its answer holds")
        return
    if record.outcome is not answer.outcome:
        trouble.drifted.append(
            f"the record calls its answer {record.outcome.value}, and it is {answer.outcome.value}"
        )
    for picture, item in zip(record.pictures, answer.pictures, strict=True):
        claimed = str(item.get("mimeType") or "")
        wanted = claimed if claimed and claimed != picture.original.mime_type else None
        if picture.claimed != wanted:
            trouble.drifted.append("the record says another type than the answer claimed for its picture")


def check_picture(picture: Picture, holdings: Holdings, trouble: Trouble) -> None:
    """Check that original and preview are the pictures they are said to be, and the preview one of its original."""
    _check_image(picture.original, "the original", holdings, trouble)
    if picture.preview is None:
        return
    _check_image(picture.preview, "the preview", holdings, trouble)
    original, preview = holdings.facts(picture.original.blob), holdings.facts(picture.preview.blob)
    if original is None or preview is None:
        return  # told as missing or damaged
    pair = (picture.original.blob, picture.preview.blob)
    if holdings.alike.has(*pair):
        return
    if original.sketch is None or preview.sketch is None:
        which = "original" if original.sketch is None else "preview"
        trouble.drifted.append(f"the {which} cannot be decoded, so whether the preview is its own cannot be told")
    elif said := differences(original.sketch, preview.sketch):
        trouble.drifted.append(f"the preview is not one of its original: {said}")
    else:
        holdings.alike.add(*pair)


def _check_image(image: Image, name: str, holdings: Holdings, trouble: Trouble) -> None:
    facts = holdings.facts(image.blob)
    if facts is None:
        return
    found = facts.sniffed
    if found is None:
        trouble.drifted.append(f"{name} is no picture by its first bytes")
        return
    was = (image.mime_type, image.width, image.height, image.size)
    now = (found.mime_type, found.width, found.height, facts.size)
    if was != now:
        trouble.drifted.append(f"{name} is {_described(*now)}, and the record says {_described(*was)}")


def _described(mime_type: str, width: int, height: int, size: int) -> str:
    return f"{mime_type} {width}×{height}, {size} bytes"
