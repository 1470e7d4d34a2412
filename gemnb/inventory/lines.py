"""Kept answers as lines of plain text, for a terminal or a cell of 100 columns. Pure."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from gemnb.canonical import short
from gemnb.errors import printable
from gemnb.inventory.answers import key_of
from gemnb.inventory.differences import first_change, prompt, word_diff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gemnb.cache import Kept
    from gemnb.inventory.differences import Difference
    from gemnb.inventory.listing import Damaged

WIDTH = 100
_FIELD = 16  # the longest name of a field that is usual
_SHORT = 30  # a value up to this length is shown whole


def summary(kept: Kept, mark: str = "") -> str:
    """Return one line: digest, attempt, time, outcome, picture, model, a mark, the beginning of the prompt."""
    record = kept.record
    picture = short(record.pictures[0].original.blob) if record.pictures else "-"
    line = (
        f"{short(record.request_digest)} {record.attempt:>2}  {received(kept):<20}  {record.outcome:<7}  "
        f"{picture:<12}  {record.request.model}  "
        f"{mark and f'[{mark}] '}{' '.join(prompt(record.request).split())}"
    )
    return fit(line)


def facts(kept: Kept, of: int, folder: str = "cache") -> list[str]:
    """Return what an answer is, one fact a line.

    Args:
        kept: The answer.
        of: How many attempts at its request are kept.
        folder: How the folder it lies in is named.
    """
    record = kept.record
    source = (kept.invocation.source or "gemnb.generate(…)").split("\n", 1)[0]
    rows = [
        ("request", f"{record.request_digest}"),
        ("attempt", f"{record.attempt} of {of}"),
        ("model", record.request.model),
        ("outcome", record.outcome.value),
        *(
            ("picture", _picture(p.original.blob, p.original.width, p.original.height, p.original.mime_type))
            for p in record.pictures
        ),
        ("received", f"{received(kept)} from {record.received.get('host', 'an unknown host')}"),
        ("through", str(record.received.get("client", "an unknown client"))),
        ("first asked by", source),
        ("prompt", " ".join(prompt(record.request).split())),
        (
            "kept in",
            f"{folder}/" + key_of(kept).replace(record.request_digest[7:], short(record.request_digest) + "…"),
        ),
    ]
    lines = [f"  {name:<14} {value}" for name, value in rows]
    return [*map(fit, lines[:-1]), printable(lines[-1])]  # a folder is as long as it is


def difference_lines(found: Iterable[Difference]) -> list[str]:
    """Return a line or two for each field that differs: what it was, and what it became."""
    lines = []
    for item in found:
        one = f"  {item.field:<{_FIELD}} {item.old} → {item.new}"
        if item.field != "prompt" and max(len(item.old), len(item.new)) <= _SHORT:
            lines.append(fit(one))
        elif item.whole and len(one) <= WIDTH:
            lines.append(printable(one))
        else:
            old, new = (item.old, item.new) if item.whole else first_change(item.old, item.new)
            lines += [fit(f"  {item.field:<{_FIELD}} {old}"), fit(f"  {'':<{_FIELD - 2}} → {new}")]
    return lines


def prompt_lines(old: str, new: str) -> list[str]:
    """Return how one prompt became another, word by word."""
    text = printable(word_diff(old, new))
    return ["  prompt, word by word:", *textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ")]


def damaged_lines(damaged: Iterable[Damaged]) -> list[str]:
    """Return a line for each damaged entry."""
    return [printable(f"damaged: {item.name}  {' '.join(item.why.split())}") for item in damaged]


def received(kept: Kept) -> str:
    """Return when an answer was received, as its record says."""
    return str(kept.record.received.get("time", "at an unknown time"))


def fit(line: str) -> str:
    """Return a line of at most 100 characters, none of which a terminal obeys."""
    line = printable(" ".join(line.split("\n")))
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def human_size(size: int) -> str:
    """Return a number of bytes for a person."""
    for unit, limit in (("B", 1000), ("kB", 1000**2), ("MB", 1000**3)):
        if size < limit:
            return f"{size} B" if unit == "B" else f"{size / (limit / 1000):.1f} {unit}"
    return f"{size / 1000**3:.1f} GB"


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 answer`, `2 answers`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _picture(digest: str, width: int, height: int, mime_type: str) -> str:
    return f"{short(digest)} {width}×{height} {mime_type}"
