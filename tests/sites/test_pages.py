"""Built sites in a browser: pictures load, prompts stand as they went to the model, and nothing runs or leaks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.sites import post

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sites.conftest import Site

pytestmark = pytest.mark.sites

PHONE = 390
PROMPTS = """root => [...(root ?? document).querySelectorAll('pre')]
    .filter(pre => pre.matches('.gemnb-txt') || pre.closest('.language-txt') || pre.querySelector('.language-txt'))
    .map(pre => pre.matches('.gemnb-txt') ? pre.textContent : pre.textContent.replace(/\\n$/, ''))"""
PICTURES = """() => [...document.images].map(image => ({
    alt: image.getAttribute('alt'), loaded: image.complete && image.naturalWidth > 0,
    natural: [image.naturalWidth, image.naturalHeight], shown: image.getBoundingClientRect().width,
    said: [image.getAttribute('width'), image.getAttribute('height')],
    tall: image.getBoundingClientRect().height, current: image.currentSrc,
    files: (image.getAttribute('srcset') ?? '').split(',').map(one => one.trim()).filter(Boolean)
        .map(one => one.split(/\\s+/)).map(([address, width]) => ({address, width: parseInt(width)})) }))"""
DECODED = """addresses => Promise.all(addresses.map(async address => {
    const image = new Image(); image.src = address; await image.decode(); return image.naturalWidth; }))"""


def prompts_of(notebook: Path) -> list[str]:
    """Return the prompts of a notebook's records, in order; of the cell that was refused and stopped, its source."""
    found = []
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        for output in cell.get("outputs", ()):
            document = output.get("data", {}).get("application/vnd.gemnb.v1+json")
            if document and "publish false" not in source:
                turn = document["record"]["request"]["contents"][-1]
                found.append("".join(part.get("text", "") for part in turn["parts"]))
            elif output.get("ename") == "Refused":
                found.append(source.partition("\n")[2])
    return found


def alternatives() -> list[str]:
    """Return the alternative texts of the pictures that a post shows, in order."""
    shown = [text for _, text in post.CELLS if "publish false" not in text]
    found = [a or b for text in shown for a, b in re.findall(r"!\[([^\]]+)\]\(|\balt[= ]'([^']+)'", text)]
    # A slider has those of its two pictures; its own is the name of both together.
    at = found.index(post.SLIDER)
    return [*found[:at], f"Before: {post.BY_DAY}", f"After: {post.BY_NIGHT}", *found[at + 1 :]]


def test_the_prompts_went_to_the_model_as_typed(boats: Path) -> None:
    """The records hold every horror to the character, so that what follows tests what it means to."""
    assert set(post.HORRORS.values()) <= {text + end for text in prompts_of(boats) for end in ("", "\n")}


@pytest.mark.parametrize("width", [1280, PHONE])
def test_each_prompt_on_the_page_is_the_records(
    site: Site, boats: Path, look: Callable[..., Any], width: int
) -> None:
    """The text of each block of a prompt, as the browser has it, equals the record's to the character."""
    page, _ = look(site.page, width=width)

    assert page.evaluate(PROMPTS) == prompts_of(boats)


@pytest.mark.parametrize("width", [1280, PHONE])
def test_each_picture_loads(site: Site, look: Callable[..., Any], width: int) -> None:
    """Each picture is decoded, has its own alternative text, and room of its shape before it is there."""
    page, _ = look(site.page, width=width)
    pictures = page.evaluate(PICTURES)

    assert all(picture["loaded"] for picture in pictures)
    assert [picture["alt"] for picture in pictures] == alternatives()
    for picture in pictures:
        if picture["files"]:
            assert (
                abs(picture["shown"] / picture["tall"] / (int(picture["said"][0]) / int(picture["said"][1])) - 1)
                < 0.01
            )
        assert picture["shown"] <= width


def test_each_file_of_each_srcset_is_there(site: Site, look: Callable[..., Any]) -> None:
    """Every candidate is fetched, decodes, and is as wide as `srcset` says; the page has some."""
    page, _ = look(site.page)
    files = [file for picture in page.evaluate(PICTURES) for file in picture["files"]]

    assert page.evaluate(DECODED, [file["address"] for file in files]) == [file["width"] for file in files]
    assert len({file["address"] for file in files}) >= 10


def test_the_chosen_file_is_no_blurred_one(site: Site, look: Callable[..., Any]) -> None:
    """A browser takes a copy with at least as many pixels as it shows, or the widest there is."""
    page, _ = look(site.page)
    for picture in page.evaluate(PICTURES):
        if picture["files"]:
            widths = [file["width"] for file in picture["files"]]
            chosen = next(
                f["width"] for f in picture["files"] if picture["current"].endswith(f["address"].lstrip("./"))
            )
            assert chosen >= min(picture["shown"] - 1, max(widths))


@pytest.mark.parametrize("width", [1280, PHONE])
def test_nothing_runs_and_nothing_leaves(site: Site, look: Callable[..., Any], width: int) -> None:
    """No script of a prompt ran, no dialog opened, no request failed or left loopback, the console is empty."""
    page, events = look(site.page, width=width)
    page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")

    assert page.evaluate("() => window.ran ?? null") is None
    assert (events.dialogs, events.console, events.failed, events.foreign) == ([], [], [], [])


