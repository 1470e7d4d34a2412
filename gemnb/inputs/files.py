"""Find the files that a reference names: paths and globs, in the folders where relative paths are tried."""

from __future__ import annotations

import fnmatch
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_INPUT = 100 * 1024 * 1024
"""The Gemini API takes inline requests of up to 100 MB (its changelog of 2026-01-08)."""

_MAGIC = re.compile(r"[*?\[]")
_PIECE = re.compile(r"[0-9]+|.", re.DOTALL)


def folders_of(names: Mapping[str, object], root: Path) -> list[Path]:
    """Return where relative paths are tried: working folder, notebook's folder where known, project root."""
    notebook = names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    known = [Path(notebook).parent] if isinstance(notebook, str) and Path(notebook).is_absolute() else []
    return list(dict.fromkeys([Path.cwd(), *known, root]))


def find_file(text: str, folders: Sequence[Path]) -> Path | None:
    """Return the file that a path names in these folders, or None where none of them has it.

    Raises:
        InputError: Two of the folders have it, with different bytes.
    """
    try:
        found = [path for folder in folders if (path := folder / text).is_file()]
    except (OSError, ValueError):  # a name no file can have (NUL, too long)
        return None
    if len({path.resolve() for path in found}) > 1 and len({read_input(path) for path in found}) > 1:
        raise InputError(
            f"{text} is two different files.",
            why=" and ".join(str(path) for path in found[:2]),
            hint="Give a path that only one of them has.",
        )
    return found[0] if found else None


def read_input(path: Path) -> bytes:
    """Return the bytes of an input file.

    Raises:
        InputError: It cannot be read, or is bigger than a request can carry.
    """
    try:
        if path.stat().st_size > MAX_INPUT:
            raise InputError(f"{path} is bigger than the 100 MB a request can carry.")
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
    raise InputError(f"{path} cannot be read.", why=reason)


def is_glob(text: str) -> bool:
    """Return whether a path holds `*`, `?` or `[`."""
    return _MAGIC.search(text) is not None


def find_files(pattern: str, folders: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return what a glob matches, as (path in the form of the glob, file), in natural order.

    The first folder with a match is taken; another that matches other files, or other bytes, is an error.

    Raises:
        InputError: Nothing matches, or two folders match differently.
    """
    folders = list({folder.resolve(): folder for folder in reversed(folders)}.values())[::-1]
    matches = [(folder, names) for folder in folders if (names := expand(pattern, folder))]
    if not matches:
        raise InputError(
            f"{pattern} matches no file.",
            why="Looked in " + ", ".join(str(folder) for folder in folders) + ".",
            hint="* and ? stay inside one folder, ** goes through all below; names are told by case.",
        )
    folder, names = matches[0]
    for other, others in matches[1:]:
        if others != names or any(_differ(folder / name, other / name) for name in names):
            raise InputError(
                f"{pattern} matches different files in two folders.",
                why=f"{folder} and {other}",
                hint="Give a path that only one of them has.",
            )
    return [(name, folder / name) for name in names]


def expand(pattern: str, folder: Path) -> list[str]:
    """Return the paths below a folder that a glob matches, with `/`, in natural order.

    The same on every system and in every locale: told by case, `a2` before `a10`, hidden files only where the
    pattern shows their dot.
    """
    start = Path(pattern).anchor
    parts = [
        part for part in pattern.replace(os.sep, "/").removeprefix(start.replace(os.sep, "/")).split("/") if part
    ]
    found = {(start.replace(os.sep, "/") + "/".join(way)) for way in _walk(folder / start, parts) if way}
    return sorted(found, key=natural)


def natural(path: str) -> list[list[tuple[int, int, str]]]:
    """Return the key by which paths are sorted: folder by folder, by code points, runs of digits as numbers."""
    return [[_rank(piece) for piece in _PIECE.findall(part)] + [(-1, 0, part)] for part in path.split("/")]


def _rank(piece: str) -> tuple[int, int, str]:
    if piece[0] not in "0123456789":
        return ord(piece), 0, ""
    digits = piece.lstrip("0")
    return ord("0"), len(digits), digits


def _walk(folder: Path, parts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the ways from a folder along a pattern's parts to regular files."""
    head, *rest = parts or [""]
    if head == "**":
        yield from _walk(folder, rest or ["*"])
        # A link to a folder above would never end.
        below = [name for name, is_folder in _entries(folder, "*") if is_folder]
        yield from ((name, *way) for name in below for way in _walk(folder / name, parts))
        return
    for name in [name for name, _ in _entries(folder, head)] if is_glob(head) else [head]:
        if rest:
            yield from ((name, *way) for way in _walk(folder / name, rest))
        elif name and _is_file(folder / name):
            yield (name,)


def _entries(folder: Path, pattern: str) -> list[tuple[str, bool]]:
    """Return the names in a folder that match, and whether each is a folder itself."""
    try:
        with os.scandir(folder) as entries:
            return [
                (entry.name, entry.is_dir(follow_symlinks=False))
                for entry in entries
                if fnmatch.fnmatchcase(entry.name, pattern) and entry.name.startswith(".") <= pattern.startswith(".")
            ]
    except (OSError, ValueError):  # no folder, or none of ours to read
        return []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _differ(one: Path, other: Path) -> bool:
    return one.resolve() != other.resolve() and read_input(one) != read_input(other)
