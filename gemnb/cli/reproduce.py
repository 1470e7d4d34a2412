"""`gemnb reproduce`: run notebooks again and compare."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gemnb.errors import NotebookError


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--mode", type=click.Choice(["replay", "auto", "refresh"]), default="replay", show_default=True)
@click.option(
    "-p", "--parameter", "parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="As papermill's -p."
)
def reproduce(paths: tuple[Path, ...], mode: str, parameters: tuple[tuple[str, str], ...]) -> None:
    """Run notebooks again, offline, and compare every picture with the notebook's own record.

    Exit code: 0 all reproduced, 1 drift or missing, 2 usage, 3 a notebook failed, 4 store or model unavailable.
    """
    from gemnb.model import Mode
    from gemnb.notebook import find_notebooks, read_notebook
    from gemnb.reproduce.report import reproduce_code, reproduce_report
    from gemnb.reproduce.run import Run, reproduce_notebook

    runs = []
    found = find_notebooks(paths)
    for path in found:
        read_notebook(path)  # a file that is no notebook is told before any is run
    for path in found:
        click.echo(f"running {path} …", err=True)
        try:
            run = reproduce_notebook(path, mode=Mode(mode), parameters=dict(parameters))
        except NotebookError as error:  # the others are run all the same
            run = Run(rows=(), error=(0, "NotebookError", " ".join(error.lines())))
        runs.append((path, run))
    click.echo(reproduce_report(runs))
    sys.exit(reproduce_code(runs))
