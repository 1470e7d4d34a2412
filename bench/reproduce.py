"""Re-running and checking notebooks, side by side in one run, as ratios. See bench/README.md."""

from __future__ import annotations

import argparse
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

from gemnb.arrival import unpack
from gemnb.cache import Cache, DirectoryStore
from gemnb.canonical import request_digest
from gemnb.cell import parse
from gemnb.invocation import assemble, parse_use
from gemnb.mime import bundle
from gemnb.model import Embed, Invocation, Presentation

USE = "emulator/sketch-1"
NBCLIENT = """
import sys, nbformat
from nbclient import NotebookClient
source, target, folder = sys.argv[1:]
notebook = nbformat.read(source, 4)
NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
nbformat.write(notebook, target)
"""
FLOOR = """
import base64, json, sys
from pathlib import Path
source, target, folder = sys.argv[1:]
notebook = json.loads(Path(source).read_bytes())
for cell in notebook["cells"]:
    for output in cell.get("outputs", ()):
        data = output["data"]
        digest = data["application/vnd.gemnb.v1+json"]["record"]["pictures"][0]["original"]["blob"].partition(":")[2]
        picture = (Path(folder) / "cache/blobs" / digest[:2] / digest).read_bytes()
        data["image/png"] = base64.b64encode(picture).decode("ascii")
Path(target).write_text(json.dumps(notebook, indent=1, ensure_ascii=False), "utf-8")
"""


