"""`gemnb lock` as a user meets it: what it writes, what it says, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from gemnb.arrival import unpack
from gemnb.cache import Cache, DirectoryStore
from gemnb.detach import text_part
from gemnb.lock import parameters_digest, read_lock
from gemnb.model import MIMETYPE, Binding, Content, Invocation, Request
from gemnb.records import document

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.emulator import Emulator


@pytest.fixture
def gemnb(project: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `gemnb` in a process of its own, in the project."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gemnb", *arguments], cwd=project, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def save(project: Path, make_picture: Callable[..., bytes]) -> Callable[..., Path]:
    """Write a notebook with one cell that shows a kept answer: `save("a.ipynb", "a cat")`; None for no answer."""

    def write(name: str, prompt: str, *, is_shown: bool = True) -> Path:
        data = b64encode(make_picture("PNG", (8, 8), noise=True)).decode()
        parts = [{"inlineData": {"mimeType": "image/png", "data": data}}]
        body = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
        request = Request(model="emulator/sketch-1", contents=(Content(role="user", parts=(text_part(prompt),)),))
        facts = {"host": "h", "time": "2026-01-01T00:00:00Z", "client": "c"}
        record, blobs = unpack(request, json.dumps(body).encode(), facts)
        cache = Cache(DirectoryStore(project / "cache"))
        photo = cache.put_blob(b"a photo")
        binding = Binding(slot="-i", kind="file", source="photo.png", blob=photo, mime_type="image/png")
        source = f"%%gemimg -i photo.png\n{prompt}"
        invocation = Invocation(source=source, bindings=(binding,))
        cache.keep(record, invocation, blobs)
        shown = {"output_type": "display_data", "metadata": {}, "data": {MIMETYPE: document(record, invocation, 0)}}
        cell: dict[str, Any] = {"cell_type": "code", "id": "hero", "metadata": {}, "execution_count": None}
        cell |= {"source": source, "outputs": [shown] if is_shown else []}
        path = project / name
        path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}))
        return path

    return write


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_it_pins_says_so_and_then_has_nothing_to_do(gemnb: Callable, save: Callable, project: Path):
    """The first run writes the lock, the second leaves its bytes and says that all is as it should be."""
    save("a.ipynb", "a cat")
    first = gemnb("lock", ".")
    data = (project / "gemnb.lock").read_bytes()
    second = gemnb("lock", "a.ipynb")

    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout.splitlines()[0].startswith("added: a.ipynb, cell hero: picture ")
    assert first.stdout.splitlines()[1].startswith("added: a.ipynb, input photo.png: ")
    assert first.stdout.endswith("gemnb.lock: 1 answer of 1 notebook, 1 input; 2 added, 0 changed, 0 removed.\n")
    assert second.stdout == "gemnb.lock is as it should be: 1 answer of 1 notebook, 1 input.\n"
    assert (project / "gemnb.lock").read_bytes() == data


def test_check_writes_nothing_and_tells_what_would_change(gemnb: Callable, save: Callable, project: Path):
    """Exit code 1 and the changed field where the lock would change, 0 where not; no file changes either way."""
    save("a.ipynb", "a red cat")
    assert gemnb("lock", ".", "--check").returncode == 1
    assert not (project / "gemnb.lock").exists()

    gemnb("lock", ".")
    assert gemnb("lock", ".", "--check").returncode == 0
    save("a.ipynb", "a blue cat")
    before = tree(project)
    done = gemnb("lock", ".", "--check")

    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "changed: a.ipynb, cell hero: another request: prompt 'a red cat' → 'a blue cat'",
        "gemnb.lock would change: 0 added, 1 changed, 0 removed. To write it: the same command without --check.",
    ]
    assert tree(project) == before


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_a_missing_picture_writes_nothing(gemnb: Callable, save: Callable, project: Path, check: tuple[str, ...]):
    """One notebook without its picture keeps the lock of all as it was, and is named; exit code 1."""
    save("a.ipynb", "a cat")
    gemnb("lock", ".")
    save("a.ipynb", "a dog")
    save("b.ipynb", "a cow", is_shown=False)
    before = tree(project)
    done = gemnb("lock", ".", *check)

    assert done.returncode == 1
    assert "b.ipynb: cell 1 shows no picture with a record; run the notebook and save it" in done.stderr
    assert "Nothing was written." in done.stderr
    assert tree(project) == before


def test_a_record_that_was_edited_writes_nothing(gemnb: Callable, save: Callable, project: Path):
    """A forged record is named with its cell, and no lock comes of it."""
    path = save("a.ipynb", "a cat")
    path.write_text(path.read_text().replace('"attempt": 1', '"attempt": 7'))
    done = gemnb("lock", ".")

    assert done.returncode == 1
    assert "a.ipynb cell 1: its record cannot be pinned" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / "gemnb.lock").exists()


@pytest.mark.parametrize(
    ("name", "text", "code", "words"),
    [
        ("b.ipynb", "{", 2, "b.ipynb is no notebook: it is no JSON."),
        ("gemnb.lock", "<<<<<<< HEAD\n", 2, "(at line 1, column 1)"),
        ("gemnb.lock", "schema = 9\n", 1, "pip install --upgrade gemnb"),
    ],
)
def test_what_cannot_be_read_is_told_in_words(
    gemnb: Callable, save: Callable, project: Path, name: str, text: str, code: int, words: str
):
    """A file that is no notebook, and a lock that is none, end in words and stay as they are."""
    save("a.ipynb", "a cat")
    (project / name).write_text(text)
    before = tree(project)
    done = gemnb("lock", ".")

    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert tree(project) == before


def test_a_folder_in_the_locks_place_is_a_store_that_failed(gemnb: Callable, save: Callable, project: Path):
    """Exit code 4 where the lock cannot be written."""
    save("a.ipynb", "a cat")
    (project / "gemnb.lock").mkdir()
    done = gemnb("lock", ".")

    assert done.returncode == 4
    assert "cannot be written" in done.stderr


def test_gc_keeps_what_the_lock_names(gemnb: Callable, save: Callable, project: Path):
    """Answers and inputs that only the lock names stay; without the lock they would go."""
    path = save("a.ipynb", "a cat")
    gemnb("lock", ".")
    save("b.ipynb", "a dog")
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}))

    kept = gemnb("cache", "gc", ".")
    assert kept.stdout == "Nothing would go (2 notebooks and 1 lock read).\n"
    (cat,) = read_lock(project / "gemnb.lock").pins
    (project / "gemnb.lock").unlink()
    assert cat.pictures[0].removeprefix("sha256:") in gemnb("cache", "gc", ".").stdout


def test_it_imports_nothing_heavy():
    """Pinning needs no kernel, no nbformat, no papermill and no imaging library."""
    code = (
        "import sys\nfrom gemnb.cli import main\n"
        "try:\n main(['lock', 'notebooks', '--check'])\nexcept SystemExit: pass\n"
        "print([m for m in ('papermill', 'nbformat', 'google.genai', 'PIL', 'IPython') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)

    assert done.stdout.endswith("[]\n")


@pytest.fixture
def asked(project: Path, emulator: Emulator, run_cells: Callable[..., list[Any]]) -> Path:
    """A notebook that was run as it stands and, elsewhere, with another parameter; both answers are kept."""
    use, scene = "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512", "%%gemimg -p style\nA harbour, {{style}}"
    run_cells(use, "style = 'linocut'", scene)
    cells = run_cells(use, "style = 'ink'", scene)
    cells[1].metadata["tags"] = ["parameters"]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec})
    nbformat.write(notebook, project / "a.ipynb")
    return project / "a.ipynb"


@pytest.mark.slow
@pytest.mark.parametrize("minor", [4, 5])
def test_a_run_with_parameters_is_pinned_beside_the_notebook(gemnb: Callable, asked: Path, project: Path, minor: int):
    """`-p` runs the notebook offline and pins what came under those parameters; then `--locked` passes with them."""
    document = json.loads(asked.read_text())
    if minor == 4:
        document["nbformat_minor"] = 4
        document["cells"] = [{k: v for k, v in cell.items() if k != "id"} for cell in document["cells"]]
        asked.write_text(json.dumps(document))
    before = asked.read_bytes()
    first, second = gemnb("lock", "a.ipynb"), gemnb("lock", "a.ipynb", "-p", "style", "linocut")
    plain, inked = read_lock(project / "gemnb.lock").pins
    again = gemnb("lock", "a.ipynb", "-p", "style", "linocut", "--check")
    locked = gemnb("reproduce", "a.ipynb", "--locked", "-p", "style", "linocut")

    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    assert (plain.parameters, inked.parameters) == ("", parameters_digest({"style": "linocut"}))
    assert plain.cell == inked.cell == ("#3" if minor == 4 else document["cells"][2]["id"])
    assert plain.request != inked.request
    assert (again.returncode, again.stdout.split(":")[0]) == (0, "gemnb.lock is as it should be")
    assert locked.returncode == 0, locked.stdout
    assert asked.read_bytes() == before


@pytest.mark.slow
def test_parameters_nobody_asked_with_write_nothing(gemnb: Callable, asked: Path, project: Path, emulator: Emulator):
    """A run that misses its answer is told with the cell, nobody is called, and the lock stays as it was."""
    gemnb("lock", ".")
    before = (project / "gemnb.lock").read_bytes()
    emulator.clear()
    done = gemnb("lock", ".", "-p", "style", "oil")

    assert done.returncode == 1
    assert "a.ipynb failed in cell 3: CacheMiss: " in done.stderr
    assert done.stderr.endswith("Nothing was written.\n")
    assert (project / "gemnb.lock").read_bytes() == before
    assert emulator.calls == ()


def write(path: Path, cells: list[Any]) -> None:
    """Save cells as a notebook."""
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), path)


def came(project: Path) -> list[dict[str, Any]]:
    """Return the records that a re-run into the folder `out` shows."""
    cells = json.loads((project / "out/a.ipynb").read_text())["cells"]
    return [out["data"][MIMETYPE]["record"] for c in cells for out in c.get("outputs", ()) if MIMETYPE in out["data"]]


@pytest.mark.slow
def test_the_lock_alone_brings_back_absent_inputs_and_earlier_attempts(
    gemnb: Callable,
    project: Path,
    emulator: Emulator,
    run_cells: Callable[..., list[Any]],
    make_picture: Callable[..., bytes],
):
    """With outputs stripped, inputs deleted and a later attempt kept, a re-run shows what the lock pins."""
    (project / "shots").mkdir()
    for name in ("photo.png", "shots/a2.png", "shots/a10.png"):
        (project / name).write_bytes(make_picture("PNG", (8, 8), noise=True))
    sources = (
        "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512",
        "%%gemimg -i photo.png -i shots/*.png\nA collage",
    )
    cells = run_cells(*sources)
    write(project / "a.ipynb", cells)
    assert gemnb("lock", ".").returncode == 0
    run_cells(sources[0], sources[1].replace("photo.png", "photo.png --mode refresh"))
    for cell in cells:
        cell["outputs"] = []
    write(project / "a.ipynb", cells)
    for name in ("photo.png", "shots/a2.png", "shots/a10.png"):
        (project / name).unlink()
    lock = project / "gemnb.lock"
    (pin,), data = read_lock(lock).pins, lock.read_bytes()
    assert gemnb("reproduce", "a.ipynb", "--locked", "-o", "out").returncode in (0, 1)
    (locked,) = came(project)

    assert (locked["attempt"], locked["request_digest"]) == (1, pin.request)
    lock.write_bytes(data.replace(b"attempt = 1", b"attempt = 2"))
    gemnb("reproduce", "a.ipynb", "-o", "out")
    assert came(project)[0]["attempt"] == 2
    lock.unlink()
    assert "photo.png: there is no such file" in gemnb("reproduce", "a.ipynb").stdout


@pytest.mark.parametrize("place", ["nb", "."], ids=["beside the notebook", "at the root"])
def test_an_input_that_was_overwritten_is_told(
    gemnb: Callable, project: Path, run_cells: Callable, emulator: Emulator, make_picture: Callable, place: str
):
    """A pinned file that is another picture by now fails `--check`, with both digests; an absent one does not."""
    (project / "nb").mkdir()
    file = project / place / "in.png"
    file.write_bytes(make_picture())
    start = "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512"
    cells = run_cells(start, "%%gemimg -i in.png\nA cat", folder=project / "nb")
    nbformat.write(nbformat.v4.new_notebook(cells=cells), project / "nb" / "a.ipynb")
    assert gemnb("lock", "nb").returncode == 0
    assert gemnb("lock", "nb", "--check").returncode == 0

    file.write_bytes(make_picture("PNG", (8, 8)))
    done = gemnb("lock", "nb", "--check")
    assert done.returncode == 1
    assert "changed: nb/a.ipynb, input in.png: the picture was made from " in done.stdout
    file.unlink()
    assert gemnb("lock", "nb", "--check").returncode == 0
