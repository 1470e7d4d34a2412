"""`%gemnb compare`: pictures side by side as a static output, a slider, and what is said of a wrong line."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from gemnb.canonical import blob_digest, short
from gemnb.errors import CellSyntaxError, GemnbError, InputError
from gemnb.magic.comparing import COMPARE_MIMETYPE, Comparison, compare, parse_comparison
from gemnb.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.emulator import Emulator


@pytest.fixture
def files(project: Path, make_picture: Callable[..., bytes]) -> dict[str, bytes]:
    """Two pictures of one shape and one of another in the working folder."""
    made = {
        "before.png": make_picture("PNG", (640, 480), noise=True),
        "after.jpg": make_picture("JPEG", (960, 720), noise=True),
        "wide.png": make_picture("PNG", (640, 200)),
    }
    for name, data in made.items():
        (project / name).write_bytes(data)
    return made


def run(project: Path, line: str, **names: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a line shows: data and metadata."""
    data, metadata = compare(line, names, load_settings(project))
    return data, metadata


def shown(data: dict[str, Any]) -> Image.Image:
    """Return the picture that an output holds."""
    return Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"])))


def test_a_kernel_shows_a_comparison(run_cells: Callable[..., list[Any]], emulator: Emulator):
    """In a real kernel two results stand side by side, and the text of the output names both by their digests."""
    *_, cat, dog, compared = run_cells(
        "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512",
        "%%gemimg cat\nA red cat",
        "%%gemimg dog\nA blue dog",
        '%gemnb compare cat dog --label "Nano Banana" --label "Nano Banana Pro" --alt "A cat beside a dog"',
    )
    (output,) = compared.outputs
    marks = [re.search(r"\[gemnb:.*\]", cell.outputs[0].data["text/plain"]).group() for cell in (cat, dog)]
    assert output.data["text/plain"] == (f"A cat beside a dog Nano Banana {marks[0]} | Nano Banana Pro {marks[1]}")
    image = shown(output.data)
    assert output.metadata["image/jpeg"] == {
        "width": image.width // 2,
        "height": image.height // 2,
        "alt": "A cat beside a dog",
    }
    assert emulator.calls == 2 if isinstance(emulator.calls, int) else len(emulator.calls) == 2


def test_what_was_compared_is_said(project: Path, files: dict[str, bytes]):
    """The output names its pictures by digest, in order, with labels and arrangement; files are called by name."""
    data, _ = run(project, "before.png after.jpg --arrow")
    digests = [blob_digest(files[name]) for name in ("before.png", "after.jpg")]
    assert data[COMPARE_MIMETYPE] == {
        "schema": 0,
        "pictures": [
            {"blob": digests[0], "mime_type": "image/png", "label": "before"},
            {"blob": digests[1], "mime_type": "image/jpeg", "label": "after"},
        ],
        "slider": False,
        "arrow": True,
    }
    assert data["text/plain"] == (
        f"before [gemnb:{short(digests[0])} 640×480] → after [gemnb:{short(digests[1])} 960×720]"
    )
    assert "text/html" not in data


def test_the_same_line_shows_the_same_bytes(project: Path, files: dict[str, bytes]):
    """A second run leaves the notebook as it was, and looking at files leaves nothing in the cache."""
    line = "before.png after.jpg wide.png --columns 2 --label A --label B --label C"
    assert run(project, line) == run(project, line)
    assert not (project / "cache").exists()


def test_pixels_globs_and_variables_are_compared(project: Path, files: dict[str, bytes]):
    """What can stand after `-i` can be compared: a glob in natural order, bytes, a Pillow image."""
    image = Image.new("RGB", (64, 48), "teal")
    data, _ = run(project, "*.png photo image", photo=files["after.jpg"], image=image)
    assert [item["label"] for item in data[COMPARE_MIMETYPE]["pictures"]] == ["before", "wide", "photo", "image"]
    assert shown(data).width == 1400
    assert not (project / "cache").exists()


def test_a_slider_holds_both_pictures(project: Path, files: dict[str, bytes]):
    """With --slider the output is HTML with both pictures in one size, and the composite for who shows no HTML."""
    data, _ = run(project, 'before.png after.jpg --slider --label "A <b>" --label ""')
    sources = re.findall(r'src="data:image/webp;base64,([^"]+)"', data["text/html"])
    images = [Image.open(io.BytesIO(base64.b64decode(source))) for source in sources]
    assert [image.size for image in images] == [(640, 480), (640, 480)]
    assert 'alt="before: A &lt;b&gt;"' in data["text/html"]
    assert 'alt="after"' in data["text/html"]
    assert "<script" not in data["text/html"]
    assert shown(data).width == 1400


def test_a_slider_needs_one_shape(project: Path, files: dict[str, bytes]):
    """Pictures of different shapes do not lie over each other: the error says what to do."""
    with pytest.raises(InputError, match="640×480 and 640×200") as caught:
        run(project, "before.png wide.png --slider")
    assert "side by side" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "takes from 2"),
        ("before.png", "1 given"),
        ("before.png after.jpg wide.png --slider", "takes two pictures"),
        ("before.png gone.png", "no such file"),
        ("before.png nothing", "no such file and no such variable"),
        ("before.png after.jpg --label A", "2 pictures have 1 labels"),
        ("before.png after.jpg --columns 0", "no number"),
        ("before.png after.jpg --columns two", "no number"),
        ("before.png after.jpg --lable A", "no option --lable"),
        ("before.png after.jpg --slider=1", "no option --slider=1"),
        ("before.png after.jpg --label", "needs a value"),
        ("before.png after.jpg --alt a --alt b", "given twice"),
        ('before.png after.jpg --label "A', "not closed"),
        ("before.png pyproject.toml", "not a picture"),
    ],
)
def test_a_wrong_line_is_explained(project: Path, files: dict[str, bytes], line: str, said: str):
    """What cannot be compared is our error, with what to type."""
    with pytest.raises(GemnbError) as caught:
        run(project, line)
    assert said in str(caught.value)
    assert len(caught.value.lines()) <= 5


def test_a_near_option_is_suggested():
    """A misspelled option is answered with the one that is like it."""
    with pytest.raises(CellSyntaxError) as caught:
        parse_comparison("a b --lable A")
    assert caught.value.hint == "Did you mean --label?"


def test_options_are_read():
    """Labels keep their order and their spaces, a quoted word is never an option, `=` joins a value."""
    line = 'a b "--c" --label "Nano Banana" --label=Pro --slider --arrow --columns 2 --alt "x y"'
    assert parse_comparison(line) == Comparison(
        references=("a", "b", "--c"),
        labels=("Nano Banana", "Pro"),
        slider=True,
        arrow=True,
        columns=2,
        alt="x y",
    )
