"""A post in a dialect: its blocks as text, and its page. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gemnb.publish.attached import ATTACHED
from gemnb.publish.figures import card_html, evidence_html, figure_html, slider_html
from gemnb.publish.flavors import Piece
from gemnb.publish.imported import stated_html
from gemnb.publish.narrative import closed
from gemnb.publish.post import Card, CardKind, Code, Figure, Narrative, Prompt, Slider

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gemnb.model import JSONObject
    from gemnb.publish.figures import File
    from gemnb.publish.flavors import Flavor
    from gemnb.publish.post import Block, Post


def render(post: Post, flavor: Flavor, files: Mapping[str, Sequence[File]], originals: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        post: The post.
        flavor: The dialect.
        files: The files of each picture, by stem, the narrowest first; a picture without any becomes a card.
        originals: File name of each original that is published, by digest.
    """
    pieces = [piece for block in post.blocks for piece in _pieces(block, post, flavor, files, originals)]
    front = replace(post.front, lead=flavor.lead(post.front.lead)) if post.front.lead else post.front
    return flavor.page(front, flavor.front(front, cover(post, flavor, files)), pieces)


def cover(post: Post, flavor: Flavor, files: Mapping[str, Sequence[File]]) -> JSONObject | None:
    """Return the cover: where its `image` is the NAME of a cell, its file and its alternative text."""
    said = post.front.cover
    if said is None:
        return None
    for figure in post.figures():
        made = files.get(figure.source.stem)
        if figure.name and figure.name == said["image"]:
            if not made:
                return None
            found: JSONObject = {"image": _cover_address(made[-1].name, post.front.slug, flavor)}
            return {"alt": figure.alt} | said | found if figure.alt else said | found
    return said


def _cover_address(name: str, slug: str, flavor: Flavor) -> str:
    # Front matter is not run through Liquid; a path from the site's root is what Jekyll's plugins take.
    return f"/assets/gemnb/{slug}/{name}" if flavor.name == "jekyll" else name


def _pieces(
    block: Block, post: Post, flavor: Flavor, files: Mapping[str, Sequence[File]], originals: Mapping[str, str]
) -> list[Piece]:
    def link(name: str) -> str:
        return flavor.link(name, post.front.slug)

    if isinstance(block, Narrative):
        return _narrative(block, post, flavor)
    if isinstance(block, Prompt):
        return [Piece(flavor.prompt(block.text))]
    if isinstance(block, Code):
        return [Piece(flavor.code(block.text, block.language))]
    if isinstance(block, Slider):
        made = [files.get(figure.source.stem) for figure in (block.before, block.after)]
        if made[0] and made[1]:
            return [Piece(flavor.html(slider_html(block, made[0], made[1], link)))]
        block = Card(kind=CardKind.MISSING, title="The pictures cannot be shown", cell=block.before.cell)
    if isinstance(block, Figure) and not files.get(block.source.stem):
        block = Card(
            kind=CardKind.MISSING, title="The picture cannot be shown", cell=block.cell, evidence=block.evidence
        )
    if isinstance(block, Card):
        return [Piece(flavor.html("\n".join([card_html(block), *_evidence(block, post, "", link)])))]
    original = originals.get(block.source.original, "")
    fragments = [figure_html(block, files[block.source.stem], link), *_evidence(block, post, original, link)]
    stated = block.imported.stated.prompt if block.imported else None
    return [*([Piece(flavor.prompt(stated))] if stated else []), Piece(flavor.html("\n".join(fragments)))]


def _evidence(block: Figure | Card, post: Post, original: str, link: Callable[[str], str]) -> list[str]:
    """Return what is folded below a block: what made it, or what its author states of it."""
    if block.evidence is not None:
        return [evidence_html(block.evidence, post, original, link)]
    if isinstance(block, Figure) and block.imported is not None:
        return [stated_html(block.imported, original, link)]
    return []


def _narrative(block: Narrative, post: Post, flavor: Flavor) -> list[Piece]:
    if block.raw:
        return [Piece(block.text, is_narrative=True)] if flavor.raw else []
    text = closed(flavor.narrative(flavor.mathematics(block.text)))
    for name in post.attached:
        text = text.replace(ATTACHED + name, flavor.image(name, post.front.slug))
    return [Piece(text, is_narrative=True)]
