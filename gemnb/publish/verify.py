"""Check a published page: its prompts against the records beside it, its pictures against their digests.

Nothing that is read is trusted: no path leads out of the folder, every record is hashed, and what the page shows is
read from the page. All that it shows must be what publishing would put there, at its place: what belongs to no record
is told with its line. What it comes to is *consistent*: page, record and pictures belong together. That a given model
made a picture is not proved by any digest (*origin unattested*).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, short
from gemnb.errors import CacheError, NotebookError
from gemnb.inputs.statements import NOT_VERIFIABLE
from gemnb.publish.addresses import Addresses
from gemnb.publish.claims import Claims
from gemnb.publish.figures import INDEX
from gemnb.publish.flavors import FLAVORS
from gemnb.publish.index import Entry, parse_index
from gemnb.publish.placing import match, places_of, take_apart
from gemnb.publish.readback import read_page
from gemnb.sniff import sniff
from gemnb.verify.findings import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gemnb.publish.figures import File
    from gemnb.publish.index import Index, Other
    from gemnb.publish.placing import Matched, Page, Place, Stanza
    from gemnb.publish.shown import Shows
    from gemnb.verify.findings import Check

MAX_FILE = 256 * 1024 * 1024
"""Bytes of a page or picture that is read."""

# Where the folder of files does not hold the page, it lies this many folders below what the page's path counts from.
_UP = {"jekyll": 3}
_DERIVED_FROM = re.compile(
    rb'<xmpMM:DerivedFrom rdf:parseType="Resource"><stRef:documentID>([^<]{1,100})</stRef:documentID>'
)
_LONG = 100  # characters of a stranger's address that are repeated


def find_published(path: Path) -> list[Path]:
    """Return the folders below a path that hold an index, sorted; of an index itself, its folder."""
    if path.is_file():
        return [path.parent] if path.name == INDEX else []
    return sorted(found.parent for found in path.rglob(INDEX) if found.is_file())


def verify_published(folder: Path) -> list[Check]:
    """Return one check per picture of a page; and one, of cell 0, of what stands on it besides, where that matters.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A page as it was read.

    Attributes:
        shows: What it shows.
        built: Whether a site generator made it: then the theme shows pictures of its own.
        wrong: Why it cannot be read, or empty.
    """

    shows: Sequence[Shows] = ()
    built: bool = False
    wrong: str = ""


def _checks(index: Index, folder: Path) -> list[Check]:
    read = _page(index, folder)
    page, places = take_apart(read.shows), places_of(index)
    addresses = Addresses.of(index, folder.name, page, built=read.built)
    claims = Claims(index=index, link=addresses.link, is_same=addresses.is_same)
    matched = match(places, page.stanzas, addresses.name, claims.names)
    numbers = {id(place.item): number for number, place in enumerate(places)}
    known = {entry.original for entry in index.entries}
    found = []
    for item in index.items:
        trouble = Trouble()
        number = numbers.get(id(item))
        if read.wrong or number is None:
            trouble.missing.append(read.wrong or "the page does not show it")
        else:
            _check_place(places[number], number, page, matched, addresses.name, claims, trouble)
        for file in item.made.files:
            _check_file(file, item.original, folder, trouble)
        _check_original(item, claims, folder, trouble)
        if not isinstance(item, Entry):
            _note(item, known, trouble)
        name = item.name if isinstance(item, Entry) else ""
        found.append(trouble.check(item.cell, name, short(item.original)))
    rest = Trouble()
    _check_rest(index, folder, page, places, matched, addresses, rest)
    return [*found, rest.check(0, "", "")] if rest.drifted or rest.missing or rest.notes else found


def _note(other: Other, known: set[str], trouble: Trouble) -> None:
    if other.imported is not None:
        trouble.notes.append(f"what it is said to be is {NOT_VERIFIABLE}")
    elif other.original not in known:
        trouble.notes.append("no record is of it: a comparison or a chart")


def _page(index: Index, folder: Path) -> _Read:
    """Return what the page shows, or why it cannot be read."""
    flavor = FLAVORS.get(index.flavor)
    if flavor is None:
        return _Read(wrong=f"the index names the flavor {index.flavor[:40]!r}, which gemnb does not know")
    up = _UP.get(index.flavor, 0) if "/" in index.page else 0
    base = folder
    for _ in range(up):
        base = base.parent
    data, built = _read(base, index.page), False
    if data is None and index.page == "index.md":  # as Hugo built it
        data, built = _read(base, "index.html"), True
    if data is None:
        return _Read(wrong=f"the page {index.page} is not there")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _Read(wrong=f"the page {index.page} is no UTF-8")
    is_html = built or flavor.name == "html"
    return _Read(shows=read_page(text, flavor.back, is_html=is_html, is_liquid=flavor.name == "jekyll"), built=built)


def _check_place(  # noqa: PLR0913, PLR0917 - a place, and what it is compared with
    place: Place,
    number: int,
    page: Page,
    matched: Matched,
    name: Callable[[str], str],
    claims: Claims,
    trouble: Trouble,
) -> None:
    """Check what stands at a place of the page against what the index says stands there."""
    for again in matched.again.get(number, ()):
        trouble.drifted.append(f"line {page.stanzas[again].line}: it stands there out of its place")
    if number not in matched.at:
        trouble.missing.append("the page does not show it")
        return
    stanza = page.stanzas[matched.at[number]]
    if place.prompt is not None:
        _check_prompt(place, stanza, trouble)
    if place.names and stanza.figure is None:
        trouble.missing.append("the page does not show it")
    several = stanza.figure is not None and len(stanza.figure.pictures) != 1
    if several and (isinstance(place.item, Entry) or place.item.imported):
        trouble.drifted.append(f"line {stanza.line}: its figure shows more than one picture")
    for address in stanza.picture:
        if name(address) not in place.names:
            trouble.drifted.append(f"line {stanza.line}: {_cut(address)} is no file of this picture")
    trouble.drifted += claims.differences(place, stanza)


def _check_prompt(place: Place, stanza: Stanza, trouble: Trouble) -> None:
    """The prompt that stands nearest above the picture is the record's, and nothing stands between."""
    whose = "that went to the model" if isinstance(place.item, Entry) else "that its author states"
    if stanza.prompt is None:
        trouble.drifted.append("no prompt stands above it on the page")
    elif stanza.prompt.prompt != place.prompt:
        trouble.drifted.append(f"the prompt above it on the page is not the one {whose}")
    elif place.is_new and not stanza.is_new:
        trouble.drifted.append("another picture stands between it and its prompt")
    for between in stanza.between:
        address = between.pictures[0][0] if between.pictures else ""
        said = f"line {between.line}: {_cut(address)}, a picture of no record, stands between it and its prompt"
        trouble.drifted.append(said)


