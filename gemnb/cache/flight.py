"""Single-flight: at most one call per request on this machine, and a trace of every call that was sent.

A claim is an OS lock (filelock) on a file named after the request's digest, in the user's own folder; it
frees itself when its owner dies. Inside it, an intent is written before the request is sent and the raw body
as soon as it arrives, so that neither a paid answer nor the knowledge of a lost one dies with a process.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.cache.directory import sync_folder
from gemnb.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """The raw body of an answer, with the facts of its call (`host`, `client`, `time`)."""

    body: bytes
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to call for one request, while the lock is held."""

    path: Path

    def lost(self) -> str | None:
        """Return when an earlier owner sent the request and died before an answer arrived, or None."""
        try:
            facts = json.loads(self._intent.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:  # torn by a power cut: the request may or may not have gone out
            return "an unknown time"
        return str(facts.get("time")) if isinstance(facts, dict) else "an unknown time"

    def landed(self) -> Arrived | None:
        """Return an answer that arrived and whose owner died before it was kept, or None."""
        try:
            header, _, body = self._body.read_bytes().partition(b"\n")
            noted = json.loads(header)
            whole = (
                isinstance(noted, dict) and noted.get("size") == len(body) and isinstance(noted.get("facts"), dict)
            )
        except (FileNotFoundError, ValueError):
            return None
        return Arrived(body=body, facts=noted["facts"]) if whole else None

    def send(self, facts: dict[str, str]) -> None:
        """Write the intent, durably, before the request goes out.

        Raises:
            StoreError: The user's folder cannot be written; nothing was sent.
        """
        _write(self._intent, json.dumps(facts).encode(), force=True)

    def land(self, arrived: Arrived) -> None:
        """Write the raw body as soon as it is there, so that it outlives this process.

        It is not forced to the disk: a moment later its blobs and record are, and only a power cut comes between.

        Raises:
            StoreError: The user's folder cannot be written.
        """
        _write(
            self._body,
            json.dumps({"facts": arrived.facts, "size": len(arrived.body)}).encode() + b"\n",
            arrived.body,
            force=False,
        )

    def close(self) -> None:
        """Forget intent and body: the answer is kept, or nothing was billed."""
        # The intent first: a body without an intent is kept by the next run, an intent alone would tell of a loss.
        self._intent.unlink(missing_ok=True)
        self._body.unlink(missing_ok=True)

    @property
    def _intent(self) -> Path:
        return self.path.with_suffix(".intent")

    @property
    def _body(self) -> Path:
        return self.path.with_suffix(".body")


class Flights:
    """The claims of this user on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def owed(self, digest: str) -> Iterator[Claim | None]:
        """Hold the claim of a request that was sent and whose answer nobody kept; None where there is none.

        Where somebody calls for it now, that is theirs to tell: nothing is waited for.
        """
        path = self.folder / digest.removeprefix("sha256:")
        lock = None
        if path.with_suffix(".intent").exists():
            from filelock import FileLock, Timeout

            lock = FileLock(path.with_suffix(".lock"), thread_local=False)
            try:
                lock.acquire(blocking=False)
            except (OSError, Timeout):
                lock = None
        try:
            yield None if lock is None else Claim(path)
        finally:
            if lock is not None:
                lock.release()

    @contextlib.contextmanager
    def claim(self, digest: str) -> Iterator[Claim]:
        """Wait until no other thread or process calls for this request, then hold the right to.

        Raises:
            StoreError: The user's folder cannot be written.
        """
        from filelock import FileLock

        path = self.folder / digest.removeprefix("sha256:")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # A lock of its own per claim: threads of one process exclude each other too.
            lock = FileLock(path.with_suffix(".lock"), thread_local=False)
            lock.acquire()
        except OSError as error:
            failure = error
        else:
            try:
                yield Claim(path)
            finally:
                lock.release()
            return
        raise _failed(self.folder, failure)


def _write(path: Path, *data: bytes, force: bool) -> None:
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.writelines(data)
            if force:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
        if force:
            sync_folder(path.parent)
    except OSError as error:
        failure = error
    else:
        return
    raise _failed(path.parent, failure)


def _failed(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"Cannot write in {folder}, where calls under way are noted.",
        why=error.strerror or str(error),
        hint="Make room there, or set XDG_CACHE_HOME to a folder that you can write.",
    )
