"""`gemnb cache`: list, check, collect, export and import kept answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gemnb.cache import Cache
    from gemnb.settings import Settings

_PATH = click.Path(path_type=Path)


@click.group()
def cache() -> None:
    """Look after kept answers. Nothing here asks a model, and nothing is deleted."""


@cache.command()
@click.option("--long", "in_full", is_flag=True, help="All facts of each answer.")
def ls(*, in_full: bool) -> None:
    """List the kept answers, the latest last."""
    from gemnb.inventory.lines import count, damaged_lines, facts, summary
    from gemnb.inventory.listing import read_records
    from gemnb.inventory.lookup import when

    _, kept_here = _open()
    listing = read_records(kept_here)
    attempts: dict[str, int] = {}
    for kept in listing.kept:
        attempts[kept.record.request_digest] = attempts.get(kept.record.request_digest, 0) + 1
    for kept in sorted(listing.kept, key=when):
        click.echo(summary(kept))
        if in_full:
            click.echo("\n".join(facts(kept, attempts[kept.record.request_digest])))
    for line in damaged_lines(listing.damaged):
        click.echo(line, err=True)
    click.echo(f"{count(len(listing.kept), 'answer')} to {count(len(attempts), 'request')}.")


@cache.command()
def verify() -> None:
    """Read every record, hash every blob, follow every reference. Nothing is changed.

    Exit code: 0 all as it should be, 1 something is damaged or missing, 4 the cache cannot be read.
    """
    from gemnb.inventory.check import check_cache
    from gemnb.inventory.lines import count, damaged_lines, human_size

    settings, kept_here = _open()
    found = check_cache(kept_here)
    for line in damaged_lines(found.damaged):
        click.echo(line)
    counted = f"{count(found.records, 'answer')}, {count(found.blobs, 'blob')}, {human_size(found.size)}"
    click.echo(f"{settings.cache}: {counted}; {len(found.damaged) or 'nothing'} damaged.")
    sys.exit(1 if found.damaged else 0)


@cache.command()
@click.argument("paths", nargs=-1, required=True, type=_PATH)
@click.option("--yes", is_flag=True, help="Move without asking.")
def gc(paths: tuple[Path, ...], *, yes: bool) -> None:
    """Move what no notebook under PATHS, and no gemnb.lock there, refers to into cache/trash/.

    Asks first. Where nobody can be asked and --yes is not given, it only says what would go.
    """
    import datetime as dt

    from gemnb.inventory.lines import count, damaged_lines, human_size
    from gemnb.inventory.referred import find_references
    from gemnb.inventory.trash import move, plan

    settings, kept_here = _open()
    found = find_references(paths, settings.root)
    planned = plan(kept_here, found)
    for line in damaged_lines(planned.damaged):
        click.echo(line + "  (it stays)", err=True)
    for key, size in planned.sizes.items():
        click.echo(f"{human_size(size):>9}  {key}")
    read = f"{count(found.notebooks, 'notebook')} and {count(found.locks, 'lock')} read"
    if not planned.sizes:
        click.echo(f"Nothing would go ({read}).")
        return
    files = f"{count(len(planned.sizes), 'file')} ({human_size(planned.size)})"
    click.echo(f"{files} would go, {planned.stays} stay ({read}).")
    if not yes and not sys.stdin.isatty():
        click.echo("Nothing was moved: there is nobody to ask. --yes moves them.")
        return
    if not yes and not click.confirm(f"Move them to {settings.cache / 'trash'}?"):
        click.echo("Nothing was moved.")
        return
    # Asking takes a while, in which a notebook may have been saved: only what is still unreferred to goes.
    still = plan(kept_here, find_references(paths, settings.root)).sizes
    going = [key for key in planned.sizes if key in still]
    folder = settings.cache / move(kept_here, going, dt.datetime.now(dt.UTC).date())
    click.echo(f"{count(len(going), 'file')} moved to {folder}")
    click.echo(f"To bring them back: copy what is in that folder over {settings.cache}")


@cache.command(name="export")
@click.argument("file", type=_PATH)
@click.argument("paths", nargs=-1, type=_PATH)
def export_command(file: Path, paths: tuple[Path, ...]) -> None:
    """Write kept answers into FILE.zip: all, or those that the notebooks under PATHS refer to.

    The same answers make the same file, byte for byte.
    """
    from gemnb.inventory.archive import export
    from gemnb.inventory.lines import count, human_size
    from gemnb.inventory.referred import find_references

    settings, kept_here = _open()
    found = find_references(paths, settings.root) if paths else None
    packed = export(kept_here, file, found)
    counted = f"{count(packed.records, 'answer')}, {count(packed.blobs, 'blob')}, {human_size(packed.size)}"
    click.echo(f"{file}: {counted}.")


@cache.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_command(file: Path) -> None:
    """Take the answers of FILE.zip into the cache. All of it is checked first, and nothing is overwritten."""
    from gemnb.inventory.archive import import_
    from gemnb.inventory.lines import count

    settings, kept_here = _open(look_only=False)
    taken = import_(kept_here, file)
    for key in taken.differing:
        click.echo(f"kept as it is: cache/{key}  (the archive has another answer in its place)")
    new = f"{count(taken.records, 'answer')} and {count(taken.blobs, 'blob')} are new"
    click.echo(f"{settings.cache}: {new}, {taken.known} were here, {len(taken.differing)} differ and were left out.")


def _open(*, look_only: bool = True) -> tuple[Settings, Cache]:
    from gemnb.compose import open_cache
    from gemnb.settings import load_settings

    settings = load_settings(Path.cwd())
    return settings, open_cache(settings.cache, look_only=look_only)
