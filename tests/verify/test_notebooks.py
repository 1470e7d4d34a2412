"""`verify`: each way a notebook can stop belonging to its records is found, and nothing is executed or written."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.compose import open_cache
from gemnb.model import MIMETYPE
from gemnb.verify import Check, Finding, verify_notebook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.emulator import Emulator

Edit = "Callable[[Callable[[dict[str, Any]], None]], None]"
CAT, HAT, BOTH = 4, 5, 6  # cell numbers


def verify(notebook: Path) -> dict[int, Check]:
    """Return the checks by cell number."""
    cache = open_cache(notebook.parent / "cache", look_only=True)
    return {check.cell: check for check in verify_notebook(notebook, cache, notebook.parent)}


def reasons(check: Check) -> str:
    """Return all reasons as one text."""
    return " / ".join(check.reasons)


def output(document: dict[str, Any], cell: int) -> dict[str, Any]:
    """Return the data of a cell's picture output."""
    return document["cells"][cell - 1]["outputs"][0]["data"]


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_literal_that_was_edited_is_found(notebook: Path, edit: Edit) -> None:
    """A text in the parameters cell that is another than the picture was made from is drift, with both values."""

    def changed(text: str) -> Callable[[dict[str, Any]], None]:
        return lambda document: document["cells"][1].update(source=f"style = {text!r}")

    edit(changed("ink"))
    assert verify(notebook)[CAT].finding is Finding.CONSISTENT
    edit(changed("pencil"))
    assert verify(notebook)[CAT].finding is Finding.DRIFTED
    assert reasons(verify(notebook)[CAT]) == "style was 'ink' and is 'pencil' in cell 2"


@pytest.mark.parametrize("tags", [[], ["raises-exception"]], ids=["untagged", "tagged"])
def test_a_cell_that_may_fail_has_no_picture_to_miss(notebook: Path, edit: Edit, tags: list[str]) -> None:
    """An error below a cell tagged `raises-exception` is what the post shows; else a picture is missing."""

    def change(document: dict[str, Any]) -> None:
        cell = document["cells"][BOTH - 1]
        cell["metadata"]["tags"] = tags
        cell["outputs"] = [{"output_type": "error", "ename": "Refused", "evalue": "no", "traceback": []}]

    edit(change)
    checks = verify(notebook)

    assert (BOTH in checks) == (not tags)
    assert all(check.well for check in checks.values()) == bool(tags)


def test_a_notebook_as_it_was_run_is_consistent(notebook: Path, emulator: Emulator) -> None:
    """Every picture is consistent, or bound where a value came from the kernel; NAMEs of other cells are found."""
    checks = verify(notebook)

    assert {number: check.finding for number, check in checks.items()} == {
        CAT: Finding.BOUND,
        HAT: Finding.CONSISTENT,
        BOTH: Finding.CONSISTENT,
    }
    assert checks[CAT].bound == ("style",)
    assert checks[HAT].bound == checks[BOTH].bound == ()
    assert emulator.calls == ()


def test_a_prompt_edited_after_its_picture_is_found(notebook: Path, edit: Edit) -> None:
    """An edited prompt is drifted, with the words before and after, and other cells stay consistent."""

    def change(document: dict[str, Any]) -> None:
        cell = document["cells"][CAT - 1]
        cell["source"] = "".join(cell["source"]).replace("\nA cat", "\nA dog")

    edit(change)
    checks = verify(notebook)

    assert checks[CAT].finding is Finding.DRIFTED
    assert "edited after the picture was made: 'A cat, ink' became 'A dog, ink'" in reasons(checks[CAT])
    assert checks[HAT].finding is checks[BOTH].finding is Finding.CONSISTENT


