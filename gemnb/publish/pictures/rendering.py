"""WebP copies of a picture at the widths of a theme. The same picture and arguments give the same bytes."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.errors import InputError
from gemnb.inputs.pixels import MAX_PIXELS
from gemnb.publish.pictures.containers import embed_xmp
from gemnb.sniff import sniff

if TYPE_CHECKING:
    import PIL.Image

    from gemnb.publish.pictures.provenance import Provenance

_METHOD = 4  # libwebp's default effort; 6 takes twice the time for some 3 % fewer bytes
_PARAMETERS = f"webp method={_METHOD} lanczos srgb 2"  # the number counts changes of this module that change bytes
_NEARLY = 0.85  # a copy that is this much narrower than the original saves bytes enough to be worth its place
_STEM = re.compile(r"\w[\w.@-]*")
_NUMBERS = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # Pillow's modes of 16-bit greys


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One file for a page.

    Attributes:
        name: File name, without a folder.
        mime_type: Its type.
        width: In pixels.
        height: In pixels.
        data: Its bytes.
    """

    name: str
    mime_type: str
    width: int
    height: int
    data: bytes


def renditions(
    original: bytes, *, stem: str, widths: tuple[int, ...], provenance: Provenance, quality: int = 82
) -> tuple[Rendition, ...]:
    """Return WebP copies of a picture, the narrowest first.

    One at each width that is not above the original's. Where some are, one of the original's own width takes the
    place of them, and of those that are nearly as wide: nothing that a dense display could show is lost. They are
    called `<stem>-<width>.webp`, the widest `<stem>.webp`. The picture is turned upright and its transparency kept;
    of its metadata nothing is copied, the place where it was taken least of all. Colours are converted to sRGB: that
    is what browsers, feed readers and converters assume of a picture that says nothing, and it costs no bytes.

    Args:
        original: PNG, JPEG, WebP or GIF bytes (of a moving picture the first frame).
        stem: Beginning of the file names.
        widths: In pixels; order and repetition do not count.
        provenance: What each copy says of itself.
        quality: Of WebP, from 0 to 100.

    Raises:
        InputError: The bytes are no whole picture, or of more than 64 megapixels; the stem is no file name.
    """
    if not _STEM.fullmatch(stem):
        raise InputError(f"{stem[:80]!r} cannot begin a file name.", why="It takes letters, digits, and . @ _ -")
    image = opened(original)
    wanted = _wanted(widths, image.width)
    made = []
    for width in wanted:
        height = max(1, round(image.height * width / image.width))
        name = f"{stem}.webp" if width == wanted[-1] else f"{stem}-{width}.webp"
        data = embed_xmp(webp(image, (width, height), quality), "image/webp", provenance)
        made.append(Rendition(name=name, mime_type="image/webp", width=width, height=height, data=data))
    return tuple(made)


def _wanted(widths: tuple[int, ...], own: int) -> list[int]:
    if max(widths, default=own) < own:
        return sorted({width for width in widths if width > 0}) or [own]
    return [*sorted({width for width in widths if 0 < width <= own * _NEARLY and width < own}), own]


def encoder_version() -> str:
    """Return what the bytes of a copy depend on beside picture and arguments: libraries and our own parameters."""
    import PIL
    from PIL import features

    libraries = ((name, features.version(name)) for name in ("webp", "littlecms2"))
    return " ".join([f"pillow {PIL.__version__}", *(f"{name} {version}" for name, version in libraries), _PARAMETERS])


def opened(data: bytes) -> PIL.Image.Image:
    """Return a picture decoded: upright, in sRGB, mode RGB, or RGBA where something of it is transparent.

    Raises:
        InputError: The bytes are no whole picture, or of more than 64 megapixels.
    """
    found = sniff(data)
    if found is None:
        raise InputError(
            "The bytes are no picture.", why=f"They begin with {data[:12]!r}." if data else "There are none."
        )
    # Before Pillow sees it: what claims to be huge must take neither memory nor a warning.
    if found.width * found.height > MAX_PIXELS:
        raise _too_big(found.width, found.height)
    from PIL import Image

    failure: Exception
    try:
        image: PIL.Image.Image = Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP", "GIF"])
        if image.width * image.height <= MAX_PIXELS:
            image.load()
            return _plain(image)
        failure = _too_big(image.width, image.height)
    except Exception as error:  # noqa: BLE001 - the decoders of Pillow raise anything for foreign bytes
        failure = InputError("The picture cannot be decoded.", why=f"{type(error).__name__}: {error}")
    raise failure


def _too_big(width: int, height: int) -> InputError:
    return InputError(f"The picture claims {width}×{height} pixels; up to {MAX_PIXELS:,} are decoded.")


def _plain(image: PIL.Image.Image) -> PIL.Image.Image:
    from PIL import ImageOps

    profile = image.info.get("icc_profile")
    # Whatever broken EXIF data raises: the pixels are whole.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode in _NUMBERS:  # 16-bit greys, which a plain conversion would cut off at 255
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    transparent = image.has_transparency_data
    mode = "RGBA" if transparent else "RGB"
    # A profile is for the colours as they are stored; palettes are stored as RGB.
    made = _to_srgb(image if image.mode in ("L", "CMYK", mode) else image.convert(mode), profile)
    made = made if made.mode == mode else made.convert(mode)
    if transparent and made.getchannel("A").getextrema() == (255, 255):
        return made.convert("RGB")
    return made


def _to_srgb(image: PIL.Image.Image, profile: object) -> PIL.Image.Image:
    """Return the picture in sRGB; where its profile is broken or fits not, as if it had none."""
    if not isinstance(profile, bytes) or not profile:
        return image
    from PIL import ImageCms

    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
        out = "RGBA" if image.mode == "RGBA" else "RGB"
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        made = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=out)
        if made is not None:
            return made
    return image


def webp(image: PIL.Image.Image, size: tuple[int, int], quality: int) -> bytes:
    """Return a picture as WebP in a size of pixels, without any metadata."""
    from PIL import Image

    small = image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    # Named, lest Pillow copies what the original carried.
    small.save(buffer, "WEBP", quality=quality, method=_METHOD, exif=b"", xmp=b"", icc_profile=b"")
    return buffer.getvalue()
