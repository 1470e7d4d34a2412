"""Run a notebook in mode plan: nothing is called, and it stops where a picture that is not there is read."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from gemnb.model import Mode
from gemnb.notebook import first_error, read_notebook
from gemnb.reproduce.run import Job, execute

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gemnb.model import JSONObject, JSONValue
    from gemnb.notebook import NotebookCell

_LINE = re.compile(
    r"^pending: would ask (\S+) (?:(\d{1,3}) times )?\(([0-9a-f, ]+)\), (?:about \$(\d[\d.]{0,12})|price unknown)$",
    re.MULTILINE,
)
_SAID = 200  # characters of an error's message


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Where a notebook stopped: the cell's position, the error's class, the first line of its message."""

    cell: int
    kind: str
    message: str

    @property
    def pending(self) -> bool:
        """Whether it stopped because a picture that is not there was read."""
        return self.kind == "PendingRead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What a notebook asked in mode plan, until it ended or stopped.

    Attributes:
        notebook: Its file.
        calls: How many calls it would have made by then.
        usd: What those with a known price would have cost, in US dollars.
        unpriced: How many of them have no known price.
        stop: Where it stopped, or None.
    """

    notebook: Path
    calls: int
    usd: Decimal
    unpriced: int
    stop: Stop | None


def execute_notebook(path: Path) -> Executed:
    """Run a notebook through papermill in mode plan, which no cell can lift. The notebook itself is not written.

    Raises:
        NotebookError: It is no notebook, or no kernel could run it.
    """
    read_notebook(path)
    with warnings.catch_warnings(action="ignore"):  # nbformat's, about cells without ids: nothing is saved
        cells = execute(Job(path=path, mode=Mode.PLAN)).came
    error = first_error(cells)
    stop = None
    if error is not None:
        number, kind, message = error
        position = 1 + [cell.number for cell in cells].index(number)
        stop = Stop(cell=position, kind=kind, message=(message.splitlines() or [""])[0][:_SAID])
    calls, usd, unpriced = _counted(cells)
    return Executed(notebook=path, calls=calls, usd=usd, unpriced=unpriced, stop=stop)


def _counted(cells: Sequence[NotebookCell]) -> tuple[int, Decimal, int]:
    """Add up what the cells say that they would ask; the same requests count once."""
    seen: set[tuple[str, str]] = set()
    calls, usd, unpriced = 0, Decimal(0), 0
    for cell in cells:
        for output in cell.outputs:
            for model, times, digests, price in _LINE.findall(_text(output)):
                if (model, digests) in seen:
                    continue
                seen.add((model, digests))
                number = int(times or 1)
                calls += number
                usd += Decimal(price.rstrip(".")) if price.count(".") <= 1 and price else 0
                unpriced += 0 if price else number
    return calls, usd, unpriced


def _text(output: JSONObject) -> str:
    data = output.get("data")
    value: JSONValue = data.get("text/plain") if isinstance(data, dict) else output.get("text")
    lines = value if isinstance(value, list) else [value]
    return "".join(line for line in lines if isinstance(line, str))
