"""What a batch has done so far, in the user's cache folder, so that a stopped one can go on.

One line per notebook that was run. A line counts while the notebook, its lock, the parameters and gemnb are those it
was written for; a damaged line counts as not done.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.lock import NAME
from gemnb.reproduce.compare import Row, Verdict
from gemnb.reproduce.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemnb.reproduce.run import Job


class Journal:
    """The lines of one batch.

    Args:
        folder: The user's folder for them; None keeps none.
        jobs: The whole batch; another batch has another file.
    """

    def __init__(self, folder: Path | None, jobs: Sequence[Job]) -> None:
        name = hashlib.sha256("\n".join(_name(job) for job in jobs).encode("utf-8", "surrogateescape")).hexdigest()
        self._path = None if folder is None else folder / f"{name[:16]}.jsonl"

    def done(self, jobs: Sequence[Job]) -> dict[int, Run]:
        """Return what came of jobs that an earlier run of this batch did, by their place in it."""
        lines: dict[str, Run] = {}
        with contextlib.suppress(OSError, UnicodeDecodeError):
            for line in self._path.read_text("utf-8").splitlines() if self._path else ():
                with contextlib.suppress(ValueError, TypeError, KeyError):
                    entry = json.loads(line)
                    lines[str(entry["job"])] = _run(entry)
        return {
            place: lines[key]
            for place, job in enumerate(jobs)
            if (key := _key(job)) in lines and (job.output is None or job.output.is_file())
        }

    def note(self, job: Job, run: Run) -> None:
        """Write what came of a job; one that failed will be run again."""
        if self._path is None or run.error is not None:
            return
        entry = {
            "job": _key(job),
            "rows": [[str(r.notebook), r.cell, r.name, r.picture, r.verdict.value, r.reason] for r in run.rows],
        }
        with contextlib.suppress(OSError):  # without it, a stopped batch begins anew
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    def close(self) -> None:
        """Take the file away: the batch is done."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()


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


def _key(job: Job) -> str:
    """Return what a line is written for: the job, the notebook's bytes, the locks above it, and this gemnb."""
    from importlib.metadata import version

    digest = hashlib.sha256(f"{version('gemnb')}\n{_name(job)}\n".encode("utf-8", "surrogateescape"))
    folders = job.path.absolute().parents
    for path in (job.path, *(folder / NAME for folder in folders)):
        try:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError:
            digest.update(b"-")
    return digest.hexdigest()
