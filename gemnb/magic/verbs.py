"""The verbs of `%gemnb` that print: each takes what stands behind it and returns its lines. Imported on first use.

They look and never change: damaged entries stay where they are and are reported.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gemnb.canonical import request_digest, short
from gemnb.compose import open_places
from gemnb.errors import CellSyntaxError
from gemnb.inventory.check import key_of
from gemnb.inventory.differences import differences, names_of, prompt
from gemnb.inventory.lines import (
    count,
    damaged_lines,
    difference_lines,
    facts,
    fit,
    human_size,
    prompt_lines,
    summary,
)
from gemnb.inventory.listing import NEWEST, blob_keys, digest_of, folder_name, record_keys, size_of
from gemnb.inventory.lookup import when
from gemnb.inventory.nearest import nearest_kept
from gemnb.inventory.places import PROJECT, apart_lines, attempts_at, find_one, gather, own_places, replaying
from gemnb.invocation import assemble
from gemnb.magic.calls import cancel
from gemnb.magic.desk import Desk, one, refer
from gemnb.magic.vocabulary import usage
from gemnb.model import Mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.inventory.places import Gathered
    from gemnb.model import Binding, Record, Request
    from gemnb.settings import Settings

__all__ = ["Desk", "run_verb"]

_LAST = 20  # answers that `history` lists
_EXPLAINED = 4  # missed requests of one cell that `why` explains


def run_verb(verb: str, rest: str, desk: Desk) -> list[str]:
    """Run a verb and return what it prints.

    Raises:
        GemnbError: It cannot be done, or what stands behind the verb is not what it takes.
    """
    action, least, most = _ACTIONS[verb]
    words = rest.split()
    if not least <= len(words) <= most:
        takes = "takes nothing" if most == 0 else f"takes {least}" if least == most else f"takes {least} or {most}"
        raise CellSyntaxError(f"%gemnb {verb} {takes}; {len(words)} given.", hint=usage(verb))
    return action(desk, *words)


def _status(desk: Desk) -> list[str]:
    settings = desk.settings
    bound = ", ".join(f"{b.source} = {b.value}" for b in desk.default_bindings)
    use = "none yet (%gemnb use MODEL)" if desk.defaults is None else desk.defaults.line
    # The spill folder is told of once something was looked for there: this verb loads nothing for it.
    places = open_places(settings, far="platformdirs" in sys.modules)
    keys = record_keys(places[PROJECT].store)
    requests = len({digest_of(key) for key in keys})
    return [
        f"defaults: {use}" + (f"   ({bound})" if bound else ""),
        f"mode:     {Mode.REPLAY if settings.offline else settings.mode}",
        f"embed:    {settings.embed}",
        f"cache:    {_where(settings)}",
        f"kept:     {count(len(keys), 'answer')} to {count(requests, 'request')}",
        *apart_lines(places),
    ]


def _where(settings: Settings) -> str:
    try:
        missing = (
            "" if settings.cache.is_dir() else "; it is no folder" if settings.cache.exists() else "; not made yet"
        )
    except OSError:  # told where it is read
        missing = ""
    return f"{settings.cache}   ({settings.cache_reason}{missing})"


def _why(desk: Desk, ref: str = "") -> list[str]:
    if ref:
        return _why_kept(desk, ref)
    if desk.missed is None:
        return [
            "No cell of this kernel has missed its answer.",
            "%gemnb why NAME   says which kept answer a result is.",
        ]
    asked = desk.missed
    requests = assemble(asked.cell, asked.defaults, asked.resolved.bindings, asked.resolved.earlier)
    places = desk.places
    missing = [request for request in requests if replaying(places, request_digest(request)) is None]
    if not missing:
        return ["The cell that missed its answer would find it now: run it again."]
    found = gather(places, limit=NEWEST)
    lines = []
    for request in missing[:_EXPLAINED]:
        lines += _why_missed(request, found, asked.resolved.bindings)
    if len(missing) > _EXPLAINED:
        lines.append(f"… and {len(missing) - _EXPLAINED} more samples of the cell.")
    return [*lines, *_caveats(found)]


def _why_missed(request: Request, found: Gathered, bindings: tuple[Binding, ...]) -> list[str]:
    digest = short(request_digest(request))
    near = nearest_kept(request, found.kept, bindings)
    if near is None:
        return [f"Missed: {digest}, to {request.model}. Nothing is kept in the cache."]
    record = near.kept.record
    return [
        f"Missed: {digest}, to {request.model}. The nearest kept request is {short(record.request_digest)}:",
        *difference_lines(near.differences),
        f"  ({count(len(near.differences), 'field')}, each as it is kept and → as it was asked)",
    ]


def _why_kept(desk: Desk, ref: str) -> list[str]:
    result, places = refer(desk, ref), desk.places
    lines = []
    for record in result.records:
        attempts = attempts_at(places, record.request_digest)
        kept = find_one(list(places.values()), record.request_digest, record.attempt)
        if kept is None:
            lines.append(
                f"{ref}: {short(record.request_digest)}, attempt {record.attempt}, is not in the project's cache now."
            )
            continue
        place = attempts[record.attempt]
        mark = "" if place == PROJECT else f" ({place})"
        lines.append(
            f"{ref}: its request has the digest {short(record.request_digest)}, and an answer to it is kept{mark}:"
        )
        lines += facts(kept, len(attempts), folder_name(places[place].store))
        shown = replaying(places, record.request_digest)
        if record.attempt != shown:
            lines.append(f"  Running the cell again shows attempt {shown}, the latest.")
    return lines


def _show(desk: Desk, ref: str) -> list[str]:
    desk.show(refer(desk, ref))
    return []


def _history(desk: Desk, ref: str = "") -> list[str]:
    places = desk.places
    if not ref:
        found = gather(own_places(places), limit=NEWEST)
        last = sorted(found.answers, key=lambda item: when(item.kept), reverse=True)[:_LAST]
        return [*(summary(item.kept, item.mark) for item in last), *_caveats(found)] or ["No answer is kept yet."]
    lines = []
    for digest in dict.fromkeys(record.request_digest for record in refer(desk, ref).records):
        attempts = attempts_at(places, digest)
        if not attempts:
            lines.append(f"{short(digest)}: no attempt is kept in the project's cache now.")
            continue
        lines.append(f"{short(digest)}: {count(len(attempts), 'attempt')}; * marks the one that replays")
        for number, place in attempts.items():
            kept = find_one(list(places.values()), digest, number)
            if kept is not None:
                line = summary(kept, "" if place == PROJECT else place)
                lines.append(fit(f"{'*' if number == replaying(places, digest) else ' '} {line}"))
    return lines


def _diff(desk: Desk, a: str, b: str) -> list[str]:
    (old, before_names), (new, after_names) = _compared(desk, a), _compared(desk, b)
    found = differences(old.request, new.request, (before_names, after_names))
    lines = [f"{a} ({short(old.request_digest)}) → {b} ({short(new.request_digest)})"]
    lines += difference_lines(found) or ["  The requests are the same."]
    if any(item.field == "prompt" for item in found):
        lines += prompt_lines(prompt(old.request), prompt(new.request))
    before, after = ([picture.original.blob for picture in record.pictures] for record in (old, new))
    if not before and not after:
        said = "neither answer has one"
    elif before == after:
        said = "the same bytes"
    else:
        said = f"other bytes ({', '.join(map(short, before)) or 'none'} → {', '.join(map(short, after)) or 'none'})"
    return [*lines, fit(f"  {'pictures':<16} {said}")]


def _compared(desk: Desk, ref: str) -> tuple[Record, dict[str, str]]:
    result = one(desk, ref)
    return result.record, names_of(result.invocation.bindings)


def _cache(desk: Desk) -> list[str]:
    places = desk.places
    cache = places[PROJECT]
    found = gather(own_places(places))
    listing = found.listings[PROJECT]
    damaged = [item for read in found.listings.values() for item in read.damaged]
    blobs = blob_keys(cache.store)
    aside = list(cache.store.keys("corrupt/"))
    records = [key_of(kept) for kept in listing.kept]
    requests = len({kept.record.request_digest for kept in listing.kept})
    size = {
        name: human_size(sum(size_of(cache.store, keys).values())) for name, keys in (("r", records), ("b", blobs))
    }
    return [
        f"folder:   {_where(desk.settings)}",
        f"answers:  {len(records)} to {count(requests, 'request')}, {size['r']}",
        f"blobs:    {len(blobs)}, {size['b']}",
        *apart_lines(places),
        f"damaged:  {len(damaged)}, set aside earlier: {len(aside)}   (gemnb cache verify hashes the blobs)",
        *damaged_lines(damaged),
    ]


def _caveats(found: Gathered) -> list[str]:
    lines = damaged_lines(item for read in found.listings.values() for item in read.damaged)
    if unread := sum(read.unread for read in found.listings.values()):
        lines.append(f"Only the newest {NEWEST} answers were read; {unread} older ones were not.")
    return lines


_ACTIONS: dict[str, tuple[Callable[..., list[str]], int, int]] = {
    "status": (_status, 0, 0),
    "why": (_why, 0, 1),
    "show": (_show, 1, 1),
    "history": (_history, 0, 1),
    "diff": (_diff, 2, 2),
    "cache": (_cache, 0, 0),
    "cancel": (cancel, 0, 0),
}
"""Each verb's function, and how few and how many words stand behind it."""
