"""What differs between two requests, and which kept one is nearest to one that was missed."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemnb.cache import Kept
from gemnb.canonical import request_digest
from gemnb.detach import image_part, pixels_part, text_part
from gemnb.inventory.differences import differences, first_change, names_of, word_diff
from gemnb.inventory.lines import WIDTH, difference_lines, prompt_lines
from gemnb.inventory.nearest import nearest_kept
from gemnb.model import Binding, Content, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.cache import Cache


@pytest.mark.parametrize(
    ("change", "field", "old", "new"),
    [
        ({"model": "google/x"}, "model", "emulator/sketch-1", "google/x"),
        ({"aspect_ratio": "1:1"}, "aspect_ratio", "unset", "1:1"),
        ({"seed": 7}, "seed", "unset", "7"),
        ({"sample": 2}, "sample", "1", "2"),
        ({"image": b"x"}, "input picture 1", "none", "2d711642b726"),
        ({"prompt": "a dog"}, "prompt", "a cat", "a dog"),
    ],
)
def test_each_field_is_named_with_both_values(ask: Callable, change: dict, field: str, old: str, new: str):
    """One change is one difference, with what it was and what it became."""
    (found,) = differences(ask("a cat"), ask(**({"prompt": "a cat"} | change)))

    assert (found.field, found.old, found.new) == (field, old, new)


def test_equal_requests_do_not_differ(ask: Callable):
    """A request differs in nothing from itself."""
    assert differences(ask("a cat", seed=1), ask("a cat", seed=1)) == ()


def asked_with(*parts: Any) -> Request:
    """A request with these input pictures."""
    return Request(model="m", contents=(Content(role="user", parts=(*parts, text_part("a cat"))),))


def blob(letter: str) -> Any:
    """The part of a picture whose digest is this letter, repeated."""
    return image_part("sha256:" + letter * 64, "image/png")


def test_pixels_are_named_as_pictures_are():
    """An array that is another is a difference of its own, beside others, and so is bytes in the place of pixels."""
    one, other = (pixels_part("sha256:" + letter * 64) for letter in "ab")
    wide = replace(asked_with(other), config={"aspect_ratio": "16:9"})

    assert [(d.field, d.old, d.new) for d in differences(asked_with(one), wide)] == [
        ("aspect_ratio", "unset", "16:9"),
        ("input picture 1", "pixels " + "a" * 12, "pixels " + "b" * 12),
    ]
    assert differences(asked_with(one), asked_with(blob("a")))[0].new == "a" * 12


def test_each_input_picture_that_is_another_is_named_as_its_cell_calls_it():
    """Of several changed pictures all are told, each whole, with the name it has in its own cell."""
    old, new = asked_with(*map(blob, "abc")), asked_with(*map(blob, "def"))
    names = tuple(
        names_of(
            Binding(slot="-i", kind="file", source=f"{letter}.png", blob="sha256:" + letter * 64)
            for letter in letters
        )
        for letters in ("abc", "def")
    )

    assert difference_lines(differences(old, new, names)) == [
        f"  input picture {number}  {a * 12} ({a}.png) → {b * 12} ({b}.png)"
        for number, (a, b) in enumerate(zip("abc", "def", strict=True), 1)
    ]


def test_names_are_those_of_globs_files_and_of_pixels():
    """A file of a glob goes by its own name, pixels by their variable; what has no bytes has no name."""
    bindings = [
        Binding(slot="-i", kind="file", source="*.png", value="a.png", blob="sha256:a"),
        Binding(slot="-i", kind="pixels", source="arr", value="sha256:p", blob="sha256:png"),
        Binding(slot="-p style", kind="literal", source="ink", value="ink"),
    ]

    assert names_of(bindings) == {"sha256:a": "a.png", "sha256:p": "arr"}


def test_pictures_in_another_order_are_told_to_have_moved():
    """Two pictures that changed places are each told where they stood."""
    found = differences(asked_with(*map(blob, "abc")), asked_with(*map(blob, "bac")))

    assert [(d.field, d.new) for d in found] == [
        ("input picture 1", "b" * 12 + ", which was picture 2"),
        ("input picture 2", "a" * 12 + ", which was picture 1"),
    ]


def test_a_picture_that_is_given_once_more_has_not_moved():
    """A further copy of a picture that stands where it stood is told as one that came."""
    found = differences(asked_with(blob("a")), asked_with(blob("a"), blob("a")))

    assert [(d.field, d.old, d.new) for d in found] == [("input picture 2", "none", "a" * 12)]


def test_many_pictures_and_long_names_are_told_in_bounded_lines():
    """A stranger's request with hundreds of pictures, named at length and obscenely, is told in short plain lines."""
    old = asked_with(*(blob(f"{n:x}"[-1]) for n in range(400)))
    name = "\x1b[31m" + "x" * 5000
    lines = difference_lines(differences(old, asked_with(), ({"sha256:" + "a" * 64: name}, {})))

    assert len(lines) < 40
    assert "384 more" in lines[-1]
    assert all(len(line) <= WIDTH and line.isprintable() for line in lines)


