"""Pack and slim on a notebook with every kind of cell, made by a real kernel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from gemnb.cache import Cache, DirectoryStore
from gemnb.canonical import request_digest
from gemnb.cell import parse
from gemnb.errors import CorruptEntry, NotebookError, StoreError
from gemnb.inventory.listing import read_records
from gemnb.invocation import assemble, parse_use
from gemnb.pack import pack_notebook, packed, slim_notebook
from gemnb.records import parse_document

if TYPE_CHECKING:
    from collections.abc import Callable

    Places = Callable[[Path], tuple[Cache, Cache]]
    Edit = Callable[[Path, Callable[[dict[str, Any]], None]], None]


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def files(folder: Path) -> dict[str, bytes]:
    """Return every entry of a cache that answers draw from."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for kind in ("records", "blobs", "pixels", "urls")
        for path in sorted((folder / kind).rglob("*"))
        if path.is_file()
    }


def test_everything_comes_along(here: Path, places: Places) -> None:
    """A packed notebook holds every answer, blob and pointer of its project, in its metadata or its outputs."""
    (here / "private.ipynb").unlink()
    shutil.rmtree(here / "cache" / "private")
    path = here / "post.ipynb"
    report = pack_notebook(path, *places(here))
    held = packed(read(path))
    prompts = {parse_document(item)[0].request.contents[-1].parts[-1]["text"] for item in held.documents}

    assert prompts == {"A dog that no output shows", "A lonely tree", "A twig of 3 leaves", "Two of a kind, ink"}
    assert len(held.documents) == 5
    assert {key.partition("/")[0] for key in held.pointers} == {"pixels", "urls"}
    assert (report.complete, report.left_out, report.lacking, report.calls) == (True, (), (), True)
    assert (report.pictures, report.inputs, report.answers) == (6, 4, 5)
    assert report.after == path.stat().st_size > report.before


def test_slim_gives_the_bytes_of_before_and_an_empty_cache_all(here: Path, places: Places, tmp_path: Path) -> None:
    """Slimming into an empty cache fills it with what the project's cache held for the notebook, byte for byte."""
    path = here / "post.ipynb"
    before = path.read_bytes()
    pack_notebook(path, *places(here))
    elsewhere = places(tmp_path / "elsewhere")
    report = slim_notebook(path, *elsewhere)
    found, kept = files(tmp_path / "elsewhere" / "cache"), files(here / "cache")

    assert path.read_bytes() == before
    assert report.new == report.blobs + report.answers
    assert found.items() <= kept.items()
    left = {key for key in kept.keys() - found.keys() if key.startswith("records/")}
    assert [json.loads(kept[key])["invocation"]["source"] for key in left] == ["%%gemimg\nAnybody may see this"]


def test_packing_again_changes_nothing(here: Path, places: Places, tmp_path: Path) -> None:
    """A packed notebook is packed already, with its cache or without one."""
    path = here / "post.ipynb"
    pack_notebook(path, *places(here))
    before = path.read_bytes()

    pack_notebook(path, *places(here))
    assert path.read_bytes() == before
    report = pack_notebook(path, *places(tmp_path / "nowhere"))
    assert path.read_bytes() == before
    assert report.complete


def test_a_packed_notebook_is_valid_and_survives_a_save(here: Path, places: Places, tmp_path: Path) -> None:
    """The packed notebook is valid nbformat; read and saved as JupyterLab does, it slims to what that save makes."""
    path = here / "post.ipynb"
    plain = nbformat.writes(nbformat.read(path, 4))
    pack_notebook(path, *places(here))
    node = nbformat.read(path, 4)

    nbformat.validate(node)
    nbformat.write(node, path)
    saved = path.read_bytes()
    pack_notebook(path, *places(here))
    assert path.read_bytes() == saved
    slim_notebook(path, *places(tmp_path / "elsewhere"))
    assert path.read_text("utf-8").strip() == plain.strip()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("papermill", "--no-progress-bar", "post.ipynb", "post.ipynb"),
        ("jupyter", "nbconvert", "--to", "notebook", "--execute", "--inplace", "post.ipynb"),
        ("jupyter", "execute", "--inplace", "post.ipynb"),
        ("jupyter", "nbconvert", "--clear-output", "--inplace", "post.ipynb"),
        ("nbstripout", "post.ipynb"),
    ],
    ids=lambda command: "-".join(command[:2]),
)
def test_what_is_packed_survives(here: Path, places: Places, tmp_path: Path, command: tuple[str, ...]) -> None:
    """Tools that run or strip a notebook leave all that is packed in it, and it can be slimmed afterwards."""
    path = here / "post.ipynb"
    pack_notebook(path, *places(here))
    before = read(path)["metadata"]["gemnb"]
    program = Path(sys.executable).with_name(command[0])
    if not program.exists():
        pytest.skip(f"{command[0]} is not installed")
    subprocess.run(
        [program, *command[1:]], cwd=here, env=os.environ | {"GEMNB_MODE": "replay"}, check=True, capture_output=True
    )

    assert read(path)["metadata"]["gemnb"] == before
    slim_notebook(path, *places(tmp_path / "elsewhere"))
    assert "packed" not in path.read_text("utf-8")


