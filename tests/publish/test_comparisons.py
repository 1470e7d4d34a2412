"""Comparisons on a page: sliders, and what composites say of their parts; a stranger may have written either."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.canonical import blob_digest
from gemnb.publish import FLAVORS, verify_published
from gemnb.publish.comparisons import Comparison, Known, composite_provenance, parse_comparison
from gemnb.publish.outside import COMPARE_MIMETYPE
from gemnb.publish.pictures import Provenance
from gemnb.publish.post import Card, Figure, Slider
from tests.publish.conftest import answer, code

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def compared(composite: bytes, *pictures: bytes, slider: bool = True, alt: str | None = None) -> dict[str, Any]:
    """Return the cell of a comparison with its output."""
    parts = [
        {"blob": blob_digest(one), "mime_type": "image/png", "label": f"<{n}>"} for n, one in enumerate(pictures)
    ]
    document = {"schema": 0, "pictures": parts, "slider": slider, "arrow": False, "presentation": {"alt": alt}}
    data = {"image/jpeg": base64.b64encode(composite).decode(), COMPARE_MIMETYPE: document}
    return code("%gemnb compare", {"output_type": "display_data", "data": data, "metadata": {}})


@pytest.fixture
def three(make_picture: Callable[..., bytes]) -> tuple[bytes, bytes, bytes]:
    """A composite, and the two pictures it is of."""
    return make_picture("JPEG", (90, 30)), make_picture("PNG", (60, 40)), make_picture("PNG", (61, 40))


@pytest.mark.parametrize("to", FLAVORS)
def test_a_slider_shows_the_two_pictures(
    asked: Any, write: Any, publish: Any, project: Path, three: tuple[bytes, ...], to: str
) -> None:
    """It uses the files of the figures above it, and no composite is made; the folder is consistent."""
    composite, cat, dog = three
    one = asked("%%gemimg cat --alt 'A cat'\nA cat", answer(cat))
    two = asked("%%gemimg dog --alt 'A dog'\nA dog", answer(dog))
    done = publish(write(one, two, compared(composite, cat, dog, alt='Cat "and" dog')), to)
    page = done.files[done.page].decode()

    assert isinstance(done.post.blocks[-1], Slider)
    assert len(done.made) == 2
    assert 'aria-label="Cat &quot;and&quot; dog"' in page
    assert 'alt="Before: A cat"' in page
    assert "Before: &lt;0&gt; · After: &lt;1&gt;" in page
    assert all(check.well for check in verify_published(project / "site" / done.folder))


def test_a_slider_without_its_pictures_is_its_composite(write: Any, publish: Any, three: tuple[bytes, ...]) -> None:
    """Where the originals are not kept, the composite of the notebook is shown in its place."""
    (figure,) = publish(write(compared(*three, alt="Both")), "html").post.figures()

    assert figure.source.original == blob_digest(three[0])
    assert figure.source.provenance.parts == (blob_digest(three[1]), blob_digest(three[2]))


def test_a_slider_of_a_withheld_picture_is_withheld(
    asked: Any, write: Any, publish: Any, three: tuple[bytes, ...]
) -> None:
    """Neither half is shown."""
    composite, cat, dog = three
    one = asked("%%gemimg cat --alt 'A cat' --publish false\nA cat", answer(cat), private=True)
    two = asked("%%gemimg dog --alt 'A dog'\nA dog", answer(dog))
    done = publish(write(one, two, compared(composite, cat, dog)), "html")

    assert isinstance(done.post.blocks[-1], Card)
    assert [figure.name for figure in done.post.figures()] == ["dog"]


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"pictures": "x"},
        {"pictures": [1]},
        {"pictures": [{"blob": "../../etc/passwd"}]},
        {"pictures": [{"blob": "sha256:" + "0" * 64}, {"blob": ["x"]}]},
    ],
)
def test_what_is_no_comparison_is_none(write: Any, publish: Any, three: tuple[bytes, ...], document: Any) -> None:
    """A document that is none compares nothing; its picture is shown as one of which nothing is known."""
    cell = compared(*three)
    cell["outputs"][0]["data"][COMPARE_MIMETYPE] = document
    (block,) = publish(write(cell), "hugo").post.blocks

    assert parse_comparison(document) is None
    assert isinstance(block, Figure)


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (("trainedAlgorithmicMedia", "trainedAlgorithmicMedia"), "trainedAlgorithmicMedia"),
        (("trainedAlgorithmicMedia", ""), "compositeWithTrainedAlgorithmicMedia"),
        (("compositeWithTrainedAlgorithmicMedia", "algorithmicMedia"), "compositeWithTrainedAlgorithmicMedia"),
        (("algorithmicMedia", "composite"), "composite"),
        (("", ""), ""),
    ],
)
def test_a_composite_has_a_source_type_of_its_parts(kinds: tuple[str, str], told: str) -> None:
    """Parts of one kind give that kind; a mixture with a model's picture says that it holds one."""
    said = {
        f"sha256:{n}": Provenance(system=f"S{n}", version="v", prompt=f"p{n}", source=kind, original=f"sha256:{n}")
        for n, kind in enumerate(kinds)
        if kind
    }
    known = Known(slug="x", said=said, figures={}, read=lambda _digest: None)
    parts = tuple((f"sha256:{n}", f"L{n}") for n in range(2))
    made = composite_provenance("sha256:9", None, Comparison(parts=parts, slider=False), known)

    assert made.source == told
    assert made.parts == ("sha256:0", "sha256:1")
    assert made.prompt == ("\n\n".join(f"L{n}: p{n}" for n, kind in enumerate(kinds) if kind) or None)
