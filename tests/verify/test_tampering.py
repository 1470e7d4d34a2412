"""`verify` against tampering: each way to make notebook, record and picture not belong together has its words."""

from __future__ import annotations

import base64
import copy
import io
import json
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_notebook
from PIL import Image

from gemnb.canonical import blob_digest, tagged_digest
from gemnb.compose import open_cache, open_for_looking
from gemnb.emulator import Fault
from gemnb.model import MIMETYPE, Embed
from gemnb.settings import load_settings
from gemnb.sniff import sniff
from gemnb.verify import Alike, Check, Finding, verify_notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gemnb.emulator import Emulator

CAT, HAT, BOTH = 4, 5, 6  # cell numbers of the notebook that was run


def verify(notebook: Path) -> dict[int, Check]:
    """Return the first check of each cell that is not well, or its first, by the cell's number."""
    cache = open_cache(notebook.parent / "cache", look_only=True)
    found: dict[int, Check] = {}
    for check in sorted(verify_notebook(notebook, cache, notebook.parent), key=lambda check: check.well):
        found.setdefault(check.cell, check)
    return found


def told(check: Check) -> str:
    """Return reasons and notes as one text."""
    return " / ".join((*check.reasons, *check.notes))


def output(document: dict[str, Any], cell: int) -> dict[str, Any]:
    """Return a cell's picture output."""
    return document["cells"][cell - 1]["outputs"][0]


def blob_path(project: Path, digest: str) -> Path:
    """Return where a blob lies in the project's cache."""
    name = digest.removeprefix("sha256:")
    return project / "cache" / "blobs" / name[:2] / name


def picture(seed: int, kind: str = "PNG", size: tuple[int, int] = (900, 700)) -> tuple[bytes, str]:
    """Return a picture of more than 200 kB, another one for each seed, with its MIME type."""
    image = Image.blend(
        Image.new("RGB", size, ("teal", "salmon", "olive")[seed % 3]),
        Image.effect_noise(size, 90).convert("RGB"),
        0.35,
    )
    image.paste(("white", "black")[seed % 2], (seed * 90, 100, seed * 90 + 200, 400))
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": 97} if kind == "JPEG" else {}))
    assert buffer.tell() > 200_000
    return buffer.getvalue(), f"image/{kind.lower()}"


def forge(document: dict[str, Any]) -> None:
    """Make a changed record agree with itself: its request's digest, and its own."""
    record = document["record"]
    record["request_digest"] = tagged_digest("request", record["request"])
    document["record_digest"] = tagged_digest("record", record)


@pytest.mark.parametrize("embed", list(Embed))
def test_previews_and_originals_of_any_embedding_are_consistent(write_answers: Callable[..., Path], embed: Embed):
    """Big pictures are consistent whatever stands in the notebook, the original or its preview."""
    checks = verify(write_answers(picture(1), picture(2, "JPEG"), embed=embed))

    assert [told(check) for check in checks.values()] == ["", ""]
    assert {check.finding for check in checks.values()} == {Finding.CONSISTENT}


def test_one_bit_of_an_embedded_preview_is_found(write_answers: Callable[..., Path], edit: Callable):
    """A preview in the notebook with one other bit is drifted."""
    notebook = write_answers(picture(1))

    def change(document: dict[str, Any]) -> None:
        data = bytearray(base64.b64decode(output(document, 1)["data"]["image/jpeg"]))
        data[len(data) // 2] ^= 1
        output(document, 1)["data"]["image/jpeg"] = base64.b64encode(data).decode()

    edit(change)

    assert verify(notebook)[1].finding is Finding.DRIFTED
    assert "the embedded picture is not the record's" in told(verify(notebook)[1])


@pytest.mark.parametrize("which", ["original", "preview"])
def test_one_bit_of_a_picture_in_the_cache_is_found(write_answers: Callable[..., Path], project: Path, which: str):
    """An original or a preview in the cache with one other bit is drifted, and left where it is."""
    notebook = write_answers(picture(1))
    record = output(json.loads(notebook.read_text("utf-8")), 1)["data"][MIMETYPE]["record"]
    path = blob_path(project, record["pictures"][0][which]["blob"])
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)

    assert verify(notebook)[1].finding is Finding.DRIFTED
    assert "is damaged and is not shown" in told(verify(notebook)[1])
    assert path.read_bytes() == data


