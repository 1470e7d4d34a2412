"""JupyterLab on this machine's loopback, in a headless Chromium: one server and one browser for all tests."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from gemnb.emulator import Emulator

CELLS = (
    "%load_ext gemnb\n%gemnb use emulator/sketch-1",
    "%%gemimg small -s 512 --alt 'A small picture'\nA cat, ink",
    "%%gemimg big -m emulator/sketch-pro-1 -s 2K --alt 'A picture too big for a notebook'\nA harbour at night",
    "%%gemimg both -s 512 -i small -i photo.png --alt 'Two pictures'\nPut them side by side",
)

_SETTINGS = {
    # `news_url=None` alone leaves the question whether news are wanted.
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    # All cells stay in the page, whether they can be seen or not.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}
_ARGUMENTS = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
)
_LOOPBACK = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost)[:/]|data:|blob:")
_START = 120  # seconds JupyterLab may take until it listens


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; skips, saying what is missing, where a part of what these tests need is not there."""
    missing = [name for name in ("jupyterlab", "playwright") if importlib.util.find_spec(name) is None]
    hints = ["pip install -e '.[test,browser]'"] if missing else []
    path = _chromium()
    if path is None:
        missing.append("Chromium")
        hints.append("apt-get install chromium fonts-dejavu-core, or CHROMIUM=<its path>")
    if missing or path is None:
        pytest.skip(f"{', '.join(missing)} not installed: {'; '.join(hints)}")
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A running JupyterLab: its address, its token, and the folder it serves."""

    address: str
    token: str
    folder: Path


@pytest.fixture(scope="session")
def lab(chromium: str, tmp_path_factory: pytest.TempPathFactory, _running_emulator: Emulator) -> Iterator[Lab]:
    """JupyterLab with configuration, data and runtime folders of its own; it asks nobody for news or updates."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "root"
    folder.mkdir()
    for name, value in _SETTINGS.items():
        path = home / "settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    process = subprocess.Popen(
        _command(home, port, token),
        env=_environment(home, _running_emulator.url),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said: list[str] = []
    listening = threading.Event()
    reader = threading.Thread(target=_read, args=(process, said, listening))
    reader.start()
    try:
        assert listening.wait(_START), "".join(said)[-4000:]
        assert process.poll() is None, "".join(said)[-4000:]
        yield Lab(address=f"http://127.0.0.1:{port}", token=token, folder=folder)
    finally:
        process.send_signal(signal.SIGTERM)  # the server ends its kernels
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        reader.join()
        process.stdout.close()


def _command(home: Path, port: int, token: str) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={home / 'root'}",
        "--ServerApp.terminals_enabled=False",
        f"--LabApp.user_settings_dir={home / 'settings'}",
        f"--LabApp.workspaces_dir={home / 'workspaces'}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.expose_app_in_browser=True",  # window.jupyterapp: commands, not selectors of buttons
        "--LabApp.extension_manager=readonly",
    ]


def _environment(home: Path, emulator: str) -> dict[str, str]:
    """Return an environment without whoever runs the tests: their settings, keys and folders."""
    theirs = ("JUPYTER", "IPYTHON", "GEMNB_", "GEMINI_", "GOOGLE_", "XDG_", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    return kept | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_PLATFORM_DIRS": "1",
        "IPYTHONDIR": str(home / "ipython"),
        "XDG_CACHE_HOME": str(home / "user-cache"),
        "XDG_DATA_HOME": str(home / "user-data"),
        "GEMNB_EMULATOR": emulator,
        "GEMNB_MACHINE": "off",
        "PYTHONUNBUFFERED": "1",
    }


def _read(process: subprocess.Popen[str], said: list[str], listening: threading.Event) -> None:
    for line in process.stdout or ():
        said.append(line)
        if "is running at:" in line:
            listening.set()
    listening.set()  # it ended; whoever waits looks


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, headless=True, args=list(_ARGUMENTS))
        yield running
        running.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A notebook open in JupyterLab, driven by JupyterLab's own commands; every wait is for a state."""

    page: Page

    def command(self, name: str) -> None:
        """Execute a command of JupyterLab's and wait until it is done."""
        self.page.evaluate("name => window.jupyterapp.commands.execute(name).then(() => null)", name)

    def wait_for_kernel(self) -> None:
        """Wait until the kernel is connected and has nothing to do."""
        self.page.wait_for_function(
            """() => {
                const kernel = window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel;
                return kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle'; }"""
        )

    def run_all(self) -> None:
        """Run every cell and wait for the last."""
        self.command("notebook:run-all-cells")
        self.wait_for_kernel()

    def edit_first_cell(self, text: str) -> None:
        """Type at the end of the first cell, a Markdown cell, as a person does."""
        cell = self.page.locator(".jp-MarkdownCell").first
        cell.locator(".jp-RenderedMarkdown").dblclick()
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.type(text)

    def save(self) -> None:
        """Save, and wait until nothing is left to be saved."""
        self.command("docmanager:save")
        self.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")

    def pictures(self) -> list[int]:
        """Return the widths of the pictures on the page, once all of them are loaded; 0 is one that is not shown."""
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.jp-OutputArea-output img')].every(image => image.complete)"
        )
        images = self.page.locator(".jp-OutputArea-output img")
        widths: list[int] = images.evaluate_all("all => all.map(one => one.naturalWidth)")
        return widths


@pytest.fixture
def open_notebook(lab: Lab, browser: Browser) -> Iterator[Callable[[str], Window]]:
    """Open a notebook of the served folder in a window; a request to anything but loopback fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    foreign: list[str] = []

    def guard(route: Any) -> None:
        if _LOOPBACK.match(route.request.url):
            route.continue_()
        else:
            foreign.append(route.request.url)
            route.abort()

    context.route("**/*", guard)

    def opened(name: str) -> Window:
        page = context.new_page()
        where = f"/doc/workspaces/w{secrets.token_hex(4)}/tree/{name}?token={lab.token}&reset"
        page.goto(lab.address + where, wait_until="domcontentloaded")
        page.wait_for_function("() => !!window.jupyterapp && window.jupyterapp.started")
        page.evaluate("() => window.jupyterapp.started.then(() => true)")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        window = Window(page=page)
        window.wait_for_kernel()
        return window

    yield opened
    context.close()
    assert foreign == []


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory, _running_emulator: Emulator) -> Path:
    """A project whose notebook was run once: a small picture, a big one, and one with an input file."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "pyproject.toml").write_text("[tool.gemnb]\n")
    Image.new("RGB", (64, 48), "teal").save(folder / "photo.png")
    book = new_notebook(cells=[new_markdown_cell("# A post"), *map(new_code_cell, CELLS)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEMNB_EMULATOR", _running_emulator.url)
        patch.setenv("GEMNB_MACHINE", "off")
        NotebookClient(
            book,
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        ).execute()
    nbformat.write(book, folder / "post.ipynb")
    return folder


@pytest.fixture
def notebook(lab: Lab, _made: Path, emulator: Emulator, request: pytest.FixtureRequest) -> Path:
    """`post.ipynb` in a project of its own below the served folder, with its cache."""
    folder = lab.folder / re.sub(r"\W+", "-", request.node.name)
    shutil.copytree(_made, folder)
    return folder / "post.ipynb"