def test_the_nearest_looks_at_pixels(keep: Callable, cache: Cache):
    """Of two kept answers to the same words, the one that was asked with the same pixels is nearest."""
    base = keep("a cat")
    one, other = (pixels_part("sha256:" + letter * 64) for letter in "ab")
    kept = []
    for part in (one, other):
        request = asked_with(part)
        record = replace(base.record, request=request, request_digest=request_digest(request))
        kept.append(Kept(record=record, invocation=base.invocation))
    for part, expected in zip((one, other), kept, strict=True):
        near = nearest_kept(replace(asked_with(part), config={"seed": 1}), kept)
        assert near is not None
        assert near.kept == expected
        assert [item.field for item in near.differences] == ["seed"]


def test_another_earlier_turn_is_named(ask: Callable):
    """Where a conversation goes on from another answer, the first turn that is another is told."""
    turn = ask("before").contents[0]
    edit = ask("a hat")
    one = replace(edit, contents=(turn, *edit.contents))
    (found,) = differences(edit, one)

    assert (found.field, found.old, found.new) == ("earlier turns", "0", "1 (turn 1 is another)")


def test_prompts_are_compared_word_by_word():
    """Words that went and words that came are marked, with some words around them."""
    assert word_diff("a red cat in a hat", "a blue cat in a hat") == "a [-red-]{+blue+} cat in a hat"
    assert word_diff("a cat", "a cat asleep") == "a cat{+ asleep+}"
    assert word_diff("a  cat", "a cat") == "a[-'  '-]{+' '+}cat"
    long = "one two three four five six seven eight nine ten "
    assert word_diff(long + "red", long + "blue") == "… seven eight nine ten [-red-]{+blue+}"


@given(st.text("ab \n", max_size=60), st.text("ab \n", max_size=60))
def test_a_word_diff_holds_every_change(old: str, new: str):
    """Two texts that differ are never shown as equal, and equal ones never as changed."""
    marked = any(mark in word_diff(old, new) for mark in ("[-", "{+"))

    assert marked == (old != new)


def test_very_long_prompts_are_compared_in_bounded_time():
    """Texts of a hundred thousand words with everything changed are answered at once."""
    start = time.process_time()
    said = word_diff("a " * 100_000, "b " * 100_000)

    assert "too many to set side by side" in said
    assert time.process_time() - start < 5
    assert word_diff("a " * 100_000 + "x", "a " * 100_000 + "y").endswith("a a [-x-]{+y+}")


def test_the_first_change_is_quoted_with_what_stands_around_it():
    """An edit far inside a long text is shown with its surroundings."""
    old, new = first_change("x" * 50 + "A" + "y" * 50, "x" * 50 + "B" + "y" * 50)

    assert old == repr("…" + "x" * 24 + "A" + "y" * 23 + "…")
    assert new == repr("…" + "x" * 24 + "B" + "y" * 23 + "…")


def test_lines_of_differences_fit(ask: Callable):
    """Long values and prompts are shown by their first change, within 100 columns."""
    old = ask("cat " * 200, system_instruction="Be terse. " * 30, seed=1)
    new = ask("cat " * 150 + "dog " * 50, system_instruction="Be terse. " * 29 + "Now.", seed=2)
    lines = [*difference_lines(differences(old, new)), *prompt_lines("cat " * 200, "dog " * 200)]

    assert "  seed             1 → 2" in lines
    assert max(map(len, lines)) <= WIDTH


def test_the_nearest_is_the_one_with_the_smallest_change(ask: Callable, keep: Callable):
    """An edited prompt is nearer than a wholly other one; an option is a smaller change than another prompt."""
    near = keep("a red cat in a green hat", aspect_ratio="1:1")
    far = keep("an oil painting of the harbour", aspect_ratio="1:1")
    kept = [far, near]

    edited = nearest_kept(ask("a blue cat in a green hat", aspect_ratio="1:1"), kept)
    option = nearest_kept(ask("an oil painting of the harbour", aspect_ratio="16:9", seed=1), kept)
    assert edited is not None
    assert option is not None
    assert edited.kept == near
    assert [item.field for item in edited.differences] == ["prompt"]
    assert option.kept == far
    assert [item.field for item in option.differences] == ["aspect_ratio", "seed"]


def test_the_nearest_does_not_hang_on_the_order_of_the_records(ask: Callable, keep: Callable):
    """Shuffled records give the same nearest, equally near ones included, and the latest attempt of it."""
    kept = [keep(f"a cat number {number}") for number in range(12)] + [keep("a cat number 3")]
    found = set()
    for seed in range(5):
        random.Random(seed).shuffle(kept)
        near = nearest_kept(ask("a cat number x"), kept)
        found.add((near.kept.record.request_digest, near.kept.record.attempt))

    assert len(found) == 1


def test_nothing_kept_has_no_nearest(ask: Callable):
    """An empty cache has nothing to name."""
    assert nearest_kept(ask("a cat"), []) is None


def test_a_thousand_records_are_compared_in_bounded_time(ask: Callable, keep: Callable):
    """Long prompts that share their words cost no more than a moment."""
    base = keep("x")
    words = [f"word{n}" for n in range(400)]
    kept = []
    for number in range(1000):
        random.Random(number).shuffle(words)
        record = replace(base.record, request=ask(" ".join(words)), request_digest=f"sha256:{number:064x}")
        kept.append(Kept(record=record, invocation=base.invocation))
    start = time.process_time()

    assert nearest_kept(ask(" ".join(sorted(words))), kept) is not None
    assert time.process_time() - start < 5
