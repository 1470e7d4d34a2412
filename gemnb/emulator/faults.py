"""Scripted faults: what real services do on bad days, on demand."""

from __future__ import annotations

import difflib
import math
import re
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
        "bad-base64": frozenset[str](),
        "pictures": frozenset({"count"}),
        "huge": frozenset[str](),
        "other-model": frozenset({"model"}),
        "no-candidates": frozenset[str](),
        "no-parts": frozenset[str](),
        "error": frozenset({"status", "reason", "message"}),
        "redirect": frozenset({"location"}),
        "html": frozenset[str](),
        "empty-body": frozenset[str](),
        "bad-json": frozenset[str](),
        "truncated": frozenset[str](),
        "reset": frozenset[str](),
        "hang-up": frozenset[str](),
        "drip": frozenset({"seconds"}),
    }
)
"""Kind of fault -> the fields that mean something to it."""

LONGEST: Final = 3600.0
"""Seconds; a fault that waits longer is a mistake."""

COUNTS: Final = MappingProxyType({"drafts": range(1, 3), "pictures": range(2, 5)})
"""Kind of fault -> how many there may be."""

STATUSES: Final = range(400, 600)
"""HTTP statuses of an error."""


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
            `wrong-mime` (said to be a PNG, but the bytes are a good JPEG),
            `bad-base64` (the picture's data is no base64),
            `pictures` (`count` pictures, two to four, two unless told),
            `huge` (a JPEG of 4096 by 4096 pixels, whatever size was asked for),
            `other-model` (a modelVersion that was not asked for, `model`, emulator/sketch-0 unless told),
            `no-candidates` (200 with an empty list of candidates and no reason),
            `no-parts` (200 with finishReason STOP and content without parts),
            `error` (`status`, 500 unless told, in JSON; `reason` replaces Google's word such as INTERNAL),
            `redirect` (307 to `location`, a host that does not exist unless told),
            `html` (200, a page of HTML, as a captive portal answers),
            `empty-body` (200 without a byte),
            `bad-json` (200, the proper answer cut in the middle, its length the right one),
            `truncated` (the connection ends in the middle of the proper answer),
            `reset` (the connection is reset in the middle of the proper answer),
            `hang-up` (the connection ends before a byte of an answer),
            `drip` (the proper answer in 20 pieces, `seconds` between two, 1 unless told).
        seconds: 0 to 3600.
        reason: Google's word for a refusal or an error.
        message: replaces the fault's own message.
        count: how many drafts or pictures.
        status: 400 to 599.
        location: where a redirect leads.
        model: what calls itself the model that answered.

    Raises:
        ValueError: an unknown kind, a field that the kind does not use, or a value out of range.
        TypeError: a value of the wrong type.
    """

    kind: str
    seconds: float | None = None
    reason: str | None = None
    message: str | None = None
    count: int | None = None
    status: int | None = None
    location: str | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str):
            raise TypeError(f"a fault's kind is a string, not {self.kind!r}")
        if self.kind not in KINDS:
            raise ValueError(
                f"unknown fault kind {self.kind!r}; the nearest known one is {_nearest(self.kind, KINDS)!r}"
            )
        for name in (field.name for field in fields(self) if field.name != "kind"):
            if getattr(self, name) is not None and name not in KINDS[self.kind]:
                raise ValueError(f"the fault {self.kind!r} does not use {name!r}")
        _check_seconds(self.seconds)
        _check_whole("count", self.count, COUNTS.get(self.kind, range(0)))
        _check_whole("status", self.status, STATUSES)
        for text in (self.reason, self.message, self.location, self.model):
            if text is not None and not isinstance(text, str):
                raise TypeError(f"a fault's reason, message, location and model are strings, not {text!r}")
        if self.location and not re.fullmatch(r"[!-~]+", self.location):
            raise ValueError(f"a location is ASCII without blanks, not {self.location!r}")


def _check_seconds(value: float | None) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"seconds is a number, not {value!r}")
    if not math.isfinite(value) or not 0 <= value <= LONGEST:
        raise ValueError(f"seconds is a number from 0 to {LONGEST:g}, not {value!r}")


def _check_whole(name: str, value: object, known: range) -> None:
    if value is not None and (isinstance(value, bool | float) or value not in known):
        raise ValueError(f"{name} is a whole number from {known.start} to {known.stop - 1}, not {value!r}")


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