def test_what_was_found_alike_before_hides_nothing(
    write_answers: Callable[..., Path], edit: Callable, project: Path, tmp_path: Path
):
    """A later check, which does not compare known pairs again, still finds a foreign preview and lost bytes."""
    remembered = tmp_path / "pairs"
    notebook = write_answers(picture(1), picture(2), picture(3), embed=Embed.ORIGINAL)

    def findings() -> list[Finding]:
        cache = open_cache(project / "cache", look_only=True)
        checks = verify_notebook(notebook, cache, project, alike=Alike(remembered))
        return [check.finding for check in checks]

    assert findings() == [Finding.CONSISTENT] * 3
    known = remembered.read_text("ascii")
    assert len(known.split()) == 3

    def change(document: dict[str, Any]) -> None:
        own, other = (output(document, cell)["data"][MIMETYPE] for cell in (1, 2))
        own["record"]["pictures"][0]["preview"] = other["record"]["pictures"][0]["preview"]
        forge(own)

    edit(change)
    third = output(json.loads(notebook.read_text("utf-8")), 3)["data"][MIMETYPE]["record"]["pictures"][0]
    blob_path(project, third["preview"]["blob"]).unlink()

    assert findings() == [Finding.DRIFTED, Finding.CONSISTENT, Finding.MISSING]
    assert remembered.read_text("ascii") == known


@pytest.mark.parametrize("which", ["original", "preview"])
def test_a_picture_that_is_nowhere_is_missing(write_answers: Callable[..., Path], project: Path, which: str):
    """An original or preview that neither cache nor notebook has is missing."""
    notebook = write_answers(picture(1), embed=Embed.PREVIEW if which == "original" else Embed.ORIGINAL)
    record = output(json.loads(notebook.read_text("utf-8")), 1)["data"][MIMETYPE]["record"]
    blob_path(project, record["pictures"][0][which]["blob"]).unlink()

    assert verify(notebook)[1].finding is Finding.MISSING
    assert "are neither in the cache nor in the notebook" in told(verify(notebook)[1])


@pytest.mark.parametrize("size", [(900, 700), (700, 900), (1500, 1200)])
def test_a_preview_of_another_picture_is_found(
    write_answers: Callable[..., Path], edit: Callable, project: Path, size: tuple[int, int]
):
    """With every digest right and the record hashed anew, a preview that shows something else is drifted."""
    notebook = write_answers(picture(1, size=size), picture(2, size=size), embed=Embed.ORIGINAL)

    def change(document: dict[str, Any]) -> None:
        own, other = (output(document, cell)["data"][MIMETYPE] for cell in (1, 2))
        own["record"]["pictures"][0]["preview"] = other["record"]["pictures"][0]["preview"]
        forge(own)

    edit(change)

    assert verify(notebook)[1].finding is Finding.DRIFTED
    assert "the preview is not one of its original: it shows another picture" in told(verify(notebook)[1])


