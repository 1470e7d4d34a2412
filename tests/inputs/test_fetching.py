"""Fetching a URL: from public addresses only, bounded in size and time, with whatever a server can do wrong."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gemnb.errors import InputError
from gemnb.inputs import fetching
from gemnb.inputs.fetching import fetch, judge

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from http.server import BaseHTTPRequestHandler

    from .conftest import Site


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def get(trust: ssl.SSLContext) -> Callable[..., bytes]:
    """Fetching with trust in the test's certificate, private addresses allowed."""

    def get(url: str, *, private: bool = True, deadline: float = 20.0) -> bytes:
        return fetch(url, private=private, deadline=deadline, tls=trust)

    return get


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Names that are looked up in this table only, and what was looked up."""
    table: dict[str, list[str]] = {"asked": []}
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *args: Any, **more: Any) -> list[Any]:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            table["asked"].append(host)
            if host not in table:
                raise socket.gaierror(socket.EAI_NONAME, "no such name") from None
            return [row for address in table[host] for row in real(address, port, *args, **more)]
        return real(host, port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


def test_a_picture_is_fetched(site: Site, get: Callable[..., bytes], make_picture: Callable[..., bytes]):
    """The bytes come as they are, whatever type the server claims, with one request."""
    site.pages["/a%20photo.png?x=%C3%A9"] = make_picture()
    assert get(site.url("/a photo.png?x=é#part")) == make_picture()
    assert site.asked == ["/a%20photo.png?x=%C3%A9"]


def test_a_big_picture_without_a_length_is_fetched(site: Site, get: Callable[..., bytes]):
    """A body that ends with the connection, or comes in chunks, is taken whole."""
    body = bytes(range(256)) * 4096

    def until_close(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)

    def chunked(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(body), 65536):
            handler.wfile.write(b"10000\r\n" + body[start : start + 65536] + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    site.pages |= {"/close": until_close, "/chunked": chunked}
    assert get(site.url("/close")) == body
    assert get(site.url("/chunked")) == body


@pytest.mark.parametrize("host", ["127.0.0.1", "pictures.example", "localhost"])
def test_private_addresses_are_refused(site: Site, get: Callable[..., bytes], names: dict[str, list[str]], host: str):
    """An address of this machine or network is refused before anything is connected, by number and by name."""
    names |= {"pictures.example": ["127.0.0.1"], "localhost": ["127.0.0.1"]}
    with pytest.raises(InputError, match="private network") as caught:
        get(site.url("/a.png", host), private=False)
    assert "GEMNB_ALLOW_PRIVATE_URLS=1" in caught.value.hint
    assert site.asked == []


def test_one_private_address_among_public_ones_is_enough(get: Callable[..., bytes], names: dict[str, list[str]]):
    """A name with a public and a private address is refused."""
    names["pictures.example"] = ["93.184.215.14", "10.0.0.1"]
    with pytest.raises(InputError, match="private network"):
        get("https://pictures.example/", private=False)


def test_a_name_is_looked_up_once(
    site: Site, get: Callable[..., bytes], names: dict[str, list[str]], make_picture: Callable[..., bytes]
):
    """The connection goes to the address that was judged, with the name in the certificate's check."""
    names["pictures.example"] = ["127.0.0.1"]
    site.pages["/a.png"] = make_picture()
    assert get(site.url("/a.png", "pictures.example")) == make_picture()
    assert names["asked"] == ["pictures.example"]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        *((a, True) for a in ("93.184.215.14", "2606:4700::1", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e")),
        *((a, False) for a in ("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0")),
        *((a, False) for a in ("100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1")),
        *((a, False) for a in ("ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1")),
    ],
)
def test_addresses_are_judged(address: str, public: bool):  # noqa: FBT001
    """An address is public only where that of IPv4 inside it is, too."""
    assert judge(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example/x.png", "file:///etc/passwd", "https://", "https:///x", "https://[::1", "https://a:b/", "x"],
)
def test_other_urls_are_refused(url: str):
    """Nothing but a well-formed https: URL is fetched."""
    with pytest.raises(InputError, match=r"is no (https: )?URL"):
        fetch(url, private=True)


