"""Law 12: no byte of a key in anything written, shown or pickled, whatever the service does."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "AIzaSyTEST-key-that-must-not-be-seen"
TOKEN = "gateway-token-that-must-not-be-seen"


@pytest.fixture
def echoing(make_picture: Callable[..., bytes]) -> Iterator[tuple[str, list[str]]]:
    """A service on loopback that echoes its headers, beside a picture or, when asked to fail, an error."""
    seen: list[str] = []
    part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(make_picture()).decode()}}
    good = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            key = self.headers["x-goog-api-key"]
            seen.append(key)
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            status = 400 if b"fail" in asked else 200
            echo = {"debug": {"headers": dict(self.headers)}}
            answer = {"error": {"code": 400, "message": f"bad key {key}"}} if status == 400 else good | echo
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", seen
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_key_goes_into_the_request_and_nowhere_else(
    run_cells: Callable[..., list[Any]],
    echoing: tuple[str, list[str]],
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a good call, a bad one, both echoing key and headers, and a pickle, no file or output holds them."""
    url, seen = echoing
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("GEMNB_HEADERS", json.dumps({"Authorization": f"Bearer {TOKEN}"}))
    monkeypatch.setenv("GEMNB_BASE_URL", url)
    cells = run_cells(
        "%load_ext gemnb\n%gemnb use google/gemini-3-pro-image\nimport logging; logging.basicConfig(level=10)\n"
        "logging.getLogger('gemnb').setLevel(10)",
        "%%gemimg cat\nA cat",
        "%%gemimg dog\nA dog, but fail",
        "import pickle, sys\nprint(len(pickle.dumps(cat)), repr(cat), vars(sys).get('last_value'))\n%gemnb status",
        "%xmode Verbose\ncat.record\n1/0",
    )

    shown = json.dumps([cell.outputs for cell in cells])
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert seen == [KEY, KEY]
    assert "rejected the request (400)" in shown
    assert "bad key [key]" in shown
    assert "sent the key, or a header of GEMNB_HEADERS, back in its answer" in shown
    for secret in (KEY, TOKEN):
        assert secret not in shown
        assert secret.encode() not in written
    assert (project / "cache/records").is_dir()
