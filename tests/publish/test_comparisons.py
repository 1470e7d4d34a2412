"""Comparisons on a page: sliders, and what composites say of their parts; a stranger may have written either."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.canonical import blob_digest, short
from gemnb.model import MIMETYPE, Content
from gemnb.publish import FLAVORS, verify_published
from gemnb.publish.comparisons import Comparison, Known, composite_provenance, parse_comparison
from gemnb.publish.outside import COMPARE_MIMETYPE
from gemnb.publish.pictures import Provenance
from gemnb.publish.post import Card, Figure, Slider
from tests.publish.conftest import answer, code, tree

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


def turns(cell: dict[str, Any]) -> tuple[Content, ...]:
    """Return the turns that an edit of this cell's picture goes on from."""
    record = cell["outputs"][0]["data"][MIMETYPE]["record"]
    said = [*record["request"]["contents"], record["response"]["candidates"][0]["content"]]
    return tuple(Content(role=turn["role"], parts=tuple(turn["parts"])) for turn in said)


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


def test_an_edit_says_what_it_goes_on_from(asked: Any, write: Any, publish: Any, make_picture: Any) -> None:
    """The model's picture is named as that, and is no input picture; the command to reproduce it is said."""
    first, edit = make_picture("PNG", (60, 40)), make_picture("PNG", (60, 41))
    one = asked("%%gemimg a --alt 'A cat'\nA cat", answer(first))
    two = asked("%%gemimg b -e a --alt 'A hat'\nA hat", answer(edit), earlier=turns(one))
    done = publish(write(one, two, name="my post.ipynb"), "markdown")
    page = done.files[done.page].decode()

    assert f"<li>Goes on from: picture <code>{short(blob_digest(first))}</code></li>" in page
    assert "Input pictures" not in page
    assert (
        page.count("<li>Command: <code>gemnb reproduce &#39;my post.ipynb&#39;</code></li>")
        + page.count("<li>Command: <code>gemnb reproduce &#x27;my post.ipynb&#x27;</code></li>")
        == 2
    )


@pytest.mark.parametrize("slider", [True, False])
@pytest.mark.parametrize("to", FLAVORS)
def test_a_comparison_with_what_goes_on_from_a_withheld_picture_is_withheld(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any, to: str, *, slider: bool
) -> None:
    """Of an edit of a withheld picture, or an edit of that one, nothing is published through a comparison."""
    first, hidden, edit, again, composite = (make_picture("PNG", (60, 40 + n)) for n in range(5))
    one = asked("%%gemimg a --alt 'A cat'\nA cat", answer(first))
    two = asked("%%gemimg b -e a --publish false\nSecret words", answer(hidden), private=True, earlier=turns(one))
    three = asked("%%gemimg c --alt x -e b\nPoster words", answer(edit), earlier=turns(two))
    four = asked("%%gemimg d --alt x -e c\nLater words", answer(again), earlier=turns(three))
    cells = [compared(composite, *pair, slider=slider, alt="x") for pair in ((first, edit), (again, first))]
    # Above as well as below: what is hidden does not depend on the order of cells.
    done = publish(write(cells[0], one, two, three, four, *cells), to)
    page, files = done.files[done.page].decode(), tree(project / "site")

    assert [figure.name for figure in done.post.figures()] == ["a"]
    assert page.count("Withheld by the author") == 6
    assert page.count("publish: false") == page.count("publish&#58; false") + 1 == 1
    assert page.count("It goes on from a withheld picture.") == 2
    assert page.count("It shows a withheld picture.") == 3
    for secret in (
        b"Secret words",
        b"Poster words",
        b"Later words",
        *(blob_digest(x).encode() for x in (hidden, edit)),
    ):
        assert not [name for name, data in files.items() if secret in data]


def test_a_comparison_without_an_alternative_text_has_its_labels(
    write: Any, publish: Any, three: tuple[bytes, ...]
) -> None:
    """They stand in for it on the page, and it is told as lacking all the same."""
    done = publish(write(compared(*three, slider=False)), "html")

    assert 'alt="&lt;0&gt; | &lt;1&gt;"' in done.files[done.page].decode()
    assert [remark.text[-23:] for remark in done.remarks if remark.strict] == ["has no alternative text"]


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
