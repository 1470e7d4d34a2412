"""`gemnb pack`: originals and inputs into the notebook."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gemnb.pack import PackReport


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write this file instead; for one notebook.")
@click.option("--private", is_flag=True, help="Pack answers marked `publish: false` too.")
@click.option("--dry-run", is_flag=True, help="Say what would be packed; write nothing.")
@click.option("--yes", is_flag=True, help="Write notebooks of 100 MB and more too.")
def pack(paths: tuple[Path, ...], output: Path | None, *, private: bool, dry_run: bool, yes: bool) -> None:
    """Put originals, previews and inputs into notebooks, so that each is one file that reproduces anywhere.

    Exit code: 0 packed, 1 something is missing, damaged or left out, 2 usage, 4 the cache cannot be read.
    """
    from gemnb.compose import open_reach
    from gemnb.model import Mode
    from gemnb.notebook import find_notebooks
    from gemnb.pack.packing import NOT_PUSHED, pack_notebook
    from gemnb.settings import load_settings

    found = find_notebooks(paths)
    if output is not None and len(found) > 1:
        raise click.UsageError(f"--output takes one notebook, and there are {len(found)}.")
    complete = True
    for path in found:
        cache, apart = open_reach(load_settings(path.absolute().parent), Mode.REPLAY).places[:2]
        limit = None if yes else NOT_PUSHED
        report = pack_notebook(
            path, cache, apart, include_private=private, output=output, limit=limit, dry_run=dry_run
        )
        for line in _lines(report, "would be" if dry_run else "are"):
            click.echo(line)
        drifted = list(_drifted(path))
        for line in drifted:
            click.echo(line)
        complete = complete and report.complete and not drifted
    sys.exit(0 if complete else 1)


def _lines(report: PackReport, verb: str) -> Iterator[str]:
    from gemnb.errors import printable
    from gemnb.inventory.lines import count, human_size
    from gemnb.pack.packing import NOT_SHOWN, SLOW

    packed = ", ".join(
        (count(report.pictures, "picture"), count(report.inputs, "input"), count(report.answers, "hidden answer"))
    )
    sizes = f"{human_size(report.before)} → {human_size(report.after)}"
    yield printable(f"{report.path}: {packed} {verb} in it; {sizes}.")
    if report.left_out:
        yield f"  left out, since marked `publish: false`: {_cells(report.left_out)}. --private packs them."
        yield "  What their outputs show stands in the notebook all the same; clear them before you give it away."
    if report.lacking:
        yield f"  no answer is kept for {_cells(report.lacking)}. Run the notebook, and pack it again."
    if report.calls:
        yield "  It calls gemnb.generate: show each answer, or give it on with -i or -e, to be sure it is packed."
    if not report.exact:
        yield "  Its JSON had a form of its own; it is formatted as Jupyter does now."
    if report.after >= SLOW:
        yield "  JupyterLab takes long to open so big a notebook, and git hosts warn from 50 MB on."
    elif report.after >= NOT_SHOWN:
        yield "  GitHub does not show so big a notebook, as a rule; JupyterLab does."


def _drifted(path: Path) -> Iterator[str]:
    """Yield a line for each cell whose pictures are packed and which will not show them again."""
    from gemnb.compose import open_for_looking
    from gemnb.errors import printable
    from gemnb.settings import load_settings
    from gemnb.verify import Finding, verify_notebook

    settings = load_settings(path.absolute().parent)
    for check in verify_notebook(path.absolute(), open_for_looking(settings), settings.root):
        if check.finding is Finding.DRIFTED:
            yield printable(f"  cell {check.cell} will not reproduce: {check.reasons[0]}")


def _cells(numbers: tuple[int, ...]) -> str:
    return ("cell " if len(numbers) == 1 else "cells ") + ", ".join(map(str, numbers))
