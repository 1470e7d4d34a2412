"""Publishing 50 pictures, cold and again, beside the bare encodes of Pillow on all cores. See bench/README.md."""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import shutil
import statistics
import tempfile
import time
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from gemnb.arrival import unpack
from gemnb.cache import Cache, DirectoryStore
from gemnb.cell import parse
from gemnb.invocation import assemble, parse_use
from gemnb.mime import bundle
from gemnb.model import Invocation, Presentation
from gemnb.publish import Options, publish_notebook
from gemnb.publish.pictures import renditions

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.publish.pictures import Provenance

USE = "emulator/sketch-1"
SIZE = (1024, 1024)  # as of a model's picture of 1K
QUALITY, METHOD = 82, 4


def picture(base: Image.Image, grain: Image.Image, seed: int) -> bytes:
    """Return a PNG of about 1.5 MB, another for each seed: smooth shapes with the grain of a photograph."""
    shifted = ImageChops.offset(base, seed * 17, seed * 31)
    grained = ImageChops.add(shifted, ImageChops.offset(grain, seed * 7, seed * 3), scale=1, offset=-128)
    buffer = io.BytesIO()
    grained.save(buffer, "PNG")
    return buffer.getvalue()


def pictures(number: int) -> list[bytes]:
    """Return that many different pictures."""
    small = Image.merge("RGB", [Image.effect_noise((16, 16), 90) for _ in range(3)])
    base = small.resize(SIZE, Image.Resampling.BICUBIC)
    grain = Image.effect_noise(SIZE, 3).convert("RGB")
    return [picture(base, grain, seed) for seed in range(number)]


def notebook(folder: Path, data: list[bytes]) -> Path:
    """Write a project with a notebook of one cell for each picture, as a run would have left it."""
    (folder / "pyproject.toml").write_text("[tool.gemnb]\n")
    cache = Cache(DirectoryStore(folder / "cache"))
    cells = []
    for number, image in enumerate(data):
        source = (
            f"%%gemimg cat{number} --alt 'Cat number {number}'\nA cat on a mat, number {number}, " + "in ink " * 40
        )
        cell = parse(source)
        (request,) = assemble(cell, parse_use(USE), ())
        part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(image).decode()}}
        body = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]}
        made, blobs = unpack(request, json.dumps(body).encode(), {"time": "2026-11-21T09:30:00Z", "host": "h"})
        invocation = Invocation(source=source, defaults=USE)
        record = cache.keep(made, invocation, blobs)
        shown, metadata = bundle(record, 0, Presentation(alt=cell.get("alt")), invocation, blobs.__getitem__)
        output = {"output_type": "display_data", "data": shown, "metadata": metadata}
        cells.append(_code(f"c{number}", source, [output]))
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [_code("s", f"%gemnb use {USE}", []), *cells],
    }
    path = folder / "post.ipynb"
    path.write_text(json.dumps(document), "utf-8")
    return path


def _code(name: str, source: str, outputs: list[object]) -> dict[str, object]:
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {},
        "execution_count": None,
        "source": source,
        "outputs": outputs,
    }


def bare(job: tuple[Path, tuple[int, ...]]) -> int:
    """Decode a picture and encode it at each width, with Pillow and nothing else; return the bytes."""
    path, widths = job
    image = Image.open(path)
    image.load()
    total = 0
    for width in widths:
        size = (width, round(image.height * width / image.width))
        small = image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        small.save(buffer, "WEBP", quality=QUALITY, method=METHOD)
        total += buffer.tell()
    return total


def encode(executor: Executor, jobs: list[tuple[Path, tuple[int, ...]]]) -> float:
    """Return the seconds of the bare encodes."""
    start = time.perf_counter()
    assert all(executor.map(bare, jobs))
    return time.perf_counter() - start


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def row(name: str, value: str, goal: str = "") -> None:
    print(f"{name:<58} {value:>26}   {goal}")


def bench(folder: Path, number: int, rounds: int) -> None:
    """Cold, again, and bare, in turn; medians of rounds."""
    data = pictures(number)
    path = notebook(folder, data)
    probe = Probe(data[0])
    jobs = []
    for name, image in enumerate(data):
        (folder / f"{name}.png").write_bytes(image)
        jobs.append((folder / f"{name}.png", probe.widths))
    times: dict[str, list[float]] = {"threads": [], "processes": [], "cold": [], "again": []}
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as threads, ProcessPoolExecutor(cores) as processes:
        encode(threads, jobs[: 2 * cores])
        encode(processes, jobs[: 2 * cores])  # workers started, Pillow imported
        publish_notebook(path, folder / "warm", Options(to="hugo"))
        for _ in range(rounds):
            times["threads"].append(encode(threads, jobs))
            times["processes"].append(encode(processes, jobs))
            shutil.rmtree(folder / "site", ignore_errors=True)
            run = lambda: publish_notebook(path, folder / "site", Options(to="hugo"))  # noqa: E731
            times["cold"].append(timed(run))
            times["again"].append(timed(run))
    middle = {name: statistics.median(values) for name, values in times.items()}
    floor = min(middle["threads"], middle["processes"])
    size = sum(map(len, data)) / number / 1e6
    row(f"{number} pictures of {size:.2f} MB to {probe.widths} px, {cores} cores", "")
    row("bare Pillow, threads and processes", f"{middle['threads']:.2f} s, {middle['processes']:.2f} s")
    row("gemnb publish --to hugo, cold", f"{middle['cold']:.2f} s")
    row("gemnb publish --to hugo, again", f"{middle['again']:.3f} s")
    row("cold / the faster of both", f"{middle['cold'] / floor:.2f}", "goal: at most 1.2")
    row("cold / again", f"{middle['cold'] / middle['again']:.1f}", "goal: at least 10")


class Probe:
    """The widths that gemnb makes of a picture, so that both sides make the same."""

    def __init__(self, data: bytes) -> None:
        from gemnb.publish.making import WIDTHS
        from gemnb.publish.pictures import Provenance

        nothing: Provenance = Provenance(system="", version="", prompt=None, source="", original="sha256:0")
        self.widths = tuple(one.width for one in renditions(data, stem="x", widths=WIDTHS, provenance=nothing))


def main() -> None:
    """Run them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="few pictures, one round: does it run?")
    quick = parser.parse_args().quick
    os.environ["GEMNB_MACHINE"] = "off"
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), 6 if quick else 50, 1 if quick else 3)


if __name__ == "__main__":
    main()
