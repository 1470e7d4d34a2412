"""Pictures made to hurt: whole ones are kept as they are, others are refused with the reason, within seconds."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zlib
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gemnb.arrival import unpack
from gemnb.errors import MalformedAnswer
from gemnb.model import Content, Request
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = Path(__file__).parent / "programs"
REQUEST = Request(model="emulator/sketch-1", contents=(Content(role="user", parts=({"text": "A cat"},)),))
HUGE = 60_000


def body(*pictures: bytes, mime_type: str = "image/png") -> bytes:
    """Return the raw body of an answer with these pictures."""
    parts = [{"inlineData": {"mimeType": mime_type, "data": b64encode(data).decode()}} for data in pictures]
    return json.dumps(
        {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
    ).encode()


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes, *more: bytes) -> bytes:
    """Return a gray PNG whose header says this size, whatever its data is."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def saved(kind: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **more: object) -> bytes:
    """Return a picture as Pillow writes it."""
    buffer = io.BytesIO()
    Image.new(mode, size, 0).save(buffer, kind, **more)
    return buffer.getvalue()


def with_size(data: bytes, at: int, form: str) -> bytes:
    """Return the picture with a size of 60,000 by 60,000 in its header."""
    made = bytearray(data)
    struct.pack_into(form, made, at, HUGE, HUGE)
    return bytes(made)


def jpeg_frame(data: bytes) -> int:
    """Return where height and width stand in a JPEG."""
    return data.index(b"\xff\xc0") + 5


ZEROS = zlib.compress(bytes(HUGE * 2_000), 9)  # what is left of a bomb of 120 MB: 117 kB
BOMBS = {
    "a PNG of 60,000 × 60,000 without data": png(HUGE, HUGE, b""),
    "a PNG of 60,000 × 60,000 with some": png(HUGE, HUGE, ZEROS),
    "a PNG of 2^31-1 × 2^31-1": png(2**31 - 1, 2**31 - 1, ZEROS),
    "a PNG of 1 × 2^31-1": png(1, 2**31 - 1, ZEROS),
    "a text chunk of 120 MB": png(8, 8, zlib.compress(bytes(72)), chunk(b"zTXt", b"Comment\0\0" + ZEROS)),
    "a profile of 120 MB": png(8, 8, zlib.compress(bytes(72)), chunk(b"iCCP", b"p\0\0" + ZEROS)),
    "a JPEG of 60,000 × 60,000": with_size(saved("JPEG"), jpeg_frame(saved("JPEG")), ">HH"),
    "a GIF of 60,000 × 60,000": with_size(saved("GIF"), 6, "<HH"),
    "a WebP of 16,383 × 16,383": saved("WEBP")[:26] + b"\xff\x3f\xff\x3f" + saved("WEBP")[30:],
}


