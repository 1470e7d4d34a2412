"""Compare what a cell refers to now with what it referred to before: which input changed, and so made a miss."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from gemnb.cache.store import attempt_of
from gemnb.canonical import short
from gemnb.errors import CacheError, CacheMiss
from gemnb.inputs.pictures import matched_file
from gemnb.inputs.pixels import PIXELS
from gemnb.records import load, parse_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gemnb.cache import Reader
    from gemnb.invocation import Need
    from gemnb.model import Binding, Invocation


def bindings_of(wanted: Iterable[Need], recorded: Iterable[Binding]) -> tuple[list[Binding], Need | None]:
    """Return the recorded bindings of needs, in order, and the first need the record does not know.

    A glob has one binding per file, all with its slot and source; everything else has one.
    """
    known: dict[tuple[str, str], dict[Binding, None]] = {}
    for binding in recorded:
        known.setdefault((binding.slot, binding.source), {})[binding] = None
    found: list[Binding] = []
    for need in wanted:
        own = known.get((need.slot, need.source))
        if own is None:
            return [], need
        found += own
    return found, None


def changed_inputs(bindings: Iterable[Binding], earlier: Invocation) -> list[str]:
    """Return a sentence for each picture or earlier result that is another than it was. Pure.

    Args:
        bindings: What the cell refers to now.
        earlier: What a cell with the same references referred to before.
    """
    now, before = _pictures(bindings), _pictures(earlier.bindings)
    references = {key[:2] for key in now}
    said = []
    for key, binding in now.items():
        was = before.get(key)
        if was is not None and _identity(was) != _identity(binding):
            said.append(
                f"{binding.slot} {_name(binding)} has changed: "
                f"it was {_identity(was)}, and is {_identity(binding)} now."
            )
        elif was is None and any(known[:2] == key[:2] for known in before):
            said.append(f"{binding.slot} {_shown(binding.source)} matches {_name(binding)}, which it did not before.")
    said += [
        f"{binding.slot} {_shown(binding.source)} no longer matches {_name(binding)}."
        for key, binding in before.items()
        if key not in now and key[:2] in references
    ]
    return said


def earlier_invocation(store: Reader, invocation: Invocation) -> Invocation | None:
    """Return the latest kept invocation of the same cell, else the latest that shares a reference, or None.

    It reads every record of the cache, and is meant for a miss. Damaged records are passed over: finding
    them is the business of whoever needs them.
    """
    references = {key[:2] for key in _pictures(invocation.bindings)}
    best: tuple[tuple[bool, str, int], Invocation] | None = None
    if not references:
        return None
    for key in store.keys("records/"):
        attempt = attempt_of(key)
        with contextlib.suppress(CacheError):
            data = store.get(key) if attempt else None
            if data is None:
                continue
            record, kept, _ = parse_document(load(data))
            if references.isdisjoint(found[:2] for found in _pictures(kept.bindings)):
                continue
            same_cell = kept.source is not None and kept.source == invocation.source
            rank = (same_cell, str(record.received.get("time", "")), attempt or 0)
            if best is None or rank > best[0]:
                best = rank, kept
    return best[1] if best else None


def changes_since(store: Reader, invocation: Invocation) -> list[str]:
    """Return which inputs of an invocation are others than those of the latest kept one like it."""
    earlier = earlier_invocation(store, invocation)
    return changed_inputs(invocation.bindings, earlier) if earlier else []


def explained(miss: CacheMiss, changes: Sequence[str]) -> CacheMiss:
    """Return a miss whose reason is the inputs that changed; the same miss where none did."""
    if not changes:
        return miss
    more = f" And {len(changes) - 1} more." if len(changes) > 1 else ""
    evidence = miss.evidence | {"changed": tuple(changes)}
    return CacheMiss(miss.what, why=changes[0] + more, hint=miss.hint, **evidence)


def _pictures(bindings: Iterable[Binding]) -> dict[tuple[str, str, str], Binding]:
    return {(b.slot, b.source, matched_file(b)): b for b in bindings if b.blob or b.request}


def _identity(binding: Binding) -> str:
    if binding.kind == "result" and binding.request:
        return f"{short(binding.request)} attempt {binding.attempt}"
    return short((binding.value if binding.kind == PIXELS else binding.blob) or "")


def _name(binding: Binding) -> str:
    return _shown(matched_file(binding) or binding.source)


def _shown(source: str) -> str:
    return source if len(source) <= 100 else source[:99] + "…"
