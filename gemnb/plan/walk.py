"""Plan a notebook without running it: cell by cell, each with what the cells above it would have made."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from gemnb.canonical import request_digest, short
from gemnb.cell import parse
from gemnb.errors import CacheError, GemnbError, StoreError
from gemnb.invocation import assemble, needs, parse_use
from gemnb.model import Invocation, Mode
from gemnb.notebook import Literals, read_notebook, scan
from gemnb.plan.cells import Planned, What
from gemnb.plan.names import Answered, Asked, Names
from gemnb.plan.references import Desk, look_up
from gemnb.prices import estimate
from gemnb.records import parse_document

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gemnb.cell import Cell
    from gemnb.invocation import Defaults
    from gemnb.model import Binding, Content, Record, Request
    from gemnb.notebook import NotebookCell, ScannedCell
    from gemnb.plan.cells import Places
    from gemnb.plan.references import Stands

_MODES = {mode.value for mode in Mode}


def plan_notebook(path: Path, places: Places, asked: set[str] | None = None) -> list[Planned]:
    """Return what each cell of a notebook that asks for pictures would do in mode auto. Nothing is run or written.

    Args:
        path: The notebook.
        places: Where answers and files are looked up.
        asked: Digests of requests that notebooks before this one would ask; those of this one are added.

    Raises:
        NotebookError: The file is no notebook.
        StoreError: The cache cannot be read.
    """
    walk = _Walk(path, places, set() if asked is None else asked)
    cells = read_notebook(path)
    scanned = {cell.number: cell for cell in scan(cells)}
    return [planned for cell in cells if cell.is_code for planned in walk.cell(cell, scanned.get(cell.number))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A cell with all it refers to, as far as that is there."""

    cell: Cell
    defaults: Defaults | None
    bindings: tuple[Binding, ...]
    earlier: tuple[Content, ...]
    after: int
    unknown: str
    bound: tuple[str, ...]


