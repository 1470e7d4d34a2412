"""What may be spent: a call is reserved at its estimate before it is sent, and corrected to its price afterwards.

Spent so far is the sum of a ledger: of this process, or of a file that the kernels of one batch share. A reservation
whose owner died stays, and so does one whose call may have been billed: what is counted is never too little by them.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import threading
import time
import uuid
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Protocol

from gemnb.errors import BackendError, GemnbError, OverBudget, Rejected, StoreError, Unavailable
from gemnb.prices import cost_of_usage, dollars, estimate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gemnb.backends import Backend, Reply
    from gemnb.model import Request
    from gemnb.prices import Estimate

_log = logging.getLogger("gemnb")
_ABSURD = Decimal(10**9)  # US dollars; a line that says more was written by nobody
_warned: set[str] = set()  # models of which this process has said that their price is unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """The answer to a reservation: its entry, None where it was over the limit, and what was spent before it."""

    entry: str | None
    spent: Decimal


class Ledger(Protocol):
    """Counts what is spent, in US dollars."""

    def reserve(self, usd: Decimal, limit: Decimal, model: str) -> Reserved:
        """Count an amount, unless the sum would then be over the limit. One at a time: two calls cannot both fit.

        Raises:
            StoreError: It cannot be noted; then nothing may be sent.
        """

    def settle(self, entry: str, usd: Decimal) -> None:
        """Put the true amount in place of what was reserved.

        Raises:
            StoreError: It cannot be noted; the reservation stands.
        """


class KernelLedger:
    """What this process has spent; gone with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, Decimal] = {}

    def reserve(self, usd: Decimal, limit: Decimal, model: str) -> Reserved:
        """Count an amount, unless the sum would then be over the limit."""
        with self._lock:
            spent = sum(self._entries.values(), Decimal(0))
            if spent + usd > limit:
                return Reserved(entry=None, spent=spent)
            entry = f"{model} {len(self._entries)}"
            self._entries[entry] = usd
            return Reserved(entry=entry, spent=spent)

    def settle(self, entry: str, usd: Decimal) -> None:
        """Put the true amount in place of what was reserved."""
        with self._lock:
            self._entries[entry] = usd