def test_a_preview_of_another_size_is_found(write_answers: Callable[..., Path], edit: Callable, project: Path):
    """A preview cut or scaled otherwise than gemnb does is drifted, with both sizes."""
    data, kind = picture(1)
    notebook = write_answers((data, kind), embed=Embed.ORIGINAL)
    buffer = io.BytesIO()
    Image.open(io.BytesIO(data)).crop((0, 0, 800, 700)).save(buffer, "JPEG")
    cut = buffer.getvalue()
    digest = open_cache(project / "cache").put_blob(cut)

    def change(document: dict[str, Any]) -> None:
        own = output(document, 1)["data"][MIMETYPE]
        made = {"blob": digest, "mime_type": "image/jpeg", "size": len(cut), "width": 800, "height": 700}
        own["record"]["pictures"][0]["preview"] = made
        forge(own)

    edit(change)

    assert "it has 800×700 pixels, and a preview of the original has 900×700" in told(verify(notebook)[1])


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("width", 901, "the original is image/png 900×700"),
        ("size", 7, "and the record says image/png 900×700, 7 bytes"),
        ("mime_type", "image/webp", "and the record says image/webp"),
    ],
)
def test_what_a_forged_record_says_of_its_bytes_is_checked(
    write_answers: Callable[..., Path], edit: Callable, field: str, value: object, words: str
):
    """A record that agrees with itself and lies about its picture's type or size is drifted."""
    notebook = write_answers(picture(1))

    def change(document: dict[str, Any]) -> None:
        own = output(document, 1)["data"][MIMETYPE]
        own["record"]["pictures"][0]["original"][field] = value
        forge(own)

    edit(change)

    assert words in told(verify(notebook)[1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r.update(outcome="refusal"), "the record calls its answer refusal, and it is picture"),
        (lambda r: r["pictures"].append(r["pictures"][0]), "the record names other pictures than its answer holds"),
        (lambda r: r["pictures"][0].update(claimed="image/gif"), "another type than the answer claimed"),
        (lambda r: r.update(response={}), "the record's answer is none"),
        (lambda r: r["received"].update(host="other"), "the notebook's record is not the one in the cache"),
        (lambda r: r["request"]["config"].update(seed=3), "seed was 3, the cell now says unset"),
    ],
)
def test_a_record_forged_whole_is_held_against_its_answer_and_the_cache(
    write_answers: Callable[..., Path], edit: Callable, change: Callable[[Any], None], words: str
):
    """A record that was changed and hashed anew no longer fits its answer, its cell or the cache."""
    notebook = write_answers(picture(1))

    def apply(document: dict[str, Any]) -> None:
        own = output(document, 1)["data"][MIMETYPE]
        change(own["record"])
        forge(own)

    edit(apply)

    assert verify(notebook)[1].finding is Finding.DRIFTED
    assert words in told(verify(notebook)[1]), told(verify(notebook)[1])


@pytest.mark.parametrize(
    ("asked", "version", "words"),
    [
        ("google/gemini-3-pro-image", "gemini-3-pro-image", ""),
        ("google/gemini-3-pro-image", "models/gemini-3-pro-image-001", ""),
        ("google/gemini-3-pro-image", "gemini-3-pro-image-preview", ""),
        ("google/gemini-3-pro-image-preview", "gemini-3-pro-image", ""),
        ("google/gemini-3-pro-image", "google/gemini-3-pro-image", ""),
        (
            "google/gemini-3-pro-image",
            "gemini-3.1-flash-image",
            "asked of google/gemini-3-pro-image, the answer says it is from gemini-3.1-flash-image",
        ),
        ("google/gemini-3-pro-image", "gemini-3-pro", "the answer says it is from gemini-3-pro"),
        ("emulator/sketch-1", "emulator/sketch-0", "the answer says it is from emulator/sketch-0"),
    ],
)
def test_an_answer_of_another_model_is_found(
    write_answers: Callable[..., Path], asked: str, version: str, words: str
):
    """An answer that names another model than the one asked is drifted; another version of it is not."""
    check = verify(write_answers(picture(1), model=asked, version=version))[1]

    assert check.finding is (Finding.DRIFTED if words else Finding.CONSISTENT), told(check)
    assert words in told(check)


def test_an_answer_of_the_known_successor_is_noted(write_answers: Callable[..., Path]):
    """A retired id answered by the successor that the table of models names is told, and is no drift."""
    check = verify(
        write_answers(picture(1), model="google/gemini-2.5-flash-image", version="gemini-nano-banana-2.1")
    )[1]

    assert check.finding is Finding.CONSISTENT
    assert "says it is from gemini-nano-banana-2.1, its successor" in told(check)


