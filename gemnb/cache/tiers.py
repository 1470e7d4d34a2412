"""The tiers in one chain: project, private, spill, machine. Which tier answers never decides which attempt does.

An answer is kept in the project, a second copy in the machine tier (a private one in the project's private folder
alone); where the project cannot be written it goes to the user's spill folder, which nothing evicts. Only answers
that this machine's own client received go into the machine tier: a stranger's record must not answer for the user
elsewhere. What is found in a farther tier is copied to the project, so that the project can be committed whole.
"""

from __future__ import annotations

import contextlib
import logging
import os
from functools import cache
from typing import TYPE_CHECKING

from gemnb.cache.cache import missing_blob
from gemnb.cache.store import blob_key, record_key
from gemnb.detach import references
from gemnb.errors import CacheError, CorruptEntry, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from concurrent.futures import Future, ThreadPoolExecutor

    from gemnb.cache.cache import Cache, Kept, Written
    from gemnb.cache.store import Store
    from gemnb.model import Invocation, Record

_log = logging.getLogger("gemnb")


@cache
def _beside() -> ThreadPoolExecutor:
    """Return the one thread that writes beside Pillow: a database has a connection for each thread that uses it."""
    from concurrent.futures import ThreadPoolExecutor

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_beside.cache_clear)  # a fork has no such thread
    return ThreadPoolExecutor(1, thread_name_prefix="gemnb-keeping")


def _put_early(
    places: Iterable[Callable[[], Cache | None]], blobs: Mapping[str, bytes], made: list[tuple[Cache, list[str]]]
) -> None:
    for find in places:
        with contextlib.suppress(CacheError):
            if (place := find()) is not None:
                made.append((place, []))
                place.put_new(blobs, made[-1][1])


def _tell_of(damage: CorruptEntry, hurt: Cache | None) -> None:
    if hurt is None or hurt.looks_only:
        _log.warning("%s A good copy was found.", damage.what)
    else:
        _log.warning("%s A good copy was found and put back.", damage.what)


