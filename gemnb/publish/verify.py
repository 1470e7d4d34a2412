"""Check a published page: its prompts against the records beside it, its pictures against their digests.

Nothing that is read is trusted: no path leads out of the folder, every record is hashed, and what the page shows is
read from the page. What it comes to is *consistent*: page, record and pictures belong together. That a given model
made a picture is not proved by any digest (*origin unattested*).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, short
from gemnb.errors import CacheError, NotebookError
from gemnb.publish.escape import shown
from gemnb.publish.figures import INDEX
from gemnb.publish.flavors import FLAVORS
from gemnb.publish.index import parse_index
from gemnb.publish.readback import read_page
from gemnb.publish.words import prompt_of
from gemnb.sniff import sniff
from gemnb.verify.findings import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from gemnb.publish.figures import File
    from gemnb.publish.index import Entry, Index, Other
    from gemnb.publish.readback import Shows
    from gemnb.verify.findings import Check

MAX_FILE = 256 * 1024 * 1024
"""Bytes of a page or picture that is read."""

# Where the folder of files does not hold the page, it lies this many folders below what the page's path counts from.
_UP = {"jekyll": 3}
_DERIVED_FROM = re.compile(
    rb'<xmpMM:DerivedFrom rdf:parseType="Resource"><stRef:documentID>([^<]{1,100})</stRef:documentID>'
)


def find_published(path: Path) -> list[Path]:
    """Return the folders below a path that hold an index, sorted; of an index itself, its folder."""
    if path.is_file():
        return [path.parent] if path.name == INDEX else []
    return sorted(found.parent for found in path.rglob(INDEX) if found.is_file())


def verify_published(folder: Path) -> list[Check]:
    """Return one check per picture of a page.

    Args:
        folder: The one that holds `index.gemnb.json`.

    Raises:
        NotebookError: There is no index, or it is none.
    """
    data = _read(folder.resolve(), INDEX)
    if data is None:
        raise NotebookError(f"There is no {INDEX} in {folder}.", hint="gemnb publish writes one beside each page.")
    try:
        index, _ = parse_index(data)
    except CacheError as error:
        reason = error.why or error.what
    else:
        return _checks(index, folder.resolve())
    raise NotebookError(f"{folder / INDEX} is no index that gemnb writes.", why=reason)


def _checks(index: Index, folder: Path) -> list[Check]:
    shows, wrong = _page(index, folder)
    found = [
        (_check(entry, index, folder, shows, wrong), entry.cell, entry.name, _original(entry))
        for entry in index.entries
    ]
    known = {_original(entry) for entry in index.entries}
    found += [
        (_check_other(other, folder, shows, wrong, known), other.cell, "", other.original) for other in index.others
    ]
    return [trouble.check(cell, name, short(original)) for trouble, cell, name, original in found]


def _original(entry: Entry) -> str:
    return "" if entry.picture is None else entry.record.pictures[entry.picture].original.blob


def _check_other(other: Other, folder: Path, shows: Sequence[Shows], wrong: str, known: AbstractSet[str]) -> Trouble:
    """A picture without a prompt of its own: its files are those that were published, and the page shows one."""
    trouble = Trouble()
    names = {file.name for file in other.made.files}
    if wrong or not any(names & set(one.files) for one in shows):
        trouble.missing.append(wrong or "the page does not show it")
    for file in other.made.files:
        _check_file(file, other.original, folder, trouble)
    if other.original not in known:
        trouble.notes.append("no record is of it: an import, a comparison or a chart")
    return trouble


def _page(index: Index, folder: Path) -> tuple[list[Shows], str]:
    """Return what the page shows, or why it cannot be read."""
    flavor = FLAVORS.get(index.flavor)
    if flavor is None:
        return [], f"the index names the flavor {index.flavor[:40]!r}, which gemnb does not know"
    up = _UP.get(index.flavor, 0) if "/" in index.page else 0
    base = folder
    for _ in range(up):
        base = base.parent
    data, built = _read(base, index.page), False
    if data is None and index.page == "index.md":  # as Hugo built it
        data, built = _read(base, "index.html"), True
    if data is None:
        return [], f"the page {index.page} is not there"
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return [], f"the page {index.page} is no UTF-8"
    return read_page(text, flavor.back, is_html=built or flavor.name == "html"), ""


def _check(entry: Entry, index: Index, folder: Path, shows: Sequence[Shows], wrong: str) -> Trouble:
    trouble = Trouble()
    if wrong:
        trouble.missing.append(wrong)
    else:
        _check_prompt(entry, shows, trouble)
    for file in entry.made.files:
        _check_file(file, _original(entry), folder, trouble)
    _check_originals(entry, index, folder, trouble)
    return trouble


def _check_prompt(entry: Entry, shows: Sequence[Shows], trouble: Trouble) -> None:
    """The prompt that stands nearest above the picture is the record's."""
    text = shown(prompt_of(entry.record))
    if not entry.made.files:
        if text not in [one.prompt for one in shows]:
            trouble.drifted.append("its prompt does not stand on the page as it went to the model")
        return
    names = {file.name for file in entry.made.files}
    above: str | None = None
    used = False
    for one in shows:
        if one.prompt is not None:
            above = one.prompt
        elif names & set(one.files):
            used = True
            if above == text:
                return
    if not used:
        trouble.missing.append("the page does not show it")
    elif above is None:
        trouble.drifted.append("no prompt stands above it on the page")
    else:
        trouble.drifted.append("the prompt above it on the page is not the one that went to the model")


def _check_file(file: File, original: str, folder: Path, trouble: Trouble) -> None:
    data = _read(folder, file.name)
    if data is None:
        trouble.missing.append(f"{file.name} is not there")
        return
    if (found := blob_digest(data)) != file.blob:
        trouble.drifted.append(f"{file.name} has the digest {short(found)}, and the index says {short(file.blob)}")
        return
    kind = sniff(data)
    if kind is None or (kind.mime_type, kind.width, kind.height) != (file.mime_type, file.width, file.height):
        trouble.drifted.append(f"{file.name} is not the picture that the index describes")
    if file.blob == original:  # a chart, copied as it is
        return
    named = {match.decode("ascii", "replace") for match in _DERIVED_FROM.findall(data)}
    if named != {original}:
        trouble.drifted.append(f"{file.name} does not say that it was made from the record's picture")


def _check_originals(entry: Entry, index: Index, folder: Path, trouble: Trouble) -> None:
    """An original that is published is the record's, byte for byte."""
    if entry.picture is None:
        return
    original = entry.record.pictures[entry.picture].original.blob
    stems = {file.name.removesuffix(".webp") for file in entry.made.files[-1:]}
    for name in index.written:
        if any(name.startswith(f"{stem}-original.") for stem in stems):
            data = _read(folder, name)
            if data is None:
                trouble.missing.append(f"{name} is not there")
            elif blob_digest(data) != original:
                trouble.drifted.append(f"{name} is not the record's picture")


def _read(folder: Path, name: str) -> bytes | None:
    """Return the bytes of a file below a folder; None where there is none, or a link leads out of it."""
    try:
        place = (folder / name).resolve()
        if not place.is_relative_to(folder) or not place.is_file() or place.stat().st_size > MAX_FILE:
            return None
        return place.read_bytes()
    except (OSError, ValueError):
        return None
