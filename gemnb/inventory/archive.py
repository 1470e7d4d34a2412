"""Kept answers as one zip file, and back. The file is a stranger's until every byte of it has been checked.

Entries are stored, not compressed: pictures do not shrink, and an archive whose entries hold no more bytes than
its file cannot be a bomb.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.cache import Cache, Kept
from gemnb.cache.store import attempt_of, blob_key, check_key, record_key
from gemnb.canonical import blob_digest, is_digest, short
from gemnb.errors import CorruptEntry, StoreError
from gemnb.inventory.answers import blobs_of, key_of
from gemnb.inventory.listing import digest_of, read_records
from gemnb.inventory.pointers import MAX_POINTER, is_pointer, pointers
from gemnb.inventory.referred import closure, digests_in
from gemnb.records import MAX_BYTES, document, dump, load, parse_document

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gemnb.inventory.referred import References

MAX_ENTRIES = 200_000
"""An archive of more entries is refused; a notebook of a hundred pictures has some hundred."""

MAX_BLOB = 1024 * 1024 * 1024
"""As many bytes as the cache takes for one blob."""

_OLDEST = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip file can hold: equal contents are equal files
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What an archive holds."""

    records: int
    blobs: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of an import.

    Attributes:
        records: Answers that are new here.
        blobs: Bytes that are new here.
        known: Answers and bytes that were here already.
        differing: Keys of answers of which another one is kept here; that one stays.
    """

    records: int
    blobs: int
    known: int
    differing: tuple[str, ...]


def export(cache: Cache, target: Path, found: References | None = None) -> Packed:
    """Write kept answers and all bytes they refer to into a new zip file; the same answers make the same bytes.

    Args:
        cache: Where they are kept; nothing is changed there.
        target: The file, which must not be there yet.
        found: Only what notebooks and locks refer to; without it, everything.

    Raises:
        CorruptEntry: An answer, or bytes that one refers to, are damaged or missing; no file is left.
        StoreError: The cache or the file failed.
    """
    looking = Cache(cache.store, look_only=True)
    listing = read_records(looking)
    if listing.damaged:
        entry = listing.damaged[0]
        raise CorruptEntry(f"{entry.name} is damaged; nothing was exported.", why=entry.why, hint=_VERIFY)
    chosen = listing.kept
    if found is not None:
        requests, _ = closure(chosen, found)
        chosen = tuple(kept for kept in chosen if kept.record.request_digest in requests)
    blobs = sorted({digest for kept in chosen for digest in blobs_of(kept)} | _imported(looking, found))
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        if target.exists():
            raise StoreError(f"{target} is there already.", hint="Take it away, or name another file.")
        try:
            size = _write(temporary, chosen, blobs, looking)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        return Packed(records=len(chosen), blobs=len(blobs), size=size)
    raise StoreError(f"Cannot write {target}.", why=reason)


def left_out(cache: Cache, private: Cache, found: References | None = None) -> int:
    """Return how many answers `export` leaves out because they are kept in the private part alone.

    Args:
        cache: What is exported.
        private: Its private part.
        found: As for `export`.

    Raises:
        StoreError: The cache cannot be read.
    """
    apart = [kept for kept in read_records(private).kept if cache.store.get(key_of(kept)) is None]
    if found is None:
        return len(apart)
    requests, _ = closure(apart, found)
    return sum(kept.record.request_digest in requests for kept in apart)


def import_(cache: Cache, source: Path) -> Taken:
    """Take the answers of a zip file into the cache. All of it is checked before anything is put.

    Nothing that is kept is replaced: where another answer has the same attempt at the same request, the one
    here stays. (Damaged bytes of a blob are no blob: good ones take their place.)

    Raises:
        CorruptEntry: It is no archive of gemnb's, or anything in it is not what its name says; nothing was put.
        UnknownSchema: It was written by a later gemnb; nothing was put.
        StoreError: The file or the cache failed.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            entries = _checked_entries(archive, source.stat().st_size)
            _check_contents(archive, entries, cache)
            return _take(archive, entries, cache)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        refusal: CorruptEntry | StoreError = _refused(str(error) or type(error).__name__)
    except OSError as error:
        refusal = StoreError(f"Cannot read {source}.", why=error.strerror or str(error))
    raise refusal


def _imported(cache: Cache, found: References | None) -> set[str]:
    """Return the digests of imported pictures, to which no answer needs to refer."""
    entries = (data for key, data in pointers(cache.store) if key.startswith("imports/"))
    digests = {digest for data in entries for digest in digests_in(data)}
    return digests if found is None else digests & found.digests


