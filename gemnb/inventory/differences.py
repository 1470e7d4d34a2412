"""Say in which fields two requests differ, with both values, and how one text became another. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.canonical import short
from gemnb.inputs.pixels import PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gemnb.model import Binding, JSONValue, Request

_AROUND = 24  # characters shown on either side of the first difference of two texts
_CONTEXT = 8  # words of equal text shown on either side of a change
_MAX_WORDS = 4000  # comparing word by word takes the product of both lengths
_WORD = re.compile(r"\s+|\S+")
_PICTURES = 16  # input pictures that are told one by one; no model takes more
_NAME = 30  # characters of what a cell calls an input picture
_ADDRESSES = {"$blob": "", "$pixels": "pixels "}  # what leads to a picture, and how that is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field in which two requests differ, with both values as text.

    Attributes:
        field: Its name.
        old: What it was.
        new: What it became.
        whole: Whether both are shown as they are, however long, and not by the first sign in which they differ.
    """

    field: str
    old: str
    new: str
    whole: bool = False


def differences(
    old: Request, new: Request, names: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {})
) -> tuple[Difference, ...]:
    """Return each field in which two requests differ: model, configuration, sample, turns, pictures, prompt.

    Args:
        old: A request.
        new: Another.
        names: What the cells of both call their input pictures, by digest: see `names_of`.
    """
    pairs = [("model", old.model, new.model)]
    pairs += [
        (key, _value(old.config.get(key)), _value(new.config.get(key)))
        for key in sorted(set(old.config) | set(new.config))
    ]
    pairs += [
        ("sample", str(old.sample), str(new.sample)),
        ("earlier turns", *_turns(old, new)),
        ("prompt", prompt(old), prompt(new)),
    ]
    told = [Difference(field=field, old=a, new=b) for field, a, b in pairs if a != b]
    before_prompt = len(told) - (prompt(old) != prompt(new))
    found = (*told[:before_prompt], *_pictures(old, new, names), *told[before_prompt:])
    if found or old == new:
        return found
    return (Difference(field="parts", old="of another kind or order", new="as they are now"),)


def prompt(request: Request) -> str:
    """Return the text of a request's last turn."""
    parts = request.contents[-1].parts if request.contents else ()
    return "".join(str(part["text"]) for part in parts if isinstance(part.get("text"), str))


def inputs(request: Request) -> list[str]:
    """Return the digests of the pictures in a request's last turn, in order: those of bytes and those of pixels."""
    return [digest for _, digest in _addresses(request)]


def names_of(bindings: Iterable[Binding]) -> dict[str, str]:
    """Return what a cell calls its input pictures, by the digest of their bytes, or of their pixels."""
    found: dict[str, str] = {}
    for binding in bindings:
        digest = binding.value if binding.kind == PIXELS else binding.blob
        if digest:
            # Of a glob, the value is the file.
            name = binding.value if binding.kind == "file" and binding.value else binding.source
            found.setdefault(digest, name)
    return found


def first_change(old: str, new: str) -> tuple[str, str]:
    """Return the two texts round the first character in which they differ, quoted."""
    at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, at - _AROUND)
    return _excerpt(old, start, at), _excerpt(new, start, at)


def word_diff(old: str, new: str) -> str:
    """Return one line: the words that went as `[-…-]`, those that came as `{+…+}`, and some words around them.

    Texts with more than some thousand words between their first and last change are not compared word by word.
    """
    import difflib

    a, b = _WORD.findall(old), _WORD.findall(new)
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    longest = min(len(a), len(b)) - start
    end = next((i for i in range(longest) if a[-1 - i] != b[-1 - i]), longest)
    went, came = a[start : len(a) - end], b[start : len(b) - end]
    if max(len(went), len(came)) > _MAX_WORDS:
        return f"{len(went)} words and spaces became {len(came)}; too many to set side by side"
    pieces = [_same(a[:start], left=False)]
    for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(None, went, came, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(_same(went[i1:i2]))
            continue
        pieces += [f"[-{_visible(went[i1:i2])}-]"] if i2 > i1 else []
        pieces += [f"{{+{_visible(came[j1:j2])}+}}"] if j2 > j1 else []
    pieces.append(_same(a[len(a) - end :], right=False))
    return "".join(pieces).strip()


def _same(words: list[str], *, left: bool = True, right: bool = True) -> str:
    kept = (words[:_CONTEXT] if left else []), (words[-_CONTEXT:] if right else [])
    if len(words) <= len(kept[0]) + len(kept[1]):
        return _flat(words)
    return " … ".join(_flat(part) for part in kept)


def _flat(words: list[str]) -> str:
    return re.sub(r"\s+", " ", "".join(words))


def _visible(words: list[str]) -> str:
    text = "".join(words)
    return text.replace("\n", "⏎").replace("\t", "⇥") if text.strip() else repr(text)


def _value(value: object) -> str:
    if value is None:
        return "unset"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _addresses(request: Request) -> list[tuple[str, str]]:
    """Return what leads to the pictures of a request's last turn: kind of address and digest, in order."""

    def walk(value: JSONValue) -> Iterator[tuple[str, str]]:
        if isinstance(value, dict):
            for kind in _ADDRESSES:
                if isinstance(digest := value.get(kind), str):
                    yield kind, digest
            for item in value.values():
                yield from walk(item)
        elif isinstance(value, list):
            for item in value:
                yield from walk(item)

    parts = request.contents[-1].parts if request.contents else ()
    return list(walk(list(parts)))


def _pictures(old: Request, new: Request, names: tuple[Mapping[str, str], Mapping[str, str]]) -> Iterator[Difference]:
    """Yield each input picture that is another, one by one, with where it stood before if it only moved."""
    a, b = _addresses(old), _addresses(new)
    changed = [at for at in range(max(len(a), len(b))) if a[at : at + 1] != b[at : at + 1]]
    for at in changed[:_PICTURES]:
        was = _called(a[at], names[0]) if at < len(a) else "none"
        became = _called(b[at], names[1]) if at < len(b) else "none"
        moved = [number for number in changed if at < len(b) and a[number : number + 1] == b[at : at + 1]]
        became += f", which was picture {moved[0] + 1}" if moved else ""
        yield Difference(field=f"input picture {at + 1}", old=was, new=became, whole=True)
    if len(changed) > _PICTURES:
        more = f"{len(changed) - _PICTURES} more"
        yield Difference(field="input pictures", old=more, new="others", whole=True)


def _called(address: tuple[str, str], names: Mapping[str, str]) -> str:
    kind, digest = address
    name = " ".join(names.get(digest, "").split())
    shown = name if len(name) <= _NAME else "…" + name[1 - _NAME :]  # the end of a path says more
    return f"{_ADDRESSES[kind]}{short(digest)}" + (f" ({shown})" if shown else "")


def _turns(old: Request, new: Request) -> tuple[str, str]:
    a, b = old.contents[:-1], new.contents[:-1]
    if a == b:
        return "", ""
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False), 1) if x != y), min(len(a), len(b)) + 1)
    return str(len(a)), f"{len(b)} (turn {at} is another)"


def _excerpt(text: str, start: int, at: int) -> str:
    cut = text[start : at + _AROUND]
    return repr(("…" if start else "") + cut + ("…" if at + _AROUND < len(text) else ""))
