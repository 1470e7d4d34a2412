"""The static plan: what each cell would do, by source, project files, other cells, the record; nothing is run."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from gemnb import generate
from gemnb.emulator import Fault
from gemnb.errors import NotebookError, StoreError
from gemnb.plan import What
from tests.plan.conftest import change, planned, run, unrun

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.emulator import Emulator
    from gemnb.plan import Planned

USE = "%gemnb use emulator/sketch-1"
CAT = "%%gemimg cat\nA cat"
PRO = "-m google/gemini-3-pro-image"


def whats(cells: list[Planned]) -> list[str]:
    """Return what the cells would do."""
    return [cell.what.value for cell in cells]


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_notebook_that_was_run_replays(project: Path) -> None:
    """Every cell of a notebook with its answers kept replays, its pictures are counted, and it costs nothing."""
    path, _ = run(project, USE, CAT, "%%gemimg -e cat -n 2\nWith a hat", "%%gemimg -i cat -i cat\nTwice")
    found = planned(path)

    assert whats(found) == ["replays"] * 3
    assert [(cell.cell, cell.name, cell.pictures, cell.calls) for cell in found] == [
        *((2, "cat", 1, 0), (3, "", 2, 0), (4, "", 1, 0))
    ]
    assert {cell.usd for cell in found} == {Decimal(0)}


def test_nothing_is_written(project: Path, tmp_path: Path) -> None:
    """A plan leaves every file of the project as it is, also where the answer lies on this machine only."""
    path, _ = run(project, USE, CAT)
    for file in (project / "cache").rglob("*.json"):
        file.unlink()
    before = snapshot(project)

    assert whats(planned(path)) == ["replays"]
    assert snapshot(project) == before


@pytest.mark.parametrize("where", ["machine", "spill", "private"])
def test_what_a_cell_would_find_is_no_call(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """An answer in the machine tier, in the spill folder or in the private part replays as any other does."""
    if where == "private":
        path, _ = run(project, USE, "%%gemimg cat --publish false\nA cat")
        assert list((project / "cache" / "private").rglob("*.json"))
    else:
        path, _ = run(project, USE, CAT)
    if where == "spill":
        monkeypatch.setenv("GEMNB_MACHINE", "off")
        (tmp_path / "user-data" / "gemnb").mkdir(parents=True)
        (project / "cache").rename(tmp_path / "user-data" / "gemnb" / "spill")
    if where == "machine":
        (project / "cache").rename(project / "elsewhere")
    assert whats(planned(path)) == ["replays"]

    if where == "machine":
        monkeypatch.setenv("GEMNB_MACHINE", "off")
        assert whats(planned(path)) == ["calls"]


def test_calls_have_a_price(only: Callable[..., Planned]) -> None:
    """A cell without kept answers calls once per sample, at the price of its size; its first run needs no kernel."""
    found = only(f"%%gemimg {PRO} -s 4K -n 3\nA cat")
    assert (found.what, found.calls, found.model) == (What.CALLS, 3, "google/gemini-3-pro-image")
    assert Decimal("0.72") < found.usd < Decimal("0.721")
    assert str(found.as_of) == "2026-10-07"


def test_an_alias_and_the_defaults_count(only: Callable[..., Planned]) -> None:
    """The model and size are those in force for the cell: its own, else those of the last `%gemnb use` above it."""
    assert only("%%gemimg\nx", "%gemnb use nano-banana-pro -s 4K").usd > Decimal("0.24")
    assert only("%%gemimg -s 1K\nx", "%gemnb use nano-banana-pro -s 4K").usd < Decimal("0.14")
    assert only("%%gemimg -m nano-banana\nx", "%gemnb use nano-banana-pro").usd < Decimal("0.04")


def test_an_unknown_price_is_told(only: Callable[..., Planned]) -> None:
    """A call of a model without a price has none in the plan."""
    found = only("%%gemimg -m google/gemini-99\nx")
    assert (found.what, found.calls, found.usd) == (What.CALLS, 1, None)


def test_samples_that_are_kept_are_no_calls(project: Path) -> None:
    """Of four samples with two kept, two are calls and two pictures replay."""
    path, _ = run(project, USE, "%%gemimg -n 2\nA cat")
    (found,) = planned(change(path, 2, "%%gemimg -n 4\nA cat"))

    assert (found.what, found.calls, found.pictures) == (What.CALLS, 2, 2)
    assert found.why == "2 of 4 samples are kept"


def test_what_is_asked_twice_is_called_once(project: Path) -> None:
    """The same request in two cells, or in two notebooks planned together, is one call."""
    asked: set[str] = set()
    path = unrun(project, USE, CAT, "%%gemimg other\nA cat", "%%gemimg -n 2\nA cat")
    first, second, third = planned(path, asked)
    assert (first.calls, second.calls, third.calls) == (1, 0, 1)
    assert second.why.startswith("asks what was asked above")
    assert sum(cell.calls for cell in planned(path, asked)) == 0


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("-e cat", "depends on cell 2"),
        ("-i cat", "depends on cell 2"),
        ("-i var:cat", "depends on cell 2"),
        ("-i cat.image", "depends on cell 2"),
        ("-e cat[0]", "depends on cell 2"),
    ],
)
def test_what_goes_on_from_a_call_is_a_call(project: Path, line: str, why: str) -> None:
    """A cell that goes on from one that would call is a call too, although its old answer is kept."""
    path, _ = run(project, USE, CAT, f"%%gemimg {line}\nWith a hat")
    assert whats(planned(path)) == ["replays"] * 2
    _, found = planned(change(path, 2, "%%gemimg cat\nA dog"))

    assert (found.what, found.calls, found.why) == (What.CALLS, 1, why)


def test_an_answer_to_another_sample_is_another_parent(project: Path) -> None:
    """`-e cats[1]` goes on from the second sample, as it does in a kernel."""
    path, _ = run(project, USE, "%%gemimg cats -n 2\nA cat", "%%gemimg -e cats[1]\nA hat", "%%gemimg -i cats[-1]\nB")
    assert whats(planned(path)) == ["replays"] * 3
    assert whats(planned(change(path, 3, "%%gemimg -e cats[0]\nA hat"))) == ["replays", "calls", "replays"]
    (failing,) = [cell for cell in planned(change(path, 3, "%%gemimg -e cats[2]\nA hat")) if cell.cell == 3]
    assert (failing.what, failing.why) == (What.FAILS, "-e cats[2]: there are 2 samples.")


def test_a_sample_that_is_kept_is_a_parent_though_others_are_not(project: Path) -> None:
    """More samples make no descendant of a kept one a call; one of a new sample is a call."""
    cells = (USE, "%%gemimg cats -n 2\nA cat", "%%gemimg -e cats[1]\nA hat", "%%gemimg -i cats\nB")
    path, _ = run(project, *cells)
    found = planned(change(path, 2, "%%gemimg cats -n 4\nA cat"))
    assert [(cell.what, cell.calls) for cell in found] == [(What.CALLS, 2), (What.REPLAYS, 0), (What.REPLAYS, 0)]
    found = planned(change(path, 3, "%%gemimg -e cats[-1]\nA hat"))
    assert (found[1].what, found[1].why) == (What.CALLS, "depends on cell 2")


def test_values_of_the_kernel_come_from_the_record(project: Path) -> None:
    """What only a kernel knows is taken from the record of the cell's own output, and that is said."""
    path, _ = run(project, "style = 'i' + 'nk'", USE, "%%gemimg -p style\nA cat, {{style}}")
    (found,) = planned(path)
    assert (found.what, found.bound) == (What.REPLAYS, ("style",))

    document = json.loads(path.read_text())
    document["cells"][2]["outputs"] = []
    path.write_text(json.dumps(document))
    (found,) = planned(path)
    assert (found.what, found.why) == (What.UNKNOWN, "-p style has a value only in a running kernel")


