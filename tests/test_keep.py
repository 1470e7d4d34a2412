"""`gemnb.keep`: whatever shows a picture becomes one that can be addressed, and says what was done."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from gemnb.canonical import blob_digest
from gemnb.cell import parse
from gemnb.errors import InputError
from gemnb.inputs import Resolved, keep, resolve
from gemnb.invocation import needs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _resolve(value: object) -> Resolved:
    return resolve(needs(parse("%%gemimg -i photo\nx")), {"photo": value}, ())


class Figure:
    """A figure as matplotlib's: it writes itself as PNG."""

    __module__ = "matplotlib.figure"

    def __init__(self, data: bytes) -> None:
        self.data = data

    def savefig(self, file: io.BytesIO, *, format: str, metadata: dict[str, None]) -> None:  # noqa: A002
        assert (format, metadata) == ("png", {"Software": None})
        file.write(self.data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_original_bytes_stay_as_they_are(make_picture: Callable[..., bytes], tmp_path: Path, kind: str):
    """A picture that models take is kept byte by byte, from bytes and from a path."""
    data = make_picture(kind)
    (tmp_path / "photo").write_bytes(data)
    for value in (data, bytearray(data), memoryview(data), tmp_path / "photo", str(tmp_path / "photo")):
        kept = keep(value)
        assert (kept.bytes, kept.digest, kept.pixels) == (data, blob_digest(data), None)
        assert "64×48, its original bytes" in repr(kept)
    binding = _resolve(keep(data)).bindings[0]
    assert (binding.kind, binding.blob, binding.mime_type) == ("variable", blob_digest(data), kept.mime_type)


@pytest.mark.parametrize(
    ("mode", "becomes"),
    [
        *(("L", "L"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("1", "L"), ("P", "RGB"), ("CMYK", "RGB"), ("YCbCr", "RGB")),
        *(("HSV", "RGB"), ("RGBX", "RGB"), ("LA", "RGBA"), ("PA", "RGBA"), ("La", "RGBA"), ("RGBa", "RGBA")),
    ],
)
def test_images_of_colour_become_8_bit(mode: str, becomes: str):
    """Every mode of colour becomes L, RGB or RGBA, which the PNG shows and the repr says."""
    kept = keep(Image.new(mode, (4, 3)))
    assert kept.pixels is not None
    assert kept.pixels.mode == becomes
    with Image.open(io.BytesIO(kept.bytes)) as image:
        assert (image.mode, image.tobytes()) == (becomes, kept.pixels.data)
    assert "kept as PNG 4×3" in repr(kept)
    assert (f"converted from mode {mode}" in repr(kept)) == (mode != becomes)


def test_a_kept_image_is_an_input_by_its_pixels():
    """What was converted is addressed by its pixels, as the image itself would be."""
    image = Image.new("RGB", (4, 3), "teal")
    (binding,) = _resolve(keep(image)).bindings
    assert binding == _resolve(image).bindings[0]
    assert (binding.kind, binding.value) == ("pixels", keep(image).digest)
    assert binding.blob == blob_digest(keep(image).bytes)


def test_a_palette_with_transparency_keeps_it():
    """A palette that has a transparent colour becomes RGBA."""
    buffer = io.BytesIO()
    Image.new("P", (2, 2)).save(buffer, "PNG", transparency=0)
    with Image.open(buffer) as image:
        kept = keep(image)
    assert kept.pixels is not None
    assert kept.pixels.mode == "RGBA"
    assert kept.pixels.data == bytes(16)


@pytest.mark.parametrize("kind", ["TIFF", "BMP"])
def test_formats_that_models_do_not_take_are_converted(make_picture: Callable[..., bytes], kind: str, tmp_path: Path):
    """A file of another format is decoded, and becomes pixels."""
    (tmp_path / "scan").write_bytes(make_picture(kind))
    assert f"converted from {kind} of mode RGB" in repr(keep(tmp_path / "scan"))


def test_a_picture_is_turned_upright_and_its_metadata_goes():
    """The orientation of a photograph is applied, since nothing but its pixels stays."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a secret"
    buffer = io.BytesIO()
    Image.new("RGB", (4, 2)).save(buffer, "JPEG", exif=exif)
    with Image.open(buffer) as image:
        kept = keep(image)
    assert kept.pixels is not None
    assert (kept.pixels.width, kept.pixels.height) == (2, 4)
    assert b"secret" not in kept.bytes
    assert "turned upright" in repr(kept)


@pytest.mark.parametrize(
    ("mode", "values", "numbers", "pixels"),
    [
        ("F", "0..1", [0.0, 0.5, 1.0], [0, 128, 255]),
        ("I", "0..65535", [0, 32768, 65535], [0, 128, 255]),
        ("I", "0..255", [0, 127, 255], [0, 127, 255]),
    ],
)
def test_images_of_numbers_need_their_range(mode: str, values: Any, numbers: list[float], pixels: list[int]):
    """An image of numbers is converted once black and white are said, and refused before."""
    image = Image.new(mode, (3, 1))
    image.putdata(numbers)
    with pytest.raises(InputError, match="black and white") as caught:
        keep(image)
    assert "from 0 to" in caught.value.why
    kept = keep(image, values=values)
    assert kept.pixels is not None
    assert list(kept.pixels.data) == pixels
    assert values in repr(kept)


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_images_of_16_bits_are_scaled(mode: str):
    """16-bit images are scaled to 8 bits, never cut off."""
    kept = keep(Image.new(mode, (2, 1), 32768), values="0..65535")
    assert kept.pixels is not None
    assert list(kept.pixels.data) == [128, 128]


@pytest.mark.parametrize(
    ("dtype", "values", "numbers", "pixels"),
    [
        ("float64", "0..1", [0, 0.25, 0.5, 1], [0, 64, 128, 255]),
        ("float32", "0..255", [0, 1.4, 1.5, 255], [0, 1, 2, 255]),
        ("float16", "0..1", [0, 0.5, 1, 1], [0, 128, 255, 255]),
        ("uint16", "0..65535", [0, 257, 32768, 65535], [0, 1, 128, 255]),
        ("int64", "0..255", [0, 1, 2, 255], [0, 1, 2, 255]),
        ("bool", None, [0, 1, 1, 0], [0, 255, 255, 0]),
        ("uint8", None, [0, 1, 2, 255], [0, 1, 2, 255]),
    ],
)
def test_arrays_become_8_bit(dtype: str, values: Any, numbers: list[float], pixels: list[int]):
    """Arrays of any numbers become 8-bit pixels, rounded half up from what black and white are said to be."""
    numpy = pytest.importorskip("numpy")
    kept = keep(numpy.array(numbers).astype(dtype).reshape(2, 2), values=values)
    assert kept.pixels is not None
    assert list(kept.pixels.data) == pixels
    assert "kept as PNG 2×2" in repr(kept)
    assert (dtype in repr(kept)) == (dtype != "uint8")


@pytest.mark.parametrize(("shape", "mode"), [((2, 3, 1), "L"), ((2, 3, 3), "RGB"), ((2, 3, 4), "RGBA")])
def test_arrays_of_colour_are_pictures(shape: tuple[int, ...], mode: str):
    """The last axis of an array is its colours."""
    numpy = pytest.importorskip("numpy")
    kept = keep(numpy.zeros(shape, "float32"), values="0..1")
    assert kept.pixels is not None
    assert (kept.pixels.mode, kept.pixels.width, kept.pixels.height) == (mode, 3, 2)


@pytest.mark.parametrize("numbers", [[0, 1.5], [-0.1, 1], [float("nan"), 0], [0, float("inf")]])
def test_numbers_beyond_the_range_are_refused(numbers: list[float]):
    """What is neither black, white nor between them is refused, and never cut off."""
    numpy = pytest.importorskip("numpy")
    with pytest.raises(InputError, match=r"does not lie in 0\.\.1"):
        keep(numpy.array([numbers]), values="0..1")


@pytest.mark.parametrize("shape", [(4,), (2, 3, 2), (1, 2, 3, 3), (0, 4), ()])
def test_arrays_that_are_no_picture_are_refused(shape: tuple[int, ...]):
    """An array of another shape is refused with the shapes of pictures."""
    numpy = pytest.importorskip("numpy")
    with pytest.raises(InputError, match="no picture") as caught:
        keep(numpy.zeros(shape, "uint8"))
    assert "H×W×3" in caught.value.hint


@pytest.mark.parametrize("dtype", ["complex64", "U3", "object", "datetime64[s]"])
def test_arrays_without_numbers_are_refused(dtype: str):
    """An array of anything but real numbers is no picture."""
    numpy = pytest.importorskip("numpy")
    with pytest.raises(InputError, match="no picture"):
        keep(numpy.zeros((2, 2), dtype), values="0..1")


def test_a_figure_is_saved(make_picture: Callable[..., bytes]):
    """A figure is saved as PNG and kept as its pixels: the same drawing has the same address."""
    kept = keep(Figure(make_picture("PNG", (8, 6))))
    assert kept.pixels is not None
    assert (kept.pixels.mode, kept.pixels.width, kept.pixels.height) == ("RGBA", 8, 6)
    assert "converted from a matplotlib figure" in repr(kept)
    assert keep(Figure(make_picture("PNG", (8, 6)))) == kept


def test_the_same_pixels_are_one_picture():
    """Kept pictures are equal, and hash alike, by their address; keeping one again changes nothing."""
    one, other = keep(Image.new("L", (2, 2))), keep(Image.new("1", (2, 2)))
    assert one == other
    assert len({one, other, keep(Image.new("L", (2, 2), 7))}) == 2
    assert one != "something else"
    assert keep(one) is one


def test_a_kept_picture_cannot_be_changed_and_shows_itself(make_picture: Callable[..., bytes]):
    """A kept picture is immutable, and Jupyter shows it."""
    kept = keep(make_picture("PNG"))
    with pytest.raises(AttributeError):
        kept.bytes = b""  # type: ignore[misc]
    assert kept._repr_mimebundle_() == {"text/plain": repr(kept), "image/png": kept.bytes}
    assert "image/webp" not in keep(make_picture("WEBP"))._repr_mimebundle_()


@pytest.mark.parametrize(
    "value", [None, 7, object(), [1], b"", b"no picture", b"II*\x00" + bytes(40)], ids=lambda v: repr(v)[:12]
)
def test_what_shows_no_picture_is_refused(value: object):
    """Anything else is refused, foreign bytes with what the decoder says."""
    with pytest.raises(InputError, match=r"gemnb\.keep"):
        keep(value)


def test_a_missing_file_and_an_unknown_range_are_told(tmp_path: Path):
    """A path that is not there, and a range that does not exist, are errors of their own."""
    with pytest.raises(InputError, match="cannot be read"):
        keep(tmp_path / "missing.png")
    with pytest.raises(InputError, match="no range"):
        keep(b"", values="-1..1")  # type: ignore[arg-type]