@pytest.mark.parametrize(
    ("cell", "old", "new", "words"),
    [
        (3, "-s 512", "-s 1K", "image_size was '512', the cell now says '1K'"),
        (3, "sketch-1", "sketch-pro-1", "the model was emulator/sketch-1, the cell now says emulator/sketch-pro-1"),
        (CAT, "-p style", "-p style=oil", "now refers to -p style oil, which the record does not know"),
        (CAT, "%%gemimg cat", "%%gemimg cat --seed 4", "seed was unset, the cell now says 4"),
        (CAT, "%%gemimg cat", "%%gemimg cat --sede 4", "cannot run: There is no option --sede"),
        (HAT, " -e cat", "", "the input pictures are others"),
        (BOTH, "-i cat -i photo.png", "-i photo.png -i cat", "the input pictures are others"),
        (BOTH, "-i photo.png", "-i other.png", "now refers to -i other.png"),
    ],
)
def test_a_cell_changed_after_its_picture_is_found(
    cell: int, old: str, new: str, words: str, notebook: Path, edit: Edit
) -> None:
    """Whatever part of the asking cell, or of `%gemnb use` above it, was changed is named."""

    def change(document: dict[str, Any]) -> None:
        source = "".join(document["cells"][cell - 1]["source"])
        assert old in source
        document["cells"][cell - 1]["source"] = source.replace(old, new)

    edit(change)
    asked = verify(notebook)[max(cell, CAT)]

    assert asked.finding is Finding.DRIFTED
    assert words in reasons(asked)


@pytest.mark.parametrize(
    ("old", "new"), [("--alt 'A cat'", "--alt 'Felix'"), ("cat -p", "cat -q -p"), ("-p style", " -p  style ")]
)
def test_what_is_not_sent_may_change(old: str, new: str, notebook: Path, edit: Edit) -> None:
    """Alternative text, quietness and spacing are no part of the request."""

    def change(document: dict[str, Any]) -> None:
        cell = document["cells"][CAT - 1]
        cell["source"] = "".join(cell["source"]).replace(old, new)

    edit(change)

    assert verify(notebook)[CAT].finding is Finding.BOUND