def test_a_literal_of_the_parameters_cell_needs_no_record(project: Path) -> None:
    """A cell whose parameter is a literal above it is planned without its output, and anew when that was edited."""
    path, _ = run(project, "style = 'ink'", USE, "%%gemimg -p style\nA cat, {{style}}")
    document = json.loads(path.read_text())
    document["cells"][2]["outputs"] = []
    path.write_text(json.dumps(document))
    (found,) = planned(path)
    assert (found.what, found.bound) == (What.REPLAYS, ())

    document["cells"][0]["source"] = "style = 'pencil'"
    path.write_text(json.dumps(document))
    (found,) = planned(path)
    assert (found.what, found.calls) == (What.CALLS, 1)


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("-p x=$1+1", "{{x}}"),
        ("-s $size", "x"),
        ("-i fetch()", "x"),
        ("-i pictures[0]", "x"),
        ("-i var:pictures", "x"),
        ("-e answers", "x"),
        ("-i https://pictures.example/cat.png", "x"),
    ],
)
def test_what_only_a_kernel_knows_is_unknown(only: Callable[..., Planned], line: str, body: str) -> None:
    """Without a record, a cell that needs a variable, an expression or a new URL is unknown, not guessed."""
    found = only(f"%%gemimg -m emulator/sketch-1 {line}\n{body}", "pictures = answers = []")
    expected = What.FAILS if "()" in line else What.UNKNOWN
    assert found.what is expected, found.why


