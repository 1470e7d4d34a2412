"""The composition root: settings to a client. The one module that names concrete stores and backends."""

from __future__ import annotations

import atexit
import json
import logging
import os
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.cache import Cache, DirectoryStore, Tiers
from gemnb.client import Client
from gemnb.errors import MissingKey, SettingsError, StoreError
from gemnb.model import Mode
from gemnb.user_folders import claims_folder, user_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gemnb.backends import Backend, Secret
    from gemnb.backends.gemini import GeminiBackend
    from gemnb.budget import Ledger
    from gemnb.cache import Flights
    from gemnb.inputs import Reach
    from gemnb.model import Record, Request
    from gemnb.scratch import Scratch
    from gemnb.settings import Settings

_log = logging.getLogger("gemnb")

KEY_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")

_IGNORED = "/private/\n/failed/\n/corrupt/\n/trash/\n"  # parts of the project's cache that git ignores

_backends: list[GeminiBackend] = []  # of this process, for `cancel_calls`

_EMULATOR_KEY = "no-key-is-needed-here"  # the SDK wants one even so; it must be no word of a message


def make_client(settings: Settings) -> Client:
    """Return a client for these settings; nothing is opened or imported before it is needed."""
    return Client(
        cache=open_tiers(settings),
        flights=_flights,
        backend=lambda vendor: _sending(vendor, settings),
        unpack=_unpack,
        pin=_pinned(settings.scratch).attempt if settings.scratch else _no_pin,
    )


def _no_pin(_digest: str) -> None:
    return None


def open_reach(settings: Settings, mode: Mode, *, private: bool = False) -> Reach:
    """Return what input pictures are looked up in: new ones of a private cell are kept apart, too."""
    from gemnb.inputs import Reach

    places = (
        open_cache(settings.cache, look_only=settings.offline),
        Cache(DirectoryStore(settings.cache / "private", "*\n")),
    )
    if private:
        places = places[::-1]
    brought = _brought(settings.scratch)
    return Reach(
        places=places if brought is None else (*places, brought),
        mode=Mode.REPLAY if mode is Mode.PLAN else mode,  # in plan nothing is fetched or kept
        private=settings.allow_private_urls,
        absent=_pinned(settings.scratch).inputs if settings.scratch else {},
    )


def _sending(vendor: str, settings: Settings) -> Backend:
    from gemnb.inputs import SendsPixels

    sending = SendsPixels(backend=_backend(vendor, settings), places=open_reach(settings, settings.mode).places)
    if vendor == "emulator":  # synthetic pictures cost nothing
        return sending
    from gemnb.budget import Metered

    return Metered(backend=sending, ledger=_ledger(settings.ledger), limit=settings.max_cost)


@cache  # it counts for the life of the kernel
def _ledger(path: str) -> Ledger:
    from gemnb.budget import FileLedger, KernelLedger

    return FileLedger(Path(path)) if path else KernelLedger()


def open_cache(folder: Path, *, look_only: bool = False) -> Cache:
    """Return the cache in a folder, which need not exist; `look_only` leaves damaged entries where they are."""
    return Cache(DirectoryStore(folder, _IGNORED), look_only=look_only)


def open_for_looking(settings: Settings) -> Tiers:
    """Return the project's cache, its private part included, for reading: nothing is repaired or set aside."""
    private = Cache(DirectoryStore(settings.cache / "private"), look_only=True)
    return Tiers(open_cache(settings.cache, look_only=True), private=private)


def open_places(settings: Settings, *, far: bool = True) -> dict[str, Cache]:
    """Return the folders of files in which a cell looks for answers, nearest first, for reading only.

    They are `project`, its part `private`, and, where the user has a home, `spill`: what no project could take.

    Args:
        settings: The settings in force.
        far: Name the spill folder too. That takes a module which a kernel that only replays does not load.
    """
    folders = {"project": settings.cache, "private": settings.cache / "private"}
    if far and (own := user_folder("user_data_path")) is not None:
        folders["spill"] = own / "spill"
    return {
        name: Cache(DirectoryStore(folder), look_only=True, is_near=name != "spill")
        for name, folder in folders.items()
    }


