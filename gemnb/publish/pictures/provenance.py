"""What a published copy says of itself: the fields of IPTC Photo Metadata 2025.1, as an XMP packet. Pure.

Field names: IPTC Photo Metadata Standard 2025.1 (`Iptc4xmpExt:AISystemUsed` and its siblings, `DigitalSourceType`;
`Iptc4xmpCore:AltTextAccessibility`). The original is named by `xmpMM:DerivedFrom` (XMP specification, part 2, §2.5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
"""IPTC's vocabulary of digital source types; a term is this and its name."""

_NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
}

# What is no character of XML 1.0 (§2.2): C0 but tab, LF and CR; surrogates; U+FFFE and U+FFFF.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What is written into a published copy.

    Attributes:
        system: The generating system: `Google Gemini`, `gemnb emulator`, …; empty where none made it.
        version: Model id, and the version where the answer says one; may be empty.
        prompt: The prompt, exactly; None withholds it.
        source: Term of IPTC's vocabulary of digital source types, without its address:
            `trainedAlgorithmicMedia` (a model made it), `compositeWithTrainedAlgorithmicMedia` (a model edited
            what no model made), `algorithmicMedia` (drawn by a program, no trained model: the emulator), `composite`
            (the emulator's drawing round a foreign picture); empty where it is not generated, or not known.
        original: Digest `sha256:…` of the original; several, separated by spaces, for a composite of several.
        alt: Alternative text; None where there is none.
        writer: Who wrote the prompt; written only where given.
        parts: Digests of the pictures that the original was put together from; none where it was made whole.
    """

    system: str
    version: str
    prompt: str | None
    source: str
    original: str
    alt: str | None = None
    writer: str | None = None
    parts: tuple[str, ...] = ()


def xml_holds(text: str) -> str:
    """Return a text as XML can hold it: characters that are none of XML 1.0 become U+FFFD each.

    These are control characters but tab, LF and CR, lone surrogates, U+FFFE and U+FFFF; XML has no escape for them.
    Everything else stays exactly, so a prompt read from a published copy equals `xml_holds` of the record's.
    """
    return _NOT_XML.sub("\ufffd", text)


def xmp_packet(provenance: Provenance, *, leave_out: tuple[str, ...] = (), extended: str = "") -> bytes:
    """Return the XMP packet, UTF-8 and without padding; the same provenance gives the same bytes.

    Args:
        provenance: What it says.
        leave_out: Names of fields that stand elsewhere (a JPEG's second packet).
        extended: The MD5 of that second packet, where there is one.
    """
    return _packet([row for name, row in _rows(provenance) if name not in leave_out], extended)


def prompt_packet(provenance: Provenance) -> bytes:
    """Return a packet of the prompt alone: the second one of a JPEG whose prompt is too long for one segment."""
    return _packet([row for name, row in _rows(provenance) if name == "prompt"], "", wrapped=False)


def _rows(provenance: Provenance) -> list[tuple[str, str]]:
    fields = [
        ("source", "Iptc4xmpExt:DigitalSourceType", provenance.source and SOURCE_TYPES + provenance.source),
        ("system", "Iptc4xmpExt:AISystemUsed", provenance.system),
        ("version", "Iptc4xmpExt:AISystemVersionUsed", provenance.version),
        ("prompt", "Iptc4xmpExt:AIPromptInformation", provenance.prompt),
        ("writer", "Iptc4xmpExt:AIPromptWriterName", provenance.writer),
    ]
    rows = [(name, f"<{tag}>{_text(value)}</{tag}>") for name, tag, value in fields if value]
    if provenance.alt:
        # A language alternative (XMP, part 1, §8.2.2.4); gemnb does not know the language.
        inner = f'<rdf:Alt><rdf:li xml:lang="x-default">{_text(provenance.alt)}</rdf:li></rdf:Alt>'
        rows.append(("alt", f"<Iptc4xmpCore:AltTextAccessibility>{inner}</Iptc4xmpCore:AltTextAccessibility>"))
    rows.append(("original", _derived(provenance.original.split())))
    return [*rows, ("parts", _ingredients(provenance.parts))] if provenance.parts else rows


def _derived(originals: list[str]) -> str:
    if len(originals) == 1:
        return f'<xmpMM:DerivedFrom rdf:parseType="Resource">{_named(originals[0])}</xmpMM:DerivedFrom>'
    return _ingredients(originals)


def _ingredients(digests: Iterable[str]) -> str:
    inner = "".join(f'<rdf:li rdf:parseType="Resource">{_named(digest)}</rdf:li>' for digest in digests)
    return f"<xmpMM:Ingredients><rdf:Bag>{inner}</rdf:Bag></xmpMM:Ingredients>"


def _named(digest: str) -> str:
    return f"<stRef:documentID>{_text(digest)}</stRef:documentID>"


def _packet(rows: list[str], extended: str, *, wrapped: bool = True) -> bytes:
    if extended:
        rows = [*rows, f"<xmpNote:HasExtendedXMP>{extended}</xmpNote:HasExtendedXMP>"]
    body = "".join(f"\n{row}" for row in rows)
    used = [f'xmlns:{name}="{uri}"' for name, uri in _NAMESPACES.items() if name == "rdf" or f"<{name}:" in body]
    text = (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {used[0]}><rdf:Description rdf:about="" {" ".join(used[1:])}>'
        f"{body}\n</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    if wrapped:
        text = f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n{text}\n<?xpacket end="r"?>'
    return text.encode()


def _text(text: str) -> str:
    # A bare CR would be read as LF (XML 1.0, §2.11).
    return escape(xml_holds(text), {"\r": "&#13;"})
