"""A plan as a table for a person and as JSON for a program. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from gemnb.errors import printable
from gemnb.plan.cells import What
from gemnb.prices import dollars

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from gemnb.model import JSONObject
    from gemnb.plan.cells import Planned
    from gemnb.plan.execute import Executed

_HEAD = ("notebook", "cell", "name", "model", "what", "calls", "pictures", "price")
_RIGHT = {1, 5, 6, 7}
_WIDEST = 40  # of a column


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What cells come to together."""

    pictures: int
    calls: int
    usd: Decimal
    unpriced: int
    unknown: int
    failing: int
    as_of: dt.date | None


def total(cells: Iterable[Planned]) -> Totals:
    """Return what the cells of a plan come to."""
    found = list(cells)
    return Totals(
        pictures=sum(cell.pictures for cell in found),
        calls=sum(cell.calls for cell in found),
        usd=sum((cell.usd for cell in found if cell.usd is not None), Decimal(0)),
        unpriced=sum(cell.calls for cell in found if cell.usd is None),
        unknown=sum(cell.what is What.UNKNOWN for cell in found),
        failing=sum(cell.what is What.FAILS for cell in found),
        as_of=min((cell.as_of for cell in found if cell.as_of), default=None),
    )


def as_table(cells: Sequence[Planned]) -> str:
    """Return a line per cell, its reason below it, and the totals."""
    rows = [_row(cell) for cell in cells]
    widths = [max(len(row[column]) for row in (_HEAD, *rows)) for column in range(len(_HEAD))]
    lines = [_aligned(_HEAD, widths)] if rows else []
    for cell, row in zip(cells, rows, strict=True):
        lines.append(_aligned(row, widths))
        if cell.why:
            lines.append(f"    {printable(cell.why)[:200]}")
        if cell.bound:
            lines.append(f"    taken from its record: {printable(', '.join(cell.bound))[:200]}")
    return "\n".join([*lines, summary(total(cells))])


def summary(found: Totals) -> str:
    """Return the totals in one sentence."""
    said = [f"{_count(found.pictures, 'picture')} replay{'s' if found.pictures == 1 else ''}"]
    money = f", about {dollars(found.usd)}"
    dated = f" (prices as of {found.as_of})" if found.as_of and found.usd else ""
    priced = found.calls > found.unpriced
    said.append(_count(found.calls, "call") + (money + dated if priced else ""))
    if found.unpriced:
        said.append(f"price unknown for {_count(found.unpriced, 'call')}")
    if found.unknown:
        said.append(f"{_count(found.unknown, 'cell')} unknown")
    if found.failing:
        said.append(f"{_count(found.failing, 'cell')} cannot run")
    return ", ".join(said) + "."


def as_json(cells: Sequence[Planned], executed: Sequence[Executed] = ()) -> str:
    """Return the plan as JSON: amounts are texts of US dollars, null where no price is known."""
    found = total(cells)
    document: JSONObject = {
        "cells": [_cell_json(cell) for cell in cells],
        "total": {
            "pictures": found.pictures,
            "calls": found.calls,
            "usd": str(found.usd),
            "unpriced_calls": found.unpriced,
            "unknown": found.unknown,
            "cannot_run": found.failing,
            "prices_as_of": str(found.as_of) if found.as_of else None,
        },
    }
    if executed:
        document["executed"] = [_executed_json(item) for item in executed]
    return json.dumps(document, indent=1)


def executed_lines(executed: Sequence[Executed]) -> list[str]:
    """Return a sentence for each notebook that was run in mode plan."""
    return [_executed_line(item) for item in executed]


def _executed_line(item: Executed) -> str:
    least = "at least " if item.stop else ""
    money = f", about {dollars(item.usd)}" if item.calls > item.unpriced else ""
    money += f", price unknown for {_count(item.unpriced, 'call')}" if item.unpriced else ""
    end = "it ran to its end"
    if item.stop:
        reads = "which reads a pending picture" if item.stop.pending else f"{item.stop.kind}: {item.stop.message}"
        end = f"stopped in cell {item.stop.cell}, {reads}"
    return printable(f"{item.notebook}: {least}{_count(item.calls, 'call')}{money}; {end}.")[:400]


def _row(cell: Planned) -> tuple[str, ...]:
    price = "-" if not cell.calls else "unknown" if cell.usd is None else dollars(cell.usd)
    values = (
        *(str(cell.notebook), str(cell.cell), cell.name or "-", cell.model or "-", cell.what.value),
        *(str(cell.calls or "-"), str(cell.pictures or "-"), price),
    )
    return tuple(_fit(printable(value)) for value in values)


def _fit(text: str) -> str:
    # The end of a path tells more than its beginning.
    return text if len(text) <= _WIDEST else "…" + text[1 - _WIDEST :]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        text.rjust(width) if column in _RIGHT else text.ljust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _cell_json(cell: Planned) -> JSONObject:
    return {
        "notebook": str(cell.notebook),
        "cell": cell.cell,
        "name": cell.name or None,
        "model": cell.model or None,
        "what": cell.what.value,
        "calls": cell.calls,
        "pictures": cell.pictures,
        "usd": None if cell.usd is None else str(cell.usd),
        "why": cell.why or None,
        "from_record": list(cell.bound),
    }


def _executed_json(item: Executed) -> JSONObject:
    stop: JSONObject | None = None
    if item.stop:
        stop = {"cell": item.stop.cell, "error": item.stop.kind, "message": item.stop.message}
    return {
        "notebook": str(item.notebook),
        "calls": item.calls,
        "usd": str(item.usd),
        "unpriced_calls": item.unpriced,
        "stopped": stop,
    }