def test_what_is_made_of_a_pending_picture_is_unknown(project: Path) -> None:
    """Plain code between two cells hides nothing: what it makes of a picture that would be asked for is unknown."""
    cells = (USE, CAT, "import gemnb\nsmall = gemnb.keep(cat.image, say=False) if 0 else cat.bytes", "both = [small]")
    path, _ = run(project, *cells, "%%gemimg -i small\nA hat", "%%gemimg -i both[0]\nB")
    assert whats(planned(path)) == ["replays"] * 3
    _, first, second = planned(change(path, 2, "%%gemimg cat\nA dog"))

    assert (first.what, second.what) == (What.UNKNOWN, What.UNKNOWN)
    assert first.why == "small is made of cat, which cell 2 would ask for"
    assert second.why == "both[0] is made of cat, which cell 2 would ask for"


def test_a_name_that_is_bound_anew_is_no_longer_the_cells(project: Path) -> None:
    """A NAME that plain code binds to something else is not taken for the cell's answer."""
    path = unrun(project, USE, CAT, "cat = open('cat.png', 'rb').read()", "%%gemimg -i cat\nA hat")
    assert planned(path)[1].what is What.UNKNOWN


def test_files_of_the_project_are_read(project: Path, make_picture: Callable[..., bytes]) -> None:
    """A cell with an input file replays while the file is the same, and calls once it, or a glob's match, differs."""
    (project / "in").mkdir()
    (project / "in" / "a.png").write_bytes(make_picture())
    path, _ = run(project, USE, "%%gemimg -i in/a.png\nx", "%%gemimg -i in/*.png\ny")
    assert whats(planned(path)) == ["replays", "replays"]
    (project / "in" / "b.png").write_bytes(make_picture("PNG", (9, 9)))
    assert whats(planned(path)) == ["replays", "calls"]
    (project / "in" / "a.png").write_bytes(make_picture("PNG", (7, 7)))
    assert whats(planned(path)) == ["calls", "calls"]


def test_a_file_that_is_not_there_stops_the_cell(only: Callable[..., Planned]) -> None:
    """A path without a file, that was never an input either, is an error before it is one in a run."""
    found = only("%%gemimg -m emulator/sketch-1 -i nowhere.png\nx")
    assert (found.what, found.why) == (What.FAILS, "-i nowhere.png: there is no such file.")


def test_files_outside_the_project_are_not_read(
    project: Path, tmp_path: Path, make_picture: Callable[..., bytes]
) -> None:
    """A stranger's notebook learns nothing of files elsewhere: not by `..`, an absolute path, a link or a glob."""
    (tmp_path / "secret.png").write_bytes(make_picture())
    (project / "link.png").symlink_to(tmp_path / "secret.png")
    for reference in ("../secret.png", str(tmp_path / "secret.png"), "link.png", "file:../secret.png", "link.*"):
        found = planned(unrun(project, f"%%gemimg -m emulator/sketch-1 -i {reference}\nx"))[0]
        assert found.what is What.UNKNOWN, reference
        assert "lies outside the project" in found.why
    for reference in ("../*.png", f"{tmp_path}/*.png"):
        assert planned(unrun(project, f"%%gemimg -m emulator/sketch-1 -i {reference}\nx"))[0].what is What.FAILS


def test_nothing_of_a_notebook_is_evaluated(project: Path) -> None:
    """Expressions in a stranger's cells are read as text, never run."""
    evil = "open('owned','w')"
    lines = [f"-p x=$__import__('builtins').{evil}", f"-i var:{evil}", f"-e {evil}", f"-i file:{evil}", f"-i {evil}"]
    cells = [f"%%gemimg -m emulator/sketch-1 {line}\n{{{{x}}}}" for line in lines]
    quoted = ['%%gemimg -m emulator/sketch-1 -i "var:' + evil + '"\nx', '%%gemimg -e "' + evil + '" -m a/b\nx']
    found = planned(unrun(project, *cells, *quoted, evil))

    assert len(found) == 7
    assert not (project / "owned").exists()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("%%gemimg -z\nx", "There is no option -z."),
        ("%%gemimg\nx", "No model is named, and gemnb has none built in: a notebook alone says what it asks."),
        ("%%gemimg -m emulator/sketch-1", "The prompt is empty."),
        ("%%gemimg -m emulator/sketch-1 -p a=b\nx", "-p a is declared, but {{a}} is not in the prompt."),
        ("%%gemimg -m emulator/sketch-1 --mode quick\nx", "There is no mode 'quick'."),
        ("%%gemimg -m emulator/sketch-1 --mode replay\nx", "its --mode is replay, and no answer is kept"),
        ("%%gemimg -m emulator/sketch-1 -i blob:123456789abc\nx", "no blob is kept"),
    ],
)
def test_a_cell_that_cannot_run_is_told(only: Callable[..., Planned], source: str, why: str) -> None:
    """A cell that would end with an error costs nothing, and the plan has the error's first sentence."""
    found = only(source)
    assert (found.what, found.calls) == (What.FAILS, 0)
    assert why in found.why


