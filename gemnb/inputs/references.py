"""What `-i` and `-e` stand for: a variable, a file, a glob, a URL, something of the cache."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gemnb.errors import InputError, nearest
from gemnb.inputs.files import expand, find_file, find_files, is_glob
from gemnb.inputs.kept import blob_of, picture_of, record_of
from gemnb.inputs.names import evaluate, leads_somewhere, own_names
from gemnb.inputs.pictures import Taken, brief, earlier_record, earlier_result, matched, picture_binding, take
from gemnb.inputs.schemes import SCHEME, VARIABLE
from gemnb.inputs.urls import read_data_url, read_url

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gemnb.inputs.names import Namespace
    from gemnb.inputs.reach import Reach
    from gemnb.invocation import Need
    from gemnb.model import Binding, Content


def pictures_of(need: Need, names: Namespace, folders: Sequence[Path], reach: Reach | None) -> list[Taken]:
    """Return the binding and bytes of each picture that `-i` stands for.

    Raises:
        CellError: It is not there, or is no picture.
        CacheError: The cache has it not, or damaged.
    """
    slot, source = need.slot, need.source
    scheme, _, rest = source.partition(":")
    if SCHEME.match(source) is None:
        return _variable_or_file(need, names, folders, reach)
    if scheme == "var":
        return [take(evaluate(rest, names, slot), slot, source, "variable", reach)]
    if scheme == "file":
        return _files(need, rest, names, folders, reach)
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
    match = VARIABLE.fullmatch(source)
    if match is None or match.group(1) not in names:
        return _files(need, source, names, folders, reach)
    path = find_file(source, folders)
    if path is not None and not leads_somewhere(source, names):
        return _files(need, source, names, folders, reach)  # `me.png` is no attribute of the variable `me`
    if path is not None:
        raise InputError(
            f"{slot} {source}: there is a variable and a file of this name.",
            why=f"The file is {path}.",
            hint=f"{slot} var:{source}   or   {slot} file:{source}",
        )
    return [take(evaluate(source, names, slot), slot, source, "variable", reach)]


def _files(need: Need, text: str, names: Namespace, folders: Sequence[Path], reach: Reach | None) -> list[Taken]:
    path = find_file(text, folders)
    if path is not None:
        return [_bytes(path, need, "file")]
    if reach is not None and (absent := reach.absent.get(text)) and not (is_glob(text) and _matches(text, folders)):
        return [_stand_in(need, text, name, digest, reach) for name, digest in absent]
    if is_glob(text):
        found = [(name, picture_binding(file, need.slot, name, "file")) for name, file in find_files(text, folders)]
        return [
            (matched(replace(binding, source=need.source), name), {binding.blob or "": data})
            for name, (binding, data) in found
        ]
    could_be = VARIABLE.fullmatch(need.source) is not None
    near = nearest(need.source, own_names(names))
    raise InputError(
        f"{need.slot} {brief(need.source)}: there is no such file" + (" and no such variable." if could_be else "."),
        why="Looked in " + ", ".join(str(folder) for folder in folders) + ".",
        hint=f"Did you mean the variable {near}?" if near else "",
    )


def _matches(pattern: str, folders: Sequence[Path]) -> bool:
    return any(expand(pattern, folder) for folder in folders)


def _stand_in(need: Need, text: str, name: str, digest: str, reach: Reach) -> Taken:
    """Return the kept bytes of a file that is not there now, bound as the file was."""
    data = next((found for place in reach.places if (found := place.get_blob(digest)) is not None), None)
    binding, data = picture_binding(reach.places[0].blob(digest) if data is None else data, need.slot, name, "file")
    binding = replace(binding, source=need.source)
    return (matched(binding, name) if name != text else binding), {binding.blob or "": data}


def _bytes(value: bytes | Path, need: Need, kind: str) -> Taken:
    binding, data = picture_binding(value, need.slot, need.source, kind)
    return binding, {binding.blob or "": data}


def earlier_of(need: Need, names: Namespace, reach: Reach | None) -> tuple[Binding, tuple[Content, ...]]:
    """Return the binding of the earlier answer that `-e` names, and its turns.

    Raises:
        InputError: It is no answer that can be gone on from.
    """
    if not need.source.startswith("record:"):
        return earlier_result(evaluate(need.source, names, need.slot), need.slot, need.source)
    if reach is None:
        raise InputError(f"{need.slot} {need.source}: this needs a cache, and none is in reach here.")
    if "#" in need.source:
        raise InputError(
            f"{need.slot} {need.source}: an edit goes on from an answer, not from one of its pictures.",
            hint=f"{need.slot} {need.source.partition('#')[0]}   or, for the picture alone: -i {need.source}",
        )
    return earlier_record(record_of(need.source, reach.places, need.slot)[0], need.slot, need.source)
