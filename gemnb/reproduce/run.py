"""Run one notebook again and compare: a job that pickles, and what came of it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from gemnb.errors import GemnbError, NotebookError
from gemnb.model import Mode
from gemnb.reproduce.compare import Row, Verdict
from gemnb.reproduce.jobs import Job, Run
from gemnb.reproduce.judging import judge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gemnb.reproduce.jobs import Ran

__all__ = ["Job", "Row", "Run", "Verdict", "reproduce_notebook", "run_job"]


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
    return judge(job, ran)


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
