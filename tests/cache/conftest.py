"""Fixtures of the cache's tests: answers, a second store, and programs that run in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gemnb.arrival import unpack
from gemnb.cache.store import check_key
from gemnb.detach import text_part
from gemnb.model import Content, Invocation, Record, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAMS = Path(__file__).parent / "programs"


class MemoryStore:
    """A store in a dict: the second implementer of the seam, and what the others are compared with."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.content.get(check_key(key))

    def keys(self, prefix: str) -> Iterator[str]:
        if prefix:
            check_key(prefix.removesuffix("/"))
        yield from sorted(key for key in self.content if key.startswith(prefix))

    def put(self, key: str, value: bytes) -> bool:
        if check_key(key) in self.content:
            return False
        self.content[key] = value
        return True

    def delete(self, key: str) -> None:
        self.content.pop(check_key(key), None)


@pytest.fixture
def memory() -> MemoryStore:
    """An empty store in memory."""
    return MemoryStore()


@pytest.fixture
def make_answer() -> Callable[..., tuple[Record, dict[str, bytes]]]:
    """A maker of a record and its blobs: `make_answer("a cat", pictures=[png], text="Here you are.")`."""

    def make(
        prompt: str = "a cat", *, pictures: tuple[bytes, ...] = (), text: str = "Here you are."
    ) -> tuple[Record, dict[str, bytes]]:
        from base64 import b64encode

        request = Request(
            model="emulator/sketch-1",
            contents=(Content(role="user", parts=(text_part(prompt),)),),
            config={"seed": 7},
        )
        parts = [
            *({"inlineData": {"mimeType": "image/png", "data": b64encode(data).decode()}} for data in pictures),
            {"text": text},
        ]
        answer = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
        return unpack(request, json.dumps(answer).encode(), {"host": "emulator", "time": "2026-11-21T12:00:00Z"})

    return make


@pytest.fixture
def invocation() -> Invocation:
    """The invocation of a plain cell."""
    return Invocation(source="%%gemimg hero\na cat", defaults="emulator/sketch-1")


@pytest.fixture
def run_together() -> Callable[..., list[str]]:
    """A runner of one program in several processes, which begin their work when all of them are ready."""

    def run(program: str, *each: list[str]) -> list[str]:
        with ExitStack() as stack:
            processes = [
                stack.enter_context(
                    subprocess.Popen(
                        [sys.executable, str(PROGRAMS / program), *arguments],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        text=True,
                    )
                )
                for arguments in each
            ]
            for process in processes:
                assert process.stdout.readline() == "ready\n"
            for process in processes:
                process.stdin.write("go\n")
                process.stdin.flush()
            said = [process.communicate()[0] for process in processes]
            assert [process.returncode for process in processes] == [0] * len(each)
            return said

    return run


@pytest.fixture
def run_program() -> Callable[..., subprocess.CompletedProcess[str]]:
    """A runner of one program of this folder in a process of its own."""

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(PROGRAMS / program), *arguments], capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def no_hang() -> Iterator[None]:
    """Turns a call that would wait for ever into a failure."""
    if os.name == "nt":
        pytest.skip("needs SIGALRM")

    def fail(_number: int, _frame: object) -> None:
        pytest.fail("it waits for something that never comes")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
