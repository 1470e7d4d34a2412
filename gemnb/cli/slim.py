"""`gemnb slim`: what `gemnb pack` put into a notebook, out of it and into the cache."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write this file instead; for one notebook.")
@click.option("--dry-run", is_flag=True, help="Check, and say what would be taken out; write nothing.")
def slim(paths: tuple[Path, ...], output: Path | None, *, dry_run: bool) -> None:
    """Put what is packed in notebooks into the cache, and then take it out of them. Nothing kept is replaced.

    Exit code: 0 slim, 1 what is packed is damaged or the cache holds another answer, 2 usage, 4 cache unavailable.
    """
    from gemnb.compose import open_reach
    from gemnb.errors import printable
    from gemnb.inventory.lines import count, human_size
    from gemnb.model import Mode
    from gemnb.notebook import find_notebooks
    from gemnb.pack.slimming import slim_notebook
    from gemnb.settings import load_settings

    found = find_notebooks(paths)
    if output is not None and len(found) > 1:
        raise click.UsageError(f"--output takes one notebook, and there are {len(found)}.")
    for path in found:
        settings = load_settings(path.absolute().parent)
        cache, apart = open_reach(settings, Mode.REPLAY).places[:2]
        report = slim_notebook(path, cache, apart, output=output, dry_run=dry_run)
        held = f"{count(report.blobs, 'blob')} and {count(report.answers, 'answer')}"
        sizes = f"{human_size(report.before)} → {human_size(report.after)}"
        moved = f"{held} would go" if dry_run else f"{held} went ({report.new} new)"
        click.echo(printable(f"{path}: {moved} to {settings.cache}; {sizes}."))
        if not report.exact:
            click.echo("  Its JSON had a form of its own; it is formatted as Jupyter does now.")
