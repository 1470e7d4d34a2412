"""Law 12 over everything: no byte of a key in what is written, shown, logged or pickled, and none sent elsewhere."""

from __future__ import annotations

import base64
import contextlib
import html
import http.server
import json
import logging
import pickle
import threading
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from gemnb import generate
from gemnb.backends.gemini import GeminiBackend
from gemnb.errors import GemnbError, SettingsError
from gemnb.model import Content, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "AIzaSyTEST-key/that+must=not be&seen%41"
MARK = "that+must"  # a part of it that any copy, cut or quoted, would hold
TOKEN = "TOKEN/of+the/gateway==99"
MODEL = "google/gemini-3-pro-image"
REQUEST = Request(model=MODEL, contents=(Content(role="user", parts=({"text": "A cat"},)),))

ECHO_IN_FRAMES = "the Failure with the service's own words is a local of generate() and _give_up(), not yet redacted"
SWITCHED = (
    "genai.Client reads GOOGLE_GENAI_CLIENT_MODE in its default debug_config and becomes a recorder or a replayer"
)
NO_PROXY_IS_USED = (
    "a client with a transport of its own asks no proxy of the environment; _Recorder makes none either"
)
ENDPOINT_FIRST = (
    "compose reads the key before it checks endpoint and key: it is a local (`key`, `api_key`) of the raising frames"
)
NAMED_LIKE_LOOPBACK = "loopback is told by host.startswith('127.'), as 127.0.0.1.example.org does too"


ODD_ECHOES: dict[str, Callable[[dict[str, Any], str, str], str]] = {
    "nonsense": lambda _good, key, gate: f"nonsense {key} {gate}",
    "page": lambda _good, key, gate: f"<html>your headers: {key} {html.escape(gate)} {quote(key, safe='')}",
    "cut": lambda _good, key, gate: json.dumps({"candidates": key + gate})[:-1],
    "finish": lambda _good, key, gate: json.dumps(
        {"candidates": [{"finishReason": "SAFETY", "finishMessage": f"{key} {gate}"}]}
    ),
    "version": lambda good, key, gate: json.dumps(good | {"modelVersion": f"other {key} {gate}"}),
    "escaped": lambda good, key, gate: (
        json.dumps(good | {"debug": [json.dumps([key, gate]), repr(key.encode())]})
        .replace("/", "\\/")
        .replace("A", "\\u0041")
    ),
    "encoded": lambda good, key, gate: json.dumps(
        good | {"debug": [base64.b64encode(text.encode()).decode() for text in (key, gate, "user:" + key)]}
    ),
}

STATUSES = (400, 401, 403, 404, 500, 307)


def forms(key: str) -> list[str]:
    """Return the ways in which a key could be written down."""
    encoded = base64.b64encode(key.encode()).decode()
    return [
        *(key, key[:12], key[-12:], MARK, quote(key), quote(key, safe=""), encoded, key.encode().hex(), key[::-1]),
        *(json.dumps(key).replace("/", "\\/"), base64.b64encode(b"user:" + key.encode()).decode()),
        *(TOKEN, quote(TOKEN, safe=""), TOKEN[:12], TOKEN[-12:], base64.b64encode(TOKEN.encode()).decode()),
    ]


def holds_key(data: str | bytes, key: str = KEY) -> list[str]:
    """Return the forms of the key that stand in some text or bytes."""
    text = data if isinstance(data, str) else data.decode("latin-1")
    return [form for form in forms(key) if form in text]


