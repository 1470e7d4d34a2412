"""Originals are copied, never touched: what was signed stays signed, and copies claim nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gemnb.canonical import blob_digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.publish import Publication


def test_a_published_original_keeps_its_content_credentials(
    make_picture: Callable[..., bytes],
    with_credentials: Callable[[bytes], bytes],
    metadata: Callable[[bytes], dict[str, Any]],
    asked: Callable[..., dict[str, Any]],
    write: Callable[..., Path],
    publish: Callable[..., Publication],
    answered: Callable[..., bytes],
):
    """The original beside the page is the one received, byte for byte; each copy holds none and names it."""
    original = with_credentials(make_picture("PNG", (900, 600)))
    cell = asked("%%gemimg cat --alt 'A cat'\nA red cat, {{< as >}} it was & is", answered(original))
    published = publish(write(cell), "html", originals=True)

    files = {path.name: data for path, data in published.files.items()}
    assert original in files.values()
    copies = [data for name, data in files.items() if name.endswith(".webp")]
    assert len(copies) >= 2
    for data in copies:
        assert not any(mark in data for mark in (b"jumb", b"caBX", b"C2PA"))
        found = metadata(data)
        assert found["XMP-xmpMM:DerivedFrom"] == {"DocumentID": blob_digest(original)}
        assert found["XMP-iptcExt:AIPromptInformation"] == "A red cat, {{< as >}} it was & is"
        assert str(found["XMP-iptcExt:DigitalSourceType"]).endswith("/algorithmicMedia")
        assert found["XMP-iptcCore:AltTextAccessibility"] == "A cat"
