"""What publishing writes for each flavor, compared with committed files (tests/golden/README.md)."""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.publish import FLAVORS
from tests.publish.conftest import answer, code, markdown, raw, tree

if TYPE_CHECKING:
    from gemnb.model import JSONValue

GOLDEN = Path(__file__).parents[1] / "golden/publish"
WRITE = bool(os.environ.get("GEMNB_REGOLD"))  # read here: no test sees the environment of whoever runs it
FRONT = """---
title: Cats & hats
date: 2026-11-21T09:30:00
tags: [cats, hats]
categories: [pictures]
summary: "Two cats: a test"
cover: cat
---"""
PROMPT = """A cat, exactly:
  - {{< figure >}} and {% raw %}
\t```js
\t:smile: <script>
\t```"""


def flat(width: int, height: int, grey: int) -> bytes:
    """Return a PNG whose bytes depend on no library: one grey, stored without compression."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes([grey]) * width) * height
    stored = b"\x78\x01" + b"".join(
        struct.pack("<BHH", n + 65535 >= len(rows), len(part), len(part) ^ 0xFFFF) + part
        for n in range(0, len(rows), 65535)
        if (part := rows[n : n + 65535])
    )
    data = stored + struct.pack(">I", zlib.adler32(rows))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def without_encoder(value: JSONValue) -> JSONValue:
    """Return an index without what depends on the version of the encoder: bytes and digests of copies."""
    if isinstance(value, list):
        return [without_encoder(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: without_encoder(item) for key, item in value.items()}
    if str(found.get("name", "")).endswith(".webp"):
        return found | {"blob": "…", "size": 0}
    if "base" in found:
        found["key"] = "…"
    return {key: "…" if key.endswith(".webp") else item for key, item in found.items()}


@pytest.mark.parametrize("to", FLAVORS)
def test_a_publication_has_the_golden_files(asked: Any, write: Any, publish: Any, project: Path, to: str) -> None:
    """Page, index and names of files are those that were committed."""
    edited = asked("%%gemimg hat -a 16:9 --seed 7 --alt 'A hat'\nA hat", answer(flat(60, 40, 90)))
    edited["source"] = edited["source"].replace("\nA hat", "\nA tall hat")
    printed = {"output_type": "stream", "name": "stdout", "text": "2\n"}
    done = publish(
        write(
            raw(FRONT),
            markdown("# Cats & hats\n\nWords[^1] with $a_1$ and `{{< x >}}`.\n\n[^1]: A note."),
            asked(
                f"%%gemimg cat -n 2 --alt 'A \"cat\"' --caption 'Two of them'\n{PROMPT}",
                answer(flat(800, 500, 80)),
                answer(flat(8, 5, 81)),
            ),
            edited,
            asked(
                "%%gemimg --allow-refusal\nA forbidden hat", answer(finish="IMAGE_SAFETY", message="Not this one.")
            ),
            asked("%%gemimg --publish false\nA private hat", answer(flat(9, 9, 9)), private=True),
            asked("%%gemimg\nA\rB", answer(flat(7, 5, 70))),
            code("print(1 + 1)", printed, tags=("show-code",)),
            post={"notebook": "https://example.org/post.ipynb"},
        ),
        to,
        facts=True,
    )
    written = tree(project / "site")
    index = written[(done.folder / "index.gemnb.json").as_posix()]
    made = {
        "page" + done.page.suffix: written[done.page.as_posix()],
        "index.json": (json.dumps(without_encoder(json.loads(index)), indent=1, ensure_ascii=False) + "\n").encode(),
        "files.txt": "".join(f"{name}\n" for name in written).encode(),
    }
    folder = GOLDEN / to
    if WRITE:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in made.items():
            (folder / name).write_bytes(data)

    assert made == {name: (folder / name).read_bytes() for name in made}
