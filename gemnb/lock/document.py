"""`gemnb.lock` as a file: TOML, the same bytes for the same lock, one short block for each answer.

Each block names its notebook and cell, so that a diff tells of itself. What is read may come from a stranger.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING, Any, cast

from gemnb.canonical import is_digest
from gemnb.errors import SettingsError, StoreError, UnknownSchema, nearest
from gemnb.lock.pins import MAX_ATTEMPT, NAME, Lock, Pin, Source
from gemnb.model import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

MAX_LOCK = 4 * 1024 * 1024
"""Bytes; an answer takes about 400, so this is some ten thousand of them."""

_HEADER = """\
# gemnb.lock: which answers the cells of these notebooks show, and which bytes their input files were.
# `gemnb lock` writes it, `gemnb lock --check` compares. Commit it; do not edit it.
"""
_ANSWER = {"notebook", "parameters", "cell", "occurrence", "request", "attempt", "record", "pictures"}
_INPUT = {"notebook", "parameters", "source", "blob", "files"}
# Quote and backslash, controls, half characters, and signs that would make a diff show something else than is there.
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def render_lock(lock: Lock) -> bytes:
    """Return the bytes of the file.

    Raises:
        SettingsError: A name holds half a character (a lone surrogate), which no file of text can hold; or the file
            would be too big to be read.
    """
    blocks = [_block("answer", _answer(pin)) for pin in lock.pins]
    blocks += [_block("input", _input(source)) for source in lock.sources]
    data = "\n".join([f"{_HEADER}schema = {SCHEMA}\n", *blocks]).encode("utf-8")
    if len(data) > MAX_LOCK:
        raise SettingsError(
            f"The lock would have {len(data) / 1024**2:.1f} MB; gemnb reads up to {MAX_LOCK // 1024**2} MB.",
            hint="A folder with a gemnb.lock of its own (one line: schema = 0) keeps its notebooks there.",
        )
    return data


def read_lock(path: Path) -> Lock:
    """Return what a lock pins.

    Raises:
        SettingsError: It is no lock; the message says which line.
        UnknownSchema: A later gemnb wrote it.
        StoreError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_LOCK + 1)
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        return parse_lock(data, str(path))
    raise StoreError(f"{path} cannot be read.", why=reason)


def parse_lock(data: bytes, name: str = NAME) -> Lock:
    """Return what the bytes of a lock pin; `name` is for messages.

    Raises:
        SettingsError: It is no lock; the message says which line.
        UnknownSchema: A later gemnb wrote it.
    """
    if len(data) > MAX_LOCK:
        raise _wrong(name, f"It has more than {MAX_LOCK // 1024**2} MB.")
    import tomllib

    try:
        text = data.decode("utf-8")
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # no UTF-8, or no TOML; it says where
        reason = str(error)
    else:
        return _Reader(document, text, name).lock()
    raise _wrong(name, reason)


def write_lock(path: Path, data: bytes) -> None:
    """Put the bytes in the place of the lock at once: a reader sees the old file or the new one.

    Raises:
        StoreError: It cannot be written.
    """
    temporary = path.parent / f".{path.name}.{os.urandom(6).hex()}.tmp"
    try:
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        return
    raise StoreError(f"{path} cannot be written.", why=reason)


def _answer(pin: Pin) -> Iterator[tuple[str, str]]:
    yield from _where(pin.notebook, pin.parameters)
    yield "cell", _text(pin.cell)
    if pin.occurrence != 1:
        yield "occurrence", str(pin.occurrence)
    yield "request", _text(pin.request)
    yield "attempt", str(pin.attempt)
    yield "record", _text(pin.record)
    yield "pictures", _list(map(_text, pin.pictures))


def _input(source: Source) -> Iterator[tuple[str, str]]:
    yield from _where(source.notebook, source.parameters)
    yield "source", _text(source.source)
    if [name for name, _ in source.files] == [source.source]:
        yield "blob", _text(source.files[0][1])
    else:
        yield "files", _list(f"[{_text(name)}, {_text(digest)}]" for name, digest in source.files)


def _where(notebook: str, parameters: str) -> Iterator[tuple[str, str]]:
    yield "notebook", _text(notebook)
    if parameters:
        yield "parameters", _text(parameters)


def _block(kind: str, rows: Iterable[tuple[str, str]]) -> str:
    return "".join([f"[[{kind}]]\n", *(f"{key} = {value}\n" for key, value in rows)])


def _list(items: Iterable[str]) -> str:
    rows = list(items)
    return f"[{''.join(rows)}]" if len(rows) < 2 else "".join(["[\n", *(f"  {row},\n" for row in rows), "]"])