@pytest.fixture
def unpack_limited(tmp_path: Path) -> Callable[[bytes], str]:
    """Unpack a body in a process with a gigabyte of memory and fifteen seconds; return what came of it."""

    def run(data: bytes) -> str:
        file = tmp_path / "body"
        file.write_bytes(data)
        command = [sys.executable, str(PROGRAMS / "unpack_limited.py"), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    return run


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_or_small(unpack_limited: Callable[[bytes], str], kind: str):
    """A small file that claims to be huge is an answer that is none, with the reason, or turns out to be small."""
    said = unpack_limited(body(BOMBS[kind]))
    assert said.startswith(("MalformedAnswer: The answer holds", "kept 8×8")), said


@pytest.mark.parametrize("kind", BOMBS)
def test_a_header_is_read_and_nothing_else(kind: str, no_hang: None):
    """The size in the header of a bomb is told at once, since only the header is read."""
    found = sniff(BOMBS[kind])
    assert found is None or found.width >= 1


def test_many_pictures_of_one_answer_are_each_small(unpack_limited: Callable[[bytes], str]):
    """Two hundred pictures in one answer are all kept."""
    assert unpack_limited(body(*[saved("PNG", (64, 48 + n)) for n in range(200)])).count("kept") == 200


def animated(kind: str, frames: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a picture that moves."""
    pictures = [Image.new("RGB", size, (number % 256, 0, 0)) for number in range(frames)]
    buffer = io.BytesIO()
    pictures[0].save(buffer, kind, save_all=True, append_images=pictures[1:], duration=20, loop=0)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "mime_type", "previewed"),
    [
        (animated("GIF", 200), "image/gif", "image/jpeg"),
        (animated("WEBP", 20), "image/webp", "image/jpeg"),
        (animated("PNG", 20), "image/png", None),
        (saved("JPEG", (640, 480), "CMYK"), "image/jpeg", None),
        (saved("JPEG", (640, 480), "L"), "image/jpeg", None),
        (saved("PNG", mode="1"), "image/png", None),
        (saved("PNG", mode="I;16"), "image/png", None),
        (saved("PNG", mode="LA"), "image/png", None),
        (saved("GIF", mode="P"), "image/gif", "image/jpeg"),
    ],
    ids=["GIF", "WebP", "APNG", "CMYK", "gray", "bits", "16 bits", "gray alpha", "palette"],
)
def test_odd_pictures_are_kept_as_they_came(data: bytes, mime_type: str, previewed: str | None):
    """Pictures that move, of four colours, of one bit or sixteen: the original is kept, a still preview beside it."""
    record, blobs = unpack(REQUEST, body(data, mime_type=mime_type), {})
    (picture,) = record.pictures
    assert blobs[picture.original.blob] == data
    assert picture.original.mime_type == mime_type
    assert (picture.preview.mime_type if picture.preview else None) == previewed


def test_a_big_picture_of_four_colours_gets_a_preview_all_can_show():
    """The preview of a CMYK picture is RGB, which notebooks and browsers show alike."""
    buffer = io.BytesIO()
    noise = Image.effect_noise((1400, 1000), 90)
    Image.merge("CMYK", [noise] * 4).save(buffer, "JPEG")
    record, blobs = unpack(REQUEST, body(buffer.getvalue(), mime_type="image/jpeg"), {})
    with Image.open(io.BytesIO(blobs[record.pictures[0].preview.blob])) as preview:
        assert (preview.mode, max(preview.size)) == ("RGB", 1024)


WHOLE = [saved("PNG"), saved("JPEG"), saved("GIF"), saved("WEBP"), animated("GIF", 3), animated("PNG", 3)]


@settings(max_examples=200, deadline=None)
@given(
    data=st.sampled_from(WHOLE),
    edits=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.integers(0, 60),
)
@pytest.mark.filterwarnings("ignore:Invalid APNG:UserWarning")  # Pillow tells; the picture is judged all the same
def test_damaged_pictures_are_kept_or_refused(data: bytes, edits: list[tuple[int, int]], cut: int):
    """However bytes of a picture are changed or cut, it is a record with its bytes, or an answer that is none."""
    made = bytearray(data)
    for at, value in edits:
        made[at % len(made)] = value
    made = bytes(made[: len(made) - cut])
    try:
        record, blobs = unpack(REQUEST, body(made), {})
    except MalformedAnswer:
        return
    assert blobs[record.pictures[0].original.blob] == made


@settings(max_examples=200, deadline=None)
@given(start=st.sampled_from([data[:n] for data in WHOLE for n in (4, 12, 20, 30)]), rest=st.binary(max_size=80))
def test_any_header_is_read_or_not(start: bytes, rest: bytes):
    """Whatever follows the beginning of a picture, its header is a plausible size or none."""
    found = sniff(start + rest)
    assert found is None or (1 <= found.width < 2**32 and 1 <= found.height < 2**32)


def test_a_jpeg_of_segments_only_is_read_in_time(no_hang: None):
    """A hundred megabytes of empty segments or fill bytes before a frame that never comes are gone through once."""
    assert sniff(b"\xff\xd8\xff\xe0\x00\x02" + b"\xff\xe0\x00\x02" * 1_000_000) is None
    assert sniff(b"\xff\xd8" + b"\xff" * 4_000_000) is None