def test_an_answer_of_another_model_through_the_whole_path_is_found(
    emulator: Emulator, run_cells: Callable[..., list[Any]], project: Path
):
    """An emulator that answers as another model leaves a notebook that verify does not call consistent."""
    emulator.script(Fault(kind="other-model"))
    cells = run_cells("%load_ext gemnb", "%%gemimg cat -m emulator/sketch-1 -s 512\nA cat")
    nbformat.write(new_notebook(cells=cells), project / "post.ipynb")

    assert "asked of emulator/sketch-1, the answer says it is from emulator/sketch-0" in told(
        verify(project / "post.ipynb")[2]
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda o: o["data"].update({"text/plain": "A cat"}), "text/plain says 'A cat'"),
        (
            lambda o: o["data"].update({"text/plain": "A dog " + "".join(o["data"]["text/plain"])[6:]}),
            "text/plain says 'A dog",
        ),
        (lambda o: o["metadata"]["image/png"].update(width=9), "the metadata says width 9, and the picture has 512"),
        (lambda o: o["metadata"]["image/png"].update(height="x"), "the metadata says height x"),
        (lambda o: o["metadata"]["image/png"].update(alt="A dog"), "the metadata says alt 'A dog'"),
        (
            lambda o: o["data"].update({"image/jpeg": o["data"].pop("image/png")}),
            "the embedded picture is image/png, filed under image/jpeg",
        ),
        (lambda o: o["data"].pop("image/png"), "the output holds no picture beside its record"),
        (lambda o: o["data"].update({"image/png": "no base64!"}), "is no base64"),
        (lambda o: o["data"][MIMETYPE].pop("picture"), "does not say which picture of its record it shows"),
        (lambda o: o["data"][MIMETYPE].update(more=1), "has other members than gemnb writes: more"),
        (lambda o: o["data"][MIMETYPE]["invocation"].update(more=1), "holds more than gemnb writes, in invocation"),
        (
            lambda o: o["data"][MIMETYPE]["presentation"].update(alt="B"),
            "the output's alt 'B' is not what its cell gave",
        ),
        (lambda o: o["data"][MIMETYPE]["presentation"].update(caption="B"), "the output's caption 'B' is not what"),
        (lambda o: o["data"][MIMETYPE].update(presentation=7), "presentation is none that gemnb writes"),
    ],
)
def test_an_output_that_lies_about_its_record_is_found(
    notebook: Path, edit: Callable, change: Callable[[Any], object], words: str
):
    """Text, metadata and members of an output that are not those gemnb wrote for its record are named."""

    def apply(document: dict[str, Any]) -> None:
        change(output(document, CAT))

    edit(apply)
    check = verify(notebook)[CAT]

    assert not check.well
    assert words in told(check), told(check)


def test_metadata_that_a_tool_dropped_is_no_lie(notebook: Path, edit: Callable):
    """Some tools drop an output's metadata; what stands in the record is enough."""
    edit(lambda document: output(document, CAT).update(metadata={}))

    assert verify(notebook)[CAT].finding is Finding.BOUND


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("--alt 'A cat'", "--alt 'Felix'", "--alt was edited after the picture was made (it was 'A cat')"),
        ("%%gemimg cat", "%%gemimg kitten", "edited after the picture was made, in what is not sent"),
    ],
)
def test_what_was_edited_and_is_not_sent_is_noted(notebook: Path, edit: Callable, old: str, new: str, words: str):
    """An edit of alternative text or NAME changes no verdict, and is told."""

    def change(document: dict[str, Any]) -> None:
        cell = document["cells"][CAT - 1]
        cell["source"] = "".join(cell["source"]).replace(old, new)

    edit(change)
    check = verify(notebook)[CAT]

    assert check.well
    assert words in told(check)


def test_a_picture_shown_twice_is_found(notebook: Path, edit: Callable):
    """The same output twice below the cell that asks is drifted."""

    def change(document: dict[str, Any]) -> None:
        outputs = document["cells"][CAT - 1]["outputs"]
        outputs.append(copy.deepcopy(outputs[0]))

    edit(change)

    assert "the same picture stands twice below this cell" in told(verify(notebook)[CAT])


@pytest.mark.parametrize("source", ["", "cat", "print('hello')"])
def test_an_output_whose_cell_is_gone_is_found(notebook: Path, edit: Callable, source: str):
    """A picture that was kept when its cell was emptied or turned into Python is drifted."""
    edit(lambda document: document["cells"][CAT - 1].update(source=source))

    assert "the cell that made it was deleted or edited" in told(verify(notebook)[CAT])


