"""`compare`: what a notebook held against what a run brought; tags and other MIME types hide nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import gemnb
from gemnb.inputs.statements import IMPORT_MIMETYPE
from gemnb.notebook import NotebookCell, read_notebook, scan
from gemnb.reproduce.compare import compare, lacking, own_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATH = Path("post.ipynb")
CAT, HAT, BOTH = 4, 5, 6  # cell numbers
INJECTED = ("injected-parameters",)
HTML = {"text/html": "<img src='x'>"}


def verdicts(held: Sequence[NotebookCell], came: Sequence[NotebookCell]) -> list[tuple[int, str, str]]:
    """Return cell, verdict and reason of each row."""
    return [(row.cell, row.verdict.value, row.reason) for row in compare(PATH, held, came, None)]


def change(cells: Sequence[NotebookCell], number: int, **changes: Any) -> list[NotebookCell]:
    """Return the cells with one of them changed."""
    return [replace(cell, **changes) if cell.number == number else cell for cell in cells]


@pytest.fixture
def cells(notebook: Path) -> list[NotebookCell]:
    """The cells of a notebook that was run; the run brings the same."""
    return list(read_notebook(notebook))


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "image/gif", "text/markdown", "image/jpeg"])
def test_another_type_beside_the_picture_is_drifted(cells: list[NotebookCell], kind: str):
    """A notebook whose output shows another picture in the true one's place is not reproduced."""
    (output,) = cells[CAT - 1].outputs
    forged = {**output, "data": {**output["data"], kind: "<img src='x'>"}}
    rows = verdicts(change(cells, CAT, outputs=(forged,)), cells)

    assert rows[0][:2] == (CAT, "drifted")
    assert kind in rows[0][2]
    assert [row[1] for row in rows[1:]] == ["reproduced", "reproduced"]


def test_an_output_that_the_run_did_not_bring_is_drifted(cells: list[NotebookCell]):
    """HTML below a cell that asks, which the cell did not make, is a row of its own."""
    foreign = {"output_type": "display_data", "metadata": {}, "data": HTML}
    rows = verdicts(change(cells, CAT, outputs=(*cells[CAT - 1].outputs, foreign)), cells)

    assert [row[:2] for row in rows if row[0] == CAT] == [(CAT, "reproduced"), (CAT, "drifted")]
    assert "did not bring" in rows[1][2]


@pytest.mark.parametrize("tag", ["injected-parameters", "papermill-error-cell-tag"])
def test_a_tag_hides_no_picture_and_moves_no_number(cells: list[NotebookCell], tag: str):
    """A forged picture in a cell with papermill's tag is compared, under its own number."""
    (output,) = cells[CAT - 1].outputs
    forged = {**output, "data": {**output["data"], "image/png": "aGk="}}
    held = own_cells(change(cells, CAT, tags=(tag,), outputs=(forged,)))
    came = own_cells(change(cells, CAT, tags=(tag,)))

    assert [row[:2] for row in verdicts(held, came)] == [
        (CAT, "drifted"),
        (HAT, "reproduced"),
        (BOTH, "reproduced"),
    ]


def test_a_record_below_papermills_parameters_is_missing(cells: list[NotebookCell]):
    """A record below code that only gives names values is none of that code's, and has a row."""
    forged = NotebookCell(
        number=4, is_code=True, source="style = 'ink'", outputs=cells[CAT - 1].outputs, tags=INJECTED
    )
    held = [*cells[: CAT - 1], forged, *cells[CAT - 1 :]]
    came = [*cells[: CAT - 1], replace(forged, outputs=()), *cells[CAT - 1 :]]
    rows = verdicts(own_cells(held), own_cells(came))

    assert [row[:2] for row in rows] == [
        (CAT, "reproduced"),
        (HAT, "reproduced"),
        (BOTH, "reproduced"),
        (CAT - 1, "missing"),
    ]


def test_papermills_parameters_are_left_out(cells: list[NotebookCell]):
    """The cell papermill puts in is no row, and those below it keep their numbers."""
    injected = NotebookCell(number=4, is_code=True, source="# Parameters\nx = 1\n", outputs=(), tags=INJECTED)

    assert own_cells([*cells[:2], injected, *cells[2:]]) == cells


@pytest.mark.parametrize(
    ("source", "lacks"),
    [
        ("%%gemimg\na cat", True),
        ("%%time\n%%gemimg\na cat", True),
        ("%%capture\n%%gemimg\na cat", False),
        ("%%gemimg --dry-run\na cat", False),
        ("%%gemimg -q\na cat", False),
    ],
)
def test_what_lacks_its_picture(source: str, *, lacks: bool):
    """A cell that should show an answer and does not lacks it; a dry run does not."""
    (cell,) = scan([NotebookCell(number=1, is_code=True, source=source, outputs=())])

    assert lacking(cell) is lacks


@pytest.fixture
def imported(project: Path, make_picture: Callable[..., bytes]) -> Callable[..., NotebookCell]:
    """Make a cell with an import: `imported(licence="CC0", size=(40, 30))`."""

    def make(*, size: tuple[int, int] = (40, 30), **stated: str) -> NotebookCell:
        (project / "shot.png").write_bytes(make_picture("PNG", size))
        data, metadata = gemnb.keep("shot.png", **{"source": "A friend"} | stated)._repr_mimebundle_()
        output: Any = {"output_type": "execute_result", "data": data, "metadata": metadata}
        return NotebookCell(number=2, is_code=True, source="gemnb.keep(…)", outputs=(output,))

    return make


def without(cell: NotebookCell, kind: str) -> NotebookCell:
    """Return the cell with one type less in its output."""
    (output,) = cell.outputs
    return replace(cell, outputs=({**output, "data": {k: v for k, v in output["data"].items() if k != kind}},))


def test_an_import_that_the_run_brings_again_is_reproduced(imported: Callable[..., NotebookCell]):
    """It has a row like a picture."""
    assert verdicts([imported()], [imported()]) == [(2, "reproduced", "")]


def test_an_import_that_differs_is_drifted(imported: Callable[..., NotebookCell]):
    """Other bytes, another statement, or a plain picture in its place are named."""
    cell, other = imported(), imported(size=(41, 30))
    (mine,), (theirs,) = cell.outputs, other.outputs
    red = replace(cell, outputs=({**mine, "data": {**mine["data"], "image/png": theirs["data"]["image/png"]}},))
    said = [
        verdicts([held], [came])[0][1:]
        for held, came in (
            (red, cell),
            (cell, other),
            (imported(licence="CC0"), imported()),
            (without(cell, IMPORT_MIMETYPE), cell),
        )
    ]

    assert [verdict for verdict, _ in said] == ["drifted"] * 4
    assert "the embedded picture is not the one that was imported" in said[0][1]
    assert "another picture was imported" in said[1][1]
    assert "its licence was 'CC0', is not stated" in said[2][1]
    assert said[3][1] == "the notebook shows another picture in the place of the import"


def test_an_import_that_does_not_come_is_missing_or_failed(imported: Callable[..., NotebookCell]):
    """It says whether the cell ran; what the notebook did not hold is unpinned."""
    cell = imported()
    empty = replace(cell, outputs=())

    assert verdicts([cell], [empty]) == [(2, "missing", "the cell ran and showed no such import")]
    assert verdicts([empty], [cell])[0][:2] == (2, "unpinned")
    (row,) = compare(PATH, [cell], [empty], (2, "InputError", "shot.png is not there"))
    assert (row.verdict.value, row.reason) == ("failed", "cell 2: InputError: shot.png is not there")
