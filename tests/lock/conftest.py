"""Answers, cells and notebooks made without a kernel: what a lock is about."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.arrival import unpack
from gemnb.detach import text_part
from gemnb.model import MIMETYPE, Binding, Content, Invocation, Record, Request
from gemnb.notebook import parse_notebook
from gemnb.records import document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FACTS = {"host": "h", "time": "2026-01-01T00:00:00Z", "client": "c"}


@pytest.fixture
def answer(make_picture: Callable[..., bytes]) -> Callable[..., Record]:
    """A maker of answers: `answer("a cat", attempt=2, pictures=2)`; no two have the same pictures."""

    def make(prompt: str, *, attempt: int = 1, pictures: int = 1, sample: int = 1, **config: Any) -> Record:
        data = [b64encode(make_picture("PNG", (8, 8), noise=True)).decode() for _ in range(pictures)]
        parts = [{"inlineData": {"mimeType": "image/png", "data": text}} for text in data] or [{"text": "No."}]
        body = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
        turn = Content(role="user", parts=(text_part(prompt),))
        request = Request(model="emulator/sketch-1", contents=(turn,), config=config, sample=sample)
        record, _ = unpack(request, json.dumps(body).encode(), FACTS)
        return replace(record, attempt=attempt)

    return make


def outputs(record: Record, *bindings: Binding) -> list[dict[str, Any]]:
    """Return the outputs that a cell with this answer has, one per picture."""
    shown = range(len(record.pictures)) if record.pictures else (None,)
    documents = [document(record, Invocation(bindings=bindings), index) for index in shown]
    return [{"output_type": "display_data", "data": {MIMETYPE: one}, "metadata": {}} for one in documents]


def cell(source: str, *shown: list[dict[str, Any]], name: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a code cell as JSON."""
    made = {"cell_type": "code", "metadata": {}, "execution_count": None, "source": source}
    made["outputs"] = [output for several in shown for output in several]
    return made | ({} if name is None else {"id": name}) | more


def notebook(*cells: dict[str, Any], minor: int = 5, major: int = 4) -> bytes:
    """Return a notebook as bytes."""
    return json.dumps({"nbformat": major, "nbformat_minor": minor, "metadata": {}, "cells": cells}).encode()


def cells_of(*cells: dict[str, Any], minor: int = 5) -> Any:
    """Return cells as they are read from a notebook's file."""
    return parse_notebook(notebook(*cells, minor=minor), "n.ipynb")


@pytest.fixture
def shown() -> Callable[..., list[dict[str, Any]]]:
    """Outputs of an answer: `shown(record, *bindings)`."""
    return outputs


@pytest.fixture
def code() -> Callable[..., dict[str, Any]]:
    """A code cell as JSON: `code(source, *outputs, name="a")`."""
    return cell


@pytest.fixture
def read() -> Callable[..., Any]:
    """Cells as read from a file: `read(*cells, minor=5)`."""
    return cells_of


@pytest.fixture
def save(project: Path) -> Callable[..., Path]:
    """Write a notebook of the project: `save("a.ipynb", *cells)`."""

    def write(name: str, *cells: dict[str, Any], minor: int = 5) -> Path:
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(notebook(*cells, minor=minor))
        return path

    return write
