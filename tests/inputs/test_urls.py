"""URLs as inputs: what `data:` holds, and how an `https:` one is fetched once and kept for every later run."""

from __future__ import annotations

import contextlib
import socket
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemnb.cache import Cache, DirectoryStore
from gemnb.canonical import blob_digest
from gemnb.cell import parse
from gemnb.errors import CacheMiss, CorruptEntry, InputError
from gemnb.inputs import Reach, Resolved, resolve
from gemnb.inputs.urls import read_data_url
from gemnb.invocation import needs
from gemnb.model import Mode

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Site


def _resolve(reference: str, reach: Reach | None) -> Resolved:
    return resolve(needs(parse(f"%%gemimg -i {reference}\nx")), {}, (), reach)


def _one(reference: str, reach: Reach | None) -> bytes:
    resolved = _resolve(reference, reach)
    (binding,) = resolved.bindings
    assert binding.source == reference
    return resolved.blobs[binding.blob or ""]


@pytest.fixture
def open_reach(reach: Reach, trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> Reach:
    """A reach that may fetch from the test's server."""
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return replace(reach, private=True, tls=trust, deadline=20.0)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on nobody opens a socket or looks up a name."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "socket", refuse)


def test_a_data_url_holds_its_picture(make_picture: Callable[..., bytes]):
    """Base64 and percent-encoding stand for the same bytes, whatever type they claim, padding or not."""
    data = make_picture()
    text = b64encode(data).decode()
    for url in (
        f"data:image/png;base64,{text}",
        f"data:;BASE64,{text.rstrip('=')}",
        f"DATA:text/html;charset=x;base64,{text.replace('+', '%2B').replace('/', '%2F')}",
        f"data:,{quote_from_bytes(data)}",
    ):
        resolved = _resolve(url, None)
        (binding,) = resolved.bindings
        assert (binding.kind, binding.mime_type, binding.source) == ("data", "image/png", url)
        assert resolved.blobs == {blob_digest(data): data}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("data:image/png;base64", "no comma"),
        ("data:image/png;base64,x", "no base64"),
        ("data:image/png;base64,iVBO*", "no base64"),
        ("data:,hello", "not a picture"),
        ("data:,", "not a picture"),
        ("data:;base64," + "A" * 4000, "not a picture"),
    ],
)
def test_a_data_url_that_holds_none_is_told_in_short(url: str, said: str):
    """A malformed data: URL, or one without a picture, is an error that does not repeat all of it."""
    with pytest.raises(InputError, match=said) as caught:
        _resolve(url, None)
    assert len(str(caught.value)) < 500


@given(st.binary(max_size=64))
def test_any_bytes_go_through_a_data_url(data: bytes):
    """What a data: URL was made of comes out of it."""
    assert read_data_url("data:;base64," + b64encode(data).decode(), "-i") == data
    assert read_data_url("data:," + quote_from_bytes(data), "-i") == data


@given(st.text(max_size=40))
def test_any_text_is_bytes_or_an_error(text: str):
    """Whatever stands in a data: URL, it is bytes or an error of the input."""
    with contextlib.suppress(InputError):
        assert isinstance(read_data_url("data:" + text, "-i"), bytes)


def test_a_url_is_fetched_once(
    site: Site, cache: Cache, open_reach: Reach, make_picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
):
    """The first run fetches and keeps; every later one, in replay too, takes what is kept without a socket."""
    site.pages["/a.png"] = make_picture()
    url = site.url("/a.png")
    (binding,) = _resolve(url, open_reach).bindings
    assert (binding.kind, binding.blob) == ("url", blob_digest(make_picture()))
    site.pages["/a.png"] = make_picture("JPEG")
    with monkeypatch.context() as context:
        context.setattr(socket, "socket", None)
        context.setattr(socket, "getaddrinfo", None)
        for mode in (Mode.AUTO, Mode.REPLAY):
            assert _one(url, Reach(places=(cache,), mode=mode)) == make_picture()
    assert site.asked == ["/a.png"]


