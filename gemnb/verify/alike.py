"""Which previews were found to be of their originals before, so that neither is decoded again.

Whether two pictures are alike is a function of their bytes, and both are hashed at every check: under the same two
digests the answer is the same. It is kept in the user's own cache folder, never in the project, where a stranger's
clone would bring it along.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_RULE = "1"  # to be raised with every change of `gemnb.verify.sketches` that finds more
_MAX = 4 * 1024 * 1024  # bytes, about 120,000 pairs; then the file begins anew


class Alike:
    """A set of pairs of digests, original and preview, over a file.

    Args:
        path: The file; None remembers nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: set[str] | None = None
        self._new: list[str] = []

    def has(self, original: str, preview: str) -> bool:
        """Return whether the preview was found to be one of the original."""
        if self._path is None:
            return False
        if self._known is None:
            self._known = set(self._read())
        return _line(original, preview) in self._known

    def add(self, original: str, preview: str) -> None:
        """Note that the preview was found to be one of the original; `save` writes it."""
        if not self.has(original, preview):
            self._new.append(_line(original, preview))

    def save(self) -> None:
        """Write what was noted; where that cannot be, the pictures are compared again next time."""
        if self._path is None or not self._new:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            size = self._path.stat().st_size if self._path.exists() else 0
            with self._path.open("w" if size > _MAX else "a", encoding="ascii") as file:
                file.write("".join(f"{line}\n" for line in self._new))  # one write: others may append beside us
        self._new.clear()

    def _read(self) -> list[str]:
        try:
            return self._path.read_bytes().decode("ascii", "replace").split() if self._path else []
        except OSError:
            return []


def _line(original: str, preview: str) -> str:
    return hashlib.sha256(f"{_RULE} {original} {preview}".encode()).hexdigest()
