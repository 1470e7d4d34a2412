"""The HTTP transport below the SDK: it keeps the raw body, holds the deadline, and can cut a call off.

httpcore's timeouts begin anew with every piece that arrives, and closing a socket does not wake the thread that
reads from it; shutting it down does.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit

import httpx2

from gemnb.backends.base import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator


class Recorder(httpx2.BaseTransport):
    """Keeps the raw body and headers of this thread's last answer, ends a slow drip, and can be cut off.

    Args:
        base_url: What will be asked; the environment's proxies are used for it, but not for this machine.
    """

    def __init__(self, base_url: str) -> None:
        # Every call has a connection of its own: cutting one off must not hit another.
        limits = httpx2.Limits(max_keepalive_connections=0)
        self._inner = httpx2.HTTPTransport(trust_env=True, limits=limits, proxy=_proxy(base_url))
        self._last = threading.local()
        self._sockets: dict[int, socket.socket] = {}
        self._calls: dict[int, threading.Event] = {}  # by thread; set when the call is cut off

    def begin(self, end: float) -> None:
        """Forget this thread's last answer; the next one ends at `end` on the monotonic clock."""
        self._last.end, self._last.content, self._last.headers, self._last.status = end, b"", {}, 0

    def cut(self) -> int:
        """Close the connections of all calls under way, and return how many there were."""
        calls = list(self._calls.values())
        for call in calls:
            call.set()
        for connection in list(self._sockets.values()):
            _shut(connection)
        return len(calls)

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """Hold while this thread has a call under way, its pauses between tries included."""
        mine = threading.get_ident()
        self._calls[mine] = threading.Event()
        try:
            yield
        finally:
            del self._calls[mine]

    def was_cut(self) -> bool:
        """Return whether this thread's call was cut off."""
        return self._calls[threading.get_ident()].is_set()

    def pause(self, seconds: float) -> None:
        """Wait, or until the call is cut off."""
        self._calls[threading.get_ident()].wait(seconds)

    def body(self) -> bytes:
        """Return the raw body of this thread's last answer."""
        return cast("bytes", self._last.content)

    def headers(self) -> dict[str, str]:
        """Return the headers of this thread's last answer, names in lower case."""
        return cast("dict[str, str]", self._last.headers)

    def status(self) -> int:
        """Return the status of an answer that came to its end; 0 where none did."""
        return cast("int", self._last.status)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, and read its answer whole."""
        request.extensions["timeout"] = _Left(self._last.end)
        request.extensions["trace"] = self._note
        try:
            return self._exchange(request)
        finally:
            self._sockets.pop(threading.get_ident(), None)

    def _note(self, event: str, info: dict[str, Any]) -> None:
        """Remember the socket of this thread's call (httpcore tells of each connection as it is made)."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets[threading.get_ident()] = connection = info["return_value"].get_extra_info("socket")
            if self.was_cut():  # while it was connecting
                _shut(connection)

    def _exchange(self, request: httpx2.Request) -> httpx2.Response:
        response = self._inner.handle_request(request)
        self._last.headers = {key.lower(): value for key, value in response.headers.items()}
        with _Watch(response, self._last.end) as watch:
            try:
                content = b"".join(response.iter_bytes())
            except httpx2.TransportError:
                if not watch.bit:
                    raise
                content = b""
            finally:
                response.close()
        if watch.bit:
            msg = "the answer did not end in time"
            raise httpx2.ReadTimeout(msg, request=request)
        self._last.content, self._last.status = content, response.status_code
        if response.is_success:
            # The body is read from here: the SDK need not decode megabytes, nor take a 202 for an error.
            return httpx2.Response(200, content=b"{}")
        # Without its headers: a charset that is no text would have the SDK fail in its own way.
        return httpx2.Response(response.status_code, content=content)

    def close(self) -> None:
        """Close the pool."""
        self._inner.close()


class _Left(dict[str, float]):
    """Timeouts for httpcore, each what is left until the deadline when it is looked up."""

    def __init__(self, end: float) -> None:
        super().__init__()
        self._end = end

    def get(self, key: str, default: object = None) -> float:  # every key has a value
        del key, default
        return max(self._end - time.monotonic(), 0.001)


class _Watch:
    """Ends the reading of a body at the deadline: httpcore's timeout begins anew with every piece that drips in.

    Attributes:
        bit: Whether the deadline came first.
    """

    def __init__(self, response: httpx2.Response, end: float) -> None:
        self.bit = False
        stream = response.extensions.get("network_stream")
        self._socket = stream.get_extra_info("socket") if stream is not None else None
        self._timer = threading.Timer(max(end - time.monotonic(), 0.0), self._bite)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _bite(self) -> None:
        self.bit = True
        if self._socket is not None:
            _shut(self._socket)


def _proxy(url: str) -> str | None:
    """Return the proxy that the environment names for a URL (an HTTP client with its own transport asks nobody)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already
        # Not the TLS object's own shutdown, which takes the state away from the thread that reads.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
