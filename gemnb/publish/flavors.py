"""The dialects of site generators, as rows of data: how each writes a prompt, HTML, a link, its front matter.

Why HTML for figures and no shortcode of the generator's own: Hugo's `figure` knows neither `srcset` nor the folded
evidence, a theme's own `figure` differs from theme to theme, and Hugo drops raw HTML unless a site allows it. So a
post for Hugo writes `{{< gemnb >}} HTML {{< /gemnb >}}`, and publishing puts that shortcode, of a few lines, into
the site once. It makes addresses absolute as well, without which no picture shows in a feed. Jekyll passes HTML on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gemnb.publish import escape, mathematics
from gemnb.publish.figures import SLIDER_STYLE
from gemnb.publish.front import to_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gemnb.model import JSONObject, JSONValue
    from gemnb.publish.post import Front

_WRAP = "white-space:pre-wrap"

_SAYS = b"{{- /* By gemnb publish: passes HTML on; addresses of this page's files become absolute. */ -}}\n"
# Where `uglyURLs` is set, a page's files do not lie below its address; a file of it says where they do.
HUGO_SHORTCODE = (
    _SAYS
    + b"""{{- $folder := .Page.Permalink -}}
{{- with .Page.Resources.GetMatch "index.gemnb.json" -}}
{{- $folder = strings.TrimSuffix "index.gemnb.json" .Permalink -}}
{{- end -}}
{{- replace .Inner "./" $folder | safeHTML -}}
"""
)
_HUGO_SHORTCODE_1 = _SAYS + b'{{- replace .Inner "./" .Page.Permalink | safeHTML -}}\n'

STYLE = (
    "<style><!-- .language-txt,.language-txt pre,.language-txt code{white-space:pre-wrap!important;"
    "word-break:normal!important;overflow-wrap:anywhere} .gemnb-figure{text-align:center} "
    ".gemnb-figure img{max-width:100%;height:auto;margin-inline:auto} "
    f".gemnb-evidence{{font-size:.85em;margin-bottom:1.5em;overflow-wrap:anywhere}} {SLIDER_STYLE} --></style>"
)
"""Wraps prompts, and keeps the shape of pictures. A feed reader that drops the element sees a comment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where things go below the output folder: the page, the folder of its files, and from where its paths count.

    Attributes:
        page: The page.
        folder: Of pictures and `index.gemnb.json`.
        up: How many folders `folder` is below that from which the index names the page; 0 where they lie together.
    """

    page: PurePosixPath
    folder: PurePosixPath
    up: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A block as text, and whether it is the author's Markdown."""

    text: str
    is_narrative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """A dialect.

    Attributes:
        name: As in `--to`.
        layout: Where a post's files go.
        front: Front matter, given the cover with its address.
        mathematics: A Markdown cell with its formulas escaped, where the site does not take them out itself.
        lead: The same for the words of a summary.
        narrative: A Markdown cell, so that the page shows what the notebook shows.
        prompt: A text, exactly, in a fence called `txt`, or as HTML.
        code: Source or output, exactly, with its language.
        html: A fragment of HTML as a block.
        link: File name and slug to its address in an attribute of such a fragment.
        image: File name and slug to its address in a narrative.
        back: Undoes, in what stands inside a fence, what `prompt` did.
        page: The whole page from its front matter and its blocks.
        raw: Whether raw cells are passed on.
        keeps_heading: Whether the heading that gave the title stays, since nothing else shows a title.
        site: Files that a site needs once, by path below the output folder.
        site_before: What earlier versions of gemnb put there.
    """

    name: str
    layout: Callable[[Front], Layout]
    front: Callable[[Front, JSONObject | None], str]
    mathematics: Callable[[str], str]
    lead: Callable[[str], str] = escape.same
    narrative: Callable[[str], str]
    prompt: Callable[[str], str]
    code: Callable[[str, str], str]
    html: Callable[[str], str]
    link: Callable[[str, str], str]
    image: Callable[[str, str], str]
    back: Callable[[str], str]
    page: Callable[[Front, str, list[Piece]], str]
    raw: bool = True
    keeps_heading: bool = False
    site: Mapping[str, bytes]
    site_before: tuple[bytes, ...] = ()


def _bundle(name: str) -> Callable[[Front], Layout]:
    def layout(front: Front) -> Layout:
        return Layout(page=PurePosixPath(front.slug, name), folder=PurePosixPath(front.slug))

    return layout


def _hugo_layout(front: Front) -> Layout:
    folder = PurePosixPath("content", front.section, front.slug)
    return Layout(page=folder / "index.md", folder=folder)


def _jekyll_layout(front: Front) -> Layout:
    # Jekyll's own place for a post without a date; a date in the name of a post is not optional.
    page = f"_posts/{front.date[:10]}-{front.slug}.md" if front.date else f"_drafts/{front.slug}.md"
    return Layout(page=PurePosixPath(page), folder=PurePosixPath("assets", "gemnb", front.slug), up=3)


def _members(front: Front, cover: JSONObject | None, *, lead: bool = False) -> dict[str, JSONValue]:
    pairs: list[tuple[str, JSONValue]] = [
        ("title", front.title),
        ("date", front.date),
        ("slug", front.slug),
        ("tags", list(front.tags) or None),
        ("categories", list(front.categories) or None),
        ("summary", front.summary or (front.lead if lead else None)),
        ("cover", cover),
        *front.more.items(),
    ]
    return {key: value for key, value in pairs if value is not None}


