"""`verify` reads notebooks that other tools and older formats left: each is judged, or told in words."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.compose import open_cache
from gemnb.errors import NotebookError
from gemnb.model import MIMETYPE, Embed
from gemnb.verify import Check, Finding, verify_notebook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CAT, HAT, BOTH = 4, 5, 6


def verify(notebook: Path) -> list[Check]:
    """Return the checks of a notebook."""
    return verify_notebook(notebook, open_cache(notebook.parent / "cache", look_only=True), notebook.parent)


def gemnb(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `gemnb` in a folder."""
    command = [sys.executable, "-m", "gemnb", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def as_format_3(document: dict[str, Any]) -> None:
    """Make a notebook one of format 3: worksheets, `input` for `source`, `png` for `image/png`, no ids."""
    cells = []
    for cell in document.pop("cells"):
        if cell["cell_type"] != "code":
            cells.append({"cell_type": cell["cell_type"], "metadata": {}, "source": cell["source"]})
            continue
        outputs = []
        for output in cell["outputs"]:
            data = output["data"]
            short = {"image/png": "png", "text/plain": "text"}
            outputs.append(
                {"output_type": "display_data", "metadata": {}} | {short.get(k, k): v for k, v in data.items()}
            )
        own = {"input": cell["source"], "prompt_number": 1, "language": "python", "collapsed": False}
        cells.append({"cell_type": "code", "metadata": {}, "outputs": outputs} | own)
    document.update(
        nbformat=3, nbformat_minor=0, metadata={"name": ""}, worksheets=[{"cells": cells, "metadata": {}}]
    )


def as_format_4_0(document: dict[str, Any]) -> None:
    """Take away what came after format 4.0: the cells' ids."""
    document["nbformat_minor"] = 0
    for cell in document["cells"]:
        cell.pop("id", None)


def as_saved_by_colab(document: dict[str, Any]) -> None:
    """Do as Colab does: format 4.0, its own metadata and ids, texts as lists, base64 that ends in a newline."""
    as_format_4_0(document)
    document["metadata"] = {
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
        "accelerator": "GPU",
        "widgets": {"application/vnd.jupyter.widget-state+json": {}},
    }
    for number, cell in enumerate(document["cells"]):
        cell["metadata"] |= {"id": f"AbC{number}", "colab": {"base_uri": "https://localhost:8080/", "height": 529}}
        for output in cell.get("outputs", []):
            if "data" in output:
                output["metadata"] = {}
                output["data"]["image/png"] += "\n"
                output["data"]["text/plain"] = ["".join(output["data"]["text/plain"])]


def as_saved_by_vs_code(document: dict[str, Any]) -> None:
    """Do as VS Code does: sources and texts as lists of lines, base64 in lines, no output metadata."""
    document["metadata"]["vscode"] = {"interpreter": {"hash": "0"}}
    for cell in document["cells"]:
        cell["metadata"]["vscode"] = {"languageId": "python"}
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
        for output in cell.get("outputs", []):
            if "data" in output:
                output["metadata"] = {}
                text = output["data"]["image/png"]
                output["data"]["image/png"] = [text[at : at + 76] + "\n" for at in range(0, len(text), 76)]


@pytest.mark.parametrize("save", [as_format_3, as_format_4_0, as_saved_by_colab, as_saved_by_vs_code])
def test_a_notebook_that_another_tool_saved_is_as_well_as_before(
    notebook: Path, edit: Callable, save: Callable[[dict[str, Any]], None]
):
    """Older formats, Colab and VS Code change how a notebook is written, and nothing that is checked."""
    edit(save)

    assert [(check.finding, check.reasons) for check in verify(notebook)] == [
        (Finding.BOUND, ()),
        (Finding.CONSISTENT, ()),
        (Finding.CONSISTENT, ()),
    ]


def test_outputs_of_other_tools_are_passed_over(notebook: Path, edit: Callable):
    """Plots, tables, widgets, streams and odd outputs of other cells are none of gemnb's."""
    others = [
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": "aGk=", "text/plain": "<Figure>"}},
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<table></table>"}},
        {"output_type": "display_data", "metadata": {}, "data": {"application/vnd.plotly.v1+json": {"data": []}}},
        {"output_type": "stream", "name": "stdout", "text": ["hi\n"]},
        {"output_type": "execute_result", "metadata": {}, "data": {"application/vnd.jupyter.widget-view+json": {}}},
        {"output_type": "nonsense"},
    ]
    edit(lambda document: document["cells"][1].update(outputs=others))

    assert {check.cell for check in verify(notebook)} == {CAT, HAT, BOTH}
    assert all(check.well for check in verify(notebook))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "x.ipynb is no notebook: it is empty."),
        (b"\x89PNG\r\n\x1a\n", "x.ipynb is no notebook: it is no JSON."),
        (b"# %%\nprint(1)\n", "x.ipynb is no notebook: it is no JSON."),
        (b"[]", "x.ipynb is no notebook."),
        (b'{"nbformat": 99, "cells": []}', "x.ipynb is of a notebook format that cannot be read."),
    ],
)
def test_what_is_no_notebook_is_told_and_the_others_are_checked(notebook: Path, data: bytes, words: str):
    """A file that is no notebook is told on stderr, the others are checked all the same, and the exit code is 2."""
    (notebook.parent / "x.ipynb").write_bytes(data)
    done = gemnb(notebook.parent, "verify", ".")

    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "post.ipynb  5     hat" in done.stdout


