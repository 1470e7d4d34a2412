"""`reproduce`: a notebook run again, offline, through papermill, and compared with its own records."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import nbformat
import papermill
import pytest

from gemnb.model import MIMETYPE, Mode
from gemnb.reproduce.run import Job, Verdict, reproduce_notebook, run_job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.emulator import Emulator

Edit = "Callable[[Callable[[dict[str, Any]], None]], None]"
CAT, HAT, BOTH = 4, 5, 6  # cell numbers


def verdicts(notebook: Path, **kwargs: Any) -> dict[int, tuple[str, str]]:
    """Return verdict and reason by cell number."""
    return {row.cell: (row.verdict.value, row.reason) for row in reproduce_notebook(notebook, **kwargs).rows}


def set_source(cell: int, old: str, new: str) -> Callable[[dict[str, Any]], None]:
    """Return a change of a cell's source."""

    def change(document: dict[str, Any]) -> None:
        source = "".join(document["cells"][cell - 1]["source"])
        assert old in source
        document["cells"][cell - 1]["source"] = source.replace(old, new)

    return change


def test_every_picture_is_reproduced_without_a_call(notebook: Path, emulator: Emulator) -> None:
    """All pictures come back byte for byte, nobody is called, and the notebook file is not touched."""
    before = notebook.read_bytes()

    found = verdicts(notebook)

    assert found == dict.fromkeys((CAT, HAT, BOTH), ("reproduced", ""))
    assert emulator.calls == ()
    assert notebook.read_bytes() == before


def test_a_changed_prompt_is_missing_and_what_follows_fails_with_it(
    notebook: Path, edit: Edit, emulator: Emulator
) -> None:
    """A prompt nobody asked before is missing, as is every later cell, and still nobody is called."""
    edit(set_source(CAT, "A cat", "A dog"))

    found = verdicts(notebook)

    assert [found[number][0] for number in (CAT, HAT, BOTH)] == ["missing", "failed", "failed"]
    assert "No answer is kept" in found[CAT][1]
    assert "edited after the picture was made: 'A cat, ink' became 'A dog, ink'" in found[CAT][1]
    assert emulator.calls == ()


def test_a_cell_cannot_lift_the_offline_mode(notebook: Path, edit: Edit, emulator: Emulator) -> None:
    """A cell that says `--mode refresh` replays all the same."""
    edit(set_source(CAT, "%%gemimg cat", "%%gemimg cat --mode refresh"))

    verdict, reason = verdicts(notebook)[CAT]

    assert (verdict, reason) == ("drifted", "the record differs from the notebook's")
    assert emulator.calls == ()


def test_a_changed_picture_in_the_notebook_is_drifted(notebook: Path, edit: Edit) -> None:
    """The first differing byte is named when the notebook's picture is not the one that comes."""

    def change(document: dict[str, Any]) -> None:
        data = document["cells"][CAT - 1]["outputs"][0]["data"]
        picture = bytearray(base64.b64decode(data["image/png"]))
        picture[100] ^= 1
        data["image/png"] = base64.b64encode(picture).decode()

    edit(change)
    verdict, reason = verdicts(notebook)[CAT]

    assert verdict == "drifted"
    assert "first at byte 100 of" in reason


def test_a_cleared_notebook_is_unpinned(notebook: Path, edit: Edit) -> None:
    """A notebook without outputs replays, and has nothing to compare with."""
    edit(lambda document: document["cells"][CAT - 1].update({"outputs": []}))

    assert verdicts(notebook)[CAT][0] == "unpinned"


def test_a_notebook_that_fails_is_told_cell_by_cell(notebook: Path, edit: Edit) -> None:
    """Cells before the failing one are reproduced, those after it failed with its error."""
    edit(set_source(HAT, "%%gemimg hat -e cat\nGive it a hat", "1 / 0"))

    found = verdicts(notebook)

    assert found[CAT][0] == "reproduced"
    assert found[BOTH][0] == "failed"
    assert "ZeroDivisionError" in str(reproduce_notebook(notebook).error)


def may_raise(cell: int, **saved: str) -> Callable[[dict[str, Any]], None]:
    """Return a change that lets a cell raise, and saves an error below it."""

    def change(document: dict[str, Any]) -> None:
        document["cells"][cell - 1]["metadata"]["tags"] = ["raises-exception"]
        document["cells"][cell - 1]["outputs"] = [{"output_type": "error", "traceback": [], **saved}] if saved else []

    return change


def test_an_error_that_the_notebook_holds_and_expects_is_no_failure(notebook: Path, edit: Edit) -> None:
    """Below the tag `raises-exception` the saved error comes again: the other pictures are reproduced."""
    edit(set_source(BOTH, "-i photo.png", "--no-such-option"))
    edit(may_raise(BOTH, ename="CellSyntaxError", evalue="no such option"))
    run = reproduce_notebook(notebook)

    assert run.error is None
    assert [(row.cell, row.verdict) for row in run.rows] == [(CAT, Verdict.REPRODUCED), (HAT, Verdict.REPRODUCED)]


