"""Pictures in outputs that no record is of: imports, comparisons, charts. Pure.

An import shows what its author states of it (`imported`). A comparison of pictures one of which is
withheld is withheld as well.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, short
from gemnb.notebook.files import joined
from gemnb.publish.comparisons import composite_provenance, labels_of, parse_comparison, slider_of
from gemnb.publish.imported import imported_figure
from gemnb.publish.pictures import Provenance
from gemnb.publish.post import Figure, Source
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from gemnb.model import JSONObject, JSONValue
    from gemnb.publish.comparisons import Known
    from gemnb.publish.post import Slider
    from gemnb.publish.withheld import Reason, Withheld

COMPARE_MIMETYPE = "application/vnd.gemnb.compare.v1+json"
"""MIME type of what a comparison is of (docs/explanation/record-format.md)."""

_PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif")


def outside_picture(
    output: JSONObject, cell: int, withheld: Withheld, known: Known
) -> Figure | Slider | Reason | None:
    """Return what is shown of an output with a picture and without a record, or why it is withheld.

    None where it has no picture.

    Args:
        output: The output.
        cell: Position of the cell.
        withheld: What no page may show.
        known: What is known of pictures it may compare.
    """
    data = output.get("data")
    if not isinstance(data, dict):
        return None
    embedded = _embedded(data)
    if embedded is None:
        return None
    digest, kind = blob_digest(embedded), sniff(embedded)
    compared = data.get(COMPARE_MIMETYPE)
    if (why := withheld.named(_compared(compared)) or withheld.picture(embedded)) is not None:
        return why
    if kind is None:
        return None
    alt = _alt(output, compared)
    if (figure := imported_figure(output, embedded, known.slug, alt, cell)) is not None:
        return withheld.named([figure.source.original]) or figure
    # A chart is copied as it is: copies at several widths would blur its lines. A comparison is a picture.
    said, stand_in = None, None
    if COMPARE_MIMETYPE in data:
        parsed = parse_comparison(compared)
        if parsed is not None and (slider := slider_of(parsed, alt, cell, known)) is not None:
            return slider
        said = composite_provenance(digest, alt, parsed, known) if parsed else _unknown(digest, alt)
        stand_in = labels_of(parsed) if parsed and alt is None else None
    source = Source(
        stem=f"{known.slug}-{short(digest)[:8]}",
        original=digest,
        mime_type=kind.mime_type,
        provenance=said,
        embedded=embedded,
    )
    return Figure(source=source, alt=alt or stand_in, caption=None, cell=cell, lacks_alt=stand_in is not None)


def _unknown(digest: str, alt: str | None) -> Provenance:
    """Return what copies say of a picture of which nothing is recorded: its original, and nothing else."""
    return Provenance(system="", version="", prompt=None, source="", original=digest, alt=alt)


def _embedded(data: JSONObject) -> bytes | None:
    kind = next((kind for kind in _PICTURES if kind in data), None)
    if kind is None:
        return None
    try:
        return base64.b64decode("".join(joined(data[kind]).split()), validate=True)
    except ValueError:
        return None


def _compared(document: JSONValue) -> list[str]:
    pictures = document.get("pictures") if isinstance(document, dict) else None
    items = pictures if isinstance(pictures, list) else []
    return [str(item.get("blob")) for item in items if isinstance(item, dict)]


def _alt(output: JSONObject, compared: JSONValue) -> str | None:
    metadata = output.get("metadata")
    tables = [metadata[kind] for kind in _PICTURES if kind in metadata] if isinstance(metadata, dict) else []
    tables.append(compared.get("presentation") if isinstance(compared, dict) else None)
    said = (table.get("alt") for table in tables if isinstance(table, dict))
    return next((alt for alt in said if isinstance(alt, str) and alt.strip()), None)
