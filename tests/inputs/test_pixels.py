"""Pictures that exist only as pixels: their address, the PNG that is sent for them, and where both are kept."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from gemnb.backends.base import Reply
from gemnb.cache import Cache, DirectoryStore
from gemnb.canonical import blob_digest, request_digest
from gemnb.cell import parse
from gemnb.detach import pixels_part
from gemnb.errors import CorruptEntry, InputError
from gemnb.inputs import Pixels, Reach, SendsPixels, pixels_blob, resolve, with_pictures
from gemnb.inputs.pixels import pixels_of
from gemnb.inputs.sending import pixels_key
from gemnb.invocation import needs
from gemnb.model import Binding, Content, Mode, Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def image(mode: str = "RGB", size: tuple[int, int] = (3, 2)) -> Image.Image:
    """A picture whose pixels all differ."""
    count = size[0] * size[1] * len(mode)
    return Image.frombytes(mode, size, bytes(range(count)))


def _binding(value: object, reach: Reach | None) -> tuple[Binding, dict[str, bytes]]:
    found = resolve(needs(parse("%%gemimg -i photo\nx")), {"photo": value}, (), reach)
    (binding,) = found.bindings
    return binding, found.blobs


def _request(*parts: Any, role: str = "user") -> Request:
    return Request(model="emulator/sketch-1", contents=(Content(role=role, parts=parts),))


def test_the_digest_is_over_mode_size_and_bytes():
    """The digest is sha256 over a prefix, mode, width, height and the bytes, as another tool would take it."""
    expected = blob_digest(b"gemnb-pixels-v0\nRGB 3 2\n" + bytes(range(18)))
    assert pixels_of(image(), "x").digest == expected
    assert Pixels(mode="L", width=2, height=3, data=bytes(6)) != Pixels(mode="L", width=3, height=2, data=bytes(6))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_pillow_image_is_addressed_by_its_pixels(mode: str, cache: Cache, reach: Reach):
    """An 8-bit image has the address of its pixels; its PNG is kept once, and shows these."""
    binding, blobs = _binding(image(mode), reach)
    ((png_digest, png),) = blobs.items()

    assert binding.kind == "pixels"
    assert binding.value == pixels_of(image(mode), "x").digest
    assert blob_digest(png) == png_digest == binding.blob == pixels_blob([cache], binding.value)
    with Image.open(io.BytesIO(png)) as back:
        assert (back.mode, back.tobytes()) == (mode, image(mode).tobytes())
    assert _binding(image(mode), reach) == (binding, {})


def test_metadata_of_an_image_is_not_in_its_address():
    """What an image carries beside its pixels changes no address."""
    other = image()
    other.info["dpi"] = (72, 72)
    assert pixels_of(other, "x") == pixels_of(image(), "x")


@pytest.mark.parametrize("mode", ["1", "P", "LA", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_other_modes_are_not_addressed(mode: str):
    """A mode whose pixels have no one form is refused with what converts it."""
    with pytest.raises(InputError, match=f"mode {mode}") as caught:
        _binding(Image.new(mode, (2, 2)), None)
    assert "gemnb.keep(photo)" in caught.value.hint


@pytest.mark.parametrize("size", [(0, 0), (0, 5)])
def test_an_image_without_pixels_is_refused(size: tuple[int, int]):
    """A picture has at least one pixel."""
    with pytest.raises(InputError, match="0×"):
        _binding(Image.new("RGB", size), None)


@pytest.mark.parametrize(("shape", "mode"), [((2, 3), "L"), ((2, 3, 3), "RGB"), ((2, 3, 4), "RGBA")])
def test_an_array_has_the_address_of_the_same_image(shape: tuple[int, ...], mode: str, reach: Reach):
    """A uint8 array and the image with the same pixels are one picture, however the array lies in memory."""
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(numpy.prod(shape), dtype="uint8").reshape(shape)
    expected = pixels_of(image(mode), "x").digest

    assert _binding(array, reach)[0].value == expected
    assert _binding(numpy.asfortranarray(array), None)[0].value == expected
    assert _binding(array[::-1][::-1], None)[0].value == expected


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        *(((2, 3), dtype) for dtype in ("float64", "uint16", "bool", "int8")),
        *((shape, "uint8") for shape in ((2, 3, 1), (6,), (2, 3, 2), (1, 2, 3, 3), ())),
    ],
)
def test_other_arrays_are_not_addressed(shape: tuple[int, ...], dtype: str):
    """An array of another type or shape is refused with what converts it."""
    numpy = pytest.importorskip("numpy")
    with pytest.raises(InputError, match="an array of") as caught:
        _binding(numpy.zeros(shape, dtype), None)
    assert "gemnb.keep(photo)" in caught.value.hint


def test_an_array_without_pixels_is_refused():
    """An empty array is no picture."""
    numpy = pytest.importorskip("numpy")
    with pytest.raises(InputError, match="0×5"):
        _binding(numpy.zeros((5, 0), "uint8"), None)


def test_in_replay_nothing_is_kept(tmp_path: Path, cache: Cache, reach: Reach):
    """In replay the cache is left as it is, and what any place keeps is found."""
    near = Cache(DirectoryStore(tmp_path / "near"))
    replay = Reach(places=(near, cache), mode=Mode.REPLAY)
    binding, blobs = _binding(image(), replay)
    assert binding.value == pixels_of(image(), "x").digest
    assert len(blobs) == 1
    assert not (tmp_path / "cache").exists()
    _binding(image(), reach)
    assert _binding(image(), replay) == (binding, {})
    assert not (tmp_path / "near").exists()


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Where the PNG cannot be kept the cell goes on, since an answer may be there; that it was not is told."""
    (tmp_path / "cache").write_text("no folder")
    binding, blobs = _binding(image(), Reach(places=(Cache(DirectoryStore(tmp_path / "cache")),)))
    assert binding.blob
    assert len(blobs) == 1
    assert "could not be kept" in caplog.text


