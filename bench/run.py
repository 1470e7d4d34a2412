"""The benchmarks: ratios side by side in one run, medians of interleaved rounds. See bench/README.md."""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import itertools
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

PROMPT = "A lighthouse on a cliff at dawn"
_PNG_HEAD = 33  # bytes of a PNG's signature and first chunk


def picture(target: int) -> bytes:
    """Return a noisy PNG of about this many bytes, the size a real model's answer has."""
    side = 64
    while True:
        buffer = io.BytesIO()
        Image.effect_noise((side, side), 60).convert("RGB").save(buffer, "PNG")
        if buffer.tell() >= target:
            return buffer.getvalue()
        side = int(side * 1.15)


def interleaved(cases: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Run the cases in turn, `rounds` times after one warm-up; return the median of each."""
    for case in cases.values():
        case()
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            times[name].append(case())
    return {name: statistics.median(values) for name, values in times.items()}


def timed(action: Callable[[], object]) -> Callable[[], float]:
    """Return a case that runs the action and returns its wall time in milliseconds."""

    def case() -> float:
        start = time.perf_counter()
        action()
        return (time.perf_counter() - start) * 1000

    return case


def row(name: str, value: str, goal: str) -> None:
    print(f"{name:<58} {value:>26}   {goal}")


class FixedAnswer:
    """A server that answers every generateContent with one prepared body, but for the picture's colour profile.

    A model never draws the same bytes twice. If this did, they (and their preview, which has the profile too) would
    be kept once and found from then on, and what it takes to keep them would not be measured.
    """

    def __init__(self, data: bytes) -> None:
        part = {"inlineData": {"mimeType": "image/png", "data": "HERE"}}
        answer = {
            "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 1120, "totalTokenCount": 1128},
            "modelVersion": "emulator/fixed",
            "responseId": "fixed",
        }
        before, after = json.dumps(answer).encode().split(b"HERE")
        before += base64.b64encode(data[:_PNG_HEAD])  # whole groups of base64: what differs has whole ones too
        after = base64.b64encode(data[_PNG_HEAD:]) + after
        counter = itertools.count()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                body = before + base64.b64encode(_profile(next(counter))) + after
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def _profile(number: int) -> bytes:
    """Return an iCCP chunk, which pictures of other numbers do not have; its length divides by three."""
    chunk = b"iCCPno\0\0" + zlib.compress(b"%09d" % number, 0)
    return (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")


CHILD = """
import resource, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.display_pub.publish = lambda *args, **kwargs: None
for cell in {cells!r}:
    result = shell.run_cell(cell)
    assert result.success, result
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime)
"""


def child(cells: list[str], folder: Path) -> Callable[[], float]:
    """Return a case: CPU milliseconds of a new IPython process that runs these cells."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"IPYTHONDIR": str(folder / "ipython"), "GEMNB_MODE": "replay"}

    def case() -> float:
        done = subprocess.run(
            [sys.executable, "-c", CHILD.format(cells=cells)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return float(done.stdout.split()[-1]) * 1000

    return case


def bench_start(folder: Path, rounds: int) -> None:
    """`%load_ext` and the first hit, against IPython alone."""
    hit = ["%load_ext gemnb", "%gemnb use emulator/fixed", f"%%gemimg hero\n{PROMPT}"]
    found = interleaved({"bare": child(["pass"], folder), "hit": child(hit, folder)}, rounds)
    row(
        "load_ext + first hit, CPU added to IPython",
        f"{found['hit'] - found['bare']:.1f} ms ({found['hit'] / found['bare']:.2f}x)",
        "at most 30 ms",
    )


def bench_hit(folder: Path, data: bytes, rounds: int) -> None:
    """A cached cell, against reading the original and base64."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.display_pub.publish = lambda *_, **__: None
    file = folder / "original.png"
    file.write_bytes(data)
    for cell in ("%load_ext gemnb", "%gemnb use emulator/fixed", "%config GemImg.mode = 'replay'"):
        shell.run_cell(cell)
    cell = f"%%gemimg hero\n{PROMPT}"

    def run(embed: str) -> None:
        shell.magics_manager.registry["GemImg"].embed = embed
        shell.run_cell(cell, store_history=False).raise_error()

    found = interleaved(
        {
            "floor": timed(lambda: base64.b64encode(file.read_bytes()).decode()),
            "empty": timed(lambda: shell.run_cell("pass", store_history=False)),
            "original": timed(lambda: run("original")),
            "preview": timed(lambda: run("preview")),
        },
        rounds,
    )
    floor = found["floor"]
    row("cached cell, 1.5 MB original / read + base64", f"{found['original'] / floor:.2f}x", "at most 3.5x")
    row("cached cell, preview embedded / read + base64", f"{found['preview'] / floor:.2f}x", "at most 1x")
    row("  an empty cell / read + base64", f"{found['empty'] / floor:.2f}x", "(what IPython itself takes)")


def bench_lookup(folder: Path, many: int, rounds: int) -> None:
    """A lookup among many kept answers, against one among a thousand: in the project, and in the machine tier."""
    from gemnb.cache import Cache, DirectoryStore
    from gemnb.cache.machine import MachineStore
    from gemnb.cache.store import record_key
    from gemnb.settings import load_settings

    kept = next((load_settings(folder).cache / "records").rglob("*.json")).read_bytes()
    digest = json.loads(kept)["record"]["request_digest"]
    found = {}
    for number in (1000, many):
        place = folder / f"lookup-{number}"
        store = MachineStore(place / "machine")
        keys = [record_key("sha256:" + hashlib.sha256(b"%d" % i).hexdigest(), 1) for i in range(number)]
        for key in [record_key(digest, 1), *keys]:
            path = place / "project" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(kept)
        with store.transaction():
            for key in [record_key(digest, 1), *keys]:
                store.put(key, kept)
        found[number] = Cache(DirectoryStore(place / "project")), Cache(store)
    for index, name in ((0, "project"), (1, "machine tier")):
        caches = {str(number): pair[index] for number, pair in found.items()}
        times = interleaved({key: timed(partial(cache.find, digest)) for key, cache in caches.items()}, rounds)
        ratio = times[str(many)] / times["1000"]
        row(f"lookup among {many} / among 1000, {name}", f"{ratio:.2f}x", "at most 1.5x")


def bench_generate(folder: Path, server: FixedAnswer, data: bytes, rounds: int) -> None:
    """A generated picture, against its parts, the bare SDK and gemimg, all over the same loopback server."""
    import gemimg
    from google import genai
    from google.genai import types

    import gemnb
    from gemnb.preview import make_preview

    client = genai.Client(
        api_key="x", http_options=types.HttpOptions(base_url=server.url, client_args={"trust_env": False})
    )
    other = gemimg.GemImg(api_key="x", base_url=server.url, model="emulator/fixed")
    counter = iter(range(10**9))

    def sdk() -> None:
        answer = client.models.generate_content(model="emulator/fixed", contents=f"{PROMPT} {next(counter)}")
        assert answer.candidates

    def with_gemimg() -> None:
        assert other.generate(f"{PROMPT} {next(counter)}", save_dir=str(folder)) is not None

    def parts() -> None:
        sdk()
        hashlib.sha256(data).hexdigest()
        path = folder / f"part-{next(counter)}"
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        assert make_preview(data, "image/png")

    def ours() -> None:
        assert gemnb.generate(f"{PROMPT} {next(counter)}", model="emulator/fixed").pictures

    cases = {"sdk": sdk, "parts": parts, "gemimg": with_gemimg, "gemnb": ours}
    found = interleaved({name: timed(case) for name, case in cases.items()}, rounds)
    row(
        "generated picture / SDK + sha256 + durable write + preview",
        f"{found['gemnb'] / found['parts']:.2f}x",
        "at most 1.3x",
    )
    row("generated and kept 1.5 MB picture / bare SDK call", f"{found['gemnb'] / found['sdk']:.2f}x", "")
    row("generated and kept 1.5 MB picture / gemimg (saved)", f"{found['gemnb'] / found['gemimg']:.2f}x", "")


def main() -> None:
    """Run all benchmarks in a folder of their own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few rounds: does it run?")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pyproject.toml").write_text("[tool.gemnb]\n")
        os.chdir(folder)
        os.environ["XDG_CACHE_HOME"] = str(folder / "user")
        os.environ.pop("CI", None)  # where gemnb replays unless told otherwise
        data = picture(1_500_000)
        server = FixedAnswer(data)
        os.environ["GEMNB_EMULATOR"] = server.url
        logging.getLogger("gemnb").setLevel(logging.ERROR)  # "emulator/fixed is not in the table"
        import gemnb

        gemnb.generate(PROMPT, model="emulator/fixed")
        print(f"{len(data) / 1e6:.2f} MB original, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
        bench_start(folder, 3 if quick else 15)
        bench_hit(folder, data, 5 if quick else 101)
        bench_lookup(folder, 3000 if quick else 100_000, 21 if quick else 301)
        bench_generate(folder, server, data, 3 if quick else 31)
        os.chdir("/")


if __name__ == "__main__":
    main()
