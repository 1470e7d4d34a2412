"""Fixtures of the inventory's tests: a cache in a folder, and answers in it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.arrival import unpack
from gemnb.cache import Cache, DirectoryStore, Kept
from gemnb.canonical import blob_digest
from gemnb.detach import image_part, text_part
from gemnb.model import Binding, Content, Invocation, Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def cache(project: Path) -> Cache:
    """The empty cache of the project."""
    return Cache(DirectoryStore(project / "cache"))


@pytest.fixture
def ask() -> Callable[..., Request]:
    """A maker of requests: `ask("a cat", aspect_ratio="1:1")`."""

    def make(
        prompt: str, *, model: str = "emulator/sketch-1", sample: int = 1, image: bytes | None = None, **config: Any
    ) -> Request:
        parts = [] if image is None else [image_part(blob_digest(image), "image/png")]
        turn = Content(role="user", parts=(*parts, text_part(prompt)))
        return Request(model=model, contents=(turn,), config=config, sample=sample)

    return make


@pytest.fixture
def keep(cache: Cache, ask: Callable[..., Request], make_picture: Callable[..., bytes]) -> Callable[..., Kept]:
    """A keeper of answers: `keep("a cat", time="…", source=None)` returns what was kept."""

    def make(
        prompt: str,
        *,
        picture: bytes | None = None,
        time: str = "2026-01-01T00:00:00Z",
        source: str | None = "",
        bindings: tuple[Binding, ...] = (),
        image: bytes | None = None,
        **asked: Any,
    ) -> Kept:
        data = picture or make_picture("PNG", (8, 8), noise=True)
        part = {"inlineData": {"mimeType": "image/png", "data": b64encode(data).decode()}}
        answer = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]}
        request = ask(prompt, image=image, **asked)
        record, blobs = unpack(request, json.dumps(answer).encode(), {"host": "h", "client": "c", "time": time})
        invocation = Invocation(source=f"%%gemimg\n{prompt}" if source == "" else source, bindings=bindings)
        given = {} if image is None else {blob_digest(image): image}
        return Kept(record=cache.keep(record, invocation, given | blobs), invocation=invocation)

    return make


@pytest.fixture
def write_notebook(project: Path) -> Callable[..., Path]:
    """A writer of notebooks: `write_notebook("a.ipynb", "%%gemimg …", outputs=[…])` returns its path."""

    def write(name: str, source: str = "", outputs: list[Any] | None = None) -> Path:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": outputs or []}
        path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}))
        return path

    return write