def test_a_picture_shown_again_by_another_cell_is_consistent(notebook: Path, edit: Callable):
    """A cell of Python that shows a result of a cell above is no stranger."""

    def change(document: dict[str, Any]) -> None:
        cell = copy.deepcopy(document["cells"][HAT - 1])
        document["cells"].append(cell | {"source": "hat"})

    edit(change)

    assert verify(notebook)[7].finding is Finding.CONSISTENT


def test_a_picture_without_a_record_below_a_cell_is_found(notebook: Path, edit: Callable):
    """A picture put below a `%%gemimg` cell by hand is told apart from the one it made."""
    foreign = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "aGk="}}
    edit(lambda document: document["cells"][CAT - 1]["outputs"].append(foreign))

    assert "1 output without a record below the cell" in told(verify(notebook)[CAT])


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "image/gif", "text/markdown", "image/jpeg"])
def test_another_type_beside_the_picture_is_found(notebook: Path, edit: Callable, kind: str):
    """What a front end can show in the place of the true picture, in the same output, is drifted and named."""
    edit(lambda document: output(document, CAT)["data"].update({kind: "<img src='x'>"}))

    assert verify(notebook)[CAT].finding is Finding.DRIFTED
    assert f"the output also holds {kind}, which is shown in the picture's place" in told(verify(notebook)[CAT])


def test_html_below_a_cell_that_asks_is_found(notebook: Path, edit: Callable):
    """A second output that holds HTML only can show a picture, and is no output of the cell's."""
    foreign = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<img src='x'>"}}
    edit(lambda document: document["cells"][CAT - 1]["outputs"].append(foreign))

    assert "1 output without a record below the cell" in told(verify(notebook)[CAT])


@pytest.mark.parametrize(
    ("source", "finding"), [("# %gemnb\n# A dog", Finding.DRIFTED), ("%gemnb show cat", Finding.CONSISTENT)]
)
def test_a_comment_that_names_gemnb_lifts_nothing(
    write_answers: Callable[..., Path], edit: Callable, source: str, finding: Finding
):
    """A picture whose cell is gone is drifted whatever a comment in its place says; `%gemnb show` may show it."""
    notebook = write_answers(picture(1))
    edit(lambda document: document["cells"][0].update(source=source))

    assert verify(notebook)[1].finding is finding


@pytest.mark.parametrize("above", ["%%time\n", "%%prun\n", "%%time\n\n"])
def test_a_cell_below_time_is_checked_as_the_cell_it_is(
    write_answers: Callable[..., Path], edit: Callable, above: str
):
    """`%%time` above a cell changes nothing of its checks: it is consistent, and drifted when edited."""
    notebook = write_answers(picture(1))

    def change(document: dict[str, Any], old: str = "", new: str = "") -> None:
        source = "".join(document["cells"][0]["source"])
        document["cells"][0]["source"] = above + source.replace(old, new)

    edit(change)
    assert verify(notebook)[1].finding is Finding.CONSISTENT
    edit(lambda document: change(document, "Picture 1", "Picture 2"))
    assert verify(notebook)[1].finding is Finding.DRIFTED


def test_a_captured_picture_belongs_to_its_cell(write_answers: Callable[..., Path], edit: Callable):
    """What `%%capture` took and a cell below shows is consistent, and the captured cell lacks nothing."""
    notebook = write_answers(picture(1))

    def change(document: dict[str, Any]) -> None:
        cell = document["cells"][0]
        captured = cell | {"source": "%%capture out\n" + "".join(cell["source"]), "outputs": [], "id": "captured"}
        document["cells"] = [captured, cell | {"source": "out.show()"}]

    edit(change)
    assert [(cell, check.finding) for cell, check in verify(notebook).items()] == [(2, Finding.CONSISTENT)]


@pytest.mark.parametrize("line", ["%%gemimg --dry-run", "%%gemimg -q", "%%gemimg -h"])
def test_a_cell_that_shows_nothing_lacks_nothing(write_answers: Callable[..., Path], edit: Callable, line: str):
    """A dry run, a quiet cell and one that asks for help have no picture to miss."""
    notebook = write_answers(picture(1))
    edit(lambda document: document["cells"][0].update(source=f"{line}\na cat", outputs=[]))

    assert verify(notebook) == {}


