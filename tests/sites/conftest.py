"""One notebook, run once in a real kernel; sites built of it, served on loopback, and looked at by a Chromium."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import threading
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient

from gemnb.emulator import Fault
from gemnb.publish import Options, Publication, Wishes, publish_notebook
from tests.sites import generators, post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from gemnb.emulator import Emulator

LINK = "https://github.com/someone/boats/blob/main/boats.ipynb"
REFUSALS = (
    Fault(kind="no-image", reason="IMAGE_SAFETY", message="Unable to show the generated image."),
    Fault(kind="no-image", reason="PROHIBITED_CONTENT"),
)
SITES = ("hugo", "hugo-unsafe", "jekyll", "markdown", "html")
"""Every flavor; Hugo once as it comes, once with raw HTML, emoji and classes of colours, as the blogger has it."""

_ARGUMENTS = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
_LOOPBACK = re.compile(r"http://127\.0\.0\.1[:/]|data:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A built site.

    Attributes:
        name: Of `SITES`.
        done: What was published.
        source: The output folder of `gemnb publish`.
        page: Address of the post.
        feed: Address of the feed, or empty.
    """

    name: str
    done: Publication
    source: Path
    page: str
    feed: str = ""

    @property
    def folder(self) -> Path:
        """The published folder, with its index."""
        return self.source / self.done.folder


@dataclass(slots=True)
class Events:
    """What happened while a page was open."""

    dialogs: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def boats(tmp_path_factory: pytest.TempPathFactory, _running_emulator: Emulator) -> Path:
    """The notebook of `post`, run in a real kernel, and one of its prompts edited afterwards."""
    folder = tmp_path_factory.mktemp("boats")
    (folder / "pyproject.toml").write_text("[tool.gemnb]\n")
    (folder / "clear.png").write_bytes(post.picture("clear"))
    _running_emulator.clear()
    _running_emulator.script(*REFUSALS)
    book = post.notebook()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEMNB_EMULATOR", _running_emulator.url)
        patch.setenv("GEMNB_MACHINE", "off")
        NotebookClient(
            book,
            allow_errors=True,
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        ).execute()
    errors = [o.ename for c in book.cells for o in c.get("outputs", ()) if o.output_type == "error"]
    assert errors == ["Refused", "ValueError"], errors
    for cell in book.cells:
        cell.source = cell.source.replace(*post.EDITED)
    nbformat.write(book, folder / "boats.ipynb")
    return folder / "boats.ipynb"


class _Handler(SimpleHTTPRequestHandler):
    """Serves files and says nothing; there is no icon."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A browser that closes a page while a picture is on its way is no error."""


@dataclass(frozen=True, slots=True)
class Served:
    """The folder that is served, and its address."""

    folder: Path
    address: str


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of files on loopback."""
    folder = tmp_path_factory.mktemp("served")
    server = _Server(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Served(folder, f"http://127.0.0.1:{server.server_address[1]}")
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def build(boats: Path, served: Served, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Site]:
    """Publish a notebook in one of `SITES`, and build the site: `build("jekyll")`."""

    def make(name: str, notebook: Path = boats) -> Site:
        flavor = name.partition("-")[0]
        source = tmp_path_factory.mktemp(name)
        sub = source.name
        address = f"{served.address}/{sub}"
        if flavor == "hugo":
            generators.make_hugo_site(source, address, unsafe=name == "hugo-unsafe")
        elif flavor == "jekyll":
            generators.make_jekyll_site(source, address)
        done = publish_notebook(notebook, source, Options(to=flavor, wishes=Wishes(link=LINK, facts=True)))
        place = served.folder / sub
        slug = done.post.front.slug
        if flavor == "hugo":
            shutil.copytree(generators.build_hugo(source), place)
            return Site(
                name=name, done=done, source=source, page=f"{address}/2026/11/{slug}/", feed=f"{address}/index.xml"
            )
        if flavor == "jekyll":
            shutil.copytree(generators.build_jekyll(source), place)
            page = f"{address}/experiments/2026/11/20/{slug}.html"
            return Site(name=name, done=done, source=source, page=page, feed=f"{address}/feed.xml")
        shutil.copytree(source, place)
        if flavor == "markdown":
            generators.render_markdown(place / done.page)
        return Site(name=name, done=done, source=source, page=f"{address}/{slug}/index.html")

    return make


@pytest.fixture(scope="session")
def site_of(build: Callable[..., Site]) -> Callable[[str], Site]:
    return functools.cache(build)


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest, site_of: Callable[[str], Site]) -> Site:
    """Each of `SITES` in turn, built once."""
    return site_of(request.param)


@pytest.fixture(scope="session")
def _browser() -> Iterator[Browser]:
    missing = [] if importlib.util.find_spec("playwright") else ["playwright: pip install -e '.[test,browser]'"]
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        missing.append("Chromium: apt-get install chromium fonts-dejavu-core, or CHROMIUM=<its path>")
    if missing:
        pytest.skip(f"not installed: {'; '.join(missing)}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, headless=True, args=list(_ARGUMENTS))
        yield running
        running.close()


@pytest.fixture
def look(_browser: Browser) -> Iterator[Callable[..., tuple[Page, Events]]]:
    """Open a page with every picture loaded: `look(address, width=390)` gives it and what happened meanwhile."""
    contexts = []

    def opened(address: str, *, width: int = 1280, scheme: Any = "light") -> tuple[Page, Events]:
        context = _browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        contexts.append(context)
        context.set_default_timeout(30_000)
        page, events = context.new_page(), Events()
        page.on("dialog", lambda dialog: (events.dialogs.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: events.console.append(message.text))
        page.on("pageerror", lambda error: events.console.append(str(error)))
        page.on("requestfailed", lambda asked: events.failed.append(asked.url))
        page.on("request", lambda asked: _LOOPBACK.match(asked.url) or events.foreign.append(asked.url))
        answer = page.goto(address, wait_until="load")
        assert answer is not None
        assert answer.ok, (address, answer.status)
        page.evaluate(LOAD_ALL)
        return page, events

    yield opened
    for context in contexts:
        context.close()


LOAD_ALL = """() => {
    for (const image of document.images) image.loading = 'eager';
    return Promise.all([...document.images].map(image => image.decode().catch(() => null))).then(() => null); }"""
