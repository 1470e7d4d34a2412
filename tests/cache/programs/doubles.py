"""What the programs of this folder share: a client over two folders, and a backend that notes its calls in a file."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

from gemnb.arrival import unpack
from gemnb.backends import Reply
from gemnb.cache import Cache, DirectoryStore, Flights
from gemnb.canonical import request_digest
from gemnb.client import Client
from gemnb.detach import text_part
from gemnb.model import Content, Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
"""A PNG of one pixel, in base64."""


def make_request(prompt: str) -> Request:
    """Return the request of a prompt."""
    return Request(model="emulator/sketch-1", contents=(Content(role="user", parts=(text_part(prompt),)),))


def make_client(folder: Path, *, cache: type[Cache] = Cache, unpack: Callable[..., object] = unpack) -> Client:
    """Return a client that keeps in `folder/cache`, claims in `folder/claims` and notes calls in `folder/calls`."""
    return Client(
        cache=cache(DirectoryStore(folder / "cache")),
        flights=lambda: Flights(folder / "claims"),
        backend=lambda _vendor: SimpleNamespace(generate=noting(folder / "calls")),
        unpack=unpack,
    )


def noting(file: Path) -> Callable[..., Reply]:
    """Return a backend's `generate` that appends the request's digest to a file, whoever else does."""

    def generate(request: Request, _blob: Callable[[str], bytes]) -> Reply:
        number = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(number, request_digest(request).encode() + b"\n")
        finally:
            os.close(number)
        turn = {"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}]}
        body = json.dumps({"candidates": [{"content": turn, "finishReason": "STOP"}]}).encode()
        return Reply(body=body, host="emulator", client="double/1")

    return generate
