"""Find what no page may show: what cells withhold with `publish: false`, and everything that depends on it.

A cell says so as it stands, or as it was when it ran; where its output was cleared, or never was, its answer is the
one under `cache/private`, or only its NAME is known. From there on the way of each digest, of each earlier answer
and of each name is followed until nothing more is found. Where it cannot be told, a picture is withheld.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest
from gemnb.detach import references
from gemnb.errors import CacheError
from gemnb.invocation import needs
from gemnb.publish import names
from gemnb.publish.privacy import kept_apart, line_name, maker, withholds
from gemnb.publish.withheld import GOES_ON, MADE_FROM, SHOWS, Reason, Withheld
from gemnb.records import parse_document
from gemnb.verify.sources import present, spelling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from gemnb.model import Binding, Invocation, Record
    from gemnb.notebook import NotebookCell, ScannedCell
    from gemnb.publish.place import Place
    from gemnb.verify.sources import Present

_NO_NAMES = ("file", "url", "data", "literal")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """A record of the notebook, and where it stands."""

    cell: int
    position: int
    is_asked: bool
    record: Record
    invocation: Invocation


def find_withheld(cells: Sequence[NotebookCell], scanned: Mapping[int, ScannedCell], place: Place) -> Withheld:
    """Return what no page may show of a notebook.

    Args:
        cells: Its cells.
        scanned: Those that ask for pictures or show records, by position.
        place: Where kept answers are looked up, private ones too.

    Raises:
        StoreError: The cache cannot be read.
    """
    search = _Search(cells=cells, scanned=scanned, now={n: present(cell) for n, cell in scanned.items()})
    search.begin(place)
    if not (search.found.cells or search.requests):
        return search.found
    while search.follow():
        pass
    search.found.blob = search.reader(place)
    return search.found


@dataclass(slots=True, kw_only=True)
class _Search:
    cells: Sequence[NotebookCell]
    scanned: Mapping[int, ScannedCell]
    now: Mapping[int, Present]
    found: Withheld = field(default_factory=Withheld)
    answers: list[_Answer] = field(default_factory=list)
    requests: dict[str, int] = field(default_factory=dict)
    turns: list[tuple[Record, int]] = field(default_factory=list)
    embedded: dict[str, bytes] = field(default_factory=dict)

    def begin(self, place: Place) -> None:
        """Find what says so itself, and what is kept apart."""
        asking = [n for n, cell in self.scanned.items() if cell.asks and withholds(self.now[n], cell)]
        sources = {spelling(self.scanned[number].source): number for number in asking}
        for number, scanned in self.scanned.items():
            if number in asking:
                self.found.cells[number] = Reason(cell=number)
            elif withholds(self.now[number], scanned):
                self.found.cells[number] = Reason(cell=maker(scanned, sources), because=SHOWS)
            for position in range(len(scanned.shown)):
                self._take(number, position, scanned)
        for cell in self.cells:
            if cell.is_code and cell.number not in self.found.cells and names.asks_privately(cell.source):
                self.found.cells[cell.number] = Reason(cell=cell.number)
        for record, invocation in kept_apart(place):
            self._hide(record, sources.get(spelling(invocation.source or ""), 0))

    def _take(self, number: int, position: int, scanned: ScannedCell) -> None:
        shown = scanned.shown[position]
        picture = shown.picture
        if picture:
            digest = blob_digest(picture)
            self.embedded[digest] = picture
            if number in self.found.cells:
                self.found.digests.setdefault(digest, self.found.cells[number].cell)
        try:
            record, invocation, _ = parse_document(shown.document)
        except CacheError:
            return
        self.answers.append(
            _Answer(cell=number, position=position, is_asked=scanned.asks, record=record, invocation=invocation)
        )

    def _hide(self, record: Record, root: int) -> None:
        for digest in _held_by(record):
            self.found.digests.setdefault(digest, root)
        if record.request_digest not in self.requests:
            self.requests[record.request_digest] = root
            self.turns.append((record, root))

    def follow(self) -> bool:
        """Go one step on; return whether anything was found."""
        before = len(self.found.records), len(self.found.cells), len(self.found.digests)
        held = self._names()
        public = {one.record.request_digest for one in self.answers if one.is_asked and not self._is_hidden(one)}
        for one in self.answers:
            if not self._is_hidden(one) and (why := self._why(one, held[one.cell], public)) is not None:
                self.found.records[one.cell, one.position] = why
        for one in self.answers:
            if (why := self._reason(one)) is not None:
                self._hide(one.record, why.cell)
        self._mark_cells(held)
        return before != (len(self.found.records), len(self.found.cells), len(self.found.digests))

    def _is_hidden(self, one: _Answer) -> bool:
        return self._reason(one) is not None

    def _reason(self, one: _Answer) -> Reason | None:
        return self.found.cells.get(one.cell) or self.found.records.get((one.cell, one.position))

    def _why(self, one: _Answer, held: Mapping[str, int], public: set[str]) -> Reason | None:
        """Return why an answer is withheld, although its cell does not say so."""
        record, digests = one.record, self.found.digests
        if record.request_digest in self.requests:
            return Reason(cell=self.requests[record.request_digest], because=SHOWS)
        if (why := self.found.named(_held_by(record))) is not None:
            return why
        if (root := self._goes_on(record, one.invocation.bindings)) is not None:
            return Reason(cell=root, because=GOES_ON)
        given = (digest for turn in record.request.contents for digest in references(list(turn.parts)))
        root = next((digests[digest] for digest in given if digest in digests), None)
        if root is not None:
            return Reason(cell=root, because=MADE_FROM)
        if not one.is_asked:
            own = names.used(self.scanned[one.cell].source) & held.keys()
            name = min(own) if own and record.request_digest not in public else ""
        else:
            name = next(_by_name(one.invocation.bindings, held, public), "")
        return Reason(cell=held[name], because=MADE_FROM, name=name) if name else None

    def _goes_on(self, record: Record, bindings: Iterable[Binding]) -> int | None:
        for binding in bindings:
            if binding.request in self.requests and binding.kind == "result":
                return self.requests[binding.request]
        contents = record.request.contents
        earlier = (digest for turn in contents[:-1] for digest in references(list(turn.parts)))
        for digest in earlier:
            if digest in self.found.digests:
                return self.found.digests[digest]
        for other, root in self.turns:
            said = other.request.contents
            if len(contents) > len(said) and contents[: len(said)] == said:
                return root
        return None

    def _mark_cells(self, held: Mapping[int, Mapping[str, int]]) -> None:
        """Find cells none of whose answers may be shown, and plain code that uses a withheld name."""
        for number, scanned in self.scanned.items():
            own = [self.found.records.get((number, position)) for position in range(len(scanned.shown))]
            why = own[0] if own and all(own) else None
            if why is None and not own:
                why = self._by_need(self.now[number], held[number])
            if why is not None:
                self.found.cells.setdefault(number, why)
        for cell in self.cells:
            scanned_cell = self.scanned.get(cell.number)
            if cell.is_code and (scanned_cell is None or not scanned_cell.asks):
                used = names.used(cell.source) & held[cell.number].keys()
                if used:
                    name = min(used)
                    self.found.uses.setdefault(
                        cell.number, Reason(cell=held[cell.number][name], because=SHOWS, name=name)
                    )

    def _by_need(self, now: Present, held: Mapping[str, int]) -> Reason | None:
        """Return why a cell without an answer is withheld: what it refers to is."""
        wanted = needs(now.cell, now.defaults) if now.cell else ()
        for need in wanted:
            if own := names.words(need.source) & held.keys():
                name = min(own)
                return Reason(cell=held[name], because=MADE_FROM, name=name)
        return None

    def _names(self) -> dict[int, dict[str, int]]:
        """Return, by position of each cell, the names that hold something withheld above it, and whose.

        Cells may have run in another order: what a name holds at the end, it holds at the beginning.
        """
        held: dict[str, int] = {}
        at: dict[int, dict[str, int]] = {}
        for _ in range(2):
            for cell in self.cells:
                at[cell.number] = dict(held)
                if cell.is_code:
                    self._run(cell, held)
        self.found.names = held
        return at

    def _run(self, cell: NotebookCell, held: dict[str, int]) -> None:
        number = cell.number
        scanned, why = self.scanned.get(number), self.found.cells.get(number)
        if scanned is not None and scanned.asks:
            name = self.now[number].name or line_name(scanned.source)
            if name and why is not None:
                held[name] = why.cell
            elif name:
                held.pop(name, None)
            return
        more, less = names.holders(cell.source, set(held), all_of_it=why is not None)
        used = sorted(names.used(cell.source) & held.keys())
        root = why.cell if why else held[used[0]] if used else number
        for name in less:
            held.pop(name, None)
        for name in more:
            held.setdefault(name, root)

    def reader(self, place: Place) -> Callable[[str], bytes | None]:
        """Return where the bytes of withheld pictures are looked up."""
        caches = [place.cache, *([place.private] if place.private else [])]

        def read(digest: str) -> bytes | None:
            if digest in self.embedded:
                return self.embedded[digest]
            for cache in caches:
                try:
                    return cache.blob(digest)
                except CacheError:
                    continue
            return None

        return read


def _held_by(record: Record) -> Iterator[str]:
    for picture in record.pictures:
        yield picture.original.blob
        if picture.preview:
            yield picture.preview.blob
    yield from references(record.response)


def _by_name(bindings: Iterable[Binding], held: Mapping[str, int], public: set[str]) -> Iterator[str]:
    """Yield the withheld names that bindings refer to, but for those known to be bound to a public answer."""
    for binding in bindings:
        if binding.kind in _NO_NAMES or binding.request in public:
            continue
        yield from sorted(names.words(binding.source) & held.keys())
