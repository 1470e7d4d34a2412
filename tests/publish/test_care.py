"""What publishing heeds before it writes: strict remarks, places in metadata, comments left open, older sites."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from PIL import Image

from gemnb.cli import main
from gemnb.errors import NotebookError
from gemnb.publish import FLAVORS
from tests.publish.conftest import answer, code, markdown, tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def placed() -> bytes:
    """A photograph that says where it was taken."""
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 0.0), 3: "E", 4: (16.0, 22.0, 0.0)})
    Image.new("RGB", (70, 50), "green").save(buffer := io.BytesIO(), "JPEG", exif=exif.tobytes())
    return buffer.getvalue()


@pytest.mark.parametrize("to", FLAVORS)
@pytest.mark.parametrize("earlier", [False, True], ids=["new", "again"])
def test_strict_writes_nothing_where_something_is_to_be_mended(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any, to: str, *, earlier: bool
) -> None:
    """With `--strict` a remark marked `!` ends with exit code 1, and the output folder is as it was."""
    good = asked("%%gemimg boat --alt 'A boat'\nBoat", answer(make_picture("PNG", (50, 40))))
    if earlier:
        publish(write(good), to, strict=True)
    before = tree(project / "site") if earlier else {}
    path = write(good, asked("%%gemimg cat\nCat", answer(make_picture("PNG", (51, 40)))))
    done = CliRunner().invoke(main, ["publish", str(path), "--to", to, "-o", str(project / "site"), "--strict"])

    assert done.exit_code == 1
    assert "cat has no alternative text" in done.stdout
    assert "nothing written." in done.stdout
    assert "nothing was written" in done.stderr
    assert (tree(project / "site") if earlier else {}) == before
    assert (project / "site").exists() == earlier
    assert publish(path, to).written


def test_published_originals_that_say_where_they_were_taken_are_told(
    asked: Any, write: Any, publish: Any, placed: bytes
) -> None:
    """With `--originals` they keep their coordinates; copies have none, so without it there is nothing to tell."""
    path = write(asked("%%gemimg cat --alt x\nA cat", answer(placed)))
    told = [remark for remark in publish(path, "hugo", originals=True).remarks if "where it was taken" in remark.text]

    assert [(remark.cell, remark.strict) for remark in told] == [(2, False)]
    assert told[0].text.endswith("-original.jpg says where it was taken, and is published as it is")
    assert not [remark for remark in publish(path, "hugo").remarks if "taken" in remark.text]


def test_a_plain_output_that_says_where_it_was_taken_is_told(write: Any, publish: Any, placed: bytes) -> None:
    """It is copied byte for byte."""
    data = {"image/jpeg": base64.b64encode(placed).decode()}
    done = publish(write(code("photo", {"output_type": "display_data", "metadata": {}, "data": data})), "html")

    assert len([remark for remark in done.remarks if "says where it was taken" in remark.text]) == 1


@pytest.mark.parametrize("to", ["hugo", "jekyll", "markdown"])
def test_a_comment_left_open_is_named_with_its_cell(
    asked: Any, write: Any, publish: Any, make_picture: Any, to: str
) -> None:
    """The refusal says which prompt would be hidden, by which cell; comments in code and closed ones are none."""
    picture = asked("%%gemimg cat --alt x\nA cat", answer(make_picture()))
    cells = [markdown("`<!--` and <!-- closed -->"), markdown("a <!-- open"), markdown("more"), picture]
    with pytest.raises(NotebookError) as caught:
        publish(write(*cells), to)

    assert caught.value.what.startswith("The prompt of cell 5 would not stand on the page")
    assert caught.value.why.startswith("Cell 3 leaves something open")
    assert "in cell 3" in caught.value.hint


def test_a_shortcode_of_an_earlier_gemnb_is_renewed(write: Any, publish: Any, project: Path) -> None:
    """A site's own file of that name stays; one that an earlier gemnb put there becomes the present one."""
    file = project / "site/layouts/shortcodes/gemnb.html"
    (old,) = FLAVORS["hugo"].site_before
    path = write(markdown("Words"))
    for before, after in ((old, FLAVORS["hugo"].site["layouts/shortcodes/gemnb.html"]), (b"mine", b"mine")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(before)
        publish(path, "hugo")
        assert file.read_bytes() == after
