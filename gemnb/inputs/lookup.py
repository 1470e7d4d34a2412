"""Look up what a cell refers to: variables, files, globs, URLs, what the cache holds, earlier results."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.errors import CellSyntaxError, InputError, PromptError, nearest
from gemnb.inputs.files import find_file, find_files, is_glob
from gemnb.inputs.kept import blob_of, picture_of, record_of
from gemnb.inputs.pictures import Taken, brief, earlier_record, earlier_result, matched, picture_binding, take
from gemnb.inputs.urls import read_data_url, read_url
from gemnb.invocation import Need
from gemnb.model import Binding, Content

if TYPE_CHECKING:
    from gemnb.inputs.urls import Reach

_VARIABLE = re.compile(r"([^\W\d]\w*)(?:\[-?\d+\]|\.[^\W\d]\w*)*")
_SCHEME = re.compile(r"(?:var|file|record|blob|(?i:data|https?)):")

Namespace = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What the references of a cell stand for.

    Attributes:
        bindings: One per need, in order; of a glob one per file.
        blobs: The bytes of the input pictures, by digest, as far as they are not in the cache already.
        earlier: The turns of the result that is gone on from.
    """

    bindings: tuple[Binding, ...] = ()
    blobs: dict[str, bytes] = field(default_factory=dict)
    earlier: tuple[Content, ...] = ()


def resolve(needs: Sequence[Need], names: Namespace, folders: Sequence[Path], reach: Reach | None = None) -> Resolved:
    """Look up every need of a cell.

    Args:
        needs: From `gemnb.invocation.needs`.
        names: The user's variables.
        folders: Where relative paths are tried: working folder, notebook's folder, project root.
        reach: The cache and the network; without it `record:`, `blob:` and URLs cannot be looked up.

    Raises:
        CellError: Something is not there, or is not what it would have to be.
        CacheMiss: In replay mode, a URL was never fetched.
        CacheError: What the cache holds is damaged.
    """
    bindings: list[Binding] = []
    blobs: dict[str, bytes] = {}
    earlier: tuple[Content, ...] = ()
    for need in needs:
        if need.kind == "picture":
            for binding, data in _pictures(need, names, folders, reach):
                bindings.append(binding)
                blobs |= data
        elif need.kind == "result":
            binding, earlier = _earlier(need, names, reach)
            bindings.append(binding)
        else:
            bindings.append(_text(need, names))
    return Resolved(bindings=tuple(bindings), blobs=blobs, earlier=earlier)


def resolve_arguments(images: object, edit: object, folders: Sequence[Path], reach: Reach | None = None) -> Resolved:
    """Look up the pictures that a function was called with.

    Args:
        images: One picture or several in order: values as in a cell's variables, or text as after `-i`
            (a path, a glob, a URL, `record:…`, `blob:…`).
        edit: An earlier result, or `record:…`; None where there is none.
        folders: Where relative paths are tried.
        reach: The cache and the network.

    Raises:
        CellError: Something is not there, or is not what it would have to be.
        CacheError: As for a cell.
    """
    several = images if isinstance(images, list | tuple) else [images]
    found = Resolved()
    for number, value in enumerate(several, 1):
        if isinstance(value, str | Path):
            text = str(value)
            plain = isinstance(value, Path) or _SCHEME.match(text) is None
            source = f"file:{text}" if plain else text
            more = resolve([Need(slot="-i", kind="picture", source=source)], {}, folders, reach)
            found = replace(found, bindings=found.bindings + more.bindings, blobs=found.blobs | more.blobs)
        else:
            binding, data = take(value, "-i", f"image {number}", "argument", reach)
            found = replace(found, bindings=(*found.bindings, binding), blobs=found.blobs | data)
    if edit is None:
        return found
    if isinstance(edit, str):
        binding, earlier = _earlier(Need(slot="-e", kind="result", source=edit), {}, reach)
    else:
        binding, earlier = earlier_result(edit, "-e", "edit")
    return replace(found, bindings=(*found.bindings, binding), earlier=earlier)