class Tiers:
    """Finds and keeps answers in several places, as `Cache` does in one.

    Args:
        project: The project's cache; reads and writes go there first.
        private: Its part that is not committed.
        notebook: What the notebook of a re-run brings along of its own answers.
        spill: Makes the user's spill folder; called when the project has no answer or cannot be written.
        machine: Makes the machine tier (told whether to write in it), or None without one; called when no nearer
            tier has an answer.
    """

    def __init__(
        self,
        project: Cache,
        *,
        private: Cache | None = None,
        notebook: Cache | None = None,
        spill: Callable[[], Cache | None] = lambda: None,
        machine: Callable[[bool], Cache | None] = lambda _writing: None,
    ) -> None:
        self.project = project
        self._private = private
        self._notebook = notebook
        self._early: dict[Store, set[str]] = {}
        self._found_apart: set[tuple[str, int]] = set()
        self._spill = spill
        self._machine = machine

    @property
    def store(self) -> Store:
        """The project's store."""
        return self.project.store

    def attempts(self, digest: str) -> list[int]:
        """Return the attempts kept for a request in the nearest tier that has any, ascending."""
        return next((found for tier in self._tiers() if (found := tier.attempts(digest))), [])

    def find(self, digest: str, attempt: int | None = None) -> Kept | None:
        """Return one attempt at a request (the latest of the nearest tier, unless told), or None.

        Raises:
            CorruptEntry: What is kept is damaged in every tier that has it.
            StoreError: A store failed.
        """
        damage: CorruptEntry | None = None
        hurt: Cache | None = None
        for tier in self._tiers():
            try:
                kept = tier.find(digest, attempt)
                if kept is None or not (tier.is_near or self._adopt(kept, tier, hurt or self.project)):
                    continue
            except CorruptEntry as error:
                damage, hurt = damage or error, hurt or tier
                continue
            if damage is not None:
                _tell_of(damage, hurt)
            if tier is self._private:
                self._found_apart.add((digest, kept.record.attempt))
            return kept
        if damage is not None:
            raise damage
        return None

    def blob(self, digest: str) -> bytes:
        """Return the bytes of a digest.

        Raises:
            CorruptEntry: They are missing, or damaged in every tier that has them.
            StoreError: A store failed.
        """
        damage: CorruptEntry | None = None
        hurt: Cache | None = None
        for tier in self._tiers():
            try:
                data = tier.get_blob(digest)
            except CorruptEntry as error:
                damage, hurt = damage or error, hurt or tier
                continue
            if data is not None:
                if damage is not None and hurt is not None:
                    hurt.put_blob(data)
                    _tell_of(damage, hurt)
                return data
        raise damage or missing_blob(digest)

    def is_apart(self, request: str, attempt: int) -> bool:
        """Return whether the answer was found in the private part."""
        return (request, attempt) in self._found_apart

    def hangs_on_private(self, answers: Iterable[tuple[str, int]], blobs: Iterable[str]) -> bool:
        """Return whether any of these answers, or of the bytes of these digests, lies in the private part alone."""
        if self._private is None:
            return False
        keys = [*(record_key(*answer) for answer in answers), *map(blob_key, blobs)]
        apart = [key for key in keys if self._private.store.get(key) is not None]
        return any(self.project.store.get(key) is None for key in apart)

    def share(self, request: str, attempt: int) -> None:
        """Copy a private answer, which is private no more, to what is committed.

        Raises:
            CacheError: It is damaged, or the project's cache cannot be read.
        """
        kept = self._private.find(request, attempt) if self._private is not None else None
        if kept is not None and self._private is not None:
            self._adopt(kept, self._private, self.project)

    def put_blob(self, data: bytes) -> str:
        """Keep bytes in the project and return their digest."""
        return self.project.put_blob(data)

    def missing(self, digests: Iterable[str]) -> list[str]:
        """Return the digests of which the project keeps no bytes, its private part included."""
        lacking = self.project.missing(digests)
        return lacking if self._private is None else self._private.missing(lacking)

    @contextlib.contextmanager
    def early(self, *, private: bool = False) -> Iterator[Callable[[Mapping[str, bytes]], None]]:
        """Yield what puts an answer's bytes into the tiers while its pictures are still being decoded.

        `keep` finds them there. Where the answer turns out to be none, they are taken away again; what cannot be put
        now is put by `keep`, which tells why it cannot.
        """
        from concurrent.futures import wait

        own = self._private if private and self._private is not None else self.project
        places = [lambda: own, *([] if private else [lambda: self._machine(True)])]
        made: list[tuple[Cache, list[str]]] = []
        under_way: list[Future[None]] = []
        try:
            yield lambda blobs: under_way.append(_beside().submit(_put_early, places, blobs, made))
        except BaseException:
            wait(under_way)
            for place, digests in made:
                with contextlib.suppress(CacheError):
                    place.drop(digests)
            raise
        wait(under_way)
        for place, digests in made:
            self._early.setdefault(place.store, set()).update(digests)

    def keep(
        self, record: Record, invocation: Invocation, blobs: Mapping[str, bytes], *, private: bool = False
    ) -> Record:
        """Keep an answer this machine received as the next attempt, and a second copy in the machine tier.

        Raises:
            StoreError: Neither the project nor the spill folder can be written.
        """
        after = self._last_attempt(record.request_digest)
        if private and self._private is not None:
            # Neither spilled nor copied: from there it would come back among what is committed.
            return self._private.keep(record, invocation, blobs, after=after)
        second = _beside().submit(self._second, blobs)
        try:
            written = self._write(record, invocation, blobs, after)
        except StoreError:
            second.exception()  # it ends before its bytes are given up
            raise
        # Not after the claim is given up: who waits for it in another project looks for the answer here.
        try:
            if (machine := second.result()) is not None:
                _beside().submit(machine.copy, written, {}).result()
        except CacheError as error:
            _log.warning("No second copy was made: %s %s", error.what, error.why)
        return written.record

    def _second(self, blobs: Mapping[str, bytes]) -> Cache | None:
        """Put the bytes into the machine tier, ahead of their record; return the tier, or None without one."""
        machine = self._machine(True)
        if machine is not None:
            machine.put_new(self._left(blobs, machine), [])
        return machine

    def _write(self, record: Record, invocation: Invocation, blobs: Mapping[str, bytes], after: int) -> Written:
        try:
            return self.project.write(record, invocation, self._left(blobs, self.project), after=after)
        except StoreError as error:
            spill = self._spill()
            if spill is None:
                raise
            written = spill.write(record, invocation, blobs, after=after)
            _log.warning("%s (%s) The answer is kept in %s instead.", error.what, error.why, spill.store)
            return written

    def _left(self, blobs: Mapping[str, bytes], place: Cache) -> dict[str, bytes]:
        """Return the bytes that `early` has not put there."""
        put = self._early.get(place.store, set())
        return {digest: data for digest, data in blobs.items() if digest not in put}

    def _last_attempt(self, digest: str) -> int:
        """Return the last attempt known anywhere; what is paid for is kept though a farther tier fails."""
        last = max(self.project.attempts(digest), default=0)
        for tier in self._tiers():
            try:
                last = max([last, *tier.attempts(digest)])
            except CacheError as error:
                _log.warning("%s %s", error.what, error.why)
        return last

    def hold(self, blobs: Mapping[str, bytes]) -> None:
        """Hold bytes in memory that could not be kept, so that they can be shown."""
        self.project.hold(blobs)

    def keep_failed(self, request_digest: str, body: bytes) -> str:
        """Keep the raw body of an answer that is none, and return the name of its file."""
        return self.project.keep_failed(request_digest, body)

    def _tiers(self) -> Iterator[Cache]:
        yield self.project
        if self._private is not None:
            yield self._private
        if self._notebook is not None:
            yield self._notebook
        for make in (self._spill, lambda: self._machine(False)):
            tier = make()
            if tier is not None:
                yield tier

    def _adopt(self, kept: Kept, tier: Cache, target: Cache) -> bool:
        """Copy an answer from a farther tier to a nearer one; False where the tier no longer has all its bytes."""
        record = kept.record
        named = [image.blob for picture in record.pictures for image in (picture.original, picture.preview) if image]
        sent = [digest for content in record.request.contents for digest in references(list(content.parts))]
        blobs = {}
        for digest in dict.fromkeys([*named, *references(record.response), *sent]):
            data = tier.get_blob(digest)
            if data is None:
                return False  # evicted: a record without its bytes is no answer
            blobs[digest] = data
        try:
            target.adopt(record, kept.invocation, blobs)
        except CacheError as error:
            _log.debug("not copied to the project: %s", error.what)
        return True
