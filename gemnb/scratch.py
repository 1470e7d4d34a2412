"""What a re-run brings along for its kernel: a folder with the notebook's own answers, and what is pinned.

Its `cache/` is a cache as any other, its `pins.json` is read here. `gemnb reproduce` and the papermill engine write
it (`gemnb.reproduce.hydrate`) and name it in `GEMNB_SCRATCH`. Nothing of it goes into the project's cache.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PINS = "pins.json"


@dataclass(slots=True, kw_only=True)
class Scratch:
    """What is pinned for one run of a notebook.

    Attributes:
        attempts: Request digest to the attempts that the notebook's cells show, in the order they are asked for.
        inputs: A path or glob as written in a cell to the files it stood for: (name, digest of the bytes). They
            stand in where the file is absent.
    """

    attempts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    inputs: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    _asked: dict[str, int] = field(default_factory=dict)

    def attempt(self, digest: str) -> int | None:
        """Return the attempt pinned for this asking of a request, or None; asking again gives the next one."""
        pinned = self.attempts.get(digest)
        if not pinned:
            return None
        position = self._asked.get(digest, 0)
        self._asked[digest] = position + 1
        return pinned[min(position, len(pinned) - 1)]

    def write(self, folder: Path) -> None:
        """Write what is pinned into the folder of a re-run."""
        pins = {"attempts": dict(self.attempts), "inputs": dict(self.inputs)}
        (folder / PINS).write_text(json.dumps(pins), "utf-8")


def read_scratch(folder: Path) -> Scratch:
    """Return what is pinned in the folder of a re-run.

    Raises:
        StoreError: It is not there, or was not written by `Scratch.write`.
    """
    try:
        pins = json.loads((folder / PINS).read_text("utf-8"))
        return Scratch(
            attempts={digest: tuple(attempts) for digest, attempts in pins["attempts"].items()},
            inputs={name: tuple((str(a), str(b)) for a, b in files) for name, files in pins["inputs"].items()},
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
    raise StoreError(
        f"GEMNB_SCRATCH={folder} is no folder of a re-run.",
        why=reason,
        hint="unset GEMNB_SCRATCH   (`gemnb reproduce` and the papermill engine set it for their kernels)",
    )
