"""Which locks some notebooks change, and how. All is read and checked before anything is written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.errors import NotebookError
from gemnb.lock.document import read_lock, render_lock, write_lock
from gemnb.lock.drift import drift, input_drift
from gemnb.lock.pins import NAME, Lock, find_lock, notebook_name
from gemnb.lock.seen import see, updated
from gemnb.settings import find_project

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gemnb.lock.drift import Drift
    from gemnb.lock.pins import Pin
    from gemnb.lock.seen import Seen
    from gemnb.model import Request
    from gemnb.notebook import NotebookCell


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A lock as it is and as it would be.

    Attributes:
        path: Where it lies, or would.
        old: What it pins; an empty lock where there is none.
        new: What it would pin.
        seen: What the notebooks show.
        is_due: Whether its bytes would change.
    """

    path: Path
    old: Lock
    new: Lock
    seen: tuple[Seen, ...]
    is_due: bool

    def drift(self, requests: Mapping[str, Request] | None = None) -> list[Drift]:
        """Return what would change, in words; `requests` are further known ones by digest."""
        known = dict(requests or {})
        for one in self.seen:
            known |= one.requests
        return [*drift(self.old.pins, self.new.pins, known), *input_drift(self.old.sources, self.new.sources)]

    def replaced(self) -> list[Pin]:
        """Return the pins that would go, or be others."""
        stay = set(self.new.pins)
        return [pin for pin in self.old.pins if pin not in stay]

    def write(self) -> None:
        """Write the lock.

        Raises:
            StoreError: It cannot be written.
        """
        write_lock(self.path, render_lock(self.new))


def plan_locks(
    notebooks: Iterable[tuple[Path, Sequence[NotebookCell]]], folders: Iterable[Path] = (), parameters: str = ""
) -> tuple[list[Change], list[str]]:
    """Return the locks that these notebooks belong to, as they would be, and what keeps them from being written.

    Args:
        notebooks: Files and their cells, as saved or as a run left them; taken one at a time.
        folders: Folders that were looked through; what a lock has of notebooks that are no more in them goes.
        parameters: Digest of what the notebooks were run with; empty for none.

    Raises:
        NotebookError: A notebook has a name that no lock can hold.
        SettingsError: A lock that is there is none.
        StoreError: A lock cannot be read.
    """
    looked_through = [_absolute(folder) for folder in folders]
    by_lock: dict[Path, list[Seen]] = {}
    problems: list[str] = []
    for path, cells in notebooks:
        lock = _lock_of(path)
        name = notebook_name(path, lock)
        try:
            one = see(cells, name, parameters)
        except NotebookError as error:
            problems.append(" ".join(error.lines()[:2]))
        else:
            problems += [f"{name}: {said}" for said in one.lacking]
            by_lock.setdefault(lock, []).append(one)
    return [_change(path, seen, looked_through) for path, seen in by_lock.items()], problems


def _lock_of(notebook: Path) -> Path:
    root, _ = find_project(notebook.absolute().parent)
    return find_lock(notebook, root) or _absolute(root) / NAME


def _change(path: Path, seen: Sequence[Seen], folders: Sequence[Path]) -> Change:
    def is_gone(notebook: str) -> bool:
        file = path.parent / notebook
        return any(file.is_relative_to(folder) for folder in folders) and not os.path.lexists(file)

    there = path.is_file()
    old = read_lock(path) if there else Lock()
    new = updated(old, seen, is_gone)
    # Where git ends lines its own way, the lock is still the same.
    same = path.read_bytes().replace(b"\r\n", b"\n") == render_lock(new) if there else new == old
    return Change(path=path, old=old, new=new, seen=tuple(seen), is_due=not same)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - without `..`, and without following links