def test_a_literal_that_is_not_the_cells_is_found(write_answers: Callable[..., Path], edit: Callable):
    """A record that binds `-p style=ink` as another text is drifted, though its request agrees with it."""
    notebook = write_answers(picture(1))

    def change(document: dict[str, Any]) -> None:
        cell, own = document["cells"][0], output(document, 1)["data"][MIMETYPE]
        source = "%%gemimg p1 -m emulator/sketch-1 -p style=ink --alt 'Number 1'\nPicture {{style}}"
        cell["source"] = own["invocation"]["source"] = source
        own["invocation"]["bindings"] = [{"slot": "-p style", "kind": "literal", "source": "ink", "value": "1"}]

    edit(change)

    assert "-p style is 'ink' in the cell, and the record took '1'" in told(verify(notebook)[1])


def test_a_binding_that_its_cell_does_not_name_is_found(notebook: Path, edit: Callable):
    """A binding added to an invocation is drifted."""
    more = {"slot": "-p mood", "kind": "literal", "source": "sad", "value": "sad"}
    edit(lambda document: output(document, CAT)["data"][MIMETYPE]["invocation"]["bindings"].append(more))

    assert "the record binds -p mood sad, which its cell does not name" in told(verify(notebook)[CAT])


def test_an_edit_of_another_answer_is_found(notebook: Path, edit: Callable):
    """An edit whose record names another answer than the one whose turns it holds is drifted."""

    def change(document: dict[str, Any]) -> None:
        other = output(document, BOTH)["data"][MIMETYPE]["record"]["request_digest"]
        output(document, HAT)["data"][MIMETYPE]["invocation"]["bindings"][0].update(request=other)

    edit(change)

    assert "it does not go on from the result that its record names" in told(verify(notebook)[HAT])


def test_a_glob_that_matches_another_file_is_found(
    project: Path, emulator: Emulator, make_picture: Callable[..., bytes], run_cells: Callable[..., list[Any]]
):
    """A file more or less in a glob is drifted, with its name; all files gone is none, the cache has them."""
    for number in (1, 2):
        (project / f"s{number}.png").write_bytes(make_picture("PNG", (number, 5)))
    cells = run_cells("%load_ext gemnb", "%%gemimg a -m emulator/sketch-1 -s 512 -i s*.png\na cat")
    nbformat.write(new_notebook(cells=cells), project / "post.ipynb")

    assert verify(project / "post.ipynb")[2].finding is Finding.CONSISTENT
    (project / "s3.png").write_bytes(make_picture("PNG", (3, 5)))
    assert "s*.png matches s3.png, which it did not before" in told(verify(project / "post.ipynb")[2])
    (project / "s3.png").unlink()
    (project / "s1.png").unlink()
    assert "s*.png no longer matches s1.png" in told(verify(project / "post.ipynb")[2])
    (project / "s2.png").unlink()
    assert verify(project / "post.ipynb")[2].finding is Finding.CONSISTENT


def test_a_call_of_the_function_is_bound(project: Path, emulator: Emulator, run_cells: Callable[..., list[Any]]):
    """What `gemnb.generate` was called with only the kernel knew: bound, and success."""
    cells = run_cells("import gemnb\ngemnb.generate('A cat', model='emulator/sketch-1', size='512')")
    nbformat.write(new_notebook(cells=cells), project / "post.ipynb")
    check = verify(project / "post.ipynb")[1]

    assert (check.finding, check.reasons) == (Finding.BOUND, ())
    assert check.bound == ("gemnb.generate(…)",)