@given(st.text(max_size=30))
@example("[")
@example("a\x00b/")
@example(".a/")
@example("a" * 64 + "/")
@example("a:99999/")
@example("1.2.3.4%00/")
def test_any_text_is_refused_in_order(text: str):
    """Whatever stands after https://, what goes wrong is an error of the input."""

    def look_up(host: str, *_: object, **__: object) -> list[object]:
        host.encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        with pytest.raises(InputError):
            fetch("https://" + text)


def test_a_redirect_to_nonsense_is_an_error(site: Site, get: Callable[..., bytes]):
    """A redirect that leads to no URL at all is an error of the input."""
    site.redirect("/a", "https://[")
    with pytest.raises(InputError, match="could not be fetched"):
        get(site.url("/a"))


def test_a_password_in_a_url_is_refused_and_not_repeated():
    """A URL with a name or password would be kept and published, so it is refused without showing them."""
    with pytest.raises(InputError, match="name or password") as caught:
        fetch("https://me:secret@a.example/x.png")
    assert "secret" not in str(caught.value)


def test_plain_http_is_for_this_machine_and_only_if_allowed(
    plain_site: Site, get: Callable[..., bytes], names: dict[str, list[str]], make_picture: Callable[..., bytes]
):
    """`http:` is fetched from a loopback address where private ones are allowed, and nowhere else."""
    plain_site.pages["/a.png"] = make_picture()
    names["pictures.example"] = ["93.184.215.14"]
    assert get(plain_site.url("/a.png")) == make_picture()
    for url, private in ((plain_site.url("/a.png"), False), ("http://pictures.example/a.png", True)):
        with pytest.raises(InputError, match="without encryption") as caught:
            get(url, private=private)
        assert "https://" in caught.value.hint


def test_three_redirects_are_followed(site: Site, get: Callable[..., bytes], make_picture: Callable[..., bytes]):
    """Up to three redirects are followed, relative ones too, and no more."""
    site.pages["/3"] = make_picture()
    site.redirect("/2", "3", 303)
    site.redirect("/1", "/2", 308)
    site.redirect("/0", site.url("/1"), 301)
    site.redirect("/more", "/0")
    assert get(site.url("/0")) == make_picture()
    with pytest.raises(InputError, match="more than 3 times"):
        get(site.url("/more"))


def test_each_redirect_is_checked(site: Site, get: Callable[..., bytes], names: dict[str, list[str]]):
    """A redirect to a private address, to plain HTTP or to another scheme is not followed."""
    names |= {"pictures.example": ["127.0.0.1"], "inside.example": ["93.184.215.14"]}
    for to, said in (
        ("http://inside.example/x", "without encryption"),
        ("file:///etc/passwd", "no https: URL"),
        ("https://me:secret@inside.example/", "name or password"),
        ("https://nowhere.example/", "no host"),
    ):
        site.redirect("/a", to)
        with pytest.raises(InputError, match=said):
            get(site.url("/a", "pictures.example"))


def test_a_redirect_into_the_private_network_is_refused(
    site: Site, get: Callable[..., bytes], names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
):
    """A public site that leads to a private address is refused there."""
    names |= {"pictures.example": ["127.0.0.1"], "inside.example": ["10.0.0.1"]}
    monkeypatch.setattr(fetching, "judge", lambda address: not str(address).startswith("10."))
    site.redirect("/a", "https://inside.example/x")
    with pytest.raises(InputError, match=r"inside\.example is in a private network"):
        get(site.url("/a", "pictures.example"), private=False)
    assert site.asked == ["/a"]


