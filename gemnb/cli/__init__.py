"""The command line: `gemnb reproduce`, `verify`, `cache`, `emulate`. Words and exit codes only."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gemnb.cli.cache import cache
from gemnb.errors import CacheError, GemnbError, NotebookError, StoreError


class _Group(click.Group):
    """Turns gemnb's errors into their lines on stderr and an exit code, whichever verb raised them."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except GemnbError as error:
            failure = error
        for line in failure.lines():
            click.echo(line, err=True)
        raise SystemExit(4 if isinstance(failure, StoreError) else 1 if isinstance(failure, CacheError) else 2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gemnb")
def main() -> None:
    """Notebooks of generated pictures that anyone can reproduce and check."""


main.add_command(cache)

_PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))


@main.command()
@_PATHS
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


@main.command()
@_PATHS
def verify(paths: tuple[Path, ...]) -> None:
    """Check notebooks against themselves and the cache; nothing is executed.

    Exit code: 0 all consistent, 1 drift or missing, 2 usage, 4 store unavailable.
    """
    from gemnb.compose import open_for_looking
    from gemnb.notebook import find_notebooks
    from gemnb.reproduce.report import verify_code, verify_report
    from gemnb.reproduce.verify import verify_notebook
    from gemnb.settings import load_settings

    found = []
    for path in find_notebooks(paths):
        settings = load_settings(path.absolute().parent)
        found.append((path, verify_notebook(path.absolute(), open_for_looking(settings), settings.root)))
    click.echo(verify_report(found))
    sys.exit(verify_code(found))


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free one.", show_default=True)
@click.option("--latency", type=click.FloatRange(0, 600), default=0.0, help="Seconds before each answer.")
def emulate(port: int, latency: float) -> None:
    """Run the emulator: a local server that speaks the Gemini REST API, with synthetic pictures."""
    from gemnb.emulator import Emulator

    with Emulator(port=port, latency=latency) as emulator:
        click.echo(f"gemnb's emulator listens on {emulator.url} (this machine only, synthetic pictures).")
        click.echo(f"GEMNB_EMULATOR={emulator.url} lets notebooks use it. Ctrl-C ends it.")
        emulator.wait()
