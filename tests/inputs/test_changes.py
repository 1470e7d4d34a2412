"""A changed input is a miss that says which input changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gemnb.arrival import unpack
from gemnb.canonical import blob_digest
from gemnb.detach import text_part
from gemnb.errors import CacheMiss
from gemnb.inputs import changed_inputs, changes_since, earlier_invocation, explained
from gemnb.model import Binding, Content, Invocation, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.cache import Cache


def _file(source: str, data: str, value: str | None = None) -> Binding:
    return Binding(
        slot="-i", kind="file", source=source, value=value, blob=blob_digest(data.encode()), mime_type="image/png"
    )


STYLE = Binding(slot="-p style", kind="variable", source="style", value="ink")
HERO = Binding(slot="-e", kind="result", source="hero", request="sha256:" + "a" * 64, attempt=1)


def test_a_changed_file_is_named_with_both_digests():
    """A file with other bytes is named, with what it was and is; what is the same is not."""
    before = Invocation(bindings=(_file("a.png", "old"), _file("b.png", "same"), STYLE))
    (said,) = changed_inputs([_file("a.png", "new"), _file("b.png", "same"), replace(STYLE, value="oil")], before)
    assert said == (
        f"-i a.png has changed: it was {blob_digest(b'old')[7:19]}, and is {blob_digest(b'new')[7:19]} now."
    )


def test_files_that_come_and_go_in_a_glob_are_named():
    """Of a glob each file is compared by its name; new and missing ones are told."""
    before = Invocation(bindings=tuple(_file("*.png", name, name) for name in ("a.png", "b.png")))
    now = [_file("*.png", "other", "b.png"), _file("*.png", "c", "c.png")]
    changed, come, gone = changed_inputs(now, before)
    assert changed.startswith("-i b.png has changed")
    assert come == "-i *.png matches c.png, which it did not before."
    assert gone == "-i *.png no longer matches a.png."


def test_pixels_are_compared_by_themselves():
    """Of a picture without original bytes the pixels are compared, not the PNG that was made of them."""
    figure = Binding(slot="-i", kind="pixels", source="fig", value="sha256:" + "a" * 64, blob="sha256:" + "b" * 64)
    before = Invocation(bindings=(figure,))
    assert changed_inputs([replace(figure, blob="sha256:" + "c" * 64)], before) == []
    (said,) = changed_inputs([replace(figure, value="sha256:" + "d" * 64)], before)
    assert said == "-i fig has changed: it was aaaaaaaaaaaa, and is dddddddddddd now."


def test_another_earlier_result_is_named():
    """An edit that goes on from another answer, or attempt, says so."""
    (said,) = changed_inputs([replace(HERO, attempt=2)], Invocation(bindings=(HERO,)))
    assert said == "-e hero has changed: it was aaaaaaaaaaaa attempt 1, and is aaaaaaaaaaaa attempt 2 now."


@pytest.mark.parametrize("before", [(), (STYLE,), (_file("b.png", "old"),), (_file("a.png", "new"),)])
def test_what_is_new_or_the_same_has_not_changed(before: tuple[Binding, ...]):
    """A reference that was not there before, or stands for the same bytes, is no change."""
    assert changed_inputs([_file("a.png", "new")], Invocation(bindings=before)) == []


def test_a_long_reference_is_shortened():
    """A data: URL is not repeated in a message."""
    source = "data:," + "x" * 5000
    (said,) = changed_inputs([_file(source, "new")], Invocation(bindings=(_file(source, "old"),)))
    assert len(said) < 250


@pytest.fixture
def keep(cache: Cache) -> Callable[..., None]:
    """A keeper of an answer by prompt, time and invocation."""

    def keep(prompt: str, time: str, invocation: Invocation) -> None:
        request = Request(model="emulator/sketch-1", contents=(Content(role="user", parts=(text_part(prompt),)),))
        answer = {"candidates": [{"content": {"parts": [{"text": "no"}]}, "finishReason": "STOP"}]}
        record, blobs = unpack(request, json.dumps(answer).encode(), {"time": time})
        cache.keep(record, invocation, blobs)

    return keep


def test_the_latest_record_with_the_same_reference_is_compared(keep: Callable[..., None], cache: Cache):
    """Of the kept invocations with the same reference the latest counts, and one of the same cell before others."""
    now = Invocation(source="cell", bindings=(_file("a.png", "new"),))
    assert earlier_invocation(cache.store, now) is None
    assert changes_since(cache.store, now) == []
    early, late = (Invocation(source="other", bindings=(_file("a.png", data),)) for data in ("one", "two"))
    keep("x", "2026-02-02T00:00:00Z", late)
    keep("y", "2026-01-01T00:00:00Z", early)
    keep("z", "2026-03-03T00:00:00Z", Invocation(source="third", bindings=(_file("b.png", "three"),)))
    assert earlier_invocation(cache.store, now) == late
    own = Invocation(source="cell", bindings=(_file("a.png", "four"),))
    keep("w", "2025-01-01T00:00:00Z", own)
    assert earlier_invocation(cache.store, now) == own
    assert changes_since(cache.store, now)[0].startswith("-i a.png has changed")


def test_a_cell_without_inputs_reads_no_record(cache: Cache):
    """Where nothing can have changed nothing is read."""
    cache.store.put("records/ab/" + "ab" * 32 + "/1.json", b"damaged")
    assert earlier_invocation(cache.store, Invocation(source="cell", bindings=(STYLE,))) is None


def test_damaged_records_are_passed_over(keep: Callable[..., None], cache: Cache):
    """A damaged record neither fails the search nor is set aside by it."""
    key = "records/ab/" + "ab" * 32 + "/1.json"
    cache.store.put(key, b"damaged")
    keep("x", "2026-02-02T00:00:00Z", Invocation(bindings=(_file("a.png", "old"),)))
    assert len(changes_since(cache.store, Invocation(bindings=(_file("a.png", "new"),)))) == 1
    assert cache.store.get(key) == b"damaged"


def test_a_miss_is_explained_by_what_changed():
    """The reason of a miss is the input that changed; without one the miss stays as it is."""
    miss = CacheMiss("No answer is kept.", why="a reason", hint="a hint", digest="d")
    assert explained(miss, []) is miss
    told = explained(miss, ["-i a.png has changed.", "-i b.png has changed."])
    assert told.lines() == ["No answer is kept.", "-i a.png has changed. And 1 more.", "a hint"]
    assert told.evidence == {"digest": "d", "changed": ("-i a.png has changed.", "-i b.png has changed.")}