@dataclass(slots=True)
class _Walk:
    path: Path
    places: Places
    asked: set[str]
    names: Names = field(default_factory=Names)
    literals: Literals = field(default_factory=Literals)

    def cell(self, cell: NotebookCell, scanned: ScannedCell | None) -> Iterator[Planned]:
        """Yield what a cell of code would do, if it has to do with pictures at all."""
        if scanned is not None and scanned.asks:
            yield self._gemimg(scanned)
            return
        self.literals.read(cell.source, cell.number)
        if calls := self.names.read(cell.source):
            times = "1 call" if calls == 1 else f"{calls} calls"
            why = f"{times} of gemnb.generate in plain code"
            yield Planned(notebook=self.path, cell=cell.number, what=What.UNKNOWN, why=why)

    def _gemimg(self, scanned: ScannedCell) -> Planned:
        planned = Planned(notebook=self.path, cell=scanned.number, what=What.FAILS)
        kept: list[Record | None] = []
        try:
            cell = parse(scanned.source)
            planned = replace(planned, name=cell.name or "")
            if _says_nothing(cell):
                if planned.name and cell.get("mode") == Mode.PLAN:
                    self.names.bind(planned.name, Asked(cell=scanned.number, calls=False))
                return replace(planned, what=What.NOTHING)
            defaults = parse_use(scanned.defaults) if scanned.defaults else None
            planned, kept = self._asking(planned, self._ready(cell, defaults, scanned))
        except StoreError:
            raise
        except GemnbError as error:
            planned = replace(planned, why=" ".join(error.what.split()))
        if planned.name:
            self.names.bind(planned.name, _bound(planned, kept))
            self.literals.bind(planned.name)
        return planned

    def _ready(self, cell: Cell, defaults: Defaults | None, scanned: ScannedCell) -> _Ready:
        wanted = needs(cell, defaults)
        desk = Desk(
            names=self.names,
            literals=self.literals,
            places=self.places,
            folders=(self.path.parent, self.places.root),
            recorded=_recorded(scanned),
            invocation=Invocation(source=scanned.source),
            blob=self.places.cache.blob,
        )
        found: list[Stands] = [look_up(need, desk) for need in wanted]
        return _Ready(
            cell=cell,
            defaults=defaults,
            bindings=tuple(binding for stands in found for binding in stands.bindings),
            earlier=next((stands.earlier for stands in found if stands.earlier), ()),
            after=max((stands.after for stands in found), default=0),
            unknown=next((stands.unknown for stands in found if stands.unknown), ""),
            bound=tuple(dict.fromkeys(n.source for n, stands in zip(wanted, found, strict=True) if stands.recorded)),
        )

    def _asking(self, planned: Planned, ready: _Ready) -> tuple[Planned, list[Record | None]]:
        """Return what the cell would ask, and for each sample the record that answers it, or None."""
        planned = replace(planned, bound=ready.bound)
        if ready.unknown:
            return replace(planned, what=What.UNKNOWN, why=ready.unknown), []
        requests = assemble(ready.cell, ready.defaults, ready.bindings, ready.earlier)
        planned = replace(planned, model=requests[0].model)
        mode = ready.cell.get("mode")
        if mode is not None and mode not in _MODES:
            return replace(planned, why=f"There is no mode {mode[:40]!r}."), []
        if ready.after:
            return self._calling(planned, requests, requests, mode, f"depends on cell {ready.after}"), []
        if mode == Mode.REFRESH:
            return self._calling(planned, requests, requests, mode, "its --mode is refresh"), []
        kept = [None if (k := self.places.cache.find(request_digest(r))) is None else k.record for r in requests]
        return self._answering(planned, requests, kept, mode), kept

    def _answering(
        self, planned: Planned, requests: Sequence[Request], kept: Sequence[Record | None], mode: str | None
    ) -> Planned:
        """Return what a cell would do some of whose samples are kept; what was asked above is not asked again."""
        records = [record for record in kept if record is not None]
        planned = replace(planned, pictures=sum(len(record.pictures) for record in records))
        if len(records) == len(requests):
            return replace(planned, what=What.REPLAYS, usd=Decimal(0), why=_words(records))
        digests = {r: request_digest(request) for r, request in enumerate(requests) if kept[r] is None}
        new = [requests[r] for r, digest in digests.items() if digest not in self.asked]
        if mode != Mode.REPLAY:
            self.asked.update(digests.values())
        if not new:
            shown = ", ".join(short(digest) for digest in digests.values())
            return replace(planned, what=What.REPLAYS, usd=Decimal(0), why=f"asks what was asked above ({shown})")
        why = f"{len(records)} of {len(requests)} samples are kept" if records else ""
        return self._calling(planned, requests, new, mode, why)

    def _calling(
        self, planned: Planned, requests: Sequence[Request], wanted: Sequence[Request], mode: str | None, why: str
    ) -> Planned:
        if mode == Mode.REPLAY:
            kept = f" for {len(wanted)} of {len(requests)} samples" if len(requests) > 1 else ""
            return replace(planned, why=f"its --mode is replay, and no answer is kept{kept}")
        usd, as_of = _price(wanted)
        return replace(planned, what=What.CALLS, calls=len(wanted), usd=usd, as_of=as_of, why=why)


def _bound(planned: Planned, kept: Sequence[Record | None]) -> Answered | Asked:
    """Return what a cell's NAME stands for below it."""
    records = tuple(record for record in kept if record is not None)
    if planned.what is What.REPLAYS and len(records) == len(kept):
        return Answered(records=records)
    calls = planned.what in (What.CALLS, What.REPLAYS)
    return Asked(cell=planned.cell, calls=calls, kept=tuple(kept) if calls else ())


def _says_nothing(cell: Cell) -> bool:
    return any(cell.get(flag) is not None for flag in ("help", "dry-run")) or cell.get("mode") == Mode.PLAN


def _recorded(scanned: ScannedCell) -> tuple[Binding, ...]:
    """Return the bindings in the records of a cell's own output; what is no record is passed over."""
    found: list[Binding] = []
    for shown in scanned.shown:
        try:
            found += parse_document(shown.document)[1].bindings
        except CacheError:
            continue
    return tuple(dict.fromkeys(found))


def _price(requests: Sequence[Request]) -> tuple[Decimal | None, dt.date | None]:
    found = [estimate(request) for request in requests]
    known = [item.usd for item in found if item.usd is not None]
    usd = sum(known, Decimal(0)) if len(known) == len(found) else None
    return usd, min((item.as_of for item in found if item.as_of), default=None)


def _words(records: Sequence[Record]) -> str:
    without = next((record for record in records if not record.pictures), None)
    return "" if without is None else f"the kept answer is no picture ({without.outcome})"