class FileLedger:
    """What several processes have spent together: lines of JSON in a file, each an entry or its correction.

    A line is written whole and forced to the disk under an OS lock on `<file>.lock`, so that a reservation outlives
    its owner. A torn last line was never followed by a call, and is taken away; anything else that is none of ours
    makes the sum unknown, and is an error.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def reserve(self, usd: Decimal, limit: Decimal, model: str) -> Reserved:
        """Count an amount, unless the sum of the file would then be over the limit.

        Raises:
            StoreError: The file cannot be read or written, or is no ledger.
        """
        with self._locked():
            spent = sum(self._entries().values(), Decimal(0))
            if spent + usd > limit:
                return Reserved(entry=None, spent=spent)
            entry = uuid.uuid4().hex
            self._append({"entry": entry, "state": "reserved", "usd": str(usd), "model": model, "pid": os.getpid()})
            return Reserved(entry=entry, spent=spent)

    def settle(self, entry: str, usd: Decimal) -> None:
        """Put the true amount in place of what was reserved.

        Raises:
            StoreError: The file cannot be read or written, or is no ledger.
        """
        with self._locked():
            self._entries()
            self._append({"entry": entry, "state": "settled", "usd": str(usd)})

    def spent(self) -> Decimal:
        """Return the sum of the file.

        Raises:
            StoreError: The file cannot be read, or is no ledger.
        """
        with self._locked():
            return sum(self._entries().values(), Decimal(0))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        from filelock import FileLock

        try:
            # A lock of its own each time: threads of one process exclude each other too.
            with FileLock(f"{self.path}.lock", thread_local=False):
                yield
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            return
        raise self._failed(reason)

    def _entries(self) -> dict[str, Decimal]:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(self.path, whole)
        entries: dict[str, Decimal] = {}
        for number, line in enumerate(data[:whole].splitlines(), 1):
            entry, usd = self._read(line, number)
            entries[entry] = usd
        return entries

    def _read(self, line: bytes, number: int) -> tuple[str, Decimal]:
        try:
            row = json.loads(line)
            usd = Decimal(row["usd"]) if isinstance(row["usd"], str) else Decimal("NaN")
            if usd.is_finite() and 0 <= usd < _ABSURD:
                return str(row["entry"]), usd
        except (ValueError, RecursionError, KeyError, TypeError, InvalidOperation):
            pass
        raise self._failed(f"Its line {number} is none that gemnb writes, so that what is spent is unknown.")

    def _append(self, row: dict[str, str | int]) -> None:
        row["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with self.path.open("ab") as file:
            file.write(json.dumps(row).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _failed(self, reason: str) -> StoreError:
        return StoreError(
            f"{self.path}, where what is spent is counted, cannot be used.",
            why=reason,
            hint="Without it nothing is sent. GEMNB_LEDGER=/another/file   begins to count at nothing.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """A backend that asks a ledger before each call.

    Attributes:
        backend: What answers.
        ledger: Counts what is spent.
        limit: US dollars that may be spent in all; infinite for no limit.
    """

    backend: Backend
    ledger: Ledger
    limit: float

    def generate(self, request: Request, blob: Callable[[str], bytes]) -> Reply:
        """Send a request if it fits the limit, and return the raw body of its answer.

        Raises:
            OverBudget: It does not fit; nothing was sent.
            StoreError: The ledger failed; nothing was sent.
            BackendError: Nothing was answered.
        """
        likely = estimate(request)
        if likely.usd is None:
            _warn_once(request.model)
            return self.backend.generate(request, blob)
        reserved = self.ledger.reserve(likely.usd, Decimal(str(self.limit)), request.model)
        if reserved.entry is None:
            raise _over(likely, likely.usd, reserved.spent, self.limit)
        try:
            reply = self.backend.generate(request, blob)
        except GemnbError as error:
            if _was_free(error):
                self._settle(reserved.entry, Decimal(0))
            raise
        price = _price(request.model, reply.body)
        if price is not None:
            self._settle(reserved.entry, price)
        return reply

    def _settle(self, entry: str, usd: Decimal) -> None:
        try:
            self.ledger.settle(entry, usd)
        except StoreError as error:  # what was paid for is shown all the same
            _log.warning("%s (%s) The estimate stays counted.", error.what, error.why)


def _was_free(error: GemnbError) -> bool:
    """Return whether a failed call was certainly not billed: never sent, refused, or never taken on."""
    if isinstance(error, Unavailable):
        return error.evidence.get("sent") is False
    return isinstance(error, Rejected) or not isinstance(error, BackendError)


def _price(model: str, body: bytes) -> Decimal | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    counts = answer.get("usageMetadata") if isinstance(answer, dict) else None
    return cost_of_usage(model, counts, pictures=True) if isinstance(counts, dict) else None


def _warn_once(model: str) -> None:
    if model not in _warned:
        _warned.add(model)
        _log.warning("No price of %s is known: what it costs does not count towards max_cost.", model)


def _over(likely: Estimate, usd: Decimal, spent: Decimal, limit: float) -> OverBudget:
    more = math.ceil(float(spent + usd) * 2)
    return OverBudget(
        f"This call would cost about {dollars(usd)}; {dollars(spent)} of {dollars(Decimal(str(limit)))} is spent. "
        "Nothing was sent.",
        why=f"{likely.basis[:1].upper()}{likely.basis[1:]}.",
        hint=f"%%gemimg … --max-cost {more}   raises the limit for this cell (off lifts it)\n"
        f'%config GemImg.max_cost = "{more}"   for this kernel;   GEMNB_MAX_COST={more}   for all\n'
        "In a batch only the command itself can raise it: gemnb reproduce … --max-cost",
        spent=str(spent),
        estimate=str(usd),
        limit=str(limit),
    )
