"""The feeds of built sites: well formed, with every picture at an absolute address and every prompt exact."""

from __future__ import annotations

import datetime as dt
import email.utils
import urllib.request
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import pytest

from gemnb.sniff import sniff
from tests.sites import post
from tests.sites.test_pages import PROMPTS, alternatives, prompts_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sites.conftest import Site

pytestmark = pytest.mark.sites

_ATOM = "{http://www.w3.org/2005/Atom}"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_BASE = "{http://www.w3.org/XML/1998/namespace}base"


class _Addresses(HTMLParser):
    """Collects what a feed reader would fetch or link, the alternative texts, and the elements."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base
        self.pictures: list[str] = []
        self.links: list[str] = []
        self.alts: list[str | None] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.tags.add(tag)
        if tag == "img":
            several = (one.split()[0] for one in (said.get("srcset") or "").split(",") if one.strip())
            self.pictures += [urljoin(self.base, one) for one in [said.get("src") or "", *several]]
            self.alts.append(said.get("alt"))
        elif tag == "a":
            self.links.append(urljoin(self.base, said.get("href") or ""))


def entry(site: Site) -> tuple[str, str]:
    """Return the HTML of the post in the feed, and the base of its addresses where the feed gives one."""
    with urllib.request.urlopen(site.feed) as answer:
        root = ET.fromstring(answer.read())
    if root.tag == "rss":
        (item,) = root.iterfind("channel/item")
        assert email.utils.parsedate_to_datetime(item.findtext("pubDate") or "").date() == dt.date(2026, 11, 20)
        assert item.findtext("link") == item.findtext("guid") == site.page
        return item.findtext(_CONTENT) or "", ""
    (item,) = root.iterfind(f"{_ATOM}entry")
    assert root.tag == f"{_ATOM}feed"
    assert all(item.findtext(_ATOM + name) for name in ("id", "title", "updated"))
    (content,) = item.iterfind(f"{_ATOM}content")
    assert content.get("type") == "html"
    return content.text or "", content.get(_BASE) or ""


@pytest.mark.parametrize("name", ["hugo", "hugo-unsafe", "jekyll"])
def test_a_feed_shows_what_the_page_shows(
    name: str, site_of: Callable[[str], Site], boats: Path, look: Callable[..., Any]
) -> None:
    """It is valid XML; addresses are absolute and pictures there; no element runs; prompts are the records'."""
    site = site_of(name)
    html, base = entry(site)
    found = _Addresses(base)
    found.feed(html)
    page, events = look(site.page)

    assert found.alts == alternatives()
    assert all(address.startswith("http://127.0.0.1:") for address in found.pictures)
    assert all(address.startswith(("http://", "https://", "#")) for address in found.links)
    for address in set(found.pictures):
        with urllib.request.urlopen(address) as answer:
            assert sniff(answer.read()) is not None, address
    assert found.tags.isdisjoint({"script", "iframe", "object", "embed", "form", "link"})
    assert page.evaluate(
        f"html => ({PROMPTS})(new DOMParser().parseFromString(html, 'text/html'))", html
    ) == prompts_of(boats)
    assert (events.dialogs, events.console) == ([], [])


@pytest.mark.parametrize("name", ["hugo", "hugo-unsafe"])
def test_the_cover_is_the_cell_that_the_front_matter_names(
    name: str, site_of: Callable[[str], Site], look: Callable[..., Any]
) -> None:
    """The list of posts shows the cover with its alternative text, and not on the post where that is not wanted."""
    site = site_of(name)
    home, _ = look(site.feed.removesuffix("index.xml"))
    (cover,) = home.locator("article.entry img").all()
    page, _ = look(site.page)

    assert cover.evaluate("image => image.naturalWidth") == 1376
    assert cover.get_attribute("alt") == post.BY_DAY
    assert page.locator("figure.entry-cover").count() == 0


def test_jekylls_feed_has_the_cover(site_of: Callable[[str], Site]) -> None:
    """The feed's own picture of the post is at an absolute address, and there."""
    site = site_of("jekyll")
    with urllib.request.urlopen(site.feed) as answer:
        (cover,) = ET.fromstring(answer.read()).iter("{http://search.yahoo.com/mrss/}thumbnail")
    with urllib.request.urlopen(cover.attrib["url"]) as answer:
        found = sniff(answer.read())

    assert found is not None
    assert found.width == 1376
