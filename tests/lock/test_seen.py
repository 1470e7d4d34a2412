"""What a notebook's own records pin, and what it lacks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gemnb.canonical import blob_digest
from gemnb.errors import NotebookError
from gemnb.lock import Lock, Pin, Source, pins_of, see, updated
from gemnb.model import MIMETYPE, Binding
from gemnb.records import record_digest

Make = Callable[..., Any]
RED, BLUE = blob_digest(b"red"), blob_digest(b"blue")


def places(pins: tuple[Pin, ...]) -> list[tuple[str, int, int]]:
    """Return cell, occurrence and attempt of pins."""
    return [(pin.cell, pin.occurrence, pin.attempt) for pin in pins]


def bound(source: str, blob: str, kind: str = "file", value: str | None = None) -> Binding:
    """Return the binding of an input picture."""
    return Binding(slot="-i", kind=kind, source=source, value=value, blob=blob, mime_type="image/png")


def test_a_pin_holds_what_the_record_says(answer: Make, shown: Make, code: Make, read: Make):
    """Request, attempt, record and originals are those of the record that stands in the output."""
    cat = answer("a cat", attempt=2)
    (pin,) = pins_of(read(code("%%gemimg\na cat", shown(cat), name="hero")), "n.ipynb", "sha256:x")

    assert pin == Pin(
        notebook="n.ipynb",
        parameters="sha256:x",
        cell="hero",
        occurrence=1,
        request=cat.request_digest,
        attempt=2,
        record=record_digest(cat),
        pictures=(cat.pictures[0].original.blob,),
    )


def test_answers_of_a_cell_are_counted(answer: Make, shown: Make, code: Make, read: Make):
    """Samples, an answer with two pictures, the same answer again and one in words are told apart."""
    one, two = answer("a cat"), answer("a cat", sample=2)
    pair, words = answer("two cats", pictures=2), answer("no cat", pictures=0)
    cell = code("%%gemimg\na cat", *map(shown, (one, two, pair, pair, words, words, one)), name="a")
    pins = pins_of(read(cell), "n.ipynb")

    assert [pin.occurrence for pin in pins] == [1, 2, 3, 4, 5, 6, 7]
    assert [pin.record for pin in pins] == [record_digest(r) for r in (one, two, pair, pair, words, words, one)]
    assert [len(pin.pictures) for pin in pins] == [1, 1, 2, 2, 0, 0, 1]


@pytest.mark.parametrize(
    ("minor", "names", "wanted"),
    [
        (5, ("a", "b"), ["a", "b"]),
        (4, (None, None), ["#1", "#3"]),
        (4, ("a", "b"), ["#1", "#3"]),
        (5, ("a", "a"), ["#1", "#3"]),
        (5, ("a", None), ["a", "#3"]),
        (5, ("../../x", "\x1b[31m"), ["#1", "#3"]),
        (5, ("#3", "a"), ["#1", "a"]),
    ],
)
def test_cells_are_named_by_id_or_position(
    minor: int, names: tuple[Any, ...], wanted: list[str], answer: Make, shown: Make, code: Make, read: Make
):
    """A cell's id where the format has ids and this one is valid and its own; else which code cell it is."""
    prose = {"cell_type": "markdown", "metadata": {}, "source": "# A post"}
    first, second = (code("%%gemimg\na cat", shown(answer("a cat")), name=name) for name in names)
    cells = read(prose, first, prose, code("1"), second, minor=minor)

    assert [pin.cell for pin in pins_of(cells, "n.ipynb")] == wanted


def test_papermills_own_cells_do_not_count(answer: Make, shown: Make, code: Make, read: Make):
    """Positions are the same before and after papermill put cells in."""
    injected = code("style = 1", metadata={"tags": ["injected-parameters"]})
    cell = code("%%gemimg\na cat", shown(answer("a cat")))

    before = pins_of(read(code("style = 0"), cell, minor=4), "n.ipynb")
    assert places(before) == [("#2", 1, 1)]
    assert pins_of(read(code("style = 0"), injected, cell, minor=4), "n.ipynb") == before


def test_a_record_that_was_edited_is_not_pinned(answer: Make, shown: Make, code: Make, read: Make):
    """A record that does not agree with itself is an error that names notebook and cell."""
    output = copy.deepcopy(shown(answer("a cat")))
    output[0]["data"][MIMETYPE]["record"]["attempt"] = 2
    with pytest.raises(NotebookError, match=r"dir/n\.ipynb cell 2: its record cannot be pinned"):
        pins_of(read(code("1"), code("%%gemimg\na cat", output)), "dir/n.ipynb")


def test_an_absurd_attempt_is_not_pinned(answer: Make, shown: Make, code: Make, read: Make):
    """What no cache counts up to could not be read from the lock again."""
    with pytest.raises(NotebookError, match=r"n\.ipynb cell 1"):
        see(read(code("%%gemimg\na cat", shown(answer("a cat", attempt=10**15)))), "n.ipynb")


@pytest.mark.parametrize("document", [None, 1, "x", [], {}, {"schema": 99}, {"schema": 0, "record": {}}])
def test_a_foreign_document_is_an_error_of_ours(document: object, code: Make, read: Make):
    """Whatever stands in the place of a record ends in an error of gemnb."""
    output = {"output_type": "display_data", "data": {MIMETYPE: document}, "metadata": {}}
    with pytest.raises(NotebookError):
        see(read(code("%%gemimg\na cat", [output])), "n.ipynb")


