"""The emulator's sockets: HTTP/1.1, one thread for each connection."""

from __future__ import annotations

import logging
import math
import socket
import socketserver
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

from gemnb.emulator.errors import ApiError, invalid
from gemnb.emulator.messages import HttpRequest, HttpResponse, error_response

if TYPE_CHECKING:
    import ipaddress

    from gemnb.emulator.app import App

LARGEST_BODY: Final = 100 << 20
"""Bytes of a request: Gemini's limit for inline data since 2026-01."""

IDLE: Final = 60.0
"""Seconds without a byte after which a connection is closed."""

LINGER: Final = 2.0
"""Seconds, at most, for which what a refused client still sends is read and thrown away."""

PIECES: Final = 20
"""Pieces of a body that drips."""

LINGER_FORM: Final = "hh" if sys.platform == "win32" else "ii"
"""How the C library lays out a `struct linger`."""

BEAT: Final = 0.05
"""Seconds between two looks at whether a waiting client is still there, or whether to stop."""

log = logging.getLogger("gemnb.emulator")


class Server(ThreadingHTTPServer):
    """Keeps account of its connections, so that it can cut them and wait for their threads."""

    daemon_threads = True
    allow_reuse_port = False  # two emulators must not share a port without a word
    request_queue_size = 128

    def __init__(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, app: App) -> None:
        self.address_family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        self.app = app
        self.stopping = threading.Event()
        self._connections: dict[threading.Thread, socket.socket] = {}
        super().__init__((str(address), port), Handler)

    def server_bind(self) -> None:
        """Bind without asking a name server what this machine is called, as HTTPServer would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Start a connection's thread; only the server's own thread comes here, or `close` after it."""
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="gemnb-emulator-connection",
            daemon=True,
        )
        self._connections = {thread: link for thread, link in self._connections.items() if thread.is_alive()}
        if isinstance(request, socket.socket):
            self._connections[thread] = request
        thread.start()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  # socketserver's
        """Log what went wrong with a connection; that a client hung up is no news."""
        error = sys.exception()
        level = logging.DEBUG if isinstance(error, ConnectionError) else logging.ERROR
        log.log(level, "the connection from %s failed", client_address, exc_info=error)

    def close(self) -> None:
        """Cut every connection, wait for its thread, and close the listening socket."""
        self.stopping.set()
        for connection in self._connections.values():
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is closed already
        for thread in self._connections:
            thread.join()
        self._connections = {}
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "gemnb-emulator"
    sys_version = ""
    timeout = IDLE
    disable_nagle_algorithm = True  # else a client waits 40 ms between head and body

    def _respond(self) -> None:
        try:
            self._answer(self._read())
        except ApiError as error:
            self._refuse(error)
        except (ConnectionError, TimeoutError) as error:
            self.close_connection = True
            log.debug("the client went: %s", error)

    # http.server calls the method that is named after the request's
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _respond  # noqa: N815

    def _read(self) -> HttpRequest:
        length = self._length()
        body = self.rfile.read(length)
        if len(body) < length:
            raise invalid(f"The body ended after {len(body)} of {length} bytes.")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return HttpRequest(method=self.command, target=self.path, headers=headers, body=body)

    def _length(self) -> int:
        """Return how many bytes the body has."""
        if self.headers.get("Transfer-Encoding"):
            raise ApiError(411, "INVALID_ARGUMENT", "Send the body with a Content-Length, not in chunks.")
        given = set(self.headers.get_all("Content-Length", ["0"]))
        text = given.pop()
        if given or not (text.isascii() and text.isdigit()):
            raise invalid("Content-Length is not one number.")
        if len(text) > 15 or int(text) > LARGEST_BODY:
            raise invalid(f"Request payload size exceeds the limit: {LARGEST_BODY} bytes.")
        return int(text)

    def _answer(self, request: HttpRequest) -> None:
        response = self.server.app.handle(request)
        there = not response.hung_up
        if response.stalled:
            there = self._wait(math.inf)
        elif response.pause:
            there = self._wait(response.pause)
        if there:
            self._write(response)
        else:
            self.close_connection = True

    def _wait(self, seconds: float) -> bool:
        """Wait; return false as soon as the client has gone or the server stops."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.server.stopping.wait(min(BEAT, left)) or self._gone():
                return False
        return True

    def _gone(self) -> bool:
        """Look whether the client has hung up, without taking what it may have sent."""
        self.connection.setblocking(False)
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            self.connection.settimeout(self.timeout)

    def _write(self, response: HttpResponse) -> None:
        if response.sent is not None:
            self.close_connection = True
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "HEAD":
            return
        if response.drip:
            self._drip(response.body, response.drip)
        else:
            self.wfile.write(response.body[: response.sent])
        if response.reset:
            self._reset()

    def _drip(self, body: bytes, seconds: float) -> None:
        size = -(-len(body) // PIECES) or 1
        for start in range(0, len(body), size):
            if start and not self._wait(seconds):
                self.close_connection = True
                return
            self.wfile.write(body[start : start + size])

    def _reset(self) -> None:
        """Close the socket itself, at once and without the usual farewell: the client sees a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(LINGER_FORM, 1, 0))
        socket.close(self.connection.detach())

    def _refuse(self, error: ApiError) -> None:
        """Answer a request whose body cannot be read, and close.

        What the client still sends is read for a while: closing at once would reset the connection, and
        the client would never see why.
        """
        self.close_connection = True
        end = time.monotonic() + LINGER
        try:
            self._write(error_response(error))
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(LINGER / 4)
            while time.monotonic() < end and self.connection.recv(1 << 16):
                pass
        except OSError:
            log.debug("a refused client did not wait")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no HTTP that can be read, in Google's shape."""
        self.request_version = self.protocol_version  # it may not have been read, and an answer needs a head
        self._refuse(ApiError(int(code), "INVALID_ARGUMENT", message or explain or "Bad request."))

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:  # noqa: ARG002  # http.server's
        """Log a request without its query, which may hold a key."""
        log.debug("%s %s %s", self.command, getattr(self, "path", "").partition("?")[0], code)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server names it
        """Log what http.server has to say, quietly."""
        log.debug(format, *args)
