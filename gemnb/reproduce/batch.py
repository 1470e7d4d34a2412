"""Many notebooks over all cores: the jobs go to any executor, results come as they are done."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gemnb.errors import GemnbError
from gemnb.reproduce.run import Job, Run, run_job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Executor, Future
    from types import FrameType

_PRELOADED = "gemnb.reproduce.warm"
_BIG = 50 * 1024 * 1024  # bytes of a notebook
_TICK = 0.2  # seconds between looks at what is done: how soon Ctrl-C is answered


def run_all(jobs: Iterable[Job], executor: Executor | None = None) -> Iterator[tuple[Job, Run]]:
    """Run notebooks and yield each with what came of it, as they are done.

    A notebook that cannot be run is a `Run` without rows, with its error at cell 0; the others run all the same.

    Args:
        jobs: The notebooks.
        executor: Where they run; None runs one after another in this process.
    """
    if executor is None:
        for job in jobs:
            yield job, run_safely(job)
        return
    futures: dict[Future[Run], Job] = {executor.submit(run_safely, job): job for job in jobs}
    left = set(futures)
    while left:
        done, left = wait(left, timeout=_TICK, return_when=FIRST_COMPLETED)
        for future in done:
            yield futures[future], _result(future)


def run_safely(job: Job) -> Run:
    """Run a notebook; what goes wrong with it is its result."""
    try:
        return run_job(job)
    except GemnbError as error:
        return _failed(error)


@contextmanager
def local_pool(workers: int) -> Iterator[Executor]:
    """Yield an executor over processes of this machine; leaving it early ends their kernels, too."""
    # A process forked from one that has imported papermill starts in milliseconds. Where the platform has no such
    # server, or forks are unsafe, processes start from nothing.
    method = "forkserver" if sys.platform.startswith("linux") else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([_PRELOADED])
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare)
    finished = False
    try:
        yield pool
        finished = True
    finally:
        pool.shutdown(wait=finished, cancel_futures=True)
        if not finished:
            _end(multiprocessing.active_children())
            pool.shutdown(wait=True)


def workers(jobs: Iterable[Job]) -> int:
    """Return how many notebooks to run at once: two for each processor this process may use, one of big notebooks.

    A kernel that starts and ends waits for half of that time (measured: sixteen notebooks of one picture on two
    processors took 6.3 s two at a time, 5.4 s three, 4.5 s four). A notebook takes some four times its size in memory.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if any(_size(job) > _BIG for job in jobs) else 2 * cores


def _size(job: Job) -> int:
    try:
        return job.path.stat().st_size
    except OSError:
        return 0


def _prepare() -> None:
    """Let the parent decide when a worker stops: Ctrl-C goes to the whole group of processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)


def _stop(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(1)  # unwinds through the run, which ends its kernel


def _end(workers: list[multiprocessing.process.BaseProcess]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(timeout=10)
        if worker.is_alive():
            worker.kill()


def _result(future: Future[Run]) -> Run:
    """Return what came of a job; a worker that died takes no other notebook with it."""
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - any executor's own ways to fail
        return Run(rows=(), error=(0, type(error).__name__, str(error)))


def _failed(error: GemnbError) -> Run:
    return Run(rows=(), error=(0, type(error).__name__, " ".join(error.lines())))
