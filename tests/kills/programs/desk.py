"""A client over two folders that writes what happens to it, durably, into one file that many processes append to."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import random
import time
from base64 import b64encode
from typing import TYPE_CHECKING

from PIL import Image

from gemnb.arrival import unpack
from gemnb.backends import Reply
from gemnb.cache import Cache, Claim, DirectoryStore, Flights, Tiers
from gemnb.canonical import request_digest
from gemnb.client import Client
from gemnb.detach import text_part
from gemnb.model import Content, Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


PLAIN_LAND = Claim.land


def make_request(prompt: str) -> Request:
    return Request(
        model="emulator/sketch-1",
        contents=(Content(role="user", parts=(text_part(prompt),)),),
        config={"seed": 7},
    )


class Log:
    """One line per event; a line is one write at the end of the file, so that lines of processes never mix."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(self, event: str, digest: str) -> None:
        os.write(self._number, f"{event} {os.getpid()} {digest}\n".encode())

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.path.read_text().splitlines()]


class Model:
    """A service that takes some milliseconds; its answer names the process that asked."""

    def __init__(self, log: Log, latency: float) -> None:
        self._log, self._latency = log, latency

    def generate(self, request: Request, _blob: Callable[[str], bytes]) -> Reply:
        digest = request_digest(request)
        self._log.say("sent", digest)
        time.sleep(random.uniform(0, self._latency))
        color = tuple(hashlib.sha256(f"{digest} {os.getpid()}".encode()).digest()[:3])
        buffer = io.BytesIO()
        Image.new("RGB", (24, 16), color).save(buffer, "PNG")
        parts = [
            {"inlineData": {"mimeType": "image/png", "data": b64encode(buffer.getvalue()).decode()}},
            {"text": str(os.getpid())},
        ]
        turn = {"role": "model", "parts": parts}
        body = json.dumps({"candidates": [{"content": turn, "finishReason": "STOP"}]}).encode()
        return Reply(body=body, host="emulator", client="double/1")


class Teller(logging.Handler):
    """Writes which request was asked for when the library spoke of a lost, or of a found, answer."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self.asking = ""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        event = "told" if "may have been billed" in text else "found" if "found and is kept" in text else "said"
        self._log.say(event, self.asking)


def make_client(folder: Path, log: Log, latency: float) -> Client:
    """Return a client whose claims also write when an answer has landed."""

    def land(self: Claim, arrived: object) -> None:
        PLAIN_LAND(self, arrived)
        log.say("landed", "sha256:" + self.path.name)

    Claim.land = land
    return Client(
        cache=Tiers(Cache(DirectoryStore(folder / "cache"))),
        flights=lambda: Flights(folder / "claims"),
        backend=lambda _vendor: Model(log, latency),
        unpack=unpack,
    )
