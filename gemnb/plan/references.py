"""What the references of a cell stand for, without a kernel: from the text, project files, other cells, the record.

Nothing of the notebook is evaluated, and no file outside the project is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gemnb.errors import CacheError, CacheMiss, InputError, StoreError
from gemnb.inputs import bindings_of, earlier_result, expand, resolve
from gemnb.model import Binding
from gemnb.plan.names import Answered, Asked
from gemnb.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gemnb.invocation import Need
    from gemnb.model import Content, Invocation, Record
    from gemnb.notebook import Literals
    from gemnb.plan.cells import Places
    from gemnb.plan.names import Names

_ITEM = re.compile(r"([^\W\d]\w*)(?:\[(-?\d{1,4})\])?")
_NAME = re.compile(r"([^\W\d]\w*)(?:\[-?\d+\]|\.[^\W\d]\w*)*")
_SCHEME = re.compile(r"(?i:record|blob|data|https?):")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
_UNMADE = "sha256:" + "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """What a reference stands for.

    Attributes:
        bindings: Its bindings; of what is not made yet, one that counts in a price and has no true digest.
        earlier: The turns that are gone on from.
        recorded: The values come from the record of the cell's own output.
        after: Position of the cell whose answer is not there yet, or 0.
        unknown: Why it cannot be told, or empty.
    """

    bindings: tuple[Binding, ...] = ()
    earlier: tuple[Content, ...] = ()
    recorded: bool = False
    after: int = 0
    unknown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What references are looked up in.

    Attributes:
        names: What the cells above bind.
        literals: The names that plain code above gives a text or number.
        places: The cache and the project.
        folders: Where relative paths are tried.
        recorded: The bindings of the cell's own outputs.
        invocation: For results that are made of records.
        blob: Digest to bytes.
    """

    names: Names
    literals: Literals
    places: Places
    folders: Sequence[Path]
    recorded: tuple[Binding, ...]
    invocation: Invocation
    blob: Callable[[str], bytes]


def look_up(need: Need, desk: Desk) -> Stands:
    """Return what a reference stands for.

    Raises:
        CellError: It is not there, or is not what it would have to be.
        CacheError: What is kept of it is damaged.
    """
    if need.kind == "literal":
        value = need.source
        return Stands(bindings=(Binding(slot=need.slot, kind="literal", source=value, value=value),))
    if need.kind in ("picture", "result"):
        scheme = need.source.partition(":")[0]
        if _SCHEME.match(need.source):
            return _of_cache(need, desk)
        forced = scheme if scheme in ("var", "file") and need.kind == "picture" else ""
        text = need.source.removeprefix(f"{forced}:") if forced else need.source
        if forced != "file" and (found := _of_cell(need, text, desk)) is not None:
            return found
        if need.kind == "picture" and forced != "var" and (found := _of_files(need, text, desk)) is not None:
            return found
        if need.kind == "picture" and forced != "var" and _must_be_file(text, forced, desk):
            return _recorded(need, desk, f"{need.slot} {text[:80]}: there is no such file", missing=True)
    if need.kind == "variable" and (known := desk.literals.get(need.source.removeprefix("$"))) is not None:
        binding = Binding(slot=need.slot, kind="variable", source=need.source, value=known.text)
        return Stands(bindings=(binding,))
    text = need.slot if need.slot == f"-p {need.source}" else f"{need.slot} {need.source[:80]}"
    return _recorded(need, desk, f"{text} has a value only in a running kernel")


def _must_be_file(text: str, forced: str, desk: Desk) -> bool:
    match = _NAME.fullmatch(text)
    if forced or match is None:
        return True
    return match.group(1) not in desk.names.made and text.lower().endswith(_SUFFIXES)


def _of_cell(need: Need, text: str, desk: Desk) -> Stands | None:
    """Look up the NAME of a cell, or one of its samples."""
    named, item = _NAME.fullmatch(text), _ITEM.fullmatch(text)
    known = desk.names.known.get(named.group(1)) if named else None
    index = int(item.group(2)) if item and item.group(2) else None
    if isinstance(known, Asked):
        kept = _kept_sample(known, index, need.kind) if item else None
        return _unmade(need, known) if kept is None else _made(need, text, Answered(records=(kept,)), None, desk)
    return None if known is None or item is None else _made(need, text, known, index, desk)


