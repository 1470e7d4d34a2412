"""`index.gemnb.json`: what a page's pictures are made of, beside the page.

Specified in docs/explanation/published-evidence.md. `gemnb.publish.indexed` reads it.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest
from gemnb.inputs.statements import import_document
from gemnb.model import Invocation
from gemnb.publish.escape import shown
from gemnb.publish.indexed import SCHEMA, Entry, Index, Other, parse_index
from gemnb.publish.post import Card, CardKind, Evidence, Figure, Prompt, Slider
from gemnb.publish.shown import Kind
from gemnb.publish.words import prompt_of
from gemnb.records import document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gemnb.model import JSONObject, JSONValue
    from gemnb.publish.making import Files
    from gemnb.publish.post import Post
    from gemnb.publish.shown import Shows

__all__ = ["SCHEMA", "Entry", "Index", "Other", "make_index", "parse_index"]


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
        **_narrative(post, shows),
        "files": {path: blob_digest(data) for path, data in sorted(written.items())},
    }
    return (json.dumps(doc, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode("utf-8", "backslashreplace")


def _narrative(post: Post, shows: Sequence[Shows]) -> JSONObject:
    """Return what of the page is the author's own, and could be taken for a picture or prompt of a record."""
    own = Counter(shown(block.text) for block in post.blocks if isinstance(block, Prompt))
    stated = (figure.imported.stated.prompt for figure in post.figures() if figure.imported is not None)
    own.update(shown(text) for text in stated if text)
    texts = Counter(one.prompt for one in shows if one.prompt is not None) - own
    pictures: set[JSONValue] = {
        address for one in shows if one.kind is Kind.PICTURE for each in one.pictures for address in each
    }
    found: JSONObject = {
        "pictures": sorted(pictures, key=str),
        "texts": [*sorted({_digest(text) for text in texts})],
    }
    return {"narrative": found} if pictures or texts else {}


def _digest(text: str) -> str:
    return blob_digest(text.encode("utf-8", "surrogatepass"))


def _line(prompt: Prompt, shows: Sequence[Shows], after: int) -> int:
    text = shown(prompt.text)
    return next((one.line for one in shows if one.line > after and one.prompt == text), after)


def _entry(block: Figure | Card, evidence: Evidence, files: Files, line: int) -> JSONObject:
    # Without the invocation: the cell may name files and hold values that the author has not published.
    found: JSONObject = {
        "cell": evidence.cell,
        "document": document(evidence.record, Invocation(), evidence.picture),
        "prompt": {"line": line, "sha256": _digest(prompt_of(evidence.record))},
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
    if figure.imported is not None:
        found["imported"] = import_document(figure.imported)
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
