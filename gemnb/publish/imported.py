"""Imports on a page: a picture from elsewhere with what its author states, and that nothing can verify it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, short
from gemnb.errors import CacheError
from gemnb.inputs.statements import IMPORT_MIMETYPE, NOT_VERIFIABLE, parse_import
from gemnb.publish.pictures import Provenance
from gemnb.publish.post import Source

if TYPE_CHECKING:
    from gemnb.inputs.statements import Statement
    from gemnb.model import JSONObject


def imported_source(output: JSONObject, embedded: bytes, slug: str, alt: str | None) -> tuple[Source, str] | None:
    """Return where the files of an import come from, and its caption; None where the output is no import.

    A document that does not agree with itself, or with the picture beside it, is none: the picture is then published
    as any other, without what it claims.

    Args:
        output: An output of a cell; it may come from a stranger.
        embedded: The picture that stands in it.
        slug: Of the post; file names begin with it.
        alt: Alternative text.
    """
    data = output.get("data")
    try:
        made = parse_import(data.get(IMPORT_MIMETYPE) if isinstance(data, dict) else None)
    except CacheError:
        return None
    original, preview = made.picture.original, made.picture.preview
    if blob_digest(embedded) not in (original.blob, preview.blob if preview else ""):
        return None
    # No system and no source type: what is only stated is not written as what is known.
    provenance = Provenance(system="", version="", prompt=None, source="", original=original.blob, alt=alt)
    source = Source(
        stem=f"{slug}-{short(original.blob)[:8]}",
        original=original.blob,
        mime_type=original.mime_type,
        provenance=provenance,
        preview=preview.blob if preview else None,
        embedded=embedded,
    )
    return source, stated_caption(made.stated)


def stated_caption(stated: Statement) -> str:
    """Return the caption of an import: what its author states, and that it is only stated."""
    pairs = (("Source", stated.source), ("Prompt", stated.prompt), ("Licence", stated.licence))
    words = [f"{name}: {' '.join(text.split())}" for name, text in pairs if text]
    return "; ".join(words) + f" ({NOT_VERIFIABLE})"
