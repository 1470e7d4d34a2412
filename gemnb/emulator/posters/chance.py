"""Numbers drawn from a digest: the same bytes give the same numbers on every machine."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


class Chance:
    """A stream of numbers that depends on its seed alone.

    The `random` module is not used: the methods that pick and shuffle have changed between versions
    of Python, and a picture must not change with them.
    """

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._drawn = 0

    def unit(self) -> float:
        """Return the next number in [0, 1)."""
        block = hashlib.blake2b(self._seed + self._drawn.to_bytes(8, "big"), digest_size=8).digest()
        self._drawn += 1
        return (int.from_bytes(block, "big") >> 11) / (1 << 53)

    def between(self, low: float, high: float) -> float:
        """Return the next number in [low, high)."""
        return low + (high - low) * self.unit()

    def whole(self, low: int, high: int) -> int:
        """Return the next whole number from `low` to `high`, both included."""
        return low + int(self.unit() * (high - low + 1))

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of `choices`."""
        return choices[int(self.unit() * len(choices))]

    def chance(self, share: float) -> bool:
        """Return true in `share` of the cases, a number from 0 to 1."""
        return self.unit() < share

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in another order (Fisher and Yates)."""
        rest = list(items)
        for last in range(len(rest) - 1, 0, -1):
            other = self.whole(0, last)
            rest[last], rest[other] = rest[other], rest[last]
        return rest