def _hugo_front(front: Front, cover: JSONObject | None) -> str:
    return to_yaml(_members(front, cover and {"relative": True} | cover, lead=True))


def _plain_front(front: Front, cover: JSONObject | None) -> str:
    return to_yaml(_members(front, cover))


def _jekyll_front(front: Front, cover: JSONObject | None) -> str:
    members = _members(front, None)
    summary = members.pop("summary", None)
    # `excerpt` is Jekyll's word, `description` and `image` are those of its plugins for search and feeds.
    if summary is not None:
        members |= {"excerpt": summary, "description": summary}
    elif front.lead:
        # Else Jekyll's excerpt is its first paragraph whatever that is.
        members.setdefault("excerpt", front.lead)
    if cover:
        members["image"] = {"path" if key == "image" else key: value for key, value in cover.items()}
    return to_yaml({"layout": "post"} | members)


def _site_page(html: Callable[[str], str]) -> Callable[[Front, str, list[Piece]], str]:
    def page(_front: Front, head: str, pieces: list[Piece]) -> str:
        # Above the first picture, so that none changes its height once the page is there; below the first words,
        # which generators take for an excerpt.
        at = next((number for number, piece in enumerate(pieces) if not piece.is_narrative), 0) or len(pieces)
        texts = [piece.text for piece in pieces]
        return "\n\n".join([head, *texts[:at], html(STYLE), *texts[at:]]) + "\n"

    return page


def _markdown_page(_front: Front, head: str, pieces: list[Piece]) -> str:
    # Last: some that show Markdown show the element as text.
    return "\n\n".join([head, *(piece.text for piece in pieces), STYLE]) + "\n"


def _fenced(html: Callable[[str], str], inside: Callable[[str], str | None]) -> Callable[[str, str], str]:
    def code(text: str, language: str) -> str:
        shown = escape.shown(text)
        escaped = inside(shown) if escape.fits_fence(shown) else None
        if escaped is None:
            return html(escape.pre(shown, language, style=_WRAP))
        return escape.fence(escaped, language)

    return code


def _prompt(code: Callable[[str, str], str]) -> Callable[[str], str]:
    return lambda text: code(text, "txt")


def _hugo_html(fragment: str) -> str:
    return "{{< gemnb >}}\n" + fragment + "\n{{< /gemnb >}}"


def _hugo_image(name: str, _slug: str) -> str:
    # Through the shortcode, since a relative address shows no picture in a feed.
    return f"{{{{< gemnb >}}}}./{name}{{{{< /gemnb >}}}}"


def _jekyll_link(name: str, slug: str) -> str:
    return f"{{{{ '/assets/gemnb/{slug}/{name}' | relative_url }}}}"


def _beside(name: str, _slug: str) -> str:
    return name


_hugo_code = _fenced(_hugo_html, escape.hugo_fence)
_jekyll_code = _fenced(escape.same, escape.liquid)
_markdown_code = _fenced(escape.same, escape.same)

HUGO = Flavor(
    name="hugo",
    layout=_hugo_layout,
    front=_hugo_front,
    mathematics=mathematics.for_goldmark,
    lead=mathematics.summary_for_goldmark,
    narrative=escape.hugo_narrative,
    prompt=_prompt(_hugo_code),
    code=_hugo_code,
    html=_hugo_html,
    link=lambda name, _slug: f"./{name}",
    image=_hugo_image,
    back=escape.hugo_back,
    page=_site_page(_hugo_html),
    site={"layouts/shortcodes/gemnb.html": HUGO_SHORTCODE},
    site_before=(_HUGO_SHORTCODE_1,),
)
JEKYLL = Flavor(
    name="jekyll",
    layout=_jekyll_layout,
    front=_jekyll_front,
    mathematics=mathematics.for_kramdown,
    narrative=escape.liquid,
    prompt=_prompt(_jekyll_code),
    code=_jekyll_code,
    html=escape.same,
    link=_jekyll_link,
    image=_jekyll_link,
    back=escape.liquid_back,
    page=_site_page(escape.same),
    site={},
)
MARKDOWN = Flavor(
    name="markdown",
    layout=_bundle("index.md"),
    front=_plain_front,
    mathematics=escape.same,
    narrative=escape.same,
    prompt=_prompt(_markdown_code),
    code=_markdown_code,
    html=escape.same,
    link=_beside,
    image=_beside,
    back=escape.same,
    page=_markdown_page,
    keeps_heading=True,
    site={},
)


def _html_page(front: Front, _head: str, pieces: list[Piece]) -> str:
    from gemnb.publish.standalone import body_html, page_html

    return page_html(front, body_html([(piece.is_narrative, piece.text) for piece in pieces]))


def _html_code(text: str, language: str) -> str:
    return escape.pre(text, language)


HTML = Flavor(
    name="html",
    layout=_bundle("index.html"),
    front=lambda _front, _cover: "",
    mathematics=escape.same,
    narrative=escape.same,
    prompt=_prompt(_html_code),
    code=_html_code,
    html=escape.same,
    link=_beside,
    image=_beside,
    back=escape.same,
    page=_html_page,
    raw=False,
    site={},
)

FLAVORS: Mapping[str, Flavor] = {flavor.name: flavor for flavor in (HUGO, JEKYLL, MARKDOWN, HTML)}
"""By name, as in `--to`."""
