"""Imports on a page: a picture from elsewhere with what its author states, and that nothing can verify it. Pure."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, short
from gemnb.errors import CacheError
from gemnb.inputs.statements import IMPORT_MIMETYPE, NOT_VERIFIABLE, parse_import
from gemnb.notebook.files import joined
from gemnb.publish.escape import html_text, one_line
from gemnb.publish.figures import INDEX
from gemnb.publish.pictures import Provenance
from gemnb.publish.post import Figure, Remark, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.inputs.statements import Import, Statement
    from gemnb.model import JSONObject


def imported_figure(output: JSONObject, embedded: bytes, slug: str, alt: str | None, cell: int) -> Figure | None:
    """Return the figure of an import; None where the output is none, or its document does not agree with itself.

    A picture beside the document that is another one is not used: the copies are made of the kept original.

    Args:
        output: An output of a cell; it may come from a stranger.
        embedded: The picture that stands in it.
        slug: Of the post; file names begin with it.
        alt: Alternative text.
        cell: Position of the cell.
    """
    try:
        made = parse_import(_document(output))
    except CacheError:
        return None
    original, preview = made.picture.original, made.picture.preview
    # No system and no source type: what is only stated is not written as what is known.
    provenance = Provenance(system="", version="", prompt=None, source="", original=original.blob, alt=alt)
    source = Source(
        stem=f"{slug}-{short(original.blob)[:8]}",
        original=original.blob,
        mime_type=original.mime_type,
        provenance=provenance,
        preview=preview.blob if preview else None,
        embedded=embedded if _is_its_own(embedded, made) else None,
    )
    return Figure(source=source, alt=alt, caption=stated_caption(made.stated), cell=cell, imported=made)


def import_remarks(output: JSONObject, cell: int) -> list[Remark]:
    """Return what the author should be told of an output that says it is an import; nothing where all is well."""
    document = _document(output)
    if document is None:
        return []
    try:
        made = parse_import(document)
    except CacheError as error:
        text = f"its import cannot be read, and the picture is published without it: {error.why or error.what}"
        return [Remark(cell=cell, text=text)]
    if any(_is_its_own(data, made) for data in _pictures(output)):
        return []
    text = "the embedded picture is not the one that was imported, and is not used; run the cell again"
    return [Remark(cell=cell, text=text)]


def stated_caption(stated: Statement) -> str:
    """Return the caption of an import: what its author states, and that it is only stated."""
    pairs = (("Source", stated.source), ("Prompt", stated.prompt and "above"), ("Licence", stated.licence))
    words = [f"{name}: {' '.join(text.split())}" for name, text in pairs if text]
    return "; ".join(words) + f" ({NOT_VERIFIABLE})"


def stated_html(made: Import, original: str, link: Callable[[str], str]) -> str:
    """Return the folded facts of an import: what is stated, and the digests that can be checked.

    Args:
        made: The import.
        original: File name of the original beside the page, or empty where it is not published.
        link: File name to its address on the page.
    """
    image, stated = made.picture.original, made.stated
    pairs = (("Source", stated.source), ("Prompt", stated.prompt and "the text above"), ("Licence", stated.licence))
    rows = [(f"{name}, {NOT_VERIFIABLE}", one_line(text)) for name, text in pairs if text]
    facts = f"<code>{image.blob}</code>, {image.width}×{image.height}, {image.mime_type}, {image.size:,} bytes"
    rows.append(("Picture", facts + (f', <a href="{link(original)}">as received</a>' if original else "")))
    rows.append(("Import", f"<code>{html_text(made.digest)}</code>"))
    check = "checked by <code>gemnb verify</code> (the digests, not what is stated)"
    rows.append(("Record", f'<a href="{link(INDEX)}">{INDEX}</a>, {check}'))
    items = "\n".join(f"<li>{name}: {value}</li>" for name, value in rows)
    return (
        '<details class="gemnb-evidence gemnb-stated">\n<summary>What is stated of this picture</summary>\n'
        f"<ul>\n{items}\n</ul>\n</details>"
    )


def _document(output: JSONObject) -> JSONObject | None:
    data = output.get("data")
    if not isinstance(data, dict) or IMPORT_MIMETYPE not in data:
        return None
    document = data[IMPORT_MIMETYPE]
    return document if isinstance(document, dict) else {}


def _is_its_own(embedded: bytes, made: Import) -> bool:
    images = filter(None, (made.picture.original, made.picture.preview))
    return blob_digest(embedded) in {image.blob for image in images}


def _pictures(output: JSONObject) -> list[bytes]:
    data = output.get("data")
    found = []
    for kind, value in data.items() if isinstance(data, dict) else ():
        if kind in ("image/png", "image/jpeg", "image/webp", "image/gif"):
            try:
                found.append(base64.b64decode("".join(joined(value).split()), validate=True))
            except ValueError:
                continue
    return found
