"""What `gemnb.keep` was told of travels in a packed notebook, too."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from gemnb.compose import open_cache, open_reach
from gemnb.errors import CorruptEntry
from gemnb.model import Mode
from gemnb.pack import pack_notebook, slim_notebook
from gemnb.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.emulator import Emulator


@pytest.fixture
def post(project: Path, emulator: Emulator, run_cells: Any, make_picture: Callable[..., bytes]) -> Path:
    """A notebook that keeps a photograph with a statement, shows it, and paints over it."""
    (project / "photo.png").write_bytes(make_picture(size=(40, 30), noise=True))
    cells = run_cells(
        "%load_ext gemnb\n%gemnb use emulator/sketch-1\nimport gemnb",
        "photo = gemnb.keep('photo.png', source='A camera', licence='CC0')\nphoto",
        "%%gemimg -i photo\nPaint over this",
    )
    nbformat.write(nbformat.v4.new_notebook(cells=cells), project / "post.ipynb")
    return project / "post.ipynb"


def places(project: Path) -> Any:
    """Return the project's cache and its private part."""
    return open_reach(load_settings(project), Mode.REPLAY).places[:2]


def test_a_kept_photograph_goes_along(post: Path, tmp_path: Path) -> None:
    """Without the file and the cache, `gemnb.keep` of the packed notebook shows it with its statement."""
    before = post.read_bytes()
    (tmp_path / "else").mkdir()
    pack_notebook(post, *places(post.parent), output=tmp_path / "else" / "post.ipynb")
    shutil.rmtree(post.parent)
    done = subprocess.run(
        [sys.executable, "-m", "gemnb", "reproduce", "-o", "came", "post.ipynb"],
        cwd=tmp_path / "else",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    came = nbformat.read(tmp_path / "else" / "came" / "post.ipynb", 4)
    assert came.cells[1].outputs == nbformat.reads(before.decode(), 4).cells[1].outputs

    cache, private = places(tmp_path / "else")
    slim_notebook(tmp_path / "else" / "post.ipynb", cache, private)
    assert (tmp_path / "else" / "post.ipynb").read_bytes() == before
    assert list(open_cache(tmp_path / "else" / "cache").store.keys("imports/"))


def test_a_kept_photograph_that_is_gone_is_told(post: Path) -> None:
    """Where the bytes of an import are not in the cache, nothing is packed and it is said which they are."""
    before = post.read_bytes()
    shutil.rmtree(post.parent / "cache" / "blobs")
    with pytest.raises(CorruptEntry, match="nothing was packed"):
        pack_notebook(post, *places(post.parent))

    assert post.read_bytes() == before