@pytest.mark.parametrize("flag", ["--dry-run", "--mode plan", "-h"])
def test_a_cell_that_asks_nothing_by_itself(only: Callable[..., Planned], flag: str) -> None:
    """A cell that says that it asks nothing is counted as nothing."""
    assert only(f"%%gemimg -m emulator/sketch-1 {flag}\nx").what is What.NOTHING


def test_a_refresh_is_a_call(project: Path) -> None:
    """A cell with --mode refresh calls although an answer is kept."""
    path, _ = run(project, USE, "%%gemimg --mode refresh\nA cat")
    (found,) = planned(path)
    assert (found.what, found.calls, found.why) == (What.CALLS, 1, "its --mode is refresh")


@pytest.mark.parametrize(
    ("sources", "calls"),
    [
        (["import gemnb\nr = gemnb.generate('x', model='m')"], 1),
        (["import gemnb as g", "a = [g.generate(p, model='m') for p in ps]\ng.generate('x', model='m')"], 2),
        (["from gemnb import generate as ask\nask('x', model='m')"], 1),
        (["%load_ext gemnb\n!ls\nimport gemnb\ngemnb.generate('x', model='m')"], 1),
        (["x = (1,\ngemnb.generate('x', model='m')"], 1),
        (["model.generate('x')\ngenerate('y')\n'gemnb.generate(x)'"], 0),
        (["%%bash\necho gemnb"], 0),
        (["x = '\\d' is 1\nimport gemnb\ngemnb.generate('x', model='m')"], 1),
    ],
    ids=range(8),
)
def test_calls_in_plain_code_are_unknown(project: Path, sources: list[str], calls: int) -> None:
    """`gemnb.generate` in plain code is counted, by whatever name it was imported, and told as unknown."""
    found = planned(unrun(project, *sources))
    assert sum(int(cell.why.split()[0]) for cell in found) == calls
    assert {cell.what for cell in found} <= {What.UNKNOWN}


def test_a_refusal_that_is_kept_is_told(project: Path, emulator: Emulator) -> None:
    """A kept answer without a picture replays, costs nothing, and the plan says what it is."""
    emulator.script(Fault(kind="prompt-blocked"))
    generate("A cat", model="emulator/sketch-1", allow_refusal=True)
    (found,) = planned(unrun(project, f"{CAT.replace('cat', 'cat -m emulator/sketch-1', 1)}"))

    assert (found.what, found.pictures) == (What.REPLAYS, 0)
    assert found.why == "the kept answer is no picture (refusal)"


def test_a_damaged_answer_stops_the_cell(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged record is told as what would stop the cell, and is left where it is."""
    monkeypatch.setenv("GEMNB_MACHINE", "off")
    path, _ = run(project, USE, CAT)
    for file in (project / "cache" / "records").rglob("*.json"):
        file.write_bytes(file.read_bytes()[:-40])
    before = snapshot(project)
    (found,) = planned(path)

    assert found.what is What.FAILS
    assert snapshot(project) == before


def test_a_failing_store_is_no_miss(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that cannot be read is an error, not a plan full of calls."""
    monkeypatch.setenv("GEMNB_MACHINE", "off")
    path, _ = run(project, USE, CAT)
    (file,) = (project / "cache" / "records").rglob("*.json")
    file.unlink()
    file.symlink_to(file)
    with pytest.raises(StoreError):
        planned(path)


def test_what_is_no_notebook_is_told(project: Path) -> None:
    """A file that is no notebook is an error of its own."""
    (project / "post.ipynb").write_text("{")
    with pytest.raises(NotebookError):
        planned(project / "post.ipynb")


def test_a_strangers_record_is_believed_in_nothing(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Output that is no record gives no bindings, whatever it holds, and breaks nothing."""
    path, _ = run(project, "style = str('ink')", USE, "%%gemimg -p style\nA cat, {{style}}")
    document = json.loads(path.read_text())
    mime = "application/vnd.gemnb.v1+json"
    good = document["cells"][2]["outputs"][0]["data"][mime]
    for bad in (
        None,
        [],
        {"record": 7},
        good | {"record": {}},
        json.loads(json.dumps(good).replace("ink", "\\u001b")),
    ):
        document["cells"][2]["outputs"][0]["data"][mime] = bad
        path.write_text(json.dumps(document))
        with caplog.at_level(logging.ERROR):
            (found,) = planned(path)
        assert found.what is What.UNKNOWN
