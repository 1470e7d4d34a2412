"""What differs from a lock is said cell by cell, with the field, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.canonical import request_digest, short
from gemnb.detach import text_part
from gemnb.lock import Pin, Source, drift, input_drift
from gemnb.model import Content, Request

if TYPE_CHECKING:
    from collections.abc import Callable


def digest(digit: str) -> str:
    """Return a digest of one hex digit."""
    return "sha256:" + digit * 64


PIN = Pin(
    notebook="n.ipynb", cell="hero", request=digest("1"), attempt=1, record=digest("2"), pictures=(digest("3"),)
)


def test_equal_pins_do_not_drift():
    """Nothing is said where nothing differs, in whatever order the cells stand."""
    other = replace(PIN, cell="evening")

    assert drift([PIN, other], [other, PIN]) == []


@pytest.mark.parametrize(
    ("change", "fields", "says"),
    [
        ({"request": digest("9"), "attempt": 2}, ("request",), "another request (111111111111 → 999999999999)"),
        (
            {"attempt": 2, "record": digest("9")},
            ("attempt",),
            "the lock has attempt 1 at the request, and the cell shows 2",
        ),
        (
            {"record": digest("9")},
            ("record",),
            "the same attempt at the same request has another record (222222222222 → 999999999999)",
        ),
        (
            {"record": digest("9"), "pictures": (digest("8"),)},
            ("record", "picture"),
            "another record (222222222222 → 999999999999); picture 333333333333 → 888888888888",
        ),
        (
            {"pictures": (digest("8"),)},
            ("picture",),
            "picture 333333333333 → 888888888888, though the record is the same: the lock was edited",
        ),
        (
            {"pictures": ()},
            ("picture",),
            "pictures 333333333333 → none, though the record is the same: the lock was edited",
        ),
    ],
)
def test_the_field_that_changed_is_named(change: dict[str, Any], fields: tuple[str, ...], says: str):
    """Each field of a pin has its words, and what follows from another field is not said twice."""
    (found,) = drift([PIN], [replace(PIN, **change)])

    assert (found.kind, found.notebook, found.where, found.fields) == ("changed", "n.ipynb", "cell hero", fields)
    assert found.says.endswith(says)


def test_which_picture_of_several():
    """Of an answer with several pictures the one that differs is counted."""
    two = replace(PIN, pictures=(digest("3"), digest("4")))
    (found,) = drift([two], [replace(two, pictures=(digest("3"), digest("5")))])

    assert found.says.startswith("picture 2 444444444444 → 555555555555,")


def request(prompt: str, model: str = "emulator/sketch-1", **config: Any) -> Request:
    """Return a request in words."""
    return Request(model=model, contents=(Content(role="user", parts=(text_part(prompt),)),), config=config)


def test_the_field_of_a_request_is_named_where_both_are_known():
    """With both requests at hand, model, options and the words of the prompt are told with both values."""
    old, new = request("a red cat"), request("a blue cat", "google/gemini-3-pro-image", aspect_ratio="16:9")
    known = {request_digest(one): one for one in (old, new)}
    one, other = replace(PIN, request=request_digest(old)), replace(PIN, request=request_digest(new))
    (found,) = drift([one], [other], known)
    (unknown,) = drift([one], [other], {request_digest(old): old})

    assert found.fields == ("request", "model", "aspect_ratio", "prompt")
    assert found.says == (
        "another request: model emulator/sketch-1 → google/gemini-3-pro-image; aspect_ratio unset → 16:9; "
        "prompt 'a red cat' → 'a blue cat'"
    )
    assert unknown.fields == ("request",)
    assert unknown.says == f"another request ({short(one.request)} → {short(other.request)})"


def test_what_came_and_what_went():
    """Answers in only one of the two are added or removed; a run's order comes first."""
    words = replace(PIN, cell="#4", occurrence=2, pictures=())
    found = drift([PIN], [words])

    assert [item.line() for item in found] == [
        "added: n.ipynb, code cell 4, answer 2: the answer 111111111111 in words, not in the lock so far",
        "removed: n.ipynb, cell hero: picture 333333333333, which is no longer shown there",
    ]


def test_a_cell_with_a_new_id_is_no_drift():
    """The same answer under another cell id is what the lock has; another answer there is not."""
    renamed = replace(PIN, cell="0")

    assert drift([PIN], [renamed]) == []
    assert [item.kind for item in drift([PIN], [replace(renamed, attempt=2)])] == ["added", "removed"]
    assert [item.kind for item in drift([PIN], [renamed, replace(PIN, cell="1")])] == ["added"]


def test_runs_with_parameters_are_told_apart():
    """A pin of a run with parameters is no pin of the notebook as it stands, and its line says so."""
    found = drift([PIN], [PIN, replace(PIN, parameters=digest("a"))])

    assert [item.line() for item in found] == [
        "added: n.ipynb with parameters aaaaaaaaaaaa, cell hero: picture 333333333333, not in the lock so far"
    ]


def test_inputs_are_told_with_both_digests():
    """An input that changed, came or went is one line each, and a glob names its files."""
    same = Source(notebook="n.ipynb", source="s.png", files=(("s.png", digest("1")),))
    old = Source(notebook="n.ipynb", source="a.png", files=(("a.png", digest("1")),))
    new = replace(old, files=(("a.png", digest("2")),))
    glob = Source(notebook="n.ipynb", source="*.jpg", files=(("1.jpg", digest("3")), ("2.jpg", digest("4"))))
    url = Source(notebook="n.ipynb", source="https://e.org/", files=(("https://e.org/", digest("5")),))

    assert [item.line() for item in input_drift([same, old, url], [same, new, glob])] == [
        "added: n.ipynb, input *.jpg: 1.jpg 333333333333, 2.jpg 444444444444",
        "changed: n.ipynb, input a.png: 111111111111 → 222222222222",
        "removed: n.ipynb, input https://e.org/: 555555555555",
    ]


def test_a_strangers_names_do_no_harm_on_a_terminal():
    """Control characters and line feeds in names are made visible or flat, and long ones are cut."""
    source = Source(notebook="n\n.ipynb", source="\x1b[31m" + "x" * 500, files=(("\u202e", digest("1")),))
    (found,) = input_drift([], [source])

    assert len(found.line()) < 200
    assert found.line().isprintable()


def test_the_lines_are_flat(many: Callable[[], list[Pin]]):
    """However many cells changed, each is one line, in the order of the run."""
    pins = many()
    found = drift(pins, [replace(pin, attempt=2) for pin in pins])

    assert [item.where for item in found] == [f"cell c{n}" for n in range(50)]
    assert all("\n" not in item.line() for item in found)


@pytest.fixture
def many() -> Callable[[], list[Pin]]:
    """Fifty pins of a notebook."""
    return lambda: [replace(PIN, cell=f"c{n}") for n in range(50)]
