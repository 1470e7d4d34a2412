"""Look up what a cell refers to: variables, files, earlier results. The only reader of a user's pictures."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.answer import read_answer
from gemnb.canonical import blob_digest
from gemnb.errors import CellSyntaxError, InputError, PromptError, nearest
from gemnb.model import Binding, Content
from gemnb.result import Result
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemnb.invocation import Need

MAX_INPUT = 100 * 1024 * 1024
"""The Gemini API takes inline requests of up to 100 MB (its changelog of 2026-01-08)."""

_VARIABLE = re.compile(r"([^\W\d]\w*)(?:\[-?\d+\]|\.[^\W\d]\w*)*")

Namespace = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What the references of a cell stand for.

    Attributes:
        bindings: One per need, in order.
        blobs: The bytes of the input pictures, by digest.
        earlier: The turns of the result that is gone on from.
    """

    bindings: tuple[Binding, ...] = ()
    blobs: dict[str, bytes] = field(default_factory=dict)
    earlier: tuple[Content, ...] = ()


def resolve(needs: Sequence[Need], names: Namespace, folders: Sequence[Path]) -> Resolved:
    """Look up every need of a cell.

    Args:
        needs: From `gemnb.invocation.needs`.
        names: The user's variables.
        folders: Where relative paths are tried: working folder, notebook's folder, project root.

    Raises:
        CellError: Something is not there, or is not what it would have to be.
    """
    bindings: list[Binding] = []
    blobs: dict[str, bytes] = {}
    earlier: tuple[Content, ...] = ()
    for need in needs:
        if need.kind == "picture":
            binding, data = _picture(need, names, folders)
            blobs[binding.blob or ""] = data
        elif need.kind == "result":
            binding, earlier = earlier_result(_evaluate(need.source, names, need.slot), need.slot, need.source)
        else:
            binding = _text(need, names)
        bindings.append(binding)
    return Resolved(bindings=tuple(bindings), blobs=blobs, earlier=earlier)


def picture_binding(value: object, slot: str, source: str, kind: str) -> tuple[Binding, bytes]:
    """Return the binding and bytes of a value that stands for a picture.

    Args:
        value: A `Result`, `bytes`, or a `Path`.
        slot: The option it stands at.
        source: Its text.
        kind: `variable`, `file` or `argument`.

    Raises:
        InputError: It is none of these, or its bytes are no picture.
    """
    if isinstance(value, Result):
        data = value.bytes
    elif isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
    elif isinstance(value, Path):
        data = _read(value)
    else:
        raise InputError(
            f"{slot} {source}: a {type(value).__name__} is not a picture that gemnb can address.",
            why="It takes original bytes: a result of %%gemimg, bytes, or a path.",
            hint=f"Save it to a file and give the path: {slot} picture.png",
        )
    if len(data) > MAX_INPUT:
        raise InputError(f"{slot} {source} is bigger than the 100 MB a request can carry.")
    found = sniff(data)
    if found is None:
        why = "It is empty." if not data else f"Its {len(data)} bytes begin with {data[:12]!r}."
        raise InputError(
            f"{slot} {source} is not a picture.", why=why, hint="Pictures are PNG, JPEG, WebP or GIF files."
        )
    digest = blob_digest(data)
    binding = Binding(slot=slot, kind=kind, source=source, blob=digest, mime_type=found.mime_type)
    return binding, data


def earlier_result(value: object, slot: str, source: str) -> tuple[Binding, tuple[Content, ...]]:
    """Return the binding of an earlier result and its turns, the model's answer included.

    Raises:
        InputError: It is no result, several samples, or an answer without content.
    """
    if not isinstance(value, Result):
        raise InputError(
            f"{slot} {source}: it is a {type(value).__name__}, not a result of %%gemimg.",
            hint="Name a result: %%gemimg hero … in a cell above, then -e hero",
        )
    if len(value) != 1:
        raise InputError(
            f"{slot} {source}: it holds {len(value)} samples, and an edit goes on from one.",
            hint=f"-e {source}[0] is the first, -e {source}[{len(value) - 1}] the last.",
        )
    record = value.record
    turn = read_answer(record.response).content
    parts = turn.get("parts") if turn else None
    if not isinstance(parts, list) or not parts:
        raise InputError(
            f"{slot} {source}: that answer holds nothing to go on from ({record.outcome.value}).",
            hint="Choose a result with a picture.",
        )
    answer = Content(role="model", parts=tuple(part for part in parts if isinstance(part, dict)))
    binding = Binding(slot=slot, kind="result", source=source, request=record.request_digest, attempt=record.attempt)
    return binding, (*record.request.contents, answer)


def folders_of(names: Namespace, root: Path) -> list[Path]:
    """Return where relative paths are tried: working folder, notebook's folder where known, project root."""
    notebook = names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    known = [Path(notebook).parent] if isinstance(notebook, str) and Path(notebook).is_absolute() else []
    return list(dict.fromkeys([Path.cwd(), *known, root]))


def _picture(need: Need, names: Namespace, folders: Sequence[Path]) -> tuple[Binding, bytes]:
    forced, _, rest = need.source.partition(":")
    if forced == "var":
        return picture_binding(_evaluate(rest, names, need.slot), need.slot, need.source, "variable")
    path_text = rest if forced == "file" else need.source
    match = None if forced == "file" else _VARIABLE.fullmatch(need.source)
    is_variable = match is not None and match.group(1) in names
    path = _find_file(path_text, folders)
    if is_variable and path is not None:
        raise InputError(
            f"{need.slot} {need.source}: there is a variable and a file of this name.",
            why=f"The file is {path}.",
            hint=f"{need.slot} var:{need.source}   or   {need.slot} file:{need.source}",
        )
    if is_variable:
        return picture_binding(_evaluate(need.source, names, need.slot), need.slot, need.source, "variable")
    if path is None:
        tried = ", ".join(str(folder) for folder in folders)
        near = nearest(need.source, [name for name in names if not name.startswith("_")])
        raise InputError(
            f"{need.slot} {need.source}: there is no such file" + (" and no such variable." if match else "."),
            why=f"Looked in {tried}.",
            hint=f"Did you mean the variable {near}?" if near else "",
        )
    return picture_binding(path, need.slot, need.source, "file")


def _find_file(text: str, folders: Sequence[Path]) -> Path | None:
    try:
        found = [path for folder in folders if (path := folder / text).is_file()]
    except (OSError, ValueError):  # a name no file can have (NUL, too long)
        return None
    if len({path.resolve() for path in found}) > 1 and len({path.read_bytes() for path in found}) > 1:
        raise InputError(
            f"{text} is two different files.",
            why=" and ".join(str(path) for path in found[:2]),
            hint="Give a path that only one of them has.",
        )
    return found[0] if found else None


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_INPUT:
            raise InputError(f"{path} is bigger than the 100 MB a request can carry.")
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
    raise InputError(f"{path} cannot be read.", why=reason)


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
