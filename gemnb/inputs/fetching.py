"""Fetch one picture over HTTPS: bounded in size and time, checked at each redirect, never from a private address.

A cloned notebook must not be able to make this machine ask its own network. So a name is looked up once, every
address it has is judged, and the connection goes to one of these addresses: a second look-up cannot differ.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from base64 import b64encode
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from gemnb.errors import InputError
from gemnb.inputs.files import MAX_INPUT

_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 3
_CHUNK = 64 * 1024
_UNQUOTED = "%/:=&?~!$,;'@()*+[]"
_HEADERS = {"Accept": "image/png, image/jpeg, image/webp, image/gif", "Accept-Encoding": "identity"}
_AGENT = "gemnb (pictures for notebooks; fetches on a user's word)"
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def fetch(
    url: str,
    *,
    private: bool = False,
    deadline: float = 60.0,
    tls: ssl.SSLContext | None = None,
) -> bytes:
    """Return what a URL shows, whatever it says that it is.

    Args:
        url: `https:`; `http:` only on this machine, and only with `private`.
        private: Addresses that are not public are allowed.
        deadline: Seconds of wall clock for all of it, redirects included.
        tls: The certificates to trust; those of the system where None.

    Raises:
        InputError: The URL may not be fetched, or nothing came that could be taken.
    """
    end = time.monotonic() + deadline
    at = url
    for _ in range(_MAX_REDIRECTS + 1):
        parts = _checked(at)
        try:
            answer = _ask(parts, end=end, private=private, tls=tls)
            if isinstance(answer, bytes):
                return answer
            at = urljoin(at, answer)
        except InputError:
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: names that no host can have
            failure = _failed(at, error, end, deadline)
        else:
            continue
        raise failure
    raise InputError(f"{_short(url)} leads from one address to the next, more than {_MAX_REDIRECTS} times.")


def judge(address: Address) -> bool:
    """Return whether an address is public, also where IPv6 wraps one of IPv4."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        if any(item is not None and not item.is_global for item in inner):
            return False
        if address.ipv4_mapped is not None:
            return True
    return address.is_global and not address.is_multicast


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        reason = str(error)
    else:
        if parts.scheme not in ("https", "http"):
            raise InputError(f"{_short(url)} is no https: URL, and nothing else is fetched.")
        if parts.username is not None or parts.password is not None:
            raise InputError(
                f"https://…@{parts.hostname} holds a name or password, which would be kept and published.",
                hint="Fetch it yourself and give the file: -i picture.png",
            )
        if parts.hostname:
            return parts
        reason = "It names no host."
    raise InputError(f"{_short(url)} is no URL.", why=reason)


def _ask(parts: SplitResult, *, end: float, private: bool, tls: ssl.SSLContext | None) -> bytes | str:
    """Return the body of an answer, or where it says to go on."""
    connection = _connection(parts, end=end, private=private, tls=tls)
    watch = threading.Timer(max(end - time.monotonic(), 0.001), connection.cut)
    watch.daemon = True
    watch.start()
    try:
        target = quote(urlunsplit(("", "", parts.path or "/", parts.query, "")), safe=_UNQUOTED)
        connection.request("GET", target, headers=_HEADERS | {"User-Agent": _AGENT})
        with connection.getresponse() as response:
            return _read(response, parts.geturl(), end)
    finally:
        watch.cancel()
        connection.close()
        watch.join()


def _read(response: http.client.HTTPResponse, url: str, end: float) -> bytes | str:
    if response.status in _REDIRECTS and (location := response.headers.get("Location")):
        return str(location)
    if response.status != 200:
        raise InputError(
            f"{_short(url)} answered {response.status} {response.reason}.",
            hint="Fetch it yourself and give the file: -i picture.png" if response.status in (401, 403) else "",
            status=response.status,
        )
    wanted = response.length
    data = bytearray()
    while len(data) <= MAX_INPUT and (wanted is None or wanted <= MAX_INPUT):
        chunk = response.read1(_CHUNK)
        if time.monotonic() > end:
            raise TimeoutError
        if not chunk:
            if wanted is not None and len(data) != wanted:
                raise http.client.IncompleteRead(b"", wanted - len(data))
            return bytes(data)
        data += chunk
    raise InputError(f"{_short(url)} is bigger than the 100 MB a request can carry.")


