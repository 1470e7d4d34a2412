"""Fixtures of the pictures of a page: a provenance, a reader of metadata, an original with Content Credentials."""

from __future__ import annotations

import base64
import json
import shutil
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.publish.pictures import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def provenance() -> Provenance:
    """What a copy is to say."""
    return Provenance(
        system="Google Gemini",
        version="gemini-3-pro-image",
        prompt="A cat",
        source="trainedAlgorithmicMedia",
        original="sha256:" + "ab" * 32,
        alt="A cat on a mat",
    )


@pytest.fixture
def metadata(tmp_path: Path) -> Callable[[bytes], dict[str, Any]]:
    """A reader of all metadata of a picture, by exiftool: names with their group to values."""
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is missing (Debian: libimage-exiftool-perl)")

    def read(data: bytes) -> dict[str, Any]:
        path = tmp_path / "picture"
        path.write_bytes(data)
        done = subprocess.run(
            ["exiftool", "-json", "-G1", "-struct", "-b", "-xmp:all", "-validate", path],
            capture_output=True,
            check=True,
        )
        return dict(json.loads(done.stdout)[0])

    return read


@pytest.fixture
def with_credentials() -> Callable[[bytes], bytes]:
    """A maker of pictures with Content Credentials: a box of JUMBF where C2PA puts it."""

    def make(data: bytes) -> bytes:
        box = struct.pack(">I4s", 40, b"jumb") + b"c2pa" + bytes(28)
        if data.startswith(b"\x89PNG"):
            chunk = struct.pack(">I", len(box)) + b"caBX" + box + struct.pack(">I", zlib.crc32(b"caBX" + box))
            return data[:33] + chunk + data[33:]
        if data.startswith(b"\xff\xd8"):
            segment = b"JP\x00\x01" + struct.pack(">I", 1) + box
            return data[:2] + b"\xff\xeb" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
        body = data[8:] + b"C2PA" + struct.pack("<I", len(box)) + box
        return b"RIFF" + struct.pack("<I", len(body)) + body

    return make


@pytest.fixture
def answered() -> Callable[[bytes], bytes]:
    """A maker of the body of an answer with one picture, as the service sends it."""

    def make(picture: bytes) -> bytes:
        part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(picture).decode()}}
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
        return json.dumps({"candidates": [candidate]}).encode()

    return make
