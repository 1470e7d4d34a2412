"""The verbs of `%gemnb` that print: each takes what stands behind it and returns its lines. Imported on first use.

They look and never change: damaged entries stay where they are and are reported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.canonical import request_digest, short
from gemnb.compose import open_cache
from gemnb.errors import CacheError, CellSyntaxError, InputError, nearest
from gemnb.inventory.check import key_of
from gemnb.inventory.differences import differences, prompt
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
from gemnb.inventory.listing import NEWEST, blob_keys, digest_of, read_records, record_keys, size_of
from gemnb.inventory.lookup import is_prefix, look_up, when
from gemnb.inventory.nearest import nearest_kept
from gemnb.invocation import assemble
from gemnb.magic.calls import cancel
from gemnb.magic.vocabulary import usage
from gemnb.model import Mode, Presentation
from gemnb.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gemnb.cache import Cache, Kept
    from gemnb.inventory.listing import Listing
    from gemnb.invocation import Defaults
    from gemnb.model import Binding, Record, Request
    from gemnb.session import Ask
    from gemnb.settings import Settings

_NAME = re.compile(r"([^\W\d]\w*)(?:\[(-?\d{1,4})\])?")
_LAST = 20  # answers that `history` lists
_EXPLAINED = 4  # missed requests of one cell that `why` explains


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the verbs work with.

    Attributes:
        settings: The settings in force.
        names: The user's variables.
        defaults: What `%gemnb use` said.
        default_bindings: What its `$names` stood for.
        missed: The last cell of this kernel to which no answer was kept.
        show: Publishes the pictures of a result below the cell.
    """

    settings: Settings
    names: Mapping[str, object]
    defaults: Defaults | None
    default_bindings: tuple[Binding, ...]
    missed: Ask | None
    show: Callable[[Result], None]

    @property
    def cache(self) -> Cache:
        """The cache, to look at."""
        return open_cache(self.settings.cache, look_only=True)


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
    keys = record_keys(desk.cache.store)
    requests = len({digest_of(key) for key in keys})
    return [
        f"defaults: {use}" + (f"   ({bound})" if bound else ""),
        f"mode:     {Mode.REPLAY if settings.offline else settings.mode}",
        f"embed:    {settings.embed}",
        f"cache:    {settings.cache}   ({settings.cache_reason})",
        f"kept:     {count(len(keys), 'answer')} to {count(requests, 'request')}",
    ]


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
    cache = desk.cache
    missing = [request for request in requests if not cache.attempts(request_digest(request))]
    if not missing:
        return ["The cell that missed its answer would find it now: run it again."]
    listing = read_records(cache, limit=NEWEST)
    lines = []
    for request in missing[:_EXPLAINED]:
        lines += _why_missed(request, listing)
    if len(missing) > _EXPLAINED:
        lines.append(f"… and {len(missing) - _EXPLAINED} more samples of the cell.")
    return [*lines, *_caveats(listing)]


def _why_missed(request: Request, listing: Listing) -> list[str]:
    digest = short(request_digest(request))
    near = nearest_kept(request, listing.kept)
    if near is None:
        return [f"Missed: {digest}, to {request.model}. Nothing is kept in the cache."]
    record = near.kept.record
    return [
        f"Missed: {digest}, to {request.model}. The nearest kept request is {short(record.request_digest)}:",
        *difference_lines(near.differences),
        f"  ({count(len(near.differences), 'field')}, each as it is kept and → as it was asked)",
    ]


def _why_kept(desk: Desk, ref: str) -> list[str]:
    result, cache = _refer(desk, ref), desk.cache
    lines = []
    for record in result.records:
        attempts = cache.attempts(record.request_digest)
        kept = cache.find(record.request_digest, record.attempt) if record.attempt in attempts else None
        if kept is None:
            lines.append(
                f"{ref}: {short(record.request_digest)}, attempt {record.attempt}, is not in the project's cache now."
            )
            continue
        lines.append(
            f"{ref}: its request has the digest {short(record.request_digest)}, and an answer to it is kept:"
        )
        lines += facts(kept, len(attempts))
        if record.attempt != attempts[-1]:
            lines.append(f"  Running the cell again shows attempt {attempts[-1]}, the latest.")
    return lines


def _show(desk: Desk, ref: str) -> list[str]:
    desk.show(_refer(desk, ref))
    return []


