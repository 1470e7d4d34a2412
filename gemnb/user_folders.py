"""Where gemnb keeps what belongs to the user and not to a project."""

from __future__ import annotations

import sys
from pathlib import Path

from gemnb.errors import StoreError


def user_folder(kind: str) -> Path | None:
    """Return a folder of the user (`user_cache_path`, `user_data_path`), or None without a home (some containers)."""
    import platformdirs

    try:
        return Path(getattr(platformdirs, kind)("gemnb"))
    except RuntimeError:
        return None


def is_cheap() -> bool:
    """Return whether a user's folder is known without an import, as in every Jupyter kernel; not in a script."""
    return "platformdirs" in sys.modules


def claims_folder() -> Path:
    """Return the user's folder of claims: on this machine, not in the project."""
    folder = user_folder("user_cache_path")
    if folder is None:
        raise StoreError(
            "There is no folder to note calls in, and without a note a call could be lost or paid twice.",
            why="This user has no home folder.",
            hint="XDG_CACHE_HOME=/a/folder   names one",
        )
    return folder / "claims"


def batches_folder() -> Path | None:
    """Return the user's folder of batches that go on where they stopped, or None without a home."""
    folder = user_folder("user_cache_path")
    return None if folder is None else folder / "batches"


def previews_file() -> Path | None:
    """Return where the user's checks note which previews are of their originals, or None without a home."""
    folder = user_folder("user_cache_path")
    return None if folder is None else folder / "previews-of-originals"
