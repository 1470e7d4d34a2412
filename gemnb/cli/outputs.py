"""Where `gemnb reproduce` writes, looked at before anything runs: never over what it reads."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gemnb.errors import StoreError, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def named_once(paths: Iterable[Path]) -> list[Path]:
    """Return paths without those that name a file again in another way."""
    once: dict[str, Path] = {}
    for path in paths:
        once.setdefault(os.path.abspath(path), path)  # noqa: PTH100 - Path.absolute keeps `..`
    return list(once.values())


def without_outputs(found: Sequence[Path], given: Sequence[Path], folder: Path) -> list[Path]:
    """Return the notebooks without those an earlier run wrote into the output folder, where that lies in a given one.

    Args:
        found: The notebooks.
        given: What they were found by.
        folder: The output folder.
    """
    into = _absolute(folder)
    explicit = {_absolute(path) for path in given}
    if not any(path.is_dir() and _absolute(path) in into.parents for path in given):
        return list(found)
    return [path for path in found if into not in _absolute(path).parents or _absolute(path) in explicit]


def output_paths(found: Sequence[Path], folder: Path) -> list[Path]:
    """Return where below the output folder each notebook is written: as it lies to the others.

    Raises:
        click.UsageError: One would be written over a notebook that is read, over another, or outside the folder.
    """
    paths = [_absolute(path) for path in found]
    try:
        top = Path(os.path.commonpath([path.parent for path in paths])) if paths else Path()
    except ValueError as error:
        raise click.UsageError("-o: the notebooks lie on several drives; run those of each by themselves.") from error
    targets = [folder / path.relative_to(top) for path in paths]
    real = [target.parent.resolve() / target.name for target in targets]
    read = {path.resolve() for path in paths}
    for path, target, place in zip(found, targets, real, strict=True):
        shown = printable(f"-o: {path} would be written to {target}")
        if {place, place.resolve()} & read or any(_is_same(place, other) for other in read):
            raise click.UsageError(f"{shown}, which is a notebook that is read. Give another folder.")
        if real.count(place) > 1:
            raise click.UsageError(f"{shown}, and so would another. Run them by themselves.")
        if not place.is_relative_to(folder.resolve()):
            raise click.UsageError(f"{shown}, which a link leads out of {folder}.")
    return targets


def check_folder(folder: Path) -> None:
    """Make an output folder.

    Raises:
        StoreError: Nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return
    except OSError as error:
        reason = error.strerror or str(error)
    raise _unwritable(folder, reason)


def check_file(path: Path) -> None:
    """See whether a file can be written, and leave it as it is.

    Raises:
        StoreError: It cannot.
    """
    try:
        is_new = not path.exists()
        with path.open("a"):
            pass
        if is_new:
            path.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        return
    raise _unwritable(path, reason)


def write_file(path: Path, text: str) -> None:
    """Write a report.

    Raises:
        StoreError: It cannot be written.
    """
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        return
    raise _unwritable(path, reason)


def _unwritable(path: Path, reason: str) -> StoreError:
    return StoreError(
        f"{path} cannot be written.", why=reason, hint=f"ls -ld {path.parent}   shows whose folder it is"
    )


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps `..`


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False
