"""What verify says of a picture, and how that is put together from what did not fit. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Finding(StrEnum):
    """What verify says of a picture. None of these says where the picture came from: origin unattested."""

    CONSISTENT = "consistent"
    """Cell, record and bytes belong together."""
    BOUND = "bound"
    """They do, with values that only the kernel knew taken from the record."""
    DRIFTED = "drifted"
    """Something is another thing than it was."""
    MISSING = "missing"
    """Something is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The findings on one picture.

    Attributes:
        cell: Position of the cell in the notebook, from 1.
        name: The variable the cell binds, or empty.
        picture: Short digest of the picture, or empty.
        finding: The verdict.
        reasons: Why it is neither consistent nor bound.
        bound: What only the kernel knew; taken from the record.
        notes: What a reader should know besides; it changes no verdict.
        image: MIME type and base64 of the picture as it stands in the notebook, where that was asked for.
    """

    cell: int
    name: str
    picture: str
    finding: Finding
    reasons: tuple[str, ...] = ()
    bound: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    image: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def well(self) -> bool:
        """Whether nothing drifted or is missing."""
        return self.finding in (Finding.CONSISTENT, Finding.BOUND)


@dataclass(slots=True)
class Trouble:
    """What does not fit: things that differ, things that are not there; and what is only worth knowing."""

    drifted: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    bound: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def finding(self) -> Finding:
        """Return the verdict: a difference counts more than an absence."""
        if self.drifted:
            return Finding.DRIFTED
        if self.missing:
            return Finding.MISSING
        return Finding.BOUND if self.bound else Finding.CONSISTENT

    def check(self, cell: int, name: str, picture: str, image: tuple[str, str] | None = None) -> Check:
        """Return the findings, each said once."""
        return Check(
            cell=cell,
            name=name,
            picture=picture,
            finding=self.finding(),
            reasons=tuple(dict.fromkeys([*self.drifted, *self.missing])),
            bound=tuple(dict.fromkeys(self.bound)),
            notes=tuple(dict.fromkeys(self.notes)),
            image=image,
        )
