"""Symbolic links in a project, which a stranger may have made: through one, a cache would lie elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gemnb.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

_PARTS = frozenset(
    {"records", "blobs", "pixels", "urls", "imports", "private", "failed", "corrupt", "trash", ".gitignore"}
)


def check_links(cache: Path, project: Path | None) -> None:
    """Refuse a cache that lies elsewhere through a project's own link, before anything is paid for.

    What stands deeper in it is looked at with each entry (`gemnb.cache.directory`).

    Args:
        cache: The cache folder, which need not exist.
        project: The folder it must not lead out of; None where the user named the cache, which may then be anywhere.

    Raises:
        SettingsError: It leads out of the project, or a part of it is a link.
    """
    if project is not None and _is_link(cache) and not _leads_into(cache, project):
        raise SettingsError(
            f"{cache} is a symbolic link out of the project, and is not used.",
            why=f"It leads to {_target(cache)}. A project's files cannot say where answers are written.",
            hint="GEMNB_CACHE=/a/folder   in your environment names that folder, if it is the one you mean.",
        )
    for part in _links_in(cache):
        raise SettingsError(
            f"{part} is a symbolic link, and nothing of a cache is read or written through one.",
            why=f"It leads to {_target(part)}, which need not belong to the project.",
            hint=f"rm '{part}'   takes the link away, and leaves what it leads to\n"
            "GEMNB_CACHE=/a/folder   in your environment names a cache that lies elsewhere.",
        )


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:  # below a folder that is closed to us: whoever reads it says so
        return False


def _leads_into(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a circle
        return False


def _links_in(cache: Path) -> list[Path]:
    try:
        with os.scandir(cache) as entries:
            return [cache / entry.name for entry in entries if entry.is_symlink() and entry.name in _PARTS]
    except OSError:  # none, or not to be read: whoever reads it says so
        return []


def _target(link: Path) -> str:
    return str(link.readlink())[:200]
