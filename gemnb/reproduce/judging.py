"""Compare what a run brought with the notebook, and with its lock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gemnb.errors import NotebookError
from gemnb.lock import drift, find_lock, notebook_name, parameters_digest, read_lock, see
from gemnb.reproduce.compare import Row, Verdict, compare, failure
from gemnb.reproduce.jobs import Job, Ran, Run
from gemnb.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gemnb.lock import Drift, Seen
    from gemnb.model import Request
    from gemnb.notebook import NotebookCell


def judge(job: Job, ran: Ran) -> Run:
    """Compare what a run brought with the notebook, and with its lock.

    Raises:
        NotebookError: The lock cannot be read.
    """
    error = failure(ran.held, ran.came)
    rows = compare(job.path, ran.held, ran.came, error, other_parameters=bool(job.parameters))
    found, seen = _against_lock(job, ran)
    if seen is not None and seen.pins and not found:
        rows = tuple(_pinned(row, other_parameters=bool(job.parameters)) for row in rows)
    found = tuple(one for one in found if job.locked or one.kind == "changed")
    return Run(rows=rows, error=error, drift=found, seen=seen)


def _pinned(row: Row, *, other_parameters: bool) -> Row:
    """Return the verdict on a picture of which the lock, not the notebook, says what it has to be.

    The notebook's outputs were stripped, or it ran with parameters of its own. Another picture than the notebook
    holds is drift, whatever the lock says.
    """
    if row.verdict is Verdict.UNPINNED or (other_parameters and row.is_asked_anew):
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
