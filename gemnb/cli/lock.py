"""`gemnb lock`: pin what notebooks show."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gemnb.errors import CacheError, GemnbError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gemnb.lock.planned import Change
    from gemnb.model import Request
    from gemnb.notebook import NotebookCell


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 where the lock would change.")
@click.option(
    "-p",
    "--parameter",
    "pairs",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="Pin a run with this parameter, as papermill's -p; the notebooks are run again, offline.",
)
@click.option(
    "-f",
    "--parameters-file",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Pin a run with these parameters, as papermill's -f (YAML, JSON).",
)
def lock(paths: tuple[Path, ...], *, check: bool, pairs: tuple[tuple[str, str], ...], file: Path | None) -> None:
    """Pin what notebooks show in gemnb.lock: which answer each cell has, and which bytes its inputs were.

    Without parameters nothing is executed. What the lock has of other notebooks and other parameters stays.

    Exit code: 0 written or as it should be, 1 a picture is missing, a record is damaged, a run failed, or --check
    found a change, 2 usage, 4 the lock cannot be read or written.
    """
    from gemnb.lock import parameters_digest
    from gemnb.lock.overwritten import overwritten
    from gemnb.lock.planned import plan_locks
    from gemnb.notebook import find_notebooks, read_notebook

    parameters = _parameters(pairs, file)
    failed: list[str] = []
    found = find_notebooks(paths)
    cells = _run(found, parameters, failed) if parameters else ((path, read_notebook(path)) for path in found)
    folders = [path for path in paths if path.is_dir()]
    changes, problems = plan_locks(cells, folders, parameters_digest(parameters))
    if failed or problems:
        click.echo(printable("\n".join([*failed, *problems, "Nothing was written."])), err=True)
        sys.exit(1)
    for change in changes:
        if change.is_due and not check:
            change.write()
        _tell(change, check=check)
    own = {(change.path, one.notebook) for change in changes for one in change.seen}
    edited = [
        item
        for change in changes
        for item in overwritten(change.new.sources, change.path.parent)
        if (change.path, item.notebook) in own
    ]
    for item in edited:
        click.echo(item.line(), err=not check)
    if edited:
        said = "1 input file is" if len(edited) == 1 else f"{len(edited)} input files are"
        click.echo(f"{said} not what the pictures were made from: a re-run asks anew.", err=not check)
    sys.exit(1 if check and (edited or any(change.is_due for change in changes)) else 0)


def _parameters(pairs: Sequence[tuple[str, str]], file: Path | None) -> dict[str, object]:
    if not pairs and file is None:
        return {}
    from gemnb.reproduce.parameters import read_parameters

    return read_parameters(file, pairs)


def _run(
    paths: Sequence[Path], parameters: Mapping[str, object], failed: list[str]
) -> Iterator[tuple[Path, Sequence[NotebookCell]]]:
    """Yield the notebooks that ran with these parameters and the cells they came to; say which failed."""
    import tempfile
    from dataclasses import replace

    from gemnb.notebook import read_notebook
    from gemnb.reproduce.batch import run_safely
    from gemnb.reproduce.run import Job

    for path in paths:
        before = read_notebook(path)
        click.echo(f"running {path} …", err=True)
        with tempfile.TemporaryDirectory(prefix="gemnb-") as folder:
            output = Path(folder) / "came.ipynb"
            run = run_safely(Job(path=path, parameters=parameters, output=output))
            if run.error is not None:
                number, kind, message = run.error
                where = f" in cell {number}" if number else ""
                failed.append(f"{path} failed{where}: {kind}: {(message.splitlines() or [''])[0][:300]}")
                continue
            came = read_notebook(output)
        # A run gives cells ids; those of a notebook without any are named as in the notebook.
        has_ids = any(cell.id for cell in before)
        yield path, came if has_ids else [replace(cell, id=None) for cell in came]


def _tell(change: Change, *, check: bool) -> None:
    from gemnb.inventory.lines import count

    found = change.drift(_kept_requests(change))
    for item in found:
        click.echo(item.line())
    for one in change.seen:
        for source in one.unclear:
            said = f"{one.notebook}: {source[:100]} was different bytes in different cells, and is not pinned"
            click.echo(printable(said), err=True)
    notebooks = count(len({pin.notebook for pin in change.new.pins}), "notebook")
    pinned = f"{count(len(change.new.pins), 'answer')} of {notebooks}, {count(len(change.new.sources), 'input')}"
    kinds = ", ".join(
        f"{sum(item.kind == kind for item in found)} {kind}" for kind in ("added", "changed", "removed")
    )
    name = printable(_near(change.path))
    if not change.is_due:
        click.echo(f"{name} is as it should be: {pinned}.")
    elif check:
        click.echo(f"{name} would change: {kinds}. To write it: the same command without --check.")
    else:
        click.echo(f"{name}: {pinned}; {kinds}.")


def _kept_requests(change: Change) -> dict[str, Request]:
    """Return the requests that the lock had and will not have, as far as the cache knows them: for the words only."""
    from gemnb.compose import open_for_looking
    from gemnb.settings import load_settings

    found = {}
    with contextlib.suppress(GemnbError):
        cache = open_for_looking(load_settings(change.path.parent))
        for pin in change.replaced():
            with contextlib.suppress(CacheError):
                if kept := cache.find(pin.request, pin.attempt):
                    found[pin.request] = kept.record.request
    return found


def _near(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
