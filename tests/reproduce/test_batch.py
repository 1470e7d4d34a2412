"""Many notebooks: any executor, results as they come, a clean stop, and a journal to go on from."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from gemnb.lock import Drift
from gemnb.model import Mode
from gemnb.reproduce.batch import local_pool, run_all
from gemnb.reproduce.compare import Row, Verdict
from gemnb.reproduce.journal import Journal
from gemnb.reproduce.run import Job, Run

if TYPE_CHECKING:
    from gemnb.emulator import Emulator

GEMNB = str(Path(sys.executable).with_name("gemnb"))


@pytest.fixture
def three(notebook: Path) -> list[Job]:
    """Three notebooks, the second of which is none."""
    folder = notebook.parent
    shutil.copy(notebook, folder / "second.ipynb")
    (folder / "broken.ipynb").write_text("no notebook")
    return [Job(path=folder / name) for name in ("post.ipynb", "broken.ipynb", "second.ipynb")]


@pytest.mark.parametrize("pool", ["none", "threads", "processes"])
def test_the_jobs_go_to_any_executor(three: list[Job], pool: str, emulator: Emulator) -> None:
    """One that is no notebook is told and the others are reproduced, whatever runs them."""
    if pool == "processes":
        with local_pool(2) as executor:
            found = dict(run_all(three, executor))
    elif pool == "threads":  # one at a time: papermill changes the working folder of its process
        with ThreadPoolExecutor(1) as executor:
            found = dict(run_all(three, executor))
    else:
        found = dict(run_all(three))

    by_name = {job.path.name: run for job, run in found.items()}
    assert [row.verdict for row in by_name["post.ipynb"].rows] == [Verdict.REPRODUCED] * 3
    assert by_name["second.ipynb"].error is None
    assert by_name["broken.ipynb"].error is not None
    assert by_name["broken.ipynb"].error[:2] == (0, "NotebookError")
    assert emulator.calls == ()


def test_jobs_and_runs_pickle(notebook: Path) -> None:
    """What is sent to an executor, and what comes back, travels as bytes."""
    job = Job(path=notebook, mode=Mode.AUTO, parameters={"style": "ink"})
    (_, run), *_rest = run_all([Job(path=notebook)])

    assert pickle.loads(pickle.dumps(job)) == job
    assert pickle.loads(pickle.dumps(run)) == run


def test_a_worker_that_dies_takes_no_other_notebook_with_it(notebook: Path) -> None:
    """A process that is killed is told as that notebook's failure."""
    with local_pool(1) as executor:
        executor.submit(os.getpid).result()
        executor.submit(os._exit, 9)
        found = dict(run_all([Job(path=notebook)], executor))

    assert [run.error[1] for run in found.values() if run.error] == ["BrokenProcessPool"]


def kernels(mark: str) -> set[int]:
    """Return the kernels that were started with this word in their environment."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line, environment = ((entry / name).read_bytes() for name in ("cmdline", "environ"))
            except OSError:
                continue
            if b"ipykernel_launcher" in line and mark.encode() in environment:
                found.add(int(entry.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads /proc, which only Linux has")
def test_ctrl_c_stops_cleanly_and_resume_goes_on(notebook: Path, emulator: Emulator) -> None:
    """Ctrl-C ends the kernels, says what is left and exits with 130; `--resume` runs only what is left."""
    folder = notebook.parent / "many"
    folder.mkdir()
    quick = notebook.read_text("utf-8")
    slow = quick.replace("style = 'i'", "import time; time.sleep(600); style = 'i'")
    assert slow != quick
    (folder / "a.ipynb").write_text(quick)
    for name in "bc":
        (folder / f"{name}.ipynb").write_text(slow)
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [GEMNB, "reproduce", "-j", "2", str(folder)],
        cwd=notebook.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "MARK": mark},
        start_new_session=True,
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    deadline = time.monotonic() + 60
    while len(kernels(mark)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert first.startswith("[1/3] ")
    assert process.returncode == 130
    assert "Stopped, 2 of 3 notebooks left; --resume added goes on." in err
    assert "Traceback" not in out + err
    assert out.count("reproduced") >= 3
    deadline = time.monotonic() + 10
    while kernels(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert kernels(mark) == set()

    for name in "bc":
        (folder / f"{name}.ipynb").write_text(quick)
    done = subprocess.run(
        [GEMNB, "reproduce", "--resume", str(folder)],
        cwd=notebook.parent,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "1 of 3 notebooks were done before." in done.stderr
    assert "[3/3]" in done.stderr
    assert "9 of 9 pictures reproduced." in done.stdout


def _sleepers(folder: Path, count: int) -> list[str]:
    """Write notebooks that note their start beside them and then take long; return their names."""
    for number in range(count):
        cells = [f"open('started', 'a').write('{number}')", "import time; time.sleep(60)"]
        written = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
        nbformat.write(written, folder / f"s{number}.ipynb")
    return [f"s{number}.ipynb" for number in range(count)]


def _until_gone(mark: str) -> set[int]:
    deadline = time.monotonic() + 10
    while kernels(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    return kernels(mark)


def _started(folder: Path) -> str:
    return (folder / "started").read_text("utf-8") if (folder / "started").exists() else ""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads /proc, which only Linux has")
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["early", "late"])
def test_a_batch_that_is_stopped_starts_nothing_more(project: Path, moment: str, number: int, jobs: str) -> None:
    """The first Ctrl-C or SIGTERM, however early, ends all; a second one changes nothing; nothing is left running."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [GEMNB, "reproduce", "-j", jobs, *_sleepers(project, 5)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "MARK": mark},
        start_new_session=True,
    )
    deadline = time.monotonic() + (0.6 if moment == "early" else 60)
    while len(_started(project)) < int(jobs) and time.monotonic() < deadline:
        time.sleep(0.02)
    stopped = time.monotonic()
    tell = os.killpg if number == signal.SIGINT else os.kill
    tell(process.pid, number)
    time.sleep(0.05)
    if process.poll() is None:
        tell(process.pid, number)
    out, _ = process.communicate(timeout=30)

    assert time.monotonic() - stopped < 10
    assert process.returncode == 128 + number
    assert "Traceback" not in out
    assert "Stopped" in out
    assert _until_gone(mark) == set()
    assert len(_started(project)) <= int(jobs)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads /proc, which only Linux has")