def _pictures(need: Need, names: Namespace, folders: Sequence[Path], reach: Reach | None) -> list[Taken]:
    slot, source = need.slot, need.source
    scheme, _, rest = source.partition(":")
    if _SCHEME.match(source) is None:
        return _variable_or_file(need, names, folders, reach)
    if scheme == "var":
        return [take(_evaluate(rest, names, slot), slot, source, "variable", reach)]
    if scheme == "file":
        return _files(need, rest, names, folders)
    if any("\ud800" <= character <= "\udfff" for character in source):
        raise InputError(f"{slot} {brief(source)} holds half a character (a lone surrogate).")
    if scheme.lower() == "data":
        return [_bytes(read_data_url(source, slot), need, "data")]
    if reach is None:
        raise InputError(f"{slot} {brief(source)}: this needs a cache, and none is in reach here.")
    if scheme == "record":
        data, record = picture_of(source, reach.places, slot)
        binding, blobs = _bytes(data, need, "record")
        return [(replace(binding, request=record.request_digest, attempt=record.attempt), blobs)]
    if scheme == "blob":
        return [_bytes(blob_of(source, reach.places, slot), need, "blob")]
    return [_bytes(read_url(source, slot, reach), need, "url")]


def _variable_or_file(need: Need, names: Namespace, folders: Sequence[Path], reach: Reach | None) -> list[Taken]:
    slot, source = need.slot, need.source
    match = _VARIABLE.fullmatch(source)
    if match is None or match.group(1) not in names:
        return _files(need, source, names, folders)
    path = find_file(source, folders)
    if path is not None and not _leads_somewhere(source, names):
        return _files(need, source, names, folders)  # `me.png` is no attribute of the variable `me`
    if path is not None:
        raise InputError(
            f"{slot} {source}: there is a variable and a file of this name.",
            why=f"The file is {path}.",
            hint=f"{slot} var:{source}   or   {slot} file:{source}",
        )
    return [take(_evaluate(source, names, slot), slot, source, "variable", reach)]


def _files(need: Need, text: str, names: Namespace, folders: Sequence[Path]) -> list[Taken]:
    path = find_file(text, folders)
    if path is not None:
        return [_bytes(path, need, "file")]
    if is_glob(text):
        found = [(name, picture_binding(file, need.slot, name, "file")) for name, file in find_files(text, folders)]
        return [
            (matched(replace(binding, source=need.source), name), {binding.blob or "": data})
            for name, (binding, data) in found
        ]
    could_be = _VARIABLE.fullmatch(need.source) is not None
    near = nearest(need.source, [name for name in names if not name.startswith("_")])
    raise InputError(
        f"{need.slot} {brief(need.source)}: there is no such file" + (" and no such variable." if could_be else "."),
        why="Looked in " + ", ".join(str(folder) for folder in folders) + ".",
        hint=f"Did you mean the variable {near}?" if near else "",
    )


def _bytes(value: bytes | Path, need: Need, kind: str) -> Taken:
    binding, data = picture_binding(value, need.slot, need.source, kind)
    return binding, {binding.blob or "": data}


def _earlier(need: Need, names: Namespace, reach: Reach | None) -> tuple[Binding, tuple[Content, ...]]:
    if not need.source.startswith("record:"):
        return earlier_result(_evaluate(need.source, names, need.slot), need.slot, need.source)
    if reach is None:
        raise InputError(f"{need.slot} {need.source}: this needs a cache, and none is in reach here.")
    if "#" in need.source:
        raise InputError(
            f"{need.slot} {need.source}: an edit goes on from an answer, not from one of its pictures.",
            hint=f"{need.slot} {need.source.partition('#')[0]}   or, for the picture alone: -i {need.source}",
        )
    return earlier_record(record_of(need.source, reach.places, need.slot)[0], need.slot, need.source)


def _text(need: Need, names: Namespace) -> Binding:
    if need.kind == "literal":
        value: object = need.source
    else:
        value = _evaluate(need.source.removeprefix("$"), names, need.slot)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PromptError(
            f"{need.slot}: {need.source} is a {type(value).__name__}, not text or a number.",
            hint="Make text of it above, for example: import json; text = json.dumps(value)",
        )
    return Binding(slot=need.slot, kind=need.kind, source=need.source, value=str(value))


def _leads_somewhere(expression: str, names: Namespace) -> bool:
    try:
        _evaluate(expression, names, "")
    except InputError:
        return False
    return True


def _evaluate(expression: str, names: Namespace, slot: str) -> object:
    try:
        # The expression stands in the user's own cell and runs in the user's own kernel.
        return eval(expression, dict(names))  # noqa: S307
    except NameError as error:
        missing = str(error.name or expression)
        near = nearest(missing, [name for name in names if not name.startswith("_")])
        failure: CellSyntaxError | InputError = InputError(
            f"{slot}: {missing} is not defined.",
            hint=(f"Did you mean {near}?  " if near else "") + "Run the cell that makes it first.",
            name=missing,
        )
    except Exception as error:  # noqa: BLE001 - whatever the user's expression raises is told to the user
        failure = InputError(f"{slot}: {expression} failed: {type(error).__name__}: {error}")
    raise failure
