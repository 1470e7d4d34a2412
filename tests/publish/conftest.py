"""Notebooks with answers, made without a kernel: what a run would have left in outputs and cache."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.arrival import unpack
from gemnb.cache import Cache, DirectoryStore
from gemnb.cell import parse
from gemnb.invocation import assemble, parse_use
from gemnb.mime import bundle
from gemnb.model import Invocation, Presentation
from gemnb.publish import Options, Wishes, publish_notebook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.model import Content, Record
    from gemnb.publish import Publication

USE = "emulator/sketch-1"
SETUP = {"cell_type": "code", "source": f"%load_ext gemnb\n%gemnb use {USE}", "outputs": []}


def answer(*pictures: bytes, words: str = "", finish: str = "STOP", message: str = "") -> bytes:
    """Return the body of an answer as the service sends it."""
    parts: list[dict[str, Any]] = [{"text": words}] if words else []
    parts += [{"inlineData": {"mimeType": "image/png", "data": base64.b64encode(p).decode()}} for p in pictures]
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": finish}
    if message:
        candidate["finishMessage"] = message
    return json.dumps({"candidates": [candidate], "modelVersion": "sketch-1-001"}).encode()


def markdown(text: str, **more: Any) -> dict[str, Any]:
    """Return a Markdown cell."""
    return {"cell_type": "markdown", "source": text, **more}


def raw(text: str, **more: Any) -> dict[str, Any]:
    """Return a raw cell."""
    return {"cell_type": "raw", "source": text, **more}


def code(text: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a code cell."""
    return {"cell_type": "code", "source": text, "outputs": list(outputs), "metadata": {"tags": list(tags)}}


@pytest.fixture
def asked(project: Path) -> Callable[..., dict[str, Any]]:
    """Make a `%%gemimg` cell with the outputs and kept answers of a run: `asked(source, body, …)`."""
    cache = Cache(DirectoryStore(project / "cache"))

    def make(
        source: str,
        *bodies: bytes,
        tags: tuple[str, ...] = (),
        private: bool = False,
        earlier: tuple[Content, ...] = (),
    ) -> dict[str, Any]:
        cell = parse(source)
        place = Cache(DirectoryStore(project / "cache/private")) if private else cache
        outputs = []
        for request, body in zip(assemble(cell, parse_use(USE), (), earlier), bodies, strict=True):
            made, blobs = unpack(request, body, {"time": "2026-11-21T09:30:00Z", "host": "h", "client": "c"})
            invocation = Invocation(source=source, defaults=USE)
            record: Record = place.keep(made, invocation, blobs)
            presentation = Presentation(alt=cell.get("alt"), caption=cell.get("caption"))
            for index in range(max(1, len(record.pictures))):
                data, metadata = bundle(record, index, presentation, invocation, blobs.__getitem__)
                outputs.append({"output_type": "display_data", "data": data, "metadata": metadata})
        return code(source, *outputs, tags=tags)

    return make


@pytest.fixture
def write(project: Path) -> Callable[..., Path]:
    """Write a notebook of these cells, after one that loads gemnb: `write(cell, …, post={…})`."""

    def make(*cells: dict[str, Any], post: dict[str, Any] | None = None, name: str = "post.ipynb") -> Path:
        numbered = [
            {
                "id": f"c{number}",
                "metadata": {},
                **({"execution_count": None} if c["cell_type"] == "code" else {}),
                **c,
            }
            for number, c in enumerate([SETUP, *cells], 1)
        ]
        document = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"language_info": {"name": "python"}, "gemnb": {"post": post or {"title": "A post"}}},
            "cells": numbered,
        }
        path = project / name
        path.write_text(json.dumps(document), "utf-8")
        return path

    return make


@pytest.fixture
def publish(project: Path) -> Callable[..., Publication]:
    """Publish a notebook into `site/`: `publish(path, "hugo", facts=True, originals=True)`."""

    def run(path: Path, to: str, *, output: str = "site", **more: Any) -> Publication:
        wishes = {key: more.pop(key) for key in list(more) if key in Wishes.__slots__}
        return publish_notebook(path, project / output, Options(to=to, wishes=Wishes(**wishes), **more))

    return run


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
