"""What stands below a cell against the record in it: picture, text and metadata are those gemnb wrote. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from gemnb.canonical import short
from gemnb.errors import CorruptEntry
from gemnb.mime import bundle, plain
from gemnb.model import SCHEMA, Presentation
from gemnb.records import invocation_json, record_json

if TYPE_CHECKING:
    from gemnb.model import Image, Invocation, JSONObject, Picture, Record
    from gemnb.notebook import Shown
    from gemnb.verify.findings import Trouble

_PRESENTATION = {item.name for item in fields(Presentation)} - {"embed"}
_LONG = 60  # characters of a text that are repeated


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output with a record, as far as it could be read.

    Attributes:
        shown: The output as it stands in the notebook.
        embedded: The digest of the picture that stands in it; None where there is none, or it is no base64.
        error: Why its record cannot be read; empty where it can.
        record: The record.
        invocation: The invocation beside it.
        index: Which picture of the record the output says it shows.
    """

    shown: Shown
    embedded: str | None = None
    error: str = ""
    record: Record | None = None
    invocation: Invocation | None = None
    index: int | None = None

    @property
    def digest(self) -> str:
        """The record's digest, which agrees with the record where this could be read."""
        return str(self.shown.document.get("record_digest")) if isinstance(self.shown.document, dict) else ""


def check_output(output: Output, record: Record, invocation: Invocation, trouble: Trouble) -> None:
    """Check one output against its record."""
    shown, index, embedded = output.shown, output.index, output.embedded
    presentation = presented(shown)
    if index is not None:
        picture = record.pictures[index]
        _check_bytes(picture, shown, embedded, trouble)
        _check_text(shown.plain, plain(picture, presentation.alt), trouble)
        _check_facts(_shown_image(picture, embedded), shown.facts, presentation.alt, trouble)
    elif record.pictures:
        trouble.drifted.append("the output does not say which picture of its record it shows")
    else:
        if shown.encoded is not None:
            trouble.drifted.append("a picture stands beside the record of an answer that has none")
        words = bundle(record, 0, presentation, invocation, _no_bytes)[0]["text/plain"]
        _check_text(shown.plain, str(words), trouble)
    if shown.others:
        also = " and ".join(kind[:_LONG] for kind in shown.others[:3])
        trouble.drifted.append(f"the output also holds {also}, which is shown in the picture's place")
    _check_document(shown, _document(output, record, invocation), trouble)


def presented(shown: Shown) -> Presentation:
    """Return how an output says that its answer is shown; what is no text is left out."""
    found = shown.document.get("presentation") if isinstance(shown.document, dict) else None
    texts = found if isinstance(found, dict) else {}
    alt, caption = texts.get("alt"), texts.get("caption")
    return Presentation(
        alt=alt if isinstance(alt, str) else None, caption=caption if isinstance(caption, str) else None
    )


def _check_bytes(picture: Picture, shown: Shown, embedded: str | None, trouble: Trouble) -> None:
    known = {image.blob: image for image in (picture.original, picture.preview) if image}
    if shown.encoded is None:
        trouble.missing.append("the output holds no picture beside its record")
    elif embedded is None:
        trouble.drifted.append("what stands in the place of the embedded picture is no base64")
    elif embedded not in known:
        trouble.drifted.append(
            f"the embedded picture is not the record's: its bytes have the digest {short(embedded)}"
        )
    elif shown.mime_type != known[embedded].mime_type:
        trouble.drifted.append(f"the embedded picture is {known[embedded].mime_type}, filed under {shown.mime_type}")


def _shown_image(picture: Picture, embedded: str | None) -> Image:
    shows_preview = picture.preview is not None and picture.preview.blob == embedded
    return picture.preview if shows_preview and picture.preview else picture.original


def _check_text(said: str, wanted: str, trouble: Trouble) -> None:
    if said != wanted:
        trouble.drifted.append(f"text/plain says {said[-_LONG:]!r}, and the record {wanted[-_LONG:]!r}")


def _check_facts(image: Image, facts: JSONObject, alt: str | None, trouble: Trouble) -> None:
    """Metadata may be gone (some tools drop it), and may hold more; what gemnb wrote there is true."""
    for key, wanted in (("width", image.width), ("height", image.height)):
        if facts.get(key, wanted) != wanted:
            trouble.drifted.append(
                f"the metadata says {key} {str(facts[key])[:_LONG]}, and the picture has {wanted} pixels"
            )
    if facts.get("alt", alt) != alt:
        trouble.drifted.append(
            f"the metadata says alt {str(facts['alt'])[:_LONG]!r}, and the record {(alt or '')[:_LONG]!r}"
        )


def _document(output: Output, record: Record, invocation: Invocation) -> JSONObject:
    """Return what gemnb writes into an output, but for its presentation."""
    made: JSONObject = {
        "schema": SCHEMA,
        "record": record_json(record),
        "record_digest": output.digest,
        "invocation": invocation_json(invocation),
    }
    return made if output.index is None else made | {"picture": output.index}


def _check_document(shown: Shown, wanted: JSONObject, trouble: Trouble) -> None:
    """Nothing stands in the document that reading it passes over."""
    found = dict(shown.document) if isinstance(shown.document, dict) else {}
    texts = found.pop("presentation", {})
    if not isinstance(texts, dict) or set(texts) - _PRESENTATION or {type(text) for text in texts.values()} - {str}:
        trouble.drifted.append("the record's presentation is none that gemnb writes")
    if extra := set(found) ^ set(wanted):
        trouble.drifted.append(f"the record's document has other members than gemnb writes: {_listed(extra)}")
    elif found != wanted:
        differing = [key for key in wanted if found[key] != wanted[key]]
        trouble.drifted.append(f"the record's document holds more than gemnb writes, in {_listed(differing)}")


def _listed(names: set[str] | list[str]) -> str:
    return ", ".join(sorted(names))[:_LONG]


def _no_bytes(digest: str) -> bytes:
    raise CorruptEntry("An answer without pictures has no bytes to show.", why=digest)