@pytest.mark.parametrize("status", [403, 404, 500, 204, 304])
def test_another_answer_than_200_is_told(site: Site, get: Callable[..., bytes], status: int):
    """Any other status is an error that says it; a redirect without a target is one as well."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    site.pages["/a"] = answer
    with pytest.raises(InputError, match=f"answered {status}") as caught:
        get(site.url("/a"))
    assert ("give the file" in caught.value.hint) == (status == 403)


def test_too_big_is_refused_before_it_is_read(site: Site, get: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch):
    """More than a request can carry is refused, by its length where it says one, else once it is exceeded."""
    monkeypatch.setattr(fetching, "MAX_INPUT", 100_000)

    def huge(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n")

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + bytes(200_000))

    site.pages |= {"/huge": huge, "/endless": endless, "/just": bytes(100_000)}
    assert len(get(site.url("/just"))) == 100_000
    for path in ("/huge", "/endless"):
        with pytest.raises(InputError, match="bigger than the 100 MB"):
            get(site.url(path))


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsho",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"",
    ],
)
def test_a_broken_answer_is_an_error(site: Site, get: Callable[..., bytes], answer: bytes):
    """An answer that is cut or no HTTP is an error of the input, never half a picture."""
    site.pages["/a"] = lambda handler: handler.wfile.write(answer)
    with pytest.raises(InputError, match="could not be fetched") as caught:
        get(site.url("/a"))
    assert caught.value.why
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("drip", [b"HTTP/1.1 200 OK\r\nX-", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
def test_a_slow_drip_ends_at_the_deadline(site: Site, get: Callable[..., bytes], drip: bytes):
    """A server that sends a byte now and then, in headers or body, is left at the deadline."""
    stop = threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(drip)
        while not stop.wait(0.02):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    site.pages["/a"] = slow
    start = time.monotonic()
    with pytest.raises(InputError, match=r"within 0\.4 seconds"):
        get(site.url("/a"), deadline=0.4)
    stop.set()
    assert time.monotonic() - start < 5


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_handshake_that_never_comes_ends_at_the_deadline(silent: int, get: Callable[..., bytes]):
    """A server that takes the connection and says nothing is left at the deadline."""
    with pytest.raises(InputError, match=r"within 0\.3 seconds"):
        get(f"https://127.0.0.1:{silent}/", deadline=0.3)


def test_a_closed_port_is_told(get: Callable[..., bytes]):
    """A host that refuses the connection is an error with the reason."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(InputError, match="could not be fetched") as caught:
        get(f"https://127.0.0.1:{port}/")
    assert "refused" in caught.value.why


def test_a_certificate_that_is_not_trusted_is_refused(site: Site):
    """Without the certificate's trust nothing is asked."""
    with pytest.raises(InputError, match="could not be fetched") as caught:
        fetch(site.url("/a.png"), private=True)
    assert "self" in caught.value.why
    assert site.asked == []


def test_a_certificate_for_another_name_is_refused(
    site: Site, get: Callable[..., bytes], names: dict[str, list[str]]
):
    """The certificate must be that of the URL's name, though the connection goes to a number."""
    names["other.example"] = ["127.0.0.1"]
    with pytest.raises(InputError, match="could not be fetched"):
        get(site.url("/a.png", "other.example"))
    assert site.asked == []


@pytest.fixture
def proxy(site: Site) -> Iterator[tuple[int, list[bytes]]]:
    """A proxy that leads every tunnel to the site, and the head of each request to it."""
    heads: list[bytes] = []

    def pipe(one: socket.socket, other: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):
                while data := one.recv(65536):
                    other.sendall(data)
        finally:
            with contextlib.suppress(OSError):
                other.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        client, _ = server.accept()
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        heads.append(head)
        target = socket.create_connection(("127.0.0.1", site.port))
        client.sendall(b"HTTP/1.0 200 yes\r\n\r\n")
        back = threading.Thread(target=pipe, args=(target, client), daemon=True)
        back.start()
        with client, target:
            pipe(client, target)
            back.join()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], heads
        if not heads:  # nobody came: let the thread end
            socket.create_connection(server.getsockname()).close()
        thread.join(5)


def test_a_proxy_of_the_environment_is_used(
    site: Site,
    proxy: tuple[int, list[bytes]],
    get: Callable[..., bytes],
    names: dict[str, list[str]],
    make_picture: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
):
    """With HTTPS_PROXY the tunnel goes through it, names that only it knows included, and TLS ends at the site."""
    port, heads = proxy
    monkeypatch.setenv("https_proxy", f"http://me:p%40ss@127.0.0.1:{port}")
    site.pages["/a.png"] = make_picture()
    assert get("https://pictures.example/a.png", private=False) == make_picture()
    assert heads[0].startswith(b"CONNECT pictures.example:443 ")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==" in heads[0]
    assert names["asked"] == ["pictures.example"]


def test_a_proxy_leads_to_no_private_address(get: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch):
    """A private address that is known here is refused, though a proxy would have to reach it."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(InputError, match="private network"):
        get("https://10.0.0.1/", private=False)
