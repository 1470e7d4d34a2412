"""A post as a value: front matter and blocks in order, before any dialect. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gemnb.inputs.statements import Import
    from gemnb.model import JSONObject, Record
    from gemnb.publish.pictures import Provenance


class CardKind(StrEnum):
    """Why a card stands in the place of a picture."""

    REFUSAL = "refusal"
    TEXT = "text"
    ERROR = "error"
    WITHHELD = "withheld"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The front matter.

    Attributes:
        title: Of the post.
        slug: Its last part of the address: lower-case letters, digits and dashes.
        date: As the author wrote it (ISO 8601), or None; never invented.
        tags: In order.
        categories: In order.
        summary: A sentence for lists and feeds, or None.
        lead: Beginning of the narrative, for lists and feeds where there is no summary; or None.
        cover: The author's `cover`, whose `image` may be the NAME of a cell; or None.
        section: Folder of posts, for Hugo.
        more: Every other member, passed on.
    """

    title: str
    slug: str
    date: str | None = None
    tags: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    summary: str | None = None
    lead: str | None = None
    cover: JSONObject | None = None
    section: str = "posts"
    more: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrative:
    """A Markdown cell, as it is but for the addresses of its pictures; a raw cell where `raw`.

    Attributes:
        text: As it stands on the page, before a dialect escapes it.
        raw: Whether it is a raw cell.
        cell: Position of the cell.
        written: As the author wrote it, where pictures were left out of it.
    """

    text: str
    raw: bool = False
    cell: int = 0
    written: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What went to the model, from the record; `cell` is the position of its cell."""

    text: str
    cell: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Source or output of a cell, shown as it is."""

    text: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What stands where there is no picture: a refusal, an error, a withheld picture.

    Attributes:
        kind: Why it stands there.
        title: Its first line.
        lines: Those below.
        cell: Position of the cell, from 1.
        evidence: What made the answer, or None.
        because: Why it is withheld, where its own cell does not say `publish: false`.
    """

    kind: CardKind
    title: str
    lines: tuple[str, ...] = ()
    cell: int = 0
    evidence: Evidence | None = None
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a reader needs to check a picture.

    Attributes:
        record: The kept answer.
        picture: Which picture of it, or None where it has none.
        cell: Position of the cell in the notebook, from 1.
        cell_id: Its id, or empty.
        name: The variable it binds, or empty.
    """

    record: Record
    picture: int | None
    cell: int
    cell_id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the files of a picture come from.

    Attributes:
        stem: Beginning of their names.
        original: Digest of the original.
        mime_type: Its type.
        provenance: What each copy says of itself; None for a picture that is copied as it is.
        preview: Digest of its preview, or None.
        embedded: Bytes that stand in the notebook, whatever they are, or None.
    """

    stem: str
    original: str
    mime_type: str
    provenance: Provenance | None
    preview: str | None = None
    embedded: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture with its words and its evidence.

    Attributes:
        source: Where its files come from.
        alt: Alternative text, or None where there is none.
        caption: The author's, or None.
        facts: Facts for the caption, where asked for: model, date, cost, attempt.
        evidence: What made it; None for a picture that no model made here.
        edited: Why the cell as it stands no longer makes this picture; empty where it does.
        cell: Position of the cell, from 1.
        name: The variable it binds, or empty.
        lacks_alt: Whether `alt` only stands in for one that the author did not give.
        imported: What its author states of it, of an import; None of every other.
    """

    source: Source
    alt: str | None
    caption: str | None
    facts: tuple[str, ...] = ()
    evidence: Evidence | None = None
    edited: tuple[str, ...] = ()
    cell: int = 0
    name: str = ""
    lacks_alt: bool = False
    imported: Import | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slider:
    """Two pictures of one shape, one over the other with an edge to drag.

    Attributes:
        before: The one on the left.
        after: The one on the right.
        labels: What the author calls them; either may be empty.
        alt: What both together show, or None.
    """

    before: Figure
    after: Figure
    labels: tuple[str, str]
    alt: str | None


Block = Narrative | Prompt | Code | Card | Figure | Slider


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post: its front matter, its blocks, and the files its narrative refers to.

    Attributes:
        front: The front matter.
        blocks: In the order of the notebook.
        attached: Name to bytes of pictures that the narrative refers to.
        remarks: What the author should be told.
        notebook: File name of the notebook.
        link: Address of the notebook, or empty.
    """

    front: Front
    blocks: tuple[Block, ...]
    attached: dict[str, bytes] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    notebook: str = ""
    link: str = ""

    def figures(self) -> list[Figure]:
        """Return the figures, in order; of a slider its two."""
        found: list[Figure] = []
        for block in self.blocks:
            if isinstance(block, Figure):
                found.append(block)
            elif isinstance(block, Slider):
                found += [block.before, block.after]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something the author should know; `strict` remarks stop `--strict`."""

    cell: int
    text: str
    strict: bool = True


def file_slug(text: str) -> str:
    """Return a text as part of a file name or address: lower-case ASCII letters, digits, dashes; may be empty."""
    import re
    import unicodedata

    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:80].strip("-")