class Service:
    """A service on loopback that answers as the prompt says, echoes what it was sent always, and notes what came."""

    def __init__(self, picture: bytes) -> None:
        self.seen: list[tuple[str, str]] = []  # request line, key
        part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(picture).decode()}}
        good = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]}
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_CONNECT(self) -> None:
                service.seen.append((self.requestline, "".join(self.headers.values())))
                self.send_error(502)

            def do_POST(self) -> None:
                key = self.headers.get("x-goog-api-key", "")
                service.seen.append((self.requestline, key))
                asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = next(
                    (code for code in (400, 401, 403, 404, 500, 307) if f"say {code}".encode() in asked), 200
                )
                gate = self.headers.get("Authorization", "")
                body = json.dumps(
                    good | {"debug": {"x-goog-api-key": key, "gate": gate, "modelVersion": key}}
                    if status == 200
                    else {"error": {"message": f"bad key {key}", "details": [key]}}
                )
                said = next((odd for odd in ODD_ECHOES if f"say {odd}".encode() in asked), None)
                if said:
                    body = ODD_ECHOES[said](good, key, gate)
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", "http://127.0.0.1:9/?key=elsewhere")
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def start(make_picture: Callable[..., bytes]) -> Iterator[Callable[[], Service]]:
    """Start services."""
    started = []

    def make() -> Service:
        started.append(Service(make_picture()))
        return started[-1]

    yield make
    for service in started:
        service.stop()


@pytest.fixture
def service(start: Callable[[], Service], monkeypatch: pytest.MonkeyPatch) -> Service:
    """A service that the user has named, with a key for it."""
    made = start()
    monkeypatch.setenv("GEMNB_BASE_URL", made.url)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("GEMNB_HEADERS", json.dumps({"Authorization": f"Bearer {TOKEN}"}))
    monkeypatch.setenv("GEMNB_MAX_COST", "off")  # all tests of this process together are one kernel
    return made


