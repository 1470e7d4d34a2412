"""What leads from pixels and URLs to bytes stays with the bytes: through gc, export and import."""

from __future__ import annotations

import datetime as dt
import json
import zipfile
from typing import TYPE_CHECKING

import pytest

import gemnb
from gemnb.canonical import blob_digest
from gemnb.compose import open_cache
from gemnb.errors import CorruptEntry
from gemnb.inventory.archive import export, import_
from gemnb.inventory.pointers import pointers
from gemnb.inventory.referred import References
from gemnb.inventory.trash import move, plan

if TYPE_CHECKING:
    from pathlib import Path

    from gemnb.emulator import Emulator


@pytest.fixture
def asked(project: Path, emulator: Emulator) -> gemnb.Result:
    """An answer to a request that holds pixels."""
    from PIL import Image

    return gemnb.generate("a cat", model="emulator/sketch-1", size="512", image=[Image.new("RGB", (30, 20), "red")])


def test_gc_keeps_what_pixels_lead_to(asked: gemnb.Result, project: Path) -> None:
    """When an answer goes to the trash, the PNG of the pixels it was asked with can still be found."""
    cache = open_cache(project / "cache")
    going = plan(cache, References())
    move(cache, going.sizes, dt.date(2026, 11, 21))
    left = dict(pointers(cache.store))

    assert cache.attempts(asked.digest) == []
    assert len(left) == 1
    assert all(cache.missing([data.decode().strip()]) == [] for data in left.values())


def test_an_archive_carries_pointers(asked: gemnb.Result, project: Path, tmp_path: Path) -> None:
    """Exported and imported elsewhere, pixels lead to the same PNG, and twice the same archive is the same file."""
    cache = open_cache(project / "cache")
    export(cache, tmp_path / "one.zip")
    export(cache, tmp_path / "two.zip")
    there = open_cache(tmp_path / "elsewhere")
    import_(there, tmp_path / "one.zip")

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert dict(pointers(there.store)) == dict(pointers(cache.store))
    assert len(dict(pointers(there.store))) == 1


@pytest.mark.parametrize("key", ["urls/ab/" + "ab" * 32 + "/1.json", "pixels/ab/" + "ab" * 32], ids=["url", "pixels"])
def test_a_pointer_to_nowhere_is_refused(key: str, project: Path, tmp_path: Path) -> None:
    """An archive whose entry leads to bytes that are nowhere is not taken."""
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(key, json.dumps({"blob": blob_digest(b"nowhere")}))

    with pytest.raises(CorruptEntry, match="no archive that gemnb takes"):
        import_(open_cache(project / "cache"), tmp_path / "bad.zip")
    assert not (project / "cache").exists()
