"""Small sites for Hugo and Jekyll, and their builds. The layouts are in the manner of PaperMod and of minima."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, '
    'initial-scale=1"><link rel="icon" href="data:,">'
)

# What such themes do to a post, as far as it matters here: a column of 720 px with 24 px beside it, pictures as
# blocks that keep the height they say, code that scrolls and breaks inside words.
_PAPERMOD = """
* { box-sizing: border-box }
body { margin: 0; font: 18px/1.6 sans-serif; background: #fff; color: #222 }
main { max-width: 768px; margin: auto; padding: 24px }
h1, h2, p, figure, ul { margin: 0 0 20px }
img { display: block; max-width: 100% }
.post-content img { margin: 1rem 0; border-radius: 8px }
.post-content figure.align-center { text-align: center }
.post-content figure > figcaption { font-size: 16px; font-weight: bold }
.post-content figure > figcaption > p { font-size: 14px; font-weight: normal; color: #6c6c6c; margin: 0 }
.post-content code { font-size: .78em; padding: .2rem .3rem; background: #f5f5f5 }
.post-content pre code { display: grid; padding: 10px; color: #d5d5d6; background: #1c1d21 !important;
  border-radius: 8px; overflow-x: auto; word-break: break-all }
.post-content blockquote { margin: 1rem 0; padding-left: 1rem; border-left: .3rem solid }
.post-content table { display: block; overflow-x: auto; border-collapse: collapse }
.post-content td, .post-content th { padding: 8px 5px; border-bottom: 1px solid #ddd }
@media (prefers-color-scheme: dark) { body { background: #1d1e20; color: #dadadb }
  .post-content code { background: #37383e } .post-content figure > figcaption > p { color: #9b9c9d } }
"""
_MINIMA = """
* { box-sizing: border-box }
body { margin: 0; font: 16px/1.5 sans-serif; background: #fdfdfd; color: #111 }
main { max-width: 770px; margin: auto; padding: 0 15px }
img { max-width: 100%; vertical-align: middle }
pre, code { font-size: 15px; border: 1px solid #e8e8e8; background: #eef }
pre { padding: 8px 12px; overflow-x: auto }
pre > code { border: 0; padding: 0 }
blockquote { margin: 0 0 15px; padding-left: 15px; border-left: 4px solid #e8e8e8; color: #828282 }
td, th { padding: 9px 15px; border: 1px solid #e8e8e8 }
"""

_RSS = """{{- printf "<?xml version=\\"1.0\\" encoding=\\"utf-8\\" standalone=\\"yes\\"?>" | safeHTML }}
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/">
<channel><title>{{ .Site.Title }}</title><link>{{ .Permalink }}</link><description>Posts</description>
{{ with .OutputFormats.Get "RSS" }}{{ printf "<atom:link href=%q rel=\\"self\\" type=%q />" .Permalink .MediaType
| safeHTML }}{{ end }}
{{- range where .Site.RegularPages "Type" "posts" }}
<item><title>{{ .Title }}</title><link>{{ .Permalink }}</link><guid>{{ .Permalink }}</guid>
<pubDate>{{ .Date.Format "Mon, 02 Jan 2006 15:04:05 -0700" | safeHTML }}</pubDate>
<description>{{ with .Description | html }}{{ . }}{{ else }}{{ .Summary | html }}{{ end }}</description>
<content:encoded>{{ (printf "<![CDATA[%s]]>" .Content) | safeHTML }}</content:encoded></item>
{{- end }}
</channel></rss>
"""

_COVER = """{{ with .Params.cover.image }}{{ if not $.Params.cover.hiddenInSingle }}<figure class="entry-cover">
{{ with $.Resources.GetMatch . }}<img src="{{ .Permalink }}" alt="{{ $.Params.cover.alt }}">{{ end }}</figure>
{{ end }}{{ end }}"""

_HUGO = {
    "layouts/_default/baseof.html": f"{_HEAD}<title>{{{{ .Title }}}}</title><style>{_PAPERMOD}</style></head>"
    '<body><main class="main">{{ block "main" . }}{{ end }}</main></body></html>',
    "layouts/_default/single.html": '{{ define "main" }}<article><h1>{{ .Title }}</h1>'
    '<p>{{ .Date.Format "2006-01-02" }}</p>' + _COVER + '<div class="post-content">{{ .Content }}</div></article>'
    "{{ end }}",
    "layouts/_default/list.html": '{{ define "main" }}{{ range .Site.RegularPages }}{{ $page := . }}'
    '<article class="entry">{{ with .Params.cover.image }}{{ with $page.Resources.GetMatch . }}<img '
    'src="{{ .Permalink }}" alt="{{ $page.Params.cover.alt }}" width="360">{{ end }}{{ end }}'
    '<h2><a href="{{ .Permalink }}">{{ .Title }}</a></h2><p>{{ .Summary }}</p></article>{{ end }}{{ end }}',
    "layouts/_default/rss.xml": _RSS,
}
_JEKYLL = {
    "_layouts/post.html": f"{_HEAD}<title>{{{{ page.title | escape }}}}</title><style>{_MINIMA}</style></head>"
    '<body><main><h1>{{ page.title | escape }}</h1><article class="post-content">{{ content }}</article></main>'
    "</body></html>",
    "_config.yml": "title: Boats\nmarkdown: kramdown\nplugins: [jekyll-feed]\ntimezone: Etc/UTC\n",
}


def wanted(program: str, package: str) -> str:
    """Return the path of a program; the test is skipped, saying how to install it, where there is none."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed: apt-get install {package}")
    return path


def make_hugo_site(site: Path, address: str, *, unsafe: bool) -> None:
    """Write a Hugo site without posts; `unsafe` is as the blogger has it, with emoji and classes of colours."""
    _write(site, _HUGO)
    (site / "hugo.toml").write_text(
        f'baseURL = "{address}/"\ntitle = "Boats"\nenableEmoji = {str(unsafe).lower()}\n'
        f"[permalinks]\nposts = '/:year/:month/:slug/'\n[markup.goldmark.renderer]\nunsafe = {str(unsafe).lower()}\n"
        f"[markup.highlight]\nnoClasses = {str(not unsafe).lower()}\n"
    )


def build_hugo(site: Path) -> Path:
    """Build a site and return the folder of its pages."""
    _run([wanted("hugo", "hugo"), "--panicOnWarning", "--destination", "public"], site)
    return site / "public"


def make_jekyll_site(site: Path, address: str) -> None:
    """Write a Jekyll site without posts."""
    _write(site, _JEKYLL)
    host, _, path = address.rpartition("/")
    with (site / "_config.yml").open("a") as file:
        file.write(f"url: {host}\nbaseurl: /{path}\n")


def build_jekyll(site: Path) -> Path:
    """Build a site and return the folder of its pages."""
    _run([wanted("jekyll", "jekyll ruby-jekyll-feed"), "build", "--future", "--strict_front_matter"], site)
    return site / "_site"


def render_markdown(page: Path) -> None:
    """Put `index.html` beside a page of Markdown: CommonMark and tables, in a page that styles only its column."""
    _, _, body = page.read_text("utf-8").partition("\n---\n")
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
    column = "<style>body{max-width:720px;margin:auto;padding:0 16px}</style>"
    page.with_name("index.html").write_text(
        f"{_HEAD}<title>x</title>{column}</head><body>{html}</body></html>", "utf-8"
    )


def _write(site: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)


def _run(command: list[str], site: Path) -> None:
    done = subprocess.run(command, cwd=site, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
