"""The seam to a model: one method from a request to the raw body of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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
