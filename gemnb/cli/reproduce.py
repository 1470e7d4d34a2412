"""`gemnb reproduce`: run notebooks again and compare."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gemnb.reproduce.run import Job, Run

_SMALL = 4 * 1024 * 1024  # bytes of a notebook that is looked at before it is run
_MODES = ("replay", "auto", "refresh")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--mode",
    type=click.Choice(_MODES),
    default="replay",
    show_default=True,
    help="auto asks models for what is not kept, refresh for everything; both may cost money.",
)
@click.option(
    "-p", "--parameter", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="As papermill's -p."
)
@click.option(
    "-f", "--parameters-file", type=click.Path(path_type=Path, dir_okay=False), help="As papermill's -f (YAML, JSON)."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="Write the notebooks as they came here."
)
@click.option("--locked", is_flag=True, help="Fail unless every answer is the one that gemnb.lock pins.")
@click.option("--max-cost", metavar="USD", help="With --mode auto or refresh: stop before the batch costs more.")
@click.option("-j", "--jobs", type=click.IntRange(1, 256), help="Notebooks at once; two for each core unless said.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the report there too; its ending says as what: .txt .json .xml (JUnit) .md .html.",
)
@click.option("--resume", is_flag=True, help="Go on where a stopped run of the same batch ended.")
def reproduce(paths: tuple[Path, ...], **options: object) -> None:
    """Run notebooks again, offline, and compare every picture with the notebook's own record.

    PATHS are notebooks, folders of them, or globs. Exit code: 0 all reproduced, 1 drift or missing, 2 usage,
    3 a notebook failed, 4 store or model unavailable, 130 stopped by Ctrl-C.
    """
    import tempfile

    from gemnb.notebook import find_notebooks
    from gemnb.report import format_of, render, reproduce_code, reproduce_report, run_lines

    mode = str(options["mode"])
    if options["max_cost"] and mode == "replay":
        raise click.UsageError("--max-cost: a replay costs nothing. It belongs to --mode auto or refresh.")
    form = format_of(str(options["report"])) if options["report"] else "text"
    if form is None:
        raise click.BadParameter("It does not end in .txt .json .xml .md or .html.", param_hint="--report")
    with tempfile.TemporaryDirectory(prefix="gemnb-") as folder:
        spending = {"GEMNB_MAX_COST": str(options["max_cost"])} if options["max_cost"] else {}
        if mode != "replay":
            spending["GEMNB_LEDGER"] = str(Path(folder) / "ledger")
        found = find_notebooks(paths)
        readable = [path for path in found if _is_notebook(path)]
        jobs = _jobs(readable, options, spending)
        wanted = options["jobs"]
        runs, stopped = _run(
            jobs, workers=wanted if isinstance(wanted, int) else None, resume=bool(options["resume"])
        )
    finished = [(job.path, run) for place, job in enumerate(jobs) if (run := runs.get(place)) is not None]
    if finished:
        click.echo(reproduce_report(finished))
        if isinstance(options["report"], Path):
            options["report"].write_text(render(run_lines(finished), form) + "\n", "utf-8")
    if stopped:
        left = len(jobs) - len(finished)
        click.echo(f"Stopped, {left} of {len(jobs)} notebooks left; --resume added goes on.", err=True)
        sys.exit(130)
    sys.exit(2 if len(readable) < len(found) else reproduce_code(finished))


def _is_notebook(path: Path) -> bool:
    """Return whether a file can be read as a notebook; if not, it is told, and the others are run all the same."""
    from gemnb.errors import NotebookError
    from gemnb.notebook import read_notebook

    try:
        if path.stat().st_size <= _SMALL:  # reading a big one twice takes seconds; the run tells of it
            read_notebook(path)
    except NotebookError as error:
        for line in error.lines():
            click.echo(line, err=True)
        return False
    return True


def _jobs(found: Sequence[Path], options: Mapping[str, object], spending: Mapping[str, str]) -> list[Job]:
    from gemnb.errors import NotebookError
    from gemnb.lock import find_lock
    from gemnb.model import Mode
    from gemnb.reproduce.run import Job
    from gemnb.settings import load_settings

    parameters = _parameters(options)
    output = options["output"]
    jobs = []
    for path in found:
        if options["locked"] and find_lock(path.absolute(), load_settings(path.absolute().parent).root) is None:
            raise NotebookError(
                f"--locked: there is no gemnb.lock for {path}.", hint=f"gemnb lock {path}   writes one; commit it"
            )
        jobs.append(
            Job(
                path=path,
                mode=Mode(str(options["mode"])),
                parameters=parameters,
                output=output / _beside(path, found) if isinstance(output, Path) else None,
                environment=spending,
                locked=bool(options["locked"]),
            )
        )
    return jobs


def _beside(path: Path, found: Sequence[Path]) -> Path:
    """Return where below the output folder a notebook is written: as it lies to the others."""
    import os

    top = Path(os.path.commonpath([other.absolute().parent for other in found]))
    return path.absolute().relative_to(top)


def _parameters(options: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters as papermill reads them: a file's first, then those of the line."""
    pairs, file = options["parameters"], options["parameters_file"]
    if not pairs and not file:
        return {}
    from gemnb.reproduce.parameters import read_parameters

    return read_parameters(file if isinstance(file, Path) else None, pairs if isinstance(pairs, tuple) else ())


def _run(jobs: Sequence[Job], *, workers: int | None, resume: bool) -> tuple[dict[int, Run], bool]:
    """Return what came of each job by its place, and whether Ctrl-C stopped the batch."""
    from gemnb.cli.progress import Progress
    from gemnb.compose import batches_folder
    from gemnb.reproduce.batch import workers as usual
    from gemnb.reproduce.journal import Journal

    journal = Journal(batches_folder(), jobs)
    runs = journal.done(jobs) if resume else {}
    if not resume:
        journal.close()
    elif runs:
        click.echo(f"{len(runs)} of {len(jobs)} notebooks were done before.", err=True)
    left = {place: job for place, job in enumerate(jobs) if place not in runs}
    places = {id(job): place for place, job in left.items()}
    with Progress(len(jobs), done=len(runs)) as progress:
        try:
            for job, run in _side_by_side(list(left.values()), min(workers or usual(left.values()), len(left))):
                runs[places[id(job)]] = run
                journal.note(job, run)
                progress.step(job.path, run)
        except KeyboardInterrupt:
            return runs, True
    journal.close()
    return runs, False


def _side_by_side(jobs: Sequence[Job], workers: int) -> Iterator[tuple[Job, Run]]:
    from gemnb.reproduce.batch import local_pool, run_all

    if workers <= 1:
        yield from run_all(jobs)
        return
    with local_pool(workers) as pool:
        yield from run_all(jobs, pool)
