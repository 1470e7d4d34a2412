"""Kept answers over a store: records by request digest and attempt, blobs by their own digest.

Every read is checked; what does not fit its digest is set aside and reported, never shown and never a miss.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gemnb.cache.store import attempt_of, blob_key, record_key, record_prefix, together
from gemnb.canonical import blob_digest, short
from gemnb.errors import CorruptEntry, StoreError
from gemnb.records import document, dump, load, parse_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from gemnb.cache.store import Store
    from gemnb.model import Invocation, Record


_REFRESH = "%%gemimg … --mode refresh   asks the model anew, and pays anew"


def missing_blob(digest: str) -> CorruptEntry:
    """Return the error for bytes that a record refers to and that are not there."""
    key = blob_key(digest)
    return CorruptEntry(
        f"The bytes {short(digest)} are missing from the cache.",
        why=f"A record refers to {key}, which is not there.",
        hint=f"git checkout -- cache/{key}   brings it back if it was committed\n{_REFRESH}",
        digest=digest,
    )


class Kept(NamedTuple):
    """A kept answer with the invocation that first asked for it."""

    record: Record
    invocation: Invocation


class Written(NamedTuple):
    """A record that was kept, and its file: another tier takes a copy of that, made once and checked once."""

    record: Record
    key: str
    data: bytes


class Cache:
    """Finds and keeps answers in a store.

    Args:
        store: Where the bytes lie.
        look_only: Damaged entries are reported and left where they are (for verify).
        is_near: Part of the project; what is found farther away is copied to it.
    """

    def __init__(self, store: Store, *, look_only: bool = False, is_near: bool = True) -> None:
        self.store = store
        self.is_near = is_near
        self.looks_only = look_only
        self._held: dict[str, bytes] = {}

    def attempts(self, digest: str) -> list[int]:
        """Return the attempts kept for a request, ascending."""
        found = (attempt_of(key) for key in self.store.keys(record_prefix(digest)))
        return sorted(number for number in found if number is not None)

    def find(self, digest: str, attempt: int | None = None) -> Kept | None:
        """Return one attempt at a request (the latest, unless told), or None where none is kept.

        Raises:
            CorruptEntry: What is kept is not what it says; it was set aside.
            UnknownSchema: It was written by a later gemnb.
            StoreError: The store failed.
        """
        attempts = [attempt] if attempt else self.attempts(digest)
        number = max(attempts, default=0)
        key = record_key(digest, number) if number else ""
        data = self.store.get(key) if key else None
        if data is None:
            return None
        try:
            record, invocation, _ = parse_document(load(data))
        except CorruptEntry as error:
            reason = f"{error.what} {error.why}"
        else:
            if (record.request_digest, record.attempt) == (digest, number):
                return Kept(record=record, invocation=invocation)
            reason = "It answers another request, or is another attempt, than its name says."
        left = [n for n in ([] if attempt else attempts) if n != number]
        then = f"shows attempt {max(left)}" if left else "asks the model anew, and pays anew"
        raise self._set_aside(key, data, reason, f"Running the cell again as it is {then}.")

    def blob(self, digest: str) -> bytes:
        """Return the bytes of a digest.

        Raises:
            CorruptEntry: The kept bytes have another digest (they were set aside), or are missing.
            StoreError: The store failed.
        """
        data = self.get_blob(digest)
        if data is None:
            raise missing_blob(digest)
        return data

    def get_blob(self, digest: str) -> bytes | None:
        """Return the bytes of a digest, or None where none are kept.

        Raises:
            CorruptEntry: The kept bytes have another digest (they were set aside).
            StoreError: The store failed.
        """
        key = blob_key(digest)
        if digest in self._held:
            return self._held[digest]
        data = self.store.get(key)
        if data is not None and blob_digest(data) != digest:
            found = f"Its bytes have the digest {short(blob_digest(data))}."
            raise self._set_aside(key, data, found, _REFRESH)
        return data

    def hold(self, blobs: Mapping[str, bytes]) -> None:
        """Hold bytes in memory that could not be kept, so that they can be shown."""
        self._held.update(blobs)

    def put_blob(self, data: bytes) -> str:
        """Keep bytes, where this is not for looking only, and return their digest."""
        digest = blob_digest(data)
        if not self.looks_only:
            self._put_blob(digest, data)
        return digest

    def adopt(self, record: Record, invocation: Invocation, blobs: Mapping[str, bytes]) -> None:
        """Copy a kept answer from another tier under its own attempt: its blobs first, then its record.

        Raises:
            StoreError: The store failed.
        """
        if self.looks_only:
            return
        self._put_blobs(blobs)
        self.store.put(record_key(record.request_digest, record.attempt), dump(document(record, invocation)))

    def copy(self, written: Written, blobs: Mapping[str, bytes]) -> None:
        """Put what another tier has just written, as it stands, and its blobs before it.

        Raises:
            StoreError: The store failed.
        """
        with together(self.store):
            self._put_blobs(blobs)
            self.store.put(written.key, written.data)

    def keep(
        self,
        record: Record,
        invocation: Invocation,
        blobs: Mapping[str, bytes],
        *,
        after: int = 0,
        private: bool = False,  # noqa: ARG002 - one place alone has no private part; `Tiers` has
    ) -> Record:
        """Keep an answer as the next attempt: its blobs first, then its record. Return it with its attempt.

        Args:
            record: The answer; its attempt is not looked at.
            invocation: The cell that asked.
            blobs: The bytes it refers to, by digest.
            after: The last attempt known elsewhere.
            private: Whether it belongs apart from what is committed; here there is one place only.

        Raises:
            StoreError: The store failed; nothing half-written answers for the request.
        """
        return self.write(record, invocation, blobs, after=after).record

    def write(self, record: Record, invocation: Invocation, blobs: Mapping[str, bytes], *, after: int = 0) -> Written:
        """Do as `keep`, and return the record's file too."""
        self._put_blobs(blobs)
        attempt = max([after, *self.attempts(record.request_digest), *self._set_aside_of(record.request_digest)])
        while True:
            attempt += 1
            key = record_key(record.request_digest, attempt)
            data = dump(document(replace(record, attempt=attempt), invocation))
            if self.store.put(key, data):
                # What was written, read back: a miss then shows what every later hit shows, to the order of keys.
                return Written(record=parse_document(load(data))[0], key=key, data=data)

    @contextlib.contextmanager
    def early(self, *, private: bool = False) -> Iterator[Callable[[Mapping[str, bytes]], None]]:  # noqa: ARG002
        """Yield what takes an answer's bytes before its record is known; one place alone waits for `keep`."""
        yield lambda _blobs: None

    def is_apart(self, request: str, attempt: int) -> bool:  # noqa: ARG002
        """Return whether the answer was found apart from what is committed; one place alone has no such part."""
        return False

    def hangs_on_private(self, answers: Iterable[tuple[str, int]], blobs: Iterable[str]) -> bool:  # noqa: ARG002
        """Return whether any of these is kept apart from what is committed alone; see `is_apart`."""
        return False

    def share(self, request: str, attempt: int) -> None:
        """Copy an answer from the part that is not committed; see `is_apart`."""

    def put_new(self, blobs: Mapping[str, bytes], made: list[str]) -> None:
        """Put bytes, and note the digests of those that were not there, as they are put.

        Raises:
            StoreError: The store failed.
        """
        with together(self.store):
            for digest, data in blobs.items():
                if self.store.put(blob_key(digest), data):
                    made.append(digest)

    def drop(self, digests: Iterable[str]) -> None:
        """Take away bytes that were put in vain.

        Raises:
            StoreError: The store failed.
        """
        for digest in digests:
            self.store.delete(blob_key(digest))

    def missing(self, digests: Iterable[str]) -> list[str]:
        """Return the digests of which no bytes are kept."""
        return [digest for digest in digests if self.store.get(blob_key(digest)) is None]

    def keep_failed(self, request_digest: str, body: bytes) -> str:
        """Keep the raw body of an answer that is none, and return the name of its file."""
        key = f"failed/{short(request_digest)}-{short(blob_digest(body))}.body"
        self.store.put(key, body)
        return self._file(key)

    def _file(self, key: str) -> str:
        """Return what a person calls the file of a key."""
        place = getattr(self.store, "root", None) or getattr(self.store, "folder", None)
        return f"cache/{key}" if place is None or place.name == "cache" else f"{place}/{key}"

    def _set_aside_of(self, digest: str) -> Iterator[int]:
        """Yield the attempts at a request that were damaged and set aside: a lock may pin their numbers."""
        name = record_prefix(digest).replace("/", "-")
        for key in self.store.keys("corrupt/"):
            number, ending, _ = key.removeprefix(f"corrupt/{name}").partition(".json-")
            if ending and number.isdecimal():
                yield int(number)

    def _put_blobs(self, blobs: Mapping[str, bytes]) -> None:
        with together(self.store):
            for digest, data in blobs.items():
                self._put_blob(digest, data)

    def _put_blob(self, digest: str, data: bytes) -> None:
        key = blob_key(digest)
        if not self.store.put(key, data) and self.store.get(key) != data:
            # Damaged bytes are in its place; the good ones are at hand.
            self.store.delete(key)
            self.store.put(key, data)

    def _set_aside(self, key: str, data: bytes, reason: str, then: str) -> CorruptEntry:
        aside = "corrupt/" + key.replace("/", "-") + "-" + short(blob_digest(data))
        name = self._file(key)
        restore = f"git checkout -- {name}   brings it back if it was committed" if self.is_near else ""
        if not self.looks_only:
            with contextlib.suppress(StoreError):  # a read-only cache still reports
                self.store.put(aside, data)
                self.store.delete(key)
                return CorruptEntry(
                    f"{name} is damaged; it was set aside as {name.removesuffix(key)}{aside} and is not shown.",
                    why=reason,
                    hint=f"{restore}\n{then}",
                    key=key,
                )
        return CorruptEntry(f"{name} is damaged and is not shown.", why=reason, hint=restore, key=key)
