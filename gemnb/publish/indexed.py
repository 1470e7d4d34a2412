"""Read `index.gemnb.json`: what a page's pictures are made of. Everything read here may come from a stranger.

Specified in docs/explanation/published-evidence.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from gemnb.canonical import is_digest
from gemnb.errors import UnknownSchema
from gemnb.foreign import corrupt, items, member, optional, typed
from gemnb.inputs.statements import parse_import
from gemnb.publish.figures import File
from gemnb.publish.making import Made
from gemnb.records import load, parse_document

if TYPE_CHECKING:
    from gemnb.inputs.statements import Import
    from gemnb.model import JSONObject, Record

SCHEMA = 0
"""Version of the index. 0 may still change."""

_NAME = re.compile(r"[A-Za-z0-9][\w.@-]{0,120}", re.ASCII)
_PATH = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*){0,8}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One picture, or one answer without a picture, of a page.

    Attributes:
        cell: Position of its cell, from 1.
        name: The variable it binds, or empty.
        record: The kept answer.
        picture: Which picture of it, or None.
        made: Its files, and what they were made of.
        stem: Beginning of their names, or empty.
        cell_id: The cell's id, or empty.
        edited: Whether the cell was changed after the picture was made.
    """

    cell: int
    name: str
    record: Record
    picture: int | None
    made: Made
    stem: str = ""
    cell_id: str = ""
    edited: bool = False

    @property
    def original(self) -> str:
        """The digest of its picture, or empty where it has none."""
        return "" if self.picture is None else self.record.pictures[self.picture].original.blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A picture of a page that no record is of: an import, a comparison, a chart; and each of a slider's two.

    Attributes:
        cell: Position of its cell, from 1.
        original: Digest of the original.
        made: Its files, and what they were made of.
        stem: Beginning of their names.
        imported: What its author states, of an import.
    """

    cell: int
    original: str
    made: Made
    stem: str = ""
    imported: Import | None = None


class _Words(TypedDict):
    notebook: str
    link: str
    pictures: frozenset[str]
    texts: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What an index says.

    Attributes:
        flavor: Name of the page's dialect.
        page: Its path.
        entries: The pictures and answers with a record, in order.
        others: The pictures without one, in order.
        written: Path to digest of every file that publishing wrote.
        notebook: File name of the notebook.
        link: Its address, or empty.
        pictures: Addresses of pictures that the narrative shows.
        texts: Digests of texts of the narrative that look like prompts.
    """

    flavor: str
    page: str
    entries: tuple[Entry, ...]
    others: tuple[Other, ...]
    written: dict[str, str]
    notebook: str = ""
    link: str = ""
    pictures: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()

    @property
    def items(self) -> tuple[Entry | Other, ...]:
        """Every picture and answer."""
        return (*self.entries, *self.others)

    def narrative_files(self) -> frozenset[str]:
        """Return the files that were copied for the narrative: those that belong to no picture."""
        own = {file.name for item in self.items for file in item.made.files} | {self.page}
        originals = tuple(f"{item.stem}-original." for item in self.items if item.stem)
        return frozenset(name for name in self.written if name not in own and not name.startswith(originals))


def parse_index(data: bytes) -> tuple[Index, dict[str, Made]]:
    """Read an index: what it says, and what its run made, by stem.

    Raises:
        UnknownSchema: Written by a later gemnb.
        CorruptEntry: No gemnb wrote it.
    """
    raw = member(load(data), "the index")
    schema = raw.get("schema")
    if type(schema) is int and schema > SCHEMA:
        raise UnknownSchema(f"The index has schema version {schema}; this gemnb reads up to {SCHEMA}.")
    if type(schema) is not int or schema < 0:
        raise corrupt("the index has no schema version that gemnb knows")
    page = typed(raw, "page", str)
    if not _PATH.fullmatch(page):
        raise corrupt("the index names a page outside its folder")
    entries = []
    earlier: dict[str, Made] = {}
    for item in items(raw, "figures"):
        figure = member(item, "a figure")
        if "withheld" in figure:
            continue
        entry = _parse_entry(figure)
        entries.append(entry)
        if entry.stem:
            earlier[entry.stem] = entry.made
    others = []
    for item in items(raw, "others") if "others" in raw else []:
        others.append(_parse_other(member(item, "a picture")))
        earlier[others[-1].stem] = others[-1].made
    written = member(raw.get("files"), "files")
    if not all(_PATH.fullmatch(path) and is_digest(digest) for path, digest in written.items()):
        raise corrupt("files has a name or a digest that is none")
    index = Index(
        flavor=typed(raw, "flavor", str),
        page=page,
        entries=tuple(entries),
        others=tuple(others),
        written={path: str(digest) for path, digest in written.items()},
        **_parse_words(raw),
    )
    return index, earlier


def _parse_words(raw: JSONObject) -> _Words:
    notebook, narrative = member(raw.get("notebook", {}), "notebook"), member(raw.get("narrative", {}), "narrative")
    return _Words(
        notebook=optional(notebook, "name", str) or "",
        link=optional(notebook, "link", str) or "",
        pictures=frozenset(map(str, items(narrative, "pictures") if narrative else ())),
        texts=frozenset(map(str, items(narrative, "texts") if narrative else ())),
    )


def _parse_other(figure: JSONObject) -> Other:
    made = parse_import(figure["imported"]) if "imported" in figure else None
    original = typed(figure, "original", str)
    if made is not None and made.picture.original.blob != original:
        raise corrupt("an import is of another picture than its files")
    return Other(
        cell=typed(figure, "cell", int),
        original=original,
        made=_parse_made(figure),
        stem=typed(figure, "stem", str),
        imported=made,
    )


def _parse_entry(figure: JSONObject) -> Entry:
    record, _, picture = parse_document(figure.get("document"))
    return Entry(
        cell=typed(figure, "cell", int),
        name=optional(figure, "name", str) or "",
        record=record,
        picture=picture,
        made=_parse_made(figure),
        stem=optional(figure, "stem", str) or "",
        cell_id=optional(figure, "cell_id", str) or "",
        edited=figure.get("edited") is True,
    )


def _parse_made(figure: JSONObject) -> Made:
    making = member(figure.get("made", {}), "made")
    files = items(figure, "files") if "files" in figure else []
    return Made(
        files=tuple(_parse_file(member(item, "a file")) for item in files),
        key=optional(making, "key", str) or "",
        base=optional(making, "base", str) or "",
    )


def _parse_file(raw: JSONObject) -> File:
    name, blob = typed(raw, "name", str), typed(raw, "blob", str)
    if not _NAME.fullmatch(name) or not is_digest(blob):
        raise corrupt("a file has a name or a digest that is none")
    width, height, size = (typed(raw, key, int) for key in ("width", "height", "size"))
    return File(name=name, mime_type=typed(raw, "mime_type", str), width=width, height=height, size=size, blob=blob)
