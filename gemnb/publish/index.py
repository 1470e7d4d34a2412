"""`index.gemnb.json`: what a page's pictures are made of, beside the page.

Specified in docs/explanation/published-evidence.md. Everything read here may come from a stranger.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, is_digest
from gemnb.errors import CorruptEntry, UnknownSchema
from gemnb.foreign import corrupt, items, member, optional, typed
from gemnb.model import Invocation
from gemnb.publish.escape import shown
from gemnb.publish.figures import File
from gemnb.publish.making import Made
from gemnb.publish.post import Card, CardKind, Evidence, Figure, Prompt, Slider
from gemnb.publish.words import prompt_of
from gemnb.records import document, load, parse_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gemnb.model import JSONObject, JSONValue, Record
    from gemnb.publish.making import Files
    from gemnb.publish.post import Post
    from gemnb.publish.readback import Shows

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
    """

    cell: int
    name: str
    record: Record
    picture: int | None
    made: Made


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A picture of a page that stands without its prompt: an import, a comparison, a chart, a slider's."""

    cell: int
    original: str
    made: Made


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What an index says: flavor, page, its pictures, and the digest of every file that publishing wrote."""

    flavor: str
    page: str
    entries: tuple[Entry, ...]
    others: tuple[Other, ...]
    written: dict[str, str]


def make_index(  # noqa: PLR0913, PLR0917 - what an index names
    post: Post, flavor: str, page: str, files: Files, shows: Sequence[Shows], written: Mapping[str, bytes]
) -> bytes:
    """Return the bytes of an index: indented, sorted, UTF-8; the same post gives the same bytes.

    Args:
        post: The post.
        flavor: Its dialect.
        page: The page's path.
        files: The files of its pictures.
        shows: What the page shows, read back from it.
        written: Path to bytes of every file that is written beside the index, the page included.
    """
    made: list[JSONValue] = []
    others: list[JSONValue] = []
    line = 0
    for block in post.blocks:
        if isinstance(block, Prompt):
            line = _line(block, shows, line)
        if isinstance(block, Figure | Card) and block.evidence is not None:
            made.append(_entry(block, block.evidence, files, line))
        elif isinstance(block, Figure):
            others.append(_other(block, files))
        elif isinstance(block, Slider):
            others += [_other(block.before, files), _other(block.after, files)]
        elif isinstance(block, Card) and block.kind is CardKind.WITHHELD:
            made.append({"cell": block.cell, "withheld": block.because or "publish: false"})
    doc: JSONObject = {
        "schema": SCHEMA,
        "flavor": flavor,
        "page": page,
        "notebook": {"name": post.notebook, **({"link": post.link} if post.link else {})},
        "figures": made,
        "others": others,
        "files": {path: blob_digest(data) for path, data in sorted(written.items())},
    }
    return (json.dumps(doc, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode("utf-8", "backslashreplace")


def _line(prompt: Prompt, shows: Sequence[Shows], after: int) -> int:
    text = shown(prompt.text)
    return next((one.line for one in shows if one.line > after and one.prompt == text), after)


def _entry(block: Figure | Card, evidence: Evidence, files: Files, line: int) -> JSONObject:
    # Without the invocation: the cell may name files and hold values that the author has not published.
    found: JSONObject = {
        "cell": evidence.cell,
        "document": document(evidence.record, Invocation(), evidence.picture),
        "prompt": {"line": line, "sha256": blob_digest(prompt_of(evidence.record).encode("utf-8", "surrogatepass"))},
    }
    if evidence.name:
        found["name"] = evidence.name
    if evidence.cell_id:
        found["cell_id"] = evidence.cell_id
    if isinstance(block, Figure):
        found |= _made(block, files)
        if block.edited:
            found["edited"] = True
    return found


def _other(figure: Figure, files: Files) -> JSONObject:
    found: JSONObject = {"cell": figure.cell, "original": figure.source.original}
    if figure.source.provenance is not None and figure.source.provenance.parts:
        found["parts"] = [*figure.source.provenance.parts]
    return found | _made(figure, files)


def _made(figure: Figure, files: Files) -> JSONObject:
    made = files.made[figure.source.stem]
    return {
        "stem": figure.source.stem,
        "made": {"base": made.base, "key": made.key} if made.key else {},
        "files": [
            {
                "name": file.name,
                "mime_type": file.mime_type,
                "width": file.width,
                "height": file.height,
                "size": file.size,
                "blob": file.blob,
            }
            for file in made.files
        ],
    }


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
        stem = optional(figure, "stem", str)
        if stem is not None:
            earlier[stem] = entry.made
    others = []
    for item in items(raw, "others") if "others" in raw else []:
        figure = member(item, "a picture")
        original = typed(figure, "original", str)
        others.append(Other(cell=typed(figure, "cell", int), original=original, made=_parse_made(figure)))
        earlier[typed(figure, "stem", str)] = others[-1].made
    written = member(raw.get("files"), "files")
    if not all(_PATH.fullmatch(path) and is_digest(digest) for path, digest in written.items()):
        raise corrupt("files has a name or a digest that is none")
    index = Index(
        flavor=typed(raw, "flavor", str),
        page=page,
        entries=tuple(entries),
        others=tuple(others),
        written={path: str(digest) for path, digest in written.items()},
    )
    return index, earlier


def _parse_entry(figure: JSONObject) -> Entry:
    record, _, picture = parse_document(figure.get("document"))
    return Entry(
        cell=typed(figure, "cell", int),
        name=optional(figure, "name", str) or "",
        record=record,
        picture=picture,
        made=_parse_made(figure),
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


def is_index(data: bytes) -> bool:
    """Return whether these bytes are an index."""
    try:
        parse_index(data)
    except (CorruptEntry, UnknownSchema):
        return False
    return True
