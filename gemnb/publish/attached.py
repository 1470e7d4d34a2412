"""Pictures that a narrative refers to: attachments of its cell, and files of the project; nothing outside it."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from gemnb.canonical import blob_digest, short
from gemnb.publish.post import file_slug
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gemnb.publish.place import Place

ATTACHED = "gemnb-attached:"
"""Stands before the name of an attached file in a narrative; a flavor puts its own address there."""

MAX_FILE = 32 * 1024 * 1024
"""Bytes of a picture that a narrative refers to."""

_HOMES = re.compile(r"/(?:home|Users|root|tmp|Volumes)/")
_DISK = re.compile(r"[A-Za-z]:[\\/]|\\")
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}


def ending(mime_type: str) -> str:
    """Return the usual ending of a picture's type."""
    return _ENDINGS[mime_type]


def is_local(address: str) -> bool:
    """Return whether an address names an attachment or a file beside the notebook."""
    if address.startswith("attachment:"):
        return True
    if _DISK.match(address) or address[:5].lower() == "file:":
        return True
    if address.startswith("/"):
        # From the root of the site, as a rule; a path of this disk is none that a reader has.
        return not address.startswith("//") and (bool(_HOMES.match(address)) or _is_there(_path(address)))
    head = address.split("/", 1)[0]
    return bool(address) and ":" not in head and not address.startswith("#")


def decoded(address: str) -> bytes | None:
    """Return the bytes of a `data:` address in base64; None where it has none."""
    head, _, text = address.partition(",")
    if not head.endswith(";base64"):
        return None
    try:
        return base64.b64decode(unquote(text), validate=True)
    except ValueError:
        return None


def find(address: str, attachments: Mapping[str, bytes], place: Place) -> tuple[str, bytes] | str:
    """Return the name a picture gets beside the page, and its bytes; or, as one text, why there is none.

    Args:
        address: As written in the narrative.
        attachments: Those of the cell.
        place: Where the notebook lies. No file outside its project is read, no link out of it followed, and no file
            of the cache is published by its address: what lies there may be private, or an input.
    """
    if address.startswith("attachment:"):
        stem = unquote(address.removeprefix("attachment:"))
        data = attachments.get(stem)
        if data is None:
            return "the cell has no such attachment"
    else:
        stem = _path(address)
        found = _read(place.folder / stem, place)
        if isinstance(found, str):
            return found
        data = found
    kind = sniff(data)
    if kind is None:
        return "it is no PNG, JPEG, WebP or GIF"
    name = file_slug(stem.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]) or "picture"
    return f"{name}-{short(blob_digest(data))[:8]}.{ending(kind.mime_type)}", data


def _path(address: str) -> str:
    path = unquote(address.partition("?")[0].partition("#")[0])
    return path[5:].replace("//", "", 1) if path[:5].lower() == "file:" else path


def _is_there(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def _read(path: Path, place: Place) -> bytes | str:
    try:
        real = path.resolve()
        if not real.is_relative_to(place.root.resolve()):
            return "it lies outside the project"
        if place.kept is not None and real.is_relative_to(place.kept.resolve()):
            return "it lies in the cache; a cell shows what is kept there (%gemnb show)"
        if not real.is_file():
            return "there is no such file"
        if real.stat().st_size > MAX_FILE:
            return f"it has more than {MAX_FILE // 1024**2} MB"
        return real.read_bytes()
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
