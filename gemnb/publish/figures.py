"""Figures, cards and "reproduce this" as HTML that needs no script and no style sheet. Pure.

The fragments hold no empty line, so that Markdown passes them on whole, and each text in them is written by
`gemnb.publish.escape`, so that no site generator reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from gemnb.canonical import short
from gemnb.publish.escape import html_text, one_line
from gemnb.publish.post import CardKind
from gemnb.publish.words import goes_on_from, input_pictures, model_version, parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gemnb.publish.post import Card, Evidence, Figure, Post, Slider

SIZES = "(min-width: 768px) 720px, 100vw"
"""How wide a theme shows a picture: PaperMod's column has 720 px (its `--main-width`), minima's 740."""

SLIDER_STYLE = (
    ".gemnb-pair{position:relative;overflow:hidden;width:fit-content;max-width:100%;margin-inline:auto;"
    "line-height:0} .gemnb-figure .gemnb-pair img{margin:0!important;border-radius:0} "
    ".gemnb-before{position:absolute;top:0;bottom:0;left:0;width:50%;min-width:24px;max-width:100%;overflow:hidden;"
    "resize:horizontal;border-right:3px solid #fff;background:#fff;box-sizing:border-box;z-index:1} "
    ".gemnb-figure .gemnb-before img{height:100%;width:auto;max-width:none}"
)
"""What makes a slider of its two pictures. The upper one has the height of the frame, and does not shrink with its
box; its ground hides the lower one where it is transparent itself."""

INDEX = "index.gemnb.json"

# Without what it was changed to: the author may not have meant to publish that yet.
EDITED = (
    "<strong>The cell was changed after this picture was made.</strong> "
    "The prompt shown here is the one that made it."
)
_MOST_INPUTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a picture on the page: `width` and `height` in pixels, `size` in bytes, `blob` its digest."""

    name: str
    mime_type: str
    width: int
    height: int
    size: int
    blob: str


def figure_html(figure: Figure, files: Sequence[File], link: Callable[[str], str]) -> str:
    """Return a figure; the widest of its files is the one that a reader without `srcset` sees.

    Args:
        figure: The figure.
        files: Its files on the page, the narrowest first.
        link: File name to its address on the page, as it stands in an attribute.
    """
    # `align-center`, and captions in paragraphs, are what PaperMod styles; elsewhere they do no harm.
    rows = ['<figure class="gemnb-figure align-center">', _image(figure.alt, files, link)]
    words = [one_line(figure.caption)] if figure.caption else []
    if figure.facts:
        words.append(f"<small>{one_line(' · '.join(figure.facts))}</small>")
    if figure.edited:
        words.append(EDITED)
    if words:
        rows.append(f"<figcaption>{''.join(f'<p>{word}</p>' for word in words)}</figcaption>")
    return "\n".join([*rows, "</figure>"])


def slider_html(slider: Slider, before: Sequence[File], after: Sequence[File], link: Callable[[str], str]) -> str:
    """Return two pictures in one frame, whose edge is dragged by its lower corner (CSS `resize`); no script.

    Telephones show both halves and do not drag; a reader without styles shows two pictures, one below the other.

    Args:
        slider: The two.
        before: Files of the one on the left.
        after: Files of the one on the right.
        link: File name to its address on the page.
    """
    said = f' role="group" aria-label="{one_line(slider.alt)}"' if slider.alt else ""
    named = zip(("Before", "After"), slider.labels, strict=True)
    words = [f"{time}: {one_line(label)}" for time, label in named if label.strip()]
    return "\n".join(
        [
            f'<figure class="gemnb-figure gemnb-slider align-center"{said}>',
            '<div class="gemnb-pair">',
            # `ltr`: the corner that is dragged is on the right.
            f'<div class="gemnb-before" dir="ltr">{_image(slider.before.alt, before, link)}</div>',
            _image(slider.after.alt, after, link),
            "</div>",
            *([f"<figcaption><p>{' · '.join(words)}</p></figcaption>"] if words else []),
            "</figure>",
        ]
    )


