"""One file is enough: on a machine with nothing else, a packed notebook is reproduced, and nobody is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.pack import pack_notebook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_GUARD = """
import os, sys

def guard(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple) or event == "socket.getaddrinfo":
        with open(os.environ["GUARD_LOG"], "a") as log:
            log.write(f"{event} {arguments[1:]}\\n")
        raise ConnectionRefusedError("no network here")

sys.addaudithook(guard)
open(os.environ["GUARD_LOG"], "a").write("guarded\\n")
"""


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run gemnb on a machine with an empty home and no network: what would call is noted in `calls.log`."""
    folder, home, site = (tmp_path / name for name in ("elsewhere", "home", "site"))
    for place in (folder, home, site):
        place.mkdir()
    (site / "sitecustomize.py").write_text(_GUARD)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GEMNB_", "XDG_", "IPYTHON"))}
    surroundings = clean | {"HOME": str(home), "PYTHONPATH": str(site), "GUARD_LOG": str(tmp_path / "calls.log")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gemnb", *arguments],
            cwd=folder,
            env=surroundings,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_it_is_reproduced_with_an_empty_cache_and_no_network(
    here: Path, places: Any, tmp_path: Path, machine: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """With quiet cells, files, a URL, pixels and calls in it, every picture comes back byte for byte."""
    pack_notebook(here / "post.ipynb", *places(here), output=tmp_path / "elsewhere" / "post.ipynb")
    shutil.rmtree(here)
    before = (tmp_path / "elsewhere" / "post.ipynb").read_bytes()
    done = machine("reproduce", "post.ipynb")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("reproduced") >= 8
    assert not {"drifted", "missing", "failed", "unpinned"} & set(done.stdout.split())
    assert set((tmp_path / "calls.log").read_text().splitlines()) == {"guarded"}
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["post.ipynb"]
    assert (tmp_path / "elsewhere" / "post.ipynb").read_bytes() == before


@pytest.mark.slow
def test_slimmed_there_it_replays_from_its_cache(
    here: Path, places: Any, tmp_path: Path, machine: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """`gemnb slim` on that machine makes a project of it that is reproduced from its own cache."""
    plain = (here / "post.ipynb").read_bytes()
    pack_notebook(here / "post.ipynb", *places(here), output=tmp_path / "elsewhere" / "post.ipynb")
    shutil.rmtree(here)
    assert machine("slim", "post.ipynb").returncode == 0
    assert (tmp_path / "elsewhere" / "post.ipynb").read_bytes() == plain
    done = machine("reproduce", "post.ipynb")

    assert done.returncode == 0, done.stdout + done.stderr
    assert set((tmp_path / "calls.log").read_text().splitlines()) == {"guarded"}


def test_the_guard_guards(tmp_path: Path, machine: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """A connection on that machine is refused and noted, so that the tests above can fail."""
    machine("--version")
    code = "import urllib.request as r\ntry:\n r.urlopen('http://127.0.0.1:9/')\nexcept OSError as e: print(e)"
    site = {"PYTHONPATH": str(tmp_path / "site"), "GUARD_LOG": str(tmp_path / "calls.log")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | site, capture_output=True, text=True, check=True
    )

    assert "no network here" in done.stdout
    assert "socket." in (tmp_path / "calls.log").read_text()