@pytest.fixture
def all_logs() -> Iterator[list[str]]:
    """Whatever any logger says at any level, as text with its arguments and tracebacks."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record) + repr(record.args) + repr(record.__dict__))

    root, keeper, before = logging.getLogger(), Keeper(0), logging.getLogger().level
    root.addHandler(keeper)
    root.setLevel(0)
    yield lines
    root.removeHandler(keeper)
    root.setLevel(before)


def with_locals(error: BaseException) -> str:
    """Return the traceback of an error with the locals of every frame, as debuggers and reporters send it."""
    made = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(made.format()) + "".join(error.__notes__ if hasattr(error, "__notes__") else ())


ASKED = [
    "fine",
    "say 400",
    "say 401",
    "say 403",
    "say 404",
    "say 500",
    "say 307",
    *(f"say {odd}" for odd in ODD_ECHOES),
]
GOOD = ("fine", "say version", "say escaped", "say encoded")


@pytest.mark.parametrize("prompt", ASKED)
def test_no_log_error_or_pickle_holds_the_key(
    service: Service, project: Path, tmp_path: Path, all_logs: list[str], prompt: str
):
    """After an answer of each kind, neither logs of any library at DEBUG, nor error, pickle or file hold the key."""
    shown = ""
    try:
        result = generate(prompt, model=MODEL)
        shown += repr(result) + repr(result.record)
        with contextlib.suppress(
            AttributeError, TypeError, pickle.PicklingError
        ):  # what cannot be pickled holds none
            shown += repr(pickle.dumps(result))
    except GemnbError as error:
        assert prompt not in GOOD
        shown += str(error) + repr(error) + repr(error.evidence) + repr(pickle.dumps(error))
        shown += "".join(traceback.format_exception(error)) + "\n".join(error._render_traceback_())
    assert [key for _, key in service.seen] == [KEY]
    assert len(all_logs) > 0
    assert holds_key(shown) == []
    assert holds_key("\n".join(all_logs)) == []
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert holds_key(path.read_bytes()) == [], path


@pytest.mark.parametrize("prompt", ["say 400", "say 401", "say 404"])
def test_no_frame_of_a_failed_call_holds_the_key(service: Service, project: Path, prompt: str):
    """Where a service echoes the key, a traceback with locals, as error reporters make it, holds none of it."""
    with pytest.raises(GemnbError) as caught:
        generate(prompt, model=MODEL)
    assert holds_key(with_locals(caught.value)) == []


def test_no_output_of_a_kernel_holds_the_key(
    service: Service, run_cells: Callable[..., list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """All loggers at DEBUG, verbose tracebacks, `%tb`, repr, pickles and the history: none of them holds the key."""
    cells = run_cells(
        "import logging; logging.basicConfig(level=1, filename='all.log'); logging.getLogger().setLevel(1)\n"
        f"%load_ext gemnb\n%gemnb use {MODEL}\n%xmode Verbose",
        "%%gemimg cat\nfine",
        *(f"%%gemimg\n{prompt}" for prompt in ASKED[1:]),
        "%tb",
        "import pickle, gemnb\nprint(repr(cat), cat.record, len(pickle.dumps(cat)))\n%gemnb status",
        "gemnb.generate('say 400', model='google/gemini-3-pro-image')",
        "import gc\nprint([repr(o)[:2000] for o in gc.get_objects() if type(o).__module__.startswith('gemnb')])",
        "%history",
        "%whos",
        "x = cat.record\n1/0",
    )
    shown = json.dumps([cell.outputs for cell in cells], ensure_ascii=False)
    assert {key for _, key in service.seen} == {KEY}
    assert len(service.seen) == len(ASKED) + 1
    assert holds_key(shown) == []
    assert (tmp_path / "project" / "all.log").stat().st_size > 1000
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert holds_key(path.read_bytes()) == [], path


SWITCHES = {
    "GOOGLE_GENAI_CLIENT_MODE": ["record", "replay", "auto", "api"],
    "GOOGLE_GENAI_REPLAY_ID": ["a/b"],
    "GOOGLE_GENAI_REPLAYS_DIRECTORY": ["replays"],
    "GOOGLE_GENAI_USE_VERTEXAI": ["true", "1"],
    "GOOGLE_GENAI_USE_ENTERPRISE": ["true", "1"],
    "GOOGLE_CLOUD_PROJECT": ["somebody"],
    "GOOGLE_CLOUD_LOCATION": ["europe-west4"],
}


def ask(url: str, key: str = KEY) -> bytes:
    """Ask through the backend itself and return the body."""
    backend = GeminiBackend(base_url=url, api_key=key, deadline=5)
    return backend.generate(REQUEST, lambda digest: digest.encode()).body


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in SWITCHES for value in SWITCHES[name]],
)
def test_a_switch_of_the_sdk_changes_nothing(
    service: Service, project: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    """With each switch alone, the call goes out, to the same place, and nothing is written down."""
    monkeypatch.setenv(name, value)
    assert b"candidates" in ask(service.url)
    ((line, key),) = service.seen
    assert line.endswith("/models/gemini-3-pro-image:generateContent HTTP/1.1")
    assert key == KEY
    assert [path.name for path in project.iterdir()] == ["pyproject.toml"]


def test_all_switches_of_the_sdk_together_change_nothing(
    service: Service, start: Callable[[], Service], project: Path, monkeypatch: pytest.MonkeyPatch
):
    """Switched to replay, to a cloud and to other endpoints at once: the user's endpoint is asked, and no other."""
    other = start()
    for name, values in SWITCHES.items():
        monkeypatch.setenv(name, values[0])
    for name in ("GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL"):
        monkeypatch.setenv(name, other.url)
    assert b"candidates" in ask(service.url)
    assert (len(service.seen), other.seen) == (1, [])
    assert list(project.rglob("*.json")) == []


