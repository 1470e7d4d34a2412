"""A project whose notebook has every kind of cell that packing must know, run once in a real kernel."""

from __future__ import annotations

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

from gemnb.cache import Cache, DirectoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gemnb.emulator import Emulator

CELLS = (
    "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512",
    "style = 'ink'",
    "%%gemimg cat -p style --alt 'Eine Katze, „groß“'\nA cat, {{style}}",
    "%%gemimg dog -q\nA dog that no output shows",
    "%%gemimg hat -e dog\nGive it a hat",
    "%%gemimg both -i cat -i photo.png\nPut them side by side",
    "from PIL import Image\nplain = Image.new('RGB', (16, 16), 'teal')",
    "%%gemimg -i plain\nTurn this into a lake",
    "%%gemimg -i {url}\nPaint over this",
    "import gemnb\ntree = gemnb.generate('A lonely tree', model='emulator/sketch-1', size='512')",
    "twig = gemnb.generate(f'A twig of {len(style)} leaves', model='emulator/sketch-1', size='512')",
    "%%gemimg -i twig\nMake a forest of it",
    "%%gemimg big -m emulator/sketch-1 -s 2K\nA picture too big to stand in a notebook",
    "%%gemimg two -n 2 -q -p style\nTwo of a kind, {{style}}",
    "%%gemimg draft -m emulator/sketch-pro-1 -s 1K\nA picture with a draft before it",
)
"""The cells; `{url}` becomes the address of a picture."""

PRIVATE = "%%gemimg secret --publish false -i photo.png\nNobody else is to see this"


class _Photo(BaseHTTPRequestHandler):
    picture = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.picture)))
        self.end_headers()
        self.wfile.write(self.picture)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def _photo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("site") / "photo.png"
    Image.new("RGB", (32, 24), "salmon").save(path)
    _Photo.picture = path.read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Photo)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/photo.png"
    server.shutdown()
    thread.join()
    server.server_close()


def _run(folder: Path, name: str, sources: list[str]) -> None:
    notebook = new_notebook(cells=[new_markdown_cell("# A post – „groß“"), *map(new_code_cell, sources)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(
        notebook,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    ).execute()
    nbformat.write(notebook, folder / name)


@pytest.fixture(scope="session")
def _ran(tmp_path_factory: pytest.TempPathFactory, _running_emulator: Emulator, _photo_url: str) -> Path:
    folder = tmp_path_factory.mktemp("packed") / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.gemnb]\n")
    Image.new("RGB", (64, 48), "teal").save(folder / "photo.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEMNB_EMULATOR", _running_emulator.url)
        patch.setenv("GEMNB_ALLOW_PRIVATE_URLS", "1")
        patch.setenv("XDG_CACHE_HOME", str(folder.parent / "user"))
        patch.setenv("XDG_DATA_HOME", str(folder.parent / "user"))
        _run(folder, "post.ipynb", [source.replace("{url}", _photo_url) for source in CELLS])
        _run(folder, "private.ipynb", [CELLS[0], PRIVATE, "%%gemimg\nAnybody may see this"])
    return folder


@pytest.fixture(scope="session")
def ran(_ran: Path) -> Path:
    """That project; nothing may be written in it."""
    return _ran


@pytest.fixture
def here(project: Path, _ran: Path) -> Path:
    """A copy of that project, and the working folder: `post.ipynb`, `private.ipynb`, `photo.png`, `cache/`."""
    shutil.copytree(_ran, project, dirs_exist_ok=True)
    return project


@pytest.fixture
def places() -> Callable[[Path], tuple[Cache, Cache]]:
    """A maker of a cache and its private part: `places(folder)`."""

    def make(folder: Path) -> tuple[Cache, Cache]:
        return Cache(DirectoryStore(folder / "cache")), Cache(DirectoryStore(folder / "cache" / "private", "*\n"))

    return make


@pytest.fixture
def edit() -> Callable[[Path, Callable[[dict[str, Any]], None]], None]:
    """Change a notebook's JSON through a function."""

    def apply(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
        document = json.loads(path.read_text("utf-8"))
        change(document)
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")

    return apply