def test_no_picture_changes_its_height_when_the_page_is_there(site: Site, look: Callable[..., Any]) -> None:
    """What gives pictures their shape stands above the first one; only plain Markdown has it at its end."""
    page, _ = look(site.page, width=PHONE)
    is_above = page.evaluate(
        """() => [...document.querySelectorAll('style')].some(style => style.textContent.includes('gemnb-pair') &&
            style.compareDocumentPosition(document.querySelector('.gemnb-figure')) & 4)"""  # 4: it follows
    )

    assert is_above == (site.name != "markdown")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_no_wider_than_a_telephone(site: Site, look: Callable[..., Any], scheme: str) -> None:
    """Nothing makes the page wider than 390 px, with every fold open, and prompts wrap where words end."""
    page, _ = look(site.page, width=PHONE, scheme=scheme)
    page.evaluate("() => document.querySelectorAll('details').forEach(one => { one.open = true; })")
    blocks = page.evaluate(
        """() => [...document.querySelectorAll('pre.gemnb-txt, .language-txt pre, pre:has(> code.language-txt)')]
            .map(pre => [pre, getComputedStyle(pre.querySelector('code') ?? pre)])
            .map(([pre, style]) => [pre.scrollWidth - pre.clientWidth, style.wordBreak])"""
    )

    assert page.evaluate("() => document.scrollingElement.scrollWidth") <= PHONE
    assert len(blocks) >= len(post.HORRORS)
    assert [block for block in blocks if block[0] > 1 or block[1] == "break-all"] == []


def test_the_narrative_is_as_it_was_written(site: Site, look: Callable[..., Any]) -> None:
    """Headings, tables, links, footnotes, mathematics and code spans are what the generator makes of them."""
    page, _ = look(site.page)
    text = page.evaluate("() => document.body.textContent")
    missing = page.evaluate(
        """() => [...document.querySelectorAll('a[href^="#"]')].map(a => decodeURIComponent(a.hash.slice(1)))
            .filter(name => !document.getElementById(name))"""
    )

    assert [h.strip() for h in page.locator("h2").all_text_contents()] == re.findall(
        r"^## (.+)$", "\n".join(post.NARRATIVE), re.MULTILINE
    )
    assert page.locator("td").all_text_contents() == ["sketch-1", "$0.04", "27", "sketch-pro-1", "$0.13", "29"]
    assert r"$\lambda = v_p T$" in text
    if site.name != "markdown":  # left as typed for GitHub and the like, which know formulas; CommonMark does not
        assert r"\omega^2 = g k, \quad a_1*b_2*c_3" in text
    assert "{{< x >}}" in text
    assert "{% raw %} and {{ braces }}" in text
    assert page.locator('a[href="https://github.com/someone/boats"]').count() == 1
    assert missing == []
    if site.name != "markdown":  # CommonMark has no footnotes
        assert page.locator('a[href^="#fn"]').count() >= 2


def test_cards_stand_where_no_picture_is(site: Site, look: Callable[..., Any]) -> None:
    """Refusals say their reason, what is withheld says so and no more, and an edited cell is told."""
    page, _ = look(site.page)
    cards = page.locator(".gemnb-card strong").all_text_contents()

    assert cards == [
        "Refused: IMAGE_SAFETY",
        "Refused: PROHIBITED_CONTENT",
        "Withheld by the author",
        "ValueError",
    ]
    assert (
        "The cell was changed after this picture was made."
        in page.locator("figcaption").filter(has_text="changed").inner_text()
    )
    assert post.SECRET not in page.content()
    assert post.EDITED[1] not in page.content()


def test_a_slider_is_dragged_without_a_script(site: Site, look: Callable[..., Any]) -> None:
    """Both pictures lie over each other, equally large, and dragging the corner shows more of the upper one."""
    page, _ = look(site.page)
    slider = page.locator(".gemnb-slider")
    slider.scroll_into_view_if_needed()
    upper, lower = (image.bounding_box() for image in slider.locator("img").all())
    box = slider.locator(".gemnb-before").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 6, box["y"] + box["height"] - 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 94, box["y"] + box["height"] - 4, steps=5)
    page.mouse.up()

    assert slider.get_attribute("aria-label") == post.SLIDER
    assert upper == pytest.approx(lower, abs=2)
    assert slider.locator(".gemnb-before").bounding_box()["width"] == pytest.approx(box["width"] + 100, abs=8)


def test_evidence_is_folded_beside_each_picture(site: Site, look: Callable[..., Any]) -> None:
    """Each answer has one folded block with its model, its digests and a link to an index that is there."""
    page, _ = look(site.page)
    folds = page.locator("details.gemnb-evidence")
    addresses = page.locator("details.gemnb-evidence a[href$='index.gemnb.json']").evaluate_all(
        "all => all.map(a => a.href)"
    )

    assert (
        folds.count()
        == len(addresses)
        == sum(
            any(getattr(block, what, None) is not None for what in ("evidence", "imported"))
            for block in site.done.post.blocks
        )
    )
    assert folds.evaluate_all("all => all.every(one => !one.open)")
    assert {page.request.get(address).status for address in addresses} == {200}
