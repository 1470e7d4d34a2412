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
_WHICH = click.option(
    "--cache", "folder", type=_PATH, help="The cache folder, instead of the project's; as GEMNB_CACHE for this once."
)


@click.group()
def cache() -> None:
    """Look after kept answers. Nothing here asks a model, and nothing is deleted."""


@cache.command()
@click.option("--long", "in_full", is_flag=True, help="All facts of each answer.")
@_WHICH
def ls(folder: Path | None, *, in_full: bool) -> None:
    """List the kept answers, the latest last; private ones are marked."""
    from gemnb.inventory.lines import count, damaged_lines, facts, summary
    from gemnb.inventory.listing import folder_name
    from gemnb.inventory.lookup import when
    from gemnb.inventory.places import PRIVATE, SPILL, apart_lines, gather, own_places

    _, places = _open(folder)
    found = gather(own_places(places))
    attempts: dict[str, int] = {}
    for kept in found.kept:
        attempts[kept.record.request_digest] = attempts.get(kept.record.request_digest, 0) + 1
    for item in sorted(found.answers, key=lambda item: when(item.kept)):
        click.echo(summary(item.kept, item.mark))
        if in_full:
            lies_in = folder_name(places[item.place].store)
            click.echo("\n".join(facts(item.kept, attempts[item.kept.record.request_digest], lies_in)))
    for line in damaged_lines(item for listing in found.listings.values() for item in listing.damaged):
        click.echo(line, err=True)
    private = sum(item.place == PRIVATE for item in found.answers)
    said = f", {private} of them private" if private else ""
    click.echo(f"{count(len(found.answers), 'answer')} to {count(len(attempts), 'request')}{said}.")
    for line in apart_lines({name: place for name, place in places.items() if name == SPILL}):
        click.echo(line)


@cache.command()
@_WHICH
def verify(folder: Path | None) -> None:
    """Read every record, hash every blob, follow every reference. Nothing is changed.

    The private part and the user's spill folder are checked too.

    Exit code: 0 all as it should be, 1 something is damaged or missing, 4 the cache cannot be read.
    """
    from gemnb.inventory.check import check_cache
    from gemnb.inventory.lines import count, damaged_lines, human_size
    from gemnb.inventory.places import PRIVATE, PROJECT, SPILL

    _, places = _open(folder)
    damaged = 0
    for name, place in places.items():
        beside = [places[PROJECT]] if name == PRIVATE else []
        found = check_cache(place, beside=beside, brings_inputs=name != SPILL)
        damaged += len(found.damaged)
        for line in damaged_lines(found.damaged):
            click.echo(line)
        if name != PROJECT and not (found.records or found.blobs or found.pointers or found.damaged):
            continue
        counts = [count(found.records, "answer"), count(found.blobs, "blob"), human_size(found.size)]
        counts[2:2] = [count(found.pointers, "pointer")] if found.pointers else []
        click.echo(f"{place.store}: {', '.join(counts)}; {len(found.damaged) or 'nothing'} damaged.")
    sys.exit(1 if damaged else 0)


@cache.command()
@click.argument("paths", nargs=-1, required=True, type=_PATH)
@click.option("--yes", is_flag=True, help="Move without asking.")
@_WHICH
def gc(paths: tuple[Path, ...], folder: Path | None, *, yes: bool) -> None:
    """Move what no notebook under PATHS, and no gemnb.lock there, refers to into cache/trash/.

    Notebooks and scripts in plain text (.md, .qmd, .py) that name gemnb count as notebooks. Private answers stay.

    Asks first. Where nobody can be asked and --yes is not given, it only says what would go.
    """
    import datetime as dt

    from gemnb.inventory.lines import count, damaged_lines, human_size
    from gemnb.inventory.places import PROJECT
    from gemnb.inventory.referred import find_references
    from gemnb.inventory.trash import move, plan

    settings, places = _open(folder)
    kept_here = places[PROJECT]
    found = find_references(paths, settings.root)
    planned = plan(kept_here, found)
    for line in damaged_lines(planned.damaged):
        click.echo(line + "  (it stays)", err=True)
    for key, size in planned.sizes.items():
        click.echo(f"{human_size(size):>9}  {key}")
    texts = f", {count(len(found.texts), 'text file')}" if found.texts else ""
    read = f"{count(found.notebooks, 'notebook')}{texts} and {count(found.locks, 'lock')} read"
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
    trash = settings.cache / move(kept_here, going, dt.datetime.now(dt.UTC).date())
    click.echo(f"{count(len(going), 'file')} moved to {trash}")
    click.echo(f"To bring them back: copy what is in that folder over {settings.cache}")


