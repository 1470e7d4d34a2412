"""What the author of a post should be told: of its words, of pictures that are not whole, of their bytes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.inputs import holds_place
from gemnb.publish.making import Made, original_name
from gemnb.publish.narrative import raw_html
from gemnb.publish.post import Narrative, Remark

if TYPE_CHECKING:
    from gemnb.publish.making import Files
    from gemnb.publish.post import Figure, Post
    from gemnb.publish.wishes import Options


def remarks_of(post: Post, files: Files, options: Options) -> tuple[Remark, ...]:
    """Return what gathering noted, and what making the files showed, in the order of cells."""
    found = list(post.remarks)
    total = 0
    seen = set()
    for figure in post.figures():
        made = files.made.get(figure.source.stem, Made())
        if made.remark:
            found.append(Remark(cell=figure.cell, text=f"{figure.name or figure.source.stem}: {made.remark}"))
        if not made.files or figure.source.stem in seen:
            continue
        seen.add(figure.source.stem)
        found += _places(figure, made, files)
        widest = made.files[-1]
        total += widest.size
        if 0 < options.picture_budget < widest.size:
            text = f"{widest.name} has {widest.size:,} bytes; the budget of a picture is {options.picture_budget:,}"
            found.append(Remark(cell=figure.cell, text=text))
    if 0 < options.page_budget < total:
        found.append(
            Remark(cell=0, text=f"the pictures have {total:,} bytes; the budget of a page is {options.page_budget:,}")
        )
    if options.to == "hugo" and not options.site_shows_html:
        found += _dropped_html(post)
    if post.front.date is None and options.to in ("hugo", "jekyll"):
        what = "it goes to _drafts" if options.to == "jekyll" else "Hugo sorts it as the oldest"
        found.append(
            Remark(cell=0, text=f"the post has no date, and {what}; `date:` in its front matter", strict=False)
        )
    return tuple(sorted(dict.fromkeys(found), key=lambda remark: remark.cell))


def _places(figure: Figure, made: Made, files: Files) -> list[Remark]:
    """Return which files of a picture that are published byte for byte say where it was taken."""
    own = {original_name(figure.source)} if figure.source.provenance else {file.name for file in made.files}
    return [
        Remark(cell=figure.cell, text=f"{name} says where it was taken, and is published as it is", strict=False)
        for name in sorted(own & files.data.keys())
        if holds_place(files.data[name])
    ]


def _dropped_html(post: Post) -> list[Remark]:
    """Return what Hugo would leave out without a word."""
    found = []
    for block in post.blocks:
        # A raw cell with a shortcode knows Hugo; what stands inside one is that shortcode's business.
        if not isinstance(block, Narrative) or (block.raw and "{{" in block.text):
            continue
        if tag := " ".join(raw_html(block.text).split()):
            text = f"Hugo drops the cell's raw HTML ({tag[:40]}); `markup.goldmark.renderer.unsafe = true` shows it"
            found.append(Remark(cell=block.cell, text=text))
    return found
