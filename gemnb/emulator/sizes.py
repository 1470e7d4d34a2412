"""Aspect ratios and pixel sizes.

At 1K: the published table of Gemini 3 Pro Image for its ten ratios; for the four extreme ones, which
only Gemini 3.1 has, sizes of about a megapixel in multiples of 16. 512 is half of 1K along each side,
2K is twice, 4K is four times.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Final

AT_1K: Final = MappingProxyType(
    {
        "1:1": (1024, 1024),
        "2:3": (848, 1264),
        "3:2": (1264, 848),
        "3:4": (896, 1200),
        "4:3": (1200, 896),
        "4:5": (928, 1152),
        "5:4": (1152, 928),
        "9:16": (768, 1376),
        "16:9": (1376, 768),
        "21:9": (1584, 672),
        "1:4": (512, 2048),
        "4:1": (2048, 512),
        "1:8": (384, 3072),
        "8:1": (3072, 384),
    }
)
"""Aspect ratio -> width and height in pixels at size 1K."""

HALVES: Final = MappingProxyType({"512": 1, "1K": 2, "2K": 4, "4K": 8})
"""Image size -> how many halves of the 1K size each side measures."""


def pixels(ratio: str, size: str) -> tuple[int, int]:
    """Return width and height in pixels.

    Raises:
        KeyError: the ratio or the size is not in the tables above.
    """
    (width, height), halves = AT_1K[ratio], HALVES[size]
    return width * halves // 2, height * halves // 2


def nearest_ratio(width: int, height: int) -> str:
    """Return the ratio whose shape is closest to that of `width` by `height` pixels."""
    shape = math.log(width / height)

    def distance(ratio: str) -> float:
        across, down = ratio.split(":")
        return abs(math.log(int(across) / int(down)) - shape)

    return min(AT_1K, key=distance)
