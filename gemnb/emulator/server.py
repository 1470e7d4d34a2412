"""The emulator as a thing to start and stop."""

from __future__ import annotations

import ipaddress
import logging
import math
import threading
from typing import TYPE_CHECKING, Self

from gemnb.emulator.app import App
from gemnb.emulator.sockets import BEAT, Server

if TYPE_CHECKING:
    from types import TracebackType

    from gemnb.emulator.faults import Fault
    from gemnb.emulator.messages import Call

log = logging.getLogger("gemnb.emulator")


class Emulator:
    """A local server that speaks the Gemini REST API and answers with synthetic pictures.

    Use it as a context manager, or call `start` and `stop`. It runs in daemon threads of this process.

    Args:
        port: 0 for any free one.
        latency: seconds that every answer takes.
        host: a loopback address, or localhost.

    Raises:
        ValueError: the host is no loopback address, or the latency no time.
    """

    def __init__(self, port: int = 0, latency: float = 0.0, host: str = "127.0.0.1") -> None:
        if not math.isfinite(latency) or latency < 0:
            raise ValueError(f"latency is a number of seconds from 0, not {latency!r}")
        self._address = _loopback(host)
        self._port = port
        self._app = App(latency)
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end.

        Raises:
            RuntimeError: it is not running.
        """
        if self._server is None:
            raise RuntimeError("the emulator is not running: use it in a with statement, or call start()")
        host, port = self._server.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    @property
    def calls(self) -> tuple[Call, ...]:
        """The generateContent requests received, answered or not; the last 1000, oldest first."""
        return self._app.calls

    def script(self, *faults: Fault) -> None:
        """Have the next generateContent requests meet these faults, one each, in this order."""
        self._app.script.add(faults)

    def clear(self) -> None:
        """Forget the calls and the faults that have not happened."""
        self._app.forget()
        self._app.script.clear()

    def start(self) -> Self:
        """Start to listen.

        Raises:
            RuntimeError: it is running already.
            OSError: the port is taken.
        """
        if self._server is not None:
            raise RuntimeError("the emulator is running already")
        self._server = Server(self._address, self._port, self._app)
        loop = {"poll_interval": BEAT}
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs=loop, name="gemnb-emulator", daemon=True
        )
        self._thread.start()
        log.debug("listening on %s", self.url)
        return self

    def stop(self) -> None:
        """Stop: connections are cut, stalled ones too, and when this returns no thread or socket is left."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is not None and thread is not None:
            server.shutdown()
            thread.join()
            server.close()

    def wait(self) -> None:
        """Serve until Ctrl-C, then stop; start first if need be."""
        if self._server is None:
            self.start()
        thread = self._thread
        try:
            while thread is not None and thread.is_alive():
                thread.join(0.5)
        except KeyboardInterrupt:
            log.debug("interrupted")
        finally:
            self.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _loopback(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise ValueError(f"the emulator listens on loopback addresses only, such as 127.0.0.1, not on {host!r}")
    return address