@pytest.mark.parametrize("saved", [{}, {"ename": "ValueError", "evalue": "another"}], ids=["none", "another"])
def test_an_error_that_the_notebook_does_not_hold_is_a_failure(
    notebook: Path, edit: Edit, saved: dict[str, str]
) -> None:
    """The tag alone hides nothing: an answer that is lost is told, whatever the cell may raise."""
    edit(set_source(BOTH, "side by side", "in a row"))
    edit(may_raise(BOTH, **saved))
    run = reproduce_notebook(notebook)

    assert run.error is not None
    assert run.error[:2] == (BOTH, "CacheMiss")


def test_a_cell_that_takes_too_long_fails_with_those_after_it(notebook: Path, edit: Edit) -> None:
    """With a limit, a cell that hangs is ended and named; what came before it stands."""
    edit(set_source(HAT, "%%gemimg hat -e cat\nGive it a hat", "import time\ntime.sleep(600)"))
    run = run_job(Job(path=notebook, timeout=2))

    assert run.error is not None
    assert (run.error[0], run.error[1]) == (HAT, "CellTimeoutError")
    assert (run.rows[0].cell, run.rows[0].verdict) == (CAT, Verdict.REPRODUCED)


def test_a_parameter_flows_into_the_prompt(notebook: Path, emulator: Emulator) -> None:
    """Another value of a parameter is another request: missing in replay, asked for in auto."""
    assert verdicts(notebook, parameters={"style": "oil"})[CAT][0] == "missing"
    assert emulator.calls == ()

    found = verdicts(notebook, parameters={"style": "oil"}, mode=Mode.AUTO)

    assert found[CAT][0] == "unpinned"
    assert "made with other parameters" in found[CAT][1] or "of other parameters" in found[CAT][1]
    assert len(emulator.calls) == 3


def test_plain_papermill_replays(notebook: Path, emulator: Emulator) -> None:
    """`papermill in out` leaves the same pictures and records as the notebook held, without a call."""
    out = notebook.with_name("out.ipynb")
    papermill.execute_notebook(str(notebook), str(out), progress_bar=False, log_output=False)

    def shown(path: Path) -> list[Any]:
        cells = nbformat.read(path, 4).cells
        return [o for c in cells if c.cell_type == "code" for o in c.outputs if MIMETYPE in o.get("data", {})]

    assert shown(out) == shown(notebook)
    assert len(shown(out)) == 3
    assert emulator.calls == ()


def test_plain_papermill_with_a_parameter_gives_a_new_digest(notebook: Path, emulator: Emulator) -> None:
    """`papermill -p style oil` asks for what the parameter makes of the prompt."""
    out = notebook.with_name("out.ipynb")
    papermill.execute_notebook(str(notebook), str(out), {"style": "oil"}, progress_bar=False)

    first = emulator.calls[0].body["contents"][-1]["parts"]
    assert first == [{"text": "A cat, oil"}]


def test_a_notebook_moves_with_its_cache(
    notebook: Path, tmp_path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of notebook, inputs and cache in another folder, on what could be another machine, is reproduced."""
    copy = tmp_path / "elsewhere é" / "copy"
    shutil.copytree(notebook.parent, copy)
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(notebook.parent)

    assert {verdict for verdict, _ in verdicts(copy / "post.ipynb").values()} == {Verdict.REPRODUCED.value}
    assert emulator.calls == ()


def test_pictures_that_changed_places_are_drift_whatever_the_lock_says(notebook: Path, edit: Edit) -> None:
    """The lock pins what a run shows, not what the notebook holds: outputs that were swapped are found."""
    subprocess.run([sys.executable, "-m", "gemnb", "lock", notebook.name], cwd=notebook.parent, check=True)

    def swap(document: dict[str, Any]) -> None:
        one, other = (document["cells"][cell - 1] for cell in (CAT, BOTH))
        one["outputs"], other["outputs"] = other["outputs"], one["outputs"]

    edit(swap)
    run = run_job(Job(path=notebook, locked=True))

    assert [(row.cell, row.verdict) for row in run.rows] == [
        (CAT, Verdict.DRIFTED),
        (HAT, Verdict.REPRODUCED),
        (BOTH, Verdict.DRIFTED),
    ]


def test_an_input_that_was_overwritten_is_named(notebook: Path, make_picture: Callable[..., bytes]) -> None:
    """Where an input file is another picture by now, the row says which file, what it was and what it is."""
    (notebook.parent / "photo.png").write_bytes(make_picture("PNG", (64, 48), noise=True))
    verdict, reason = verdicts(notebook)[BOTH]

    assert verdict == "missing"
    assert "-i photo.png has changed: it was " in reason
