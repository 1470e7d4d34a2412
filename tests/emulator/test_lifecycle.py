"""Starting, stopping, what is remembered, and what other processes may ask."""

import contextlib
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import gemnb.emulator
from gemnb.emulator import Emulator, Fault


def threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("gemnb-emulator")]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "", "127.0.0.1.example.com"])
def test_other_than_loopback_addresses_are_refused(host):
    """The emulator is for this machine alone, and says which addresses it takes."""
    with pytest.raises(ValueError, match=r"loopback addresses only, such as 127\.0\.0\.1"):
        Emulator(host=host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2"])
def test_loopback_addresses_are_taken(host, api, ask):
    """localhost is 127.0.0.1, whatever the machine's hosts file says."""
    with Emulator(host=host) as emulator:
        assert urlsplit(emulator.url).hostname == ("127.0.0.1" if host == "localhost" else host)
        assert type(api)(url=emulator.url).generate(ask()).status == 200


@pytest.mark.parametrize("latency", [-1, float("nan"), float("inf")])
def test_a_latency_is_a_time(latency):
    """Less than nothing and for ever are no latencies."""
    with pytest.raises(ValueError, match="latency"):
        Emulator(latency=latency)


def test_latency_slows_every_answer_but_no_listing(ask, api):
    """What models take to draw; the list of models takes no time."""
    with Emulator(latency=0.3) as emulator:
        slow = type(api)(url=emulator.url)
        start = time.monotonic()
        assert slow.request("GET", "/v1/models").status == 200
        listed = time.monotonic()
        assert slow.generate(ask()).status == 200
        assert time.monotonic() - listed >= 0.3 > listed - start


def test_slow_answers_wait_side_by_side(ask, api):
    """Requests at the same time share the wait."""
    with Emulator(latency=0.5) as emulator:
        slow = type(api)(url=emulator.url)
        workers = [threading.Thread(target=slow.generate, args=(ask(),)) for _ in range(6)]
        start = time.monotonic()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert time.monotonic() - start < 2


def test_stop_leaves_no_thread_and_no_socket(ask, api):
    """After stop, idle and stalled connections are cut, threads have ended, the port refuses."""
    before = threads()
    emulator = Emulator().start()
    address = urlsplit(emulator.url)
    client = type(api)(url=emulator.url)
    emulator.script(Fault(kind="stall"))
    outcome = []

    def stalled():
        try:
            client.generate(ask())
        except OSError as error:
            outcome.append(error)

    worker = threading.Thread(target=stalled)
    worker.start()
    with socket.create_connection((address.hostname, address.port), timeout=10) as idle:
        while not emulator.calls:
            time.sleep(0.01)
        start = time.monotonic()
        emulator.stop()
        assert time.monotonic() - start < 2
        with contextlib.suppress(ConnectionResetError):  # where it was still waiting to be accepted
            assert idle.recv(1) == b""
    worker.join(5)
    assert len(outcome) == 1
    assert threads() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=5)


def test_it_can_be_started_again_on_the_same_port(ask, api):
    """A port that has served is free at once; what was remembered stays until it is cleared."""
    emulator = Emulator().start()
    port = urlsplit(emulator.url).port
    type(api)(url=emulator.url).generate(ask())
    emulator.stop()
    emulator.stop()
    with Emulator(port=port) as again:
        assert urlsplit(again.url).port == port
        assert type(api)(url=again.url).generate(ask()).status == 200
    assert len(emulator.calls) == 1


def test_a_taken_port_is_an_error(emulator):
    """Two emulators do not share a port without a word."""
    with pytest.raises(OSError, match=r"in use|Only one usage"):
        Emulator(port=urlsplit(emulator.url).port).start()


def test_url_before_start_and_a_second_start_are_errors(emulator):
    """Misuse is named."""
    with pytest.raises(RuntimeError, match="not running"):
        _ = Emulator().url
    with pytest.raises(RuntimeError, match="running already"):
        emulator.start()


