"""The path of a request: digest → find → claim → find again → call → keep. Knows no concrete part."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gemnb.answer import asides
from gemnb.canonical import request_digest, short
from gemnb.errors import CacheMiss, GemnbError, MalformedAnswer, StoreError
from gemnb.model import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gemnb.backends.base import Backend
    from gemnb.cache import Arrived, Cache, Claim, Flights, Tiers
    from gemnb.model import Invocation, Record, Request

    Unpack = Callable[
        [Request, bytes, Mapping[str, str], Callable[[Mapping[str, bytes]], None]], tuple[Record, dict[str, bytes]]
    ]

_log = logging.getLogger("gemnb")
_FOUND = "An answer had arrived and was not kept (its kernel died, or there was no room); it is kept now."


class _Asked(NamedTuple):
    request: Request
    invocation: Invocation
    inputs: Mapping[str, bytes]
    private: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Answers requests from the cache, or by exactly one call.

    Attributes:
        cache: Where answers are kept.
        flights: Makes the claims; called on a miss only.
        backend: Vendor to backend; called on a miss only.
        unpack: Raw body to record and blobs; imported on a miss only.
        pin: Request digest to the attempt that is pinned for this asking, if one is.
    """

    cache: Cache | Tiers
    flights: Callable[[], Flights]
    backend: Callable[[str], Backend]
    unpack: Unpack
    pin: Callable[[str], int | None] = lambda _digest: None

    def kept(self, request: Request) -> Record | None:
        """Return the kept answer to a request: the pinned attempt where it is kept, else the latest, or None.

        Raises:
            CacheError: The cache is damaged or failed.
        """
        digest = request_digest(request)
        pinned = self.pin(digest)
        found = (pinned and self.cache.find(digest, pinned)) or self.cache.find(digest)
        return found.record if found else None

    def answer(
        self,
        request: Request,
        *,
        mode: Mode,
        invocation: Invocation,
        inputs: Mapping[str, bytes],
        private: bool = False,
    ) -> Record:
        """Return the kept answer to a request, or call the model for it and keep that.

        Args:
            request: What is asked.
            mode: Whether a kept answer may serve, and whether a miss may call.
            invocation: The cell that asks, recorded with a new answer.
            inputs: The bytes of the request's input pictures, by digest.
            private: Keep a new answer apart from what is committed.

        Raises:
            CacheMiss: In replay mode, when no answer is kept.
            CacheError: The cache is damaged or failed.
            BackendError: The call brought no answer.
        """
        digest = request_digest(request)
        if mode is not Mode.REFRESH and (kept := self.cache.find(digest)):
            return kept.record
        if mode in (Mode.REPLAY, Mode.PLAN):
            raise _miss(request, digest)
        from gemnb.capabilities import remarks

        for remark in remarks(request, dt.datetime.now(dt.UTC).date()):
            _log.warning("%s", remark)
        with self.flights().claim(digest) as claim:
            if mode is not Mode.REFRESH and (kept := self.cache.find(digest)):
                return kept.record
            arrived = claim.landed()
            if arrived is not None and mode is Mode.REFRESH and self._keeps(request, arrived):
                claim.close()  # its owner died between keeping it and saying so
                arrived = None
            if arrived is None:
                arrived = self._call(request, claim, inputs)
            else:
                _log.warning("%s", _FOUND)
            return self._keep(arrived, claim, _Asked(request, invocation, inputs, private))

    def settle(
        self, request: Request, *, invocation: Invocation, inputs: Mapping[str, bytes], private: bool = False
    ) -> Record | None:
        """Keep an answer that was paid for and not kept, though an earlier one is; or say that a call was lost.

        So ends a refresh whose kernel died, at the next run that may call. Arguments as for `answer`.

        Returns:
            The answer that is kept now, or None where nothing was owed, or nothing came of it.
        """
        try:
            with self.flights().owed(request_digest(request)) as claim:
                if claim is None:
                    return None
                arrived = claim.landed()
                if arrived is not None and not self._keeps(request, arrived):
                    _log.warning("%s", _FOUND)
                    return self._keep(arrived, claim, _Asked(request, invocation, inputs, private))
                if arrived is None:
                    _tell_lost(claim)
                claim.close()
        except StoreError:  # without a home nothing was ever sent from here, and what is kept is shown
            return None
        except MalformedAnswer as error:
            _log.warning("%s %s", error.what, error.why)
        return None

    def _call(self, request: Request, claim: Claim, inputs: Mapping[str, bytes]) -> Arrived:
        _tell_lost(claim)
        backend = self.backend(request.model.partition("/")[0])
        claim.send({"time": _now(), "model": request.model})
        try:
            reply = backend.generate(request, lambda digest: inputs.get(digest) or self.cache.blob(digest))
            facts = {"time": _now(), "host": reply.host, "client": reply.client}
        except GemnbError:
            # The error itself says what may have been billed; an intent is for owners that died.
            claim.close()
            raise
        from gemnb.cache.flight import Arrived

        arrived = Arrived(body=reply.body, facts=facts)
        try:
            claim.land(arrived)
        except StoreError as error:
            _log.warning("The answer could not be noted before it is kept: %s", error.why)
        return arrived

    def _keep(self, arrived: Arrived, claim: Claim, asked: _Asked) -> Record:
        try:
            with self.cache.early(private=asked.private) as early:
                record, blobs = self.unpack(asked.request, arrived.body, arrived.facts, early)
        except MalformedAnswer as error:
            failure = error
        else:
            for aside in asides(record.response):
                _log.warning("%s", aside)
            return self._store(record, {**asked.inputs, **blobs}, claim, asked)
        raise self._malformed(asked.request, arrived, claim, failure)

    def _store(self, record: Record, blobs: Mapping[str, bytes], claim: Claim, asked: _Asked) -> Record:
        try:
            kept = self.cache.keep(record, asked.invocation, blobs, private=asked.private)
        except StoreError as error:
            _log.warning("%s (%s) The answer is shown, but it was NOT kept in the cache.", error.what, error.why)
        else:
            claim.close()
            return kept
        # The claim stays open: the raw body it noted is kept by the next run that can.
        self.cache.hold(blobs)
        return record

    def _keeps(self, request: Request, arrived: Arrived) -> bool:
        """Return whether the cache holds the answer that arrived so, at that time."""
        try:
            record, _ = self.unpack(request, arrived.body, arrived.facts, lambda _blobs: None)
        except MalformedAnswer:
            return False
        for attempt in self.cache.attempts(record.request_digest):
            kept = self.cache.find(record.request_digest, attempt)
            if kept and (kept.record.response, kept.record.received) == (record.response, record.received):
                return True
        return False

    def _malformed(
        self, request: Request, arrived: Arrived, claim: Claim, failure: MalformedAnswer
    ) -> MalformedAnswer:
        try:
            where = self.cache.keep_failed(request_digest(request), arrived.body)
            again = "Running the cell again asks again."
        except StoreError:
            where = str(claim.path.with_suffix(".body"))
            again = "The next run looks at it once more; delete that file to ask again."
        else:
            claim.close()
        return MalformedAnswer(
            failure.what,
            why=failure.why,
            hint=f"Its raw body ({len(arrived.body)} bytes, it may have been billed) is kept in {where}\n{again}",
        )


def _tell_lost(claim: Claim) -> None:
    if (when := claim.lost()) is not None:
        _log.warning(
            "This request was sent before, at %s, and its answer never arrived here: it may have been billed.", when
        )


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _miss(request: Request, digest: str) -> CacheMiss:
    return CacheMiss(
        f"No answer is kept for this request to {request.model} ({short(digest)}), and the mode is replay.",
        why="Its model, prompt, options or input pictures are not those of any kept answer.",
        hint="To ask the model: %%gemimg … --mode auto, or GEMNB_MODE=auto for all cells (unless GEMNB_OFFLINE=1).\n"
        "`%gemnb why` names the nearest kept request; `%gemnb status` says which cache was read.",
        digest=digest,
        model=request.model,
    )