def _text(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if "\ud800" <= character <= "\udfff":
        raise SettingsError(f"{match.string[:80]!r} holds half a character (a lone surrogate); no lock can.")
    return _SHORT.get(character) or f"\\u{ord(character):04x}"


def _wrong(name: str, why: str) -> SettingsError:
    return SettingsError(
        f"{name} is no lock that gemnb wrote.",
        why=why,
        hint=f"git checkout -- {NAME}   brings back the committed one\n"
        f"gemnb lock PATHS   writes it anew, once {NAME} is out of the way",
    )


class _Reader:
    """Goes through the blocks, and knows the line of each for what it has to say."""

    def __init__(self, document: dict[str, Any], text: str, name: str) -> None:
        self._document = document
        self._text = text
        self._name = name
        self._at = ""

    def lock(self) -> Lock:
        schema = self._document.get("schema")
        if type(schema) is int and schema > SCHEMA:
            raise UnknownSchema(
                f"{self._name} has schema version {schema}; this gemnb reads up to {SCHEMA}.",
                hint="pip install --upgrade gemnb",
            )
        if type(schema) is not int or schema != SCHEMA:
            raise _wrong(self._name, "It has no schema version that gemnb knows.")
        self._only(self._document, {"schema", "answer", "input"})
        pins = [self._pin(block) for block in self._blocks("answer", _ANSWER)]
        sources = [self._source(block) for block in self._blocks("input", _INPUT)]
        return Lock(pins=tuple(pins), sources=tuple(sources))

    def _blocks(self, kind: str, known: set[str]) -> Iterator[dict[str, Any]]:
        blocks = self._document.get(kind, [])
        if not isinstance(blocks, list):
            raise _wrong(self._name, f"{kind} is no list of blocks [[{kind}]].")
        lines = [n for n, line in enumerate(self._text.split("\n"), 1) if line.strip() == f"[[{kind}]]"]
        seen: set[tuple[str, ...]] = set()
        for index, block in enumerate(blocks):
            # Where a text of several lines holds such a line itself, the number of the block is all that is known.
            line = f"line {lines[index]}, " if len(lines) == len(blocks) else ""
            self._at = f"{line}{kind} {index + 1}: "
            if not isinstance(block, dict):
                raise self._refuse(f"it is no block [[{kind}]]")
            self._only(block, known)
            full = {"occurrence": 1, **block}
            place = tuple(str(full.get(key)) for key in ("notebook", "parameters", "cell", "occurrence", "source"))
            if place in seen:
                raise self._refuse("the lock has another block for the same place")
            seen.add(place)
            yield full

    def _pin(self, block: Mapping[str, Any]) -> Pin:
        return Pin(
            notebook=self._notebook(block),
            parameters=self._parameters(block),
            cell=self._typed(block, "cell"),
            occurrence=self._count(block, "occurrence"),
            request=self._digest(block, "request"),
            attempt=self._count(block, "attempt"),
            record=self._digest(block, "record"),
            pictures=tuple(self._each(block, "pictures", is_digest, "digests")),
        )

    def _source(self, block: Mapping[str, Any]) -> Source:
        text = self._typed(block, "source")
        if ("blob" in block) == ("files" in block):
            raise self._refuse("it has either blob or files")
        files = [(text, self._digest(block, "blob"))] if "blob" in block else self._files(block)
        return Source(
            notebook=self._notebook(block), parameters=self._parameters(block), source=text, files=tuple(files)
        )

    def _files(self, block: Mapping[str, Any]) -> list[tuple[str, str]]:
        rows = self._each(block, "files", _is_file, "pairs of a name and a digest")
        if not rows:
            raise self._refuse("files is empty, and a glob that matches nothing is an error")
        return [(name, digest) for name, digest in cast("list[list[str]]", rows)]

    def _each(self, block: Mapping[str, Any], key: str, test: Callable[[object], bool], what: str) -> list[str]:
        value = block.get(key)
        if not isinstance(value, list) or not all(map(test, value)):
            raise self._refuse(f"{key} is no list of {what}")
        return value

    def _notebook(self, block: Mapping[str, Any]) -> str:
        name = self._typed(block, "notebook")
        if name.startswith("/") or ".." in name.split("/"):
            raise self._refuse(f"{name[:80]!r} leads out of the lock's folder")
        return name

    def _parameters(self, block: Mapping[str, Any]) -> str:
        return self._digest(block, "parameters") if "parameters" in block else ""

    def _typed(self, block: Mapping[str, Any], key: str) -> str:
        value = block.get(key)
        if not isinstance(value, str) or not value:
            raise self._refuse(f"{key} is missing or no text")
        return value

    def _digest(self, block: Mapping[str, Any], key: str) -> str:
        value = block.get(key)
        if not is_digest(value):
            raise self._refuse(f"{key} is missing or no digest")
        return cast("str", value)

    def _count(self, block: Mapping[str, Any], key: str) -> int:
        value = block.get(key)
        if type(value) is not int or not 1 <= value <= MAX_ATTEMPT:
            raise self._refuse(f"{key} is no whole number from 1 to {MAX_ATTEMPT}")
        return value

    def _only(self, table: Mapping[str, Any], known: set[str]) -> None:
        for key in table.keys() - known:
            near = nearest(key, known)
            raise self._refuse(f"there is no {key[:40]!r}" + (f"; did you mean {near}?" if near else ""))

    def _refuse(self, why: str) -> SettingsError:
        return _wrong(self._name, self._at + why)


def _is_file(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and value[0] != ""
        and is_digest(value[1])
    )