def test_calls_hold_what_came_in_one_form_and_no_secret(api, emulator, ask, png, inline):
    """Path, model, headers and body of each request, bad ones too, but never the key."""
    secret = "AIza-not-to-be-kept"
    body = ask("Add a hat", parts=[inline(png())])
    api.generate(
        body, headers={"X-Goog-Api-Key": secret, "Authorization": f"Bearer {secret}", "X-Server-Timeout": "9"}
    )
    api.request("POST", f"/v1beta/models/gemini-x:generateContent?key={secret}", b"{", headers={"Cookie": secret})
    api.request("GET", f"/v1/models?key={secret}", headers={})
    first, second = emulator.calls
    assert (first.method, first.path) == ("POST", "/v1/models/emulator/sketch-1:generateContent")
    assert (first.model, first.prompt, first.body) == ("emulator/sketch-1", "Add a hat", body)
    assert first.headers["x-server-timeout"] == "9"
    assert (second.path, second.model) == ("/v1beta/models/gemini-x:generateContent", "gemini-x")
    assert (second.body, second.prompt) == (None, "")
    assert secret not in repr(emulator.calls)


def test_the_key_is_never_logged(api, ask, caplog):
    """Neither the header nor the query shows, even when everything is logged."""
    caplog.set_level(logging.DEBUG)
    secret = "AIza-not-to-be-logged"
    api.request("POST", f"/v1/models/emulator/sketch-1:generateContent?key={secret}", ask(), headers={})
    api.generate(ask(), headers={"x-goog-api-key": secret})
    api.request("GET", f"/nowhere?key={secret}")
    assert "generateContent" in caplog.text
    assert secret not in caplog.text


def test_other_processes_can_read_the_calls_and_forget_them(api, ask):
    """GET counts and lists them, DELETE empties the list."""
    api.generate(ask("A kitten."))
    api.generate(ask("A \ud83d puppy."), model="gemini-x")
    listed = api.request("GET", "/emulator/calls").json
    assert listed == {
        "count": 2,
        "calls": [
            {"model": "emulator/sketch-1", "prompt": "A kitten."},
            {"model": "gemini-x", "prompt": "A \ud83d puppy."},
        ],
    }
    assert api.request("DELETE", "/emulator/calls").json == {"count": 0, "calls": []}
    assert api.request("GET", "/emulator/calls").json["count"] == 0


@pytest.mark.parametrize(("path", "status"), [("/emulator/calls", 405), ("/emulator/x", 404), ("/emulator", 404)])
def test_the_emulators_own_paths_are_few(api, path, status):
    """Anything else there is refused."""
    assert api.request("PUT", path).status == status


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:80", 200), ("rebound.example", 403), ("[", 403), ("", 403)],
)
def test_a_web_page_cannot_read_the_prompts_by_a_name_of_its_own(api, host, status):
    """The emulator's own paths answer only where the Host header is a loopback name."""
    assert api.request("GET", "/emulator/calls", headers={"Host": host}).status == status


def test_only_the_last_thousand_calls_are_kept_but_all_are_counted(api, emulator):
    """A server left running does not grow for ever."""
    from gemnb.emulator.app import KEPT, App
    from gemnb.emulator.messages import HttpRequest

    app = App()
    for number in range(KEPT + 5):
        target = f"/v1/models/{number}:generateContent"
        app.handle(HttpRequest(method="POST", target=target, headers={"host": "localhost"}, body=b"{}"))
    listing = HttpRequest(method="GET", target="/emulator/calls", headers={"host": "localhost"}, body=b"")
    assert len(app.calls) == KEPT
    assert app.calls[-1].model == str(KEPT + 4)
    assert app.handle(listing).body.startswith(b'{"count":%d,' % (KEPT + 5))


WAITING = """
import signal
from gemnb.emulator import Emulator
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in the background have it ignored
emulator = Emulator().start()
print(emulator.url, flush=True)
emulator.wait()
try:
    emulator.url
except RuntimeError:
    print("stopped")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to one process")
def test_wait_serves_until_ctrl_c_and_closes_cleanly(api, ask):
    """A command line's process ends without a traceback, an idle client or not."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", WAITING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(gemnb.emulator.__file__).parents[2],
    ) as process:
        url = process.stdout.readline().strip()
        assert type(api)(url=url).generate(ask()).status == 200
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=10):
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "stopped\n", "")
