"""Find the `%%gemimg` cells of a notebook, the defaults in force for each, and the records in their outputs. Pure."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pybase64

from gemnb.cell import parse
from gemnb.errors import CellError
from gemnb.model import MIMETYPE, JSONObject, JSONValue
from gemnb.notebook.asking import gemimg_of, is_captured, is_own_code
from gemnb.notebook.files import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemnb.notebook.files import NotebookCell

_USE = re.compile(r"^[ \t]*%gemnb[ \t]+use\b[ \t]*(.*)$", re.MULTILINE)
_ASKS_NOTHING = ("dry-run", "help")
_SHOWS_NOTHING = ("quiet", *_ASKS_NOTHING)
MAY_RAISE = "raises-exception"
"""The tag of a cell that may fail, as nbclient, nbconvert and Jupyter Book take it."""

_PICTURES = ("image/png", "image/jpeg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One output with a record: the record's document, and what stands beside it.

    Attributes:
        document: The foreign JSON of the record.
        plain: Its `text/plain`.
        mime_type: Type of the embedded picture, or None without one.
        encoded: The base64 of the picture as it stands in the notebook; None without one.
        facts: What the output's metadata says of the picture (width, height, alt, …).
        others: What else its data holds, by MIME type, sorted; front ends prefer some of these to the picture.
    """

    document: JSONValue
    plain: str
    mime_type: str | None
    encoded: str | None = field(repr=False)
    facts: JSONObject = field(default_factory=dict)
    others: tuple[str, ...] = ()
    _decoded: list[bytes | None] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def picture(self) -> bytes | None:
        """The picture's bytes, decoded once and then held; None where there are none, or they are no base64."""
        if not self._decoded:
            self._decoded.append(self.decode())
        return self._decoded[0]

    def decode(self) -> bytes | None:
        """Return the picture's bytes without holding them; None where there are none, or they are no base64."""
        return None if self.encoded is None else _decode(self.encoded)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedCell:
    """A cell that asks for pictures or shows records.

    Attributes:
        number: Its position in the notebook, from 1.
        source: Its present source; of a `%%gemimg` cell below `%%time` and the like, what these run.
        asks: Whether it is a `%%gemimg` cell.
        defaults: The arguments of the last `%gemnb use` above it; None without one.
        shown: Its outputs with records.
        error: Class and message of the error output below it, or None.
        strangers: How many outputs without a record stand below it, where it asks, that can show a picture.
        captured: Whether a `%%capture` above it takes what it shows.
        fails_rightly: Whether its error is expected: the cell is tagged `raises-exception`.
    """

    number: int
    source: str
    asks: bool
    defaults: str | None
    shown: tuple[Shown, ...]
    error: tuple[str, str] | None
    strangers: int = 0
    captured: bool = False
    fails_rightly: bool = False


def scan(cells: Sequence[NotebookCell]) -> list[ScannedCell]:
    """Return the cells that ask for pictures or show records, in order."""
    found = []
    defaults: str | None = None
    for cell in cells:
        if not cell.is_code:
            continue
        own = gemimg_of(cell.source)
        asks = own is not None
        shown = tuple(item for output in cell.outputs if (item := _shown(output)) is not None)
        if asks or shown:
            error = next((e for output in cell.outputs if (e := _error(output)) is not None), None)
            found.append(
                ScannedCell(
                    number=cell.number,
                    source=cell.source if own is None else own,
                    asks=asks,
                    defaults=defaults,
                    shown=shown,
                    error=error,
                    strangers=sum(map(_is_stranger, cell.outputs)) if asks else 0,
                    captured=asks and is_captured(cell.source),
                    fails_rightly=error is not None and MAY_RAISE in cell.tags,
                )
            )
        if is_own_code(cell.source):
            for match in _USE.finditer(cell.source):
                defaults = match.group(1).strip()
    return found


def should_show(cell: ScannedCell) -> bool:
    """Return whether a cell is a `%%gemimg` cell below which an answer belongs; one that cannot be read is."""
    return cell.asks and not cell.captured and not cell.fails_rightly and not _says(cell, _SHOWS_NOTHING)


def needs_answer(cell: ScannedCell) -> bool:
    """Return whether running a cell needs an answer, shown or not."""
    return cell.asks and not cell.fails_rightly and not _says(cell, _ASKS_NOTHING)


def first_error(cells: Sequence[NotebookCell]) -> tuple[int, str, str] | None:
    """Return position, class and message of the first error output of a notebook, or None."""
    for cell in cells:
        for output in cell.outputs:
            if (error := _error(output)) is not None:
                return cell.number, *error
    return None


def _says(cell: ScannedCell, options: tuple[str, ...]) -> bool:
    try:
        parsed = parse(cell.source)
    except CellError:
        return False
    return any(parsed.get(name) is not None for name in options)


def _shown(output: JSONObject) -> Shown | None:
    data = output.get("data")
    if not isinstance(data, dict) or MIMETYPE not in data:
        return None
    mime_type = next((kind for kind in _PICTURES if kind in data), None)
    return Shown(
        document=data[MIMETYPE],
        plain=joined(data.get("text/plain")),
        mime_type=mime_type,
        encoded=None if mime_type is None else joined(data[mime_type]),
        facts=_facts(output.get("metadata"), mime_type),
        others=tuple(sorted(set(data) - {MIMETYPE, "text/plain", mime_type})),
    )


def _facts(metadata: JSONValue, mime_type: str | None) -> JSONObject:
    facts = metadata.get(mime_type or "") if isinstance(metadata, dict) else None
    return facts if isinstance(facts, dict) else {}


def _is_stranger(output: JSONObject) -> bool:
    """HTML, Markdown, SVG, widgets: whatever is more than plain text can show a picture."""
    data = output.get("data")
    return isinstance(data, dict) and MIMETYPE not in data and bool(data.keys() - {"text/plain"})


def _decode(text: str) -> bytes | None:
    try:
        try:
            return pybase64.b64decode(text, validate=True)
        except binascii.Error:  # with line breaks, as some tools save it; rare, and a copy of two megabytes
            return pybase64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        return None


def _error(output: JSONObject) -> tuple[str, str] | None:
    if output.get("output_type") != "error":
        return None
    return str(output.get("ename")), str(output.get("evalue"))
