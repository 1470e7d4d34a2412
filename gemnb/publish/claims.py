"""What a page says of a picture beside showing it, against what publishing would write: evidence, cards, captions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.model import Outcome
from gemnb.publish.figures import EDITED, card_html, evidence_html
from gemnb.publish.imported import stated_caption, stated_html
from gemnb.publish.index import Entry
from gemnb.publish.post import Card, CardKind, Evidence, Front, Post
from gemnb.publish.shown import Kind, read_fragment
from gemnb.publish.words import caption_facts, outcome_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gemnb.publish.index import Index, Other
    from gemnb.publish.placing import Place, Stanza
    from gemnb.publish.shown import Shows

_LONG = 60  # characters of a stranger's text that are repeated
_FACTS = re.compile(r"attempt \d+ of (\d{1,6})\Z")
_ROW = re.compile(r"([A-Z][^:]{0,60}): ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Knows what publishing writes of each picture.

    Attributes:
        index: What the page's index says.
        link: File name to its address on the page as it was written.
        is_same: Whether an address on the page, given first, is one as it was written.
    """

    index: Index
    link: Callable[[str], str]
    is_same: Callable[[str, str], bool]
    _evidence: dict[int, Shows | None] = field(default_factory=dict)
    _keys: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def names(self, place: Place, stanza: Stanza) -> bool:
        """Return whether what stands in a stanza is of this place, whatever picture it shows."""
        if stanza.figure is None and not place.names and stanza.prompt and place.prompt == stanza.prompt.prompt:
            return True
        wanted = self._key(self.evidence(place.item))
        return bool(wanted) and wanted == self._key(stanza.evidence)

    def _key(self, evidence: Shows | None) -> tuple[str, ...]:
        """Return the rows of evidence that no two answers have in common; each is looked for once."""
        if evidence is None:
            return ()
        if id(evidence) not in self._keys:
            rows = tuple(row for row in evidence.words if row.partition(":")[0] in ("Request", "Picture", "Import"))
            self._keys[id(evidence)] = rows
        return self._keys[id(evidence)]

    def evidence(self, item: Entry | Other) -> Shows | None:
        """Return what stands folded below a picture or answer; None where nothing does."""
        if id(item) not in self._evidence:
            self._evidence[id(item)] = self._make(item)
        return self._evidence[id(item)]

    def _make(self, item: Entry | Other) -> Shows | None:
        original = self.original(item) if item.made.files else ""
        if isinstance(item, Entry):
            own = Evidence(
                record=item.record, picture=item.picture, cell=item.cell, cell_id=item.cell_id, name=item.name
            )
            post = Post(front=Front(title="", slug=""), blocks=(), notebook=self.index.notebook, link=self.index.link)
            html = evidence_html(own, post, original, self.link)
        elif item.imported is not None:
            html = stated_html(item.imported, original, self.link)
        else:
            return None
        return read_fragment(html)[0]

    def original(self, item: Entry | Other) -> str:
        """Return the name of the published original of a picture, or nothing."""
        stems = [one.stem for one in self.index.items if one.original == item.original]
        written = self.index.written
        found = (name for stem in stems if stem for name in written if name.startswith(f"{stem}-original."))
        return next(found, "") if item.original else ""

    def differences(self, place: Place, stanza: Stanza) -> list[str]:
        """Return what the words of a stanza say otherwise than publishing would write."""
        item = place.item
        said = _evidence(self.evidence(item), stanza.evidence, self.is_same)
        words = stanza.figure.words if stanza.figure else ()
        line = stanza.line
        if isinstance(item, Entry):
            said += _card(item, stanza)
            if item.edited and place.names and _edited() not in words:
                said.append(f"line {line}: it does not say that the cell was changed after the picture was made")
            said += _facts(item, words, line)
        elif item.imported is not None and words != (
            caption := " ".join(stated_caption(item.imported.stated).split()),
        ):
            said.append(
                f"line {line}: its caption says {' '.join(words)[:_LONG]!r}, and its author {caption[:_LONG]!r}"
            )
        return said


def _evidence(wanted: Shows | None, found: Shows | None, is_same: Callable[[str, str], bool]) -> list[str]:
    if wanted is None:
        return [] if found is None else [f"line {found.line}: evidence stands below a picture that has none"]
    if found is None:
        return [f"{wanted.words[0]!r} does not stand below it"]
    if found.words != wanted.words:
        now, then = _rows(found.words), _rows(wanted.words)
        for key in {**then, **now}:
            if now.get(key) != then.get(key):
                what, be = _cut(now.get(key)), _cut(then.get(key))
                return [f"line {found.line}: {key or 'its evidence'} is {what}, and by the record {be}"]
        return [f"line {found.line}: its evidence is not what gemnb writes of the record"]
    same = len(found.links) == len(wanted.links) and all(map(is_same, found.links, wanted.links))
    return [] if same else [f"line {found.line}: its evidence links other addresses than gemnb writes"]


def _rows(words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in words:
        match = _ROW.match(row)
        key = match.group(1) if match else ""
        found[key] = " ".join(filter(None, (found.get(key), row[match.end() :] if match else row)))
    return found


def _cut(text: str | None) -> str:
    return "not there" if text is None else repr(text[:_LONG] + ("…" if len(text) > _LONG else ""))


def _card(entry: Entry, stanza: Stanza) -> list[str]:
    if entry.picture is not None:
        return []
    title, lines = outcome_words(entry.record)
    kind = CardKind.TEXT if entry.record.outcome is Outcome.TEXT else CardKind.REFUSAL
    (wanted,) = read_fragment(card_html(Card(kind=kind, title=title, lines=lines)))
    if stanza.card is not None and stanza.card.words == wanted.words:
        return []
    said = " ".join(stanza.card.words) if stanza.card else ""
    return [
        f"line {stanza.line}: its answer was {' '.join(wanted.words)[:_LONG]!r}, and the page says {said[:_LONG]!r}"
    ]


def _edited() -> str:
    (figure,) = read_fragment(f'<figure class="gemnb-figure"><p>{EDITED}</p></figure>')
    assert figure.kind is Kind.FIGURE  # noqa: S101 - our own
    return figure.words[0]


def _facts(entry: Entry, words: Sequence[str], line: int) -> list[str]:
    """The facts of a caption, where it has any: model, date, cost, attempt."""
    for row in words:
        if match := _FACTS.search(row):
            wanted = " · ".join(caption_facts(entry.record, int(match.group(1))))
            if row != wanted:
                return [f"line {line}: its caption says {row[:_LONG]!r}, and the record {wanted[:_LONG]!r}"]
    return []
