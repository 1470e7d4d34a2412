"""`gemnb plan`: what notebooks would ask, and what that would cost."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
@click.option(
    "--execute", is_flag=True, help="Run the notebooks too, without any call, up to where a pending picture is read."
)
def plan(paths: tuple[Path, ...], json_: bool, execute: bool) -> None:  # noqa: FBT001 - click's flags
    """Say which cells would call a model, and the price, before anything is paid. Nothing is called.

    Exit code: 0 planned, calls or not, 1 a cell cannot run, 2 usage, 4 cache unavailable.
    """
    from gemnb.looking import open_all_for_looking, reach_for_looking
    from gemnb.notebook import find_notebooks
    from gemnb.plan import Places, What, as_json, as_table, execute_notebook, executed_lines, plan_notebook
    from gemnb.settings import load_settings

    cells = []
    asked: set[str] = set()
    found = find_notebooks(paths)
    for path in found:
        settings = load_settings(path.absolute().parent)
        places = Places(
            cache=open_all_for_looking(settings),
            reach=reach_for_looking(settings),
            root=settings.root.resolve(),
        )
        cells += plan_notebook(path, places, asked)
    executed = [execute_notebook(path) for path in found] if execute else []
    if json_:
        click.echo(as_json(cells, executed))
    else:
        click.echo("\n".join([as_table(cells), *executed_lines(executed)]))
    sys.exit(1 if any(cell.what is What.FAILS for cell in cells) else 0)
