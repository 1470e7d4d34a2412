"""What input pictures are looked up in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.model import Mode

if TYPE_CHECKING:
    import ssl

    from gemnb.cache import Cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What lies beyond the kernel and its files: the cache, and, through it, the network.

    Attributes:
        places: Where answers, bytes and fetched pictures are looked for, in order; new ones are kept in the first.
        mode: In replay nothing is fetched, in refresh a URL is fetched anew.
        private: URLs of private addresses, and plain `http:` to this machine, are fetched.
        deadline: Seconds of wall clock that fetching one URL may take.
        tls: The certificates to trust; those of the system where None.
    """

    places: tuple[Cache, ...]
    mode: Mode = Mode.AUTO
    private: bool = False
    deadline: float = 60.0
    tls: ssl.SSLContext | None = None
