"""The files of a post's pictures: copies made on all cores, or, where the last run made the same, its own files.

What an earlier run made is used only where its index says that it was made of the same picture, words, widths and
encoder, and the bytes on disk still have the digest it names.
"""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Executor, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, tagged_digest
from gemnb.errors import CacheError, InputError
from gemnb.publish.attached import ending
from gemnb.publish.figures import File
from gemnb.publish.pictures import encoder_version, renditions
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from gemnb.model import JSONObject
    from gemnb.publish.pictures import Rendition
    from gemnb.publish.post import Source

    _Running = dict[Future[tuple[Rendition, ...]], tuple[Source, str]]

WIDTHS = (480, 768, 1024, 1440)
"""Widths of copies in pixels: of a phone's column twice over, and of a theme's 720 px once and twice."""

QUALITY = 82
"""Of WebP: Pillow's scale, 0 to 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The files of one picture.

    Attributes:
        files: On the page, the narrowest first; empty where none could be made.
        key: What they were made of, as a digest.
        base: Digest of the bytes they were made from: the original, or its preview.
        remark: What the author should be told, or empty.
        fresh: Whether they were made in this run.
    """

    files: tuple[File, ...] = ()
    key: str = ""
    base: str = ""
    remark: str = ""
    fresh: bool = False


@dataclass(slots=True, kw_only=True)
class Files:
    """What was made: per stem, and the bytes of every file by name."""

    made: dict[str, Made] = field(default_factory=dict)
    data: dict[str, bytes] = field(default_factory=dict)

    def of(self) -> dict[str, tuple[File, ...]]:
        """Return the files by stem."""
        return {stem: made.files for stem, made in self.made.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """How copies are made.

    Attributes:
        blob: Digest to bytes of the cache; its errors mean that they are not there.
        earlier: What the last run made, by stem.
        read: Name to bytes in the folder of the last run; None where there are none.
        widths: In pixels.
        quality: Of WebP.
        executor: Where copies are made; None for threads of this process, one per core (the encoders of Pillow
            release the interpreter's lock).
    """

    blob: Callable[[str], bytes]
    earlier: Mapping[str, Made]
    read: Callable[[str], bytes | None]
    widths: tuple[int, ...] = WIDTHS
    quality: int = QUALITY
    executor: Executor | None = None


def original_name(source: Source) -> str:
    """Return the name under which a picture's original is published."""
    return f"{source.stem}-original.{ending(source.mime_type)}"


def make_files(sources: Sequence[Source], maker: Maker) -> Files:
    """Return the files of pictures, in the order of the pictures."""
    wanted: dict[str, Source] = {}
    for source in sources:
        # The same bytes with a record and without: the copies tell of the record.
        if source.stem not in wanted or wanted[source.stem].provenance is None:
            wanted[source.stem] = source
    found = Files(made=dict.fromkeys(wanted, Made()))
    missing = [source for source in wanted.values() if not _take_earlier(source, maker, found)]
    copied = [source for source in missing if source.provenance is None]
    for source in copied:
        _copy(source, found)
    _encode([source for source in missing if source.provenance is not None], maker, found)
    return found


def _key(source: Source, base: str, maker: Maker) -> str:
    said = asdict(source.provenance) if source.provenance else {}
    return tagged_digest(
        "publish",
        {
            "encoder": encoder_version(),
            "base": base,
            "widths": [*sorted(set(maker.widths))],
            "quality": maker.quality,
            "provenance": _hashable(said),
        },
    )


def _hashable(said: Mapping[str, object]) -> JSONObject:
    # A prompt may hold what canonical JSON does not.
    return {k: None if v is None else str(v).encode("utf-8", "backslashreplace").decode() for k, v in said.items()}


def _take_earlier(source: Source, maker: Maker, found: Files) -> bool:
    made = maker.earlier.get(source.stem)
    if made is None or not made.files or source.provenance is None:
        return False
    if made.base != source.original and (made.base != source.preview or _is_there(source.original, maker)):
        return False
    if made.key != _key(source, made.base, maker):
        return False
    held = {file.name: maker.read(file.name) for file in made.files}
    if any(
        data is None or blob_digest(data) != file.blob for file, data in zip(made.files, held.values(), strict=True)
    ):
        return False
    found.data |= {name: data for name, data in held.items() if data is not None}
    remark = "" if made.base == source.original else _PREVIEW_ONLY
    found.made[source.stem] = Made(files=made.files, key=made.key, base=made.base, remark=remark)
    return True


_PREVIEW_ONLY = "its original is not in the cache; the copies are made from the preview"


def _is_there(digest: str, maker: Maker) -> bool:
    try:
        maker.blob(digest)
    except CacheError:
        return False
    return True


def _base(source: Source, maker: Maker) -> tuple[str, bytes] | None:
    """Return the best bytes there are of a picture, and their digest."""
    for digest in filter(None, (source.original, source.preview)):
        if source.embedded is not None and blob_digest(source.embedded) == digest:
            return digest, source.embedded
        try:
            return digest, maker.blob(digest)
        except CacheError:
            continue
    return None


def _copy(source: Source, found: Files) -> None:
    data = source.embedded or b""
    kind = sniff(data)
    if kind is None:
        return
    name = f"{source.stem}.{ending(kind.mime_type)}"
    file = _file(name, kind.mime_type, kind.width, kind.height, data)
    found.data[name] = data
    found.made[source.stem] = Made(files=(file,), base=source.original)


def _file(name: str, mime_type: str, width: int, height: int, data: bytes) -> File:
    return File(name=name, mime_type=mime_type, width=width, height=height, size=len(data), blob=blob_digest(data))


def _encode(sources: Sequence[Source], maker: Maker, found: Files) -> None:
    if not sources:
        return
    workers = min(os.cpu_count() or 1, len(sources))
    rest = iter(sources)
    with nullcontext(maker.executor) if maker.executor else ThreadPoolExecutor(workers) as pool:
        running: _Running = {}
        more = True
        while more or running:
            # Twice as many as there are cores, so that no originals lie in memory that nobody works on.
            while more and len(running) < 2 * (os.cpu_count() or 1):
                source = next(rest, None)
                more = source is not None
                if source is None or not _start(source, maker, pool, running, found):
                    continue
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                source, base = running.pop(future)
                _finish(future, source, base, maker, found)


def _start(source: Source, maker: Maker, pool: Executor, running: _Running, found: Files) -> bool:
    base = _base(source, maker)
    if base is None:
        found.made[source.stem] = Made(remark="its bytes are neither in the cache nor in the notebook")
        return False
    assert source.provenance is not None  # noqa: S101 - those without are copied
    future = pool.submit(
        renditions,
        base[1],
        stem=source.stem,
        widths=maker.widths,
        provenance=source.provenance,
        quality=maker.quality,
    )
    running[future] = (source, base[0])
    return True


def _finish(future: Future[tuple[Rendition, ...]], source: Source, base: str, maker: Maker, found: Files) -> None:
    try:
        made = future.result()
    except InputError as error:
        found.made[source.stem] = Made(remark=f"its copies cannot be made: {error.what} {error.why}")
        return
    files = []
    for copy in made:
        found.data[copy.name] = copy.data
        files.append(_file(copy.name, copy.mime_type, copy.width, copy.height, copy.data))
    remark = "" if base == source.original else _PREVIEW_ONLY
    found.made[source.stem] = Made(
        files=tuple(files), key=_key(source, base, maker), base=base, remark=remark, fresh=True
    )
