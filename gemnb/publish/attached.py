"""Pictures that a narrative refers to: attachments of its cell, and files of the project; nothing outside it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from gemnb.canonical import blob_digest, short
from gemnb.publish.post import file_slug
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ATTACHED = "gemnb-attached:"
"""Stands before the name of an attached file in a narrative; a flavor puts its own address there."""

MAX_FILE = 32 * 1024 * 1024
"""Bytes of a picture that a narrative refers to."""

_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}


def ending(mime_type: str) -> str:
    """Return the usual ending of a picture's type."""
    return _ENDINGS[mime_type]


def is_local(address: str) -> bool:
    """Return whether an address names an attachment or a file beside the notebook."""
    if address.startswith("attachment:"):
        return True
    head = address.split("/", 1)[0]
    return bool(address) and ":" not in head and not address.startswith(("/", "#", "\\"))


def find(address: str, attachments: Mapping[str, bytes], folder: Path, root: Path) -> tuple[str, bytes] | str:
    """Return the name a picture gets beside the page, and its bytes; or, as one text, why there is none.

    Args:
        address: As written in the narrative.
        attachments: Those of the cell.
        folder: The notebook's.
        root: The project's; no file outside it is read, and no link out of it followed.
    """
    if address.startswith("attachment:"):
        stem = unquote(address.removeprefix("attachment:"))
        data = attachments.get(stem)
        if data is None:
            return "the cell has no such attachment"
    else:
        stem = unquote(address.partition("?")[0].partition("#")[0])
        found = _read(folder / stem, root)
        if isinstance(found, str):
            return found
        data = found
    kind = sniff(data)
    if kind is None:
        return "it is no PNG, JPEG, WebP or GIF"
    name = file_slug(stem.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]) or "picture"
    return f"{name}-{short(blob_digest(data))[:8]}.{ending(kind.mime_type)}", data


def _read(path: Path, root: Path) -> bytes | str:
    try:
        real = path.resolve()
        if not real.is_relative_to(root.resolve()):
            return "it lies outside the project"
        if not real.is_file():
            return "there is no such file"
        if real.stat().st_size > MAX_FILE:
            return f"it has more than {MAX_FILE // 1024**2} MB"
        return real.read_bytes()
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
