"""The composition root: settings to a client. The one module that names concrete stores and backends."""

from __future__ import annotations

import atexit
import json
import logging
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.cache import Cache, DirectoryStore, Tiers
from gemnb.client import Client
from gemnb.errors import MissingKey, SettingsError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gemnb.backends import Backend
    from gemnb.backends.gemini import GeminiBackend
    from gemnb.cache import Flights
    from gemnb.model import Record, Request
    from gemnb.settings import Settings

_log = logging.getLogger("gemnb")

KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")

UNVERSIONED = ("private", "failed", "corrupt", "trash")
"""Parts of the project's cache that git ignores."""

_backends: list[GeminiBackend] = []  # of this process, for `cancel_calls`

_EMULATOR_KEY = "emulator"  # the SDK wants a key even where none is needed


def make_client(settings: Settings) -> Client:
    """Return a client for these settings; nothing is opened or imported before it is needed."""
    return Client(
        cache=open_tiers(settings),
        flights=_flights,
        backend=lambda vendor: _backend(vendor, settings),
        unpack=_unpack,
    )


def open_cache(folder: Path, *, look_only: bool = False) -> Cache:
    """Return the cache in a folder, which need not exist; `look_only` leaves damaged entries where they are."""
    return Cache(DirectoryStore(folder, UNVERSIONED), look_only=look_only)


def open_tiers(settings: Settings) -> Tiers:
    """Return the tiers in force; only the project's is looked at before it has no answer.

    Offline there is no machine tier: a notebook must reproduce from what is in its project, as it does elsewhere.
    """
    private = Cache(DirectoryStore(settings.cache / "private"))
    return Tiers(
        open_cache(settings.cache),
        private=private,
        spill=_spill,
        machine=lambda writing: None if settings.offline else _machine(settings.machine, writing=writing),
    )


def _spill() -> Cache:
    import platformdirs

    return Cache(DirectoryStore(platformdirs.user_data_path("gemnb") / "spill"), is_near=False)


def _machine(folder: str, *, writing: bool) -> Cache | None:
    if folder == "off":
        return None
    import platformdirs

    place = Path(folder) if folder else platformdirs.user_cache_path("gemnb") / "machine"
    # Looking must not make a folder, nor import a database, where there is none.
    return _open_machine(place) if writing or place.exists() else None


@cache  # one open database for the life of the kernel
def _open_machine(folder: Path) -> Cache | None:
    from gemnb.cache.machine import MachineStore

    store = MachineStore(folder)
    try:
        store.open()
    except (StoreError, OSError) as error:
        _log.warning("There is no machine tier: %s", error.what if isinstance(error, StoreError) else error)
        return None
    atexit.register(store.close)
    return Cache(store, is_near=False)


def _flights() -> Flights:
    from gemnb.cache.flight import Flights

    return Flights(claims_folder())


def claims_folder() -> Path:
    """Return the user's folder of claims: on this machine, not in the project."""
    import platformdirs

    return platformdirs.user_cache_path("gemnb") / "claims"


def _backend(vendor: str, settings: Settings) -> Backend:
    if vendor == "emulator":
        return _emulator(settings.emulator or _own_emulator(), settings.deadline)
    key = next((value for name in KEY_VARIABLES if (value := os.environ.get(name, "").strip())), "")
    if not key:
        raise MissingKey(
            "No answer is kept for this request, and there is no key to ask the model with.",
            why="GEMINI_API_KEY is not set.",
            hint="export GEMINI_API_KEY=…   before Jupyter starts; a key is to be had at aistudio.google.com\n"
            "%gemnb use emulator/sketch-1   works without a key, with synthetic pictures",
        )
    return _gemini(settings, key)


def _emulator(url: str, deadline: float) -> Backend:
    _check_endpoint(url, only_loopback=True)
    return _one_backend(url, _EMULATOR_KEY, deadline, keep_vendor=True)


def _gemini(settings: Settings, key: str) -> Backend:
    from gemnb.backends.gemini import GOOGLE

    url = settings.base_url or GOOGLE
    _check_endpoint(url, only_loopback=False)
    headers = tuple(json.loads(settings.headers).items()) if settings.headers else ()
    return _one_backend(url, key, settings.deadline, api_version=settings.api_version, headers=headers)


@cache  # one SDK client per endpoint and key, for the life of the kernel
def _one_backend(  # noqa: PLR0913 - the key of the cache
    url: str,
    key: str,
    deadline: float,
    *,
    keep_vendor: bool = False,
    api_version: str = "",
    headers: tuple[tuple[str, str], ...] = (),
) -> Backend:
    from gemnb.backends.gemini import GeminiBackend

    made = GeminiBackend(
        base_url=url,
        api_key=key,
        deadline=deadline,
        keep_vendor=keep_vendor,
        api_version=api_version,
        headers=dict(headers),
    )
    _backends.append(made)
    return made


def cancel_calls() -> int:
    """Close the connections of all calls this process has under way, and return how many there were.

    What was sent may still be billed; its answer is lost.
    """
    return sum(backend.cancel() for backend in _backends)


@cache
def _own_emulator() -> str:
    from gemnb.emulator import Emulator

    emulator = Emulator()
    emulator.start()
    atexit.register(emulator.stop)
    return str(emulator.url)


def _check_endpoint(url: str, *, only_loopback: bool) -> None:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    host = parts.hostname or ""
    loopback = host in ("localhost", "::1") or host.startswith("127.")
    if only_loopback and not loopback:
        raise SettingsError(f"GEMNB_EMULATOR={url}: an emulator runs on this machine only.")
    if parts.scheme not in ("http", "https") or not host or (parts.scheme == "http" and not loopback):
        raise SettingsError(
            f"{url} is no endpoint that a key may be sent to.",
            why="Plain HTTP would send the key readably over the network.",
            hint="GEMNB_BASE_URL=https://…",
        )


def _unpack(request: Request, body: bytes, received: Mapping[str, str]) -> tuple[Record, dict[str, bytes]]:
    from gemnb.arrival import unpack

    return unpack(request, body, received)