def _leaves(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_of_any_leaf_of_a_document_is_told(notebook: Path, data: st.DataObject):
    """Whatever text or number of a record's document in a notebook is another one, verify has something to say."""
    truth = notebook.read_text("utf-8")
    before = verify(notebook)
    document = json.loads(truth)
    cell = data.draw(st.sampled_from([CAT, HAT, BOTH]))
    holder: Any = output(document, cell)["data"][MIMETYPE]
    path = data.draw(st.sampled_from(list(_leaves(holder))))
    for key in path[:-1]:
        holder = holder[key]
    was = holder[path[-1]]
    other = st.text(max_size=20) if isinstance(was, str) else st.integers(0, 99)
    if isinstance(was, str):
        other |= st.sampled_from([was + "x", "x" + was, was[:-1], was.swapcase()])
    holder[path[-1]] = data.draw(other.filter(lambda value: value != was))
    try:
        notebook.write_text(json.dumps(document), "utf-8")
        after = verify(notebook)[cell]
    finally:
        notebook.write_text(truth, "utf-8")

    assert not after.well or after.notes != before[cell].notes or after.bound != before[cell].bound, path


def test_a_digest_of_other_bytes_is_no_proof(write_answers: Callable[..., Path], edit: Callable, project: Path):
    """An original that was exchanged in notebook, record and cache alike no longer fits what the answer holds."""
    notebook = write_answers(picture(1))
    other, _ = picture(2)
    digest = open_cache(project / "cache").put_blob(other)
    found = sniff(other)
    assert found is not None
    assert blob_digest(other) == digest

    def change(document: dict[str, Any]) -> None:
        own = output(document, 1)["data"][MIMETYPE]
        own["record"]["pictures"][0]["original"].update(blob=digest, size=len(other))
        forge(own)

    edit(change)

    assert "the record names other pictures than its answer holds" in told(verify(notebook)[1])


def test_an_answer_in_words_is_consistent_and_its_text_is_checked(
    write_answers: Callable[..., Path], edit: Callable, make_picture: Callable[..., bytes]
):
    """An answer without a picture is consistent, and drifted where another text or a picture stands in it."""
    notebook = write_answers((b"I only have words.", "text"))
    assert (verify(notebook)[1].finding, verify(notebook)[1].picture) == (Finding.CONSISTENT, "")

    edit(lambda document: output(document, 1)["data"].update({"text/plain": "I have a picture."}))
    assert "text/plain says 'I have a picture.'" in told(verify(notebook)[1])

    added = base64.b64encode(make_picture()).decode()
    edit(lambda document: output(document, 1)["data"].update({"image/png": added}))
    assert "a picture stands beside the record of an answer that has none" in told(verify(notebook)[1])


def test_fewer_samples_than_the_cell_asks_for_are_missing(notebook: Path, edit: Callable):
    """A cell that asks for more samples than stand below it is missing some."""

    def change(document: dict[str, Any]) -> None:
        cell = document["cells"][CAT - 1]
        cell["source"] = "".join(cell["source"]).replace("%%gemimg cat", "%%gemimg cat -n 3")

    edit(change)

    assert verify(notebook)[CAT].finding is Finding.MISSING
    assert "the cell asks for 3 samples, and 1 are there" in told(verify(notebook)[CAT])


def test_pixels_whose_picture_was_exchanged_are_found(
    project: Path, emulator: Emulator, run_cells: Callable[..., list[Any]], make_picture: Callable[..., bytes]
):
    """The PNG kept for pixels is held against the digest of the pixels that the request names."""
    cells = run_cells(
        "%load_ext gemnb\nfrom PIL import Image\nimg = Image.new('RGB', (9, 9), 'red')",
        "%%gemimg a -m emulator/sketch-1 -s 512 -i img\na cat",
    )
    nbformat.write(new_notebook(cells=cells), project / "post.ipynb")
    assert verify(project / "post.ipynb")[2].finding is Finding.BOUND
    other = open_cache(project / "cache").put_blob(make_picture())
    document = json.loads((project / "post.ipynb").read_text("utf-8"))
    output(document, 2)["data"][MIMETYPE]["invocation"]["bindings"][0]["blob"] = other
    (project / "post.ipynb").write_text(json.dumps(document), "utf-8")

    assert "has other pixels than the request names" in told(verify(project / "post.ipynb")[2])


def test_nothing_is_written(notebook: Path):
    """Verify leaves every file of the project as it is, and makes none."""
    folder = notebook.parent
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    verify_notebook(notebook, open_for_looking(load_settings(folder)), folder, with_images=True)

    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
