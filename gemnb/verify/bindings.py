"""What the names of a cell stood for, found again without running anything: texts, files, answers above.

What only the kernel knew (variables, expressions, arguments, pixels) and what a URL showed cannot be found again:
it is taken from the record and reported as bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.canonical import short
from gemnb.errors import CacheError, GemnbError
from gemnb.inputs import MAX_INPUT, PIXELS, expand
from gemnb.inputs.schemes import VARIABLE
from gemnb.inventory.differences import first_change
from gemnb.notebook import Literals

if TYPE_CHECKING:
    from pathlib import Path

    from gemnb.cache import Cache, Tiers
    from gemnb.model import Binding, Content, Invocation, Record
    from gemnb.verify.findings import Trouble
    from gemnb.verify.holdings import Holdings

_TEXT_KINDS = frozenset({"literal", "variable", "expression"})
_PICTURE_KINDS = frozenset({"variable", "file", "url", "data", "record", "blob", "argument", PIXELS})
_GLOB = re.compile(r"[*?\[]")
_LONGEST_GLOB = 300  # characters; a pattern made to be slow is not tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where things lie; nothing outside `root` is read.

    Attributes:
        cache: The project's cache.
        holdings: What is known of bytes.
        root: The project's folder, resolved.
        folders: Where relative paths are tried, in order.
        answers: Every record of the notebook, by request digest and attempt.
        inputs: Digests of input files, from `read_files`.
        names: The answers that each NAME above the cell at hand stands for.
        literals: The names that plain code above it gives a text or number.
    """

    cache: Cache | Tiers
    holdings: Holdings
    root: Path
    folders: tuple[Path, ...]
    answers: dict[tuple[str, int], Record] = field(default_factory=dict)
    inputs: dict[Path, str] = field(default_factory=dict)
    names: dict[str, list[Record]] = field(default_factory=dict)
    literals: Literals = field(default_factory=Literals)

    def answer(self, request: str, attempt: int) -> Record | None:
        """Return an answer of the notebook or of the cache, or None where neither has it."""
        own = self.answers.get((request, attempt))
        if own is not None:
            return own
        kept = self.cache.find(request, attempt)
        return kept.record if kept else None

    def files(self, text: str) -> list[Path]:
        """Return the project's files of this path, nearest first; a notebook may name any path."""
        found = []
        for folder in self.folders:
            try:
                path = (folder / text).resolve()
                if path.is_relative_to(self.root) and path.is_file() and path.stat().st_size <= MAX_INPUT:
                    found.append(path)
            except (OSError, ValueError, RuntimeError):  # no name that a file can have, or a circle of links
                continue
        return found


def read_files(invocations: list[Invocation], place: Place) -> None:
    """Take note of every input file of the project that these invocations name; each is read once."""
    for invocation in invocations:
        for binding in invocation.bindings:
            if binding.kind == "file" and binding.blob:
                for path in place.files(_path_of(binding))[:1]:
                    if path not in place.inputs:
                        place.inputs[path] = place.holdings.learn(path.read_bytes())


def check_bindings(record: Record, invocation: Invocation, place: Place, trouble: Trouble) -> None:
    """Check what each reference and parameter of a record's cell stood for."""
    globs: dict[tuple[str, str], list[Binding]] = {}
    for binding in invocation.bindings:
        _check_kind(binding, trouble)
        if binding.kind == "result":
            _check_earlier(binding, record, place, trouble)
        if binding.kind == "file" and binding.blob:
            if _GLOB.search(binding.source) and binding.value:
                globs.setdefault((binding.slot, binding.source), []).append(binding)
            _check_file(binding, place, trouble)
        if binding.kind in ("record", "blob", "data"):
            _check_reference(binding, place, trouble)
        if binding.kind == PIXELS and binding.blob:
            _check_pixels(binding, place.holdings, trouble)
        if not _check_literal(binding, place.literals, trouble):
            _check_name(binding, place.names, trouble)
    for found in globs.values():
        _check_glob(found, place, trouble)


def _check_kind(binding: Binding, trouble: Trouble) -> None:
    if binding.slot.endswith("-e"):
        known = frozenset({"result", "record"})
    else:
        known = _PICTURE_KINDS if binding.slot.endswith("-i") else _TEXT_KINDS
    if binding.kind not in known:
        trouble.drifted.append(
            f"the record binds {binding.slot} {binding.source} as {binding.kind!r}, which is nothing"
        )
    elif binding.kind == "literal" and binding.value != binding.source:
        trouble.drifted.append(
            f"{binding.slot} is {binding.source!r} in the cell, and the record took {binding.value!r}"
        )


def _check_literal(binding: Binding, literals: Literals, trouble: Trouble) -> bool:
    """A name that stood for a text or number stands for the same above; return whether that can be told."""
    if binding.kind != "variable" or binding.blob or binding.value is None:
        return False
    name = binding.source.removeprefix("$")
    known = literals.get(name)
    if known is None:
        return False
    if known.text != binding.value:
        was, now = first_change(binding.value, known.text)
        trouble.drifted.append(f"{name} was {was} and is {now} in cell {known.cell}")
    return True


