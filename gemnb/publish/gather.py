"""From a notebook to a post: what is shown of each cell, in order. Nothing is run, written or sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gemnb.errors import CacheError
from gemnb.notebook import scan
from gemnb.notebook.files import joined
from gemnb.publish import front, narrative
from gemnb.publish.answers import WITHHELD, Answers
from gemnb.publish.comparisons import Known
from gemnb.publish.covers import missing_cover
from gemnb.publish.imported import import_remarks
from gemnb.publish.lead import lead_of
from gemnb.publish.narrated import Narrated
from gemnb.publish.outside import outside_picture
from gemnb.publish.pictures import digital_sources
from gemnb.publish.post import Card, CardKind, Code, Figure, Narrative, Post, Remark, Slider
from gemnb.publish.withheld import Reason, Withheld
from gemnb.publish.withholding import find_withheld
from gemnb.publish.words import provenance, without_places
from gemnb.records import parse_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gemnb.model import JSONObject, Record
    from gemnb.notebook import ScannedCell
    from gemnb.publish.document import Document, DocumentCell
    from gemnb.publish.pictures import Provenance
    from gemnb.publish.place import Place
    from gemnb.publish.post import Block, Front
    from gemnb.publish.wishes import Wishes

SHOW_CODE, HIDE_CODE, SHOW_OUTPUT = "show-code", "hide-code", "show-output"
HIDE_OUTPUT, HIDE_CELL = "hide-output", "hide-cell"
"""Cell tags. Those of Jupyter Book and nbconvert for the same are understood as well."""

_ALIASES = {
    "hide-input": HIDE_CODE,
    "remove-input": HIDE_CODE,
    "remove_input": HIDE_CODE,
    "remove-output": HIDE_OUTPUT,
    "remove_output": HIDE_OUTPUT,
    "remove-cell": HIDE_CELL,
    "remove_cell": HIDE_CELL,
    # What papermill puts above a cell that failed, and at the top; the page has a card in the place of its picture.
    "papermill-error-cell-tag": HIDE_CELL,
}
_BANNER = {"papermill-error-cell-tag"}
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]")
_RAW_MARKDOWN = ("", "text/markdown", "markdown", "text/x-markdown")


def make_post(document: Document, name: str, wishes: Wishes, place: Place) -> Post:
    """Return the post of a notebook.

    Args:
        document: The notebook.
        name: Its file name.
        wishes: What the author asks for.
        place: Where its files and kept answers are looked up.

    Raises:
        NotebookError: Its front matter is wrong.
        StoreError: The cache cannot be read.
    """
    scanned = {cell.number: cell for cell in scan([item.cell for item in document.cells])}
    made, first, said = _front(document, name, wishes)
    withheld = find_withheld([item.cell for item in document.cells], scanned, place)
    records = _records(scanned.values())
    sources = digital_sources(records)
    gatherer = _Gatherer(
        place=place,
        wishes=wishes,
        front=made,
        withheld=withheld,
        said={
            picture.original.blob: provenance(record, number, sources, None, prompt=wishes.prompts)
            for record in records
            for number, picture in enumerate(record.pictures)
        },
        read=lambda digest: _kept(digest, document, place),
    )
    answers = Answers(
        wishes=wishes,
        place=place,
        slug=made.slug,
        sources=sources,
        withheld=withheld,
    )
    for item in document.cells:
        tags = {_ALIASES.get(tag, tag) for tag in item.cell.tags}
        if HIDE_CELL in tags or item is first:
            continue
        if item.kind == "markdown":
            gatherer.markdown(item, item.cell.source)
        elif item.kind == "raw":
            gatherer.raw(item)
        elif item.cell.number in scanned:
            gatherer.code(item, tags, language="text")
            gatherer.add(answers.blocks(scanned[item.cell.number], item))
        else:
            gatherer.code(item, tags, language=document.language)
            gatherer.outputs(item, tags)
    link = _link(said, wishes, gatherer.remarks)
    if (lacking := missing_cover(made, gatherer.blocks, withheld)) is not None:
        gatherer.remarks.append(lacking)
        made = replace(made, cover=None)
    return Post(
        front=replace(made, lead=lead_of(gatherer.blocks)),
        blocks=tuple(gatherer.blocks),
        attached=gatherer.attached,
        remarks=(*answers.remarks, *gatherer.remarks),
        notebook=name,
        link=link,
    )


def _link(post: JSONObject, wishes: Wishes, remarks: list[Remark]) -> str:
    """Return the address of the notebook, of the web or relative; what a browser would run is none."""
    said = wishes.link or post.get("notebook")
    if not isinstance(said, str) or not said:
        return ""
    if re.match(r"https?://|(?!//)[^\s:\\]*(?:[/?#]|$)", said) and not re.search(r"[\s\x00-\x1f]", said):
        return said
    remarks.append(Remark(cell=0, text=f"{said[:60]!r} is no address of a notebook, and is not linked"))
    return ""


def _front(document: Document, name: str, wishes: Wishes) -> tuple[Front, DocumentCell | None, JSONObject]:
    """Return the front matter, the raw cell it stands in, and all that was said of the post."""
    raw = next((item for item in document.cells if item.kind == "raw"), None)
    first = raw if raw is not None and front.is_front_matter(raw.cell.source) else None
    said = document.post | (front.read_yaml(first.cell.source) if first else {})
    members = {key: value for key, value in said.items() if key != "notebook"}
    if wishes.section:
        members["section"] = wishes.section
    cells = (item.cell for item in document.cells if item.kind == "markdown" and not _BANNER & set(item.cell.tags))
    heading = narrative.first_heading(next((cell.source for cell in cells if cell.source.strip()), ""))
    return front.make_front(members, heading, name.removesuffix(".ipynb"), wishes.slug), first, said


def _kept(digest: str, document: Document, place: Place) -> bytes | None:
    packed = document.packed(digest)
    if packed is not None:
        return packed
    try:
        return place.cache.blob(digest)
    except CacheError:
        return None


def _records(cells: Iterable[ScannedCell]) -> list[Record]:
    found = []
    for cell in cells:
        for shown in cell.shown:
            try:
                found.append(parse_document(shown.document)[0])
            except CacheError:
                continue
    return found


@dataclass(slots=True, kw_only=True)
class _Gatherer:
    """Collects blocks, the files they refer to, and what the author should be told."""

    place: Place
    wishes: Wishes
    front: Front
    withheld: Withheld
    said: Mapping[str, Provenance]
    read: Callable[[str], bytes | None]
    blocks: list[Block] = field(default_factory=list)
    attached: dict[str, bytes] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    _has_begun: bool = False

    def add(self, blocks: Sequence[Block]) -> None:
        self.blocks += blocks

    def markdown(self, item: DocumentCell, text: str) -> None:
        if text.strip() and not self._has_begun:
            self._has_begun = True
            text = text if self.wishes.keep_heading else self._below_title(item, text)
        if text.strip():
            made = narrative.rewrite(text, self._narrated(item))
            self.blocks.append(Narrative(text=made, cell=item.cell.number, written="" if made == text else text))

    def _below_title(self, item: DocumentCell, text: str) -> str:
        """Return the narrative's beginning without its own title: the page shows the post's."""
        heading = narrative.first_heading(text)
        if not heading:
            return text
        if heading != narrative.plain(self.front.title):
            said = f"its heading {heading[:60]!r} is left out: the page shows the title {self.front.title[:60]!r}"
            self.remarks.append(Remark(cell=item.cell.number, text=said, strict=False))
        return narrative.without_heading(text)

    def raw(self, item: DocumentCell) -> None:
        if item.format.lower() in _RAW_MARKDOWN and item.cell.source.strip():
            self.blocks.append(Narrative(text=item.cell.source, raw=True, cell=item.cell.number))

    def code(self, item: DocumentCell, tags: set[str], language: str) -> None:
        if item.cell.number in self.withheld.cells:
            return  # its prompt stands in it
        if _shows_code(tags, self.wishes) and item.cell.source.strip():
            self.blocks.append(Code(text=item.cell.source, language=language))

    def outputs(self, item: DocumentCell, tags: set[str]) -> None:
        """Text stands with the code that printed it; pictures and errors stand in any case."""
        number = item.cell.number
        own = self.withheld.cells.get(number)
        if HIDE_OUTPUT in tags:
            return
        if own is not None:
            self._withhold(number, own)
            return
        used = None if SHOW_OUTPUT in tags else self.withheld.uses.get(number)
        texts: list[str] = []
        for output in item.cell.outputs:
            data = output.get("data")
            is_error = output.get("output_type") == "error"
            picture = None if is_error else outside_picture(output, number, self.withheld, self._known())
            is_text = picture is None and not is_error
            if is_text and not _shows_code(tags, self.wishes):
                continue
            if isinstance(picture, Reason) or used is not None:
                self._withhold(number, picture if isinstance(picture, Reason) else used)
            elif is_error:
                self.blocks.append(_error_card(output, number, self.place))
            elif picture is not None:
                self.blocks.append(picture)
                self._tell_of(picture)
                self.remarks += import_remarks(output, number)
            else:
                texts.append(joined(output.get("text")) if data is None else _plain(data))
        if text := _ESCAPES.sub("", "".join(texts)).rstrip("\n"):
            self.blocks.append(Code(text=text, language="text"))

    def _known(self) -> Known:
        figures = {block.source.original: block for block in self.blocks if isinstance(block, Figure)}
        return Known(slug=self.front.slug, said=self.said, figures=figures, read=self.read)

    def _withhold(self, number: int, why: Reason | None) -> None:
        """Put a card in the place of what a cell shows; one card for outputs withheld for one reason."""
        if why is None:
            return
        card = Card(kind=CardKind.WITHHELD, title=WITHHELD, cell=number, because=why.because)
        if self.blocks[-1:] != [card]:
            self.blocks.append(card)
        # By a name alone it cannot be told whether the picture is shown; the author can.
        self.remarks.append(Remark(cell=number, text=why.told(asks=False), strict=bool(why.name)))

    def _narrated(self, item: DocumentCell) -> Callable[[narrative.Use], str | None]:
        return Narrated(
            number=item.cell.number,
            attachments=item.attachments,
            place=self.place,
            withheld=self.withheld,
            found=self.attached,
            remarks=self.remarks,
        )

    def _tell_of(self, picture: Figure | Slider) -> None:
        if isinstance(picture, Slider):
            self._tell_of(picture.before)
            self._tell_of(picture.after)
        elif picture.alt is None or picture.lacks_alt:
            self.remarks.append(Remark(cell=picture.cell, text=f"{picture.source.stem} has no alternative text"))


def _shows_code(tags: set[str], wishes: Wishes) -> bool:
    return SHOW_CODE in tags or (wishes.code and HIDE_CODE not in tags)


def _plain(data: object) -> str:
    value = data.get("text/plain") if isinstance(data, dict) else None
    return joined(value) + "\n" if value else ""


def _error_card(output: JSONObject, cell: int, place: Place) -> Card:
    message = _ESCAPES.sub("", joined(output.get("evalue")))
    words = without_places(message, place.folder, place.root).splitlines()[:6]
    name = joined(output.get("ename")) or "Error"
    return Card(kind=CardKind.ERROR, title=name, lines=tuple(words), cell=cell)
