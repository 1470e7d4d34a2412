"""Several pictures side by side in one, each with a label on a tab, as bloggers draw them. Deterministic bytes.

Measures are for a column of 700 pixels on a display of twice the density: with the default width of 1,400 pixels the
letters of a label are 15 pixels high on the page.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from gemnb.errors import InputError
from gemnb.publish.pictures.lettering import face_for, fitting, font_for
from gemnb.publish.pictures.rendering import opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    import PIL.Image

    from gemnb.publish.pictures.lettering import Font

TABS = ("#1a7f4b", "#1f5fbf", "#b3362b", "#0f7486", "#7a45b0", "#9a5b00")
"""Colours of the tabs, in turn; white letters on each have a contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3)."""

MOST = 36
"""Pictures of one composite."""

_ARROW = "#868e96"  # seen on white and on black
_PAD = 0.62  # of a label's size: the room beside it
_SMOOTH = 4  # shapes are drawn this many times larger and reduced, since Pillow draws them with hard edges


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    image: PIL.Image.Image
    left: int
    top: int
    width: int
    height: int


def composite(  # noqa: PLR0913 - how it looks, all by keyword
    pictures: Sequence[bytes],
    labels: Sequence[str] = (),
    *,
    width: int = 1400,
    columns: int | None = None,
    arrow: bool = False,
    background: str | None = None,
    mime_type: str = "image/png",
    quality: int = 85,
) -> bytes:
    """Return several pictures in one: rows of equal height, thin gaps, a label tab in the corner of each panel.

    No picture is cropped. Where the largest picture would be shown at more than twice its size, the composite is
    narrower than asked for; a smaller one beside it is enlarged to its height.

    Args:
        pictures: Bytes of two or more pictures.
        labels: One for each picture, or none at all; an empty one draws no tab.
        width: In pixels, of the whole.
        columns: Pictures in a row; found by their shapes where None.
        arrow: An arrow in each gap between neighbours: from input to output.
        background: Colour of the gaps; None leaves them transparent (white in JPEG).
        mime_type: `image/png`, `image/webp` or `image/jpeg`.
        quality: Of WebP and JPEG.

    Raises:
        InputError: Too few or too many pictures, a picture that cannot be decoded, or labels that do not match.
    """
    _check(pictures, labels, mime_type, width)
    # Reduced at once: thirty decoded originals would take gigabytes.
    images = [_reduced(opened(data), width) for data in pictures]
    rows = _rows(images, columns or _columns(images))
    gap = max(2, round(width * (0.055 if arrow else 0.008)))
    panels = _arranged(rows, width, gap, max(2, round(width * 0.008)))
    size = (max(p.left + p.width for p in panels), max(p.top + p.height for p in panels))
    canvas = _canvas(size, background or ("#ffffff" if mime_type == "image/jpeg" else None))
    for panel in panels:
        _put(canvas, panel)
    if labels:
        _draw_tabs(canvas, panels, labels)
    if arrow:
        for panel, following in pairwise(panels):
            if panel.top == following.top:
                _draw_arrow(canvas, panel, following)
    return _saved(canvas, mime_type, quality)


def _check(pictures: Sequence[bytes], labels: Sequence[str], mime_type: str, width: int) -> None:
    if not 2 <= len(pictures) <= MOST:
        raise InputError(f"A comparison takes from 2 to {MOST} pictures, and {len(pictures)} are given.")
    if labels and len(labels) != len(pictures):
        raise InputError(
            f"{len(pictures)} pictures have {len(labels)} labels.", hint='One label each; "" draws no tab.'
        )
    if mime_type not in _FORMATS:
        raise InputError(f"No composite is made as {mime_type[:80]!r}.", hint="Known: " + ", ".join(_FORMATS))
    if not 64 <= width <= 8192:
        raise InputError(f"A composite is from 64 to 8192 pixels wide, and {width} are asked for.")


def _reduced(image: PIL.Image.Image, side: int) -> PIL.Image.Image:
    from PIL import Image

    image.thumbnail((2 * side, 2 * side), Image.Resampling.LANCZOS)
    return image


def _columns(images: Sequence[PIL.Image.Image]) -> int:
    """Return how many pictures stand in a row, so that a row is no flatter than 4 to 1, or has three at most."""
    number = len(images)
    if number <= 3 or sum(image.width / image.height for image in images) <= 4:
        return number
    return math.ceil(math.sqrt(number))


def _rows(images: list[PIL.Image.Image], columns: int) -> list[list[PIL.Image.Image]]:
    return [images[start : start + columns] for start in range(0, len(images), max(1, columns))]


def _arranged(rows: list[list[PIL.Image.Image]], width: int, gap: int, row_gap: int) -> list[_Panel]:
    """Return where each picture lies: rows are equally wide, and within a row all pictures have one height."""
    full = [row for row in rows if len(row) == len(rows[0])]
    width = min(width, max(int(_highest(row) * _shape(row)) + gap * (len(row) - 1) for row in full))
    panels: list[_Panel] = []
    top = 0
    height = math.inf
    for row in rows:
        is_full = len(row) == len(rows[0])
        # A last row that is not full is as high as the one above it.
        height = (width - gap * (len(row) - 1)) / _shape(row) if is_full else min(height, _highest(row))
        high = max(1, round(height))
        left = 0
        for image in row:
            wide = max(1, round(height * image.width / image.height))
            if is_full and image is row[-1]:  # what rounding left over
                wide = max(1, width - left)
            panels.append(_Panel(image=image, left=left, top=top, width=wide, height=high))
            left += wide + gap
        top += high + row_gap
    return panels


def _shape(row: Sequence[PIL.Image.Image]) -> float:
    """Return how wide a row of height 1 is, without its gaps."""
    return sum(image.width / image.height for image in row)


def _highest(row: Sequence[PIL.Image.Image]) -> float:
    return 2 * max(image.height for image in row)


def _canvas(size: tuple[int, int], background: str | None) -> PIL.Image.Image:
    from PIL import Image

    return Image.new("RGBA", size, (255, 255, 255, 0)) if background is None else Image.new("RGB", size, background)


def _put(canvas: PIL.Image.Image, panel: _Panel) -> None:
    from PIL import Image

    size = (panel.width, panel.height)
    small = panel.image if panel.image.size == size else panel.image.resize(size, Image.Resampling.LANCZOS)
    if canvas.mode == "RGBA":
        canvas.paste(small, (panel.left, panel.top))
    else:
        canvas.paste(small, (panel.left, panel.top), small if small.mode == "RGBA" else None)


def _draw_tabs(canvas: PIL.Image.Image, panels: Sequence[_Panel], labels: Sequence[str]) -> None:
    """Draw the labels, all in one font and size: smaller ones where that shows every label in full."""
    texts = [" ".join(label.split()) for label in labels]
    face = face_for("".join(texts))
    size = max(11, round(canvas.width * 0.0215))
    for smaller in (size, max(11, round(size * 0.88)), max(11, round(size * 0.76))):
        size = smaller
        if all(font_for(face, size).getlength(t) <= _room(p, size) for t, p in zip(texts, panels, strict=True)):
            break
    font = font_for(face, size)
    shown = [fitting(text, font, _room(panel, size)) for text, panel in zip(texts, panels, strict=True)]
    for number, (panel, text) in enumerate(zip(panels, shown, strict=True)):
        if text:
            _draw_tab(canvas, panel, text, TABS[number % len(TABS)], font, size)


def _room(panel: _Panel, size: int) -> int:
    return panel.width - 2 * round(size * _PAD)


def _draw_tab(  # noqa: PLR0913, PLR0917 - where, what and how
    canvas: PIL.Image.Image, panel: _Panel, text: str, colour: str, font: Font, size: int
) -> None:
    """Draw a label in the upper left corner: flush with it, its other corner rounded."""
    from PIL import ImageDraw

    pad_x, pad_y, radius = round(size * _PAD), round(size * 0.42), round(size * 0.4)
    wide, high = math.ceil(font.getlength(text)) + 2 * pad_x, min(panel.height, size + 2 * pad_y)
    shape = [(0, 0), (wide, 0), (wide, high - radius), *_corner(wide - radius, high - radius, radius), (0, high)]
    _fill(canvas, (panel.left, panel.top), (wide, high), shape, colour)
    # By the middle of capitals, so that a label with a descender does not sit higher than its neighbour.
    baseline = panel.top + round(high / 2 + size * 0.36)
    ImageDraw.Draw(canvas).text((panel.left + pad_x, baseline), text, fill="#ffffff", font=font, anchor="ls")


def _draw_arrow(canvas: PIL.Image.Image, panel: _Panel, following: _Panel) -> None:
    """Draw an arrow in the gap between two panels, at half their height."""
    room = following.left - panel.left - panel.width
    wide = round(room * 0.62)
    high = round(wide * 0.72)
    shaft, head = high * 0.11, wide * 0.46
    middle = high / 2
    shape = [
        (0, middle - shaft),
        (wide - head, middle - shaft),
        (wide - head, 0),
        (wide, middle),
        (wide - head, high),
        (wide - head, middle + shaft),
        (0, middle + shaft),
    ]
    left = panel.left + panel.width + (room - wide) // 2
    top = panel.top + (min(panel.height, following.height) - high) // 2
    _fill(canvas, (left, top), (wide, high), shape, _ARROW)


def _corner(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """Return points of a quarter of a circle, from its right to its lowest."""
    return [(x + radius * math.cos(a * math.pi / 24), y + radius * math.sin(a * math.pi / 24)) for a in range(13)]


def _fill(
    canvas: PIL.Image.Image,
    at: tuple[int, int],
    size: tuple[int, int],
    shape: list[tuple[float, float]],
    colour: str,
) -> None:
    from PIL import Image, ImageDraw

    mask = Image.new("L", (size[0] * _SMOOTH, size[1] * _SMOOTH))
    ImageDraw.Draw(mask).polygon([(x * _SMOOTH, y * _SMOOTH) for x, y in shape], fill=255)
    mask = mask.resize(size, Image.Resampling.BOX)
    layer = Image.new(canvas.mode, size, colour)
    if canvas.mode == "RGBA":  # `paste` would mix the transparency, too
        layer.putalpha(mask)
        canvas.alpha_composite(layer, at)
    else:
        canvas.paste(layer, at, mask)


_FORMATS = {"image/png": "PNG", "image/webp": "WEBP", "image/jpeg": "JPEG"}


def _saved(canvas: PIL.Image.Image, mime_type: str, quality: int) -> bytes:
    if canvas.mode == "RGBA" and mime_type == "image/jpeg":
        canvas = canvas.convert("RGB")
    if canvas.mode == "RGBA" and canvas.getchannel("A").getextrema() == (255, 255):
        canvas = canvas.convert("RGB")
    buffer = io.BytesIO()
    if mime_type == "image/png":
        canvas.save(buffer, "PNG", compress_level=6)
    elif mime_type == "image/webp":
        canvas.save(buffer, "WEBP", quality=quality, method=4)
    else:
        canvas.save(buffer, "JPEG", quality=quality, optimize=True, subsampling=0)
    return buffer.getvalue()
