"""What notebooks and locks refer to, and all that has to stay in the cache for it.

A notebook refers to whatever it names: every `sha256:…` in its file, every `[gemnb:…]` in an output's text, and
every answer whose cell stands in it, outputs or not. When in doubt, an answer stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.canonical import short
from gemnb.cell import MAGIC, is_gemimg
from gemnb.errors import NotebookError
from gemnb.inventory.answers import blobs_of
from gemnb.inventory.texts import is_text, lines_of, read_text, stands_in, texts_below
from gemnb.lock.pins import NAME as LOCK
from gemnb.notebook import find_notebooks, gemimg_of, parse_notebook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from gemnb.cache import Kept

_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")
_MARK = re.compile(rb"gemnb:([0-9a-f]{12})")


@dataclass(slots=True)
class References:
    """What was found in notebooks and locks.

    Attributes:
        digests: Digests named anywhere in them.
        marks: Short digests of pictures, from the text of outputs.
        sources: `%%gemimg` cells, as records keep them.
        texts: The lines of each notebook that is plain text.
        calls: Whether a code cell calls `generate`, whose answers name no cell.
        notebooks: How many notebooks were read.
        locks: How many locks were read.
    """

    digests: set[str] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    texts: dict[Path, frozenset[str]] = field(default_factory=dict)
    calls: bool = False
    notebooks: int = 0
    locks: int = 0


def find_references(paths: Iterable[Path], root: Path) -> References:
    """Return what the notebooks and locks under the paths refer to.

    Args:
        paths: Notebooks, or folders of them; files of plain text that name gemnb count as well.
        root: The project's folder; for a notebook, locks from its own folder up to this one count.

    Raises:
        NotebookError: A path is not there, holds no notebook, or a file cannot be read or is no notebook.
    """
    found = References()
    paths = list(paths)
    for path in _notebooks(paths, found):
        data = _bytes(path)
        _name(found, data)
        for cell in parse_notebook(data, str(path)):
            if cell.is_code and (asking := gemimg_of(cell.source)) is not None:
                found.sources.add(source_key(asking))
            found.calls |= cell.is_code and "generate" in cell.source
        found.notebooks += 1
    for lock in _locks(paths, root):
        _name(found, _bytes(lock))
        found.locks += 1
    return found


def _notebooks(paths: Iterable[Path], found: References) -> list[Path]:
    """Return the notebooks under paths, once those that are plain text were read."""
    notebooks: dict[Path, None] = {}
    for path in paths:
        if path.is_file() and is_text(path):
            if not _read_text(found, path):
                raise NotebookError(f"{path} is no notebook: nothing in it asks gemnb for anything.")
            continue
        asking = [text for text in texts_below(path) if _read_text(found, text)] if path.is_dir() else []
        try:
            notebooks |= dict.fromkeys(find_notebooks([path]))
        except NotebookError:
            if not asking:
                raise
    return list(notebooks)


def _read_text(found: References, path: Path) -> bool:
    """Note what a file of plain text refers to; return whether it asks for anything."""
    data = read_text(path)
    _name(found, data)
    found.calls |= b"generate" in data
    if MAGIC.encode() in data:
        found.texts[path] = lines_of(data)
    return path in found.texts or b"generate(" in data  # prose that tells of gemnb asks for nothing


def source_key(source: str) -> str:
    """Return a cell's source as records keep it, so that the two can be compared."""
    line, _, body = source[source.index(MAGIC) :].partition("\n")
    return f"{MAGIC} {line.removeprefix(MAGIC).strip()}\n{body.rstrip()}"


def closure(kept: Sequence[Kept], found: References) -> tuple[set[str], set[str]]:
    """Return the digests of the requests and of the bytes that have to stay.

    All attempts at a request stay together, and with an answer everything it was made from: its input pictures,
    and the earlier answers it goes on from.
    """
    by_request: dict[str, list[Kept]] = {}
    for item in kept:
        by_request.setdefault(item.record.request_digest, []).append(item)
    requests: set[str] = set()
    blobs = set(found.digests)
    open_requests = [digest for digest, items in by_request.items() if any(_is_named(item, found) for item in items)]
    while open_requests:
        digest = open_requests.pop()
        if digest in requests:
            continue
        requests.add(digest)
        for item in by_request.get(digest, ()):
            blobs.update(blobs_of(item))
            open_requests += [binding.request for binding in item.invocation.bindings if binding.request]
    return requests, blobs


def digests_in(data: bytes) -> set[str]:
    """Return every digest that stands in these bytes, whatever they are."""
    return {match.decode("ascii") for match in _DIGEST.findall(data)}


def _is_named(kept: Kept, found: References) -> bool:
    source = kept.invocation.source
    if kept.record.request_digest in found.digests:
        return True
    if source is None and found.calls:
        return True
    if source is not None and is_gemimg(source):
        key = source_key(source)
        if key in found.sources or any(stands_in(key, lines) for lines in found.texts.values()):
            return True
    pictures = [image.blob for p in kept.record.pictures for image in (p.original, p.preview) if image is not None]
    marks = {short(kept.record.request_digest), *map(short, pictures)}
    return not found.digests.isdisjoint(pictures) or not found.marks.isdisjoint(marks)


def _name(found: References, data: bytes) -> None:
    found.digests |= digests_in(data)
    found.marks |= {match.decode("ascii") for match in _MARK.findall(data)}


def _locks(paths: Sequence[Path], root: Path) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(lock for lock in path.rglob(LOCK) if lock.is_file())
        above = path.absolute() if path.is_dir() else path.absolute().parent
        found += [
            lock
            for folder in (above, *above.parents)
            if folder.is_relative_to(root) and (lock := folder / LOCK).is_file()
        ]
    return list({lock.resolve(): lock for lock in found}.values())


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
    raise NotebookError(f"{path} cannot be read.", why=reason)
