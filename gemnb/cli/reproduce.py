"""`gemnb reproduce`: run notebooks again and compare."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gemnb.errors import printable

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from gemnb.reproduce.journal import Journal
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
@click.option("--timeout", type=click.IntRange(1), metavar="SECONDS", help="A cell that takes longer fails.")
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
    3 a notebook failed, 4 store or model unavailable, 130 stopped by Ctrl-C, 143 by SIGTERM.
    """
    from gemnb.cli.stopping import Stopped, stoppable

    try:
        with stoppable():
            code = _reproduce(paths, options)
    except Stopped as stop:
        click.echo("Stopped.", err=True)
        code = stop.code
    sys.exit(code)


def _reproduce(paths: Sequence[Path], options: Mapping[str, object]) -> int:
    """Run the batch and return the exit code."""
    import tempfile

    from gemnb.cli.outputs import write_file
    from gemnb.report import render, reproduce_code, reproduce_report, run_lines

    form = _checked(options)
    found = _found(paths, options)
    readable = [path for path in found if _is_notebook(path)]
    jobs = _jobs(readable, options)
    with tempfile.TemporaryDirectory(prefix="gemnb-") as folder:
        runs, stopped = _run(jobs, options, Path(folder))
    finished = [(job.path, run) for place, job in enumerate(jobs) if (run := runs.get(place)) is not None]
    if finished:
        click.echo(reproduce_report(finished))
        if isinstance(options["report"], Path):
            write_file(options["report"], render(run_lines(finished), form) + "\n")
    if stopped:
        return stopped
    return 2 if len(readable) < len(found) else reproduce_code(finished)


def _checked(options: Mapping[str, object]) -> str:
    """Look at everything that can be wrong before anything runs, and return the form of the report.

    Raises:
        click.UsageError: Options that do not go together.
        SettingsError: A setting, or the limit, cannot have its value.
        StoreError: The output folder or the report cannot be written.
    """
    from gemnb.cli.outputs import check_file, check_folder
    from gemnb.report import format_of
    from gemnb.settings import load_settings

    limit = options["max_cost"]
    if limit and options["mode"] == "replay":
        raise click.UsageError("--max-cost: a replay costs nothing. It belongs to --mode auto or refresh.")
    load_settings(Path.cwd(), overrides={"max_cost": str(limit)} if limit else {})
    report, output = options["report"], options["output"]
    form = format_of(str(report)) if report else "text"
    if form is None:
        raise click.BadParameter("It does not end in .txt .json .xml .md or .html.", param_hint="--report")
    if isinstance(report, Path):
        check_file(report)
    if isinstance(output, Path):
        check_folder(output)
    return form


def _found(paths: Sequence[Path], options: Mapping[str, object]) -> list[Path]:
    from gemnb.cli.outputs import named_once, without_outputs
    from gemnb.notebook import find_notebooks

    found = named_once(find_notebooks(paths))
    output = options["output"]
    if not isinstance(output, Path):
        return found
    kept = without_outputs(found, paths, output)
    if left := len(found) - len(kept):
        click.echo(
            printable(f"Left out: {left} notebook{'' if left == 1 else 's'} in {output}, where the output goes."),
            err=True,
        )
    return kept


def _spending(options: Mapping[str, object], ledger: Path) -> dict[str, str]:
    """Return what a batch that may pay has in its environment: its limit, and where it counts."""
    if options["mode"] == "replay":
        return {}
    limit = {"GEMNB_MAX_COST": str(options["max_cost"])} if options["max_cost"] else {}
    return {**limit, "GEMNB_LEDGER": str(ledger)}


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


