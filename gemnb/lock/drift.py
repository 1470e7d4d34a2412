"""Say cell by cell what differs from a lock, in words for a person. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.canonical import short
from gemnb.errors import printable
from gemnb.inventory.differences import differences, first_change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gemnb.inventory.differences import Difference
    from gemnb.lock.pins import Pin, Source
    from gemnb.model import Request

Place = tuple[str, str, str, int]
"""Where a lock has a pin: notebook, parameters, cell, occurrence."""

_LONG = 40  # characters of a value that are shown whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One answer, or one input, that is another than the lock has.

    Attributes:
        kind: `added` (the lock has it not), `removed` (only the lock has it) or `changed`.
        notebook: As in a pin.
        parameters: As in a pin.
        where: The cell as a person names it, or the input.
        fields: What changed: `request`, `attempt`, `record`, `picture`, or `input`; for `request` followed by the
            fields of the request, where both requests are known.
        says: What changed, in words.
    """

    kind: str
    notebook: str
    parameters: str = ""
    where: str
    fields: tuple[str, ...] = ()
    says: str

    def line(self) -> str:
        """Return one line for a terminal."""
        run = f" with parameters {short(self.parameters)}" if self.parameters else ""
        return printable(" ".join(f"{self.kind}: {self.notebook}{run}, {self.where}: {self.says}".split()))


def drift(locked: Sequence[Pin], came: Sequence[Pin], requests: Mapping[str, Request] | None = None) -> list[Drift]:
    """Return what differs between a lock and a run, cell by cell: in the run's order, then what only the lock has.

    A cell that has another id, and shows the very answers that the lock has for one that is gone, is no drift: tools
    give cells new ids.

    Args:
        locked: The pins of the lock, of the notebooks in question only.
        came: Those of the run.
        requests: Known requests by digest, so that it can be said which field of one changed.
    """
    before = {pin.place: pin for pin in locked}
    after = {pin.place: pin for pin in came}
    for old, new in _renamed(before, after):
        del before[old], after[new]
    found = [
        change
        for place, pin in after.items()
        if (change := _added(pin) if place not in before else _changed(before[place], pin, requests or {}))
    ]
    return [*found, *(_removed(pin) for place, pin in before.items() if place not in after)]


def _renamed(before: Mapping[Place, Pin], after: Mapping[Place, Pin]) -> list[tuple[Place, Place]]:
    """Return the places of the same answers under other cell ids, each used once."""
    gone: dict[tuple[object, ...], list[Place]] = {}
    for place, pin in before.items():
        if place not in after:
            gone.setdefault(_content(pin), []).append(place)
    found = []
    for place, pin in after.items():
        if place not in before and (places := gone.get(_content(pin))):
            found.append((places.pop(0), place))
    return found


def _content(pin: Pin) -> tuple[object, ...]:
    return pin.notebook, pin.parameters, pin.occurrence, pin.request, pin.attempt, pin.record, pin.pictures


def input_drift(locked: Sequence[Source], came: Sequence[Source]) -> list[Drift]:
    """Return which inputs stand for other bytes than in the lock, or are only in one of the two."""
    before = {source.place: source for source in locked}
    after = {source.place: source for source in came}
    found = []
    for place in sorted(before | after):
        old, new = before.get(place), after.get(place)
        if old != new:
            either = new or old
            assert either is not None  # noqa: S101 - a place is in one of the two
            says = " → ".join(_files(one) for one in (old, new) if one is not None)
            found.append(
                Drift(
                    kind="added" if old is None else "removed" if new is None else "changed",
                    notebook=either.notebook,
                    parameters=either.parameters,
                    where=f"input {_cut(either.source)}",
                    fields=("input",),
                    says=says,
                )
            )
    return found


def _added(pin: Pin) -> Drift:
    return _drift(pin, "added", (), f"{_answer(pin)}, not in the lock so far")


def _removed(pin: Pin) -> Drift:
    return _drift(pin, "removed", (), f"{_answer(pin)}, which is no longer shown there")


def _changed(old: Pin, new: Pin, requests: Mapping[str, Request]) -> Drift | None:
    said = list(_differing(old, new, requests))
    if not said:
        return None
    return _drift(new, "changed", tuple(name for names, _ in said for name in names), "; ".join(s for _, s in said))


def _differing(old: Pin, new: Pin, requests: Mapping[str, Request]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield names of fields with words for them: the first that explains the others comes alone."""
    if old.request != new.request:
        yield _request(old, new, requests)
    elif old.attempt != new.attempt:
        yield ("attempt",), f"the lock has attempt {old.attempt} at the request, and the cell shows {new.attempt}"
    elif old.record != new.record:
        yield (
            ("record",),
            f"the same attempt at the same request has another record ({_both(old.record, new.record)})",
        )
        if old.pictures != new.pictures:
            yield ("picture",), _pictures(old, new)
    elif old.pictures != new.pictures:
        yield ("picture",), f"{_pictures(old, new)}, though the record is the same: the lock was edited"


def _request(old: Pin, new: Pin, requests: Mapping[str, Request]) -> tuple[tuple[str, ...], str]:
    one, other = requests.get(old.request), requests.get(new.request)
    found = differences(one, other) if one is not None and other is not None else ()
    if not found:
        return ("request",), f"another request ({_both(old.request, new.request)})"
    return ("request", *(d.field for d in found)), "another request: " + "; ".join(map(_words, found))


def _words(difference: Difference) -> str:
    if max(len(difference.old), len(difference.new)) > _LONG or difference.field == "prompt":
        old, new = first_change(difference.old, difference.new)
        return f"{difference.field} {old} → {new}"
    return f"{difference.field} {difference.old} → {difference.new}"


def _pictures(old: Pin, new: Pin) -> str:
    if len(old.pictures) != len(new.pictures):
        one, other = (", ".join(map(short, pin.pictures)) or "none" for pin in (old, new))
        return f"pictures {one} → {other}"
    pairs = enumerate(zip(old.pictures, new.pictures, strict=True), 1)
    several = len(old.pictures) > 1
    said = [f"picture{f' {n}' if several else ''} {_both(a, b)}" for n, (a, b) in pairs if a != b]
    return ", ".join(said)


def _drift(pin: Pin, kind: str, fields: tuple[str, ...], says: str) -> Drift:
    cell = f"code cell {pin.cell[1:]}" if pin.cell.startswith("#") else f"cell {pin.cell}"
    where = cell if pin.occurrence == 1 else f"{cell}, answer {pin.occurrence}"
    return Drift(kind=kind, notebook=pin.notebook, parameters=pin.parameters, where=where, fields=fields, says=says)


def _answer(pin: Pin) -> str:
    pictures = " ".join(map(short, pin.pictures))
    return f"picture {pictures}" if pictures else f"the answer {short(pin.request)} in words"


def _files(source: Source) -> str:
    if [name for name, _ in source.files] == [source.source]:
        return short(source.files[0][1])
    return ", ".join(f"{_cut(name)} {short(digest)}" for name, digest in source.files) or "nothing"


def _both(old: str, new: str) -> str:
    return f"{short(old)} → {short(new)}"


def _cut(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"
