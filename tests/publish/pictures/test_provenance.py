"""The XMP packet of a published copy: its fields, and what becomes of text that XML cannot hold."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemnb.publish.pictures import Provenance, xml_holds, xmp_packet

if TYPE_CHECKING:
    from collections.abc import Iterator

EXT = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
CORE = "{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}"
MM = "{http://ns.adobe.com/xap/1.0/mm/}"
GOLDEN = Path(__file__).parents[2] / "golden" / "provenance.xmp"


def fields(packet: bytes) -> dict[str, str]:
    """Return the properties of a packet: name to text."""
    root = ET.fromstring(packet.decode("utf-8").strip("\ufeff"))
    return {child.tag: "".join(child.itertext()) for child in root[0][0]}


def texts() -> st.SearchStrategy[str]:
    """Return any text at all, lone surrogates and control characters included."""
    return st.text(st.characters(exclude_categories=()))


def test_the_packet_is_as_it_was(provenance: Provenance):
    """The packet's bytes are those of the golden file: another gemnb writes no other metadata unnoticed."""
    prompt = "  - a <cat> & a {{< dog >}}\r\n\ttwo ]]> lines "
    made = xmp_packet(replace(provenance, prompt=prompt, alt='A "cat"', writer="N. N."))
    if os.environ.get("GEMNB_REGOLD") == "1":
        GOLDEN.write_bytes(made)
    assert made == GOLDEN.read_bytes()


def test_every_field_stands_under_its_name(provenance: Provenance):
    """Each thing that is said stands in the field that IPTC and XMP have for it."""
    found = fields(xmp_packet(replace(provenance, writer="N. N.")))
    assert found == {
        f"{EXT}DigitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
        f"{EXT}AISystemUsed": "Google Gemini",
        f"{EXT}AISystemVersionUsed": "gemini-3-pro-image",
        f"{EXT}AIPromptInformation": "A cat",
        f"{EXT}AIPromptWriterName": "N. N.",
        f"{CORE}AltTextAccessibility": "A cat on a mat",
        f"{MM}DerivedFrom": "sha256:" + "ab" * 32,
    }


def test_what_is_not_known_is_not_said(provenance: Provenance):
    """A withheld prompt, no system, no source type and no alternative text leave no fields behind."""
    bare = replace(provenance, system="", version="", prompt=None, source="", alt=None)
    assert list(fields(xmp_packet(bare))) == [f"{MM}DerivedFrom"]


def test_a_composite_names_all_its_originals(provenance: Provenance):
    """A picture made of several names the digest of each as an ingredient."""
    digests = ["sha256:" + digit * 64 for digit in "123"]
    root = ET.fromstring(xmp_packet(replace(provenance, original=" ".join(digests))).decode().strip("\ufeff"))
    bag = root[0][0].find(f"{MM}Ingredients")
    assert bag is not None
    assert ["".join(item.itertext()) for item in bag[0]] == digests


@given(prompt=texts(), alt=texts(), system=texts())
def test_any_text_reads_back(prompt: str, alt: str, system: str):
    """Whatever a prompt holds, the packet is well-formed and gives it back, to the characters that XML has."""
    made = Provenance(system=system, version="", prompt=prompt, source="", original="sha256:0", alt=alt)
    found = fields(xmp_packet(made))
    for name, text in ((f"{EXT}AIPromptInformation", prompt), (f"{EXT}AISystemUsed", system)):
        assert found.get(name, "") == xml_holds(text)
    assert found.get(f"{CORE}AltTextAccessibility", "") == xml_holds(alt)


@given(texts())
def test_only_what_xml_lacks_is_replaced(text: str):
    """Each character stays, or becomes one U+FFFD where XML has no place for it."""

    def expected() -> Iterator[str]:
        for character in text:
            code = ord(character)
            lacks = (
                (code < 0x20 and character not in "\t\n\r") or 0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF)
            )
            yield "\ufffd" if lacks else character

    assert xml_holds(text) == "".join(expected())


@pytest.mark.parametrize("text", ["a\rb", "a\r\nb", " a ", "\n\n", "]]>", "&#13;", "<!--", "\x7f\x85\u2028"])
def test_awkward_text_stays_exactly(provenance: Provenance, text: str):
    """Line ends of every kind, space at the edges and marks of XML read back to the character."""
    assert fields(xmp_packet(replace(provenance, prompt=text)))[f"{EXT}AIPromptInformation"] == text
