"""Foreign JSON: parse it; read its members, each there, of its type, with nothing else beside them. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar, cast

from gemnb.errors import CorruptEntry

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.model import JSONObject, JSONValue

T = TypeVar("T")

_BIG = 256 * 1024  # bytes from which on a faster parser is worth its import (0.03 s where the SDK is not there yet)


def parse_json(data: bytes) -> JSONValue:
    """Return the value of JSON in UTF-8, as `json.loads` reads it; big documents many times as fast.

    Raises:
        ValueError: It is no UTF-8 or no JSON.
        RecursionError: It is nested too deeply.
    """
    if len(data) >= _BIG:
        from pydantic_core import from_json

        try:
            return cast("JSONValue", from_json(data))
        except ValueError:  # whatever it refuses (lone surrogates, some depth) the standard library decides
            pass
    return cast("JSONValue", json.loads(data.decode("utf-8")))


def corrupt(why: str) -> CorruptEntry:
    """Return the error for a record that no gemnb wrote."""
    return CorruptEntry("A record is not what gemnb writes.", why=why)


def only(raw: JSONObject, name: str, known: tuple[str, ...]) -> None:
    """Refuse members that gemnb does not write: what is dropped while reading could be hidden in a record."""
    if unknown := set(raw) - set(known):
        raise corrupt(f"{name} has unknown fields: {', '.join(sorted(unknown))[:80]}")


def member(value: JSONValue, name: str) -> JSONObject:
    """Return the value as an object."""
    if not isinstance(value, dict):
        raise corrupt(f"{name} is missing or no object")
    return value


def items(raw: JSONObject, key: str) -> list[JSONValue]:
    """Return the list under a key."""
    value = raw.get(key)
    if not isinstance(value, list):
        raise corrupt(f"{key} is missing or no list")
    return value


def typed(raw: JSONObject, key: str, kind: Callable[..., T]) -> T:
    """Return the value under a key, exactly of this type (a bool is no int)."""
    value = raw.get(key)
    if type(value) is not kind:
        raise corrupt(f"{key} is missing or of another type")
    return cast("T", value)


def optional(raw: JSONObject, key: str, kind: Callable[..., T]) -> T | None:
    """Return the value under a key, of this type, or None where it is absent or null."""
    return None if raw.get(key) is None else typed(raw, key, kind)
