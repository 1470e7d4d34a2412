"""Run one notebook again and compare: a job that pickles, and what came of it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gemnb.errors import GemnbError, NotebookError
from gemnb.lock import drift, find_lock, notebook_name, parameters_digest, read_lock, see
from gemnb.model import Mode
from gemnb.reproduce.compare import Row, Verdict, compare, failure
from gemnb.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gemnb.lock import Drift, Seen
    from gemnb.model import Request
    from gemnb.notebook import NotebookCell
    from gemnb.reproduce.engine import Ran

__all__ = ["Job", "Row", "Run", "Verdict", "reproduce_notebook", "run_job"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A notebook to run again.

    Attributes:
        path: The notebook; it is not written.
        mode: `replay` runs offline; `auto` and `refresh` may call models.
        parameters: Values for the cell tagged `parameters`, as papermill takes them.
        output: Where the notebook as it came is written; None writes it nowhere.
        environment: More for the kernel's environment; how things run only.
        timeout: Seconds a cell may take; None sets no limit.
        locked: Every answer must be the one that gemnb.lock pins, and every pinned one must come.
    """

    path: Path
    mode: Mode = Mode.REPLAY
    parameters: Mapping[str, object] = field(default_factory=dict, hash=False)
    output: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    timeout: int | None = None
    locked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A notebook that was run again.

    Attributes:
        rows: One per picture.
        error: The first error it raised: cell (0 where it did not come to run), class and message.
        drift: What differs from gemnb.lock: changed answers always, added and removed ones where the job is locked.
        seen: What the run shows, as a lock would pin it.
    """

    rows: tuple[Row, ...]
    error: tuple[int, str, str] | None = None
    drift: tuple[Drift, ...] = ()
    seen: Seen | None = None


def reproduce_notebook(
    path: Path, *, mode: Mode = Mode.REPLAY, parameters: Mapping[str, object] | None = None
) -> Run:
    """Run a notebook in a kernel of its own and compare what it shows with what it held.

    The notebook itself is not written. See `Job` for the arguments.

    Raises:
        NotebookError: It is no notebook, or no kernel could run it.
    """
    return run_job(Job(path=path, mode=mode, parameters=parameters or {}))


def run_job(job: Job) -> Run:
    """Run a notebook and compare; in this process, or in one of any executor's.

    Raises:
        NotebookError: It is no notebook, or no kernel could run it.
    """
    ran = execute(job)
    if job.output is not None:
        _write(ran, job.output)
    error = failure(ran.held, ran.came)
    rows = compare(job.path, ran.held, ran.came, error, other_parameters=bool(job.parameters))
    found, seen = _against_lock(job, ran)
    if seen is not None and seen.pins and not found:
        rows = tuple(_pinned(row) for row in rows)
    found = tuple(one for one in found if job.locked or one.kind == "changed")
    return Run(rows=rows, error=error, drift=found, seen=seen)


def _pinned(row: Row) -> Row:
    """Return the verdict on a picture of which the lock, not the notebook, says what it has to be.

    The notebook's outputs were stripped, or it ran with parameters of its own.
    """
    if row.is_asked_anew or row.verdict is Verdict.UNPINNED:
        return replace(row, verdict=Verdict.REPRODUCED, reason="")
    return row


def _against_lock(job: Job, ran: Ran) -> tuple[tuple[Drift, ...], Seen | None]:
    path = find_lock(job.path.absolute(), load_settings(job.path.absolute().parent).root)
    if path is None:
        return (), None
    name, parameters = notebook_name(job.path, path), parameters_digest(job.parameters)
    seen = see(ran.came, name, parameters)
    locked = read_lock(path)
    known = {**_requests(ran.held, name), **seen.requests}
    return tuple(drift(locked.of(name, parameters), seen.pins, known)), seen


def _requests(held: Sequence[NotebookCell], name: str) -> Mapping[str, Request]:
    try:
        return see(held, name).requests
    except NotebookError:  # an edited record is told of by the comparison
        return {}


def execute(job: Job) -> Ran:
    """Run a notebook in its mode and return what came; nothing is compared or written.

    Raises:
        NotebookError: It is no notebook, or no kernel could run it.
    """
    import_papermill()
    from gemnb.reproduce.engine import run_notebook

    offline = {"GEMNB_MODE": job.mode.value, "GEMNB_OFFLINE": "1" if job.mode is Mode.REPLAY else "0"}
    try:
        return run_notebook(job.path.absolute(), job.parameters, {**offline, **job.environment}, timeout=job.timeout)
    except GemnbError as error:
        problem = error
    except Exception as error:  # noqa: BLE001 - papermill, nbclient and jupyter_client share no base class
        problem = NotebookError(f"{job.path} could not be run.", why=f"{type(error).__name__}: {error}")
    raise problem


def import_papermill() -> Any:
    """Import papermill without what it does not need here."""
    # Where JupyterLab is installed, nbformat's validator builds a grammar of two to three seconds at import,
    # for a URL format that notebooks do not use; without the module it does without.
    if "nbformat" not in sys.modules:
        sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill

    return papermill


def _write(ran: Ran, output: Path) -> None:
    import nbformat

    output.parent.mkdir(parents=True, exist_ok=True)
    beside = output.with_name(f".{output.name}.{os.getpid()}")
    beside.write_text(nbformat.writes(ran.notebook) + "\n", "utf-8")  # type: ignore[no-untyped-call]
    beside.replace(output)
