"""Write a publication into its output folder, and nowhere else.

A file is written only where its bytes change, by a temporary file and a rename. No link is followed: neither a
folder nor a file below the output folder may be one. A page or file that somebody changed by hand since is not
overwritten unless told; a file that an earlier run made and this one does not is removed if it is as it was made.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest
from gemnb.errors import CorruptEntry, NotebookError, StoreError, UnknownSchema
from gemnb.publish.figures import INDEX
from gemnb.publish.index import parse_index

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path, PurePosixPath

    from gemnb.publish.flavors import Layout
    from gemnb.publish.index import Index
    from gemnb.publish.making import Made

MAX_READ = 64 * 1024 * 1024
"""Bytes of a file of an earlier run; an index or a copy has far less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What an earlier run left: its index, and what it made by stem."""

    index: Index | None
    made: Mapping[str, Made]


class Folder:
    """The output folder of a publication.

    Args:
        root: It may not be there yet.
        layout: Where things go below it.
    """

    def __init__(self, root: Path, layout: Layout) -> None:
        self.root = root.resolve()
        self.layout = layout

    def read(self, path: PurePosixPath) -> bytes | None:
        """Return the bytes of a file below the folder; None where there is none, or a link is on the way."""
        place = self.root / path
        try:
            if self._is_linked(place) or not place.is_file() or place.stat().st_size > MAX_READ:
                return None
            return place.read_bytes()
        except OSError:
            return None

    def earlier(self) -> Earlier:
        """Return what an earlier run left here; a broken index counts as none."""
        data = self.read(self.layout.folder / INDEX)
        if data is not None:
            try:
                index, made = parse_index(data)
                return Earlier(index=index, made=made)
            except (CorruptEntry, UnknownSchema):
                pass
        return Earlier(index=None, made={})

    def path_of(self, name: str) -> PurePosixPath:
        """Return where an index's path lies: a bare name in the folder of files, a longer one from the root."""
        return self.layout.folder / name if "/" not in name else type(self.layout.folder)(name)

    def refuse_to_lose(self, earlier: Earlier, page: bytes) -> None:
        """Stop where the page was changed by hand, or is no page of gemnb's.

        Raises:
            NotebookError: It would be overwritten.
        """
        now = self.read(self.layout.page)
        known = earlier.index.written if earlier.index else {}
        if now is None or now == page or blob_digest(now) in known.values():
            return
        was = "was changed after it was published" if earlier.index else "is there, and not gemnb's"
        raise NotebookError(
            f"{self.layout.page} {was}; it is not overwritten.",
            hint="--force overwrites it; `git diff` then shows what was lost.",
        )

    def write(self, files: Mapping[PurePosixPath, bytes]) -> list[PurePosixPath]:
        """Write files in this order where their bytes change, and return which were written.

        Raises:
            StoreError: The folder cannot be written, or a link leads out of it.
        """
        return [path for path, data in files.items() if self._write(path, data)]

    def remove_left(self, earlier: Earlier, files: Mapping[PurePosixPath, bytes]) -> list[PurePosixPath]:
        """Remove what the earlier run wrote and this one does not, if it is as it was; return what was removed."""
        removed = []
        for name, digest in (earlier.index.written if earlier.index else {}).items():
            path = self.path_of(name)
            data = None if path in files else self.read(path)
            if data is not None and blob_digest(data) == digest:
                (self.root / path).unlink(missing_ok=True)
                removed.append(path)
        return removed

    def _write(self, path: PurePosixPath, data: bytes) -> bool:
        if self.read(path) == data:
            return False
        place = self.root / path
        if self._is_linked(place):
            raise StoreError(
                f"{path} is reached by a link, which could lead out of the output folder; nothing is written there.",
                hint="Remove the link, or give its target as --output.",
            )
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _replace(place, data)
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            return True
        raise StoreError(f"{place} cannot be written.", why=reason)

    def _is_linked(self, place: Path) -> bool:
        while place != self.root:
            if place.is_symlink():
                return True
            place = place.parent
        return False


def _replace(place: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=".gemnb-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # What others may read is the umask's business, as for any file; mkstemp makes it the owner's alone.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # noqa: PTH101 - a name of mkstemp's
        os.replace(temporary, place)  # noqa: PTH105 - a name of mkstemp's
    except BaseException:
        os.unlink(temporary)  # noqa: PTH108 - a name of mkstemp's
        raise