def test_a_worker_that_does_not_stop_is_killed(project: Path) -> None:
    """A worker that hangs keeps nobody waiting, and its kernel ends, too."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [GEMNB, "reproduce", "-j", "2", *_sleepers(project, 3)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "MARK": mark},
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while len(_started(project)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    for kernel in kernels(mark):
        os.kill(int(Path(f"/proc/{kernel}/stat").read_text("utf-8").rpartition(")")[2].split()[1]), signal.SIGSTOP)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=15)

    assert process.returncode == 130
    assert _until_gone(mark) == set()
    assert len(_started(project)) == 2


def test_no_more_is_handed_over_than_runs(project: Path) -> None:
    """With `at_once`, an executor holds no job that waits for another; all come in the end."""

    class Counting(ThreadPoolExecutor):
        given = 0

        def submit(self, *arguments: Any, **options: Any) -> Any:
            self.given += 1
            return super().submit(*arguments, **options)

    jobs = [Job(path=project / f"{number}.ipynb") for number in range(5)]
    with Counting(1) as executor:
        came = run_all(jobs, executor, at_once=2)
        next(came)
        assert executor.given == 2
        assert len(list(came)) == 4


def test_an_output_that_cannot_be_written_is_that_notebooks_failure(notebook: Path) -> None:
    """It is told as the store's, with the reason; the other notebooks run all the same."""
    (notebook.parent / "file").write_text("no folder")
    jobs = [Job(path=notebook, output=notebook.parent / "file" / "a.ipynb"), Job(path=notebook)]
    (_, bad), (_, good) = run_all(jobs)

    assert bad.error is not None
    assert bad.error[:2] == (0, "StoreError")
    assert "a.ipynb could not be written." in bad.error[2]
    assert good.error is None


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads /proc, which only Linux has")
def test_workers_of_a_batch_that_was_killed_end_by_themselves(project: Path) -> None:
    """SIGKILL tells nobody: workers and kernels see that their batch is gone, and give up what they hold."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [GEMNB, "reproduce", "-j", "2", *_sleepers(project, 3)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "MARK": mark},
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while len(_started(project)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=30)  # ends when nobody holds its standard output any more

    deadline = time.monotonic() + 10
    while kernels(mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert kernels(mark) == set()


def _run(verdict: Verdict = Verdict.REPRODUCED) -> Run:
    row = Row(notebook=Path("a.ipynb"), cell=3, name="cat", picture="0123456789ab", verdict=verdict, reason="wy — ü")
    return Run(rows=(row,))


def test_a_journal_counts_while_nothing_it_was_written_for_changed(tmp_path: Path) -> None:
    """What was done counts again, unless the notebook, its lock or the job is another by now."""
    path = tmp_path / "a.ipynb"
    path.write_text("{}")
    jobs = [Job(path=path), Job(path=tmp_path / "b.ipynb")]
    Journal(tmp_path / "batches", jobs).note(jobs[0], _run())

    assert Journal(tmp_path / "batches", jobs).done(jobs) == {0: _run()}
    assert Journal(tmp_path / "batches", jobs[:1]).done(jobs[:1]) == {}
    (tmp_path / "gemnb.lock").write_text("version = 1")
    assert Journal(tmp_path / "batches", jobs).done(jobs) == {}
    (tmp_path / "gemnb.lock").unlink()
    path.write_text("{ }")
    assert Journal(tmp_path / "batches", jobs).done(jobs) == {}


@pytest.mark.parametrize("changed", ["photo.png", "data/new.csv", "cache/records/x.json", "nb/photo.png"])
def test_a_journal_counts_while_the_files_around_are_the_same(tmp_path: Path, changed: str) -> None:
    """A changed file of the project or in its cache makes a replay run again; no paid run is paid twice."""
    for name in ("data", "cache/records", "nb"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "photo.png").write_bytes(b"one")
    (tmp_path / "pyproject.toml").write_text("[tool.gemnb]")
    jobs = [Job(path=tmp_path / "nb" / "a.ipynb")]
    paid = [Job(path=tmp_path / "nb" / "a.ipynb", mode=Mode.REFRESH)]
    for batch in (jobs, paid):
        Journal(tmp_path / "batches", batch).note(batch[0], _run())
        assert Journal(tmp_path / "batches", batch).done(batch) == {0: _run()}

    (tmp_path / changed).write_bytes(b"another")

    assert Journal(tmp_path / "batches", jobs).done(jobs) == {}
    assert Journal(tmp_path / "batches", jobs).is_there()
    assert Journal(tmp_path / "batches", paid).done(paid) == {0: _run()}


def test_a_journal_passes_over_what_the_batch_writes_itself(tmp_path: Path) -> None:
    """The report and the notebooks as they came, beside the notebooks, change nothing."""
    output, report = tmp_path / "out" / "a.ipynb", tmp_path / "report.md"
    jobs = [Job(path=tmp_path / "a.ipynb", output=output)]
    Journal(tmp_path / "batches", jobs, apart=[report]).note(jobs[0], _run())
    output.parent.mkdir()
    output.write_text("{}")
    report.write_text("ok")

    assert Journal(tmp_path / "batches", jobs, apart=[report]).done(jobs) == {0: _run()}


def test_a_journal_does_not_count_where_too_much_lies_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the number of files that are looked at, nothing is noted as done."""
    monkeypatch.setattr("gemnb.reproduce.journal._MOST", 3)
    for number in range(4):
        (tmp_path / f"{number}.csv").touch()
    jobs = [Job(path=tmp_path / "a.ipynb")]
    Journal(tmp_path / "batches", jobs).note(jobs[0], _run())

    assert not Journal(tmp_path / "batches", jobs).is_there()


