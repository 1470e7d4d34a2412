"""The seam to a model: one method from a request to the raw body of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.model import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back.

    Attributes:
        body: The raw body of the answer, as received.
        host: The host that answered, without port.
        client: The client library and its version.
    """

    body: bytes
    host: str
    client: str


class Secret:
    """A text that no repr, traceback or pickle shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "[key]"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        msg = "a key is not pickled"
        raise TypeError(msg)

    def reveal(self) -> str:
        """Return the text, for the one call that needs it."""
        return self._text

    def fits_a_header(self) -> bool:
        """Return whether an HTTP header can hold it (a library would refuse it later, and quote it)."""
        return self._text.isascii() and self._text.isprintable() and self._text == self._text.strip()


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its very spelling (`127.0.0.1.evil.org` is not)."""
    if host == "localhost":
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Backend(Protocol):
    """Something that answers requests."""

    def generate(self, request: Request, blob: Callable[[str], bytes]) -> Reply:
        """Send a request and return the raw body of its answer.

        Args:
            request: What is asked.
            blob: Digest to bytes, for the pictures and signatures in it.

        Raises:
            BackendError: Nothing was answered.
        """
