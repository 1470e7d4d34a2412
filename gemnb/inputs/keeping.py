"""`gemnb.keep`: make a picture that can be addressed of anything that shows one, and say what was done."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, cast

import pybase64

from gemnb.canonical import blob_digest, short
from gemnb.errors import InputError
from gemnb.inputs.files import MAX_INPUT, read_input
from gemnb.inputs.pixels import MAX_PIXELS, Pixels, is_array, is_pillow, made
from gemnb.inputs.statements import IMPORT_MIMETYPE, NOT_VERIFIABLE, import_document, import_plain
from gemnb.sniff import sniff

if TYPE_CHECKING:
    import PIL.Image

    from gemnb.inputs.pixels import Array
    from gemnb.inputs.statements import Import

Values = Literal["0..1", "0..255", "0..65535"]
_Bytes = bytes  # in the class below, `bytes` is a field

_TOP: dict[str, int] = {"0..1": 1, "0..255": 255, "0..65535": 65535}
_BY_VALUE = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")  # Pillow's modes of numbers rather than of colours


class Figure(Protocol):
    """What is used of a matplotlib figure."""

    def savefig(self, fname: object, *, format: str, metadata: dict[str, None]) -> None:  # noqa: A002 - its name
        """Write the figure."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class KeptPicture:
    """An immutable picture for `-i NAME`.

    Attributes:
        bytes: Its original bytes, or the PNG made of its pixels.
        mime_type: Their type.
        digest: Its address in a request: over the original bytes, or over the pixels of what was converted.
        pixels: The pixels, where it was converted; None where the bytes are the original ones.
        said: What was done.
        imported: What its author states of it; None where nothing was stated.
        shown: The bytes that stand in the notebook, of an import: the original, or its preview.
    """

    bytes: bytes
    mime_type: str
    digest: str
    pixels: Pixels | None = None
    said: str
    imported: Import | None = None
    shown: _Bytes = b""

    def __repr__(self) -> str:
        stated = f", imported, {NOT_VERIFIABLE}" if self.imported else ""
        return f"<gemnb.keep: {self.said}{stated}, {short(self.digest)}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KeptPicture) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, object] | tuple[dict[str, object], dict[str, object]]:
        del include, exclude  # IPython filters what it gets
        if self.imported is not None:
            return _bundle(self.imported, self.shown)
        return {"text/plain": repr(self)} | ({self.mime_type: self.bytes} if self.mime_type != "image/webp" else {})


def _bundle(made: Import, shown: bytes) -> tuple[dict[str, object], dict[str, object]]:
    """Return data and metadata of an import's output: a function of the import alone."""
    image = made.picture.preview or made.picture.original
    data: dict[str, object] = {
        image.mime_type: pybase64.b64encode_as_string(shown),
        "text/plain": import_plain(made),
        IMPORT_MIMETYPE: import_document(made),
    }
    facts: dict[str, object] = {"width": image.width, "height": image.height}
    return data, {image.mime_type: facts if made.alt is None else facts | {"alt": made.alt}}


