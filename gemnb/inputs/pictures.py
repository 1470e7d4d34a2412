"""From a value that stands for a picture, or for an earlier result, to its binding and bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.answer import read_answer
from gemnb.canonical import blob_digest
from gemnb.errors import InputError
from gemnb.inputs.files import MAX_INPUT, read_input
from gemnb.inputs.keeping import KeptPicture
from gemnb.inputs.pixels import PIXELS, pixels_of
from gemnb.inputs.sending import keep_pixels
from gemnb.model import Binding, Content, Mode
from gemnb.result import Result
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from gemnb.inputs.reach import Reach
    from gemnb.model import Record

Taken = tuple[Binding, dict[str, bytes]]
"""A binding, and the bytes it stands for by their digest (none where they need not be had)."""


def take(value: object, slot: str, source: str, kind: str, reach: Reach | None) -> Taken:
    """Return the binding and bytes of a value that stands for a picture, pixels included.

    Args:
        value: A result, bytes, a path, what `gemnb.keep` returned, a Pillow image or a numpy array.
        slot: The option it stands at.
        source: Its text.
        kind: `variable`, `file` or `argument`.
        reach: Where the PNG of pixels is kept; without it, they cannot be sent.

    Raises:
        InputError: It is none of these, or its bytes are no picture.
    """
    kept = value if isinstance(value, KeptPicture) else None
    pixels = kept.pixels if kept else pixels_of(value, source)
    if pixels is None:
        binding, data = picture_binding(kept.bytes if kept else value, slot, source, kind)
        return binding, {binding.blob or "": data}
    # In replay nothing is sent, and the cache is left as it is.
    places = reach.places if reach else ()
    blob, png = keep_pixels(places, pixels, writing=reach is not None and reach.mode is not Mode.REPLAY)
    binding = Binding(slot=slot, kind=PIXELS, source=source, value=pixels.digest, blob=blob, mime_type="image/png")
    return binding, {} if png is None else {blob: png}


def picture_binding(value: object, slot: str, source: str, kind: str) -> tuple[Binding, bytes]:
    """Return the binding and bytes of a value that has original bytes.

    Args:
        value: A `Result`, `bytes`, or a `Path`.
        slot: The option it stands at.
        source: Its text.
        kind: `variable`, `file`, `url`, `data`, `record`, `blob` or `argument`.

    Raises:
        InputError: It is none of these, or its bytes are no picture.
    """
    shown = brief(source)
    if isinstance(value, Result):
        data = value.bytes
    elif isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
    elif isinstance(value, Path):
        data = read_input(value)
    else:
        raise InputError(
            f"{slot} {shown}: a {type(value).__name__} is not a picture that gemnb can address.",
            why="It takes original bytes (a result of %%gemimg, bytes, a path), Pillow images and numpy arrays.",
            hint=f"To make one of a figure: photo = gemnb.keep({shown}), then {slot} photo\n"
            f"or save it to a file and give the path: {slot} picture.png",
        )
    if len(data) > MAX_INPUT:
        raise InputError(f"{slot} {shown} is bigger than the 100 MB a request can carry.")
    found = sniff(data)
    if found is None:
        why = "It is empty." if not data else f"Its {len(data)} bytes begin with {data[:12]!r}."
        raise InputError(
            f"{slot} {shown} is not a picture.", why=why, hint="Pictures are PNG, JPEG, WebP or GIF files."
        )
    digest = blob_digest(data)
    return Binding(slot=slot, kind=kind, source=source, blob=digest, mime_type=found.mime_type), data


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
    return earlier_record(value.record, slot, source)


def earlier_record(record: Record, slot: str, source: str) -> tuple[Binding, tuple[Content, ...]]:
    """Return the binding of a kept answer and its turns, the model's answer included.

    Raises:
        InputError: It is an answer without content.
    """
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


def matched(binding: Binding, name: str) -> Binding:
    """Return the binding of one file of a glob: it says which."""
    return replace(binding, value=name)


def matched_file(binding: Binding) -> str:
    """Return which file of a glob a binding stands for, or nothing where it is not one of a glob."""
    return binding.value or "" if binding.kind == "file" else ""


def brief(source: str) -> str:
    """Return a source short enough for a sentence; a `data:` URL holds a whole picture."""
    return source if len(source) <= 100 else source[:99] + "…"
