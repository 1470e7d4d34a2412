"""Scripted faults: what real services do on bad days, on demand."""

from __future__ import annotations

import difflib
import math
import threading
from collections import deque
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gemnb.emulator.errors import JSONValue

KINDS: Final = MappingProxyType(
    {
        "rate-limited": frozenset({"seconds", "message"}),
        "overloaded": frozenset({"seconds", "message"}),
        "overloaded-html": frozenset({"seconds"}),
        "stall": frozenset[str](),
        "latency": frozenset({"seconds"}),
        "prompt-blocked": frozenset({"reason", "message"}),
        "no-image": frozenset({"reason", "message"}),
        "text-only": frozenset({"message"}),
        "drafts": frozenset({"count"}),
        "jpeg": frozenset[str](),
        "bad-key": frozenset[str](),
        "not-an-image": frozenset[str](),
        "truncated-image": frozenset[str](),
        "wrong-mime": frozenset[str](),
    }
)
"""Kind of fault -> the fields that mean something to it."""

LONGEST: Final = 3600.0
"""Seconds; a fault that waits longer is a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to one generateContent request.

    Attributes:
        kind: one of
            `rate-limited` (429; Retry-After and RetryInfo of `seconds`, 1 unless told),
            `overloaded` (503 in JSON; Retry-After if `seconds` is given),
            `overloaded-html` (503, a page of HTML; the same),
            `stall` (no answer until the client goes or the server stops),
            `latency` (a proper answer after `seconds`, 1 unless told),
            `prompt-blocked` (200 with a blockReason, `reason`, PROHIBITED_CONTENT unless told),
            `no-image` (200 with a finishReason, `reason`, NO_IMAGE unless told, and no parts),
            `text-only` (200, one text, `message`, and no picture),
            `drafts` (a thought and `count` drafts, one or two, before the picture),
            `jpeg` (the picture is a JPEG),
            `bad-key` (400 API_KEY_INVALID),
            `not-an-image` (said to be a PNG, but the bytes are text),
            `truncated-image` (a PNG cut in the middle),
            `wrong-mime` (said to be a PNG, but the bytes are a good JPEG).
        seconds: 0 to 3600.
        reason: Google's word for a refusal.
        message: replaces the fault's own message.
        count: how many drafts.

    Raises:
        ValueError: an unknown kind, a field that the kind does not use, or a value out of range.
        TypeError: a value of the wrong type.
    """

    kind: str
    seconds: float | None = None
    reason: str | None = None
    message: str | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str):
            raise TypeError(f"a fault's kind is a string, not {self.kind!r}")
        if self.kind not in KINDS:
            raise ValueError(
                f"unknown fault kind {self.kind!r}; the nearest known one is {_nearest(self.kind, KINDS)!r}"
            )
        for name in ("seconds", "reason", "message", "count"):
            if getattr(self, name) is not None and name not in KINDS[self.kind]:
                raise ValueError(f"the fault {self.kind!r} does not use {name!r}")
        _check_seconds(self.seconds)
        _check_count(self.count)
        for text in (self.reason, self.message):
            if text is not None and not isinstance(text, str):
                raise TypeError(f"a fault's reason and message are strings, not {text!r}")


def _check_seconds(value: float | None) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"seconds is a number, not {value!r}")
    if not math.isfinite(value) or not 0 <= value <= LONGEST:
        raise ValueError(f"seconds is a number from 0 to {LONGEST:g}, not {value!r}")


def _check_count(value: object) -> None:
    if value is not None and (isinstance(value, bool | float) or value not in (1, 2)):
        raise ValueError(f"count is 1 or 2, not {value!r}")


def _nearest(word: str, known: MappingProxyType[str, frozenset[str]] | tuple[str, ...]) -> str:
    return difflib.get_close_matches(word, list(known), n=1, cutoff=0.0)[0]


def listed(value: JSONValue) -> list[JSONValue]:
    """Return the list that faults come in.

    Raises:
        TypeError: it is no list.
    """
    if not isinstance(value, list):
        raise TypeError('faults are a list such as [{"kind": "stall"}]')
    return value


def fault_from_json(value: JSONValue) -> Fault:
    """Return the fault that a JSON object describes, its names those of `Fault`.

    Raises:
        ValueError: no object, an unknown name, or whatever `Fault` refuses.
        TypeError: a value of the wrong type.
    """
    if not isinstance(value, dict) or "kind" not in value:
        raise ValueError('a fault is an object such as {"kind": "rate-limited", "seconds": 1}')
    names = tuple(field.name for field in fields(Fault))
    for name in value:
        if name not in names:
            raise ValueError(f"unknown field {name!r} of a fault; the nearest known one is {_nearest(name, names)!r}")
    return Fault(**value)  # type: ignore[arg-type]  # Fault itself checks every value


class Script:
    """Faults in the order in which they will happen, one for each request; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: deque[Fault] = deque()

    def add(self, faults: tuple[Fault, ...]) -> None:
        """Put faults at the end."""
        with self._lock:
            self._faults.extend(faults)

    def take(self) -> Fault | None:
        """Return the next fault, or None if all goes well."""
        with self._lock:
            return self._faults.popleft() if self._faults else None

    def clear(self) -> None:
        """Drop the faults that have not happened."""
        with self._lock:
            self._faults.clear()
