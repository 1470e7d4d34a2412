"""What papermill's log says of a run through the engine: what differs from the notebook, and from its lock."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gemnb.errors import GemnbError, printable
from gemnb.reproduce.compare import Verdict
from gemnb.reproduce.jobs import Job
from gemnb.reproduce.judging import judge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gemnb.reproduce.jobs import Ran

_log = logging.getLogger("gemnb")
_TOLD = (Verdict.DRIFTED, Verdict.MISSING)  # papermill itself tells of what failed
_MOST = 20  # lines; `gemnb reproduce` says the rest


def tell(path: Path, ran: Ran, parameters: Mapping[str, object]) -> None:
    """Warn of each picture that came otherwise than the notebook or its lock has it; papermill goes on.

    Args:
        path: The notebook.
        ran: What its run brought.
        parameters: What papermill was given.
    """
    try:
        run = judge(Job(path=path, parameters=parameters), ran)
    except GemnbError as error:  # a lock that cannot be read
        _log.warning("%s", printable(f"{path.name} was not compared with its lock: {error.what}"))
        return
    said = [
        f"cell {row.cell}{f' ({row.name})' if row.name else ''}: {row.verdict.value}: {row.reason}".rstrip(": ")
        for row in run.rows
        if row.verdict in _TOLD
    ]
    said += [f"gemnb.lock: {drift.line()}" for drift in run.drift]
    for line in said[:_MOST]:
        _log.warning("%s", printable(f"{path.name} {line}"))
    if len(said) > _MOST:
        _log.warning("%s", printable(f"{path.name}: {len(said) - _MOST} more; gemnb reproduce {path} lists all."))
