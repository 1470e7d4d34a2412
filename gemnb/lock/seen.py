"""What a notebook's own records say should be in the lock, what it lacks, and the lock that comes of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from gemnb.cell import parse
from gemnb.errors import CacheError, CellError, NotebookError
from gemnb.foreign import corrupt
from gemnb.lock.pins import MAX_ATTEMPT, Lock, Pin, Source
from gemnb.notebook import is_papermills, scan, should_show
from gemnb.records import parse_document, record_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from gemnb.model import Binding, Invocation, Record, Request
    from gemnb.notebook import NotebookCell, ScannedCell


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one notebook, as run with certain parameters, shows.

    Attributes:
        notebook: As in a pin.
        parameters: As in a pin.
        pins: One for each answer shown, in order.
        sources: What its paths, globs and URLs stood for.
        unclear: Paths and URLs that stood for different bytes in different cells; no lock can hold them.
        lacking: A sentence for each cell that should show a picture and does not.
        requests: The requests themselves, by digest.
    """

    notebook: str
    parameters: str = ""
    pins: tuple[Pin, ...] = ()
    sources: tuple[Source, ...] = ()
    unclear: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    requests: Mapping[str, Request] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """An answer as a cell shows it."""

    cell: str
    record: Record
    invocation: Invocation


def see(cells: Sequence[NotebookCell], notebook: str, parameters: str = "") -> Seen:
    """Return what the records in a notebook's outputs pin.

    Raises:
        NotebookError: A record was damaged, edited, or written by a later gemnb.
    """
    scanned = scan(cells)
    answers = list(_answers(scanned, _names(cells), notebook))
    found: dict[str, dict[tuple[tuple[str, str], ...], None]] = {}
    for answer in answers:
        for source, files in _sources(answer.invocation).items():
            found.setdefault(source, {})[files] = None
    return Seen(
        notebook=notebook,
        parameters=parameters,
        pins=tuple(_pins(answers, notebook, parameters)),
        sources=tuple(
            Source(notebook=notebook, parameters=parameters, source=source, files=next(iter(several)))
            for source, several in sorted(found.items())
            if len(several) == 1
        ),
        unclear=tuple(sorted(source for source, several in found.items() if len(several) > 1)),
        lacking=tuple(said for cell in scanned if cell.asks and (said := _lacking(cell))),
        requests={answer.record.request_digest: answer.record.request for answer in answers},
    )


def pins_of(cells: Sequence[NotebookCell], notebook: str, parameters: str = "") -> tuple[Pin, ...]:
    """Return one pin for each answer that a notebook's cells show, in order.

    Args:
        cells: Those of the notebook. After a run they must have the ids they had before it: nbformat gives the cells
            of an older notebook new ones each time.
        notebook: How the lock names it.
        parameters: The digest of what it was run with.

    Raises:
        NotebookError: A record was damaged, edited, or written by a later gemnb.
    """
    return see(cells, notebook, parameters).pins


def updated(lock: Lock, seen: Sequence[Seen], is_gone: Callable[[str], bool] = lambda _: False) -> Lock:
    """Return the lock with what was seen in the place of what it had for the same notebooks and parameters.

    Args:
        lock: The lock so far.
        seen: The notebooks that were looked at.
        is_gone: Whether a notebook of the lock is no more.
    """
    runs = {(one.notebook, one.parameters) for one in seen}

    def stays(item: Pin | Source) -> bool:
        return (item.notebook, item.parameters) not in runs and not is_gone(item.notebook)

    return Lock(
        pins=(*filter(stays, lock.pins), *(pin for one in seen for pin in one.pins)),
        sources=(*filter(stays, lock.sources), *(source for one in seen for source in one.sources)),
    )


def _pins(answers: Iterable[_Answer], notebook: str, parameters: str) -> Iterator[Pin]:
    for cell, own in groupby(answers, key=lambda answer: answer.cell):
        for occurrence, answer in enumerate(own, 1):
            yield Pin(
                notebook=notebook,
                parameters=parameters,
                cell=cell,
                occurrence=occurrence,
                request=answer.record.request_digest,
                attempt=answer.record.attempt,
                record=record_digest(answer.record),
                pictures=tuple(picture.original.blob for picture in answer.record.pictures),
            )


def _answers(cells: Iterable[ScannedCell], names: Mapping[int, str], notebook: str) -> Iterator[_Answer]:
    for scanned in cells:
        if scanned.number not in names:
            continue
        last: tuple[Record, int] | None = None
        for shown in scanned.shown:
            try:
                record, invocation, picture = parse_document(shown.document)
                if record.attempt > MAX_ATTEMPT:
                    raise corrupt(f"it has attempt {record.attempt}")
            except CacheError as error:
                raise _damaged(notebook, scanned.number, error) from None
            # Pictures of one answer are outputs of their own, in order; the same answer once more begins again.
            if last is None or last[0] != record or picture is None or picture <= last[1]:
                yield _Answer(cell=names[scanned.number], record=record, invocation=invocation)
            last = record, -1 if picture is None else picture


def _names(cells: Sequence[NotebookCell]) -> dict[int, str]:
    """Return how a lock names each code cell, by its number; papermill's own cells have no name."""
    own = [cell for cell in cells if cell.is_code and not is_papermills(cell)]
    ids = [cell.id for cell in cells if cell.id is not None]
    twice = {one for one in ids if ids.count(one) > 1} if len(set(ids)) < len(ids) else set()
    return {
        cell.number: f"#{position}" if cell.id is None or cell.id in twice else cell.id
        for position, cell in enumerate(own, 1)
    }


def _sources(invocation: Invocation) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, dict[tuple[str, str], None]] = {}
    for binding in invocation.bindings:
        if binding.kind in ("file", "url") and binding.blob:
            source = _source(binding)
            name = binding.value or source if binding.kind == "file" else source
            found.setdefault(source, {})[name, binding.blob] = None
    return {source: tuple(files) for source, files in found.items() if source}


def _source(binding: Binding) -> str:
    return binding.source.removeprefix("file:") if binding.kind == "file" else binding.source


def _lacking(scanned: ScannedCell) -> str:
    here = f"cell {scanned.number}"
    if scanned.fails_rightly:
        return ""
    try:
        cell = parse(scanned.source)
    except CellError as error:
        return f"{here} cannot run as it stands: {error.what}"
    if scanned.error is not None:
        return f"{here} stopped with {scanned.error[0]}"
    if not should_show(scanned):
        return ""
    if not scanned.shown:
        return f"{here} shows no picture with a record; run the notebook and save it"
    asked = cell.get("samples") or "1"
    if asked.isascii() and asked.isdigit() and len(asked) < 4 and len(scanned.shown) < int(asked):
        return f"{here} asks for {asked} samples, and shows {len(scanned.shown)}"
    return ""


def _damaged(notebook: str, number: int, error: CacheError) -> NotebookError:
    return NotebookError(
        f"{notebook} cell {number}: its record cannot be pinned: {error.what}",
        why=error.why,
        hint=error.hint or "Run the cell again and save the notebook.",
    )
