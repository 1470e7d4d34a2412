"""Look up what a cell refers to: variables, files, globs, URLs, what the cache holds, earlier results."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.errors import PromptError
from gemnb.inputs.names import Namespace, evaluate
from gemnb.inputs.schemes import SCHEME
from gemnb.invocation import Need
from gemnb.model import Binding, Content

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemnb.inputs.reach import Reach


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
            from gemnb.inputs.references import pictures_of

            for binding, data in pictures_of(need, names, folders, reach):
                bindings.append(binding)
                blobs |= data
        elif need.kind == "result":
            from gemnb.inputs.references import earlier_of

            binding, earlier = earlier_of(need, names, reach)
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
    from gemnb.inputs.pictures import earlier_result, take
    from gemnb.inputs.references import earlier_of

    several = images if isinstance(images, list | tuple) else [images]
    found = Resolved()
    for number, value in enumerate(several, 1):
        if isinstance(value, str | Path):
            text = str(value)
            plain = isinstance(value, Path) or SCHEME.match(text) is None
            source = f"file:{text}" if plain else text
            more = resolve([Need(slot="-i", kind="picture", source=source)], {}, folders, reach)
            found = replace(found, bindings=found.bindings + more.bindings, blobs=found.blobs | more.blobs)
        else:
            binding, data = take(value, "-i", f"image {number}", "argument", reach)
            found = replace(found, bindings=(*found.bindings, binding), blobs=found.blobs | data)
    if edit is None:
        return found
    if isinstance(edit, str):
        binding, earlier = earlier_of(Need(slot="-e", kind="result", source=edit), {}, reach)
    else:
        binding, earlier = earlier_result(edit, "-e", "edit")
    return replace(found, bindings=(*found.bindings, binding), earlier=earlier)


def _text(need: Need, names: Namespace) -> Binding:
    if need.kind == "literal":
        value: object = need.source
    else:
        value = evaluate(need.source.removeprefix("$"), names, need.slot)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PromptError(
            f"{need.slot}: {need.source} is a {type(value).__name__}, not text or a number.",
            hint="Make text of it above, for example: import json; text = json.dumps(value)",
        )
    return Binding(slot=need.slot, kind=need.kind, source=need.source, value=str(value))
