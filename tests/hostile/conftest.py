"""Fixtures of hostile input: a true record to make false ones from, and notebooks of any JSON."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gemnb.arrival import unpack
from gemnb.cache import Cache, DirectoryStore
from gemnb.model import MIMETYPE, Content, Invocation, Request
from gemnb.records import document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def cache(project: Path) -> Cache:
    """The project's cache."""
    return Cache(DirectoryStore(project / "cache"))


@pytest.fixture
def true_document(make_picture: Callable[..., bytes], cache: Cache) -> dict:
    """The document of a kept answer with one picture, as it stands in a notebook."""
    part = {"inlineData": {"mimeType": "image/png", "data": b64encode(make_picture()).decode()}}
    answer = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]}
    request = Request(model="emulator/sketch-1", contents=(Content(role="user", parts=({"text": "A cat"},)),))
    record, blobs = unpack(request, json.dumps(answer).encode(), {"host": "h", "time": "t", "client": "c"})
    invocation = Invocation(source="%%gemimg cat -m emulator/sketch-1\nA cat")
    return document(cache.keep(record, invocation, blobs), invocation, 0)


@pytest.fixture
def write_notebook(project: Path) -> Callable[..., Path]:
    """Write a notebook with one `%%gemimg` cell whose output has this data, and return its path."""

    def write(data: object, *, source: object = "%%gemimg cat -m emulator/sketch-1\nA cat") -> Path:
        output = {"output_type": "display_data", "metadata": {}, "data": data}
        cell = {"cell_type": "code", "metadata": {}, "execution_count": 1, "source": source, "outputs": [output]}
        path = project / "post.ipynb"
        path.write_text(
            json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}), encoding="utf-8"
        )
        return path

    return write


@pytest.fixture
def shown_data(true_document: dict, make_picture: Callable[..., bytes], cache: Cache) -> dict:
    """The data of the output in which the true document stands."""
    digest = true_document["record"]["pictures"][0]["original"]["blob"]
    return {
        "image/png": b64encode(make_picture()).decode(),
        "text/plain": f"[gemnb:{digest[7:19]} 64×48]",
        MIMETYPE: true_document,
    }


@pytest.fixture
def verify(project: Path) -> Callable[..., tuple[int, str]]:
    """Run `gemnb verify` in a process with little memory and time; return its exit code and all it said."""

    def run(*paths: Path, memory: int = 2048, seconds: int = 30) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-B", str(PROGRAMS / "verify_limited.py"), str(memory), str(seconds), *map(str, paths)],
            capture_output=True,
            text=True,
            check=False,
            cwd=project,
            timeout=20 * seconds,
        )
        assert "FORBIDDEN" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture
def no_hang() -> Iterator[None]:
    """Turns what takes longer than twenty seconds into a failure."""
    if not hasattr(signal, "SIGALRM"):
        pytest.skip("needs SIGALRM")

    def fail(_number: int, _frame: object) -> None:
        pytest.fail("it takes more than twenty seconds")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