def test_a_folder_called_like_a_notebook_is_searched(notebook: Path):
    """A folder named x.ipynb is no file that cannot be read."""
    folder = notebook.parent / "x.ipynb"
    folder.mkdir()

    assert gemnb(notebook.parent, "verify", ".").returncode == 0
    done = gemnb(notebook.parent, "verify", "x.ipynb")
    assert (done.returncode, done.stderr) == (2, "There is no notebook in x.ipynb.\n")


def test_a_quoted_glob_is_expanded(notebook: Path):
    """`gemnb verify 'p*.ipynb'` checks what the glob matches."""
    done = gemnb(notebook.parent, "verify", "p*.ipynb")

    assert done.returncode == 0
    assert "post.ipynb" in done.stdout


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("", "should this notebook ever be paired"),
        ("metadata", "this notebook is a jupytext one"),
        ("py", "post.py stands beside this notebook"),
        ("md", "post.md stands beside this notebook"),
    ],
)
def test_a_prompt_that_jupytext_would_cut_is_noted(
    write_answers: Callable[..., Path], edit: Callable, make_picture: Callable[..., bytes], pair: str, words: str
):
    """A line `# %%` in a prompt is noted, in stronger words where the notebook is a jupytext one or has a pair."""
    notebook = write_answers((make_picture(), "image/png"))

    def change(document: dict[str, Any]) -> None:
        document["cells"][0]["source"] += "\n# %% second scene"
        if pair == "metadata":
            document["metadata"]["jupytext"] = {"formats": "ipynb,py:percent"}

    edit(change)
    if pair in ("py", "md"):
        notebook.with_suffix(f".{pair}").write_text("# %%\n")
    (check,) = verify(notebook)

    assert any("begins with `# %%`" in note and words in note for note in check.notes), check.notes


def test_a_packed_notebook_is_consistent_without_a_cache(
    notebook: Path, write_answers: Callable[..., Path], edit: Callable, project: Path
):
    """What is packed into a notebook counts where there is no cache, and a changed bit of it is found."""
    from base64 import b64encode

    from gemnb.verify.answers import blobs_of

    del notebook
    path = write_answers(*_big(2), embed=Embed.PREVIEW)
    cache = open_cache(project / "cache")
    blobs: dict[str, str] = {}

    def pack(document: dict[str, Any]) -> None:
        from gemnb.records import parse_document

        for cell in document["cells"]:
            record, _, _ = parse_document(cell["outputs"][0]["data"][MIMETYPE])
            blobs.update({digest: b64encode(cache.blob(digest)).decode() for digest in blobs_of(record)})
        document["metadata"]["gemnb"] = {"packed": {"schema": 0, "blobs": blobs, "records": []}}

    edit(pack)
    (project / "cache").rename(project / "elsewhere")

    assert [(check.finding, check.reasons, check.notes) for check in verify(path)] == [
        (Finding.CONSISTENT, (), ()),
        (Finding.CONSISTENT, (), ()),
    ]

    def damage(document: dict[str, Any]) -> None:
        held = document["metadata"]["gemnb"]["packed"]["blobs"]
        record = document["cells"][0]["outputs"][0]["data"][MIMETYPE]["record"]
        digest = record["pictures"][0]["original"]["blob"]
        text = held[digest]
        held[digest] = text[:1000] + ("A" if text[1000] != "A" else "B") + text[1001:]

    edit(damage)
    assert verify(path)[0].finding is Finding.DRIFTED
    assert verify(path)[1].finding is Finding.CONSISTENT


def test_what_is_packed_and_is_nothing_is_told(notebook: Path, edit: Callable):
    """A notebook whose packed part no gemnb wrote ends in words."""
    edit(lambda document: document["metadata"].update(gemnb={"packed": [1]}))
    done = gemnb(notebook.parent, "verify", "post.ipynb")

    assert done.returncode != 0
    assert "packed" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def _big(number: int) -> list[tuple[bytes, str]]:
    import io

    from PIL import Image

    found = []
    for _ in range(number):
        buffer = io.BytesIO()
        Image.effect_noise((700, 600), 90).convert("RGB").save(buffer, "PNG")
        found.append((buffer.getvalue(), "image/png"))
    return found


def test_a_notebook_that_is_none_is_an_error_of_the_function(tmp_path: Path):
    """Whoever calls the function gets the error that the command tells."""
    (tmp_path / "x.ipynb").write_bytes(b"")
    with pytest.raises(NotebookError, match="it is empty"):
        verify(tmp_path / "x.ipynb")
