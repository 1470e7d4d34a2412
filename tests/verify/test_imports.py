"""`verify`: an import is checked as a picture is, and what is stated of it is said to be only stated."""

from __future__ import annotations

import base64
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

import gemnb
from gemnb.compose import open_cache
from gemnb.inputs.statements import IMPORT_MIMETYPE, NOT_VERIFIABLE
from gemnb.verify import Check, Finding, verify_notebook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SOURCE = "import gemnb\ngemnb.keep('shot.png', source='ChatGPT', licence='CC BY 4.0', alt='A field')"


@pytest.fixture(params=["small", "big"])
def imports(project: Path, make_picture: Callable[..., bytes], request: Any) -> Callable[..., Path]:
    """Write a notebook with one import, whose picture is embedded whole or as its preview, changed by a function."""
    big = request.param == "big"
    (project / "shot.png").write_bytes(make_picture("PNG", (900, 600) if big else (40, 30), noise=big))
    stated = {"source": "ChatGPT", "licence": "CC BY 4.0", "alt": "A field"}
    data, metadata = gemnb.keep("shot.png", **stated)._repr_mimebundle_()

    def write(change: Callable[[dict[str, Any]], None] = lambda _cell: None) -> Path:
        output = {"output_type": "execute_result", "execution_count": 1, "data": data, "metadata": metadata}
        cell = {"cell_type": "code", "source": SOURCE, "outputs": [output], "execution_count": 1, "metadata": {}}
        cell = json.loads(json.dumps(cell))
        change(cell)
        notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
        (project / "post.ipynb").write_text(json.dumps(notebook), "utf-8")
        return project / "post.ipynb"

    return write


def verify(notebook: Path, **more: Any) -> Check:
    """Return the one check of a notebook."""
    cache = open_cache(notebook.parent / "cache", look_only=True)
    (check,) = verify_notebook(notebook, cache, notebook.parent, **more)
    return check


def bundle(cell: dict[str, Any]) -> dict[str, Any]:
    """Return the data of the cell's output."""
    return cell["outputs"][0]["data"]


def kind(cell: dict[str, Any]) -> str:
    """Return the type of the embedded picture."""
    return next(kind for kind in bundle(cell) if kind.startswith("image/"))


def test_an_import_as_it_was_kept_is_consistent(imports: Callable[..., Path]):
    """It has a check of its own, which says that its statement cannot be verified."""
    check = verify(imports(), with_images=True)

    assert (check.cell, check.finding) == (1, Finding.CONSISTENT)
    assert check.notes == (f"what it is said to be is {NOT_VERIFIABLE}",)
    assert check.image is not None


def test_another_picture_in_the_place_of_an_import_is_found(
    imports: Callable[..., Path], make_picture: Callable[..., bytes]
):
    """A red picture beside an intact document has drifted."""
    red = base64.b64encode(make_picture("PNG", (41, 31))).decode()
    check = verify(imports(lambda cell: bundle(cell).update({kind(cell): red})))

    assert check.finding is Finding.DRIFTED
    assert "the embedded picture is not the one that was imported" in check.reasons[0]


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], Any], Finding, str]] = {
    "statement": (
        lambda cell: bundle(cell)[IMPORT_MIMETYPE]["imported"]["stated"].update(licence="CC0"),
        Finding.DRIFTED,
        "import_digest",
    ),
    "shape": (lambda cell: bundle(cell).update({IMPORT_MIMETYPE: ["<b>"]}), Finding.DRIFTED, "cannot be read"),
    "no picture": (lambda cell: bundle(cell).pop(kind(cell)), Finding.MISSING, "holds no picture"),
    "no base64": (lambda cell: bundle(cell).update({kind(cell): "!"}), Finding.DRIFTED, "no base64"),
    "text": (lambda cell: bundle(cell).update({"text/plain": "A cat"}), Finding.DRIFTED, "text/plain says"),
    "html": (lambda cell: bundle(cell).update({"text/html": "<img>"}), Finding.DRIFTED, "also holds text/html"),
    "width": (
        lambda cell: cell["outputs"][0]["metadata"][kind(cell)].update(width=1),
        Finding.DRIFTED,
        "the metadata says width",
    ),
    "more": (lambda cell: bundle(cell)[IMPORT_MIMETYPE].update(by="me"), Finding.DRIFTED, "holds more"),
    "cell": (
        lambda cell: cell.update(source=SOURCE.replace("CC BY 4.0", "CC0")),
        Finding.DRIFTED,
        "the cell now states the licence 'CC0', and it was 'CC BY 4.0'",
    ),
    "cleared": (lambda cell: cell.update(outputs=[]), Finding.MISSING, "below it stands no import"),
    "plain": (lambda cell: bundle(cell).pop(IMPORT_MIMETYPE), Finding.MISSING, "below it stands no import"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_import_is_found(imports: Callable[..., Path], change: str):
    """Whatever part of an output or cell was changed is named."""
    alter, finding, said = CHANGES[change]
    check = verify(imports(alter))

    assert check.finding is finding
    assert said in " / ".join(check.reasons)


def test_a_kept_original_that_is_damaged_or_gone_is_found(imports: Callable[..., Path]):
    """The bytes in the cache are hashed; what is nowhere is missing, and what is embedded whole is not."""
    path = imports()
    whole = verify(path, with_images=True).image
    assert whole is not None
    blob = max((path.parent / "cache/blobs").rglob("*"), key=lambda p: p.stat().st_size if p.is_file() else 0)
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.write_bytes(data)
    assert verify(path).finding is Finding.DRIFTED
    shutil.rmtree(path.parent / "cache")
    check = verify(path)
    embedded_whole = len(base64.b64decode(whole[1])) == len(data)
    assert check.finding is (Finding.CONSISTENT if embedded_whole else Finding.MISSING)
    assert "the import is in this notebook only, not in the cache" in check.notes


def test_another_statement_than_the_kept_one_is_found(imports: Callable[..., Path]):
    """A document forged whole says otherwise than what the cache kept of this picture."""
    path = imports()
    (entry,) = (path.parent / "cache/imports").rglob("*.json")
    entry.write_text(entry.read_text("utf-8").replace("ChatGPT", "A friend"), "utf-8")

    assert "its source was 'A friend' when it was kept, and is 'ChatGPT'" in verify(path).reasons


@pytest.mark.parametrize(
    "source",
    ["gemnb.keep('a.png', source='x');", "x = gemnb.keep('a.png', source='x')", "gemnb.keep('a.png')", "(" * 999],
)
def test_a_cell_that_shows_no_import_lacks_none(project: Path, source: str):
    """A name bound, a semicolon, or nothing stated: the cell has no import to miss."""
    cell = {"cell_type": "code", "source": source, "outputs": [], "execution_count": 1, "metadata": {}}
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    (project / "post.ipynb").write_text(json.dumps(notebook), "utf-8")

    assert verify_notebook(project / "post.ipynb", open_cache(project / "cache", look_only=True), project) == []
