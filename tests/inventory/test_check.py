"""Checking the whole cache: what leads to bytes, the private part, the spill folder, what is no folder."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from gemnb.cache import Cache, DirectoryStore
from gemnb.cache.store import blob_key
from gemnb.compose import open_cache
from gemnb.inputs import Reach, url_entry
from gemnb.inputs.importing import import_picture
from gemnb.inputs.pixels import pixels_of
from gemnb.inputs.sending import keep_pixels
from gemnb.inputs.statements import Statement
from gemnb.inventory.answers import key_of
from gemnb.inventory.check import check_cache
from gemnb.inventory.pointers import MAX_POINTER, pointer_keys
from gemnb.model import Mode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

URL = "https://example.org/a.png"


@pytest.fixture
def led(project: Path, make_picture: Callable[..., bytes]) -> Cache:
    """A cache with an entry of each kind that leads to bytes: pixels, a URL, an import by name, one by pixels."""
    from PIL import Image

    cache = open_cache(project / "cache")
    pixels = pixels_of(Image.new("RGB", (6, 4), "red"), "red")
    assert pixels is not None
    keep_pixels([cache], pixels, writing=True)
    cache.store.put(*url_entry(URL, cache.put_blob(make_picture("PNG")), "2026-01-01T00:00:00Z"))
    (project / "photo.png").write_bytes(make_picture("PNG", (9, 9)))
    reach = Reach(places=(cache,), mode=Mode.AUTO)
    for value in ("photo.png", Image.new("RGB", (5, 5), "blue"), make_picture("PNG", (7, 7))):
        import_picture(value, Statement(source="a friend"), reach)
    return cache


def damaged(cache: Cache) -> dict[str, str]:
    """Return what is damaged, with the reasons."""
    return {item.key: item.why for item in check_cache(Cache(cache.store, look_only=True)).damaged}


def of(cache: Cache, kind: str) -> str:
    """Return the key of the first entry of a kind."""
    return next(key for key in pointer_keys(cache.store) if key.startswith(kind))


def test_what_gemnb_wrote_is_whole(led: Cache) -> None:
    """Entries of every kind, as the cells that made them left them, are counted and nothing is wrong with them."""
    found = check_cache(led)

    assert (found.pointers, found.damaged) == (5, ())


@pytest.mark.parametrize("kind", ["pixels", "urls", "imports"])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        b"{}",
        b"[]",
        b"\xff" * 80,
        b"[" * 5000,
        b'{"url": 1, "blob": "sha256:x"}',
        b"x" * (MAX_POINTER + 1),
    ],
    ids=["empty", "words", "object", "list", "bytes", "deep", "types", "big"],
)
def test_an_entry_that_says_nothing_is_damage(led: Cache, project: Path, kind: str, data: bytes) -> None:
    """Whatever stands in an entry that leads to bytes and does not, is named once, and left where it is."""
    key = of(led, kind)
    (project / "cache" / key).write_bytes(data)

    assert list(damaged(led)) == [key]
    assert (project / "cache" / key).read_bytes() == data


@pytest.mark.parametrize("kind", ["pixels", "urls", "imports"])
def test_an_entry_whose_bytes_are_gone_is_damage(led: Cache, project: Path, kind: str) -> None:
    """What an entry leads to has to be there; bytes that are there and damaged are told of themselves alone."""
    key = of(led, kind)
    data = led.store.get(key) or b""
    named = data.decode().strip() if kind == "pixels" else json.loads(data).get("blob")
    named = named or json.loads(data)["picture"]["original"]["blob"]
    path = project / "cache" / blob_key(named)
    whole = path.read_bytes()
    path.write_bytes(whole + b"x")
    assert list(damaged(led)) == [blob_key(named)]
    path.unlink()

    assert damaged(led)[key] == f"It leads to the bytes {named[7:19]}, which are not there."


def test_an_entry_under_the_name_of_another_is_damage(led: Cache, project: Path) -> None:
    """A URL's entry under the name of another URL, an import under another path, and pixels that lead to others."""
    for kind in ("urls", "imports", "pixels"):
        key = of(led, kind)
        name = hashlib.sha256(kind.encode()).hexdigest()
        other = key.replace(key.split("/")[2], name).replace(f"/{key.split('/')[1]}/", f"/{name[:2]}/")
        led.store.put(other, led.store.get(key) or b"")
        assert list(damaged(led)) == [other]
        led.store.delete(other)


def test_what_is_no_folder_is_damage(cache: Cache, keep: Callable, project: Path) -> None:
    """A file in the place of a part of the cache is named, since all in it would read as missing."""
    keep("a cat")
    (project / "cache/urls").write_text("x")

    assert damaged(cache) == {"urls": "It is no folder."}


def test_a_private_answer_may_refer_to_what_is_committed(cache: Cache, keep: Callable, project: Path) -> None:
    """Bytes of a private answer may lie beside it in the project; those of a committed one may not."""
    kept = keep("a cat", image=b"an input")
    private = Cache(DirectoryStore(project / "cache/private"))
    picture = kept.record.pictures[0].original.blob
    private.keep(kept.record, kept.invocation, {picture: cache.blob(picture)})

    assert check_cache(private, beside=[cache]).damaged == ()
    assert next(item.name for item in check_cache(private).damaged).startswith("cache/private/blobs/")
    (project / "cache" / blob_key(picture)).unlink()
    assert list(damaged(cache)) == [blob_key(picture)]


def test_a_spilled_answer_needs_its_own_picture_only(cache: Cache, keep: Callable, tmp_path: Path) -> None:
    """What was sent may lie in whichever project asked; what the answer brought has to be in the spill folder."""
    kept = keep("a cat", image=b"an input")
    spill = Cache(DirectoryStore(tmp_path / "spill"))
    picture = kept.record.pictures[0].original.blob
    spill.keep(kept.record, kept.invocation, {picture: cache.blob(picture)})

    assert check_cache(spill, brings_inputs=False).damaged == ()
    spill.store.delete(blob_key(picture))
    (found,) = check_cache(spill, brings_inputs=False).damaged
    assert found.name == f"{tmp_path / 'spill'}/{blob_key(picture)}"


def test_damage_is_named_with_its_folder(cache: Cache, keep: Callable, tmp_path: Path) -> None:
    """Damage in a folder that is not called cache is named with that folder."""
    kept = keep("a cat")
    store = DirectoryStore(tmp_path / "my_store")
    store.put(key_of(kept), b"{}")

    assert [item.name for item in check_cache(Cache(store)).damaged] == [f"{tmp_path / 'my_store'}/{key_of(kept)}"]