def _image(alt: str | None, files: Sequence[File], link: Callable[[str], str]) -> str:
    widest = files[-1]
    attributes = [f'src="{link(widest.name)}"']
    if len(files) > 1:
        several = ", ".join(f"{link(file.name)} {file.width}w" for file in files)
        attributes.append(f'srcset="{several}" sizes="{SIZES}"')
    attributes.append(f'width="{widest.width}" height="{widest.height}"')
    attributes.append(f'alt="{one_line(alt or "")}" loading="lazy"')
    return f"<img {' '.join(attributes)}>"


def card_html(card: Card) -> str:
    """Return what stands in the place of a picture; a quotation, which every theme and feed reader sets apart."""
    lines = [one_line(line) for line in card.lines if line.strip()]
    if card.kind is CardKind.WITHHELD:
        own = "The notebook marks this picture <code>publish: false</code>."
        lines.append(one_line(card.because) if card.because else own)
    words = "<br>".join([f"<strong>{one_line(card.title)}</strong>", *lines])
    return f'<blockquote class="gemnb-card gemnb-{card.kind.value}">{words}</blockquote>'


def evidence_html(evidence: Evidence, post: Post, original: str, link: Callable[[str], str]) -> str:
    """Return the folded facts that let a reader check a picture.

    Args:
        evidence: The answer and its cell.
        post: The post, which knows its notebook.
        original: File name of the original beside the page, or empty where it is not published.
        link: File name to its address on the page.
    """
    record = evidence.record
    version = model_version(record)
    rows = [("Model", _code(record.request.model) + (f", version {_code(version)}" if version else ""))]
    asked = ", ".join(f"{html_text(key)} {_code(value)}" for key, value in parameters(record))
    rows.append(("Parameters", asked or "none but the prompt"))
    before = goes_on_from(record)
    if before:
        rows.append(("Goes on from", f"picture {_code(short(before))}"))
    inputs = input_pictures(record)
    if inputs:
        shown = ", ".join(_code(digest) for digest in inputs[:_MOST_INPUTS])
        more = f" and {len(inputs) - _MOST_INPUTS} more" if len(inputs) > _MOST_INPUTS else ""
        rows.append(("Input pictures", shown + more))
    rows.append(("Request", f"{_code(record.request_digest)}, attempt {record.attempt}"))
    if evidence.picture is not None:
        image = record.pictures[evidence.picture].original
        facts = f"{_code(image.blob)}, {image.width}×{image.height}, {image.mime_type}, {image.size:,} bytes"
        rows.append(("Picture", facts + (f', <a href="{link(original)}">as received</a>' if original else "")))
    rows.append(("Notebook", _notebook(evidence, post)))
    rows.append(("Command", _code(f"gemnb reproduce {_argument(post.notebook)}")))
    check = f'<a href="{link(INDEX)}">{INDEX}</a>, checked by <code>gemnb verify</code> (origin unattested)'
    rows.append(("Record", check))
    items = "\n".join(f"<li>{name}: {value}</li>" for name, value in rows)
    what = "picture" if evidence.picture is not None else "answer"
    return (
        f'<details class="gemnb-evidence">\n<summary>Reproduce this {what}</summary>\n'
        f"<ul>\n{items}\n</ul>\n</details>"
    )


def _notebook(evidence: Evidence, post: Post) -> str:
    cell = f"cell {evidence.cell}" + (f" ({_code(evidence.name)})" if evidence.name else "")
    if not post.link:
        return f"{_code(post.notebook)}, {cell}"
    anchor = f"#cell-id={html_text(evidence.cell_id)}" if evidence.cell_id else ""
    return f'<a href="{html_text(post.link)}{anchor}">{html_text(post.notebook)}</a>, {cell}'


def _argument(name: str) -> str:
    """Return a file name as a shell takes it; one that begins with a dash would be an option."""
    return quote(f"./{name}" if name.startswith("-") else name)


def _code(text: str) -> str:
    return f"<code>{html_text(text)}</code>"
