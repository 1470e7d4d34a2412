"""`gemnb verify`: check notebooks without running them."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
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
