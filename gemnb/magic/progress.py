"""What a person sees while a cell runs: a line of progress, and the library's notices after it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Self

from gemnb.errors import printable

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_QUIET_SECONDS = 0.5  # no progress line before this


class Notices(logging.Handler):
    """Collects what the library has to say while a cell runs; it is shown after the cell's pictures."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Note what a record says, once."""
        text = printable(record.getMessage())
        if text not in self.texts:
            self.texts.append(text)

    def __enter__(self) -> Self:
        self._logger = logging.getLogger("gemnb")
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)


class Progress:
    """A line that shows while calls are under way and is gone before the pictures are shown."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._start = time.monotonic()
        self._shown = ""

    def __call__(self, done: int, total: int) -> None:
        """Show how many calls are done, where it has taken a while and somebody can see it."""
        seconds = int(time.monotonic() - self._start)
        if time.monotonic() - self._start < _QUIET_SECONDS or not hasattr(self._shell, "kernel"):
            return
        count = f"{done} of {total} answered, " if total > 1 else ""
        text = f"asking the model: {count}{seconds} s"
        if text != self._shown:
            self._shell.display_pub.publish(
                data={"text/plain": text}, transient={"display_id": f"gemnb-{id(self)}"}, update=bool(self._shown)
            )
            self._shown = text

    def clear(self, *, wait: bool) -> None:
        """Take the line away: with what is shown next, or at once where nothing will be."""
        if self._shown:
            self._shell.display_pub.clear_output(wait=wait)  # type: ignore[no-untyped-call]
