"""The values of a lock, and where it lies."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from gemnb.canonical import tagged_digest
from gemnb.errors import NotebookError, RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gemnb.model import JSONObject

NAME = "gemnb.lock"

MAX_ATTEMPT = 999_999
"""A cache counts no further: the names of its record files have up to six digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Which answer a cell shows.

    Attributes:
        notebook: POSIX path relative to the lock's folder.
        parameters: Digest of the parameters the notebook was run with; empty for none.
        cell: The cell's id; in a notebook without ids `#n` for its n-th code cell, papermill's own not counted.
        occurrence: 1 for the first answer that the cell shows, 2 for the second, …
        request: Digest of the request.
        attempt: Which answer to it.
        record: Digest of the answer's record.
        pictures: Digests of its original pictures; none for an answer in words.
    """

    notebook: str
    parameters: str = ""
    cell: str
    occurrence: int = 1
    request: str
    attempt: int
    record: str
    pictures: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[str, str, str, int]:
        """Notebook, parameters, cell and occurrence: what a lock has one pin for."""
        return self.notebook, self.parameters, self.cell, self.occurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Which bytes a path, a glob or a URL stood for in a notebook.

    Attributes:
        notebook: As in a pin.
        parameters: As in a pin.
        source: Its text in the cell, less a `file:` in front.
        files: Name and digest of each picture, in order. The name of a path or URL is the text itself; a glob has
            one for each file it matched.
    """

    notebook: str
    parameters: str = ""
    source: str
    files: tuple[tuple[str, str], ...]

    @property
    def place(self) -> tuple[str, str, str]:
        """Notebook, parameters and text: what a lock has one entry for."""
        return self.notebook, self.parameters, self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What a `gemnb.lock` pins.

    Attributes:
        pins: Sorted by notebook and parameters; within a notebook in its own order, which is that of the asking.
        sources: Sorted by notebook, parameters and text.
    """

    pins: tuple[Pin, ...] = ()
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "pins", tuple(sorted(self.pins, key=lambda pin: pin.place[:2])))
        object.__setattr__(self, "sources", tuple(sorted(self.sources, key=lambda source: source.place)))

    def of(self, notebook: str, parameters: str = "") -> tuple[Pin, ...]:
        """Return the pins of one notebook as run with these parameters."""
        return tuple(pin for pin in self.pins if pin.place[:2] == (notebook, parameters))

    def attempts(self, notebook: str, parameters: str = "") -> dict[str, tuple[int, ...]]:
        """Return the pinned attempts by request, in order: the n-th asking of a request gets the n-th."""
        found: dict[str, tuple[int, ...]] = {}
        for pin in self.of(notebook, parameters):
            found[pin.request] = (*found.get(pin.request, ()), pin.attempt)
        return found

    def files(self, notebook: str, parameters: str = "") -> dict[str, tuple[tuple[str, str], ...]]:
        """Return what each path, glob and URL of a notebook stood for, as (name, digest)."""
        return {item.source: item.files for item in self.sources if item.place[:2] == (notebook, parameters)}


def find_lock(notebook: Path, root: Path) -> Path | None:
    """Return the lock nearest to a notebook, from its folder up to the project's; None where there is none."""
    top, start = (os.path.abspath(path) for path in (root, notebook.parent))  # noqa: PTH100 - see notebook_name
    folder = type(root)(start)
    for above in (folder, *folder.parents):
        if os.path.isfile(above / NAME):  # noqa: PTH113 - False, not an error, in a folder that is closed to us
            return above / NAME
        if str(above) == top:
            break
    return None


def notebook_name(notebook: Path, lock: Path) -> str:
    """Return how a lock names a notebook: its POSIX path relative to the lock's folder.

    Raises:
        NotebookError: It is not below the lock's folder, or its name is no Unicode text.
    """
    # Path.absolute keeps `..`, and Path.resolve follows links: a linked notebook would get another name.
    here, folder = (type(lock)(os.path.abspath(path)) for path in (notebook, lock.parent))  # noqa: PTH100
    if not here.is_relative_to(folder):
        raise NotebookError(
            f"{notebook} cannot be pinned in {lock}.", why="A lock pins the notebooks of its own folder and below."
        )
    name = here.relative_to(folder).as_posix()
    if any("\ud800" <= character <= "\udfff" for character in name):
        raise NotebookError(f"{notebook} cannot be pinned: its name is no Unicode text.", hint="Rename it.")
    return name


def parameters_digest(parameters: Mapping[str, object]) -> str:
    """Return the digest of the parameters a notebook is run with; empty where there are none.

    Raises:
        NotebookError: They have no canonical JSON: a date, NaN, a whole number beyond 2^53.
    """
    if not parameters:
        return ""
    try:
        return tagged_digest("parameters", cast("JSONObject", dict(parameters)))
    except RequestError as error:
        reason = error.why
    raise NotebookError(
        "A run with these parameters cannot be pinned: they have no canonical JSON.",
        why=reason,
        hint="Give dates and other values as text.",
    )
