"""The value a cell binds to its NAME: an answer, or several samples of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.answer import read_answer, usage
from gemnb.canonical import short
from gemnb.errors import NoPicture
from gemnb.mime import bundle
from gemnb.model import Invocation, Picture, Presentation, Record

if TYPE_CHECKING:
    from collections.abc import Callable

    import PIL.Image

    from gemnb.model import JSONObject, JSONValue


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Result:
    """An immutable answer: `hero.image`, `hero.bytes`, `hero[1]` for the second of several samples.

    Attributes:
        records: One record per sample.
        invocation: The cell that asked.
        presentation: How it is shown.
        blob: Digest to checked bytes.
    """

    records: tuple[Record, ...]
    invocation: Invocation
    presentation: Presentation = field(default_factory=Presentation)
    blob: Callable[[str], bytes]

    def __repr__(self) -> str:
        pictures = ", ".join(_name(picture) for picture in self.pictures) or "no picture"
        return f"<gemnb.Result of {self.record.request.model}: {pictures}>"

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Result:
        if not -len(self) <= index < len(self):
            msg = f"there are {len(self)} samples, [0] to [{len(self) - 1}]"
            raise IndexError(msg)
        return Result(
            records=(self.records[index],),
            invocation=self.invocation,
            presentation=self.presentation,
            blob=self.blob,
        )

    @property
    def record(self) -> Record:
        """The record of the first sample."""
        return self.records[0]

    @property
    def digest(self) -> str:
        """The digest of the first sample's request: its address."""
        return self.record.request_digest

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The final pictures of all samples: digests, types and sizes."""
        return tuple(picture for record in self.records for picture in record.pictures)

    @property
    def bytes(self) -> bytes:
        """The first picture's bytes, exactly as the model sent them.

        Raises:
            NoPicture: There is none.
            CorruptEntry: The kept bytes are damaged.
        """
        return self.blob(self._first().original.blob)

    @property
    def image(self) -> PIL.Image.Image:
        """The first picture, decoded by Pillow.

        Raises:
            NoPicture: There is none.
        """
        self._first()
        return self.images[0]

    @property
    def images(self) -> list[PIL.Image.Image]:
        """All pictures, decoded by Pillow."""
        import io

        from PIL import Image

        return [Image.open(io.BytesIO(self.blob(picture.original.blob))) for picture in self.pictures]

    @property
    def text(self) -> str:
        """What the model said beside its pictures, thoughts left out."""
        return "".join(read_answer(record.response).text for record in self.records)

    @property
    def usage(self) -> JSONObject:
        """The first sample's token counts, as the service sent them."""
        return usage(self.record.response)

    @property
    def cost(self) -> float | None:
        """The price of all samples in USD by token counts and gemnb's dated table, or None if unknown."""
        from gemnb.prices import cost

        costs = [cost(record) for record in self.records]
        return None if None in costs else float(sum(item for item in costs if item is not None))

    @property
    def parents(self) -> tuple[str, ...]:
        """The digests this answer was made from: requests of earlier results, bytes of input pictures."""
        return tuple(d for b in self.invocation.bindings for d in (b.request or b.blob,) if d)

    def save(self, path: str | Path) -> Path:
        """Write the first picture's original bytes to a file and return its path.

        Raises:
            NoPicture: There is none.
        """
        target = Path(path)
        target.write_bytes(self.bytes)
        return target

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, JSONValue], JSONObject]:
        del include, exclude  # IPython filters what it gets
        return bundle(self.record, 0, self.presentation, self.invocation, self.blob)

    def _first(self) -> Picture:
        if not self.pictures:
            raise NoPicture(
                f"This answer of {self.record.request.model} holds no picture.",
                why=self.text[:300],
                hint="Its words are in .text, its record in .record.",
            )
        return self.pictures[0]


def _name(picture: Picture) -> str:
    return f"{short(picture.original.blob)} {picture.original.width}×{picture.original.height}"
