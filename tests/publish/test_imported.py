"""Imports on a page: what their authors state is shown as stated, and a forged document is shown as nothing."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

import gemnb
from gemnb.canonical import blob_digest
from gemnb.errors import NotebookError
from gemnb.inputs.statements import IMPORT_MIMETYPE, NOT_VERIFIABLE
from gemnb.publish import FLAVORS, verify_published
from gemnb.publish.figures import INDEX
from gemnb.publish.readback import read_page

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


@pytest.mark.parametrize("to", FLAVORS)
def test_an_import_is_published_as_stated(
    shown: dict[str, Any], write: Callable[..., Path], publish: Callable[..., Publication], project: Path, to: str
):
    """Its prompt stands in a fence, its digests below it, and caption and evidence say who says so."""
    published = publish(write(cell(shown)), to)
    (figure,) = published.post.figures()
    original = blob_digest((project / "shot.png").read_bytes())
    assert figure.caption == f"Source: ChatGPT <b>; Prompt: above; Licence: CC BY 4.0 ({NOT_VERIFIABLE})"
    assert figure.source.original == original
    assert figure.alt == "A grey field"
    assert max(file.width for made in published.made.values() for file in made.files) == 900
    page = published.files[published.page].decode()
    assert page.count(NOT_VERIFIABLE) == 4
    assert original in page
    assert "ChatGPT &lt;b&gt;" in page
    assert "ChatGPT <b>" not in page
    prompts = [one.prompt for one in read_page(page, FLAVORS[to].back, is_html=to == "html") if one.prompt]
    assert prompts == ["A cat\n{{< x >}}"]
    copies = [data for path, data in published.files.items() if path.suffix == ".webp"]
    assert copies
    assert all(b"AIPromptInformation" not in data for data in copies)


@pytest.mark.parametrize("to", FLAVORS)
def test_the_index_holds_an_import_whole(
    shown: dict[str, Any], write: Callable[..., Path], publish: Callable[..., Publication], project: Path, to: str
):
    """Source, prompt, licence and digests stand in the index, and the page is consistent with them."""
    published = publish(write(cell(shown)), to, originals=True)
    folder = project / "site" / published.folder
    (other,) = json.loads((folder / INDEX).read_text("utf-8"))["others"]
    assert other["imported"] == json.loads(json.dumps(shown["data"][IMPORT_MIMETYPE]))
    (check,) = verify_published(folder)
    assert (check.finding.value, check.notes) == ("consistent", (f"what it is said to be is {NOT_VERIFIABLE}",))


CHANGES = {
    "verified": lambda text: text.replace("not verifiable", "verified"),
    "licence": lambda text: text.replace("CC BY 4.0", "CC0"),
    "prompt": lambda text: text.replace("A cat", "A dog"),
    "digest": lambda text: re.sub(r"(Import: <code>sha256:)\w{4}", r"\1ffff", text),
    "caption": lambda text: re.sub(r"<figcaption>.*?</figcaption>", "", text),
    "picture": lambda text: re.sub(r'src="[^"]*"', 'src="other.webp"', text),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("to", FLAVORS)
def test_a_page_that_states_otherwise_is_found(
    shown: dict[str, Any],
    write: Callable[..., Path],
    publish: Callable[..., Publication],
    project: Path,
    to: str,
    change: str,
):
    """Words of a statement, its prompt, its digests or its picture changed on the page: the import has drifted."""
    published = publish(write(cell(shown)), to)
    page = project / "site" / published.page
    text = page.read_text("utf-8")
    assert CHANGES[change](text) != text
    page.write_text(CHANGES[change](text), "utf-8")
    checks = verify_published(project / "site" / published.folder)
    assert checks[0].finding.value == "drifted", checks


@pytest.mark.parametrize("edit", ["stated", "picture", "shape"])
def test_a_forged_import_in_an_index_is_refused(
    shown: dict[str, Any], write: Callable[..., Path], publish: Callable[..., Publication], project: Path, edit: str
):
    """An index whose import is not what its digest says, or is of another picture, is none that gemnb writes."""
    folder = project / "site" / publish(write(cell(shown)), "html").folder
    index = json.loads((folder / INDEX).read_text("utf-8"))
    if edit == "stated":
        index["others"][0]["imported"]["imported"]["stated"]["licence"] = "CC0"
    elif edit == "picture":
        index["others"][0]["original"] = "sha256:" + "0" * 64
    else:
        index["others"][0]["imported"] = ["<script>"]
    (folder / INDEX).write_text(json.dumps(index), "utf-8")
    with pytest.raises(NotebookError, match="is no index that gemnb writes"):
        verify_published(folder)


@pytest.mark.parametrize("forged", ["words", "shape"])
def test_a_forged_import_is_a_plain_picture(
    shown: dict[str, Any], write: Callable[..., Path], publish: Callable[..., Publication], forged: str
):
    """A document that was edited claims nothing on the page, and the author is told."""
    if forged == "words":
        shown["data"][IMPORT_MIMETYPE] = json.loads(
            json.dumps(shown["data"][IMPORT_MIMETYPE]).replace("CC BY", "CC0")
        )
    else:
        shown["data"][IMPORT_MIMETYPE] = ["<script>"]
    published = publish(write(cell(shown)), "html")
    (figure,) = published.post.figures()
    assert figure.caption is None
    assert figure.source.provenance is None
    assert any(remark.strict and "its import cannot be read" in remark.text for remark in published.remarks)


def test_another_picture_beside_an_import_is_not_published(
    shown: dict[str, Any],
    write: Callable[..., Path],
    publish: Callable[..., Publication],
    make_picture: Callable[..., bytes],
):
    """The copies are made of the kept original, with its statement, and the author is told."""
    shown["data"]["image/jpeg"] = base64.b64encode(make_picture("JPEG")).decode()
    published = publish(write(cell(shown)), "html")
    (figure,) = published.post.figures()
    (made,) = published.made.values()
    assert NOT_VERIFIABLE in (figure.caption or "")
    assert made.base == figure.source.original
    assert any(remark.strict and "is not used" in remark.text for remark in published.remarks)
