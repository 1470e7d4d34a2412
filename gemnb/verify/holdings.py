"""All bytes a notebook refers to, from wherever they lie: each is read, hashed and looked at once.

Hashing and decoding pictures run outside Python's lock, so several threads do it. No bytes are held: of each digest
what was learned of them remains.
"""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pybase64

from gemnb.canonical import blob_digest, short
from gemnb.errors import CacheError, CorruptEntry
from gemnb.sniff import Sniffed, sniff
from gemnb.verify.alike import Alike
from gemnb.verify.sketches import Sketch, sketch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gemnb.cache import Cache, Tiers
    from gemnb.model import Image
    from gemnb.notebook import Shown
    from gemnb.pack import Packed
    from gemnb.verify.findings import Trouble

_MAX_THREADS = 8
_PIECE = 48 * 1024  # bytes; a multiple of three


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was learned of bytes: how many they are, what their header says, and what they look like if asked."""

    size: int
    sniffed: Sniffed | None
    sketch: Sketch | None = None
    pixels: str | None = None


@dataclass(slots=True, kw_only=True)
class Holdings:
    """What is known of bytes by their digest.

    Attributes:
        cache: Where they are looked for first.
        packed: What `gemnb pack` put into the notebook; looked at last.
        to_sketch: Digests of pictures that are looked at.
        to_pixels: Digests of pictures whose pixels are hashed.
        alike: Which previews need not be looked at again.
    """

    cache: Cache | Tiers
    packed: Packed | None = None
    to_sketch: set[str] = field(default_factory=set)
    to_pixels: set[str] = field(default_factory=set)
    alike: Alike = field(default_factory=Alike)
    _facts: dict[str, Facts] = field(default_factory=dict)
    _damage: dict[str, str] = field(default_factory=dict)
    _kept: set[str] = field(default_factory=set)

    def facts(self, digest: str) -> Facts | None:
        """Return what is known of the bytes of a digest, or None where they are nowhere or damaged."""
        return None if digest in self._damage else self._facts.get(digest)

    def bytes_of(self, digest: str) -> bytes | None:
        """Return the bytes of a digest from the cache or from what is packed; None where neither has them."""
        try:
            data = self._cached(digest)
            return self.packed.blob(digest) if data is None and self.packed is not None else data
        except CacheError:
            return None

    def read_embedded(self, shown: Sequence[tuple[Shown, Sequence[Image]]]) -> list[str | None]:
        """Return the digest of each output's embedded picture; None where there are no bytes.

        Args:
            shown: Outputs, each with the images that, by their records, could stand in them.
        """
        with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
            return list(pool.map(self._embedded, shown))

    def read(self, digests: Iterable[str]) -> None:
        """Look for the bytes of these digests in the cache, then among what was read, then in what is packed."""
        with ThreadPoolExecutor(min(_MAX_THREADS, os.cpu_count() or 1)) as pool:
            list(pool.map(self._find, dict.fromkeys(digests)))

    def learn(self, data: bytes) -> str:
        """Take note of bytes from elsewhere and return their digest."""
        digest = blob_digest(data)
        if digest not in self._facts:
            self._facts[digest] = self._of(digest, data)
        return digest

    def check(self, digest: str, trouble: Trouble) -> None:
        """Say where bytes are damaged or nowhere."""
        if (damage := self._damage.get(digest)) is not None:
            trouble.drifted.append(damage)
        elif digest not in self._facts:
            where = "neither in the cache nor in the notebook"
            trouble.missing.append(f"the bytes {short(digest)} are {where}")

    def _embedded(self, item: tuple[Shown, Sequence[Image]]) -> str | None:
        shown, images = item
        for image in images:
            # To encode kept bytes and compare takes half as long as to decode and hash what is embedded.
            if shown.encoded is not None and len(shown.encoded) == (image.size + 2) // 3 * 4:
                data = self._look(image.blob)
                if data is not None and _is_base64_of(shown.encoded, data):
                    return image.blob
        data = shown.decode()
        return None if data is None else self.learn(data)

    def _find(self, digest: str) -> None:
        if digest in self._kept:
            return
        if self._look(digest) is None and digest not in self._facts and digest not in self._damage:
            try:
                data = self.packed.blob(digest) if self.packed else None
            except CacheError as error:
                self._damage[digest] = f"{error.what} {error.why}"
                return
            if data is not None:
                self._facts[digest] = self._of(digest, data)

    def _look(self, digest: str) -> bytes | None:
        """Return the bytes of a digest from the cache and take note of them; None where it has none, or damaged."""
        try:
            data = self._cached(digest)
        except CacheError as error:
            self._damage[digest] = f"{error.what} {error.why}"
            return None
        if data is not None:
            self._kept.add(digest)
            if digest not in self._facts:
                self._facts[digest] = self._of(digest, data)
        return data

    def _cached(self, digest: str) -> bytes | None:
        try:
            return self.cache.blob(digest)
        except CorruptEntry as error:
            if "digest" in error.evidence:  # they are missing, not damaged
                return None
            raise

    def _of(self, digest: str, data: bytes) -> Facts:
        """Return the facts of bytes that are known to have this digest."""
        found = sniff(data)
        return Facts(
            size=len(data),
            sniffed=found,
            sketch=sketch(data, found) if digest in self.to_sketch else None,
            pixels=_pixels(data, found) if digest in self.to_pixels else None,
        )


def _is_base64_of(text: str, data: bytes) -> bool:
    """Return whether a text is the base64 of bytes; by pieces: fresh memory costs most."""
    view = memoryview(data)
    return len(text) == (len(data) + 2) // 3 * 4 and all(
        text[start // 3 * 4 : (start + _PIECE) // 3 * 4] == pybase64.b64encode_as_string(view[start : start + _PIECE])
        for start in range(0, len(data), _PIECE)
    )


def _pixels(data: bytes, found: Sniffed | None) -> str | None:
    """Return the digest of a picture's pixels, as a request has it; None where it has none."""
    from PIL import Image

    from gemnb.errors import InputError
    from gemnb.inputs.pixels import of_image

    if found is None or found.width * found.height > (Image.MAX_IMAGE_PIXELS or 0):
        return None
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return of_image(image, "the picture").digest
    except (InputError, OSError, SyntaxError, ValueError):
        return None