@cache.command(name="export")
@click.argument("file", type=_PATH)
@click.argument("paths", nargs=-1, type=_PATH)
@_WHICH
def export_command(file: Path, paths: tuple[Path, ...], folder: Path | None) -> None:
    """Write kept answers into FILE.zip: all, or those that the notebooks under PATHS refer to.

    Private answers are left out, and counted. The same answers make the same file, byte for byte.
    """
    from gemnb.inventory.archive import export, left_out
    from gemnb.inventory.lines import count, human_size
    from gemnb.inventory.places import PRIVATE, PROJECT
    from gemnb.inventory.referred import find_references

    settings, places = _open(folder)
    found = find_references(paths, settings.root) if paths else None
    packed = export(places[PROJECT], file, found)
    private = left_out(places[PROJECT], places[PRIVATE], found)
    said = f"; {count(private, 'private answer')} left out" if private else ""
    counted = f"{count(packed.records, 'answer')}, {count(packed.blobs, 'blob')}, {human_size(packed.size)}"
    click.echo(f"{file}: {counted}{said}.")


@cache.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_WHICH
def import_command(file: Path, folder: Path | None) -> None:
    """Take the answers of FILE.zip into the cache. All of it is checked first, and nothing is overwritten."""
    from gemnb.compose import open_cache
    from gemnb.inventory.archive import import_
    from gemnb.inventory.lines import count
    from gemnb.inventory.listing import folder_name

    settings = _settings(folder)
    kept_here = open_cache(settings.cache)
    taken = import_(kept_here, file)
    for key in taken.differing:
        click.echo(
            f"kept as it is: {folder_name(kept_here.store)}/{key}  (the archive has another answer in its place)"
        )
    new = f"{count(taken.records, 'answer')} and {count(taken.blobs, 'blob')} are new"
    click.echo(f"{settings.cache}: {new}, {taken.known} were here, {len(taken.differing)} differ and were left out.")


def _settings(folder: Path | None) -> Settings:
    from gemnb.settings import load_settings

    return load_settings(Path.cwd(), overrides={"cache": str(folder)} if folder else None)


def _open(folder: Path | None) -> tuple[Settings, dict[str, Cache]]:
    """Return the settings, and where answers are kept, to look at.

    Raises:
        StoreError: What is named as the cache is no folder, or is not there. (A project may have none yet.)
    """
    from gemnb.compose import open_places
    from gemnb.errors import StoreError

    settings = _settings(folder)
    try:
        is_folder, is_there = settings.cache.is_dir(), settings.cache.exists()
    except OSError as error:
        raise StoreError(f"{settings.cache} cannot be read.", why=error.strerror or str(error)) from None
    named = "--cache" if folder else "GEMNB_CACHE" if settings.cache != settings.root / "cache" else ""
    if is_there and not is_folder:
        why = f"{named} names it." if named else settings.cache_reason
        raise StoreError(f"{settings.cache} is no folder, so nothing is kept there.", why=why, hint=_NAMES)
    if named and not is_there:
        raise StoreError(f"There is no folder {settings.cache}.", why=f"{named} names it.", hint=_NAMES)
    return settings, open_places(settings)


_NAMES = "gemnb cache ls --cache /a/folder   names the cache; without it and GEMNB_CACHE it is the project's"
