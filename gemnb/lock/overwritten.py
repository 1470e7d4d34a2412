"""Which input files in the project are other bytes than those the pictures were made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, short
from gemnb.errors import InputError
from gemnb.inputs.files import read_input
from gemnb.lock.drift import Drift

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gemnb.lock.pins import Source


def overwritten(sources: Iterable[Source], folder: Path) -> list[Drift]:
    """Return a difference for each pinned file that is there and holds other bytes by now.

    One that is not there is none: a re-run has the bytes that the picture was made from in its place.

    Args:
        sources: The inputs of a lock; their names come from a file, and none is followed out of its folder.
        folder: Where the lock lies.
    """
    found = []
    for source in sources:
        for name, digest in source.files:
            path = _there(name, source.notebook, folder.resolve())
            if path is None:
                continue
            try:
                now = blob_digest(read_input(path))
            except InputError:
                continue  # a file that cannot be read is told by whoever runs the notebook
            if now != digest:
                found.append(
                    Drift(
                        kind="changed",
                        notebook=source.notebook,
                        parameters=source.parameters,
                        where=f"input {name[:100]}",
                        fields=("input",),
                        says=f"the picture was made from {short(digest)}, the file is {short(now)} now",
                    )
                )
    return found


def _there(name: str, notebook: str, folder: Path) -> Path | None:
    """Return the file that a cell reads for this name, as a cell looks: beside the notebook, then at the root."""
    for base in dict.fromkeys(((folder / notebook).parent, folder)):
        try:
            path = (base / name).resolve()
            if path.is_relative_to(folder) and path.is_file():
                return path
        except (OSError, ValueError):  # a name that no file can have: a URL, NUL, thousands of characters
            continue
    return None
