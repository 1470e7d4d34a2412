"""The PNG by which pixels are sent: made once, kept beside the answers, decoded and compared before it is sent.

`pixels/ab/<hex>` in the cache holds the digest of the PNG that stands for the pixels with that digest.
"""

from __future__ import annotations

import io
import logging
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gemnb.cache.store import blob_key
from gemnb.canonical import blob_digest, is_digest, short
from gemnb.errors import CorruptEntry, InputError, StoreError
from gemnb.inputs.pixels import MAX_PIXELS, of_image
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gemnb.backends.base import Backend, Reply
    from gemnb.cache import Cache
    from gemnb.inputs.pixels import Pixels
    from gemnb.model import Content, JSONObject, Request

_log = logging.getLogger("gemnb")


def keep_pixels(places: Sequence[Cache], pixels: Pixels, *, writing: bool) -> tuple[str, bytes | None]:
    """Return the digest of the PNG that stands for pixels, and its bytes where it was made now.

    It is kept in the first of the places, if there are any and `writing` is said. Where that cannot be written, it
    is told and nothing else happens: an answer may be kept for it.
    """
    digest = pixels.digest
    for place in places if not writing else places[:1]:
        known = _entry(place, digest)
        if known is not None and not place.missing([known]):
            return known, None
    png = pixels.png()
    made = blob_digest(png)
    if writing and places:
        try:
            places[0].put_blob(png)
            if _entry(places[0], digest) != made:
                places[0].store.delete(pixels_key(digest))
            places[0].store.put(pixels_key(digest), f"{made}\n".encode())
        except StoreError as error:
            _log.warning("The PNG of %s could not be kept: %s", short(digest), error.what)
    return made, png


def pixels_blob(places: Sequence[Cache], digest: str) -> str:
    """Return the digest of the PNG that stands for pixels, once it has been decoded and compared.

    Raises:
        CorruptEntry: There is none, or it shows other pixels.
        StoreError: The store failed.
    """
    found = next(((place, known) for place in places if (known := _entry(place, digest))), None)
    if found is None:
        raise CorruptEntry(
            f"The picture of the pixels {short(digest)} is missing from the cache.",
            why=f"A request refers to {pixels_key(digest)}, which is not there.",
            hint=f"git checkout -- cache/{pixels_key(digest)}   brings it back if it was committed\n"
            "Running the cell that makes the picture, and this one, keeps it anew.",
            digest=digest,
        )
    cache, known = found
    if _decoded(cache.blob(known)) != digest:
        raise CorruptEntry(
            f"The picture of the pixels {short(digest)} shows other pixels, and is not sent.",
            why=f"cache/{pixels_key(digest)} leads to {short(known)}.",
            hint=f"Remove cache/{pixels_key(digest)} and run the cell again.",
            digest=digest,
        )
    return known


def with_pictures(request: Request, picture: Callable[[str], str]) -> Request:
    """Return a request as it is sent: each `$pixels` of a user's turn replaced by the `$blob` of its PNG.

    Args:
        request: What is asked; its digest is that of the request before.
        picture: Digest of pixels to digest of a PNG.
    """
    return replace(request, contents=tuple(_turn(turn, picture) for turn in request.contents))


@dataclass(frozen=True, slots=True, kw_only=True)
class SendsPixels:
    """A backend that sends a PNG where a request holds pixels, and leaves the rest to another backend."""

    backend: Backend
    places: tuple[Cache, ...]

    def generate(self, request: Request, blob: Callable[[str], bytes]) -> Reply:
        """Send a request and return the raw body of its answer.

        Raises:
            CorruptEntry: The PNG of its pixels is not kept, or shows others.
            BackendError: Nothing was answered.
        """
        return self.backend.generate(with_pictures(request, lambda digest: pixels_blob(self.places, digest)), blob)


def pixels_key(digest: str) -> str:
    """Return the key under which the digest of the PNG of pixels is kept: `pixels/ab/abcd…`."""
    return "pixels" + blob_key(digest).removeprefix("blobs")


def _entry(cache: Cache, digest: str) -> str | None:
    data = cache.store.get(pixels_key(digest))
    text = None if data is None else data.decode("ascii", "replace").strip()
    return text if is_digest(text) else None


def _decoded(data: bytes) -> str:
    """Return the digest of the pixels of a PNG, or nothing where it has none that gemnb writes."""
    from PIL import Image

    found = sniff(data)
    if found is None or found.mime_type != "image/png" or found.width * found.height > MAX_PIXELS:
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # its size was looked at above
            with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                return of_image(image, "the kept PNG").digest
    except (OSError, ValueError, SyntaxError, InputError):  # what Pillow raises for bytes that are no whole PNG
        return ""


def _turn(turn: Content, picture: Callable[[str], str]) -> Content:
    if turn.role != "user":  # a model's words are never taken for ours
        return turn
    return replace(turn, parts=tuple(_part(part, picture) for part in turn.parts))


def _part(part: JSONObject, picture: Callable[[str], str]) -> JSONObject:
    inline = part.get("inlineData")
    data = inline.get("data") if isinstance(inline, dict) else None
    if not isinstance(inline, dict) or not isinstance(data, dict) or "$pixels" not in data:
        return part
    digest = data["$pixels"]
    if not isinstance(digest, str) or not is_digest(digest) or len(data) != 1:
        raise CorruptEntry("A request refers to pixels in a way that no gemnb wrote.", why=repr(data)[:200])
    return part | {"inlineData": inline | {"data": {"$blob": picture(digest)}}}