def test_what_differs_from_its_lock_is_run_again(tmp_path: Path) -> None:
    """A run whose answers are not the pinned ones is not noted as done."""
    jobs = [Job(path=tmp_path / "a.ipynb")]
    drift = Drift(kind="changed", notebook="a.ipynb", where="cell 3", says="another attempt")
    journal = Journal(tmp_path / "batches", jobs)
    journal.note(jobs[0], Run(rows=_run().rows, drift=(drift,)))

    assert journal.done(jobs) == {}


def test_a_notebook_that_failed_is_run_again(tmp_path: Path) -> None:
    """What failed is not noted as done."""
    jobs = [Job(path=tmp_path / "a.ipynb")]
    journal = Journal(tmp_path / "batches", jobs)
    journal.note(jobs[0], Run(rows=(), error=(1, "ZeroDivisionError", "division by zero")))

    assert journal.done(jobs) == {}


@pytest.mark.parametrize("line", ["", "{", "[]", '{"job": 1}', '{"job": "x", "rows": [[1]]}', "\udcff", "null"])
def test_a_damaged_journal_counts_as_nothing_done(tmp_path: Path, line: str) -> None:
    """A line that was cut off or is no such line is passed over."""
    jobs = [Job(path=tmp_path / "a.ipynb")]
    journal = Journal(tmp_path, jobs)
    journal.note(jobs[0], _run())
    (written,) = tmp_path.glob("*.jsonl")
    good = written.read_bytes()
    written.write_bytes(line.encode("utf-8", "surrogateescape") + b"\n" + good)

    assert journal.done(jobs) in ({}, {0: _run()})
    journal.close()
    assert journal.done(jobs) == {}


def test_a_batch_that_goes_on_counts_what_it_spent_before(tmp_path: Path) -> None:
    """The ledger of a batch outlives its stop, is found again by the same batch, and goes with its end."""
    jobs = [Job(path=tmp_path / "a.ipynb", mode=Mode.AUTO)]
    stopped = Journal(tmp_path / "batches", jobs)
    assert stopped.ledger is not None
    stopped.ledger.write_text("spent")
    resumed = Journal(tmp_path / "batches", [Job(path=tmp_path / "a.ipynb", mode=Mode.AUTO, environment={"A": "B"})])

    assert resumed.ledger == stopped.ledger
    resumed.close()
    assert not stopped.ledger.exists()
    assert Journal(None, jobs).ledger is None