def test_inputs_are_paths_globs_and_urls(answer: Make, shown: Make, code: Make, read: Make):
    """Files and URLs are pinned as the cell spells them, globs with their files in order; nothing else is."""
    url = "https://example.org/a.png"
    bindings = (
        bound("file:photo.png", RED),
        bound("shots/*.png", BLUE, value="shots/a2.png"),
        bound("shots/*.png", RED, value="shots/a10.png"),
        bound(url, BLUE, "url"),
        bound("var:x", RED, "variable"),
        bound("data:image/png;base64,AA", RED, "data"),
        Binding(slot="-p style", kind="literal", source="ink", value="ink"),
    )
    seen = see(read(code("%%gemimg\na cat", shown(answer("a cat"), *bindings))), "n.ipynb")

    assert seen.sources == (
        Source(notebook="n.ipynb", source=url, files=((url, BLUE),)),
        Source(notebook="n.ipynb", source="photo.png", files=(("photo.png", RED),)),
        Source(notebook="n.ipynb", source="shots/*.png", files=(("shots/a2.png", BLUE), ("shots/a10.png", RED))),
    )
    assert seen.unclear == ()


def test_a_path_that_was_two_pictures_is_not_pinned(answer: Make, shown: Make, code: Make, read: Make):
    """A file that was overwritten between two cells cannot stand for either; it is named, and the rest is pinned."""
    cells = read(
        code("%%gemimg\na cat", shown(answer("a cat"), bound("a.png", RED), bound("b.png", RED))),
        code("%%gemimg\na dog", shown(answer("a dog"), bound("a.png", BLUE), bound("b.png", RED))),
    )
    seen = see(cells, "n.ipynb")

    assert [source.source for source in seen.sources] == ["b.png"]
    assert seen.unclear == ("a.png",)
    assert len(seen.pins) == 2


@pytest.mark.parametrize(
    ("source", "answers", "says"),
    [
        ("%%gemimg\na cat", 1, ()),
        ("%%gemimg\na cat", 0, ("cell 1 shows no picture with a record; run the notebook and save it",)),
        ("%%gemimg cat -q\na cat", 0, ()),
        ("%%gemimg --dry-run\na cat", 0, ()),
        ("%%gemimg -h\na cat", 0, ()),
        ("%%gemimg -n 3\na cat", 2, ("cell 1 asks for 3 samples, and shows 2",)),
        ("%%gemimg -n 2\na cat", 2, ()),
        ("%%gemimg -n $count\na cat", 1, ()),
        ("%%gemimg -n ٣\na cat", 1, ()),
        ("%%gemimg -n " + "9" * 5000 + "\na cat", 1, ()),
        ("1 + 1", 0, ()),
    ],
)
def test_what_lacks_its_picture_is_named(
    source: str, answers: int, says: tuple[str, ...], answer: Make, shown: Make, code: Make, read: Make
):
    """A cell that should show pictures and does not is named; one that shows nothing by its nature is not."""
    cells = read(code(source, *(shown(answer("a cat", sample=n + 1)) for n in range(answers))))

    assert see(cells, "n.ipynb").lacking == says


def test_a_cell_that_failed_is_named(code: Make, read: Make):
    """An error below a cell, and a cell that cannot be read at all, are told with the reason."""
    error = {"output_type": "error", "ename": "Refused", "evalue": "no", "traceback": []}
    cells = read(code("%%gemimg\na cat", [error]), code("%%gemimg --aspekt 1:1\na cat"))
    first, second = see(cells, "n.ipynb").lacking

    assert first == "cell 1 stopped with Refused"
    assert second.startswith("cell 2 cannot run as it stands: ")
    assert "aspekt" in second


def test_a_cell_that_may_fail_lacks_nothing(code: Make, read: Make):
    """An error below a cell tagged `raises-exception` stops no lock."""
    error = {"output_type": "error", "ename": "Refused", "evalue": "no", "traceback": []}
    cells = read(code("%%gemimg --aspekt 1:1\na cat", [error], metadata={"tags": ["raises-exception"]}))

    assert see(cells, "n.ipynb").lacking == ()


def test_what_was_seen_takes_the_place_of_what_was(answer: Make, shown: Make, code: Make, read: Make):
    """Entries of these notebooks are replaced, those of other notebooks and parameters stay, those of none go."""
    cat, dog = shown(answer("a cat"), bound("a.png", RED)), shown(answer("a dog"))
    runs = [("a.ipynb", ""), ("a.ipynb", "sha256:" + "1" * 64), ("b.ipynb", ""), ("gone.ipynb", "")]
    lock = updated(Lock(), [see(read(code("%%gemimg\na cat", cat, name="x")), *run) for run in runs])
    seen = see(read(code("%%gemimg\na dog", dog, name="y")), "a.ipynb")
    new = updated(lock, [seen], lambda name: name == "gone.ipynb")

    assert [(pin.notebook, pin.parameters[:8], pin.cell) for pin in new.pins] == [
        ("a.ipynb", "", "y"),
        ("a.ipynb", "sha256:1", "x"),
        ("b.ipynb", "", "x"),
    ]
    assert [(source.notebook, source.parameters[:8]) for source in new.sources] == [
        ("a.ipynb", "sha256:1"),
        ("b.ipynb", ""),
    ]
    assert updated(new, [seen]) == new
