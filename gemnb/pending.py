"""What a cell is in mode plan when no answer is kept: its requests, their price, and nothing to show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from gemnb.canonical import request_digest, short
from gemnb.errors import PendingRead
from gemnb.prices import dollars, estimate
from gemnb.result import Result

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import PIL.Image

    from gemnb.model import JSONObject, JSONValue, Picture, Record, Request


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Pending(Result):
    """A result that is not there: the model was not asked. Reading it raises `PendingRead`.

    Its length, its digest and what it is made from are known; a sample that is kept is had by its index.

    Attributes:
        requests: One per sample.
        found: The records of the samples that are kept, by index from 0.
    """

    requests: tuple[Request, ...]
    found: Mapping[int, Record]

    def __repr__(self) -> str:
        return f"<gemnb.Pending: {self.line}>"

    def __len__(self) -> int:
        return len(self.requests)

    def __getitem__(self, index: int) -> Result:
        if not -len(self) <= index < len(self):
            msg = f"there are {len(self)} samples, [0] to [{len(self) - 1}]"
            raise IndexError(msg)
        place = index % len(self)
        same = {"invocation": self.invocation, "presentation": self.presentation, "blob": self.blob}
        if place in self.found:
            return Result(records=(self.found[place],), **same)  # type: ignore[arg-type]
        return Pending(records=(), requests=(self.requests[place],), found={}, **same)  # type: ignore[arg-type]

    @property
    def line(self) -> str:
        """What would be asked, and what that would cost, in one line."""
        return pending_line([r for i, r in enumerate(self.requests) if i not in self.found])

    @property
    def digest(self) -> str:
        """The digest of the first sample's request."""
        return request_digest(self.requests[0])

    @property
    def record(self) -> Record:
        """Raise `PendingRead`."""
        self._read("record")

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Raise `PendingRead`."""
        self._read("pictures")

    @property
    def bytes(self) -> builtins.bytes:
        """Raise `PendingRead`."""
        self._read("bytes")

    @property
    def image(self) -> PIL.Image.Image:
        """Raise `PendingRead`."""
        self._read("image")

    @property
    def images(self) -> list[PIL.Image.Image]:
        """Raise `PendingRead`."""
        self._read("images")

    @property
    def text(self) -> str:
        """Raise `PendingRead`."""
        self._read("text")

    @property
    def usage(self) -> JSONObject:
        """Raise `PendingRead`."""
        self._read("usage")

    @property
    def cost(self) -> float | None:
        """Raise `PendingRead`."""
        self._read("cost")

    def save(self, path: str | Path) -> Path:
        """Raise `PendingRead`."""
        del path
        self._read("save")

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, JSONValue], JSONObject]:
        del include, exclude
        self._read("picture")

    def _read(self, what: str) -> NoReturn:
        request = self.requests[0]
        raise PendingRead(
            f"The {what} of a pending result is read: {request.model} was not asked, since the mode is plan.",
            why=f"It is the answer to {short(self.digest)}, and none is kept.",
            hint="GEMNB_MODE=auto, or %%gemimg … --mode auto, asks the model, and pays.",
            digest=self.digest,
            model=request.model,
        )


def pending_line(requests: Sequence[Request]) -> str:
    """Return what would be asked, and what that would cost: requests of one cell, to one model."""
    times = "" if len(requests) == 1 else f"{len(requests)} times "
    digests = ", ".join(short(request_digest(request)) for request in requests)
    return f"pending: would ask {requests[0].model} {times}({digests}), {price_of(requests)}"


def price_of(requests: Sequence[Request]) -> str:
    """Return what requests would cost together: `about $0.039`, or `price unknown`."""
    prices = [estimate(request).usd for request in requests]
    known = [usd for usd in prices if usd is not None]
    return "price unknown" if len(known) < len(prices) else f"about {dollars(sum(known[1:], known[0]))}"
