"""One ask, whatever face it comes from: law 3 as a property, samples side by side, and what an interrupt leaves."""

from __future__ import annotations

import base64
import json
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.arrival import unpack
from gemnb.backends import Reply
from gemnb.cache import Cache, DirectoryStore, Flights
from gemnb.cell import Cell
from gemnb.client import Client
from gemnb.errors import NoPicture, Refused, Unavailable
from gemnb.inputs import Resolved
from gemnb.mime import bundle
from gemnb.model import Embed, Mode, Presentation
from gemnb.session import Ask, ask, outcome_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.model import Request
    from gemnb.result import Result


class Drawing:
    """A backend that answers with pictures it is given, and counts."""

    def __init__(self, pictures: tuple[bytes, ...]) -> None:
        self.pictures = pictures
        self.asked: list[Request] = []
        self.gate = threading.Event()
        self.gate.set()

    def generate(self, request: Request, blob: Callable[[str], bytes]) -> Reply:
        """Answer once the gate is open."""
        self.asked.append(request)
        self.gate.wait(10)
        data = [base64.b64encode(picture).decode() for picture in self.pictures]
        parts = [{"inlineData": {"mimeType": "image/png", "data": item}} for item in data]
        answer = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
        return Reply(body=json.dumps(answer).encode(), host="here", client="test 1")


def client(folder: Path, backend: object) -> Client:
    """Return a client over a folder and this backend."""
    return Client(
        cache=Cache(DirectoryStore(folder / "cache")),
        flights=lambda: Flights(folder / "claims"),
        backend=lambda _vendor: backend,
        unpack=unpack,
    )


def wanted(prompt: str = "A cat", mode: Mode = Mode.AUTO, options: tuple = (), **presentation: object) -> Ask:
    """Return an ask of this prompt."""
    cell = Cell(prompt=prompt, options=(("model", "emulator/sketch-1"), *options))
    return Ask(
        cell=cell,
        source=None,
        defaults=None,
        resolved=Resolved(),
        mode=mode,
        presentation=Presentation(**presentation),
    )


def bundles(result: Result) -> list[object]:
    """Return everything the result leaves in a notebook."""
    return [
        bundle(record, index, result.presentation, result.invocation, result.blob)
        for record in result.records
        for index in range(len(record.pictures))
    ]


SMALL_AND_BIG = [((40, 30), False), ((600, 500), True)]


@cache
def drawn() -> tuple[bytes, ...]:
    """Return a picture that stands in the notebook itself, and one that needs a preview."""
    import io

    from PIL import Image

    found = []
    for size, noise in SMALL_AND_BIG:
        buffer = io.BytesIO()
        image = Image.effect_noise(size, 90).convert("RGB") if noise else Image.new("RGB", size)
        image.save(buffer, "PNG")
        found.append(buffer.getvalue())
    return tuple(found)


@settings(max_examples=25, deadline=None)
@given(
    prompt=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip),
    alt=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    embed=st.sampled_from(Embed),
    samples=st.integers(1, 3),
)
def test_hit_and_miss_leave_the_same_bytes(prompt: str, alt: str | None, embed: Embed, samples: int) -> None:
    """For any prompt, alternative text, embedding and number of samples, a hit shows what the miss showed (law 3)."""
    with tempfile.TemporaryDirectory() as name:
        backend = Drawing(drawn())
        asking = wanted(prompt, options=(("samples", str(samples)),), alt=alt, embed=embed)
        miss = bundles(ask(client(Path(name), backend), asking))
        hit = bundles(ask(client(Path(name), backend), asking))

    assert json.dumps(miss) == json.dumps(hit)
    assert len(backend.asked) == samples
    assert len(miss) == samples * len(drawn())


def test_samples_are_asked_side_by_side(tmp_path: Path) -> None:
    """The calls for the samples of one cell are under way at the same time."""
    backend = Drawing(drawn()[:1])
    backend.gate.clear()
    seen: list[int] = []

    def waiting(_done: int, _all: int) -> None:
        seen.append(len(backend.asked))
        if len(backend.asked) == 3:
            backend.gate.set()

    result = ask(client(tmp_path, backend), wanted(options=(("samples", "3"),)), waiting)

    assert max(seen) == 3
    assert [record.request.sample for record in result.records] == [1, 2, 3]


def test_one_failed_sample_loses_no_other(tmp_path: Path) -> None:
    """When one of several samples is not answered, the others are kept and not asked for again."""

    class Failing(Drawing):
        def generate(self, request: Request, blob: Callable[[str], bytes]) -> Reply:
            if request.sample == 2 and len(self.asked) < 3:
                self.asked.append(request)
                raise Unavailable("busy")
            return super().generate(request, blob)

    backend = Failing(drawn()[:1])
    with pytest.raises(Unavailable):
        ask(client(tmp_path, backend), wanted(options=(("samples", "3"),)))
    while len(backend.asked) < 3:  # the others land in their threads
        threading.Event().wait(0.01)
    result = ask(client(tmp_path, backend), wanted(options=(("samples", "3"),)))

    assert len(result.records) == 3
    assert [request.sample for request in backend.asked[3:]] == [2]


def test_an_interrupt_returns_at_once_and_the_answer_lands(tmp_path: Path) -> None:
    """Whoever stops waiting loses nothing: the call ends in its thread and the next run finds its answer."""
    backend = Drawing(drawn()[:1])
    backend.gate.clear()

    def interrupt(_done: int, _all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(client(tmp_path, backend), wanted(), interrupt)
    backend.gate.set()
    result = ask(client(tmp_path, backend), wanted())

    assert len(backend.asked) == 1
    assert len(result.pictures) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "no"}}, Refused, "refused: SAFETY"),
        ({"candidates": [{"finishReason": "NO_IMAGE", "finishMessage": "none"}]}, Refused, "refused: NO_IMAGE"),
        ({"candidates": [{"finishReason": "STOP", "content": {"parts": [{"text": "hi"}]}}]}, NoPicture, "in words"),
    ],
)
def test_an_answer_without_a_picture_is_kept_and_explained(
    answer: dict, kind: type[Exception], words: str, tmp_path: Path
) -> None:
    """Refusals and text answers are results with an error of their own, asked for once."""
    calls = []

    class Saying:
        def generate(self, request: Request, blob: Callable[[str], bytes]) -> Reply:
            calls.append(request)
            return Reply(body=json.dumps(answer).encode(), host="here", client="test 1")

    first = ask(client(tmp_path, Saying()), wanted())
    second = ask(client(tmp_path, Saying()), wanted())
    error = outcome_error(second)

    assert first.records == second.records
    assert len(calls) == 1
    assert type(error) is kind
    assert words in str(error)