def test_no_byte_stands_in_it_twice(here: Path, places: Places) -> None:
    """A picture that an output embeds is not packed beside it."""
    path = here / "post.ipynb"
    pack_notebook(path, *places(here))
    shown = {
        text
        for cell in read(path)["cells"]
        for output in cell.get("outputs", [])
        for kind, text in output.get("data", {}).items()
        if kind.startswith("image/")
    }

    assert len(shown) > 5
    assert shown.isdisjoint(read(path)["metadata"]["gemnb"]["packed"]["blobs"].values())


def test_what_an_output_embeds_later_goes_out_of_what_is_packed(here: Path, places: Places, edit: Edit) -> None:
    """A packed original that a run puts into its output is not packed any more when the notebook is packed again."""
    path = here / "post.ipynb"
    pack_notebook(path, *places(here))
    blobs = read(path)["metadata"]["gemnb"]["packed"]["blobs"]

    def embed(document: dict[str, Any]) -> None:
        data = next(cell for cell in document["cells"] if "too big" in str(cell["source"]))["outputs"][0]["data"]
        original = data["application/vnd.gemnb.v1+json"]["record"]["pictures"][0]["original"]["blob"]
        data.pop("image/jpeg")
        data["image/png"] = blobs[original]

    edit(path, embed)
    pack_notebook(path, *places(here))
    left = read(path)["metadata"]["gemnb"]["packed"]["blobs"]

    assert len(blobs.keys() - left.keys()) == 1
    assert len(left.keys() - blobs.keys()) == 1  # the preview, which no output shows now


def test_a_stripped_notebook_is_packed_whole(here: Path, places: Places, edit: Edit) -> None:
    """A notebook without outputs gets every answer that its cells ask for."""
    path = here / "post.ipynb"
    edit(path, lambda nb: [cell.update(outputs=[]) for cell in nb["cells"] if cell["cell_type"] == "code"])
    report = pack_notebook(path, *places(here))

    assert report.answers == 13
    assert report.lacking == ()


def test_a_cell_without_an_answer_is_told(here: Path, places: Places, edit: Edit) -> None:
    """A cell that was never run makes the notebook incomplete, and is named."""
    path = here / "post.ipynb"
    edit(path, lambda nb: nb["cells"][4].update(source="%%gemimg dog -q\nA cat that was never asked for", outputs=[]))
    report = pack_notebook(path, *places(here))

    assert report.lacking == (5,)
    assert not report.complete


@pytest.mark.parametrize("kind", ["original", "preview"])
def test_a_missing_picture_is_an_error_and_nothing_is_written(here: Path, places: Places, kind: str) -> None:
    """The error says which picture is missing and what to type, and the notebook stays as it is."""
    path = here / "post.ipynb"
    shown = next(
        output["data"]["application/vnd.gemnb.v1+json"]["record"]["pictures"][0]
        for cell in read(path)["cells"]
        for output in cell.get("outputs", [])
        if "too big" in str(cell["source"])
    )
    hexed = shown[kind]["blob"].removeprefix("sha256:")
    (here / "cache" / "blobs" / hexed[:2] / hexed).unlink()
    before = path.read_bytes()
    if kind == "preview":  # it stands in the output
        assert pack_notebook(path, *places(here)).complete
        return

    with pytest.raises(CorruptEntry, match=rf"The original {hexed[:12]} of cell 14 .* nothing was packed") as caught:
        pack_notebook(path, *places(here))
    assert f"git checkout -- cache/blobs/{hexed[:2]}/{hexed}" in caught.value.hint
    assert path.read_bytes() == before


