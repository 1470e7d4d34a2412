"""Input pictures of every kind through the whole path: asked, replayed, gone on from, verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbformat.v4 import new_notebook
from PIL import Image

import gemnb
from gemnb.compose import open_cache
from gemnb.errors import CacheMiss
from gemnb.verify import Finding, verify_notebook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.emulator import Emulator

MODEL = "emulator/sketch-1"


@pytest.fixture
def shots(project: Path, make_picture: Callable[..., bytes]) -> Path:
    """A project with two pictures."""
    for number in (1, 2):
        (project / f"s{number}.png").write_bytes(make_picture("PNG", (number, 5)))
    return project


def test_pixels_globs_and_kept_pictures_replay(
    shots: Path, emulator: Emulator, make_picture: Callable[..., bytes]
) -> None:
    """A request of pixels, a glob and `gemnb.keep` replays, can be gone on from, and says which file changed."""
    red = Image.new("RGB", (30, 20), "red")
    inputs: list[Any] = [red, "s*.png", gemnb.keep(red)]
    first = gemnb.generate("a cat", model=MODEL, image=inputs)
    again = gemnb.generate("a cat", model=MODEL, image=inputs, mode="replay")
    more = gemnb.generate("more", model=MODEL, edit=first)
    by_digest = gemnb.generate("more", model=MODEL, edit="record:" + first.digest[7:17])
    (shots / "s2.png").write_bytes(make_picture("PNG", (7, 5)))

    assert again.bytes == first.bytes
    assert by_digest.bytes == more.bytes
    assert len(emulator.calls) == 2
    with pytest.raises(CacheMiss) as caught:
        gemnb.generate("a cat", model=MODEL, image=inputs, mode="replay")
    assert "s2.png" in str(caught.value)


def test_a_notebook_of_all_kinds_verifies(
    shots: Path, emulator: Emulator, run_cells: Callable[..., list[Any]]
) -> None:
    """Globs, pixels, an edit over pixels and a private cell are consistent where their bytes are."""
    cells = run_cells(
        f"%load_ext gemnb\n%gemnb use {MODEL} -s 512",
        "from PIL import Image\nimg = Image.new('L', (9, 9))",
        "%%gemimg a -i s*.png -i img\na cat",
        "%%gemimg b -e a\nmore",
    )
    nbformat.write(new_notebook(cells=cells), shots / "n.ipynb")
    checks = verify_notebook(shots / "n.ipynb", open_cache(shots / "cache", look_only=True), shots)

    assert [o for cell in cells for o in cell.outputs if o.output_type == "error"] == []
    assert [check.reasons for check in checks] == [(), ()]
    assert [check.finding for check in checks] == [
        Finding.BOUND,
        Finding.CONSISTENT,
    ]  # the pixels came from the kernel
