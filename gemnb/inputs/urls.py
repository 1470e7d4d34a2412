"""Pictures behind URLs: `data:` holds its own; an `https:` one is fetched once, and then kept beside the answers."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from gemnb.canonical import is_digest
from gemnb.errors import CacheMiss, CorruptEntry, InputError, StoreError
from gemnb.model import Mode
from gemnb.sniff import sniff

if TYPE_CHECKING:
    from gemnb.cache import Cache
    from gemnb.inputs.reach import Reach

_log = logging.getLogger("gemnb")
_SPACE = re.compile(rb"[ \t\r\n]+")
_ATTEMPT = re.compile(r"([1-9][0-9]{0,5})\.json")


def read_data_url(url: str, slot: str) -> bytes:
    """Return the bytes a `data:` URL holds (RFC 2397); the type it claims is not looked at.

    Raises:
        InputError: It is malformed.
    """
    head, comma, body = url.partition(",")
    if not comma:
        raise InputError(
            f"{slot} {head[:60]}…: this data: URL has no comma, and so no data.",
            hint=f"{slot} data:image/png;base64,iVBORw0KGgo…",
        )
    data = unquote_to_bytes(body)
    if not head.lower().endswith(";base64"):
        return data
    data = _SPACE.sub(b"", data).rstrip(b"=")
    try:
        return base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
    except binascii.Error as error:
        reason = str(error)
    raise InputError(f"{slot} {head[:60]},…: what follows is no base64.", why=reason)


def read_url(url: str, slot: str, reach: Reach) -> bytes:
    """Return the picture of an `https:` URL: the one that is kept, else fetched and kept.

    Raises:
        CacheMiss: In replay mode, when none is kept.
        InputError: It may not be fetched, did not come, or is no picture.
        CacheError: It is kept and damaged.
    """
    if reach.mode is not Mode.REFRESH:
        for place in reach.places:
            if attempts := _attempts(place, url):
                data = place.blob(_entry(place, url, attempts[-1]))
                if place is not reach.places[0] and reach.mode is not Mode.REPLAY:
                    _keep(reach.places[0], url, data)
                return data
    if reach.mode is Mode.REPLAY:
        raise CacheMiss(
            f"The picture of {url[:200]} was never fetched, and the mode is replay.",
            why=f"{slot} names it, and cache/{_prefix(url)} is not there.",
            hint="To fetch it once and keep it: %%gemimg … --mode auto, or GEMNB_MODE=auto for all cells.",
            url=url[:1000],
        )
    from gemnb.inputs.fetching import fetch

    data = fetch(url, private=reach.private, deadline=reach.deadline, tls=reach.tls)
    if sniff(data) is None:
        why = f"Its {len(data)} bytes begin with {data[:12]!r}." if data else "It is empty."
        raise InputError(
            f"{slot} {url[:200]} is not a picture.", why=why, hint="Pictures are PNG, JPEG, WebP or GIF files."
        )
    _keep(reach.places[0], url, data)
    return data


def _keep(cache: Cache, url: str, data: bytes) -> None:
    """Keep what a URL showed as its next entry, unless it shows what it did."""
    try:
        attempts = _attempts(cache, url)
        blob = cache.put_blob(data)
        if attempts and _entry(cache, url, attempts[-1]) == blob:
            return
        fetched = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        cache.store.put(*url_entry(url, blob, fetched, (attempts or [0])[-1] + 1))
    except StoreError as error:
        _log.warning("%s was fetched and could not be kept: %s", url[:200], error.what)


def url_entry(url: str, blob: str, fetched: str, number: int = 1) -> tuple[str, bytes]:
    """Return key and bytes of the entry that says what a URL showed: the digest, and when (UTC)."""
    entry = json.dumps({"url": url, "blob": blob, "fetched": fetched}, indent=1, sort_keys=True) + "\n"
    return f"{_prefix(url)}{number}.json", entry.encode("utf-8", "backslashreplace")


def _entry(cache: Cache, url: str, attempt: int) -> str:
    key = f"{_prefix(url)}{attempt}.json"
    data = cache.store.get(key) or b""
    try:
        entry = json.loads(data[:1_000_000])
    except (ValueError, RecursionError):
        entry = None
    blob = entry.get("blob") if isinstance(entry, dict) and entry.get("url") == url else None
    if isinstance(blob, str) and is_digest(blob):
        return blob
    raise CorruptEntry(
        f"cache/{key} is damaged: it does not say what {url[:200]} showed.",
        hint=f"git checkout -- cache/{key}   brings it back if it was committed\n"
        "Without that file the URL is fetched anew.",
        key=key,
    )


def _attempts(cache: Cache, url: str) -> list[int]:
    """Return the numbers of the entries of a URL, ascending; each is what it showed at one time."""
    names = (key.rpartition("/")[2] for key in cache.store.keys(_prefix(url)))
    return sorted(int(match.group(1)) for name in names if (match := _ATTEMPT.fullmatch(name)))


def _prefix(url: str) -> str:
    name = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
    return f"urls/{name[:2]}/{name}/"