def _unmade(need: Need, known: Asked) -> Stands:
    """Stand for an answer that is not there: a picture of it counts in a price."""
    binding = Binding(slot=need.slot, kind="result", source=need.source)
    if need.kind == "picture":
        binding = replace(binding, kind="variable", blob=_UNMADE, mime_type="image/png")
    why = "" if known.calls else f"depends on cell {known.cell}"
    return Stands(bindings=(binding,), after=known.cell, unknown=why)


def _kept_sample(known: Asked, index: int | None, kind: str) -> Record | None:
    """Return a sample that is kept though others of its cell are not; a picture without an index is the first's."""
    if index is None and kind != "picture":
        return None
    place = index or 0
    record = known.kept[place] if -len(known.kept) <= place < len(known.kept) else None
    return record if record is not None and (record.pictures or kind == "result") else None


def _made(need: Need, text: str, known: Answered, index: int | None, desk: Desk) -> Stands:
    """Stand for an answer, or one of its samples, as a kernel would bind it."""
    result = _result(known, desk)
    if index is not None:
        if not -len(result) <= index < len(result):
            raise InputError(f"{need.slot} {text}: there are {len(result)} samples.")
        result = result[index]
    if need.kind == "result":
        binding, earlier = earlier_result(result, need.slot, need.source)
        return Stands(bindings=(binding,), earlier=earlier)
    if not result.pictures:
        raise InputError(f"{need.slot} {text}: that answer holds no picture.")
    original = result.pictures[0].original
    found = Binding(slot=need.slot, kind="variable", source=need.source)
    return Stands(bindings=(replace(found, blob=original.blob, mime_type=original.mime_type),))


def _result(known: Answered, desk: Desk) -> Result:
    return Result(records=known.records, invocation=desk.invocation, blob=desk.blob)


def _of_cache(need: Need, desk: Desk) -> Stands:
    """Look up `record:`, `blob:`, `data:`, and a URL that was fetched before."""
    try:
        found = resolve([need], {}, (), desk.places.reach)
    except CacheMiss:  # a URL: a run would fetch it
        return _recorded(need, desk, f"{need.slot} {need.source[:80]} was never fetched")
    return Stands(bindings=found.bindings, earlier=found.earlier)


def _of_files(need: Need, text: str, desk: Desk) -> Stands | None:
    """Look up a path or glob in the project; None where nothing of the name is there."""
    there = [path for folder in desk.folders for path in _files(folder, text)]
    if not there:
        return None
    root = desk.places.root
    if not all(path.resolve().is_relative_to(root) for path in there):
        return _recorded(need, desk, f"{need.slot} {text[:80]} lies outside the project, and is not read")
    return Stands(bindings=resolve([need], {}, desk.folders, desk.places.reach).bindings)


def _files(folder: Path, text: str) -> list[Path]:
    try:
        if (folder / text).is_file():
            return [folder / text]
        # A pattern that leads out of the project would list the folders of whoever plans.
        outside = text.startswith(("/", "\\")) or ".." in text.replace("\\", "/").split("/")
        return [] if outside else [folder / name for name in expand(text, folder)]
    except (OSError, ValueError):
        return []


def _recorded(need: Need, desk: Desk, why: str, *, missing: bool = False) -> Stands:
    """Take what the reference stood for when the cell's own output was made, unless it hangs on a pending cell."""
    origin = None if missing else desk.names.origin(need.source)
    if origin is not None:
        return Stands(unknown=f"{need.source[:80]} is made of {origin[0]}, which cell {origin[1]} would ask for")
    bindings, unknown = bindings_of([need], desk.recorded)
    if unknown is not None:
        if missing:
            raise InputError(f"{why}.")
        return Stands(unknown=why)
    if need.kind == "result":
        return _earlier(need, bindings[0], desk)
    return Stands(bindings=tuple(bindings), recorded=True)


def _earlier(need: Need, binding: Binding, desk: Desk) -> Stands:
    try:
        kept = desk.places.cache.find(binding.request, binding.attempt) if binding.request else None
    except StoreError:
        raise
    except CacheError:
        kept = None
    if kept is None:
        return Stands(unknown=f"the answer that {need.source[:80]} was is not kept")
    result = _result(Answered(records=(kept.record,)), desk)
    return Stands(bindings=(binding,), earlier=earlier_result(result, need.slot, need.source)[1], recorded=True)
