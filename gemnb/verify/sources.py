"""The cell as it stands, and the cell its record says it came from: both make the recorded request. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.canonical import request_digest
from gemnb.cell import is_gemimg, parse
from gemnb.errors import GemnbError
from gemnb.inputs import bindings_of
from gemnb.invocation import assemble, needs, parse_use
from gemnb.notebook import shows_kept
from gemnb.reproduce.differences import request_differences

if TYPE_CHECKING:
    from gemnb.cell import Cell
    from gemnb.invocation import Defaults
    from gemnb.model import Invocation, Presentation, Record, Request
    from gemnb.notebook import ScannedCell
    from gemnb.verify.findings import Trouble

# Where jupytext's percent format begins the next cell (its documentation, "The percent format").
_PERCENT = re.compile(r"^# ?%%", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """A `%%gemimg` cell as it stands in the notebook, or why it cannot run.

    Attributes:
        cell: The cell; None where it cannot be read, or asks for nothing.
        defaults: What `%gemnb use` above it says.
        error: Why it cannot be read; empty where it can.
    """

    cell: Cell | None = None
    defaults: Defaults | None = None
    error: str = ""

    @property
    def name(self) -> str:
        """The variable the cell binds, or empty."""
        return (self.cell.name if self.cell else None) or ""


def present(scanned: ScannedCell) -> Present:
    """Return what a cell asks for now."""
    if not scanned.asks:
        return Present()
    try:
        cell = parse(scanned.source)
        return Present(cell=cell, defaults=parse_use(scanned.defaults) if scanned.defaults else None)
    except GemnbError as error:
        return Present(error=f"the cell as it stands cannot run: {error.what}")


def check_present(now: Present, record: Record, invocation: Invocation, trouble: Trouble) -> set[int]:
    """Check that the cell as it stands, with the recorded bindings, makes the recorded request.

    Returns:
        Which samples the cell asks for; empty where that cannot be told.
    """
    if now.error:
        trouble.drifted.append(now.error)
    return set() if now.cell is None else check_source(now.cell, now.defaults, record, invocation, trouble)


def check_source(
    cell: Cell, defaults: Defaults | None, record: Record, invocation: Invocation, trouble: Trouble
) -> set[int]:
    """Check that a cell, with the recorded bindings, makes the recorded request; return the samples it asks for."""
    requests = _requests(cell, defaults, record, invocation, trouble)
    if requests and all(request_digest(request) != record.request_digest for request in requests):
        trouble.drifted += request_differences(record.request, requests)
    return {request.sample for request in requests}


def check_invocation(record: Record, invocation: Invocation, trouble: Trouble) -> None:
    """Check that the cell the record says it came from makes its request, and what it refers to is what is bound."""
    if invocation.source is None:
        trouble.bound.append("gemnb.generate(…)")
        return
    own = type(trouble)()
    recorded = _recorded(invocation)
    requests = _requests(recorded.cell, recorded.defaults, record, invocation, own) if recorded.cell else []
    if all(request_digest(request) != record.request_digest for request in requests):
        trouble.drifted.append("the cell that the record says it came from does not make its request")
    elif recorded.cell is not None:
        wanted = {(need.slot, need.source) for need in needs(recorded.cell, recorded.defaults)}
        for binding in invocation.bindings:
            if (binding.slot, binding.source) not in wanted:
                trouble.drifted.append(
                    f"the record binds {binding.slot} {binding.source}, which its cell does not name"
                )


def check_edits(now: Present, invocation: Invocation, said: Presentation, trouble: Trouble) -> None:
    """Tell what of a cell, not sent to the model, is other than it was; what the output shows is what it was."""
    recorded = _recorded(invocation).cell
    if recorded is None:
        return
    for key, shown in (("alt", said.alt), ("caption", said.caption)):
        if recorded.get(key) != shown:
            trouble.drifted.append(f"the output's {key} {_quoted(shown)} is not what its cell gave: --{key}")
        if now.cell is not None and now.cell.get(key) != recorded.get(key):
            was = _quoted(recorded.get(key))
            trouble.notes.append(
                f"--{key} was edited after the picture was made (it was {was}); run the cell again to show it"
            )
    if now.cell is not None and _unsent(now.cell) != _unsent(recorded):
        trouble.notes.append("the cell was edited after the picture was made, in what is not sent to the model")
    if now.cell is not None and (now.defaults.line if now.defaults else None) != invocation.defaults:
        trouble.notes.append("`%gemnb use` above was edited after the picture was made; this request is the same")


def check_belongs(scanned: ScannedCell, invocation: Invocation, asking: set[str], trouble: Trouble) -> None:
    """Check that an output below a cell that does not ask was made by a cell that is still in the notebook.

    Args:
        scanned: The cell that shows it.
        invocation: The invocation beside its record.
        asking: The `spelling` of every cell that asks.
        trouble: Takes what does not fit.
    """
    source = invocation.source
    if source is None or shows_kept(scanned.source):  # it shows what any notebook made
        return
    if spelling(source) not in asking:
        trouble.drifted.append("the cell that made it was deleted or edited, and its picture was kept")


def spelling(source: str) -> str:
    """Return a cell's source so that cells which differ in blanks at the ends of line and body are one."""
    line, _, body = source.strip("\n").partition("\n")
    return f"{' '.join(line.split())}\n{body.rstrip()}"


def note_percent(now: Present, pair: str, trouble: Trouble) -> None:
    """Tell that a prompt holds a line at which jupytext's percent format would cut the cell in two.

    Args:
        now: The cell.
        pair: What pairs this notebook with a text file, for a person; empty where nothing is known to.
        trouble: Takes the note.
    """
    if now.cell is None or _PERCENT.search(now.cell.prompt) is None:
        return
    what = "the prompt holds a line that begins with `# %%`, where jupytext's percent format cuts a cell in two"
    trouble.notes.append(
        f"{what}; {pair}" if pair else f"{what}, should this notebook ever be paired with a text file"
    )


def _recorded(invocation: Invocation) -> Present:
    try:
        source = invocation.source
        cell = parse(source) if source is not None and is_gemimg(source) else None
        return Present(cell=cell, defaults=parse_use(invocation.defaults) if invocation.defaults else None)
    except GemnbError:
        return Present()


def _requests(
    cell: Cell, defaults: Defaults | None, record: Record, invocation: Invocation, trouble: Trouble
) -> list[Request]:
    try:
        bindings, unknown = bindings_of(needs(cell, defaults), invocation.bindings)
        if unknown is not None:
            trouble.drifted.append(
                f"the cell now refers to {unknown.slot} {unknown.source}, which the record does not know"
            )
            return []
        earlier = record.request.contents[:-1] if cell.get("edit") is not None else ()
        return list(assemble(cell, defaults, bindings, earlier))
    except GemnbError as error:
        trouble.drifted.append(f"the cell as it stands cannot run: {error.what}")
        return []


def _unsent(cell: Cell) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    own = tuple(item for item in cell.options if item[0] not in ("alt", "caption"))
    return cell.name, own


def _quoted(text: str | None) -> str:
    return "unset" if text is None else repr(text[:60])
