"""Every error of gemnb: what happened, why, and what to type next.

GemnbError
├── CellError                 the cell, or the call of `gemnb.generate`, cannot be understood
│   ├── CellSyntaxError       an option, a name or a `#|` line
│   ├── PromptError           the prompt or its `{{parameters}}`
│   └── InputError            an input picture or an earlier result
├── SettingsError             a setting that does not exist, or has a value it cannot have
├── RequestError              a request without a model, or that canonical JSON cannot hold
├── CacheError
│   ├── CacheMiss             replay mode, and no answer is kept for the request
│   ├── CorruptEntry          kept bytes are not what their digest says; never shown
│   ├── UnknownSchema         written by a later gemnb
│   └── StoreError            the store itself failed (a failing store is no miss: a miss costs money)
├── BackendError
│   ├── MissingKey            a paid call would be needed and there is no key
│   ├── OverBudget            the call would spend more than `max_cost`; nothing was sent
│   ├── Rejected              the service refused the call (4xx), the key included
│   ├── Unavailable           429, 5xx, no connection, deadline: nothing was answered
│   ├── Interrupted           the waiting was stopped; the call goes on and its answer is kept
│   └── MalformedAnswer       an answer that is none; its raw body is kept
├── OutcomeError              there is no picture, and that is no failure of anything
│   ├── Refused               with the reason the model gave
│   ├── NoPicture             text only
│   └── PendingRead           in mode plan: what would have to be asked for is read
└── NotebookError             a file that is no notebook, or a notebook that failed

Each error pickles, keeps its evidence in `evidence`, and renders in at most six lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LINE_LIMIT = 600
# C0, DEL and C1 but tab and newline: escape sequences in a stranger's message must not reach a terminal.
# So must not the signs that turn the direction of what follows.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

Evidence = str | int | float | bool | None | tuple[str, ...]


def printable(text: str) -> str:
    r"""Return the text with control characters shown as `\xNN` and lone surrogates as `\udXXX`."""
    shown = _CONTROL.sub(_escaped, text)
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like the given one, or None when none is near."""
    import difflib

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return found[0] if found else None


class GemnbError(Exception):
    """Base of every error of gemnb.

    Attributes:
        what: One sentence: what happened.
        why: The reason or the evidence, for a person; may be empty.
        hint: What to type next; may be empty, may hold several lines.
        evidence: Named facts for a program (digests, fields, names), always picklable.
    """

    def __init__(self, what: str, *, why: str = "", hint: str = "", **evidence: Evidence) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint
        self.evidence = evidence

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.why, self.hint, self.evidence)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Return at most five lines for a person: what, why, and what to type."""
        rows = [" ".join(self.what.split()), *self.why.splitlines()[:2], *self.hint.splitlines()]
        shown = [printable(row) for row in rows if row.strip()] or ["something went wrong"]
        return [row if len(row) <= _LINE_LIMIT else row[: _LINE_LIMIT - 1] + "…" for row in shown[:5]]

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows instead of a traceback (a documented hook of IPython)."""
        first, *rest = self.lines()
        return [f"{type(self).__name__}: {first}", *(f"  {row}" for row in rest)]


def _rebuild(kind: type[GemnbError], what: str, why: str, hint: str, evidence: dict[str, Evidence]) -> GemnbError:
    return kind(what, why=why, hint=hint, **evidence)


class CellError(GemnbError, ValueError):
    """The cell, or the call, cannot be understood; nothing was sent."""


class CellSyntaxError(CellError):
    """An option, a name or a header line of the cell is wrong."""


class PromptError(CellError):
    """The prompt is empty, or its parameters do not fit it."""


class InputError(CellError):
    """An input picture or an earlier result cannot be used."""


class SettingsError(GemnbError, ValueError):
    """A setting does not exist or cannot have this value."""


class RequestError(GemnbError, ValueError):
    """A request that cannot be addressed: no model, or values canonical JSON does not hold."""


class CacheError(GemnbError):
    """Something about kept answers."""


class CacheMiss(CacheError):  # noqa: N818 - the field's word
    """Replay mode, and no answer is kept for this request."""


class CorruptEntry(CacheError):  # noqa: N818 - the field's word
    """Kept bytes are not what their digest says."""


class UnknownSchema(CacheError):  # noqa: N818 - names the thing found
    """A record of a schema version that this gemnb cannot read."""


class StoreError(CacheError):
    """A store failed to read or write."""


class BackendError(GemnbError):
    """A call to a model did not bring an answer."""


class MissingKey(BackendError):  # noqa: N818 - names the thing missing
    """A real model would have to be called and there is no key."""


class OverBudget(BackendError):  # noqa: N818 - names the state
    """The call would spend more than is allowed; nothing was sent."""


class Rejected(BackendError):  # noqa: N818 - names the event
    """The service refused the call."""


class Unavailable(BackendError):  # noqa: N818 - names the state
    """The service is overloaded, out of reach, or did not answer in time."""


class Interrupted(BackendError):  # noqa: N818 - names the event
    """The waiting for an answer was stopped; what was sent goes on."""


class MalformedAnswer(BackendError):  # noqa: N818 - names the thing found
    """The service answered with something that is no answer."""


class OutcomeError(GemnbError):
    """The outcome is not a picture: a kept answer without one, or a pending one."""


class Refused(OutcomeError):  # noqa: N818 - names the event
    """The model refused, with its reason."""


class NoPicture(OutcomeError):  # noqa: N818 - names the event
    """The model answered in words only."""


class PendingRead(OutcomeError):  # noqa: N818 - names the event
    """What is pending was read: the model was not asked, since the mode is plan."""


class NotebookError(GemnbError):
    """A file is no notebook, or a notebook failed to run."""
