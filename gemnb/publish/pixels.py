"""Pictures by their pixels: a withheld one is the same picture in another file format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest
from gemnb.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Lookalikes:
    """Finds which of some pictures shows the pixels of another; each is decoded once, and only when first asked.

    Args:
        digests: The cell each stands for, by digest.
        blob: Digest to bytes; None where they are not kept.
    """

    def __init__(self, digests: Mapping[str, int], blob: Callable[[str], bytes | None]) -> None:
        self._digests = digests
        self._blob = blob
        self._known: dict[str, int] | None = None

    def find(self, data: bytes) -> int | None:
        """Return the cell of a picture with these pixels; None where there is none."""
        if self._known is None:
            self._known = {}
            for digest, cell in self._digests.items():
                held = self._blob(digest)
                pixels = pixel_digest(held) if held else None
                if pixels is not None:
                    self._known.setdefault(pixels, cell)
        pixels = pixel_digest(data) if self._known else None
        return None if pixels is None else self._known.get(pixels)


def pixel_digest(data: bytes) -> str | None:
    """Return a digest of a picture's pixels, upright, in sRGB, with their transparency; None where it has none."""
    from gemnb.publish.pictures.rendering import opened

    try:
        image = opened(data)
    except InputError:
        return None
    return blob_digest(f"{image.width} {image.height}\n".encode() + image.convert("RGBA").tobytes())
