"""What is loaded when nothing has to be asked: importing gemnb and replaying a cell cost no heavy module, no socket.

Each test runs in a process of its own, with a shell of IPython but no kernel (a kernel has sockets by its nature).
"""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from gemnb.arrival import unpack
from gemnb.cache import Cache, DirectoryStore
from gemnb.detach import text_part
from gemnb.model import Content, Invocation, Request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HEAVY = (
    # what only a miss needs
    *("google.genai", "pydantic", "httpx", "httpx2", "PIL", "filelock", "platformdirs", "concurrent.futures.thread"),
    # what only the command line, older notebooks, widgets or nobody needs
    *("gemnb.budget", "gemnb.prices", "gemnb.pending", "gemnb.looking", "decimal"),
    *("nbformat", "papermill", "click", "ipywidgets", "ipykernel", "numpy", "diskcache"),
)
TOML = "tomllib"
"""Needed where the project has a `[tool.gemnb]` table, or a model is named by its alias; not otherwise."""

START = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def run(cell):
    result = shell.run_cell(cell)
    error = result.error_before_exec or result.error_in_exec
    return None if error is None else type(error).__name__
"""
REPORT = """
print("\\n" + json.dumps({"modules": sorted(sys.modules), "said": said}))
"""
LISTEN = """
opened = []
sys.addaudithook(lambda event, arguments: opened.append(event) if event.startswith("socket.") else None)
"""


def _run(program: str, folder: Path) -> dict[str, object]:
    """Run a program in a folder and return what it reports in its last line."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _heavy(report: dict[str, object], *more: str) -> list[str]:
    return [name for name in report["modules"] if name in {*HEAVY, *more}]


