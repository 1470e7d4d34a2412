"""Many notebooks over all cores: the jobs go to any executor, results come as they are done."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gemnb.errors import GemnbError, NotebookError, StoreError
from gemnb.reproduce.run import Job, Run, run_job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Executor
    from types import FrameType

_PRELOADED = "gemnb.reproduce.warm"
_BIG = 50 * 1024 * 1024  # bytes of a notebook
_TICK = 0.2  # seconds between looks at what is done: how soon Ctrl-C is answered
_STOPS = (signal.SIGINT, signal.SIGTERM)
_LOOK = 1.0  # seconds between a worker's looks at whether its batch is still there
_GRACE = 3.0  # seconds that workers have to end their kernels; that takes some tenths


class _Stopped(SystemExit):
    """The worker is to stop. A `SystemExit`, since asyncio keeps every other exception to itself."""


@dataclass(slots=True)
class _Worker:
    """Whether this process is a worker of `local_pool`, and whether it runs a notebook now."""

    is_one: bool = False
    is_busy: bool = False


_worker = _Worker()


def run_all(
    jobs: Iterable[Job], executor: Executor | None = None, *, at_once: int | None = None
) -> Iterator[tuple[Job, Run]]:
    """Run notebooks and yield each with what came of it, as they are done.

    A notebook that cannot be run is a `Run` without rows, with its error at cell 0; the others run all the same.

    Args:
        jobs: The notebooks.
        executor: Where they run; None runs one after another in this process.
        at_once: How many the executor is given at once, so that none waits in it when the batch is stopped;
            None gives it all of them.
    """
    if executor is None:
        for job in jobs:
            yield job, run_safely(job)
        return
    waiting = iter(jobs)
    running: dict[Future[Run], Job] = {}
    while True:
        for job in islice(waiting, None if at_once is None else at_once - len(running)):
            running[_submit(executor, job)] = job
        if not running:
            return
        done, _ = wait(running, timeout=_TICK, return_when=FIRST_COMPLETED)
        for future in done:
            yield running.pop(future), _result(future)


def run_safely(job: Job) -> Run:
    """Run a notebook; what goes wrong with it is its result."""
    if not _worker.is_one:
        return _told(job)
    try:
        _worker.is_busy = True
        return _told(job)
    except _Stopped:
        _kill_children()
        os._exit(1)  # as an exception it would be this job's result, and the next would be taken
    finally:
        _worker.is_busy = False


def _told(job: Job) -> Run:
    try:
        return run_job(job)
    except GemnbError as error:
        return _failed(error)
    except OSError as error:
        where = job.path if job.output is None else job.output
        return _failed(StoreError(f"{where} could not be written.", why=error.strerror or str(error)))
    except UnicodeError as error:  # lone surrogates in what a cell printed
        return _failed(NotebookError(f"What {job.path} came to could not be written.", why=str(error)))


@contextmanager
def local_pool(workers: int) -> Iterator[Executor]:
    """Yield an executor over processes of this machine; leaving it early ends them and their kernels."""
    # A process forked from one that has imported papermill starts in milliseconds. Where the platform has no such
    # server, or forks are unsafe, processes start from nothing.
    method = "forkserver" if sys.platform.startswith("linux") else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([_PRELOADED])
        _start_server()
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare, initargs=(os.getpid(),))
    finished = False
    try:
        yield pool
        finished = True
    finally:
        if finished:
            pool.shutdown()
        else:
            with _signals(signal.SIG_IGN):
                # Beside us, and waited for: a shutdown that does not wait leaves the pool's own thread closing its
                # pipe while the interpreter, as it ends, writes to it.
                ending = threading.Thread(target=pool.shutdown, kwargs={"cancel_futures": True})
                ending.start()
                _end([child for child in multiprocessing.active_children() if child not in others])
                ending.join()


def _start_server() -> None:
    """Start the fork server. It and what it forks ignore Ctrl-C from birth: it goes to the group of processes."""
    from multiprocessing.forkserver import ensure_running

    with _signals(signal.SIG_IGN, numbers=(signal.SIGINT,)):
        ensure_running()


@contextmanager
def _signals(handler: signal.Handlers, numbers: tuple[signal.Signals, ...] = _STOPS) -> Iterator[None]:
    """Have signals handled so for a while; threads other than the main one never see them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous or signal.SIG_DFL)


def workers(jobs: Iterable[Job]) -> int:
    """Return how many notebooks to run at once: two for each processor this process may use, one of big notebooks.

    A kernel that starts and ends waits for half of that time (measured: sixteen notebooks of one picture on two
    processors took 6.3 s two at a time, 5.4 s three, 4.5 s four). A notebook takes four times its size in memory.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores if any(_size(job) > _BIG for job in jobs) else 2 * cores


def _size(job: Job) -> int:
    try:
        return job.path.stat().st_size
    except OSError:
        return 0


def _prepare(batch: int) -> None:
    """Let the batch's process decide when a worker stops: Ctrl-C goes to the whole group of processes."""
    threading.Thread(target=_end_with, args=(batch,), daemon=True).start()
    _worker.is_one = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if not _worker.is_busy:
        os._exit(1)
    raise _Stopped(1)  # unwinds through the run, which ends its kernel


def _end_with(batch: int) -> None:
    """End when the process of the batch is gone: killed, it has told nobody, and a pool waits for work for ever."""
    while _is_there(batch):
        time.sleep(_LOOK)
    _kill_children()
    os._exit(1)


def _is_there(process: int) -> bool:
    with contextlib.suppress(OSError, ValueError):  # Linux; one that nobody has waited for yet is gone, too
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b") ")[2][:1] != b"Z"
    if os.name == "nt":  # a signal would end it there; its workers end with their pipes
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # its number is somebody else's by now
        return False
    return True


def _kill_children() -> None:
    """End a kernel that was just being started, which nbclient does not know yet; Linux only.

    Elsewhere it ends by itself a second after it sees that its parent is gone.
    """
    for file in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError, ValueError):
            for child in file.read_text("ascii").split():
                os.kill(int(child), signal.SIGKILL)


def _end(workers: list[multiprocessing.process.BaseProcess]) -> None:
    """End workers; the kernel of one that had to be killed sees that its parent is gone, and ends."""
    for worker in workers:
        worker.terminate()
    deadline = time.monotonic() + _GRACE
    for worker in workers:
        worker.join(timeout=max(0.0, deadline - time.monotonic()))
        if worker.is_alive():
            worker.kill()


def _submit(executor: Executor, job: Job) -> Future[Run]:
    """Hand over a job; an executor that takes none (its worker died) is told as the job's failure."""
    came: list[int] = []
    own = threading.current_thread() is threading.main_thread()
    # A process that is being made when Ctrl-C comes would be known to nobody, and live on.
    before = {n: signal.signal(n, lambda number, _: came.append(number)) for n in _STOPS} if own else {}
    try:
        return executor.submit(run_safely, job)
    except Exception as error:  # noqa: BLE001 - any executor's own ways to fail
        failed: Future[Run] = Future()
        failed.set_exception(error)
        return failed
    finally:
        for number, previous in before.items():
            signal.signal(number, previous or signal.SIG_DFL)
        for stop in came[:1]:
            signal.raise_signal(stop)


def _result(future: Future[Run]) -> Run:
    """Return what came of a job; a worker that died takes no other notebook with it."""
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 - any executor's own ways to fail
        return Run(rows=(), error=(0, type(error).__name__, str(error)))


def _failed(error: GemnbError) -> Run:
    return Run(rows=(), error=(0, type(error).__name__, " ".join(error.lines())))