def far_tiers(settings: Settings) -> tuple[Cache | None, Cache | None]:
    """Return the user's spill folder and machine tier as a cell reads them, each None where there is none."""
    return _spill(), _machine("off" if settings.offline else settings.machine, False)


def open_tiers(settings: Settings) -> Tiers:
    """Return the tiers in force; only the project's is looked at before it has no answer.

    Offline there is no machine tier: a notebook must reproduce from what is in its project, as it does elsewhere.
    """
    private = Cache(DirectoryStore(settings.cache / "private", "*\n"))
    return Tiers(
        open_cache(settings.cache, look_only=settings.offline),
        private=private,
        notebook=_brought(settings.scratch),
        spill=_spill,
        machine=partial(_machine, "off" if settings.offline else settings.machine),
    )


def _brought(scratch: str) -> Cache | None:
    return Cache(DirectoryStore(Path(scratch) / "cache"), look_only=True) if scratch else None


@cache  # it counts how often each request was asked, for the life of the kernel
def _pinned(scratch: str) -> Scratch:
    from gemnb.scratch import read_scratch

    return read_scratch(Path(scratch))


def _spill() -> Cache | None:
    folder = user_folder("user_data_path")
    return None if folder is None else Cache(DirectoryStore(folder / "spill"), is_near=False)


def _machine(folder: str, writing: bool) -> Cache | None:  # noqa: FBT001 - the seam of Tiers
    own = user_folder("user_cache_path")
    if folder == "off" or (not folder and own is None):
        return None
    place = Path(folder) if folder or own is None else own / "machine"
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


def _backend(vendor: str, settings: Settings) -> Backend:
    if vendor == "emulator":
        return _emulator(settings.emulator or _own_emulator(), settings.deadline)
    if settings.base_url:  # before the key is looked at
        _check_endpoint(settings.base_url, only_loopback=False)
    key = _key()
    if key is None:
        raise MissingKey(
            "No answer is kept for this request, and there is no key to ask the model with.",
            why="GEMINI_API_KEY is not set.",
            hint="export GEMINI_API_KEY=…   before Jupyter starts; a key is to be had at aistudio.google.com\n"
            "%gemnb use emulator/sketch-1   works without a key, with synthetic pictures",
        )
    from gemnb.backends import Secret
    from gemnb.backends.gemini import GOOGLE

    further = json.loads(settings.headers) if settings.headers else {}
    headers = tuple((name, Secret(further.pop(name))) for name in list(further))  # no local holds a value then
    url = settings.base_url or GOOGLE
    return _one_backend(url, key, settings.deadline, api_version=settings.api_version, headers=headers)


def _key() -> Secret | None:
    from gemnb.backends import Secret

    found = (os.environ.get(name, "").strip() for name in KEY_VARIABLES)
    return next((Secret(value) for value in found if value), None)


def _emulator(url: str, deadline: float) -> Backend:
    from gemnb.backends import Secret

    _check_endpoint(url, only_loopback=True)
    return _one_backend(url, Secret(_EMULATOR_KEY), deadline, keep_vendor=True)


@cache  # one SDK client per endpoint and key, for the life of the kernel
def _one_backend(  # noqa: PLR0913 - the key of the cache
    url: str,
    key: Secret,
    deadline: float,
    *,
    keep_vendor: bool = False,
    api_version: str = "",
    headers: tuple[tuple[str, Secret], ...] = (),
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

    from gemnb.backends import is_loopback

    parts = urlsplit(url)
    host = parts.hostname or ""
    loopback = is_loopback(host)
    if only_loopback and not loopback:
        raise SettingsError(f"GEMNB_EMULATOR={url}: an emulator runs on this machine only.")
    if parts.scheme not in ("http", "https") or not host or (parts.scheme == "http" and not loopback):
        raise SettingsError(
            f"{url} is no endpoint that a key may be sent to.",
            why="Plain HTTP would send the key readably over the network.",
            hint="GEMNB_BASE_URL=https://…",
        )


def _unpack(
    request: Request, body: bytes, received: Mapping[str, str], early: Callable[[Mapping[str, bytes]], None]
) -> tuple[Record, dict[str, bytes]]:
    from gemnb.arrival import unpack

    return unpack(request, body, received, early)
