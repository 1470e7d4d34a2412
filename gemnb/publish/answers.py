"""What is shown of a cell that asks for pictures: its prompt from the record, and figures or cards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.canonical import blob_digest, request_digest, short
from gemnb.errors import CacheError, GemnbError
from gemnb.inputs import bindings_of
from gemnb.invocation import assemble, needs
from gemnb.model import Outcome
from gemnb.publish.post import Card, CardKind, Evidence, Figure, Prompt, Remark, Source, file_slug
from gemnb.publish.withheld import Reason, Withheld
from gemnb.publish.words import caption_facts, outcome_words, prompt_of, provenance, without_places
from gemnb.records import parse_document
from gemnb.verify.findings import Trouble
from gemnb.verify.sources import Present, check_invocation, check_present, present

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gemnb.model import Invocation, JSONValue, Record
    from gemnb.notebook import ScannedCell, Shown
    from gemnb.publish.document import DocumentCell
    from gemnb.publish.place import Place
    from gemnb.publish.post import Block
    from gemnb.publish.wishes import Wishes

WITHHELD = "Withheld by the author"


@dataclass(slots=True, kw_only=True)
class Answers:
    """Turns cells with records into blocks, and notes what the author should be told.

    Attributes:
        wishes: What the author asks for.
        place: Where kept answers are looked up.
        slug: That of the post: names pictures of cells without a NAME.
        sources: Digital source type of each known picture, by digest.
        withheld: What no page may show.
        remarks: What the author should be told.
    """

    wishes: Wishes
    place: Place
    slug: str
    sources: Mapping[str, str]
    withheld: Withheld = field(default_factory=Withheld)
    remarks: list[Remark] = field(default_factory=list)
    _stems: dict[str, object] = field(default_factory=dict)

    def blocks(self, scanned: ScannedCell, item: DocumentCell) -> list[Block]:
        """Return what is shown of a cell.

        Raises:
            StoreError: The cache cannot be read.
        """
        now = present(scanned)
        why = self.withheld.cells.get(scanned.number)
        if why is not None:
            return [] if self._is_quiet(scanned, now) else [self._withheld(scanned, now, why)]
        if not scanned.shown:
            return self._without_record(scanned, now)
        found: list[Block] = []
        for position, shown in enumerate(scanned.shown):
            if (why := self.withheld.records.get((scanned.number, position))) is not None:
                found.append(self._withheld(scanned, now, why))
                continue
            try:
                record, invocation, picture = parse_document(shown.document)
            except CacheError as error:
                self._tell(scanned, f"its record cannot be read: {error.why or error.what}")
                found.append(_card(CardKind.ERROR, "The record cannot be read", scanned))
                continue
            prompt = Prompt(text=prompt_of(record), cell=scanned.number)
            if [block for block in found if isinstance(block, Prompt)][-1:] != [prompt]:
                found.append(prompt)
            name = (now.cell.name if now.cell else None) or ""
            evidence = Evidence(record=record, picture=picture, cell=scanned.number, cell_id=item.id, name=name)
            found.append(self._answer(evidence, shown, now, invocation))
        return found

    def _answer(self, evidence: Evidence, shown: Shown, now: Present, invocation: Invocation) -> Block:
        record = evidence.record
        if evidence.picture is None:
            kind = CardKind.TEXT if record.outcome is Outcome.TEXT else CardKind.REFUSAL
            title, lines = outcome_words(record)
            return Card(kind=kind, title=title, lines=lines, cell=evidence.cell, evidence=evidence)
        edited = _edited(record, now, invocation)
        for reason in edited:
            self._tell(evidence, f"the picture is not what the cell asks for now: {reason}")
        alt, caption = _words(shown.document, now)
        if alt is None or alt.strip() == prompt_of(record).strip():
            why = "has no alternative text" if alt is None else "has its prompt for an alternative text"
            self._tell(evidence, f"{evidence.name or short(record.pictures[evidence.picture].original.blob)} {why}")
        return Figure(
            source=self._source(evidence, shown, alt),
            alt=alt,
            caption=caption,
            facts=caption_facts(record, self._attempts(record)) if self.wishes.facts else (),
            evidence=evidence,
            edited=edited,
            cell=evidence.cell,
            name=evidence.name,
        )

    def _source(self, evidence: Evidence, shown: Shown, alt: str | None) -> Source:
        record, index = evidence.record, evidence.picture or 0
        picture = record.pictures[index]
        said = provenance(record, index, self.sources, alt, prompt=self.wishes.prompts)
        stem = f"{file_slug(evidence.name) or self.slug}-{short(picture.original.blob)[:8]}"
        number = 2
        unique = stem
        # The same picture in two cells is one file, unless its copies say different things of it.
        while self._stems.setdefault(unique, said) != said:
            unique, number = f"{stem}-{number}", number + 1
        known = {picture.original.blob, picture.preview.blob if picture.preview else ""}
        embedded = shown.picture if shown.picture and blob_digest(shown.picture) in known else None
        if shown.picture and embedded is None:
            self._tell(evidence, "the embedded picture is not the record's, and is not used")
        return Source(
            stem=unique,
            original=picture.original.blob,
            mime_type=picture.original.mime_type,
            provenance=said,
            preview=picture.preview.blob if picture.preview else None,
            embedded=embedded,
        )

    def _attempts(self, record: Record) -> int:
        return len(self.place.cache.attempts(record.request_digest))

    def _without_record(self, scanned: ScannedCell, now: Present) -> list[Block]:
        cell = now.cell
        if now.error and not scanned.fails_rightly:
            self._tell(scanned, now.error)
        elif cell is not None and scanned.error is None:
            if cell.get("quiet") is not None:
                return []
            self._tell(scanned, "the cell has no picture; run it")
            return [_card(CardKind.MISSING, "This cell has not been run", scanned)]
        record = self._kept(now)
        prompt: list[Block] = [Prompt(text=prompt_of(record), cell=scanned.number)] if record else []
        if record is not None and record.outcome is not Outcome.PICTURE:
            title, lines = outcome_words(record)
            kind = CardKind.TEXT if record.outcome is Outcome.TEXT else CardKind.REFUSAL
            evidence = Evidence(
                record=record, picture=None, cell=scanned.number, cell_id="", name=(cell.name if cell else None) or ""
            )
            card = Card(kind=kind, title=title, lines=lines, cell=scanned.number, evidence=evidence)
            return [*prompt, card]
        name, words = scanned.error or ("", "")
        message = without_places(words, self.place.folder, self.place.root)
        card = _card(CardKind.ERROR, name or "This cell cannot be run", scanned, *message.splitlines()[:6])
        if not scanned.fails_rightly:
            self._tell(scanned, f"the cell failed: {name or now.error}")
        return [card]

    def _kept(self, now: Present) -> Record | None:
        """Return the kept answer to a cell that failed and refers to nothing: its refusal, as a rule."""
        if now.cell is None:
            return None
        bindings, unknown = bindings_of(needs(now.cell, now.defaults), ())
        if unknown is not None:
            return None
        try:
            for request in assemble(now.cell, now.defaults, bindings):
                kept = self.place.cache.find(request_digest(request))
                if kept is not None:
                    return kept.record
        except GemnbError:
            return None
        return None

    @staticmethod
    def _is_quiet(scanned: ScannedCell, now: Present) -> bool:
        return not scanned.shown and now.cell is not None and now.cell.get("quiet") is not None

    def _withheld(self, scanned: ScannedCell, now: Present, why: Reason) -> Card:
        self._tell(scanned, why.told(asks=scanned.asks), strict=bool(why.because) and scanned.asks)
        caption = now.cell.get("caption") if now.cell and not why.because else None
        lines = (caption,) if caption else ()
        return Card(kind=CardKind.WITHHELD, title=WITHHELD, lines=lines, cell=scanned.number, because=why.because)

    def _tell(self, where: ScannedCell | Evidence, text: str, *, strict: bool = True) -> None:
        number = where.cell if isinstance(where, Evidence) else where.number
        self.remarks.append(Remark(cell=number, text=" ".join(text.split()), strict=strict))


def _card(kind: CardKind, title: str, scanned: ScannedCell, *lines: str) -> Card:
    return Card(kind=kind, title=title, lines=lines, cell=scanned.number)


def _edited(record: Record, now: Present, invocation: Invocation) -> tuple[str, ...]:
    trouble = Trouble()
    check_present(now, record, invocation, trouble)
    check_invocation(record, invocation, trouble)
    return tuple(dict.fromkeys(trouble.drifted))


def _words(document: JSONValue, now: Present) -> tuple[str | None, str | None]:
    """Return alternative text and caption: the cell's as it stands, since they need no new run; else the output's."""
    said = document.get("presentation") if isinstance(document, dict) else None
    recorded = said if isinstance(said, dict) else {}
    found = []
    for key in ("alt", "caption"):
        value = now.cell.get(key) if now.cell else recorded.get(key)
        found.append(value if isinstance(value, str) and value.strip() else None)
    return found[0], found[1]
