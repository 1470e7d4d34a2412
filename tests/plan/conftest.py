"""A notebook run in this process against pictures drawn from digests: what plans are made of."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from gemnb.arrival import unpack
from gemnb.backends import Reply
from gemnb.cache import Flights
from gemnb.canonical import request_digest
from gemnb.cell import is_gemimg, parse
from gemnb.client import Client
from gemnb.compose import open_reach, open_tiers
from gemnb.inputs import resolve
from gemnb.invocation import needs, parse_use
from gemnb.looking import open_all_for_looking, reach_for_looking
from gemnb.mime import bundle
from gemnb.model import Mode, Presentation
from gemnb.plan import Places, Planned, plan_notebook
from gemnb.session import Ask, ask, is_private
from gemnb.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.model import Request


class Drawing:
    """A backend whose picture is a function of the request, and which counts."""

    def __init__(self) -> None:
        self.calls = 0

    def generate(self, request: Request, blob: Callable[[str], bytes]) -> Reply:
        """Answer with one small picture."""
        self.calls += 1
        red, green, blue = bytes.fromhex(request_digest(request)[-6:])
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), (red, green, blue)).save(buffer, "PNG")
        part = {"inlineData": {"mimeType": "image/png", "data": b64encode(buffer.getvalue()).decode()}}
        answer = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]}
        return Reply(body=json.dumps(answer).encode(), host="here", client="test 1")


def run(folder: Path, *sources: str, name: str = "post.ipynb") -> tuple[Path, int]:
    """Run cells as a kernel in this folder would, write the notebook, and return it and how many calls were made."""
    settings, backend = load_settings(folder), Drawing()
    client = Client(
        cache=open_tiers(settings),
        flights=lambda: Flights(folder / "claims"),
        backend=lambda _vendor: backend,
        unpack=unpack,
    )
    names: dict[str, Any] = {}
    defaults = None
    cells = []
    for source in sources:
        outputs: list[dict[str, Any]] = []
        if source.startswith("%gemnb use "):
            defaults = parse_use(source.removeprefix("%gemnb use "))
        elif is_gemimg(source):
            cell, private = parse(source), is_private(parse(source))
            reach = open_reach(settings, Mode.AUTO, private=private)
            asked = Ask(
                cell=cell,
                source=source,
                defaults=defaults,
                resolved=resolve(needs(cell, defaults), names, [folder], reach),
                mode=Mode(cell.get("mode") or "auto"),
                presentation=Presentation(),
                private=private,
            )
            result = ask(client, asked)
            if cell.name:
                names[cell.name] = result
            for record in result.records:
                data, metadata = bundle(record, 0, result.presentation, result.invocation, result.blob)
                outputs.append({"output_type": "display_data", "data": data, "metadata": metadata})
        else:
            exec(source, names)
        cells.append({"cell_type": "code", "metadata": {}, "source": source, "outputs": outputs})
    return write(folder / name, cells), backend.calls


def write(path: Path, cells: list[dict[str, Any]]) -> Path:
    """Write a notebook of these cells."""
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}), "utf-8")
    return path


def change(path: Path, number: int, source: str) -> Path:
    """Change the source of a cell (from 1) and leave its outputs as they were, as an editor does."""
    document = json.loads(path.read_text("utf-8"))
    document["cells"][number - 1]["source"] = source
    path.write_text(json.dumps(document), "utf-8")
    return path


def unrun(folder: Path, *sources: str) -> Path:
    """Write a notebook that was never run."""
    cells = [{"cell_type": "code", "metadata": {}, "source": source, "outputs": []} for source in sources]
    return write(folder / "post.ipynb", cells)


def planned(path: Path, asked: set[str] | None = None) -> list[Planned]:
    """Plan a notebook as the command does."""
    settings = load_settings(path.parent)
    places = Places(
        cache=open_all_for_looking(settings), reach=reach_for_looking(settings), root=settings.root.resolve()
    )
    return plan_notebook(path, places, asked)


@pytest.fixture
def only(project: Path) -> Callable[..., Planned]:
    """Plan a notebook of one asking cell, never run, below other cells: `only("%%gemimg …", "x = 1")`."""

    def plan(source: str, *above: str) -> Planned:
        return planned(unrun(project, *above, source))[-1]

    return plan