def _keep(folder: Path, model: str, *pictures: bytes) -> None:
    """Keep an answer to `a cat`, as a run of somebody else did."""
    parts = [{"inlineData": {"mimeType": "image/png", "data": b64encode(data).decode()}} for data in pictures]
    answer = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
    request = Request(model=model, contents=(Content(role="user", parts=(text_part("a cat"),)),))
    record, blobs = unpack(request, json.dumps(answer).encode(), {"host": "h"})
    Cache(DirectoryStore(folder / "cache")).keep(record, Invocation(), blobs)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder whose pyproject.toml says nothing of gemnb, without a git root: a project of its own."""
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "other"\n')
    return folder


def _cell(line: str = "hero -m emulator/sketch-1", body: str = "a cat") -> str:
    return f"%%gemimg {line}\n{body}"


def test_ipython_itself_loads_nothing_of_it(folder: Path):
    """A shell without gemnb has none of the modules listed here, so that the tests below are about gemnb."""
    report = _run(f"{START}\nsaid = run('1 + 1')\n{REPORT}", folder)
    assert _heavy(report, TOML, "gemnb", "rfc8785") == []
    assert "IPython" in report["modules"]


def test_the_list_tells_of_heavy_modules(folder: Path):
    """Each of the modules listed here can be loaded where it is installed, so that its name is spelled right."""
    installed = [
        name for name in (*HEAVY, TOML) if name not in ("numpy", "httpx2", "httpx", "ipywidgets", "diskcache")
    ]
    imports = "\n".join(f"import {name}" for name in installed)
    report = _run(f"import json, sys\n{imports}\nsaid = None\n{REPORT}", folder)
    assert sorted(set(installed) - set(_heavy(report, TOML))) == []


def test_importing_gemnb_loads_nothing_heavy(folder: Path):
    """`import gemnb` loads the package and nothing below it."""
    report = _run(f"import json, sys\nimport gemnb\nsaid = gemnb.__all__\n{REPORT}", folder)
    assert _heavy(report, TOML, "IPython") == []
    assert [name for name in report["modules"] if name.startswith("gemnb")] == ["gemnb"]


def test_generate_and_errors_load_nothing_heavy(folder: Path):
    """`gemnb.generate` and `gemnb.GemnbError` load neither IPython nor anything that only a miss needs."""
    report = _run(f"import json, sys\nfrom gemnb import *\nsaid = generate.__name__\n{REPORT}", folder)
    assert report["said"] == "generate"
    assert _heavy(report, TOML, "IPython") == []


def test_loading_the_extension_loads_nothing_heavy(folder: Path):
    """`%load_ext gemnb` and `%gemnb use MODEL` load nothing that only a miss needs."""
    cells = ["%load_ext gemnb", "%gemnb use emulator/sketch-1 -a 16:9", "%gemnb status"]
    report = _run(f"{START}\nsaid = [run(cell) for cell in {cells!r}]\n{REPORT}", folder)
    assert report["said"] == [None] * 3
    assert _heavy(report, TOML) == []


def test_a_hit_loads_nothing_heavy(folder: Path, make_picture: Callable[..., bytes]):
    """A cell that hits shows its picture, the preview of a big one too, without any module that a miss needs."""
    _keep(folder, "emulator/sketch-1", make_picture(), make_picture("PNG", (1200, 900), noise=True))
    cells = ["%load_ext gemnb", _cell(), "hero.bytes[:4], hero.text, hero.usage, len(hero)"]
    report = _run(f"{START}\nsaid = [run(cell) for cell in {cells!r}]\n{REPORT}", folder)
    assert report["said"] == [None] * 3
    assert _heavy(report, TOML) == []
    assert not (folder.parent / "user-cache").exists()


def test_a_hit_in_a_project_loads_nothing_but_its_table(project: Path, make_picture: Callable[..., bytes]):
    """Where the project has a `[tool.gemnb]` table, the parser of TOML is loaded, and nothing else."""
    _keep(project, "emulator/sketch-1", make_picture())
    cells = ["%load_ext gemnb", "%gemnb use emulator/sketch-1", _cell("hero")]
    report = _run(f"{START}\nsaid = [run(cell) for cell in {cells!r}]\n{REPORT}", project)
    assert report["said"] == [None] * 3
    assert _heavy(report, TOML) == [TOML]


def test_a_hit_through_the_function_loads_nothing_heavy(folder: Path, make_picture: Callable[..., bytes]):
    """`gemnb.generate` hits as a cell does, without IPython."""
    _keep(folder, "emulator/sketch-1", make_picture())
    call = "gemnb.generate('a cat', model='emulator/sketch-1', mode='replay')"
    report = _run(f"import json, sys\nimport gemnb\nsaid = repr({call})\n{REPORT}", folder)
    assert "64×48" in report["said"]
    assert _heavy(report, TOML, "IPython") == []


@pytest.mark.parametrize("model", ["emulator/sketch-1", "google/gemini-3-pro-image"])
@pytest.mark.parametrize("kept", [True, False], ids=["hit", "miss"])
def test_in_replay_no_socket_opens(
    folder: Path, make_picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch, model: str, *, kept: bool
):
    """In replay neither a hit nor a miss, nor a second sample opens or looks up anything, even with a key.

    A miss looks where the user's folders are, and makes none.
    """
    monkeypatch.setenv("GEMINI_API_KEY", "a-key-that-must-not-be-used")
    if kept:
        _keep(folder, model, make_picture())
    cells = [_cell(f"hero -m {model} --mode replay"), _cell(f"-m {model} -n 3 --mode replay", "other")]
    program = f"""{START}
said = [run("%load_ext gemnb")]
{LISTEN}
said += [run(cell) for cell in {cells!r}]
import os
os.environ["GEMNB_MODE"] = "replay"
said += [run({_cell(f"hero -m {model}")!r})]
os.environ |= {{"GEMNB_OFFLINE": "1", "GEMNB_MODE": "auto"}}
said += [run({_cell(f"hero -m {model} --mode refresh")!r}), list(opened)]
import socket
socket.socket().close()
said += [opened]
{REPORT}"""
    report = _run(program, folder)
    hit = None if kept else "CacheMiss"
    loaded, cell, other, by_environment, offline, opened, control = report["said"]
    assert (loaded, cell, other, by_environment, offline) == (None, hit, "CacheMiss", hit, hit)
    assert opened == []
    assert "socket.__new__" in control  # the hook does hear sockets
    assert _heavy(report, TOML) == ["platformdirs"]
    assert not (folder.parent / "user-cache").exists()


def test_a_missing_key_opens_no_socket(folder: Path):
    """Without a key, a real model's miss is an error before anything is connected or the SDK is loaded."""
    program = f"""{START}
said = [run("%load_ext gemnb")]
{LISTEN}
said += [run({_cell("hero -m google/gemini-3-pro-image")!r}), opened]
{REPORT}"""
    report = _run(program, folder)
    assert report["said"] == [None, "MissingKey", []]
    assert [name for name in _heavy(report) if name in ("google.genai", "httpx", "httpx2", "pydantic", "PIL")] == []