def test_a_key_of_the_sdk_is_not_mixed_with_ours(service: Service, monkeypatch: pytest.MonkeyPatch):
    """Where both variables are set, one key is sent, the one that the documentation names first."""
    monkeypatch.setenv("GOOGLE_API_KEY", "the other")
    ask(service.url)
    assert [key for _, key in service.seen] == [KEY]


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.invalid",
        "ftp://127.0.0.1",
        "//127.0.0.1",
        "http://127.0.0.1@gateway.invalid",
        "http://gateway.invalid/http://127.0.0.1",
        "http://0x7f.invalid",
        "file:///etc/passwd",
    ],
)
def test_a_key_is_sent_in_plain_to_this_machine_only(
    project: Path, monkeypatch: pytest.MonkeyPatch, url: str, all_logs: list[str]
):
    """An endpoint that is neither https nor this machine is refused before anything is sent."""
    monkeypatch.setenv("GEMNB_BASE_URL", url)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    with pytest.raises(SettingsError) as caught:
        generate("fine", model=MODEL)
    assert "GEMNB_BASE_URL=https://" in caught.value.hint
    assert holds_key("\n".join(all_logs) + str(caught.value)) == []


@pytest.mark.parametrize("variable", ["GEMNB_BASE_URL", "GEMNB_EMULATOR"])
def test_a_name_that_looks_like_this_machine_is_not(project: Path, monkeypatch: pytest.MonkeyPatch, variable: str):
    """A host of the network whose name begins with 127. is no place for a key in plain."""
    monkeypatch.setenv(variable, "http://127.0.0.1.gateway.invalid")
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("GEMNB_DEADLINE", "0.5")
    model = MODEL if variable == "GEMNB_BASE_URL" else "emulator/sketch-1"
    with pytest.raises(SettingsError):
        generate("fine", model=model)


def test_no_frame_of_a_refused_endpoint_holds_the_key(project: Path, monkeypatch: pytest.MonkeyPatch):
    """A traceback with locals, as debuggers and error reporters make it, holds no key."""
    monkeypatch.setenv("GEMNB_BASE_URL", "http://gateway.invalid")
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    with pytest.raises(SettingsError) as caught:
        generate("fine", model=MODEL)
    assert holds_key(with_locals(caught.value)) == []


ODD_KEYS = {"ellipsis": KEY + "…", "lines": KEY + "\r\nx: y", "escape": KEY + "\x1b" + "z" * 8}


@pytest.mark.parametrize("kind", ODD_KEYS)
def test_a_key_that_no_header_can_hold_is_told_without_it(
    service: Service, project: Path, monkeypatch: pytest.MonkeyPatch, kind: str, all_logs: list[str]
):
    """A key with a pasted ellipsis, a line break or an escape is an error that says so, and does not show it."""
    monkeypatch.setenv("GEMINI_API_KEY", ODD_KEYS[kind])
    with pytest.raises(GemnbError) as caught:
        generate("fine", model=MODEL)
    shown = "".join(traceback.format_exception(caught.value)) + repr(pickle.dumps(caught.value))
    assert holds_key(shown + "\n".join(all_logs)) == []
    assert service.seen == []


@pytest.mark.parametrize("ending", ["\n", "\r\nx: y", "…", " "], ids=repr)
def test_a_header_that_cannot_be_sent_is_told_without_it(
    service: Service, project: Path, monkeypatch: pytest.MonkeyPatch, ending: str, all_logs: list[str]
):
    """A header's value with a line break at its end is an error before anything is sent, and shown nowhere."""
    monkeypatch.setenv("GEMNB_HEADERS", json.dumps({"Authorization": f"Bearer {TOKEN}{ending}"}))
    with pytest.raises(SettingsError, match="Authorization") as caught:
        generate("fine", model=MODEL)
    shown = with_locals(caught.value) + repr(pickle.dumps(caught.value))
    assert TOKEN not in "".join(traceback.format_exception(caught.value)) + "\n".join(all_logs)
    assert holds_key(shown) == []
    assert service.seen == []


