"""Where a notebook is published from, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from gemnb.cache import Cache, Tiers


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a notebook lies, and what is kept there.

    Attributes:
        folder: The notebook's.
        root: Its project's.
        cache: The answers kept there, without private ones.
        private: The private ones, to know what may not be shown; None where they are not looked at.
        kept: The folder of the cache, of which no file is published by its address.
    """

    folder: Path
    root: Path
    cache: Cache | Tiers
    private: Cache | None = None
    kept: Path | None = None