def keep(value: object, *, values: Values | None = None) -> KeptPicture:
    """Return a picture that can be an input: `photo = gemnb.keep(x)`, then `-i photo`.

    Original bytes (a path, or bytes of PNG, JPEG, WebP or GIF) stay as they are. Everything else becomes 8-bit
    L, RGB or RGBA pixels, and is addressed by these: the same pixels have the same address on every machine.
    Nothing is written before a cell asks with it (`gemnb.keep`, which says more of a picture, keeps it at once).

    Args:
        value: A Pillow image of any mode, a numpy array, a matplotlib figure, a path, bytes, or a result.
        values: For numbers that are no 8-bit pixels, what black and white are: `0..1`, `0..255` or `0..65535`.

    Raises:
        InputError: It shows no picture, or the range of its numbers was not said or does not hold them.
    """
    if values is not None and values not in _TOP:
        raise InputError(f"gemnb.keep: there is no range {values!r}.", hint='values="0..1", "0..255" or "0..65535"')
    if isinstance(value, KeptPicture):
        return value
    if isinstance(value, str | Path):
        return _of_bytes(read_input(Path(value)), str(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return _of_bytes(bytes(value), "it")
    if is_pillow(value):
        return _of_image(cast("PIL.Image.Image", value), values)
    if is_array(value):
        return _of_array(cast("Array", value), values)
    if type(value).__module__.partition(".")[0] == "matplotlib" and hasattr(value, "savefig"):
        return _of_figure(cast("Figure", value))
    raise InputError(
        f"gemnb.keep: a {type(value).__name__} shows no picture.",
        hint="It takes Pillow images, numpy arrays, matplotlib figures, paths, and bytes of pictures.",
    )


def _of_bytes(data: bytes, name: str) -> KeptPicture:
    if len(data) > MAX_INPUT:
        raise InputError(f"{name} is bigger than the 100 MB a request can carry.")
    found = sniff(data)
    if found is None:
        return _of_image(_opened(data, name), None)
    kind = found.mime_type.removeprefix("image/").upper().replace("WEBP", "WebP")
    return KeptPicture(
        bytes=data,
        mime_type=found.mime_type,
        digest=blob_digest(data),
        said=f"kept as {kind} {found.width}×{found.height}, its original bytes",
    )


def _opened(data: bytes, name: str) -> PIL.Image.Image:
    """Return a picture of a format that models do not take (TIFF, BMP, …), decoded."""
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            image.load()
    except Exception as error:  # noqa: BLE001 - the decoders of Pillow raise anything for foreign bytes
        reason = f"{type(error).__name__}: {error}" if data else "It is empty."
    else:
        return image
    raise InputError(f"gemnb.keep: {name} is not a picture.", why=reason)


def _of_image(image: PIL.Image.Image, values: Values | None) -> KeptPicture:
    from PIL import ImageOps

    came_from = f"{image.format} of mode {image.mode}" if image.format else f"mode {image.mode}"
    turned = image.getexif().get(0x0112, 1) not in (0, 1)
    if turned:  # the orientation stood in its metadata, and no metadata is kept
        image = ImageOps.exif_transpose(image)
        came_from += ", turned upright"
    if image.mode in _BY_VALUE:
        numbers = _numbers(image)
        data = bytes(_to_byte(number, _top(values, f"mode {image.mode}", numbers)) for number in numbers)
        came_from += f" {values}"
        return _converted(made("L", image.width, image.height, data, "the image"), came_from)
    mode = image.mode
    if mode not in ("L", "RGB", "RGBA"):
        image = image.convert("LA") if mode == "La" else image  # Pillow has no shorter way
        image = image.convert("RGBA" if image.has_transparency_data else "L" if mode == "1" else "RGB")
    elif "transparency" in image.info:
        image = image.convert("RGBA")
    pixels = made(cast("Literal['L', 'RGB', 'RGBA']", image.mode), *image.size, image.tobytes(), "the image")
    return _converted(pixels, came_from if mode != image.mode or image.format or turned else "")


def _numbers(image: PIL.Image.Image) -> list[float]:
    data = image.convert("F" if image.mode == "F" else "I").tobytes()
    return cast("list[float]", memoryview(data).cast("f" if image.mode == "F" else "i").tolist())


def _of_array(array: Array, values: Values | None) -> KeptPicture:
    shape = array.shape
    if len(shape) == 3 and shape[2] == 1:
        array = array.reshape(shape[:2])
    channels = array.shape[2] if len(array.shape) == 3 else 1
    if (
        len(array.shape) not in (2, 3)
        or channels not in (1, 3, 4)
        or array.size == 0
        or array.dtype.kind not in "buif"
    ):
        raise InputError(
            f"gemnb.keep: an array of {array.dtype} with the shape {shape} is no picture.",
            hint="Pictures are numbers of the shape H×W, H×W×3 or H×W×4; arrays of several are kept one by one.",
        )
    if array.size > 4 * MAX_PIXELS:
        raise InputError(f"gemnb.keep: an array of {array.size:,} numbers is too big for a picture.")
    came_from = "" if array.dtype.name == "uint8" else str(array.dtype)
    if array.dtype.kind == "b":
        array = (array.astype("float64") * 255).astype("uint8")
    elif array.dtype.name != "uint8":
        top = _top(values, f"{array.dtype} array", [float(array.min()), float(array.max())])
        came_from += f" {values}"
        # In float64 and rounded half up: the same numbers give the same pixels everywhere.
        array = (array.astype("float64") * (255 / top) + 0.5).astype("uint8")
    mode: Literal["L", "RGB", "RGBA"] = "L" if channels == 1 else "RGB" if channels == 3 else "RGBA"
    return _converted(made(mode, array.shape[1], array.shape[0], array.tobytes(), "the array"), came_from)


def _of_figure(figure: Figure) -> KeptPicture:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    image = _opened(buffer.getvalue(), "what the figure saved")
    kept = _of_image(image.convert("RGBA"), None)
    return _converted(cast("Pixels", kept.pixels), "a matplotlib figure")


def _converted(pixels: Pixels, came_from: str) -> KeptPicture:
    return KeptPicture(
        bytes=pixels.png(),
        mime_type="image/png",
        digest=pixels.digest,
        pixels=pixels,
        said=f"kept as PNG {pixels.width}×{pixels.height}"
        + (f", converted from {came_from}" if came_from else "")
        + f" ({pixels.mode})",
    )


def _top(values: Values | None, what: str, numbers: list[float]) -> int:
    low, high = min(numbers), max(numbers)
    found = f"Its numbers go from {low:g} to {high:g}."
    if values is None:
        raise InputError(
            f"gemnb.keep: what are black and white in this {what}?",
            why=found,
            hint='gemnb.keep(x, values="0..1")   or "0..255", or "0..65535"',
        )
    if not (low >= 0 and high <= _TOP[values]):  # written so that NaN is refused
        raise InputError(
            f"gemnb.keep: this {what} does not lie in {values}.",
            why=found,
            hint="Scale it yourself, for example: x.clip(0, 1)",
        )
    return _TOP[values]


def _to_byte(number: float, top: int) -> int:
    return int(number * (255 / top) + 0.5)