def _check_rest(  # noqa: PLR0913, PLR0917 - the page, and all that is known of it
    index: Index,
    folder: Path,
    page: Page,
    places: Sequence[Place],
    matched: Matched,
    addresses: Addresses,
    trouble: Trouble,
) -> None:
    """Say what stands on the page and belongs to no record."""
    for number in matched.strange:
        trouble.drifted.append(f"line {page.stanzas[number].line}: a picture or answer of no record")
    used = {
        id(page.stanzas[stanza].prompt) for place, stanza in matched.at.items() if places[place].prompt is not None
    }
    for prompt, has_picture in page.prompts:
        if id(prompt) in used:
            continue
        digest = blob_digest((prompt.prompt or "").encode("utf-8", "surrogatepass"))
        if digest in index.texts and not has_picture:
            trouble.notes.append(f"line {prompt.line}: a text that looks like a prompt is the narrative's")
        else:
            trouble.drifted.append(f"line {prompt.line}: a prompt of no record")
    for comment in page.left_open:
        said = "a comment that nothing ends in its paragraph; whether a reader sees what follows is not certain"
        trouble.drifted.append(f"line {comment.line}: {said}")
    _check_pictures(index, folder, page, addresses, trouble)


def _check_pictures(index: Index, folder: Path, page: Page, addresses: Addresses, trouble: Trouble) -> None:
    """The narrative's pictures, which are known to the index; of a built page the theme's as well."""
    if addresses.base is not None:
        if lines := [one.line for one in page.pictures if one.pictures[0] != ("svg",)]:
            trouble.notes.append(
                f"{len(lines)} pictures of the narrative or the theme are of no record, the first in line {lines[0]}"
            )
        if "//" in addresses.base:
            trouble.notes.append(f"the page shows its pictures from {_cut(addresses.base)}; checked were those here")
        return
    copied = index.narrative_files()
    for one in page.pictures:
        for address in one.pictures[0]:
            name = addresses.name(address)
            if address not in index.pictures and name not in copied:
                trouble.drifted.append(f"line {one.line}: {_cut(address)}, a picture of no record")
                continue
            trouble.notes.append(f"line {one.line}: {_cut(address)} is the narrative's; no record is of it")
            data = _read(folder, name) if name else b""
            if data is None:
                trouble.missing.append(f"{name} is not there")
            elif name and blob_digest(data) != index.written[name]:
                trouble.drifted.append(f"{name} is not the picture that was published")


def _cut(address: str) -> str:
    return repr(address[:_LONG] + ("…" if len(address) > _LONG else ""))


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


def _check_original(item: Entry | Other, claims: Claims, folder: Path, trouble: Trouble) -> None:
    """An original that is published is the record's, byte for byte."""
    name = claims.original(item)
    if not name:
        return
    data = _read(folder, name)
    if data is None:
        trouble.missing.append(f"{name} is not there")
    elif blob_digest(data) != item.original:
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
