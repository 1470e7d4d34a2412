"""The one progress line of a batch, on stderr; where nobody watches, a line per notebook instead."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING, Self

from gemnb.errors import printable

if TYPE_CHECKING:
    from pathlib import Path

    from gemnb.reproduce.run import Run


class Progress:
    """Counts notebooks.

    Args:
        total: How many there are.
        done: How many were done before.
    """

    def __init__(self, total: int, *, done: int = 0) -> None:
        self._total, self._done, self._before = total, done, done
        self._bad = 0
        self._start = time.monotonic()
        self._is_watched = sys.stderr.isatty()

    def __enter__(self) -> Self:
        if self._is_watched:
            self._draw("starting")
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_watched:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def step(self, path: Path, run: Run) -> None:
        """Count a notebook that was run."""
        self._done += 1
        well = run.error is None and not run.drift and all(row.verdict.value == "reproduced" for row in run.rows)
        self._bad += not well
        name = printable(str(path))
        if self._is_watched:
            self._draw(name)
        else:
            rows = f"{len(run.rows)} picture{'' if len(run.rows) == 1 else 's'}"
            sys.stderr.write(f"[{self._done}/{self._total}] {name}: {rows}{'' if well else ', not all reproduced'}\n")
            sys.stderr.flush()

    def _draw(self, name: str) -> None:
        said = [f"[{self._done}/{self._total}]", name]
        if self._bad:
            said.append(f"· {self._bad} not reproduced")
        if ran := self._done - self._before:
            left = (time.monotonic() - self._start) / ran * (self._total - self._done)
            said.append(f"· about {_span(left)} left")
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write("\r\x1b[K" + " ".join(said)[:width])
        sys.stderr.flush()


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