def _jobs(found: Sequence[Path], options: Mapping[str, object]) -> list[Job]:
    from gemnb.cli.outputs import output_paths
    from gemnb.errors import NotebookError
    from gemnb.lock import find_lock, read_lock
    from gemnb.model import Mode
    from gemnb.reproduce.run import Job
    from gemnb.settings import load_settings

    parameters = _parameters(options)
    _tell_unknown(found, parameters)
    output = options["output"]
    targets = output_paths(found, output) if isinstance(output, Path) else [None] * len(found)
    jobs = []
    locks: set[Path] = set()
    for path, target in zip(found, targets, strict=True):
        lock = find_lock(path.absolute(), load_settings(path.absolute().parent).root)
        if lock is not None and lock not in locks:
            read_lock(lock)  # one that cannot be read is told before anything runs
            locks.add(lock)
        if options["locked"] and lock is None:
            raise NotebookError(
                f"--locked: there is no gemnb.lock for {path}.", hint=f"gemnb lock {path}   writes one; commit it"
            )
        jobs.append(
            Job(
                path=path,
                mode=Mode(str(options["mode"])),
                parameters=parameters,
                output=target,
                timeout=timeout if isinstance(timeout := options["timeout"], int) else None,
                locked=bool(options["locked"]),
            )
        )
    return jobs


def _parameters(options: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters as papermill reads them: a file's first, then those of the line."""
    pairs, file = options["parameters"], options["parameters_file"]
    if not pairs and not file:
        return {}
    from gemnb.reproduce.parameters import read_parameters

    return read_parameters(file if isinstance(file, Path) else None, pairs if isinstance(pairs, tuple) else ())


def _tell_unknown(found: Sequence[Path], parameters: Mapping[str, object]) -> None:
    """Say which parameters no notebook declares, as papermill does; they are set all the same."""
    if not parameters or not found:
        return
    from gemnb.errors import nearest
    from gemnb.reproduce.parameters import declared

    known = {name for path in found for name in declared(path)}
    for name in sorted(set(parameters) - known):
        near = nearest(name, known)
        said = f"-p {name}: no notebook has it in a cell tagged `parameters`; it is set all the same."
        click.echo(printable(said + (f" Did you mean {near}?" if near else "")), err=True)


def _run(jobs: Sequence[Job], options: Mapping[str, object], folder: Path) -> tuple[dict[int, Run], int]:
    """Return what came of each job by its place, and the exit code where the batch was stopped, else 0.

    `folder` holds what the batch has spent where the user has no folder for that.
    """
    import contextlib
    from dataclasses import replace

    from gemnb.cli.progress import Progress
    from gemnb.cli.stopping import Stopped
    from gemnb.reproduce.batch import workers as usual
    from gemnb.reproduce.journal import Journal
    from gemnb.user_folders import batches_folder

    journal = Journal(
        batches_folder(), jobs, apart=[options["report"]] if isinstance(options["report"], Path) else ()
    )
    runs = _resumed(journal, jobs) if options["resume"] else {}
    if not options["resume"]:
        journal.close()
    # What was spent before it was stopped counts towards the limit of the same batch.
    spending = _spending(options, journal.ledger or folder / "ledger")
    left = {place: replace(job, environment=spending) for place, job in enumerate(jobs) if place not in runs}
    places = {id(job): place for place, job in left.items()}
    wanted = options["jobs"]
    workers = min(wanted if isinstance(wanted, int) else usual(left.values()), len(left))
    with Progress(len(jobs), done=len(runs)) as progress:
        try:
            with contextlib.closing(_side_by_side(list(left.values()), workers)) as came:
                for job, run in came:
                    runs[places[id(job)]] = run
                    journal.note(job, run)
                    progress.step(job.path, run)
        except Stopped as stop:
            code = stop.code
        else:
            journal.close()
            return runs, 0
    more = "; --resume added goes on" if journal.is_there() else ""
    click.echo(f"Stopped, {len(jobs) - len(runs)} of {len(jobs)} notebooks left{more}.", err=True)
    return runs, code


def _resumed(journal: Journal, jobs: Sequence[Job]) -> dict[int, Run]:
    """Return what an earlier run of the batch did, and say so."""
    runs = journal.done(jobs)
    if runs:
        said = f"{len(runs)} of {len(jobs)} notebooks were done before."
        click.echo(f"{said} Their verdicts are of that run.", err=True)
    elif journal.is_there():
        click.echo("What was done before does not count: its notebooks, files or cache have changed.", err=True)
    return runs


def _side_by_side(jobs: Sequence[Job], workers: int) -> Generator[tuple[Job, Run], None, None]:
    from gemnb.reproduce.batch import local_pool, run_all

    if workers <= 1:
        yield from run_all(jobs)
        return
    with local_pool(workers) as pool:
        yield from run_all(jobs, pool, at_once=workers)
