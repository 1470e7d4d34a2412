"""Import a picture: keep its bytes, its preview and what its author states in the cache, and find them again there.

`imports/ab/<sha256 of the name>/<n>.json` holds what `gemnb.keep` was given under a name: the path as it was typed,
or, for what has no path, the digest of its bytes or pixels. Where the file is not there (another machine, later),
the latest entry leads to its bytes.
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, is_digest, short
from gemnb.errors import CacheError, CorruptEntry, InputError, StoreError
from gemnb.inputs.gps import holds_place
from gemnb.inputs.keeping import KeptPicture, keep
from gemnb.inputs.statements import Import, check_statement, import_entry, parse_entry
from gemnb.model import Image, Mode, Picture
from gemnb.records import dump, load
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gemnb.cache import Cache
    from gemnb.inputs.keeping import Values
    from gemnb.inputs.reach import Reach
    from gemnb.inputs.statements import Statement

_log = logging.getLogger("gemnb")
_ENTRY = re.compile(r"([1-9][0-9]{0,5})\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """An entry of the cache: its number, its name, what it says, and where it lies."""

    number: int
    made: Import
    place: Cache


def import_picture(
    value: object, statement: Statement, reach: Reach, *, alt: str | None = None, values: Values | None = None
) -> KeptPicture:
    """Return a picture from elsewhere, with what its author states of it, and keep both in the cache.

    Nothing is written in replay, nor in a plan. Where the cache cannot be written, it is told, and no error.

    Args:
        value: As for `keep`: a path, bytes, pixels, a figure.
        statement: What its author says of it.
        reach: The cache; its mode says whether it is written.
        alt: Alternative text.
        values: As for `keep`.

    Raises:
        InputError: It shows no picture, or the statement cannot be kept.
        CacheError: The file is not there, and what the cache holds in its place is damaged.
    """
    check_statement(statement, alt)
    name = str(value) if isinstance(value, str | Path) else ""
    known: _Known | None
    if name and not _is_file(name):
        kept, known = _from_cache(name, reach)
    else:
        kept = keep(value, values=values)
        name = name or kept.digest
        known = _latest(name, reach.places)
    picture, data = _picture(kept, known)
    pixels = kept.pixels.digest if kept.pixels else None
    made = Import(picture=picture, stated=statement, pixels=pixels, alt=alt)
    if reach.mode in (Mode.AUTO, Mode.REFRESH):
        _write(name, made, data, known, reach.places[0])
    if holds_place(kept.bytes):
        _log.warning("%s holds the place where it was taken (GPS), and is kept in the cache with it.", name[:100])
    shown = made.picture.preview or made.picture.original
    return KeptPicture(
        bytes=data[made.picture.original.blob],
        mime_type=kept.mime_type,
        digest=kept.digest,
        pixels=kept.pixels,
        said=kept.said,
        imported=made,
        shown=data[shown.blob],
    )


def import_key(name: str, number: int) -> str:
    """Return the key of an entry: `imports/ab/abcd…/1.json`."""
    return f"{_prefix(name)}{number}.json"


def kept_imports(entries: Iterable[tuple[str, bytes]]) -> dict[str, list[Import]]:
    """Return what entries say of imports, by the digest of the original, the latest last; damaged ones say nothing.

    Args:
        entries: Keys of a cache with what stands under them; those of other kinds are passed over.
    """
    numbered = []
    for key, data in entries:
        folder, _, name = key.rpartition("/")
        match = _ENTRY.fullmatch(name)
        if not key.startswith("imports/") or match is None:
            continue
        try:
            numbered.append((folder, int(match.group(1)), parse_entry(load(data))[1]))
        except CacheError as error:
            _log.debug("%s: %s", key, error.what)
    found: dict[str, list[Import]] = {}
    for _, _, made in sorted(numbered, key=lambda one: one[:2]):
        found.setdefault(made.picture.original.blob, []).append(made)
    return found


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # a name no file can have
        return False


def _from_cache(name: str, reach: Reach) -> tuple[KeptPicture, _Known]:
    """Return what was kept under the name of a file that is not there."""
    known = _latest(name, reach.places)
    if known is None:
        raise InputError(
            f"gemnb.keep: {name[:200]} is not there, and nothing was kept under this path.",
            hint="The path is tried from the working folder; once kept, the cache stands in for the file.",
        )
    kept = keep(known.place.blob(known.made.picture.original.blob))
    if known.made.pixels:
        from PIL import Image as PillowImage

        # The PNG of pixels is addressed by these; they are compared below as any others.
        kept = keep(PillowImage.open(io.BytesIO(kept.bytes)))
        if kept.digest != known.made.pixels:
            raise CorruptEntry(
                f"The cache holds other pixels for {name[:200]} than it says.", key=import_key(name, known.number)
            )
    return kept, known


def _picture(kept: KeptPicture, known: _Known | None) -> tuple[Picture, dict[str, bytes]]:
    """Return the facts of the picture and the bytes they name; the preview is the one that was made first."""
    original = _facts(kept.bytes)
    made = known.made if known else None
    address = made and (made.pixels or made.picture.original.blob)
    if made is not None and known is not None and address == kept.digest:
        try:
            images = filter(None, (made.picture.original, made.picture.preview))
            return made.picture, {image.blob: known.place.blob(image.blob) for image in images}
        except CacheError as error:
            _log.warning("What was kept of %s is damaged, and is made anew: %s", short(kept.digest), error.what)
    from gemnb.preview import make_preview

    try:
        small = make_preview(kept.bytes, kept.mime_type)
    except (OSError, ValueError, SyntaxError) as error:
        failure = InputError("gemnb.keep: the picture cannot be decoded.", why=f"{type(error).__name__}: {error}")
    else:
        preview = None if small is None else _facts(small)
        data = {original.blob: kept.bytes} | ({} if small is None or preview is None else {preview.blob: small})
        return Picture(original=original, preview=preview), data
    raise failure


def _facts(data: bytes) -> Image:
    found = sniff(data)
    if found is None:
        raise InputError("gemnb.keep: the bytes are no picture.")
    return Image(
        blob=blob_digest(data), mime_type=found.mime_type, size=len(data), width=found.width, height=found.height
    )


def _write(name: str, made: Import, data: dict[str, bytes], known: _Known | None, place: Cache) -> None:
    """Keep an import as the next entry under its name, unless the latest says the same."""
    try:
        for blob in data.values():  # before the entry that leads to them
            place.put_blob(blob)
        if known is None or known.made.digest != made.digest or known.place is not place:
            number = max(_numbers(name, place), default=0) + 1
            place.store.put(import_key(name, number), dump(import_entry(_shown_name(name), made)))
    except StoreError as error:
        _log.warning("The import of %s could not be kept: %s", name[:200], error.what)


def _latest(name: str, places: tuple[Cache, ...]) -> _Known | None:
    for place in places:
        if numbers := _numbers(name, place):
            key = import_key(name, max(numbers))
            said, made = parse_entry(load(place.store.get(key) or b""))
            if said != _shown_name(name):
                raise _damaged(key)
            return _Known(number=max(numbers), made=made, place=place)
    return None


def _damaged(key: str) -> CorruptEntry:
    return CorruptEntry(
        f"cache/{key} is damaged: it does not say what was kept.",
        hint=f"git checkout -- cache/{key}   brings it back if it was committed",
        key=key,
    )


def _numbers(name: str, place: Cache) -> list[int]:
    names = (key.rpartition("/")[2] for key in place.store.keys(_prefix(name)))
    return sorted(int(match.group(1)) for found in names if (match := _ENTRY.fullmatch(found)))


def _shown_name(name: str) -> str:
    """Return the name that an entry holds: a path; what has none is named by the entry's key."""
    return "" if is_digest(name) else name


def _prefix(name: str) -> str:
    hexed = name.removeprefix("sha256:") if is_digest(name) else hashlib.sha256(name.encode("utf-8", "surrogatepass"))
    text = hexed if isinstance(hexed, str) else hexed.hexdigest()
    return f"imports/{text[:2]}/{text}/"