def picture(seed: int, size: int) -> bytes:
    """Return a PNG of noise of about this many bytes, another for each seed."""
    side = int((size / 3) ** 0.5)
    noise = random.Random(seed)
    rows = b"".join(b"\0" + noise.randbytes(side * 3) for _ in range(side))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def write_notebook(path: Path, pictures: int, size: int, first: int = 0) -> None:
    """Write a notebook with pictures, originals embedded, and its answers into the cache beside it."""
    import base64

    cache = Cache(DirectoryStore(path.parent / "cache"))
    cells = [_cell("load", f"%load_ext gemnb\n%gemnb use {USE}")]
    for number in range(first, first + pictures):
        source = f"%%gemimg p{number}\nPicture number {number}"
        (request,) = assemble(parse(source), parse_use(USE), ())
        data = picture(number, size)
        part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(data).decode("ascii")}}
        answer = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]}
        record, blobs = unpack(
            request,
            json.dumps(answer).encode(),
            {"time": "2026-11-21T00:00:00Z", "host": "127.0.0.1", "client": "bench"},
        )
        invocation = Invocation(source=source, defaults=USE, bindings=())
        record = cache.keep(record, invocation, blobs)
        shown, metadata = bundle(record, 0, Presentation(embed=Embed.ORIGINAL), invocation, cache.blob)
        output = {"output_type": "display_data", "data": shown, "metadata": metadata}
        cells.append(_cell(f"p{number}-{request_digest(request)[-6:]}", source, [output]))
    spec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    document = {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _cell(name: str, source: str, outputs: list[object] | None = None) -> dict[str, object]:
    kept = {"cell_type": "code", "id": name, "metadata": {}, "source": source}
    return kept | {"outputs": outputs or [], "execution_count": None}


@dataclass(frozen=True, slots=True)
class Ran:
    """Wall time in seconds, peak memory in MB of the largest process, and what came of it."""

    seconds: float
    memory: float
    code: int


def run(command: list[str], folder: Path) -> Ran:
    """Run a command as a user would, offline, with the originals shown."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GEMNB_")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled once, as after any installation
    environment["XDG_CACHE_HOME"] = str(folder / "of-the-user")  # nothing is remembered from before
    environment |= {"GEMNB_MODE": "replay", "GEMNB_EMBED": "original", "PYTHONWARNINGS": "ignore"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Ran(time.perf_counter() - start, usage.ru_maxrss / 1024, process.returncode)


def commands(python: str, notebook: str, folder: Path) -> dict[str, list[str]]:
    """Return the ways to run or check one notebook."""
    home = Path(python).parent
    gemnb, papermill = str(home / "gemnb"), str(home / "papermill")
    out = [notebook, "out.ipynb"]
    return {
        "papermill": [papermill, *out],
        "papermill --engine gemnb": [papermill, "--engine", "gemnb", *out],
        "nbclient alone": [python, "-c", NBCLIENT, *out, str(folder)],
        "gemnb reproduce": [gemnb, "reproduce", notebook],
        "gemnb reproduce --output": [gemnb, "reproduce", "--output", "came", notebook],
        "gemnb verify": [gemnb, "verify", notebook],
        "gemnb verify, again": [gemnb, "verify", notebook],
        "floor (no kernel)": [python, "-c", FLOOR, *out, str(folder)],
    }


def table(rows: dict[str, Ran]) -> None:
    """Print times as ratios to the first row's."""
    for name, ran in rows.items():
        failed = f"   EXIT {ran.code}" if ran.code else ""
        print(f"  {name:<26} {ran.seconds:8.2f} s {ran.memory:8.0f} MB{failed}")


def goal(text: str, value: float, limit: float, *, least: bool = False) -> None:
    """Print a ratio beside its goal."""
    held = value >= limit if least else value <= limit
    print(f"  {text:<66} {value:7.2f}  goal {'>=' if least else '<='} {limit:<5} {'held' if held else 'NOT HELD'}")


def batch(python: str, folder: Path, count: int, size: int) -> dict[str, Ran]:
    """Run notebooks of one picture: papermill once for each, and `gemnb reproduce` for all."""
    names = [f"n{number:02}.ipynb" for number in range(count)]
    for number, name in enumerate(names):
        write_notebook(folder / name, 1, size, first=10_000 + number)
    home = Path(python).parent
    start = time.perf_counter()
    code = 0
    for name in names:
        code |= run([str(home / "papermill"), name, "out.ipynb"], folder).code
    one_by_one = Ran(time.perf_counter() - start, 0, code)
    return {
        "papermill, one by one": one_by_one,
        "gemnb reproduce": run([str(home / "gemnb"), "reproduce", *names], folder),
    }


def start_up(python: str, folder: Path, rounds: int) -> tuple[Ran, Ran]:
    """Return the fastest of several bare starts of Python, and of `gemnb --help`."""
    gemnb = str(Path(python).with_name("gemnb"))
    pairs = [(run([python, "-c", "pass"], folder), run([gemnb, "--help"], folder)) for _ in range(rounds)]
    return min((a for a, _ in pairs), key=_seconds), min((b for _, b in pairs), key=_seconds)


def _seconds(ran: Ran) -> float:
    return ran.seconds


def main() -> None:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: does it run at all?")
    parser.add_argument("--python", default=sys.executable, help="an interpreter of an environment with gemnb")
    parser.add_argument("--sizes", type=int, nargs="*", default=[1, 20, 100])
    wanted = parser.parse_args()
    size = 150_000 if wanted.quick else 1_500_000
    counts = [1, 2] if wanted.quick else wanted.sizes
    found: dict[int, dict[str, Ran]] = {}
    with tempfile.TemporaryDirectory(prefix="gemnb-bench-") as name:
        folder = Path(name)
        (folder / "pyproject.toml").write_text("[tool.gemnb]\n")
        for count in counts:
            notebook = f"pictures-{count}.ipynb"
            write_notebook(folder / notebook, count, size)
            found[count] = {k: run(v, folder) for k, v in commands(wanted.python, notebook, folder).items()}
            print(f"{count} pictures of {size / 1e6:.2f} MB, originals embedded")
            table(found[count])
        several = batch(wanted.python, folder, 2 if wanted.quick else 16, size)
        print(f"{2 if wanted.quick else 16} notebooks of one picture")
        table(several)
        bare, shown = start_up(wanted.python, folder, 3 if wanted.quick else 20)
    if wanted.quick:
        return  # at such sizes what starts a kernel is all there is
    print("ratios")
    _goals(found, several, has_lab=_has_lab(wanted.python))
    goal("gemnb --help / bare Python", shown.seconds / bare.seconds, 6)


def _goals(found: dict[int, dict[str, Ran]], several: dict[str, Ran], *, has_lab: bool) -> None:
    most = found[max(found)]

    def ratio(one: str, other: str) -> float:
        return most[one].seconds / most[other].seconds

    for way in ("gemnb reproduce", "papermill --engine gemnb"):
        goal(f"papermill / {way}, {max(found)} pictures", ratio("papermill", way), 20, least=True)
        goal(f"{way} / nbclient alone, {max(found)} pictures", ratio(way, "nbclient alone"), 1.3)
        if {20, 100} <= set(found):
            linear = found[100][way].seconds / found[20][way].seconds
            goal(f"{way}, 100 pictures / 20 pictures", linear, 5.5)
    for way in ("papermill", "nbclient alone", "papermill --engine gemnb", "gemnb reproduce"):
        for check in ("gemnb verify", "gemnb verify, again"):
            goal(f"{way} / {check}, {max(found)} pictures", ratio(way, check), 5, least=True)
    batches = several["papermill, one by one"].seconds / several["gemnb reproduce"].seconds
    goal("papermill one by one / gemnb reproduce, 16 notebooks", batches, 6 if has_lab else 3, least=True)


def _has_lab(python: str) -> bool:
    return subprocess.run([python, "-c", "import jupyterlab"], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    main()