def test_no_frame_of_a_refused_key_holds_it(service: Service, project: Path, monkeypatch: pytest.MonkeyPatch):
    """A traceback with locals of a key that cannot be one does not hold it."""
    monkeypatch.setenv("GEMINI_API_KEY", ODD_KEYS["ellipsis"])
    with pytest.raises(GemnbError) as caught:
        generate("fine", model=MODEL)
    assert holds_key(with_locals(caught.value)) == []


def test_an_error_that_is_not_ours_holds_no_key_in_our_frames(
    service: Service, project: Path, monkeypatch: pytest.MonkeyPatch
):
    """What breaks inside a call leaves a traceback whose frames of gemnb, with their locals, hold no key."""
    backend = GeminiBackend(base_url=service.url, api_key=KEY, deadline=5)
    with pytest.raises(ZeroDivisionError) as caught:
        backend.generate(REQUEST_WITH_BLOB, divide)
    assert holds_key(with_locals(caught.value)) == []
    assert holds_key(repr(backend) + str(backend)) == []
    with pytest.raises(TypeError):
        pickle.dumps(backend)


def divide(_digest: str) -> bytes:
    """Fail with an error that is not gemnb's."""
    return b"" * (1 // 0)


REQUEST_WITH_BLOB = Request(
    model=MODEL,
    contents=(
        Content(
            role="user",
            parts=({"inlineData": {"mimeType": "image/png", "data": {"$blob": "sha256:" + "0" * 64}}},),
        ),
    ),
)


def test_a_proxy_is_asked_to_connect_and_sees_no_key(
    start: Callable[[], Service], monkeypatch: pytest.MonkeyPatch, all_logs: list[str]
):
    """The user's proxy is used for a host of the network; it sees the host's name and no key."""
    proxy = start()
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, proxy.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    backend = GeminiBackend(base_url="https://gateway.invalid", api_key=KEY, deadline=1)
    with pytest.raises(GemnbError) as caught:
        backend.generate(REQUEST, lambda digest: digest.encode())
    assert {line for line, _ in proxy.seen} == {"CONNECT gateway.invalid:443 HTTP/1.1"}
    assert holds_key(repr(proxy.seen) + with_locals(caught.value) + "\n".join(all_logs)) == []


def test_a_proxy_is_not_asked_for_this_machine(
    service: Service, start: Callable[[], Service], monkeypatch: pytest.MonkeyPatch
):
    """A gateway or emulator on this machine is asked directly, whatever proxy the environment names."""
    proxy = start()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    ask(service.url)
    assert (len(service.seen), proxy.seen) == (1, [])


def test_a_project_cannot_send_a_key_anywhere(
    service: Service, start: Callable[[], Service], run_cells: Callable[..., list[Any]], project: Path
):
    """Endpoints, proxies and keys in a project's .env, pip.conf, .netrc or IPython profile are not read."""
    other = start()
    lines = f"GEMNB_BASE_URL={other.url}\nHTTPS_PROXY={other.url}\nHTTP_PROXY={other.url}\nGEMINI_API_KEY=theirs\n"
    for name in (".env", "gemnb.env", ".gemnb", "gemnb.toml", ".netrc", "ipython_config.py"):
        (project / name).write_text(lines)
    cells = run_cells(f"%load_ext gemnb\n%gemnb use {MODEL}", "%%gemimg cat\nfine")
    assert [key for _, key in service.seen] == [KEY]
    assert other.seen == []
    assert "image/png" in cells[1].outputs[0].data


@pytest.mark.parametrize("name", ["base_url", "emulator", "cache", "machine", "offline"])
def test_a_project_that_names_an_endpoint_is_refused(
    service: Service, start: Callable[[], Service], project: Path, name: str
):
    """What belongs to whoever runs a notebook is an error in a project's file, before anything is sent."""
    other = start()
    (project / "pyproject.toml").write_text(f'[tool.gemnb]\n{name} = "{other.url}"\n')
    with pytest.raises(SettingsError, match="which a project cannot"):
        generate("fine", model=MODEL)
    assert service.seen == other.seen == []
