"""Pictures side by side: where each lies, what its label looks like, and that the same is drawn again."""

from __future__ import annotations

import io
import logging
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageColor

from gemnb.errors import InputError
from gemnb.publish.pictures import composite
from gemnb.publish.pictures.composites import MOST, TABS

if TYPE_CHECKING:
    from collections.abc import Iterable

COLOURS = ["#c02040", "#20a040", "#2040c0", "#c0a020", "#8020a0"]


def plain(size: tuple[int, int], number: int = 0) -> bytes:
    """Return a picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, COLOURS[number % len(COLOURS)]).save(buffer, "PNG")
    return buffer.getvalue()


def opened(data: bytes) -> Image.Image:
    """Return a picture in RGBA."""
    return Image.open(io.BytesIO(data)).convert("RGBA")


def near(image: Image.Image, at: tuple[int, int], colour: str) -> bool:
    """Return whether a pixel is opaque and of a colour, nearly."""
    found = image.getpixel(at)
    assert isinstance(found, tuple)
    wanted = (*ImageColor.getrgb(colour), 255)
    return all(abs(a - b) < 12 for a, b in zip(found, wanted, strict=True))


def share(image: Image.Image, colours: Iterable[str]) -> float:
    """Return the share of pixels that have one of these colours, nearly."""
    wanted = [ImageColor.getrgb(colour) for colour in colours]
    data = image.convert("RGB").resize((64, 64), Image.Resampling.NEAREST)
    pixels = [data.getpixel((x, y)) for x in range(64) for y in range(64)]
    return sum(
        any(isinstance(p, tuple) and all(abs(a - b) < 12 for a, b in zip(p, w, strict=True)) for w in wanted)
        for p in pixels
    ) / len(pixels)


def test_a_row_is_as_wide_as_asked_and_of_one_height():
    """Pictures of different shapes stand in one row of one height, with a thin transparent gap between them."""
    image = opened(composite([plain((1600, 1200)), plain((900, 1200), 1)], width=1400))
    assert image.width == 1400
    edges = [x for x in range(1, 1400) if image.getpixel((x, 300)) != image.getpixel((x - 1, 300))]
    assert len(edges) == 2
    assert edges[1] - edges[0] == 11
    assert edges[0] / (1400 - edges[1]) == pytest.approx(1600 / 900, rel=0.01)
    assert image.getpixel((edges[0] + 3, 300)) == (255, 255, 255, 0)
    assert near(image, (5, image.height - 2), COLOURS[0])
    assert near(image, (1395, image.height - 2), COLOURS[1])


def test_the_gap_can_have_a_colour():
    """With a background nothing is transparent."""
    image = opened(composite([plain((400, 400)), plain((400, 400), 1)], background="#ffffff"))
    assert image.getextrema()[3] == (255, 255)
    assert near(image, (image.width // 2, 30), "#ffffff")


def test_each_label_has_its_tab_in_the_corner():
    """The upper left corner of each panel has the colour of its tab, and white letters in it; its others not."""
    image = opened(composite([plain((700, 500)), plain((700, 500), 1)], ["Nano Banana", "Nano Banana Pro"]))
    second = image.width - (image.width - 11) // 2
    for left, tab, panel in ((0, TABS[0], COLOURS[0]), (second, TABS[1], COLOURS[1])):
        assert near(image, (left + 2, 2), tab)
        assert near(image, (left + 600, 2), panel)
        assert near(image, (left + 2, image.height - 3), panel)
        letters = image.crop((left, 0, left + 200, 50)).convert("L")
        assert letters.getextrema()[1] == 255


def test_a_panel_without_label_has_no_tab():
    """Without labels, or with an empty one, the corner is the picture's."""
    pictures = [plain((700, 500)), plain((700, 500), 1)]
    assert near(opened(composite(pictures)), (2, 2), COLOURS[0])
    mixed = opened(composite(pictures, ["", "Pro"]))
    assert near(mixed, (2, 2), COLOURS[0])
    assert near(mixed, (mixed.width // 2 + 20, 2), TABS[1])


def test_a_long_label_stays_in_its_panel():
    """A label wider than its panel ends with an ellipsis inside it."""
    image = opened(composite([plain((300, 300), k) for k in range(2)], ["a very long label " * 9, "b"], width=600))
    assert near(image, (image.width // 2 + 20, 40), COLOURS[1])
    tab = image.crop((0, 0, image.width // 2 - 8, 18))
    assert share(tab, [TABS[0], "#ffffff"]) > 0.5


def test_an_arrow_leads_from_input_to_output():
    """Between neighbours in a row there is an arrow, in a wider gap."""
    pictures = [plain((700, 500)), plain((700, 500), 1)]
    image = opened(composite(pictures, arrow=True))
    gap = image.crop((image.width // 2 - 38, 0, image.width // 2 + 38, image.height))
    assert 0.005 < share(gap, ["#868e96"]) < 0.2
    assert share(opened(composite(pictures)), ["#868e96"]) == 0


@pytest.mark.parametrize(
    ("sizes", "columns", "rows"),
    [
        ([(400, 400)] * 3, None, 1),
        ([(400, 400)] * 4, None, 1),
        ([(1600, 900)] * 4, None, 2),
        ([(400, 400)] * 9, None, 3),
        ([(400, 300)] * 2, 1, 2),
        ([(400, 400)] * 5, 2, 3),
    ],
)
def test_rows_follow_from_the_shapes(sizes: list[tuple[int, int]], columns: int | None, rows: int):
    """A few pictures stand in one row unless it would be too flat; more make a grid; `columns` decides."""
    image = opened(composite([plain(size, k) for k, size in enumerate(sizes)], columns=columns))
    column = [image.getpixel((5, y)) for y in range(image.height)]
    gaps = sum(a != b and b == (255, 255, 255, 0) for a, b in pairwise(column))
    assert gaps == rows - 1


def test_small_pictures_are_not_blown_up():
    """The largest picture is enlarged to twice its size at most, and a small one to the height of its neighbour."""
    image = opened(composite([plain((100, 80)), plain((50, 40), 1)]))
    assert image.height == pytest.approx(160, abs=2)
    assert image.width < 430
    assert opened(composite([plain((1000, 800)), plain((50, 40), 1)])).width == 1400


@pytest.mark.parametrize("mime_type", ["image/png", "image/webp", "image/jpeg"])
def test_the_same_is_drawn_again(mime_type: str):
    """The same pictures and labels give the same bytes, of the type that was asked for."""
    pictures = [plain((700, 500)), plain((500, 500), 1)]
    first, second = (
        composite(pictures, ["A", "B"], arrow=True, columns=2, mime_type=mime_type, quality=80) for _ in range(2)
    )
    assert first == second
    assert Image.MIME[str(Image.open(io.BytesIO(first)).format)] == mime_type


def test_a_transparent_picture_stays_transparent():
    """What is transparent in a picture is so in the composite, and white in a JPEG."""
    buffer = io.BytesIO()
    Image.new("RGBA", (200, 200), (0, 0, 0, 0)).save(buffer, "PNG")
    pictures = [buffer.getvalue(), plain((200, 200))]
    pixel = opened(composite(pictures)).getpixel((50, 50))
    assert isinstance(pixel, tuple)
    assert pixel[3] == 0
    assert near(opened(composite(pictures, mime_type="image/jpeg")), (50, 50), "#ffffff")


def test_letters_that_no_font_has_are_told(caplog: pytest.LogCaptureFixture):
    """A label with letters of no font is drawn all the same, and said."""
    with caplog.at_level(logging.WARNING, "gemnb"):
        data = composite([plain((200, 200)), plain((200, 200), 1)], ["\U0001f9ff\U000e0001", "B"])
    assert opened(data).width > 100
    assert "No font of this machine" in caplog.text


@settings(max_examples=30, deadline=None)
@given(labels=st.lists(st.text(max_size=30), min_size=2, max_size=2), width=st.integers(64, 500))
def test_any_label_can_be_drawn(labels: list[str], width: int):
    """No label breaks the drawing, whatever its letters and however narrow the panel."""
    data = composite([plain((90, 60)), plain((60, 90), 1)], labels, width=width)
    assert opened(data).width <= width


@pytest.mark.parametrize(
    ("pictures", "labels", "how", "said"),
    [
        ([b""], [], {}, "from 2"),
        ([plain((9, 9))] * (MOST + 1), [], {}, "from 2"),
        ([plain((9, 9))] * 2, ["A"], {}, "2 pictures have 1 labels"),
        ([plain((9, 9)), b"no picture"], [], {}, "no picture"),
        ([plain((9, 9))] * 2, [], {"mime_type": "image/gif"}, "No composite"),
        ([plain((9, 9))] * 2, [], {"width": 10**9}, "8192"),
    ],
)
def test_what_cannot_be_compared_is_said(pictures: list[bytes], labels: list[str], how: dict[str, object], said: str):
    """Too few or too many pictures, labels that do not match, and what is no picture are errors."""
    with pytest.raises(InputError, match=said):
        composite(pictures, labels, **how)  # type: ignore[arg-type]


def test_the_tabs_can_be_read():
    """White letters on each tab have the contrast that WCAG asks of text: 4.5 to 1."""

    def light(value: int) -> float:
        part = value / 255
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    for tab in TABS:
        red, green, blue = (light(value) for value in ImageColor.getrgb(tab)[:3])
        assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5, tab


def test_nothing_heavy_is_imported_with_the_package():
    """The package of pages and pictures loads no Pillow before a picture is made."""
    import subprocess

    code = "import sys, gemnb.publish, gemnb.publish.pictures as p; p.Provenance; print('PIL' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
