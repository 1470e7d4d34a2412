"""JSON as it comes over the wire, brought to one form: camelCase names, standard base64.

Clients differ: google-genai mixes camelCase and snake_case in one body and writes URL-safe base64,
gemimg writes snake_case. Google takes both, as every reader of protobuf's JSON must.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import re
from typing import Final, NoReturn

from gemnb.emulator.errors import JSONValue, invalid

DEEPEST: Final = 100
"""How deep values may nest; protobuf's JSON reader stops there too."""

LARGEST_EXACT: Final = 1 << 53
"""Whole numbers up to here are the same as floats and as integers."""


def parse(body: bytes) -> dict[str, JSONValue]:
    """Return a request's body in the one form.

    Raises:
        ApiError: 400, the body is no JSON object, or says the same thing twice.
    """
    try:
        value: JSONValue = json.loads(body.decode(), parse_constant=_no_constant)
    except RecursionError:
        raise invalid("Invalid JSON payload received. Message too deep.") from None
    except ValueError as error:
        raise invalid(f"Invalid JSON payload received. {error}") from None
    whole = _one_form(value, 0)
    if not isinstance(whole, dict):
        raise invalid("Invalid JSON payload received. Expected an object.")
    return whole


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _one_form(value: JSONValue, depth: int) -> JSONValue:
    if depth > DEEPEST:
        raise invalid("Invalid JSON payload received. Message too deep.")
    if isinstance(value, list):
        return [_one_form(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return _one_object(value, depth)
    if isinstance(value, float):
        return _number(value)
    return value


def _one_object(value: dict[str, JSONValue], depth: int) -> dict[str, JSONValue]:
    found: dict[str, JSONValue] = {}
    for name, item in value.items():
        known = camel(name)
        if known in found:
            raise invalid(f'Invalid JSON payload received. "{known}" is there twice, in both spellings.')
        found[known] = _one_form(item, depth + 1)
    if isinstance(found.get("inlineData"), dict):
        found["inlineData"] = _one_blob(found["inlineData"])
    if isinstance(found.get("thoughtSignature"), str):
        found["thoughtSignature"] = _standard(found["thoughtSignature"])
    return found


def _one_blob(blob: JSONValue) -> JSONValue:
    if isinstance(blob, dict) and isinstance(blob.get("data"), str):
        return blob | {"data": _standard(blob["data"])}
    return blob


def _standard(text: JSONValue) -> JSONValue:
    """Return base64 in the standard alphabet with padding; what is no base64 is left as it is."""
    data = decode64(text)
    return text if data is None else encode64(data)


def _number(value: float) -> JSONValue:
    """Return a float, as an integer if it is whole: 1.0 and 1 are one number to JSON."""
    if not math.isfinite(value):
        raise invalid("Invalid JSON payload received. A number is too large.")
    return int(value) if value.is_integer() and abs(value) <= LARGEST_EXACT else value


def camel(name: str) -> str:
    """Return a name in camelCase: `inline_data` and `inlineData` are the same field."""
    return re.sub(r"(?<=[A-Za-z0-9])_([a-z0-9])", lambda match: match[1].upper(), name)


def decode64(text: JSONValue) -> bytes | None:
    """Return the bytes of base64 in either alphabet, with or without padding; None if it is none."""
    if not isinstance(text, str):
        return None
    bare = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def encode64(data: bytes) -> str:
    """Return standard base64 with padding, as Google answers."""
    return base64.b64encode(data).decode()


def digest(model: str, body: dict[str, JSONValue]) -> str:
    """Return what identifies a request: sha256 over model and body in the one form, hexadecimal."""
    text = json.dumps([model, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(b"gemnb emulator request 1\0" + text.encode()).hexdigest()


def signature(picture: bytes) -> str:
    """Return the thought signature of a picture: 200 bytes that depend on its own, in base64."""
    seed = b"gemnb emulator thought signature 1\0" + hashlib.sha256(picture).digest()
    return encode64(hashlib.shake_256(seed).digest(200))


def dumps(value: JSONValue) -> bytes:
    """Return JSON in ASCII without blanks: the same value gives the same bytes."""
    return json.dumps(value, separators=(",", ":")).encode()
