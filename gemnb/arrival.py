"""From the raw body of an answer to a record and its blobs: parse, classify, check the pictures, make previews."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, cast

from gemnb.answer import Answer, read_answer
from gemnb.canonical import blob_digest, is_digest, request_digest
from gemnb.detach import detach
from gemnb.errors import MalformedAnswer, RequestError
from gemnb.foreign import parse_json
from gemnb.model import Image, JSONObject, JSONValue, Picture, Record, Request
from gemnb.preview import examine
from gemnb.records import record_digest
from gemnb.sniff import Sniffed, sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def unpack(
    request: Request,
    body: bytes,
    received: Mapping[str, str],
    early: Callable[[Mapping[str, bytes]], None] = lambda _blobs: None,
) -> tuple[Record, dict[str, bytes]]:
    """Return the record of an answer (attempt still 1) and the bytes it refers to.

    Args:
        request: What was asked.
        body: The raw body, as received.
        received: Facts of the call: time, host, client.
        early: Called with the answer's bytes by digest before its pictures are decoded, which takes longest.

    Raises:
        MalformedAnswer: The body is no answer, or a picture in it is none.
    """
    response = _parse(body)
    read_answer(response)  # what is no answer at all is told before anything is put anywhere
    detached, blobs = detach(response)
    answer = read_answer(detached)  # as whoever reads the record does
    early(dict(blobs))
    pictures = tuple(_picture(item, blobs) for item in answer.pictures)
    record = Record(
        request=request,
        request_digest=request_digest(request),
        attempt=1,
        outcome=answer.outcome,
        pictures=pictures,
        response=cast("JSONObject", detached),
        received=dict(received),
    )
    try:
        record_digest(record)
    except RequestError as error:
        reason = error.why
    else:
        return record, blobs
    raise MalformedAnswer("The service's answer cannot be recorded.", why=reason)


def answer_of(record: Record) -> Answer:
    """Return what the recorded answer says, read from its response alone."""
    return read_answer(record.response)


def final_blobs(record: Record) -> list[str | None]:
    """Return the digests of the final pictures according to the response itself (for verify).

    None stands for a picture that came as irregular base64, whose bytes have no reference of their own.
    """
    found: list[str | None] = []
    for item in answer_of(record).pictures:
        data = item.get("data")
        reference = data.get("$blob") if isinstance(data, dict) and data.get("as") not in ("text", "json") else None
        found.append(reference if isinstance(reference, str) and is_digest(reference) else None)
    return found


def _parse(body: bytes) -> JSONValue:
    try:
        return parse_json(body)
    except (ValueError, RecursionError) as error:
        reason = str(error)
    words = " ".join(body[:300].decode("utf-8", "replace").split())
    raise MalformedAnswer("The service's answer is no JSON.", why=f"{reason}\n{words}")


def _picture(inline: JSONObject, blobs: dict[str, bytes]) -> Picture:
    claimed = str(inline.get("mimeType") or "")
    data = _bytes_of(inline.get("data"), blobs)
    try:
        found, preview = examine(data)
    except (ValueError, OSError, SyntaxError) as error:  # what Pillow raises for broken files
        reason = str(error)
    else:
        return Picture(
            original=_image(data, found, blobs),
            preview=_image(preview, sniff(preview), blobs) if preview else None,
            claimed=claimed if claimed and claimed != found.mime_type else None,
        )
    raise MalformedAnswer(
        f"The answer holds {len(data)} bytes that call themselves {claimed or 'a picture'} and are none.",
        why=reason,
    )


def _image(data: bytes, found: Sniffed | None, blobs: dict[str, bytes]) -> Image:
    assert found is not None  # noqa: S101 - Pillow wrote it a moment ago
    digest = next((known for known, held in blobs.items() if held is data), None) or blob_digest(data)
    blobs[digest] = data
    return Image(blob=digest, mime_type=found.mime_type, size=len(data), width=found.width, height=found.height)


def _bytes_of(data: JSONValue, blobs: dict[str, bytes]) -> bytes:
    """Return the bytes of a detached picture; irregular base64 (no padding) was detached as text."""
    if data is None:
        return b""
    digest = data.get("$blob") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(digest, str) or data.get("as") == "json":
        raise MalformedAnswer("The picture in the answer is no base64.", why=repr(data)[:200])
    held = blobs[digest]
    return _decode(held.decode("utf-8", "surrogatepass")) if data.get("as") == "text" else held


def _decode(text: str) -> bytes:
    try:
        standard = text.translate(str.maketrans("-_", "+/"))
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        reason = str(error)
    raise MalformedAnswer("The picture in the answer is no base64.", why=reason)