def test_refresh_fetches_anew_and_keeps_both(
    site: Site, cache: Cache, open_reach: Reach, make_picture: Callable[..., bytes]
):
    """In refresh mode the URL is fetched anew; what it showed before stays, and an unchanged picture adds nothing."""
    site.pages["/a.png"] = make_picture()
    fresh = replace(open_reach, mode=Mode.REFRESH)
    for _ in range(2):
        assert _one(site.url("/a.png"), fresh) == make_picture()
    assert len(list(cache.store.keys("urls/"))) == 1
    site.pages["/a.png"] = make_picture("JPEG")
    assert _one(site.url("/a.png"), open_reach) == make_picture()
    assert _one(site.url("/a.png"), fresh) == make_picture("JPEG")
    assert _one(site.url("/a.png"), open_reach) == make_picture("JPEG")
    assert len(list(cache.store.keys("urls/"))) == 2
    assert cache.blob(blob_digest(make_picture())) == make_picture()


def test_replay_without_the_picture_says_what_to_type(reach: Reach, no_network: None):
    """In replay a URL that was never fetched is a miss, names the URL, and opens no socket."""
    with pytest.raises(CacheMiss, match=r"https://a\.example/x\.png was never fetched") as caught:
        _resolve("https://a.example/x.png", replace(reach, mode=Mode.REPLAY))
    assert "--mode auto" in caught.value.hint


def test_what_is_no_picture_is_not_kept(site: Site, cache: Cache, open_reach: Reach):
    """A page that only calls itself a picture is refused, and nothing of it is kept."""
    site.pages["/a.png"] = b"<html>"
    with pytest.raises(InputError, match="is not a picture") as caught:
        _resolve(site.url("/a.png"), open_reach)
    assert "<html>" in caught.value.why
    assert list(cache.store.keys("")) == []


def test_private_urls_are_refused_by_default(site: Site, reach: Reach):
    """Without the setting, a URL of this machine is not fetched."""
    with pytest.raises(InputError, match="private network"):
        _resolve(site.url("/a.png"), reach)


@pytest.mark.parametrize("entry", [b"", b"[]", b"{}", b"\xff", b'{"url": "x", "blob": 7}', b"[" * 100_000])
def test_a_damaged_entry_is_told(
    site: Site, cache: Cache, open_reach: Reach, make_picture: Callable[..., bytes], entry: bytes
):
    """An entry that does not say what the URL showed is damage: never a silent fetch, never a picture."""
    site.pages["/a.png"] = make_picture()
    _resolve(site.url("/a.png"), open_reach)
    (key,) = cache.store.keys("urls/")
    cache.store.delete(key)
    cache.store.put(key, entry)
    with pytest.raises(CorruptEntry, match="is damaged"):
        _resolve(site.url("/a.png"), open_reach)


def test_a_cache_that_cannot_be_written_still_serves(
    site: Site,
    open_reach: Reach,
    tmp_path: Path,
    make_picture: Callable[..., bytes],
    caplog: pytest.LogCaptureFixture,
):
    """Where the picture cannot be kept it is used all the same, and that it was not kept is told."""
    (tmp_path / "file").write_text("")
    site.pages["/a.png"] = make_picture()
    broken = replace(open_reach, places=(Cache(DirectoryStore(tmp_path / "file" / "cache")),))
    assert _one(site.url("/a.png"), broken) == make_picture()
    assert "could not be kept" in caplog.text


def test_a_farther_place_serves_and_is_copied(
    site: Site, cache: Cache, open_reach: Reach, tmp_path: Path, make_picture: Callable[..., bytes]
):
    """What a farther place keeps is taken from there and kept in the first as well, but in replay nothing is."""
    site.pages["/a.png"] = make_picture()
    _resolve(site.url("/a.png"), open_reach)
    near = Cache(DirectoryStore(tmp_path / "near"))
    both = Reach(places=(near, cache), mode=Mode.REPLAY)
    assert _one(site.url("/a.png"), both) == make_picture()
    assert list(near.store.keys("")) == []
    assert _one(site.url("/a.png"), replace(both, mode=Mode.AUTO)) == make_picture()
    assert _one(site.url("/a.png"), Reach(places=(near,), mode=Mode.REPLAY)) == make_picture()


@pytest.mark.parametrize("reference", ["https://a.example/\ud800.png", "data:,\udfff"])
def test_half_a_character_is_refused(reach: Reach, reference: str):
    """A URL that no notebook could hold is refused before it is looked at."""
    with pytest.raises(InputError, match="half a character"):
        _resolve(reference, reach)


@pytest.mark.parametrize("reference", ["https://a.example/x.png", "record:abcdef", "blob:abcdef"])
def test_without_a_cache_in_reach_it_is_told(reference: str):
    """What needs the cache says so where there is none."""
    with pytest.raises(InputError, match="needs a cache"):
        _resolve(reference, None)