def test_one_changed_bit_of_an_embedded_picture_is_found(notebook: Path, edit: Edit) -> None:
    """A picture in the notebook with one other bit is drifted."""

    def change(document: dict[str, Any]) -> None:
        data = bytearray(base64.b64decode(output(document, CAT)["image/png"]))
        data[len(data) // 2] ^= 1
        output(document, CAT)["image/png"] = base64.b64encode(data).decode()

    edit(change)
    check = verify(notebook)[CAT]

    assert check.finding is Finding.DRIFTED
    assert "the embedded picture is not the record's" in reasons(check)


@pytest.mark.parametrize("junk", ["", "no base64!", "QUJD"])
def test_an_embedded_picture_that_is_none_is_found(junk: str, notebook: Path, edit: Edit) -> None:
    """Whatever stands in the picture's place instead is not consistent."""
    edit(lambda document: output(document, CAT).update({"image/png": junk}))

    assert verify(notebook)[CAT].finding is not Finding.CONSISTENT


def test_a_removed_picture_is_missing(notebook: Path, edit: Edit) -> None:
    """A cell whose output was cleared is missing its picture."""
    edit(lambda document: document["cells"][CAT - 1].update({"outputs": []}))
    checks = verify(notebook)

    assert checks[CAT].finding is Finding.MISSING
    assert "no picture with a record" in reasons(checks[CAT])


def test_a_text_that_names_another_picture_is_found(notebook: Path, edit: Edit) -> None:
    """A `text/plain` with another digest is drifted."""
    edit(lambda document: output(document, CAT).update({"text/plain": "A cat [gemnb:000000000000 512×512]"}))

    assert "text/plain says" in reasons(verify(notebook)[CAT])


@pytest.mark.parametrize(
    "path",
    [
        ("record", "request", "model"),
        ("record", "request", "contents", 0, "parts", 0, "text"),
        ("record", "request_digest"),
        ("record", "received", "host"),
        ("record", "received", "time"),
        ("record", "outcome"),
        ("record", "pictures", 0, "original", "blob"),
        ("record", "response", "modelVersion"),
        ("record_digest",),
        ("invocation", "source"),
        ("invocation", "defaults"),
        ("invocation", "bindings", 0, "value"),
    ],
    ids=lambda path: ".".join(map(str, path)),
)
def test_an_edited_record_is_found(path: tuple[Any, ...], notebook: Path, edit: Edit) -> None:
    """Changing any text of a record or its invocation leaves a picture that is not consistent."""

    def change(document: dict[str, Any]) -> None:
        place = output(document, CAT)[MIMETYPE]
        for key in path[:-1]:
            place = place[key]
        text = place[path[-1]]
        place[path[-1]] = text[:-1] + ("0" if text[-1] != "0" else "1")

    edit(change)

    assert verify(notebook)[CAT].finding is Finding.DRIFTED


def test_the_record_of_another_cell_is_found(notebook: Path, edit: Edit) -> None:
    """Outputs moved from one cell to another do not fit it."""

    def change(document: dict[str, Any]) -> None:
        document["cells"][CAT - 1]["outputs"] = document["cells"][HAT - 1]["outputs"]

    edit(change)

    assert verify(notebook)[CAT].finding is Finding.DRIFTED


def test_an_edit_of_an_answer_that_is_no_longer_above_is_found(
    notebook: Path, edit: Edit, run_cells: Callable[..., list[Any]]
) -> None:
    """When the cell an edit goes on from was run again with another answer, the edit is drifted."""
    again = run_cells(
        "style = 'ink'",
        "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512",
        "%%gemimg cat --mode refresh -p style --alt 'A cat'\nA cat, {{style}}",
    )[-1]
    edit(lambda document: document["cells"][CAT - 1].update({"outputs": json.loads(json.dumps(again.outputs))}))
    checks = verify(notebook)

    assert checks[CAT].finding is Finding.BOUND
    assert "cat above is another answer" in reasons(checks[HAT])


def test_a_changed_input_file_is_found(notebook: Path, make_picture: Callable[..., bytes]) -> None:
    """An input picture with other bytes than were sent is named."""
    (notebook.parent / "photo.png").write_bytes(make_picture(size=(10, 10)))

    assert "the input photo.png has changed" in reasons(verify(notebook)[BOTH])


def test_an_absent_input_file_is_no_drift(notebook: Path) -> None:
    """The bytes that were sent are in the cache, so the file itself may be gone."""
    (notebook.parent / "photo.png").unlink()

    assert verify(notebook)[BOTH].finding is Finding.CONSISTENT


def test_a_damaged_blob_in_the_cache_is_found_and_left_alone(notebook: Path) -> None:
    """Verify reports a flipped bit in the cache and changes nothing, neither there nor in the notebook."""
    blob = max((notebook.parent / "cache/blobs").rglob("*"), key=lambda p: p.stat().st_size if p.is_file() else 0)
    data = bytearray(blob.read_bytes())
    data[-1] ^= 1
    blob.write_bytes(data)
    before = tree(notebook.parent)

    checks = verify(notebook)

    assert Finding.DRIFTED in {check.finding for check in checks.values()}
    assert any("is damaged and is not shown" in reasons(check) for check in checks.values())
    assert tree(notebook.parent) == before


def test_without_a_cache_what_stands_in_the_notebook_counts(notebook: Path) -> None:
    """Where originals are embedded and inputs are there, an absent cache is no lack, and is noted."""
    (notebook.parent / "cache").rename(notebook.parent / "elsewhere")
    checks = verify(notebook)

    assert {check.well for check in checks.values()} == {True}
    assert all("in this notebook only" in " ".join(check.notes) for check in checks.values())


def test_without_a_cache_what_is_nowhere_is_missing(notebook: Path) -> None:
    """An input that neither cache, notebook nor project has is missing, and so the answer cannot be replayed."""
    (notebook.parent / "cache").rename(notebook.parent / "elsewhere")
    (notebook.parent / "photo.png").unlink()
    checks = verify(notebook)

    assert checks[BOTH].finding is Finding.MISSING
    assert "are neither in the cache nor in the notebook" in reasons(checks[BOTH])
    assert "it cannot be replayed" in reasons(checks[BOTH])
    assert checks[CAT].well


def test_paths_outside_the_project_are_not_read(notebook: Path, edit: Edit, tmp_path: Path) -> None:
    """A record that names a file elsewhere on the machine learns nothing about it."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")

    def change(document: dict[str, Any]) -> None:
        binding = next(b for b in output(document, BOTH)[MIMETYPE]["invocation"]["bindings"] if b["kind"] == "file")
        binding["source"] = str(secret)

    edit(change)

    assert "has changed" not in reasons(verify(notebook)[BOTH])


def test_code_in_a_notebook_is_not_run(notebook: Path, edit: Edit) -> None:
    """Neither cells nor expressions in options are executed by verify."""
    trace = notebook.parent / "ran"

    def change(document: dict[str, Any]) -> None:
        document["cells"][1]["source"] = f"open({str(trace)!r}, 'w')"
        document["cells"][CAT - 1]["source"] = (
            f"%%gemimg cat -p \"style=$open('{trace}', 'w')\"\nA cat, {{{{style}}}}"
        )

    edit(change)
    verify(notebook)

    assert not trace.exists()
