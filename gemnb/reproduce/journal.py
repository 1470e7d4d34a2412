"""What a batch has done so far, in the user's cache folder, so that a stopped one can go on.

One line per notebook that was run. A line counts while the notebook, its lock, the parameters and gemnb are those it
was written for, and in a replay also the cache and the files of the project: as far as names, sizes and times
tell, and only where they are few enough to look at. A damaged line counts as not done.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.errors import GemnbError
from gemnb.lock import NAME
from gemnb.model import Mode
from gemnb.reproduce.compare import Row, Verdict
from gemnb.reproduce.run import Run
from gemnb.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemnb.reproduce.run import Job

_PASSED_OVER = ("__pycache__", "node_modules")
_MOST = 10_000  # files that are looked at; more take seconds for every notebook


class Journal:
    """The lines of one batch.

    Args:
        folder: The user's folder for them; None keeps none.
        jobs: The whole batch; another batch has another file.
        apart: Files that the batch itself writes: what they hold changes no verdict.
    """

    def __init__(self, folder: Path | None, jobs: Sequence[Job], *, apart: Sequence[Path] = ()) -> None:
        name = hashlib.sha256("\n".join(_name(job) for job in jobs).encode("utf-8", "surrogateescape")).hexdigest()
        self._path = None if folder is None else folder / f"{name[:16]}.jsonl"
        own = [*apart, *(job.output for job in jobs if job.output is not None), *([folder] if folder else [])]
        self._apart = frozenset(os.path.abspath(path) for path in own)  # noqa: PTH100 - Path.absolute keeps `..`

    @property
    def ledger(self) -> Path | None:
        """Where the batch counts what it spends, in a folder that is made here; None where there is no such place."""
        if self._path is None:
            return None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            return None
        return self._path.with_suffix(".ledger")

    def is_there(self) -> bool:
        """Return whether an earlier run of this batch noted anything."""
        return self._path is not None and self._path.is_file()

    def done(self, jobs: Sequence[Job]) -> dict[int, Run]:
        """Return what came of jobs that an earlier run of this batch did, by their place in it."""
        lines: dict[str, Run] = {}
        with contextlib.suppress(OSError, UnicodeDecodeError):
            for line in self._path.read_text("utf-8").splitlines() if self._path else ():
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    entry = json.loads(line)
                    lines[str(entry["job"])] = _run(entry)
        if not lines:
            return {}
        seen: dict[Path, str | None] = {}  # a folder's files are looked at once
        return {
            place: lines[key]
            for place, job in enumerate(jobs)
            if (key := _key(job, self._apart, seen)) in lines and (job.output is None or job.output.is_file())
        }

    def note(self, job: Job, run: Run) -> None:
        """Write what came of a job; one that failed, or that differs from its lock, will be run again."""
        if self._path is None or run.error is not None or run.drift:
            return
        key = _key(job, self._apart, {})
        if key is None:
            return
        entry = {
            "job": key,
            "rows": [[str(r.notebook), r.cell, r.name, r.picture, r.verdict.value, r.reason] for r in run.rows],
        }
        with contextlib.suppress(OSError):  # without it, a stopped batch begins anew
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    def close(self) -> None:
        """Take the file away: the batch is done."""
        if self._path is not None:
            for path in (self._path, *(self._path.with_suffix(end) for end in (".ledger", ".ledger.lock"))):
                with contextlib.suppress(OSError):
                    path.unlink()


def _run(entry: dict[str, object]) -> Run:
    rows = entry["rows"]
    if not isinstance(rows, list):
        raise TypeError
    return Run(
        rows=tuple(
            Row(
                notebook=Path(notebook),
                cell=int(cell),
                name=name,
                picture=picture,
                verdict=Verdict(verdict),
                reason=reason,
            )
            for notebook, cell, name, picture, verdict, reason in rows
        )
    )


def _name(job: Job) -> str:
    settled = [str(job.path.absolute()), job.mode.value, str(job.output), str(job.locked)]
    return json.dumps([*settled, sorted((key, str(value)) for key, value in job.parameters.items())])


def _key(job: Job, apart: frozenset[str], seen: dict[Path, str | None]) -> str | None:
    """Return what a line is written for, or None where too much would have to be looked at.

    The job, the notebook's bytes, the locks above it, this gemnb, and in a replay what lies around.
    """
    from importlib.metadata import version

    digest = hashlib.sha256(f"{version('gemnb')}\n{_name(job)}\n".encode("utf-8", "surrogateescape"))
    folders = job.path.absolute().parents
    for path in (job.path, *(folder / NAME for folder in folders)):
        try:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError:
            digest.update(b"-")
    # A run that may call changes the cache itself, and what was asked anew is not to be paid twice.
    for folder in _around(job) if job.mode is Mode.REPLAY else ():
        if folder not in seen:
            seen[folder] = _listed(folder, apart)
        if (listed := seen[folder]) is None:
            return None
        digest.update(listed.encode())
    return digest.hexdigest()


def _around(job: Job) -> tuple[Path, ...]:
    """Return the folders whose files a run may read: its project, or the notebook's own folder, and the cache."""
    beside = Path(os.path.abspath(job.path)).parent  # noqa: PTH100 - Path.absolute keeps `..`
    try:
        settings = load_settings(beside)
    except GemnbError:
        return (beside,)
    return (settings.root,) if settings.root in settings.cache.parents else (settings.root, settings.cache)


def _listed(top: Path, apart: frozenset[str]) -> str | None:
    """Return a digest over the names, sizes and times of the files below a folder; None where they are too many.

    Left out are notebooks (a line has its own), hidden folders, compiled modules, other people's JavaScript, and what
    this batch writes.
    """
    found: list[str] = []
    printed = _printed()
    for folder, inner, files in os.walk(top):
        inner[:] = sorted(
            name
            for name in inner
            if not name.startswith(".") and name not in _PASSED_OVER and os.path.join(folder, name) not in apart  # noqa: PTH118
        )
        for name in sorted(files):
            path = os.path.join(folder, name)  # noqa: PTH118 - ten thousand Paths take a second
            if name.endswith(".ipynb") or path in apart:
                continue
            try:
                stat = os.stat(path)  # noqa: PTH116
            except OSError:
                found.append(f"{path} -")
                continue
            if (stat.st_dev, stat.st_ino) not in printed:
                found.append(f"{path} {stat.st_size} {stat.st_mtime_ns}")
        if len(found) + len(inner) > _MOST:
            return None
    return hashlib.sha256("\n".join(found).encode("utf-8", "surrogateescape")).hexdigest()


def _printed() -> set[tuple[int, int]]:
    """Return the files that stdout and stderr go to (`gemnb reproduce . > log.txt`)."""
    found = set()
    for number in (1, 2):
        with contextlib.suppress(OSError):
            stat = os.fstat(number)
            found.add((stat.st_dev, stat.st_ino))
    return found