def test_a_lost_png_is_made_again(cache: Cache, reach: Reach):
    """Where only the bytes of the PNG are gone, the pixels at hand make them again."""
    binding, blobs = _binding(image(), reach)
    (digest,) = blobs
    cache.store.delete(f"blobs/{digest[7:9]}/{digest[7:]}")
    assert _binding(image(), reach)[1] == blobs
    assert pixels_blob([cache], binding.value or "") == digest


def test_a_wrong_entry_is_mended(cache: Cache, reach: Reach):
    """An entry that leads nowhere is replaced when the pixels are at hand."""
    digest = pixels_of(image(), "x").digest
    for wrong in (b"", b"\xff\xfe", b"sha256:" + b"0" * 64):
        cache.store.delete(pixels_key(digest))
        cache.store.put(pixels_key(digest), wrong)
        _binding(image(), reach)
        if wrong.startswith(b"sha256"):
            assert pixels_blob([cache], digest)


def test_pixels_are_sent_as_their_png(cache: Cache, reach: Reach):
    """A backend gets the PNG in the place of pixels; the request, and so its digest, is not changed."""
    binding, blobs = _binding(image(), reach)
    asked = []

    class Model:
        def generate(self, request: Request, blob: Callable[[str], bytes]) -> Reply:
            asked.append((request, blob(next(iter(blobs)))))
            return Reply(body=b"", host="h", client="c")

    request = _request(pixels_part(binding.value or ""), {"text": "x"})
    before = request_digest(request)
    SendsPixels(backend=Model(), places=(cache,)).generate(request, cache.blob)
    ((sent, data),) = asked
    assert sent.contents[0].parts == (
        {"inlineData": {"mimeType": "image/png", "data": {"$blob": next(iter(blobs))}}},
        {"text": "x"},
    )
    assert data == next(iter(blobs.values()))
    assert request_digest(request) == before


def test_pixels_are_looked_for_in_every_place(tmp_path: Path, cache: Cache, reach: Reach):
    """What a private cell kept is found by a later one that goes on from it."""
    binding, blobs = _binding(image(), reach)
    other = Cache(DirectoryStore(tmp_path / "other"))
    assert pixels_blob([other, cache], binding.value or "") in blobs


@pytest.mark.parametrize("shown", ["another", "palette", "jpeg", "cut", "none"])
def test_an_entry_that_shows_other_pixels_is_not_sent(
    cache: Cache, reach: Reach, make_picture: Callable[..., bytes], shown: str
):
    """A PNG is decoded and compared before it is sent: a wrong one is damage."""
    digest = pixels_of(image(), "x").digest
    _binding(image(), reach)
    wrong = {
        "another": make_picture("PNG"),
        "palette": make_picture("PNG", mode="P"),
        "jpeg": make_picture("JPEG"),
        "cut": make_picture("PNG", noise=True)[:-60],
        "none": b"none",
    }[shown]
    cache.store.delete(pixels_key(digest))
    cache.store.put(pixels_key(digest), cache.put_blob(wrong).encode())
    with pytest.raises(CorruptEntry, match="other pixels"):
        pixels_blob([cache], digest)


def test_pixels_that_are_not_kept_are_told(cache: Cache):
    """Pixels without a PNG are an error that says where it should be."""
    with pytest.raises(CorruptEntry, match="missing") as caught:
        pixels_blob([cache], pixels_of(image(), "x").digest)
    assert "pixels/" in caught.value.why


@pytest.mark.parametrize(
    "data", [{"$pixels": 7}, {"$pixels": "sha256:x"}, {"$pixels": "sha256:" + "0" * 64, "as": "x"}]
)
def test_a_malformed_reference_to_pixels_is_damage(data: dict[str, Any]):
    """A request that refers to pixels as no gemnb would is damaged."""
    with pytest.raises(CorruptEntry, match="no gemnb wrote"):
        with_pictures(_request({"inlineData": {"mimeType": "image/png", "data": data}}), str)


@pytest.mark.parametrize(
    "part",
    [{"text": "x"}, {"inlineData": "x"}, {"inlineData": {"data": "x"}}, {"inlineData": {"data": {"$blob": "x"}}}],
)
def test_other_parts_are_left_alone(part: dict[str, Any]):
    """Nothing but a picture of pixels is touched."""
    assert with_pictures(_request(part), str) == _request(part)


def test_a_models_words_are_never_taken_for_pixels():
    """A turn of the model stands as it was received, whatever it holds."""
    request = _request(pixels_part("sha256:" + "0" * 64), role="model")
    assert with_pictures(request, str) == request
    assert replace(request, contents=()) != request


def test_looking_at_values_imports_neither_numpy_nor_pillow(make_picture: Callable[..., bytes]):
    """A cell with bytes and variables loads nothing that knows pictures or sockets."""
    code = (
        "import sys\n"
        "from gemnb.inputs import resolve\n"
        "from gemnb.cell import parse\n"
        "from gemnb.invocation import needs\n"
        f"resolve(needs(parse('%%gemimg -i photo -p a=b\\nx')), {{'photo': {make_picture()!r}}}, ())\n"
        "print([m for m in ('PIL', 'numpy', 'socket', 'ssl', 'http.client', 'urllib.request') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
