"""Records and invocations as JSON documents, and back from foreign bytes.

Specified in docs/explanation/record-format.md.

Everything read here may come from a stranger: types, sizes, digests and nesting are checked before use.
"""

from __future__ import annotations

import json
from dataclasses import fields

from gemnb.canonical import is_digest, request_json, tagged_digest
from gemnb.errors import RequestError, UnknownSchema
from gemnb.foreign import corrupt, items, member, only, optional, parse_json, typed
from gemnb.model import (
    SCHEMA,
    Binding,
    Content,
    Image,
    Invocation,
    JSONObject,
    JSONValue,
    Outcome,
    Picture,
    Record,
    Request,
)

_RECORD_FIELDS = (
    "schema",
    "request",
    "request_digest",
    "attempt",
    "outcome",
    "pictures",
    "response",
    "received",
)
_IMAGE_FIELDS = tuple(field.name for field in fields(Image))

MAX_BYTES = 64 * 1024 * 1024
"""A record is some kilobytes; anything beyond this is refused before it is parsed."""


def record_json(record: Record) -> JSONObject:
    """Return the record as JSON; its digest is taken over this."""
    return {
        "schema": SCHEMA,
        "request": request_json(record.request),
        "request_digest": record.request_digest,
        "attempt": record.attempt,
        "outcome": record.outcome.value,
        "pictures": [picture_json(picture) for picture in record.pictures],
        "response": record.response,
        "received": record.received,
    }


def record_digest(record: Record) -> str:
    """Return the digest of a record (its invocation is not part of it)."""
    return tagged_digest("record", record_json(record))


def document(record: Record, invocation: Invocation, picture: int | None = None) -> JSONObject:
    """Return what stands in a record file, or, with the index of its picture, in a notebook's output."""
    made: JSONObject = {
        "schema": SCHEMA,
        "record": record_json(record),
        "record_digest": record_digest(record),
        "invocation": invocation_json(invocation),
    }
    return made if picture is None else made | {"picture": picture}