def _check_name(binding: Binding, names: dict[str, list[Record]], trouble: Trouble) -> None:
    """The NAME of a cell above is still the answer this one was made from; other names only the kernel knew."""
    if binding.kind not in ("variable", "expression", "argument", "url", "result", PIXELS):
        return
    match = VARIABLE.fullmatch(binding.source.removeprefix("var:"))
    above = names.get(match.group(1)) if match else None
    if above is None or not (binding.blob or binding.request) or binding.kind == PIXELS:
        if not binding.source.startswith("record:"):
            trouble.bound.append(binding.source if len(binding.source) <= 80 else binding.source[:79] + "…")
        return
    answers = {(record.request_digest, record.attempt) for record in above}
    pictures = {picture.original.blob for record in above for picture in record.pictures}
    if (binding.request, binding.attempt) not in answers and binding.blob not in pictures:
        trouble.drifted.append(f"{binding.source} above is another answer than the one it was made from")


def _check_earlier(binding: Binding, record: Record, place: Place, trouble: Trouble) -> None:
    """The answer it goes on from is there, and its turns are those before the last."""
    from gemnb.inputs.pictures import earlier_record

    if not binding.request or not binding.attempt:
        trouble.drifted.append(f"the record does not say which answer {binding.source} was")
        return
    turns: tuple[Content, ...] | None = None
    try:
        parent = place.answer(binding.request, binding.attempt)
        if parent is not None:
            turns = earlier_record(parent, binding.slot, binding.source)[1]
    except CacheError as error:
        trouble.drifted.append(f"{error.what} {error.why}")
        return
    except GemnbError:  # an answer that holds nothing to go on from
        parent = record
    if parent is None:
        trouble.missing.append(
            f"the answer {short(binding.request)}, which it goes on from, is neither in the cache nor in the notebook"
        )
    elif turns != record.request.contents[:-1]:
        trouble.drifted.append("it does not go on from the result that its record names")


def _path_of(binding: Binding) -> str:
    return (binding.value or binding.source).removeprefix("file:")


def _check_file(binding: Binding, place: Place, trouble: Trouble) -> None:
    """Where the file is still there, it has the bytes that were sent; where it is gone, the cache has them."""
    text = _path_of(binding)
    for path in place.files(text)[:1]:
        if place.inputs.get(path, binding.blob) != binding.blob:
            trouble.drifted.append(f"the input {text} has changed since the picture was made")


def _check_glob(bindings: list[Binding], place: Place, trouble: Trouble) -> None:
    """A glob matches the files it matched, in their order, where any of them is there."""
    pattern = bindings[0].source.removeprefix("file:")
    parts = pattern.split("/")
    if len(pattern) > _LONGEST_GLOB or ".." in parts or parts.count("**") > 1 or pattern.startswith(("/", "\\")):
        return
    was = [binding.value or "" for binding in bindings]
    for folder in place.folders:
        now = [name for name in expand(pattern, folder) if place.files(name)]
        if not now:
            continue
        trouble.drifted += [f"{pattern} matches {name}, which it did not before" for name in now if name not in was]
        trouble.drifted += [f"{pattern} no longer matches {name}" for name in was if name not in now]
        if sorted(now) == sorted(was) and now != was:
            trouble.drifted.append(f"the record has the files of {pattern} in another order")
        return


def _check_reference(binding: Binding, place: Place, trouble: Trouble) -> None:
    """What names its own digest, or holds its own bytes, stands for these."""
    stood_for = binding.request if binding.kind == "record" else binding.blob
    named = binding.source.partition(":")[2].partition("#")[0].removeprefix("sha256:")
    wrong = f"{binding.slot} {binding.source[:80]} is not what the record took for it"
    if binding.kind == "data":
        from gemnb.inputs.urls import read_data_url

        try:
            stood_for = place.holdings.learn(read_data_url(binding.source, binding.slot))
        except GemnbError:
            stood_for = None
        if stood_for != binding.blob:
            trouble.drifted.append(wrong)
    elif not named or not (stood_for or "").removeprefix("sha256:").startswith(named):
        trouble.drifted.append(wrong)
    elif binding.kind == "record" and binding.request and binding.attempt:
        try:
            record = place.answer(binding.request, binding.attempt)
        except CacheError as error:
            trouble.drifted.append(f"{error.what} {error.why}")
            return
        if record is None:
            trouble.missing.append(f"the answer {short(binding.request)} is neither in the cache nor in the notebook")
        elif binding.blob and binding.blob not in {picture.original.blob for picture in record.pictures}:
            trouble.drifted.append(wrong)


def _check_pixels(binding: Binding, holdings: Holdings, trouble: Trouble) -> None:
    """The PNG that was sent for pixels has these pixels."""
    holdings.check(binding.blob or "", trouble)
    facts = holdings.facts(binding.blob or "")
    if facts is not None and facts.pixels != binding.value:
        trouble.drifted.append(f"the picture kept for {binding.source} has other pixels than the request names")
