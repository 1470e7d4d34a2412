"""Take bytes out of the JSON of an answer and put them back: `detach` and `attach` are inverse.

A string that holds bytes becomes `{"$blob": "sha256:…"}` when it is standard padded base64,
with `"as": "base64url"` for the URL-safe alphabet, and `"as": "text"` when it is neither (then
the blob is the string's UTF-8). Taken out are `data`, long thought signatures, and strings with
lone surrogates, which canonical JSON does not hold. What else it does not hold (great numbers, NaN,
infinities, names with lone surrogates), and what is nested deeper than any answer, becomes a
reference with `"as": "json"`: a picture was paid for, whatever stands beside it. A foreign member
`$blob` gets one more `$`.
"""

from __future__ import annotations

import binascii
import json
import math
from typing import TYPE_CHECKING, cast

import pybase64

from gemnb.canonical import blob_digest, is_digest
from gemnb.errors import CorruptEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gemnb.model import JSONObject, JSONValue

SIGNATURE_LIMIT = 1024
"""Thought signatures of up to this many characters stay in the record."""

DEPTH_LIMIT = 64
"""Objects and lists inside this many others are taken out whole. An answer's own are some seven deep."""

_GREATEST = 2**53 - 1
_ALPHABETS = {"base64": b"+/", "base64url": b"-_"}
_FORMS = (*_ALPHABETS, "text", "json")
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


def detach(document: JSONValue) -> tuple[JSONValue, dict[str, bytes]]:
    """Return the document with its bytes replaced by references, and those bytes by digest."""
    blobs: dict[str, bytes] = {}

    def walk(value: JSONValue, key: str, depth: int) -> JSONValue:
        if isinstance(value, str):
            return _take(*_decoded(value), blobs) if _holds_bytes(key, value) else value
        if _has_no_form(value, depth):
            return _take(_json(value), "json", blobs)
        if isinstance(value, dict):
            return {_escaped(name): walk(item, name, depth + 1) for name, item in value.items()}
        if isinstance(value, list):
            return [walk(item, "", depth + 1) for item in value]
        return value

    return walk(document, "", 0), blobs


def attach(document: JSONValue, blob: Callable[[str], bytes]) -> JSONValue:
    """Return the document with its references replaced by what they stood for.

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
    return key in _DATA_KEYS or (key in _SIGNATURE_KEYS and len(value) > SIGNATURE_LIMIT) or not _is_whole(value)


def _has_no_form(value: JSONValue, depth: int) -> bool:
    """Return whether canonical JSON does not hold a value, what is in it aside, or no reader may come down to it."""
    if isinstance(value, dict):
        return depth >= DEPTH_LIMIT or not all(map(_is_whole, value))
    if isinstance(value, list):
        return depth >= DEPTH_LIMIT
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, int) and abs(value) > _GREATEST


def _is_whole(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _json(value: JSONValue) -> bytes:
    """Return a value as JSON without spaces, however deep it is (`json.dumps` goes as deep as the stack)."""
    made: list[str] = []
    rest: list[tuple[str, list[JSONValue]]] = [("", [value])]  # a text to write, and the value after it, if any
    while rest:
        text, values = rest.pop()
        made.append(text)
        for item in values:
            if isinstance(item, dict) and item:
                members = [(f"{_text(name)}:", inner) for name, inner in item.items()]
            elif isinstance(item, list) and item:
                members = [("", inner) for inner in item]
            else:
                made.append(_text(item))
                continue
            opening, closing = "{}" if isinstance(item, dict) else "[]"
            (first, inner), *others = members
            rest.append((closing, []))
            rest += [(f",{begin}", [inner]) for begin, inner in reversed(others)]
            rest.append((opening + first, [inner]))
    return "".join(made).encode("utf-8", "backslashreplace")  # which writes a lone surrogate as JSON does


def _text(value: JSONValue) -> str:
    return json.dumps(value, ensure_ascii=False)


def _take(data: bytes, form: str, blobs: dict[str, bytes]) -> JSONObject:
    digest = blob_digest(data)
    blobs[digest] = data
    return {"$blob": digest} if form == "base64" else {"$blob": digest, "as": form}


def _decoded(text: str) -> tuple[bytes, str]:
    """Return the bytes that a string stands for, and in which form it does."""
    for form, signs in _ALPHABETS.items():
        if form == "base64url" and ("+" in text or "/" in text):  # a decoder may take both alphabets at once
            continue
        try:
            data = pybase64.b64decode(text, altchars=signs, validate=True)
        except (binascii.Error, ValueError):
            continue
        # Strict decoding leaves one freedom, the unused bits of the last four characters.
        if _encoded(data[-(len(data) % 3 or 3) :], form) == text[-4:]:
            return data, form
    return text.encode("utf-8", "surrogatepass"), "text"


def _encoded(data: bytes, form: str) -> str:
    return pybase64.b64encode_as_string(data, altchars=_ALPHABETS[form])


def _put_back(reference: JSONObject, blob: Callable[[str], bytes]) -> JSONValue:
    digest, form = reference.get("$blob"), reference.get("as", "base64")
    well_formed = is_digest(digest) and form in _FORMS and not set(reference) - {"$blob", "as"}
    if not isinstance(digest, str) or not well_formed:
        raise CorruptEntry("A record refers to bytes in a way that no gemnb wrote.", why=repr(reference)[:200])
    data = blob(digest)
    if form in _ALPHABETS:
        return _encoded(data, str(form))
    try:
        if form == "json":
            return cast("JSONValue", json.loads(data.decode("utf-8")))
        return data.decode("utf-8", "surrogatepass")
    except (ValueError, RecursionError) as error:
        reason = str(error)
    raise CorruptEntry(f"A record takes bytes for {'JSON' if form == 'json' else 'text'} that are none.", why=reason)
