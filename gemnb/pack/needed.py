"""Which answers and bytes the cells of a notebook need, so that it runs where nothing else is. Nothing is written.

An answer that an output shows stands in the notebook. Packed are those that none shows: of quiet cells and cells
without outputs, the earlier answers that shown ones go on from or have for input, and calls of `gemnb.generate`
as far as a binding or their literal prompt leads to them.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.cache import Kept
from gemnb.canonical import request_digest, short
from gemnb.cell import parse
from gemnb.errors import CorruptEntry, GemnbError
from gemnb.inputs import bindings_of
from gemnb.inventory.differences import prompt
from gemnb.inventory.referred import digests_in
from gemnb.invocation import assemble, needs, parse_use
from gemnb.notebook import needs_answer
from gemnb.pack.pool import Name, name_of
from gemnb.records import parse_document
from gemnb.session import is_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gemnb.invocation import Need
    from gemnb.model import Binding, Content, Invocation
    from gemnb.notebook import NotebookCell, ScannedCell
    from gemnb.pack.pool import Pool

_MAGIC_LINE = re.compile(r"^[ \t]*[%!].*$", re.MULTILINE)


@dataclass(slots=True, kw_only=True)
class Needed:
    """What was found.

    Attributes:
        shown: Answers that outputs show, each with the invocation of every output.
        by_cell: The same by the cell below which they stand.
        hidden: Answers that none shows.
        cells: The cell on whose account each answer is needed, from 1.
        lacking: Cells that ask, show nothing, and for which no answer is kept.
    """

    shown: dict[Name, list[Kept]] = field(default_factory=dict)
    by_cell: dict[int, list[Kept]] = field(default_factory=dict)
    hidden: dict[Name, Kept] = field(default_factory=dict)
    cells: dict[Name, int] = field(default_factory=dict)
    lacking: list[int] = field(default_factory=list)

    def answers(self) -> Iterator[tuple[Name, Kept]]:
        """Yield every answer, shown ones once per output."""
        for name, several in self.shown.items():
            for kept in several:
                yield name, kept
        yield from self.hidden.items()

    def bindings(self) -> Iterator[Binding]:
        """Yield every binding of every answer."""
        for _, kept in self.answers():
            yield from kept.invocation.bindings


def shown_answers(scanned: Iterable[ScannedCell], name: str) -> Needed:
    """Return the answers that outputs show, checked.

    Raises:
        CorruptEntry: A record in an output is not what gemnb writes.
        UnknownSchema: A later gemnb wrote it.
    """
    found = Needed()
    for cell in scanned:
        for shown in cell.shown:
            try:
                record, invocation, _ = parse_document(shown.document)
            except CorruptEntry as error:
                reason = error.why or error.what
            else:
                kept = Kept(record=record, invocation=invocation)
                found.shown.setdefault(name_of(record), []).append(kept)
                found.by_cell.setdefault(cell.number, []).append(kept)
                found.cells.setdefault(name_of(record), cell.number)
                continue
            raise CorruptEntry(
                f"{name}: the record in the output of cell {cell.number} is damaged.",
                why=reason,
                hint="gemnb verify   says what is wrong; running the cell again shows the kept answer",
            )
    return found


def find_hidden(found: Needed, scanned: Sequence[ScannedCell], cells: Sequence[NotebookCell], pool: Pool) -> None:
    """Add the answers that no output shows.

    Raises:
        CorruptEntry: One that is needed is missing or damaged.
    """
    for name, cell in _asked(scanned, found, pool):
        _add(found, name, cell, pool)
    for name, cell in _called(cells, found, pool):
        _add(found, name, cell, pool)
    chosen = set(found.hidden) - pool.packed
    for name in sorted(pool.packed):  # what is packed is never dropped: it may be nowhere else
        _add(found, name, 0, pool)
    bound = _follow(found, pool)
    for digest, attempt in chosen - bound:
        # The latest was taken; what another answer goes on from is the one that ran.
        if any(other == digest and number != attempt for other, number in bound):
            found.hidden.pop((digest, attempt), None)


def private_names(found: Needed, pool: Pool) -> set[Name]:
    """Return the answers that are not to be published: they say so, or are kept apart."""
    apart = {name for name in pool.apart if name in found.hidden or name in found.shown}
    return apart | {name for name, kept in found.answers() if says_private(kept.invocation)}


def pointers_of(found: Needed, pool: Pool, there: set[str], *, private: bool) -> Iterator[tuple[str, bytes, bool]]:
    """Yield the entries by which cells come from a URL, or from pixels, to bytes that are there."""
    urls = {binding.source for binding in found.bindings() if binding.kind == "url"}
    pixels = {(binding.value or "").removeprefix("sha256:") for binding in found.bindings()}
    for key, data, apart in pool.pointers(private=private):
        wanted = key.rpartition("/")[2] in pixels if key.startswith("pixels/") else _url(data) in urls
        if (wanted and digests_in(data) <= there) or key in pool.own.pointers:
            with contextlib.suppress(UnicodeDecodeError):  # damaged, and of no use
                data.decode("utf-8")
                yield key, data, apart


def calls(cells: Iterable[NotebookCell]) -> bool:
    """Return whether a code cell calls `gemnb.generate`, whose answers name no cell."""
    return any(cell.is_code and "generate(" in cell.source for cell in cells)


def _asked(scanned: Iterable[ScannedCell], found: Needed, pool: Pool) -> Iterator[tuple[Name, int]]:
    """Yield the latest answers to what cells ask and do not show."""
    shown = {digest for digest, _ in found.shown}
    for cell in scanned:
        if not cell.asks:
            continue
        known = found.by_cell.get(cell.number) or list(pool.kept.values())
        names = [name for digest in _requests(cell, known) if (name := pool.latest(digest)) is not None]
        if not cell.shown and not names and needs_answer(cell):
            found.lacking.append(cell.number)
        for name in names:
            if name[0] not in shown:
                yield name, cell.number


def _requests(cell: ScannedCell, known: Iterable[Kept]) -> list[str]:
    """Return the digests of what a cell can have asked, with the bindings that are known of any cell like it."""
    found: dict[str, None] = {}
    with contextlib.suppress(GemnbError):  # a cell that cannot run asks nothing
        parsed = parse(cell.source)
        defaults = parse_use(cell.defaults) if cell.defaults else None
        wanted = needs(parsed, defaults)
        for bindings, earlier in _known_bindings(wanted, known) if wanted else [((), ())]:
            with contextlib.suppress(GemnbError):
                for request in assemble(parsed, defaults, bindings, earlier if parsed.get("edit") else ()):
                    found[request_digest(request)] = None
    return list(found)


def _known_bindings(
    wanted: Sequence[Need], known: Iterable[Kept]
) -> Iterator[tuple[Sequence[Binding], Sequence[Content]]]:
    for kept in known:
        bindings, unknown = bindings_of(wanted, kept.invocation.bindings)
        if unknown is None:
            yield bindings, kept.record.request.contents[:-1]


def _called(cells: Sequence[NotebookCell], found: Needed, pool: Pool) -> Iterator[tuple[Name, int]]:
    """Yield the latest answers to calls whose prompt stands as a literal in the notebook's code."""
    if not calls(cells):
        return
    texts: dict[str, int] = {}
    for cell in cells:
        if cell.is_code:
            for text in _literals(cell.source):
                texts.setdefault(text, cell.number)
    for name, kept in pool.kept.items():
        text = prompt(kept.record.request)
        is_open = kept.invocation.source is None and all(name[0] != digest for digest, _ in found.shown)
        if is_open and text in texts and name == pool.latest(name[0]):
            yield name, texts[text]


