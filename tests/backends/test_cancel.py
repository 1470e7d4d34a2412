"""Cutting off calls under way: the thread that waits ends at once, other calls are not hit."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from gemnb.backends.gemini import GeminiBackend
from gemnb.detach import text_part
from gemnb.emulator import Fault
from gemnb.errors import Unavailable
from gemnb.model import Content, Request

if TYPE_CHECKING:
    from gemnb.emulator import Emulator


def request(prompt: str) -> Request:
    """Return a small request."""
    contents = (Content(role="user", parts=(text_part(prompt),)),)
    return Request(model="emulator/sketch-1", contents=contents, config={"image_size": "512"})


def wait_for_calls(emulator: Emulator, number: int) -> None:
    """Wait until the emulator has received this many calls."""
    while len(emulator.calls) < number:
        threading.Event().wait(0.01)


@pytest.mark.parametrize("fault", [Fault(kind="stall"), Fault(kind="drip", seconds=60)], ids=lambda f: f.kind)
def test_a_cancelled_call_ends_and_says_that_it_may_have_been_billed(emulator: Emulator, fault: Fault) -> None:
    """A call without an answer, or in the middle of one, ends when it is cancelled, and is not sent again."""
    backend = GeminiBackend(base_url=emulator.url, api_key="x", deadline=60, keep_vendor=True)
    emulator.script(fault)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(backend.generate, request("A cat"), lambda _: b"")
        wait_for_calls(emulator, 1)
        while backend.cancel() == 0:
            threading.Event().wait(0.01)
        with pytest.raises(Unavailable, match="may have been billed") as caught:
            call.result(30)

    assert "cancelled" in caught.value.why
    assert len(emulator.calls) == 1


def test_after_a_cancel_the_same_client_asks_again(emulator: Emulator) -> None:
    """A cancelled call leaves the client as it was."""
    backend = GeminiBackend(base_url=emulator.url, api_key="x", deadline=60, keep_vendor=True)
    emulator.script(Fault(kind="stall"))
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(backend.generate, request("A cat"), lambda _: b"")
        wait_for_calls(emulator, 1)
        while backend.cancel() == 0:
            threading.Event().wait(0.01)
        assert isinstance(call.exception(30), Unavailable)

    assert b"candidates" in backend.generate(request("A dog"), lambda _: b"").body


def test_nothing_under_way_is_nothing_to_cancel(emulator: Emulator) -> None:
    """Cancelling after an answer came says that there was no call, and harms no later one."""
    backend = GeminiBackend(base_url=emulator.url, api_key="x", deadline=60, keep_vendor=True)
    backend.generate(request("A cat"), lambda _: b"")

    assert backend.cancel() == 0
    assert b"candidates" in backend.generate(request("A dog"), lambda _: b"").body


def test_a_call_that_waits_to_be_sent_again_is_cancelled_too(emulator: Emulator) -> None:
    """A call in the pause between two tries ends when it is cancelled, and is not sent again."""
    backend = GeminiBackend(base_url=emulator.url, api_key="x", deadline=60, keep_vendor=True)
    emulator.script(Fault(kind="rate-limited", seconds=30))
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(backend.generate, request("A cat"), lambda _: b"")
        wait_for_calls(emulator, 1)
        threading.Event().wait(0.2)
        assert backend.cancel() == 1
        with pytest.raises(Unavailable, match="did not answer") as caught:
            call.result(10)

    assert "billed" not in caught.value.what
    assert len(emulator.calls) == 1