def dump(doc: JSONObject) -> bytes:
    r"""Return the bytes of a record file: indented, sorted, UTF-8, made to be reviewed in a diff.

    A lone surrogate (in an invocation) becomes its escape `\udXXX`, which is JSON.
    """
    return (json.dumps(doc, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode("utf-8", "backslashreplace")


def load(data: bytes) -> JSONValue:
    """Parse foreign JSON.

    Raises:
        CorruptEntry: It is too big, no JSON, no UTF-8, or nested too deeply.
    """
    if len(data) > MAX_BYTES:
        raise corrupt(f"it has {len(data)} bytes; a record has some thousands")
    try:
        return parse_json(data)
    except (ValueError, RecursionError) as error:
        reason = str(error)
    raise corrupt(f"it is no JSON: {reason}")


def parse_document(doc: JSONValue) -> tuple[Record, Invocation, int | None]:
    """Read a document and check that it agrees with itself: shape, schema, digests.

    Raises:
        UnknownSchema: Written by a later gemnb.
        CorruptEntry: Anything else that no gemnb wrote.
    """
    outer = member(doc, "the document")
    _check_schema(outer.get("schema"))
    record = parse_record(outer.get("record"))
    if outer.get("record_digest") != _digest("record", record_json(record)):
        raise corrupt("its record is not what its record_digest says; one of them was edited")
    picture = outer.get("picture")
    if picture is not None and not (type(picture) is int and 0 <= picture < len(record.pictures)):
        raise corrupt("it names a picture that the record does not have")
    return record, parse_invocation(outer.get("invocation")), picture


def parse_record(doc: JSONValue) -> Record:
    """Read a record and check its request digest.

    Raises:
        UnknownSchema: Written by a later gemnb.
        CorruptEntry: Anything else that no gemnb wrote.
    """
    raw = member(doc, "record")
    _check_schema(raw.get("schema"))
    only(raw, "record", _RECORD_FIELDS)
    request = parse_request(raw.get("request"))
    digest = _digest("request", request_json(request))
    if raw.get("request_digest") != digest:
        raise corrupt("its request is not what its request_digest says; one of them was edited")
    attempt = typed(raw, "attempt", int)
    if attempt < 1:
        raise corrupt("attempts count from 1")
    outcome = typed(raw, "outcome", str)
    if outcome not in set(Outcome):
        raise corrupt(f"there is no outcome {outcome[:40]!r}")
    return Record(
        request=request,
        request_digest=digest,
        attempt=attempt,
        outcome=Outcome(outcome),
        pictures=tuple(parse_picture(item) for item in items(raw, "pictures")),
        response=member(raw.get("response"), "response"),
        received=member(raw.get("received"), "received"),
    )


def parse_request(doc: JSONValue) -> Request:
    """Read a request.

    Raises:
        UnknownSchema: Of a later schema.
        CorruptEntry: It has not the shape of a request, or fields that no gemnb wrote.
    """
    raw = member(doc, "request")
    _check_schema(raw.get("schema"))
    only(raw, "request", ("schema", "model", "contents", "config", "sample"))
    contents = []
    for item in items(raw, "contents"):
        turn = member(item, "a turn")
        only(turn, "a turn", ("role", "parts"))
        parts = tuple(member(part, "a part") for part in items(turn, "parts"))
        contents.append(Content(role=typed(turn, "role", str), parts=parts))
    sample = typed(raw, "sample", int)
    if sample < 1:
        raise corrupt("samples count from 1")
    return Request(
        model=typed(raw, "model", str),
        contents=tuple(contents),
        config=member(raw.get("config"), "config"),
        sample=sample,
    )


def invocation_json(invocation: Invocation) -> JSONObject:
    """Return the invocation as JSON; fields that are not set stay absent."""
    made: JSONObject = {"bindings": [_set_fields(binding) for binding in invocation.bindings]}
    if invocation.source is not None:
        made["source"] = invocation.source
    if invocation.defaults is not None:
        made["defaults"] = invocation.defaults
    return made


def parse_invocation(doc: JSONValue) -> Invocation:
    """Read an invocation.

    Raises:
        CorruptEntry: It has not the shape of one.
    """
    raw = member(doc, "invocation")
    return Invocation(
        source=optional(raw, "source", str),
        defaults=optional(raw, "defaults", str),
        bindings=tuple(_parse_binding(item) for item in items(raw, "bindings")),
    )


def _parse_binding(doc: JSONValue) -> Binding:
    raw = member(doc, "a binding")
    for key in ("blob", "request"):
        if raw.get(key) is not None and not is_digest(raw[key]):
            raise corrupt(f"the {key} of a binding is no digest")
    return Binding(
        slot=typed(raw, "slot", str),
        kind=typed(raw, "kind", str),
        source=typed(raw, "source", str),
        value=optional(raw, "value", str),
        blob=optional(raw, "blob", str),
        mime_type=optional(raw, "mime_type", str),
        request=optional(raw, "request", str),
        attempt=optional(raw, "attempt", int),
    )


def picture_json(picture: Picture) -> JSONObject:
    """Return the facts of a picture as JSON."""
    made: JSONObject = {"original": _set_fields(picture.original)}
    if picture.preview is not None:
        made["preview"] = _set_fields(picture.preview)
    if picture.claimed is not None:
        made["claimed"] = picture.claimed
    return made


def parse_picture(doc: JSONValue) -> Picture:
    """Read the facts of a picture.

    Raises:
        CorruptEntry: They are none that gemnb wrote.
    """
    raw = member(doc, "a picture")
    only(raw, "a picture", ("original", "preview", "claimed"))
    return Picture(
        original=_parse_image(raw.get("original")),
        preview=None if raw.get("preview") is None else _parse_image(raw["preview"]),
        claimed=optional(raw, "claimed", str),
    )


def _parse_image(doc: JSONValue) -> Image:
    raw = member(doc, "an image")
    only(raw, "an image", _IMAGE_FIELDS)
    blob, mime_type = typed(raw, "blob", str), typed(raw, "mime_type", str)
    if not is_digest(blob):
        raise corrupt(f"{blob[:80]!r} is no digest")
    if mime_type not in ("image/png", "image/jpeg", "image/webp", "image/gif"):
        raise corrupt(f"{mime_type[:40]!r} is no type of picture")
    size, width, height = (typed(raw, key, int) for key in ("size", "width", "height"))
    if min(size, width, height) < 1:
        raise corrupt("a picture has a size")
    return Image(blob=blob, mime_type=mime_type, size=size, width=width, height=height)


def _set_fields(value: Binding | Image) -> JSONObject:
    return {f.name: item for f in fields(value) if (item := getattr(value, f.name)) is not None}


def _check_schema(schema: JSONValue) -> None:
    if type(schema) is int and schema == SCHEMA:
        return
    if type(schema) is int and schema > SCHEMA:
        raise UnknownSchema(
            f"The record has schema version {schema}; this gemnb reads up to {SCHEMA}.",
            hint="pip install --upgrade gemnb",
            schema=schema,
        )
    raise corrupt("it has no schema version that gemnb knows")


def _digest(kind: str, document: JSONValue) -> str:
    try:
        return tagged_digest(kind, document)
    except RequestError as error:
        reason = error.why
    raise corrupt(f"its {kind} has no canonical form: {reason}")