def _literals(source: str) -> Iterator[str]:
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):  # what a parser raises
        for node in ast.walk(ast.parse(_MAGIC_LINE.sub("pass", source))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _follow(found: Needed, pool: Pool) -> set[Name]:
    """Add the earlier answers that answers were made from, all the way; return those that were named by one."""
    pictures: dict[str, Name] = {}
    for name, kept in pool.kept.items():
        for picture in kept.record.pictures:
            pictures.setdefault(picture.original.blob, name)
    visible = {picture.original.blob for _, kept in found.answers() for picture in kept.record.pictures}
    bound: set[Name] = set()
    waiting = list(found.answers())
    while waiting:
        name, kept = waiting.pop(0)
        for binding in kept.invocation.bindings:
            above = _made_from(binding, pictures, visible, pool)
            if above is None:
                continue
            bound.add(above)
            if above not in found.shown and above not in found.hidden:
                _add(found, above, found.cells.get(name, 0), pool)
                added = found.hidden[above]
                visible |= {picture.original.blob for picture in added.record.pictures}
                waiting.append((above, added))
    return bound


def _made_from(binding: Binding, pictures: dict[str, Name], visible: set[str], pool: Pool) -> Name | None:
    """Return the answer that a binding stands for, if it does."""
    if binding.request:
        return (binding.request, binding.attempt) if binding.attempt else pool.latest(binding.request)
    if binding.kind in ("variable", "expression", "argument") and binding.blob and binding.blob not in visible:
        return pictures.get(binding.blob)
    return None


def _add(found: Needed, name: Name, cell: int, pool: Pool) -> None:
    if name in found.shown or name in found.hidden:
        return
    found.cells.setdefault(name, cell)
    kept = pool.kept.get(name)
    if kept is None:
        digest = name[0].removeprefix("sha256:")
        key = f"records/{digest[:2]}/{digest}/{name[1]}.json"
        raise CorruptEntry(
            f"Cell {cell} was made from the answer {short(digest)}, which is not in the cache; nothing was packed.",
            why=pool.damaged.get(key, f"cache/{key} is not there."),
            hint=f"git checkout -- cache/{key}   brings it back if it was committed",
            digest=name[0],
        )
    found.hidden[name] = kept


def says_private(invocation: Invocation) -> bool:
    """Return whether a cell says `publish: false`."""
    with contextlib.suppress(GemnbError, ValueError):
        return invocation.source is not None and is_private(parse(invocation.source))
    return False


def _url(data: bytes) -> str:
    with contextlib.suppress(ValueError, RecursionError):
        entry = json.loads(data)
        if isinstance(entry, dict):
            return str(entry.get("url"))
    return ""
