"""What input pictures are looked up in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.model import Mode

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

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
        absent: What a path or glob stood for when the notebook was made, as (name, digest): in a re-run it stands
            in where the file is not there.
    """

    places: tuple[Cache, ...]
    mode: Mode = Mode.AUTO
    private: bool = False
    deadline: float = 60.0
    tls: ssl.SSLContext | None = None
    absent: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
