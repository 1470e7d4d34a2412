"""What a packed notebook holds in its metadata, read as a stranger's: bytes by digest, records, pointers.

    metadata.gemnb.packed = {"schema": 0, "blobs": {digest: base64}, "records": [document], "pointers": {key: text},
                             "private": [key], "made": [name]}

Nothing in it is trusted: bytes are decoded when asked for and hashed, records are handed out unparsed.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pybase64

from gemnb.cache.store import attempt_of, blob_key
from gemnb.canonical import blob_digest, is_digest, short
from gemnb.errors import CorruptEntry, UnknownSchema
from gemnb.inventory.pointers import MAX_POINTER, is_pointer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gemnb.model import JSONObject, JSONValue

SCHEMA = 0
"""Version of what `pack` writes; it is frozen together with the record format."""

MAX_ENTRIES = 100_000
"""More bytes, records or pointers than this in one notebook are refused; a hundred pictures need some hundred."""

_MEMBERS = {"schema", "blobs", "records", "pointers", "private", "made"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What `gemnb pack` put into a notebook; all of it is empty where it put nothing.

    Attributes:
        name: The notebook's, for messages.
        documents: Records that no output shows, unparsed: `gemnb.records.parse_document` reads and checks one.
        pointers: Entries that lead to bytes, by their key in a cache: from a URL or pixels to a picture.
        private: Keys of what was kept apart, in `cache/private/`.
        made: Members of the notebook that were made to hold this, and go with it: `metadata`, `gemnb`.
    """

    name: str
    documents: tuple[JSONValue, ...] = ()
    pointers: Mapping[str, bytes] = field(default_factory=dict)
    private: frozenset[str] = frozenset()
    made: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.texts or self.documents or self.pointers)

    @property
    def digests(self) -> frozenset[str]:
        """The digests under which bytes stand in it."""
        return frozenset(self.texts)

    def blob(self, digest: str) -> bytes | None:
        """Return the bytes of a digest, or None where they are not in it.

        Raises:
            CorruptEntry: They are no base64, or have another digest.
        """
        text = self.texts.get(digest)
        if text is None:
            return None
        try:
            data = pybase64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            reason = "are no base64"
        else:
            if (found := blob_digest(data)) == digest:
                return data
            reason = f"have the digest {short(found)}"
        raise _refused(self.name, f"The bytes {short(digest)} in it {reason}.")


def packed(document: JSONObject, name: str = "the notebook") -> Packed:
    """Return what is packed into a notebook's document.

    Args:
        document: The notebook's JSON.
        name: What it is called, for messages.

    Raises:
        CorruptEntry: What stands there is not what gemnb packs.
        UnknownSchema: A later gemnb packed it.
    """
    metadata = document.get("metadata")
    own = metadata.get("gemnb") if isinstance(metadata, dict) else None
    if not isinstance(own, dict) or "packed" not in own:
        return Packed(name=name)
    raw = own["packed"]
    if not isinstance(raw, dict):
        raise _refused(name, "what is packed into it is no object")
    _check_schema(raw.get("schema"), name)
    if unknown := set(raw) - _MEMBERS:
        raise _refused(name, f"unknown fields: {', '.join(sorted(unknown))[:80]}")
    return Packed(
        name=name,
        texts=_blobs(raw.get("blobs"), name),
        documents=tuple(_list(raw.get("records"), "records", name)),
        pointers=_pointers(raw.get("pointers", {}), name),
        private=frozenset(_private(raw.get("private", []), name)),
        made=tuple(_made(raw.get("made", []), name)),
    )


def packed_json(
    blobs: Mapping[str, bytes],
    documents: list[JSONObject],
    pointers: Mapping[str, bytes],
    private: frozenset[str],
    made: tuple[str, ...],
) -> JSONObject:
    """Return the member `packed` that holds these; `packed` reads them back."""
    doc: JSONObject = {
        "schema": SCHEMA,
        "blobs": {digest: pybase64.b64encode_as_string(blobs[digest]) for digest in sorted(blobs)},
        "records": list(documents),
    }
    if pointers:
        doc["pointers"] = {key: pointers[key].decode("utf-8") for key in sorted(pointers)}
    if private:
        doc["private"] = [*sorted(private)]
    if made:
        doc["made"] = list(made)
    return doc


def _check_schema(schema: JSONValue, name: str) -> None:
    if type(schema) is not int or schema < 0:
        raise _refused(name, "it has no schema version that gemnb knows")
    if schema > SCHEMA:
        raise UnknownSchema(
            f"{name} was packed with schema version {schema}; this gemnb reads up to {SCHEMA}.",
            hint="pip install --upgrade gemnb",
            schema=schema,
        )


def _blobs(raw: JSONValue, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for digest, text in _object(raw, "blobs", name).items():
        if not is_digest(digest):
            raise _refused(name, f"{digest[:80]!r} is no digest")
        if not isinstance(text, str):
            raise _refused(name, f"the bytes {short(digest)} are no text")
        found[digest] = text
    return found


def _pointers(raw: JSONValue, name: str) -> dict[str, bytes]:
    found = {}
    for key, text in _object(raw, "pointers", name).items():
        if not is_pointer(key) or not isinstance(text, str) or len(text) > MAX_POINTER:
            raise _refused(name, f"{key[:80]!r} leads nowhere that gemnb knows")
        found[key] = text.encode("utf-8", "backslashreplace")
    return found


def _private(raw: JSONValue, name: str) -> list[str]:
    keys = [key for key in _list(raw, "private", name) if isinstance(key, str)]
    for key in keys:
        digest = "sha256:" + key.rpartition("/")[2]
        if attempt_of(key) is None and not is_pointer(key) and not (is_digest(digest) and blob_key(digest) == key):
            raise _refused(name, f"{key[:80]!r} is no name of anything gemnb keeps")
    return keys


def _made(raw: JSONValue, name: str) -> list[str]:
    said = _list(raw, "made", name)
    return [member for member in ("metadata", "gemnb") if member in said]


def _object(raw: JSONValue, member: str, name: str) -> JSONObject:
    if not isinstance(raw, dict) or len(raw) > MAX_ENTRIES:
        raise _refused(name, f"{member} is missing, no object, or absurdly long")
    return raw


def _list(raw: JSONValue, member: str, name: str) -> list[JSONValue]:
    if not isinstance(raw, list) or len(raw) > MAX_ENTRIES:
        raise _refused(name, f"{member} is missing, no list, or absurdly long")
    return raw


def _refused(name: str, why: str) -> CorruptEntry:
    return CorruptEntry(
        f"What is packed into {name} is damaged.",
        why=why,
        hint="It is not used. The notebook as it was before, or its cache/, has what it stands for.",
    )
