"""A notebook as publishing needs it: kinds and ids of cells, their attachments, what it says of its post."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.errors import NotebookError
from gemnb.notebook import load_notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gemnb.model import JSONObject, JSONValue
    from gemnb.notebook import NotebookCell


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCell:
    """A cell with what `NotebookCell` leaves out.

    Attributes:
        cell: The cell.
        kind: `code`, `markdown` or `raw`.
        id: Its id, or empty.
        format: Of a raw cell: the MIME type or name it is meant for, or empty.
        attachments: Name to bytes of its attached pictures; none where they are no base64.
    """

    cell: NotebookCell
    kind: str
    id: str = ""
    format: str = ""
    attachments: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A notebook.

    Attributes:
        cells: In order.
        post: `gemnb.post` of its metadata.
        language: Of its code.
        packed: Digest to bytes that `gemnb pack` put into it; None where they are not in it.
    """

    cells: tuple[DocumentCell, ...]
    post: JSONObject
    language: str
    packed: Callable[[str], bytes | None] = lambda _digest: None


def read_document(path: Path) -> Document:
    """Read a notebook file.

    Raises:
        NotebookError: It cannot be read, or is no notebook.
        CorruptEntry: What is packed into it is not what gemnb packs.
    """
    notebook = load_notebook(path)
    return make_document(notebook.document, notebook.cells, str(path))


def make_document(raw: JSONObject, cells: Sequence[NotebookCell], name: str) -> Document:
    """Return a document from the JSON of a notebook of format 4 and its cells; `name` is for messages.

    Raises:
        NotebookError: What it says of its post is no object.
        CorruptEntry: What is packed into it is not what gemnb packs.
    """
    from gemnb.pack import packed

    listed = raw.get("cells")
    extras = listed if isinstance(listed, list) and len(listed) == len(cells) else [{}] * len(cells)
    metadata = _object(raw.get("metadata"))
    return Document(
        cells=tuple(_cell(cell, _object(extra)) for cell, extra in zip(cells, extras, strict=True)),
        post=_post(metadata, name),
        language=_language(_object(metadata.get("language_info")).get("name")),
        packed=packed(raw, name).blob,
    )


def _language(name: JSONValue) -> str:
    """Return the language of the code; `txt` is what prompts are called, and anything odd is text."""
    known = isinstance(name, str) and re.fullmatch(r"[A-Za-z][\w+-]{0,30}", name, re.ASCII) and name != "txt"
    return str(name).lower() if known else "text" if name else "python"


def _post(metadata: JSONObject, name: str) -> JSONObject:
    post = _object(metadata.get("gemnb")).get("post", {})
    if not isinstance(post, dict):
        raise NotebookError(
            f"{name}: `gemnb.post` in its metadata is no object.", hint='{"gemnb": {"post": {"title": …}}}'
        )
    return post


def _cell(cell: NotebookCell, raw: JSONObject) -> DocumentCell:
    kind = raw.get("cell_type")
    metadata = _object(raw.get("metadata"))
    shown = metadata.get("raw_mimetype") or metadata.get("format") or ""
    found = {}
    for name, bundle in _object(raw.get("attachments")).items():
        values = (value for key, value in _object(bundle).items() if key.startswith("image/"))
        # A drawing may stand there as text; that it is none that can be published is told where it is used.
        found[name] = _decode(next(values, None))
    return DocumentCell(
        cell=cell,
        kind=kind if kind in ("markdown", "raw") else "code" if cell.is_code else "markdown",
        id=cell.id or "",
        format=shown if isinstance(shown, str) else "",
        attachments=found,
    )


def _decode(value: JSONValue) -> bytes:
    text = "".join(v for v in value if isinstance(v, str)) if isinstance(value, list) else value
    try:
        return base64.b64decode("".join(text.split()), validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        return b""


def _object(value: JSONValue) -> JSONObject:
    return value if isinstance(value, dict) else {}
