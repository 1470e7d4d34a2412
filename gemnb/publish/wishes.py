"""What is asked of a publication: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field

from gemnb.publish.making import QUALITY, WIDTHS

PICTURE_BUDGET = 250_000
"""Bytes of the widest copy of one picture: the most that any picture of the blog measured in 2025 had."""

PAGE_BUDGET = 4_000_000
"""Bytes of the widest copies of a page; that blog's posts of 26 and 29 pictures had 2.3 and 3.3 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the author asks of a publication.

    Attributes:
        slug: In place of the front matter's; None leaves it.
        section: In place of the front matter's; None leaves it.
        link: Address of the notebook, for "reproduce this"; empty for none.
        code: Whether code is shown where no tag says so.
        facts: Whether captions say model, date, cost and attempt.
        prompts: Whether published copies hold the prompt in their metadata.
        keep_heading: Whether the heading that gave the title stays in the text as well.
    """

    slug: str | None = None
    section: str | None = None
    link: str = ""
    code: bool = False
    facts: bool = False
    prompts: bool = True
    keep_heading: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a notebook is published.

    Attributes:
        to: The flavor.
        wishes: What the author asks for.
        widths: Of copies, in pixels.
        quality: Of WebP.
        originals: Whether originals are published and linked as well.
        picture_budget: Bytes of the widest copy of one picture; 0 for none.
        page_budget: Bytes of the widest copies of a page; 0 for none.
        force: Whether a page changed by hand is overwritten.
        site_shows_html: Whether the site is set to show raw HTML of narratives.
        site_keeps_math: Whether the site is set to leave `$…$` alone.
        strict: Whether nothing is written where the author is told of something that is to be mended.
    """

    to: str
    wishes: Wishes = field(default_factory=Wishes)
    widths: tuple[int, ...] = WIDTHS
    quality: int = QUALITY
    originals: bool = False
    picture_budget: int = PICTURE_BUDGET
    page_budget: int = PAGE_BUDGET
    force: bool = False
    site_shows_html: bool = False
    site_keeps_math: bool = False
    strict: bool = False
