"""`%gemnb compare A B …`: pictures side by side below the cell, or one over the other with an edge to drag.

What it shows is static: it survives a reopened notebook that is not trusted, and needs no kernel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

import pybase64

from gemnb.canonical import short
from gemnb.cell import tokens
from gemnb.compose import open_reach
from gemnb.errors import CellSyntaxError, InputError, nearest
from gemnb.inputs import folders_of
from gemnb.inputs.references import pictures_of
from gemnb.inputs.schemes import SCHEME
from gemnb.invocation import Need
from gemnb.magic.vocabulary import usage
from gemnb.model import SCHEMA, Mode
from gemnb.publish.pictures.composites import composite
from gemnb.publish.pictures.rendering import opened, webp
from gemnb.publish.pictures.slider import slider_html
from gemnb.settings import mode_in_force
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gemnb.inputs import Reach
    from gemnb.model import Binding, JSONObject, JSONValue
    from gemnb.settings import Settings

COMPARE_MIMETYPE = "application/vnd.gemnb.compare.v1+json"
"""MIME type of what a comparison is of: digests of its pictures, labels, arrangement."""

_SLOT = "%gemnb compare"
_SLIDER_SIDE = 1024  # longest side of the two pictures of a slider, as of a preview
_SAME_SHAPE = 0.02  # share by which the shapes of before and after may differ: models round sizes
_FLAGS = ("slider", "arrow")
_TAKING = ("label", "alt", "columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A line of `%gemnb compare`.

    Attributes:
        references: What is compared, as after `-i`.
        labels: As given; none where the references themselves are the labels.
        slider: One picture over the other.
        arrow: Arrows between neighbours.
        columns: Pictures in a row; None leaves it to their shapes.
        alt: Alternative text.
    """

    references: tuple[str, ...]
    labels: tuple[str, ...] = ()
    slider: bool = False
    arrow: bool = False
    columns: int | None = None
    alt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    label: str
    binding: Binding
    data: bytes

    @property
    def mark(self) -> str:
        found = sniff(self.data)
        size = f" {found.width}×{found.height}" if found else ""
        return f"[gemnb:{short(self.binding.blob or '')}{size}]"


def parse_comparison(line: str) -> Comparison:
    """Read a line.

    Raises:
        CellSyntaxError: An option is unknown or has no value, or a quote is not closed.
    """
    references: list[str] = []
    given: dict[str, list[str]] = {}
    words = tokens(line)
    while words:
        word = words.pop(0)
        if word.quoted or not word.text.startswith("--"):
            references.append(word.text)
            continue
        name, equals, value = word.text.removeprefix("--").partition("=")
        if name not in _FLAGS + _TAKING or (name in _FLAGS and equals):
            near = nearest(name, _FLAGS + _TAKING)
            raise CellSyntaxError(
                f"{_SLOT} has no option {word.text}.",
                hint=f"Did you mean --{near}?" if near else usage("compare"),
                column=word.column,
            )
        if name in _TAKING and not equals:
            if not words:
                raise CellSyntaxError(f"{_SLOT} --{name} needs a value.", hint=f'--{name} "…"')
            value = words.pop(0).text
        given.setdefault(name, []).append(value)
    if twice := [name for name, values in given.items() if len(values) > 1 and name != "label"]:
        raise CellSyntaxError(f"{_SLOT} --{twice[0]} is given twice.")
    return Comparison(
        references=tuple(references),
        labels=tuple(given.get("label", ())),
        slider="slider" in given,
        arrow="arrow" in given,
        columns=_columns(given["columns"][0]) if "columns" in given else None,
        alt=given["alt"][0] if "alt" in given else None,
    )


def compare(
    line: str, names: Mapping[str, object], settings: Settings
) -> tuple[dict[str, JSONValue], dict[str, JSONValue]]:
    """Return data and metadata of the output of `%gemnb compare`.

    Args:
        line: What stands behind the verb.
        names: The user's variables.
        settings: The settings in force.

    Raises:
        CellError: The line cannot be understood, or a reference is no picture.
        CacheError: The cache has it not, or damaged.
    """
    wanted = parse_comparison(line)
    pictures = _looked_up(wanted, names, settings)
    if wanted.labels and len(wanted.labels) != len(pictures):
        raise InputError(
            f"{_SLOT}: {len(pictures)} pictures have {len(wanted.labels)} labels.",
            hint='One --label for each picture, in their order; --label "" draws no tab.',
        )
    labels = list(wanted.labels) or [picture.label for picture in pictures]
    image = composite(
        [picture.data for picture in pictures],
        labels,
        columns=wanted.columns,
        arrow=wanted.arrow,
        mime_type="image/jpeg",
    )
    data: dict[str, JSONValue] = {
        "image/jpeg": _base64(image),
        "text/plain": _plain(wanted, pictures, labels),
        COMPARE_MIMETYPE: _document(wanted, pictures, labels),
    }
    if wanted.slider:
        data["text/html"] = _slider(pictures, labels)
    return data, {"image/jpeg": _facts(image, wanted.alt)}


