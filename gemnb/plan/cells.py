"""What a plan says of a cell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from decimal import Decimal
    from pathlib import Path

    from gemnb.cache import Cache, Tiers
    from gemnb.inputs import Reach


class What(StrEnum):
    """What a cell would do."""

    REPLAYS = "replays"
    """Answers are kept for all it asks."""
    CALLS = "calls"
    """A model would be called, and paid."""
    UNKNOWN = "unknown"
    """It hangs on values that only a running kernel has."""
    FAILS = "cannot run"
    """It would end with an error, and ask nothing."""
    NOTHING = "asks nothing"
    """It says so itself (`--dry-run`, `--mode plan`, `--help`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One cell of a plan.

    Attributes:
        notebook: Its file.
        cell: Its position there, from 1.
        name: The variable it binds, or empty.
        model: `vendor/model id`, or empty where it is not known.
        what: What it would do.
        calls: How many calls it would make.
        pictures: How many kept pictures it would show.
        usd: What its calls would cost; None where a price is unknown.
        as_of: The day from which that price is.
        why: Why it is not simply a hit, or which cell's answer it shares.
        bound: References whose values were taken from the record of the cell's own output.
    """

    notebook: Path
    cell: int
    name: str = ""
    model: str = ""
    what: What
    calls: int = 0
    pictures: int = 0
    usd: Decimal | None = None
    as_of: dt.date | None = None
    why: str = ""
    bound: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a plan looks; nothing is changed there.

    Attributes:
        cache: The kept answers, of the project and of this machine.
        reach: What input pictures are looked up in; nothing is fetched.
        root: The project's folder; no file outside it is read.
    """

    cache: Cache | Tiers
    reach: Reach
    root: Path
