"""`record:` and `blob:`: pictures by the beginning of a digest, out of the cache."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.arrival import unpack
from gemnb.cache import Cache, DirectoryStore
from gemnb.canonical import blob_digest
from gemnb.cell import parse
from gemnb.detach import text_part
from gemnb.errors import CorruptEntry, InputError
from gemnb.inputs import Reach, Resolved, resolve, resolve_arguments
from gemnb.invocation import needs
from gemnb.model import Content, Invocation, Record, Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _resolve(line: str, reach: Reach) -> Resolved:
    return resolve(needs(parse(f"%%gemimg {line}\nx")), {}, (), reach)


@pytest.fixture
def keep(cache: Cache) -> Callable[..., Record]:
    """A keeper of an answer with these pictures."""

    def keep(*pictures: bytes, prompt: str = "a cat", into: Cache = cache) -> Record:
        parts: list[dict[str, Any]] = [
            {"inlineData": {"mimeType": "image/png", "data": b64encode(data).decode()}} for data in pictures
        ]
        answer = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
        request = Request(model="emulator/sketch-1", contents=(Content(role="user", parts=(text_part(prompt),)),))
        record, blobs = unpack(request, json.dumps(answer).encode(), {"host": "h"})
        return into.keep(record, Invocation(), blobs)

    return keep


def _hex(record: Record, digits: int = 12) -> str:
    return record.request_digest.removeprefix("sha256:")[:digits]


@pytest.mark.parametrize("digits", [6, 12, 64])
def test_a_record_stands_for_its_first_picture(
    keep: Callable[..., Record], reach: Reach, make_picture: Callable[..., bytes], digits: int
):
    """`record:` with any unambiguous beginning is the first picture of the latest answer; `#2` the second."""
    one, two = make_picture(), make_picture("JPEG")
    record = keep(one, two)
    (binding,) = _resolve(f"-i record:{_hex(record, digits)}", reach).bindings
    assert (binding.kind, binding.blob, binding.request) == ("record", blob_digest(one), record.request_digest)
    assert binding.attempt == 1
    second = _resolve(f"-i record:{_hex(record, digits)}#2", reach)
    assert second.blobs == {blob_digest(two): two}
    keep(two)
    assert _resolve(f"-i record:{_hex(record, digits)}", reach).bindings[0].attempt == 2


def test_a_blob_stands_for_its_bytes(keep: Callable[..., Record], reach: Reach, make_picture: Callable[..., bytes]):
    """`blob:` with the beginning of a digest, or all of it as gemnb writes it, is those bytes."""
    keep(make_picture())
    digest = blob_digest(make_picture())
    for text in (digest[7:13], digest[7:], digest):
        (binding,) = _resolve(f"-i blob:{text}", reach).bindings
        assert (binding.kind, binding.blob) == ("blob", digest)


def test_every_place_is_looked_in(
    keep: Callable[..., Record], reach: Reach, make_picture: Callable[..., bytes], tmp_path: Path
):
    """What only a farther place keeps is found there."""
    record = keep(make_picture())
    both = Reach(places=(Cache(DirectoryStore(tmp_path / "near")), *reach.places))
    assert _resolve(f"-i record:{_hex(record)}", both).blobs
    assert _resolve(f"-i blob:{blob_digest(make_picture())[7:17]}", both).blobs


@pytest.mark.parametrize(
    "reference",
    [
        *("record:", "record:abcde", "record:ABCDEF", "record:abcdeg", "record:abcdef#0", "record:abcdef#x", "blob:"),
        *("blob:abcdef#1", "blob:../../etc", "record:" + "a" * 65, "record:sha256:abc"),
    ],
)
def test_a_malformed_reference_is_told(reach: Reach, reference: str):
    """What cannot be the beginning of a digest is refused with examples."""
    with pytest.raises(InputError, match="names nothing in the cache") as caught:
        _resolve(f"-i {reference}", reach)
    assert "record:3f9a2c81d4e0" in caught.value.hint


@pytest.mark.parametrize("reference", ["record:abcdef", "blob:abcdef"])
def test_nothing_kept_is_told(reach: Reach, reference: str):
    """A digest under which nothing is kept is an error."""
    with pytest.raises(InputError, match="is kept whose digest begins so"):
        _resolve(f"-i {reference}", reach)


def test_an_ambiguous_beginning_names_both(cache: Cache, reach: Reach):
    """A beginning that two digests share is refused, and they are shown."""
    for last in ("0", "1"):
        name = "abcdef" + last * 58
        cache.store.put(f"blobs/ab/{name}", b"")
        cache.store.put(f"records/ab/{name}/1.json", b"")
    for kind in ("blob", "record"):
        with pytest.raises(InputError, match=r"2 .*s are kept") as caught:
            _resolve(f"-i {kind}:abcdef", reach)
        assert "abcdef0000000000, abcdef1111111111" in caught.value.why
        assert f"{kind}:abcdef000000" in caught.value.hint


def test_a_picture_that_is_not_there_is_told(
    keep: Callable[..., Record], reach: Reach, make_picture: Callable[..., bytes]
):
    """A picture beyond those of the answer is an error that names the last; an answer in words has none."""
    record = keep(make_picture())
    with pytest.raises(InputError, match="has 1 picture") as caught:
        _resolve(f"-i record:{_hex(record)}#2", reach)
    assert "#1 is the last" in caught.value.hint
    with pytest.raises(InputError, match="has no pictures"):
        _resolve(f"-i record:{_hex(keep(prompt='words'))}", reach)


def test_damage_is_told(keep: Callable[..., Record], cache: Cache, reach: Reach, make_picture: Callable[..., bytes]):
    """Bytes that are missing or others than they should be are damage."""
    record = keep(make_picture())
    digest = blob_digest(make_picture())[7:]
    cache.store.delete(f"blobs/{digest[:2]}/{digest}")
    with pytest.raises(CorruptEntry, match="missing"):
        _resolve(f"-i record:{_hex(record)}", reach)
    cache.store.put(f"blobs/{digest[:2]}/{digest}", b"other")
    with pytest.raises(CorruptEntry, match="damaged"):
        _resolve(f"-i blob:{digest[:8]}", reach)


def test_an_edit_goes_on_from_a_record(keep: Callable[..., Record], reach: Reach, make_picture: Callable[..., bytes]):
    """`-e record:` goes on from that answer as from a result; a single picture of it is no turn."""
    record = keep(make_picture())
    resolved = _resolve(f"-e record:{_hex(record)}", reach)
    (binding,) = resolved.bindings
    assert (binding.kind, binding.request, binding.attempt) == ("result", record.request_digest, 1)
    assert resolved.earlier[:-1] == record.request.contents
    with pytest.raises(InputError, match="not from one of its pictures") as caught:
        _resolve(f"-e record:{_hex(record)}#1", reach)
    assert f"-i record:{_hex(record)}#1" in caught.value.hint


def test_a_function_takes_what_a_cell_takes(
    keep: Callable[..., Record], reach: Reach, project: Path, make_picture: Callable[..., bytes]
):
    """Arguments are values or references; text that is no reference is a path, and one picture needs no list."""
    one, two = make_picture(), make_picture("JPEG")
    record = keep(one)
    for name, data in (("1.png", one), ("2.png", two)):
        (project / name).write_bytes(data)
    found = resolve_arguments(
        [two, "1.png", project / "2.png", f"record:{_hex(record)}", "*.png"],
        f"record:{_hex(record)}",
        [project],
        reach,
    )
    assert [(b.slot, b.kind) for b in found.bindings] == [
        *(("-i", kind) for kind in ("argument", "file", "file", "record", "file", "file")),
        ("-e", "result"),
    ]
    assert set(found.blobs.values()) == {one, two}
    assert len(found.earlier) == 2
    assert resolve_arguments(one, None, ()).bindings[0].source == "image 1"
    assert resolve_arguments("1.png", None, [project]).bindings[0].source == "file:1.png"
    with pytest.raises(InputError, match="no such file"):
        resolve_arguments(["photo"], None, [project])