def test_a_missing_earlier_answer_is_an_error(here: Path, places: Places) -> None:
    """Without the record that an edit went on from, nothing is packed."""
    path = here / "post.ipynb"
    for record in (here / "cache" / "records").rglob("*.json"):
        if "A dog that no output shows" in str(read(record)["invocation"].get("source")):
            record.unlink()

    with pytest.raises(CorruptEntry, match=r"Cell 6 was made from the answer .* nothing was packed"):
        pack_notebook(path, *places(here))


def test_a_damaged_blob_is_an_error(here: Path, places: Places) -> None:
    """One changed bit in the cache stops the packing; the damaged file stays where it is."""
    path = here / "post.ipynb"
    blob = max((here / "cache" / "blobs").rglob("*"), key=lambda p: p.stat().st_size if p.is_file() else 0)
    data = bytearray(blob.read_bytes())
    data[100] ^= 1
    blob.write_bytes(data)

    with pytest.raises(CorruptEntry, match="is damaged"):
        pack_notebook(path, *places(here))
    assert blob.exists()
    assert "packed" not in path.read_text("utf-8")


def test_private_answers_stay_out_unless_asked_for(here: Path, places: Places, tmp_path: Path) -> None:
    """Of a cell with `publish: false` nothing is packed, and the report names it; with --private all of it is."""
    path = here / "private.ipynb"
    shutil.copy(path, here / "second.ipynb")
    report = pack_notebook(path, *places(here))
    assert (report.left_out, report.complete) == ((3,), False)
    assert not packed(read(path))

    path = here / "second.ipynb"
    before = path.read_bytes()
    report = pack_notebook(path, *places(here), include_private=True)
    assert report.complete
    slim_notebook(path, *places(tmp_path / "elsewhere"))
    assert path.read_bytes() == before
    public = files(tmp_path / "elsewhere" / "cache")
    private = files(tmp_path / "elsewhere" / "cache" / "private")
    assert private == files(here / "cache" / "private")
    assert b"Nobody else" not in b"".join(public.values())
    assert (tmp_path / "elsewhere" / "cache" / "private" / ".gitignore").read_text() == "*\n"


def test_another_answer_in_the_cache_is_never_replaced(here: Path, places: Places) -> None:
    """Where the cache holds another answer under the name of a packed one, slim refuses and changes nothing."""
    path = here / "post.ipynb"
    pack_notebook(path, *places(here))
    before = path.read_bytes()
    record = next(p for p in (here / "cache/records").rglob("*.json") if "A lonely tree" in p.read_text("utf-8"))
    changed = read(record)
    changed["invocation"]["bindings"] = [{"slot": "-p x", "kind": "literal", "source": "y", "value": "z"}]
    record.write_text(json.dumps(changed))

    with pytest.raises(CorruptEntry, match="holds something else"):
        slim_notebook(path, *places(here))
    assert path.read_bytes() == before
    assert read(record) == changed


def test_a_cache_that_cannot_be_written_leaves_the_notebook_packed(
    here: Path, places: Places, tmp_path: Path
) -> None:
    """Nothing is taken out of a notebook before the cache has it."""
    path = here / "post.ipynb"
    pack_notebook(path, *places(here))
    before = path.read_bytes()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "cache").write_text("a file where the folder would be")

    with pytest.raises(StoreError):
        slim_notebook(path, *places(tmp_path / "elsewhere"))
    assert path.read_bytes() == before


def test_a_dry_run_writes_nothing(here: Path, places: Places, tmp_path: Path) -> None:
    """A dry run reports what the real one does, and writes neither notebook nor cache."""
    path = here / "post.ipynb"
    before = path.read_bytes()
    dry = pack_notebook(path, *places(here), dry_run=True)
    assert path.read_bytes() == before
    assert pack_notebook(path, *places(here)) == dry

    before = path.read_bytes()
    assert slim_notebook(path, *places(tmp_path / "elsewhere"), dry_run=True).blobs > 5
    assert path.read_bytes() == before
    assert not (tmp_path / "elsewhere").exists()


def test_another_file_can_be_written(here: Path, places: Places) -> None:
    """With an output the notebook itself stays as it is."""
    path, output = here / "post.ipynb", here / "one-file.ipynb"
    before = path.read_bytes()
    pack_notebook(path, *places(here), output=output)
    assert path.read_bytes() == before
    assert packed(read(output))

    slim_notebook(output, *places(here), output=here / "again.ipynb")
    assert (here / "again.ipynb").read_bytes() == before


