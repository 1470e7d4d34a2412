"""Imports on a page: what their authors state is shown as stated, and a forged document is shown as nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import gemnb
from gemnb.canonical import blob_digest
from gemnb.inputs.statements import IMPORT_MIMETYPE, NOT_VERIFIABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.publish import Publication


@pytest.fixture
def shown(project: Path, make_picture: Callable[..., bytes]) -> dict[str, Any]:
    """The output of a cell that imported a screenshot too big to stand in the notebook."""
    (project / "shot.png").write_bytes(make_picture("PNG", (900, 600), noise=True))
    stated = {"source": "ChatGPT <b>", "prompt": "A cat\n{{< x >}}", "licence": "CC BY 4.0"}
    data, metadata = gemnb.keep("shot.png", **stated, alt="A grey field")._repr_mimebundle_()
    return {"output_type": "execute_result", "execution_count": 1, "data": data, "metadata": metadata}


def cell(output: dict[str, Any]) -> dict[str, Any]:
    """Return the cell that it stands below."""
    return {"cell_type": "code", "source": "gemnb.keep(…)", "outputs": [output], "execution_count": 1}


@pytest.mark.parametrize("to", ["html", "hugo"])
def test_an_import_is_published_as_stated(
    shown: dict[str, Any], write: Callable[..., Path], publish: Callable[..., Publication], project: Path, to: str
):
    """Its copies are made from the original, and its caption says who says so; no prompt stands as if recorded."""
    published = publish(write(cell(shown)), to)
    (figure,) = published.post.figures()
    assert (
        figure.caption == f"Source: ChatGPT <b>; Prompt: A cat {{{{< x >}}}}; Licence: CC BY 4.0 ({NOT_VERIFIABLE})"
    )
    assert figure.source.original == blob_digest((project / "shot.png").read_bytes())
    assert figure.alt == "A grey field"
    assert max(file.width for made in published.made.values() for file in made.files) == 900
    page = published.files[published.page].decode()
    assert NOT_VERIFIABLE in page
    assert "ChatGPT &lt;b&gt;" in page
    assert "ChatGPT <b>" not in page
    copies = [data for path, data in published.files.items() if path.suffix == ".webp"]
    assert copies
    assert all(b"AIPromptInformation" not in data for data in copies)


@pytest.mark.parametrize("forged", ["words", "picture", "shape"])
def test_a_forged_import_is_a_plain_picture(
    shown: dict[str, Any],
    write: Callable[..., Path],
    publish: Callable[..., Publication],
    make_picture: Callable[..., bytes],
    forged: str,
):
    """A document that was edited, or stands beside another picture, claims nothing on the page."""
    import base64

    if forged == "words":
        shown["data"][IMPORT_MIMETYPE] = json.loads(
            json.dumps(shown["data"][IMPORT_MIMETYPE]).replace("CC BY", "CC0")
        )
    elif forged == "picture":
        shown["data"]["image/jpeg"] = base64.b64encode(make_picture("JPEG")).decode()
    else:
        shown["data"][IMPORT_MIMETYPE] = ["<script>"]
    (figure,) = publish(write(cell(shown)), "html").post.figures()
    assert figure.caption is None
    assert figure.source.provenance is None