def _history(desk: Desk, ref: str = "") -> list[str]:
    cache = desk.cache
    if not ref:
        listing = read_records(cache, limit=NEWEST)
        last = sorted(listing.kept, key=when, reverse=True)[:_LAST]
        return [*(summary(kept) for kept in last), *_caveats(listing)] or ["No answer is kept yet."]
    lines = []
    for digest in dict.fromkeys(record.request_digest for record in _refer(desk, ref).records):
        attempts = cache.attempts(digest)
        if not attempts:
            lines.append(f"{short(digest)}: no attempt is kept in the project's cache now.")
            continue
        lines.append(f"{short(digest)}: {count(len(attempts), 'attempt')}; * marks the one that replays")
        for number in attempts:
            kept = cache.find(digest, number)
            if kept is not None:
                lines.append(fit(f"{'*' if number == attempts[-1] else ' '} {summary(kept)}"))
    return lines


def _diff(desk: Desk, a: str, b: str) -> list[str]:
    old, new = _one(desk, a), _one(desk, b)
    found = differences(old.request, new.request)
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


def _cache(desk: Desk) -> list[str]:
    cache = desk.cache
    listing = read_records(cache)
    blobs = blob_keys(cache.store)
    aside = list(cache.store.keys("corrupt/"))
    records = [key_of(kept) for kept in listing.kept]
    requests = len({kept.record.request_digest for kept in listing.kept})
    size = {
        name: human_size(sum(size_of(cache.store, keys).values())) for name, keys in (("r", records), ("b", blobs))
    }
    return [
        f"folder:   {desk.settings.cache}   ({desk.settings.cache_reason})",
        f"answers:  {len(records)} to {count(requests, 'request')}, {size['r']}",
        f"blobs:    {len(blobs)}, {size['b']}",
        f"damaged:  {len(listing.damaged)}, set aside earlier: {len(aside)}   (gemnb cache verify hashes the blobs)",
        *damaged_lines(listing.damaged),
    ]


def _caveats(listing: Listing) -> list[str]:
    lines = damaged_lines(listing.damaged)
    if listing.unread:
        lines.append(f"Only the newest {NEWEST} answers were read; {listing.unread} older ones were not.")
    return lines


def _one(desk: Desk, ref: str) -> Record:
    result = _refer(desk, ref)
    if len(result) != 1:
        raise InputError(
            f"{ref} holds {len(result)} samples, and two single answers are compared.",
            hint=f"{ref}[0] is the first, {ref}[{len(result) - 1}] the last.",
        )
    return result.record


def _refer(desk: Desk, ref: str) -> Result:
    """Return what a NAME, NAME[index] or the beginning of a digest refers to."""
    forced = ref.startswith("var:")
    match = _NAME.fullmatch(ref.removeprefix("var:"))
    value = desk.names.get(match.group(1)) if match else None
    if isinstance(value, Result):
        if not forced and is_prefix(ref) and _is_kept(desk.cache, ref):
            raise InputError(
                f"{ref} is a variable, and the beginning of a digest.", hint=f"var:{ref}   or   sha256:{ref}"
            )
        return value if match is None or match.group(2) is None else _item(value, ref, int(match.group(2)))
    if is_prefix(ref):
        return _result(look_up(desk.cache, ref), desk)
    near = nearest(ref, [name for name, item in desk.names.items() if isinstance(item, Result) and name[0] != "_"])
    what = f"a {type(value).__name__}, not a result of %%gemimg" if value is not None else "no result of %%gemimg"
    raise InputError(
        f"{ref} is {what}.",
        hint=(f"Did you mean {near}?\n" if near else "")
        + "It takes the NAME of a cell, or four or more digits of a digest; %gemnb history lists them.",
    )


def _item(result: Result, ref: str, index: int) -> Result:
    if not -len(result) <= index < len(result):
        raise InputError(f"{ref}: it holds {count(len(result), 'sample')}.", hint="Samples count from 0.")
    return result[index]


def _is_kept(cache: Cache, ref: str) -> bool:
    try:
        look_up(cache, ref)
    except InputError as error:
        return "candidates" in error.evidence
    except CacheError:  # something is there, and damaged
        return True
    return True


def _result(kept: Kept, desk: Desk) -> Result:
    return Result(
        records=(kept.record,),
        invocation=kept.invocation,
        presentation=Presentation(embed=desk.settings.embed),
        blob=desk.cache.blob,
    )


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