class _Connection(http.client.HTTPConnection):
    """A connection to an address that was judged, or through a proxy; `cut` ends it from another thread."""

    def __init__(
        self, parts: SplitResult, addresses: list[str], *, end: float, tls: ssl.SSLContext | None, proxy: str = ""
    ) -> None:
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        port = parts.port or (80 if self._tls is None else 443)
        super().__init__(parts.hostname or "", port)
        self.default_port = 80 if self._tls is None else 443
        self._name = parts.hostname or ""
        self._ends = [(address, port) for address in addresses]
        self._end = end
        self._lock = threading.Lock()
        self._is_cut = False
        self._live: socket.socket | None = None
        if proxy:
            through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
            self._ends = [(through.hostname or "", through.port or 80)]
            self.set_tunnel(self._name, port, _authorization(through))

    def connect(self) -> None:
        """Connect to the first address that answers."""
        failure: OSError = OSError("it has no address")
        for end in self._ends:
            try:
                plain = socket.create_connection(end, max(self._end - time.monotonic(), 0.001))
            except OSError as error:
                failure = error
                continue
            self._take(plain)
            if self._tunnel_host:  # type: ignore[attr-defined]  # as http.client's own connect does
                self._tunnel()  # type: ignore[attr-defined]
            if self._tls is not None:
                # The handshake afterwards: `cut` has to reach it.
                wrapped = self._tls.wrap_socket(plain, server_hostname=self._name, do_handshake_on_connect=False)
                self._take(wrapped)
                wrapped.do_handshake()
            return
        raise failure

    def cut(self) -> None:
        """End whatever is under way: a read in another thread returns at once."""
        with self._lock:
            self._is_cut = True
            if self._live is not None:
                _shut(self._live)

    def _take(self, taken: socket.socket) -> None:
        with self._lock:
            self.sock = self._live = taken
            if self._is_cut:
                _shut(taken)


def _connection(parts: SplitResult, *, end: float, private: bool, tls: ssl.SSLContext | None) -> _Connection:
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    # Plain HTTP goes to this machine only, and so past every proxy.
    proxy = getproxies().get("https", "") if secure and not proxy_bypass(host) else ""
    found = _addresses(host, parts.port or (443 if secure else 80), proxied=bool(proxy))
    if not secure and not (private and found and all(address.is_loopback for address in found)):
        raise InputError(
            f"{_short(parts.geturl())} would be fetched without encryption; anyone on the way could change it.",
            hint=f"Try https://{host}{parts.path[:100]}",
        )
    if not private and not all(judge(address) for address in found):
        raise InputError(
            f"{host} is in a private network, and pictures are fetched from public addresses only.",
            why="Its address is " + ", ".join(str(address) for address in found[:3]) + ".",
            hint="GEMNB_ALLOW_PRIVATE_URLS=1 in your environment allows it.",
        )
    return _Connection(parts, [str(address) for address in found], end=end, tls=tls, proxy=proxy)


def _addresses(host: str, port: int, *, proxied: bool) -> list[Address]:
    """Return the addresses of a host; none where only a proxy knows it."""
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        if proxied:
            return []
        reason = getattr(error, "strerror", None) or str(error)
    else:
        return list(dict.fromkeys(ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows))
    raise InputError(f"There is no host {host[:200]}.", why=str(reason))


def _authorization(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    word = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + b64encode(word.encode()).decode("ascii")}


def _failed(url: str, error: Exception, end: float, deadline: float) -> InputError:
    if time.monotonic() >= end or isinstance(error, TimeoutError):
        return InputError(f"{_short(url)} did not come within {deadline:g} seconds.")
    why = getattr(error, "verify_message", "") or str(error) or type(error).__name__
    return InputError(f"{_short(url)} could not be fetched.", why=why[:300])


def _short(url: str) -> str:
    return url if len(url) <= 200 else url[:199] + "…"


def _shut(taken: socket.socket) -> None:
    # That of the base class: an SSLSocket's own would also take away what the other thread reads with.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(taken, socket.SHUT_RDWR)
