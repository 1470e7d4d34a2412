"""Fixtures of the inputs: a cache in reach, a server of pictures with a certificate of its own."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.cache import Cache, DirectoryStore
from gemnb.inputs import Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty cache of plain files."""
    return Cache(DirectoryStore(tmp_path / "cache"))


@pytest.fixture
def reach(cache: Cache) -> Reach:
    """That cache in reach, and no private address."""
    return Reach(places=(cache,))


@dataclass
class Site:
    """A running server: what it answers by path, and what it was asked."""

    port: int
    pages: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    scheme: str = "https"

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def redirect(self, path: str, to: str, status: int = 302) -> None:
        self.pages[path] = lambda handler: _redirect(handler, to, status)


def _redirect(handler: BaseHTTPRequestHandler, to: str, status: int) -> None:
    handler.send_response(status)
    handler.send_header("Location", to)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    site: Site

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 20

    def do_GET(self) -> None:
        site = self.server.site
        site.asked.append(self.path)
        page = site.pages.get(self.path)
        if callable(page):
            self.close_connection = True
            page(self)
        else:
            self.send_response(404 if page is None else 200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page or b"")))
            self.end_headers()
            self.wfile.write(page or b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _serve(context: ssl.SSLContext | None) -> Iterator[Site]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.site = Site(port=server.server_address[1], scheme="http" if context is None else "https")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.site
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that signs itself, for this machine and for pictures.example, with its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pictures.example")])
    now = dt.datetime.now(dt.UTC)
    names = [
        x509.DNSName("pictures.example"),
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture(scope="session")
def trust(certificate: Path) -> ssl.SSLContext:
    """What a client needs to believe that certificate."""
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def site(certificate: Path) -> Iterator[Site]:
    """A server of pictures over HTTPS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    yield from _serve(context)


@pytest.fixture
def plain_site() -> Iterator[Site]:
    """A server of pictures over plain HTTP."""
    yield from _serve(None)


@pytest.fixture
def exif() -> Callable[..., bytes]:
    """A maker of EXIF: `exif({2: value}, order=">")` holds a GPS directory with these tags."""
    import struct

    def make(tags: tuple[int, ...], order: str = "<", directory: int = 0x8825) -> bytes:
        head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 8)
        first = struct.pack(order + "HHHIII", 1, directory, 4, 1, 26, 0)
        rows = b"".join(struct.pack(order + "HHII", tag, 5, 3, 0) for tag in tags)
        return head + first + struct.pack(order + "H", len(tags)) + rows + bytes(4)

    return make
