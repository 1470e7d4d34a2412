"""The value a cell binds to its NAME."""

from __future__ import annotations

import json
import pickle
from base64 import b64encode
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest

from gemnb.arrival import unpack
from gemnb.cache import Cache, DirectoryStore
from gemnb.canonical import blob_digest, short
from gemnb.detach import text_part
from gemnb.errors import CorruptEntry, NoPicture
from gemnb.mime import bundle
from gemnb.model import Binding, Content, Invocation, Presentation, Request
from gemnb.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODEL = "google/gemini-3-pro-image"
DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32
USAGE = {
    "promptTokenCount": 1000,
    "candidatesTokenCount": 1120,
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty cache."""
    return Cache(DirectoryStore(tmp_path / "cache"))


@pytest.fixture
def make_result(cache: Cache) -> Callable[..., Result]:
    """A maker of a result whose samples hold the given pictures: `make_result([png], [jpeg, png])`."""

    def make(*samples: list[bytes], text: str = "There.", model: str = MODEL, **shown: str) -> Result:
        invocation = Invocation(source="%%gemimg hero\na cat")
        records = []
        for number, pictures in enumerate(samples, 1):
            parts = [
                {"text": "a draft", "thought": True},
                *({"inlineData": {"mimeType": "image/png", "data": b64encode(data).decode()}} for data in pictures),
                {"text": text},
            ]
            answer = {
                "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
                "usageMetadata": USAGE,
            }
            request = Request(
                model=model, contents=(Content(role="user", parts=(text_part("a cat"),)),), sample=number
            )
            record, blobs = unpack(request, json.dumps(answer).encode(), {"host": "h"})
            records.append(cache.keep(record, invocation, blobs))
        return Result(
            records=tuple(records), invocation=invocation, presentation=Presentation(**shown), blob=cache.blob
        )

    return make


def test_bytes_are_those_of_the_model(make_result: Callable[..., Result], make_picture: Callable[..., bytes]):
    """`.bytes` is the first picture exactly as it arrived, never re-encoded."""
    first = make_picture("WEBP", (2000, 1500), noise=True)
    assert make_result([first, make_picture()], [make_picture("GIF")]).bytes == first


def test_images_are_the_pictures_decoded(make_result: Callable[..., Result], make_picture: Callable[..., bytes]):
    """`.images` holds every picture of every sample in order, `.image` the first of them."""
    result = make_result([make_picture("PNG", (3, 4)), make_picture("JPEG", (5, 6))], [make_picture("GIF", (7, 8))])
    assert [image.size for image in result.images] == [(3, 4), (5, 6), (7, 8)]
    assert (result.image.size, result.image.format) == ((3, 4), "PNG")
    assert result.image.getpixel((0, 0)) == (0, 128, 128)


def test_pictures_are_facts_without_bytes(make_result: Callable[..., Result], make_picture: Callable[..., bytes]):
    """`.pictures` lists digest, type and size of every picture."""
    data = make_picture("JPEG", (5, 6))
    (picture,) = make_result([data]).pictures
    assert picture.original.blob == blob_digest(data)
    assert (picture.original.mime_type, picture.original.size) == ("image/jpeg", len(data))
    assert (picture.original.width, picture.original.height) == (5, 6)


def test_text_leaves_thoughts_out(make_result: Callable[..., Result], make_picture: Callable[..., bytes]):
    """`.text` is what the model said beside its pictures, in all samples, without its thoughts."""
    assert make_result([make_picture()], [make_picture()], text="Meow.").text == "Meow.Meow."


def test_usage_is_what_the_service_counted(make_result: Callable[..., Result], make_picture: Callable[..., bytes]):
    """`.usage` holds the token counts of the first sample as they were sent."""
    assert make_result([make_picture()]).usage == USAGE


def test_cost_is_that_of_all_samples(make_result: Callable[..., Result], make_picture: Callable[..., bytes]):
    """`.cost` is in USD, by modality, over all samples."""
    one = make_result([make_picture()]).cost
    assert one == pytest.approx((1000 * 2.0 + 1120 * 120.0) / 1_000_000)
    assert make_result([make_picture()], [make_picture()]).cost == pytest.approx(2 * one)


def test_cost_of_an_unknown_model_is_unknown(make_result: Callable[..., Result], make_picture: Callable[..., bytes]):
    """Where the table has no price, there is no figure."""
    assert make_result([make_picture()], model="google/unheard-of").cost is None


def test_the_digest_is_the_address_of_the_request(make_result: Callable[..., Result], cache: Cache):
    """`.digest` finds the record of the first sample in the cache."""
    result = make_result([], [])
    assert cache.find(result.digest).record == result.record == result.records[0]


def test_parents_are_what_it_was_made_from(make_result: Callable[..., Result]):
    """`.parents` lists the requests of earlier results and the digests of input pictures, in order."""
    bindings = (
        Binding(slot="-p style", kind="literal", source="ink", value="ink"),
        Binding(slot="-i", kind="file", source="a.png", blob=OTHER, mime_type="image/png"),
        Binding(slot="-e", kind="result", source="hero", request=DIGEST, attempt=1),
    )
    made = make_result([])
    child = Result(records=made.records, invocation=Invocation(bindings=bindings), blob=made.blob)
    assert child.parents == (OTHER, DIGEST)
    assert made.parents == ()


def test_save_writes_the_original(
    make_result: Callable[..., Result], make_picture: Callable[..., bytes], tmp_path: Path
):
    """`.save` writes the bytes as received, whatever the name's ending, and returns the path."""
    data = make_picture("WEBP")
    result = make_result([data])
    assert result.save(tmp_path / "a.png") == tmp_path / "a.png"
    assert result.save(str(tmp_path / "b.webp")) == tmp_path / "b.webp"
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.webp").read_bytes() == data


def test_samples_are_indexed(make_result: Callable[..., Result], make_picture: Callable[..., bytes]):
    """Each sample is a result of its own, from the front and from the back, and a result can be gone through."""
    pictures = [make_picture("PNG", (size, size)) for size in (3, 4, 5)]
    result = make_result(*([picture] for picture in pictures), alt="cats")
    assert len(result) == 3
    assert [sample.bytes for sample in result] == pictures
    assert result[-1].bytes == pictures[2]
    assert (len(result[1]), result[1].record.request.sample, result[1].presentation.alt) == (1, 2, "cats")
    with pytest.raises(IndexError):
        _ = result[3]


@pytest.mark.parametrize("use", ["bytes", "image", "save"])
def test_a_result_without_a_picture_says_so(make_result: Callable[..., Result], tmp_path: Path, use: str):
    """Asking an answer in words for a picture says what it said instead, and writes nothing."""
    result = make_result([], text="I would rather not.")
    with pytest.raises(NoPicture) as caught:
        result.save(tmp_path / "a.png") if use == "save" else getattr(result, use)
    assert "I would rather not." in caught.value.why
    assert ".text" in caught.value.hint
    assert result.images == []
    assert not (tmp_path / "a.png").exists()


def test_damage_is_never_shown(make_result: Callable[..., Result], make_picture: Callable[..., bytes], cache: Cache):
    """A result reads its bytes when they are asked for, and checks them then."""
    result = make_result([make_picture()])
    next((cache.store.root / "blobs").rglob("*/*")).write_bytes(make_picture("PNG", (1, 1)))
    for use in (lambda: result.bytes, lambda: result.image, result._repr_mimebundle_):
        with pytest.raises(CorruptEntry):
            use()


def test_a_result_cannot_be_changed(make_result: Callable[..., Result]):
    """A result is immutable."""
    with pytest.raises(FrozenInstanceError):
        make_result([]).presentation = Presentation()


def test_a_result_pickles_without_its_bytes(make_result: Callable[..., Result], make_picture: Callable[..., bytes]):
    """A pickled result holds the record and reads the bytes from the cache again."""
    data = make_picture("PNG", (300, 300), noise=True)
    result = make_result([data], alt="a cat")
    pickled = pickle.dumps(result)
    assert len(pickled) < len(data)
    again = pickle.loads(pickled)
    assert (again.records, again.presentation, again.invocation) == (
        result.records,
        result.presentation,
        result.invocation,
    )
    assert again.bytes == data


def test_the_repr_names_the_pictures(make_result: Callable[..., Result], make_picture: Callable[..., bytes]):
    """The repr holds model, digest and size of the pictures, and no bytes."""
    data = make_picture("PNG", (300, 200), noise=True)
    shown = repr(make_result([data], [data]))
    assert (
        shown == f"<gemnb.Result of {MODEL}: {short(blob_digest(data))} 300×200, {short(blob_digest(data))} 300×200>"
    )
    assert repr(make_result([])) == f"<gemnb.Result of {MODEL}: no picture>"


@pytest.mark.parametrize("pictures", [0, 1, 2])
def test_a_result_shows_as_the_cell_did(
    make_result: Callable[..., Result], make_picture: Callable[..., bytes], pictures: int
):
    """Where a notebook shows a result, it shows the bundle that the cell left, with or without a picture."""
    result = make_result([make_picture()] * pictures, alt="a cat", caption="mine")
    expected = bundle(result.record, 0, result.presentation, result.invocation, result.blob)
    assert result._repr_mimebundle_() == expected
    assert result._repr_mimebundle_(include=None, exclude=["image/png"]) == expected
    assert ("image/png" in expected[0]) is bool(pictures)
