"""Pictures that exist only as pixels: keyed by mode, size and pixel bytes, sent as a PNG (`sending`).

A PNG's bytes depend on who made it (the version of zlib and Pillow), pixels do not: the request holds
`{"$pixels": digest}`, so that another machine, having made the same pixels, finds the same answer.
Neither Pillow nor numpy is imported to look at a value: one that comes from them has them loaded.
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, Self, cast

from gemnb.canonical import blob_digest, short
from gemnb.errors import InputError

if TYPE_CHECKING:
    import PIL.Image

PIXELS = "pixels"
"""The kind of a binding whose `value` is the digest of pixels, and whose `blob` is the PNG they are sent as."""

Mode = Literal["L", "RGB", "RGBA"]

_CHANNELS: dict[str, int] = {"L": 1, "RGB": 3, "RGBA": 4}
_MODES: dict[int, Mode] = {1: "L", 3: "RGB", 4: "RGBA"}
MAX_PIXELS = 64 * 1024 * 1024
"""More than any model takes (a picture of 8192 × 8192); what claims to be bigger is not decoded."""

# Formats whose pixels every decoder reads alike; those of JPEG and lossy WebP differ from version to version.
_LOSSLESS = (None, "PNG", "BMP", "PPM", "TIFF", "GIF", "TGA")


class DType(Protocol):
    """What is used of the type of an array's numbers."""

    @property
    def name(self) -> str:
        """Such as `uint8`."""

    @property
    def kind(self) -> str:
        """`b`, `u`, `i` or `f` for truth values, unsigned, signed and floating-point numbers."""


class Array(Protocol):
    """What is used of a numpy array; numpy itself is nothing that gemnb needs."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, columns, and channels where there are any."""

    @property
    def dtype(self) -> DType:
        """The type of its numbers."""

    @property
    def size(self) -> int:
        """How many numbers it holds."""

    def min(self) -> float:
        """Return the least number; NaN where one is."""

    def max(self) -> float:
        """Return the greatest number; NaN where one is."""

    def tobytes(self) -> bytes:
        """Return the numbers row by row."""

    def astype(self, dtype: str, /) -> Self:
        """Return the numbers as others."""

    def reshape(self, shape: tuple[int, ...], /) -> Self:
        """Return the numbers in another shape."""

    def __mul__(self, number: float, /) -> Self: ...
    def __add__(self, number: float, /) -> Self: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """8-bit pixels: rows from the top, without padding."""

    mode: Mode
    width: int
    height: int
    data: bytes

    def __repr__(self) -> str:
        return f"<{self.mode} pixels {self.width}×{self.height} {short(self.digest)}>"

    @property
    def digest(self) -> str:
        """The digest over `gemnb-pixels-v0`, LF, mode, width and height, LF, and the bytes."""
        return blob_digest(f"gemnb-pixels-v0\n{self.mode} {self.width} {self.height}\n".encode() + self.data)

    def png(self) -> bytes:
        """Return the pixels as PNG; its bytes differ between versions of Pillow and zlib."""
        from PIL import Image

        buffer = io.BytesIO()
        Image.frombytes(self.mode, (self.width, self.height), self.data).save(buffer, "PNG")
        return buffer.getvalue()


def is_pillow(value: object) -> bool:
    """Return whether the value is a Pillow image, without importing Pillow."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


def is_array(value: object) -> bool:
    """Return whether the value is a numpy array, without importing numpy."""
    module = sys.modules.get("numpy")
    return module is not None and isinstance(value, module.ndarray)


def pixels_of(value: object, name: str) -> Pixels | None:
    """Return the pixels of a Pillow image or a numpy array, or None where the value is neither.

    Args:
        value: Anything.
        name: What the user called it, for the error.

    Raises:
        InputError: Its pixels have no one form: another mode, type or shape than 8-bit L, RGB or RGBA.
    """
    if is_pillow(value):
        return of_image(cast("PIL.Image.Image", value), name)
    if is_array(value):
        return _of_array(cast("Array", value), name)
    return None


def made(mode: Mode, width: int, height: int, data: bytes, name: str) -> Pixels:
    """Return pixels of a plausible size.

    Raises:
        InputError: There are none, or too many.
    """
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError(f"{name} has {width}×{height} pixels; gemnb takes from 1 to {MAX_PIXELS:,} of them.")
    return Pixels(mode=mode, width=width, height=height, data=data)


def of_image(image: PIL.Image.Image, name: str) -> Pixels:
    """Return the pixels of a Pillow image.

    Raises:
        InputError: They have no one form, or are those of a lossy format.
    """
    if image.format not in _LOSSLESS:
        file = getattr(image, "filename", "") or "picture.jpg"
        raise InputError(
            f"{name} was decoded from {image.format}, whose pixels differ from decoder to decoder.",
            why="Its digest would not be the same on another machine. The original bytes are.",
            hint=f"Give its path: -i {file}   or the result it is the .image of\n"
            f"or keep what was decoded: photo = gemnb.keep({name}), then -i photo",
        )
    if image.mode not in _CHANNELS:
        raise _no_one_form(name, f"a Pillow image of mode {image.mode}")
    data = image.tobytes()
    return made(cast("Mode", image.mode), image.width, image.height, data, name)


def _of_array(array: Array, name: str) -> Pixels:
    shape = array.shape
    channels = shape[2] if len(shape) == 3 else 1
    # A last axis of length 1 is written without it, so that the same picture has one address.
    if array.dtype.name != "uint8" or len(shape) not in (2, 3) or (len(shape) == 3 and channels not in (3, 4)):
        raise _no_one_form(name, f"an array of {array.dtype} with the shape {shape}")
    return made(_MODES[channels], shape[1], shape[0], array.tobytes(), name)


def _no_one_form(name: str, what: str) -> InputError:
    return InputError(
        f"{name} is {what}, which is no picture until it is converted.",
        why="Addressed by their pixels are 8-bit L, RGB and RGBA: uint8 arrays of H×W, H×W×3 and H×W×4.",
        hint=f"photo = gemnb.keep({name})   converts it and says how; then -i photo",
    )
