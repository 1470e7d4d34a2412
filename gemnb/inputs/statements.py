"""What its author says of a picture that no cell made: the document of an import, and its checks. Pure.

Specified in docs/explanation/record-format.md. A document may come from a stranger; nothing of it is trusted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, is_digest, short, tagged_digest
from gemnb.errors import CacheError, GemnbError, InputError, RequestError, UnknownSchema
from gemnb.foreign import corrupt, member, only, optional, typed
from gemnb.mime import plain
from gemnb.model import SCHEMA, Picture
from gemnb.records import parse_picture, picture_json
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.model import Image, JSONObject, JSONValue

IMPORT_MIMETYPE = "application/vnd.gemnb.import.v1+json"
"""MIME type of an import's document in a notebook's output. Not a record's: no model answered it."""

NOT_VERIFIABLE = "stated by its author, not verifiable"
"""What is said of an import wherever it is shown."""

STATED = ("source", "prompt", "licence")
"""What can be stated, by its names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the author says; each None where nothing was said.

    Attributes:
        source: Where the picture comes from: a system, a photographer, an archive.
        prompt: The prompt that is said to have made it.
        licence: The terms of its use.
    """

    source: str | None = None
    prompt: str | None = None
    licence: str | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, name) is not None for name in STATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A picture that came from elsewhere, with what its author states.

    Attributes:
        picture: Digests, types and sizes of the original and of its preview.
        stated: What the author says of it.
        pixels: The digest of its pixels, where it was converted from something that has no bytes of its own.
        alt: Alternative text; not part of the digest.
    """

    picture: Picture
    stated: Statement
    pixels: str | None = None
    alt: str | None = None

    @property
    def digest(self) -> str:
        """The digest over `gemnb-import-v0`, LF, and the RFC 8785 form of `imported`."""
        return tagged_digest("import", _imported_json(self))


def check_statement(statement: Statement, alt: str | None) -> None:
    """Refuse what cannot be kept.

    Raises:
        InputError: Nothing is stated, or something that is no text, or is empty.
    """
    if not statement:
        raise InputError("gemnb.keep: alt describes an import, and nothing is stated of it.", hint='source="…"')
    for name, text in (*asdict(statement).items(), ("alt", alt)):
        if text is None:
            continue
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"gemnb.keep: {name} is {text!r:.80}, and would have to be text.")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise InputError(f"gemnb.keep: {name} holds half a character (a lone surrogate).")


def import_document(made: Import) -> JSONObject:
    """Return what stands in the notebook's output."""
    document: JSONObject = {"schema": SCHEMA, "imported": _imported_json(made), "import_digest": made.digest}
    return document if made.alt is None else document | {"presentation": {"alt": made.alt}}


def parse_import(document: JSONValue) -> Import:
    """Read a document and check that it agrees with itself.

    Raises:
        UnknownSchema: Written by a later gemnb.
        CorruptEntry: Anything else that no gemnb wrote.
    """
    outer = member(document, "the document")
    _check_schema(outer)
    raw = member(outer.get("imported"), "imported")
    only(raw, "imported", ("picture", "stated", "pixels"))
    made = _parse(raw)
    shown = outer.get("presentation")
    if shown is not None:
        made = replace(made, alt=optional(member(shown, "presentation"), "alt", str))
    if typed(outer, "import_digest", str) != _digest(made):
        raise corrupt("it is not what its import_digest says; one of them was edited")
    return made


def import_entry(name: str, made: Import) -> JSONObject:
    """Return what stands in the cache: every `sha256:` in it is that of bytes, as in all such entries."""
    found = _imported_json(made) | {"schema": SCHEMA, "name": name}
    return found if made.pixels is None else found | {"pixels": made.pixels.removeprefix("sha256:")}


def parse_entry(document: JSONValue) -> tuple[str, Import]:
    """Read an entry of the cache: the name, and what was kept under it.

    Raises:
        UnknownSchema: Written by a later gemnb.
        CorruptEntry: Anything else that no gemnb wrote.
    """
    outer = member(document, "the entry")
    _check_schema(outer)
    only(outer, "the entry", ("schema", "name", "picture", "stated", "pixels"))
    pixels = optional(outer, "pixels", str)
    return typed(outer, "name", str), _parse(outer | {"pixels": pixels and f"sha256:{pixels}"})


def _check_schema(outer: JSONObject) -> None:
    schema = outer.get("schema")
    if type(schema) is int and schema > SCHEMA:
        raise UnknownSchema(f"The import has schema {schema}; this gemnb reads up to {SCHEMA}.", schema=schema)
    if type(schema) is not int or schema != SCHEMA:
        raise corrupt("it has no schema version that gemnb knows")


def _parse(raw: JSONObject) -> Import:
    stated = member(raw.get("stated"), "stated")
    only(stated, "stated", STATED)
    pixels = optional(raw, "pixels", str)
    if pixels is not None and not is_digest(pixels):
        raise corrupt("pixels is no digest")
    said = Statement(**{name: optional(stated, name, str) for name in STATED})
    if not said:
        raise corrupt("nothing is stated")
    return Import(picture=parse_picture(raw.get("picture")), stated=said, pixels=pixels)


def check_import(document: JSONValue, blob: Callable[[str], bytes]) -> list[str]:
    """Return what does not fit in a document and its bytes; nothing where all fits.

    That all fits says: this picture is the one the statement was made of. What is stated cannot be checked.

    Args:
        document: Foreign JSON, from a notebook or a page.
        blob: Digest to bytes, such as `cache.blob`; what it raises as `CacheError` is told.
    """
    try:
        made = parse_import(document)
    except CacheError as error:
        return [error.why or error.what]
    said = []
    for image in filter(None, (made.picture.original, made.picture.preview)):
        try:
            said += _check_bytes(image, blob(image.blob))
        except GemnbError as error:
            said.append(f"{error.what} {error.why}".strip())
    return said


def import_plain(made: Import) -> str:
    """Return the `text/plain` of an import: alternative text, that it is one, and the mark of its picture."""
    return plain(made.picture, " ".join(filter(None, (made.alt, f"(imported: {NOT_VERIFIABLE})"))))


def _check_bytes(image: Image, data: bytes) -> list[str]:
    name = short(image.blob)
    if blob_digest(data) != image.blob:
        return [f"the bytes of {name} have another digest"]
    found = sniff(data)
    facts = None if found is None else (found.mime_type, found.width, found.height, len(data))
    if facts != (image.mime_type, image.width, image.height, image.size):
        return [f"the picture {name} has another type or size than the document says"]
    return []


def _imported_json(made: Import) -> JSONObject:
    stated: JSONObject = {name: text for name, text in asdict(made.stated).items() if text is not None}
    document: JSONObject = {"picture": picture_json(made.picture), "stated": stated}
    return document if made.pixels is None else document | {"pixels": made.pixels}


def _digest(made: Import) -> str:
    try:
        return made.digest
    except RequestError as error:
        reason = error.why
    raise corrupt(f"it has no canonical form: {reason}")