def test_a_notebook_that_would_be_too_big_is_not_written(here: Path, places: Places) -> None:
    """Above the limit nothing is written, and the error names the way round."""
    path = here / "post.ipynb"
    before = path.read_bytes()

    with pytest.raises(NotebookError, match="it was not written") as caught:
        pack_notebook(path, *places(here), limit=1000)
    assert "--yes" in caught.value.hint
    assert path.read_bytes() == before


def test_a_notebook_saved_meanwhile_is_not_overwritten(here: Path, places: Places) -> None:
    """What Jupyter saved while the pictures were gathered is not lost."""
    path = here / "post.ipynb"

    class Saving(DirectoryStore):
        def get(self, key: str) -> bytes | None:
            path.write_text(path.read_text("utf-8").replace("A post", "A better post"), "utf-8")
            return super().get(key)

    with pytest.raises(NotebookError, match="saved by another program"):
        pack_notebook(path, Cache(Saving(here / "cache")), places(here)[1])
    assert "A better post" in path.read_text("utf-8")


def test_what_is_bound_is_packed_and_not_the_latest(here: Path, places: Places) -> None:
    """Of a quiet cell that was asked again, the attempt that an edit went on from is the one that is packed."""
    path = here / "post.ipynb"
    record = next(
        p
        for p in (here / "cache" / "records").rglob("*.json")
        if str(read(p)["invocation"].get("source")).endswith("A dog that no output shows")
    )
    cache, private = places(here)
    first = cache.find("sha256:" + record.parent.name)
    assert first is not None
    cache.keep(first.record, first.invocation, {})

    pack_notebook(path, cache, private)
    found = [parse_document(item)[0] for item in packed(read(path)).documents]
    assert [r.attempt for r in found if r.request_digest == first.record.request_digest] == [1]


def test_what_is_packed_is_never_dropped(here: Path, places: Places, edit: Edit, tmp_path: Path) -> None:
    """An answer whose cell was deleted stays packed: it may be nowhere else."""
    path = here / "post.ipynb"
    pack_notebook(path, *places(here))
    before = read(path)["metadata"]
    edit(path, lambda nb: nb.update(cells=nb["cells"][:4]))
    pack_notebook(path, *places(tmp_path / "nowhere"))

    assert read(path)["metadata"] == before


def test_other_parameters_of_a_shown_cell_are_not_packed(here: Path, places: Places) -> None:
    """Of a cell that shows its answer, what it asked on another day with another parameter stays in the cache."""
    path = here / "post.ipynb"
    cache, private = places(here)
    shown = next(kept for kept in read_records(cache).kept if "{{style}}" in str(kept.invocation.source))
    (binding,) = shown.invocation.bindings
    bindings = (replace(binding, value="wax"),)
    source = "%%gemimg cat -p style --alt 'Eine Katze, „groß“'\nA cat, {{style}}"
    (request,) = assemble(parse(source), parse_use("emulator/sketch-1 -s 512"), bindings)
    record = replace(shown.record, request=request, request_digest=request_digest(request))
    cache.keep(record, replace(shown.invocation, source=source, bindings=bindings), {})
    report = pack_notebook(path, cache, private)

    assert report.answers == 5
    assert request_digest(request) not in path.read_text("utf-8")


@pytest.mark.parametrize("old", [{"nbformat": 3, "worksheets": []}, {"nbformat": 4, "cells": [], "metadata": []}])
def test_only_notebooks_of_format_4_are_packed(here: Path, places: Places, old: dict[str, Any]) -> None:
    """An older notebook, and one whose metadata is none, are refused as they are."""
    path = here / "old.ipynb"
    path.write_text(json.dumps(old))

    with pytest.raises(NotebookError):
        pack_notebook(path, *places(here))
    assert read(path) == old


def test_a_notebook_without_pictures_stays_as_it_is(here: Path, places: Places) -> None:
    """Packing and slimming a notebook that needs nothing does not touch its file."""
    path = here / "plain.ipynb"
    path.write_text('{"nbformat":4,"nbformat_minor":5,"metadata":{},"cells":[]}')
    before = path.stat().st_mtime_ns

    assert pack_notebook(path, *places(here)).complete
    assert slim_notebook(path, *places(here)).blobs == 0
    assert path.stat().st_mtime_ns == before