_VERIFY = "gemnb cache verify   lists all that is damaged"


def _write(path: Path, chosen: Sequence[Kept], blobs: Sequence[str], cache: Cache) -> int:
    size = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for digest in blobs:
            size += _add(archive, blob_key(digest), cache.blob(digest))
        for key, data in sorted(pointers(cache.store)):
            if digests_in(data) <= set(blobs):
                size += _add(archive, key, data)
        for kept in sorted(chosen, key=key_of):
            size += _add(archive, key_of(kept), dump(document(kept.record, kept.invocation)))
    return size


def _add(archive: zipfile.ZipFile, key: str, data: bytes) -> int:
    info = zipfile.ZipInfo(key, _OLDEST)
    info.create_system = 3  # Unix, wherever it is written
    info.external_attr = 0o100644 << 16
    archive.writestr(info, data)
    return len(data)


def _checked_entries(archive: zipfile.ZipFile, size: int) -> list[zipfile.ZipInfo]:
    """Return the entries, blobs first, once names, sizes and kinds are what gemnb writes."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise _refused(f"it has {len(entries)} entries; {MAX_ENTRIES} are the most")
    for entry in entries:
        name = check_key(entry.orig_filename)
        is_blob = is_digest(digest_of(name)) and blob_key(digest_of(name)) == name
        if attempt_of(name) is None and not is_blob and not is_pointer(name):
            raise _refused(f"{name[:80]} is neither an answer nor bytes of one")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & _ENCRYPTED:
            raise _refused(f"{name} is compressed or encrypted; gemnb's archives store plain bytes")
        limit = MAX_POINTER if is_pointer(name) else MAX_BLOB if attempt_of(name) is None else MAX_BYTES
        if entry.file_size > limit:
            raise _refused(f"{name} has {entry.file_size} bytes; {limit} are the most")
    if len({entry.filename for entry in entries}) < len(entries):
        raise _refused("a name stands in it twice")
    if sum(entry.file_size for entry in entries) > size:
        raise _refused("its entries claim more bytes than the file has")
    return sorted(entries, key=lambda entry: (attempt_of(entry.filename) is not None, entry.filename))


def _check_contents(archive: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo], cache: Cache) -> None:
    there = {digest_of(entry.filename) for entry in entries if entry.filename.startswith("blobs/")}
    for entry in entries:
        if is_pointer(entry.filename):
            lacking = sorted(digests_in(archive.read(entry)) - there)
            if lacking and (missing := cache.missing(lacking)):
                raise _refused(f"{entry.filename} leads to the bytes {short(missing[0])}, which are nowhere")
            continue
        if attempt_of(entry.filename) is None:
            _blob(archive, entry)
            continue
        lacking = [digest for digest in blobs_of(_record(archive, entry)) if digest not in there]
        if lacking and (missing := cache.missing(lacking)):
            raise _refused(f"{entry.filename} refers to the bytes {short(missing[0])}, which are nowhere")


def _take(archive: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo], cache: Cache) -> Taken:
    counts = {"records": 0, "blobs": 0, "known": 0}
    differing = []
    for entry in entries:
        key = entry.filename
        # Read and checked once more: the file may have been changed since.
        if is_pointer(key):
            cache.store.put(key, archive.read(entry))
            continue
        if attempt_of(key) is None:
            data = _blob(archive, entry)
            counts["known" if cache.store.get(key) == data else "blobs"] += 1
            cache.put_blob(data)
            continue
        kept = _record(archive, entry)
        data = dump(document(kept.record, kept.invocation))
        if cache.store.put(key, data):
            counts["records"] += 1
        elif cache.store.get(key) == data:
            counts["known"] += 1
        else:
            differing.append(key)
    return Taken(**counts, differing=tuple(differing))


def _blob(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    data = archive.read(entry)
    if blob_key(blob_digest(data)) != entry.filename:
        raise _refused(f"the bytes {entry.filename} have the digest {short(blob_digest(data))}")
    return data


def _record(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Kept:
    try:
        record, invocation, _ = parse_document(load(archive.read(entry)))
    except CorruptEntry as error:
        reason = error.why or error.what
    else:
        if record_key(record.request_digest, record.attempt) == entry.filename:
            return Kept(record=record, invocation=invocation)
        reason = "it answers another request, or is another attempt, than its name says"
    raise _refused(f"{entry.filename}: {reason}")


def _refused(why: str) -> CorruptEntry:
    return CorruptEntry(
        "This is no archive that gemnb takes answers from; nothing was imported.",
        why=why,
        hint="gemnb cache export FILE.zip   makes one",
    )
