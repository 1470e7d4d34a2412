"""Take bytes out of the JSON of an answer and put them back: `detach` and `attach` are inverse.

A string that holds bytes becomes `{"$blob": "sha256:…"}` when it is standard padded base64,
with `"as": "base64url"` for the URL-safe alphabet, and `"as": "text"` when it is neither (then
the blob is the string's UTF-8). Taken out are `data`, long thought signatures, and strings with
lone surrogates, which canonical JSON does not hold. A foreign member `$blob` gets one more `$`.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, is_digest
from gemnb.errors import CorruptEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gemnb.model import JSONObject, JSONValue

SIGNATURE_LIMIT = 1024
"""Thought signatures of up to this many characters stay in the record."""

_FORMS = ("base64", "base64url", "text")
_DATA_KEYS = frozenset({"data"})
_SIGNATURE_KEYS = frozenset({"thoughtSignature", "thought_signature"})


def image_part(digest: str, mime_type: str) -> JSONObject:
    """Return the part of a turn that is a picture of these bytes."""
    return {"inlineData": {"mimeType": mime_type, "data": {"$blob": digest}}}


def pixels_part(digest: str) -> JSONObject:
    """Return the part of a turn that is a picture of these pixels; sent is a PNG."""
    return {"inlineData": {"mimeType": "image/png", "data": {"$pixels": digest}}}


def text_part(text: str) -> JSONObject:
    """Return the part of a turn that is this text, exactly."""
    return {"text": text}


def detach(
    document: JSONValue, decode: Callable[[str], bytes | None] = lambda _text: None
) -> tuple[JSONValue, dict[str, bytes]]:
    """Return the document with its bytes replaced by references, and those bytes by digest.

    Args:
        document: Any JSON.
        decode: A fast way to decode standard base64; None for whatever is not exactly what encoding gives.
    """
    blobs: dict[str, bytes] = {}

    def walk(value: JSONValue, key: str) -> JSONValue:
        if isinstance(value, dict):
            return {_escaped(name): walk(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [walk(item, "") for item in value]
        if isinstance(value, str) and _holds_bytes(key, value):
            return _take(value, blobs, decode)
        return value

    return walk(document, ""), blobs


def attach(document: JSONValue, blob: Callable[[str], bytes]) -> JSONValue:
    """Return the document with its references replaced by the strings they stood for.

    Args:
        document: What `detach` returned.
        blob: Digest to bytes; its errors pass through.

    Raises:
        CorruptEntry: A reference is malformed.
    """
    if isinstance(document, dict):
        if "$blob" in document:
            return _put_back(document, blob)
        return {_unescaped(name): attach(item, blob) for name, item in document.items()}
    if isinstance(document, list):
        return [attach(item, blob) for item in document]
    return document


def references(document: JSONValue) -> Iterator[str]:
    """Yield the digest of each reference in the document, in order."""
    if isinstance(document, dict):
        reference = document.get("$blob")
        if isinstance(reference, str):
            yield reference
        for item in document.values():
            yield from references(item)
    elif isinstance(document, list):
        for item in document:
            yield from references(item)


def _escaped(name: str) -> str:
    return "$" + name if name.endswith("$blob") and not name.removesuffix("$blob").strip("$") else name


def _unescaped(name: str) -> str:
    return name[1:] if name.endswith("$$blob") and not name.removesuffix("$$blob").strip("$") else name


def _holds_bytes(key: str, value: str) -> bool:
    if key in _DATA_KEYS or (key in _SIGNATURE_KEYS and len(value) > SIGNATURE_LIMIT):
        return True
    return not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value)


def _take(text: str, blobs: dict[str, bytes], decode: Callable[[str], bytes | None]) -> JSONObject:
    if (data := decode(text)) is not None:
        digest = blob_digest(data)
        blobs[digest] = data
        return {"$blob": digest}
    for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
        try:
            data = base64.b64decode(text, altchars=b"-_" if name == "base64url" else None, validate=True)
        except (binascii.Error, ValueError):
            continue
        # Strict decoding leaves one freedom, the unused bits of the last four characters.
        if len(text) % 4 or encode(data[-(len(data) % 3 or 3) :] if data else b"").decode("ascii") != text[-4:]:
            continue
        digest = blob_digest(data)
        blobs[digest] = data
        return {"$blob": digest} if name == "base64" else {"$blob": digest, "as": name}
    data = text.encode("utf-8", "surrogatepass")
    digest = blob_digest(data)
    blobs[digest] = data
    return {"$blob": digest, "as": "text"}


def _put_back(reference: JSONObject, blob: Callable[[str], bytes]) -> str:
    digest, form = reference.get("$blob"), reference.get("as", "base64")
    well_formed = is_digest(digest) and form in _FORMS and not set(reference) - {"$blob", "as"}
    if not isinstance(digest, str) or not well_formed:
        raise CorruptEntry("A record refers to bytes in a way that no gemnb wrote.", why=repr(reference)[:200])
    data = blob(digest)
    if form == "base64":
        return base64.b64encode(data).decode("ascii")
    if form == "base64url":
        return base64.urlsafe_b64encode(data).decode("ascii")
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        reason = str(error)
    raise CorruptEntry("A record takes bytes for text that are none.", why=reason)
