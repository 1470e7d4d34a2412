"""Notebooks made by hand, with pictures of any kind as their answers."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image, ImageDraw

from gemnb.arrival import unpack
from gemnb.canonical import request_digest
from gemnb.cell import parse
from gemnb.compose import open_cache
from gemnb.invocation import assemble
from gemnb.mime import bundle
from gemnb.model import Embed, Invocation, Presentation

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def painted(seed: int, size: tuple[int, int] = (900, 700)) -> Image.Image:
    """Return a picture with shapes and grain, of more than 200 kB as a PNG, another one for each seed."""
    grain = Image.effect_noise(size, 40).convert("RGB")
    image = Image.new("RGB", size, ("teal", "salmon", "olive", "navy")[seed % 4])
    draw = ImageDraw.Draw(image)
    for step in range(6):
        left, top = (seed * 97 + step * 131) % size[0], (seed * 53 + step * 71) % size[1]
        draw.ellipse((left, top, left + 160, top + 120), fill=("white", "black", "gold")[(seed + step) % 3])
    return Image.blend(image, grain, 0.2)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Return a picture's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def write_answers(project: Path) -> Callable[..., Path]:
    """Write a notebook of cells with these pictures as their answers, and the project's cache; return its path.

    Each picture is (bytes, MIME type as the answer claims it), or (words, "text"). `version` is the answers'
    modelVersion.
    """

    def write(
        *pictures: tuple[bytes, str],
        embed: Embed = Embed.AUTO,
        model: str = "emulator/sketch-1",
        version: str | None = None,
    ) -> Path:
        cache = open_cache(project / "cache")
        cells = []
        for number, (data, kind) in enumerate(pictures, 1):
            source = f"%%gemimg p{number} -m {model} --alt 'Number {number}'\nPicture {number}"
            (request,) = assemble(parse(source), None, [])
            part: dict[str, Any] = {"inlineData": {"mimeType": kind, "data": base64.b64encode(data).decode()}}
            if kind == "text":
                part = {"text": data.decode()}
            answer = {
                "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
                "modelVersion": version or model,
            }
            record, blobs = unpack(request, json.dumps(answer).encode(), {"host": "h", "time": "t", "client": "c"})
            assert record.request_digest == request_digest(request)
            invocation = Invocation(source=source)
            record = cache.keep(record, invocation, blobs)
            shown = Presentation(alt=f"Number {number}", embed=embed)
            made, facts = bundle(record, 0, shown, invocation, cache.blob)
            cell = new_code_cell(source)
            cell.outputs = [nbformat.v4.new_output("display_data", made, metadata=facts)]
            cells.append(cell)
        nbformat.write(new_notebook(cells=cells), project / "post.ipynb")
        return project / "post.ipynb"

    return write