def _looked_up(wanted: Comparison, names: Mapping[str, object], settings: Settings) -> list[_Picture]:
    reach = open_reach(settings, mode_in_force(settings, None))
    folders = folders_of(names, settings.root)
    found = []
    for source in wanted.references:
        # Only what a URL shows is fetched and kept, as it is for a cell; else looking changes nothing.
        own = reach if source[:4].lower() == "http" else replace(reach, mode=Mode.REPLAY)
        for binding, blobs in pictures_of(Need(slot=_SLOT, kind="picture", source=source), names, folders, own):
            data = blobs.get(binding.blob or "") or _kept(binding.blob or "", own)
            found.append(_Picture(label=_label(binding), binding=binding, data=data))
    least, most = (2, 2) if wanted.slider else (2, 36)
    if not least <= len(found) <= most:
        takes = "two pictures" if wanted.slider else f"from {least} to {most} pictures"
        raise CellSyntaxError(
            f"{_SLOT}{' --slider' if wanted.slider else ''} takes {takes}; {len(found)} given.", hint=usage("compare")
        )
    return found


def _kept(digest: str, reach: Reach) -> bytes:
    for place in reach.places:
        if (data := place.get_blob(digest)) is not None:
            return data
    return reach.places[0].blob(digest)  # which says what is missing


def _label(binding: Binding) -> str:
    """Return what a person calls a picture: the variable, or the file without its folder and type."""
    if binding.kind == "file":
        return PurePath((binding.value or binding.source).removeprefix("file:")).stem
    if binding.kind in ("url", "data"):
        return ""
    source = binding.source.removeprefix("var:")
    return source if SCHEME.match(source) is None else source.partition(":")[2][:12]


def _columns(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 36:
        return int(text)
    raise CellSyntaxError(f"{_SLOT} --columns {text!r:.40} is no number from 1 to 36.")


def _plain(wanted: Comparison, pictures: list[_Picture], labels: list[str]) -> str:
    """Return the text of the output: a text diff shows that a picture changed."""
    named = [" ".join([*label.split(), item.mark]) for label, item in zip(labels, pictures, strict=True)]
    return " ".join([*(wanted.alt or "").split(), (" → " if wanted.arrow else " | ").join(named)])


def _document(wanted: Comparison, pictures: list[_Picture], labels: list[str]) -> JSONObject:
    items: list[JSONValue] = [
        {"blob": item.binding.blob, "mime_type": item.binding.mime_type, "label": label}
        for label, item in zip(labels, pictures, strict=True)
    ]
    made: JSONObject = {"schema": SCHEMA, "pictures": items, "slider": wanted.slider, "arrow": wanted.arrow}
    if wanted.columns is not None:
        made["columns"] = wanted.columns
    return made if wanted.alt is None else made | {"presentation": {"alt": wanted.alt}}


def _slider(pictures: list[_Picture], labels: list[str]) -> str:
    before, after = (opened(picture.data) for picture in pictures)
    shapes = before.width / before.height, after.width / after.height
    if abs(shapes[0] / shapes[1] - 1) > _SAME_SHAPE:
        raise InputError(
            f"{_SLOT} --slider: the pictures have different shapes, "
            f"{before.width}×{before.height} and {after.width}×{after.height}.",
            hint="Without --slider they stand side by side.",
        )
    scale = min(1, _SLIDER_SIDE / max(before.size), _SLIDER_SIDE / max(after.size))
    size = max(1, round(before.width * scale)), max(1, round(before.height * scale))
    sources = [f"data:image/webp;base64,{_base64(webp(image, size, 85))}" for image in (before, after)]
    texts = [
        f"{time}: {label}" if label.strip() else time for time, label in zip(("before", "after"), labels, strict=True)
    ]
    return slider_html(sources[0], sources[1], texts[0], texts[1], *size)


def _facts(image: bytes, alt: str | None) -> dict[str, JSONValue]:
    """Return the metadata of the composite: shown at half its size, so that it is sharp on a dense display."""
    found = sniff(image)
    facts: dict[str, JSONValue] = {} if found is None else {"width": found.width // 2, "height": found.height // 2}
    return facts if alt is None else facts | {"alt": alt}


def _base64(data: bytes) -> str:
    return pybase64.b64encode_as_string(data)
