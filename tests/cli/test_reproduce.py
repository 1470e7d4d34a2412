"""`gemnb reproduce` as typed: many notebooks, the lock, reports, outputs, budgets."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

if TYPE_CHECKING:
    from gemnb.emulator import Emulator

GEMNB = str(Path(sys.executable).with_name("gemnb"))


@pytest.fixture(scope="module")
def _two_once(tmp_path_factory: pytest.TempPathFactory, _running_emulator: Emulator) -> Path:
    """A project with two notebooks of a picture each, made in real kernels; tests get copies of it."""
    project = tmp_path_factory.mktemp("two-once")
    (project / "pyproject.toml").write_text("[tool.gemnb]\n")
    (project / "nb").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEMNB_EMULATOR", _running_emulator.url)
        patch.setenv("XDG_CACHE_HOME", str(project.parent / "user"))
        patch.setenv("XDG_DATA_HOME", str(project.parent / "user"))
        for name, prompt in (("one", "A cat"), ("two", "A dog")):
            sources = ("%load_ext gemnb\n%gemnb use emulator/sketch-1", f"%%gemimg it\n{prompt}")
            notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
            client = NotebookClient(
                notebook,
                kernel_name="python3",
                record_timing=False,
                resources={"metadata": {"path": str(project)}},
                extra_arguments=["--IPKernelApp.log_level=ERROR"],
                shutdown_kernel="immediate",
            )
            client.execute()
            nbformat.write(notebook, project / "nb" / f"{name}.ipynb")
    return project


@pytest.fixture
def two(project: Path, emulator: Emulator, _two_once: Path) -> Path:
    """A project with two notebooks of a picture each, made with the emulator."""
    shutil.copytree(_two_once, project, dirs_exist_ok=True)
    emulator.clear()
    return project


def gemnb(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does."""
    return subprocess.run([GEMNB, *arguments], capture_output=True, text=True, check=False)


def test_folders_and_globs_are_run_on_all_cores(two: Path, emulator: Emulator) -> None:
    """A folder, a quoted glob and a file name the same notebooks once each; a line per notebook tells of the way."""
    done = gemnb("reproduce", "nb", "nb/*.ipynb", "nb/one.ipynb")

    assert done.returncode == 0, done.stderr
    assert "2 of 2 pictures reproduced." in done.stdout
    assert sorted(line.split(" ", 1)[0] for line in done.stderr.splitlines()) == ["[1/2]", "[2/2]"]
    assert emulator.calls == ()


def test_a_file_that_is_no_notebook_stops_no_other(two: Path) -> None:
    """It is told in words, the others are run, and the exit code says that the call was wrong."""
    Path("nb/broken.ipynb").write_text("{")
    done = gemnb("reproduce", "nb")

    assert done.returncode == 2
    assert "nb/broken.ipynb is no notebook: it is no JSON." in done.stderr
    assert "2 of 2 pictures reproduced." in done.stdout


def test_what_came_is_written_where_it_is_asked_for(two: Path) -> None:
    """`--output` gets the notebooks under their names, the same bytes on every run; the notebooks stay."""
    before = {path.name: path.read_bytes() for path in Path("nb").iterdir()}
    assert gemnb("reproduce", "nb", "-o", "first").returncode == 0
    assert gemnb("reproduce", "nb", "-o", "second", "-j", "1").returncode == 0

    first = {path.name: path.read_bytes() for path in Path("first").iterdir()}
    assert first == {path.name: path.read_bytes() for path in Path("second").iterdir()}
    assert before == {path.name: path.read_bytes() for path in Path("nb").iterdir()}
    assert set(first) == set(before)


def test_locked_wants_every_answer_pinned(two: Path, emulator: Emulator) -> None:
    """Without a lock it says how to write one; with one it holds until a notebook shows something else."""
    without = gemnb("reproduce", "--locked", "nb")
    assert without.returncode == 2
    assert "gemnb lock nb/one.ipynb" in without.stderr

    assert gemnb("lock", "nb/one.ipynb").returncode == 0
    half = gemnb("reproduce", "--locked", "nb")
    assert half.returncode == 1
    assert "added: nb/two.ipynb" in half.stdout
    assert gemnb("reproduce", "nb").returncode == 0

    assert gemnb("lock", "nb").returncode == 0
    assert gemnb("reproduce", "--locked", "nb").returncode == 0
    assert emulator.calls == ()


def test_the_lock_selects_the_attempt(two: Path) -> None:
    """A later attempt at the same request does not change what a locked notebook shows; without a lock it does."""
    asked = "import gemnb; gemnb.generate('A cat', model='emulator/sketch-1', mode='refresh')"
    subprocess.run([sys.executable, "-c", asked], check=True)
    later = gemnb("reproduce", "nb/one.ipynb")
    assert later.returncode == 1
    assert "the notebook holds attempt 1, the run shows attempt 2" in later.stdout

    assert gemnb("lock", "nb").returncode == 0
    assert gemnb("reproduce", "nb/one.ipynb").returncode == 0


@pytest.mark.parametrize(("name", "begins"), [("r.json", "{"), ("r.xml", "<?xml"), ("r.md", ""), ("r.html", "<!")])
def test_a_report_is_written_too(two: Path, name: str, begins: str) -> None:
    """The ending of the file says which form it has."""
    assert gemnb("reproduce", "nb/one.ipynb", "--report", name).returncode == 0
    text = Path(name).read_text("utf-8")

    assert text.lstrip().lower().startswith(begins.lower())
    assert "one.ipynb" in text
    assert "reproduce" in text


def test_a_limit_belongs_to_a_run_that_pays(two: Path) -> None:
    """`--max-cost` in a replay, and a report of no known form, are told before anything runs."""
    replay = gemnb("reproduce", "nb", "--max-cost", "1")
    form = gemnb("reproduce", "nb", "--report", "report.doc")

    assert (replay.returncode, form.returncode) == (2, 2)
    assert "a replay costs nothing" in replay.stderr
    assert ".html" in form.stderr


def test_what_is_missing_is_asked_for_in_auto(two: Path, emulator: Emulator) -> None:
    """Live regeneration goes the same way: another parameter-free prompt is asked for once, and kept."""
    path = Path("nb/one.ipynb")
    document = json.loads(path.read_text("utf-8"))
    document["cells"][1]["source"] = "%%gemimg it\nA bird"
    path.write_text(json.dumps(document), "utf-8")
    assert gemnb("reproduce", str(path)).returncode == 1

    done = gemnb("reproduce", str(path), "--mode", "auto", "--max-cost", "0.5", "-o", "new")

    assert done.returncode == 1  # it is another picture than the notebook holds
    assert "'A cat' became 'A bird'" in done.stdout
    assert len(emulator.calls) == 1
    assert gemnb("reproduce", "new").returncode == 0


def _bytes(*names: str) -> list[bytes]:
    return [Path(name).read_bytes() for name in names]


@pytest.mark.parametrize(
    "arguments",
    [
        ["nb", "-o", "nb"],
        [".", "-o", "."],
        ["nb/one.ipynb", "-o", "nb"],
        ["nb/one.ipynb", "-o", "nb/../other/../nb"],
        ["nb/one.ipynb", "-o", "link"],
        ["nb/one.ipynb", "other/one.ipynb", "-o", "."],
    ],
)
def test_what_is_read_is_never_written_over(two: Path, arguments: list[str]) -> None:
    """An output folder that holds the notebooks themselves, however it is named, is refused before anything runs."""
    Path("other").mkdir()
    Path("other/one.ipynb").write_bytes(Path("nb/one.ipynb").read_bytes())
    Path("link").symlink_to("nb")
    before = _bytes("nb/one.ipynb", "nb/two.ipynb", "other/one.ipynb")
    done = gemnb("reproduce", *arguments)

    assert done.returncode == 2
    assert "which is a notebook that is read" in done.stderr
    assert "[1/" not in done.stderr
    assert before == _bytes("nb/one.ipynb", "nb/two.ipynb", "other/one.ipynb")


def test_outputs_stay_below_their_folder(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notebooks that are named through `..` are written below the output folder, and nowhere else."""
    Path("y").mkdir()
    Path("y/one.ipynb").write_bytes(Path("nb/one.ipynb").read_bytes())
    before = _bytes("nb/one.ipynb", "y/one.ipynb")
    monkeypatch.chdir("y")
    done = gemnb("reproduce", "../nb/one.ipynb", "one.ipynb", "-o", "../out")
    monkeypatch.chdir(two)

    assert done.returncode == 0, done.stderr
    assert before == _bytes("nb/one.ipynb", "y/one.ipynb")
    assert sorted(map(str, Path("out").rglob("*.ipynb"))) == ["out/nb/one.ipynb", "out/y/one.ipynb"]
    assert "nb/one.ipynb" in done.stdout  # to tell it from the other


def test_a_link_does_not_lead_out_of_the_output_folder(two: Path) -> None:
    """Where a link in the output folder leads elsewhere, nothing is run and nothing written there."""
    Path("elsewhere").mkdir()
    Path("out").mkdir()
    Path("out/nb").symlink_to(two / "elsewhere")
    Path("more").mkdir()
    Path("more/one.ipynb").write_bytes(Path("nb/one.ipynb").read_bytes())
    done = gemnb("reproduce", "nb", "more", "-o", "out")

    assert done.returncode == 2
    assert "a link leads out of out" in done.stderr
    assert list(Path("elsewhere").iterdir()) == []


def test_what_was_written_below_a_given_folder_is_not_run(two: Path) -> None:
    """The same command twice, with its output inside the folder it is given, does the same twice."""
    first = gemnb("reproduce", ".", "-o", "out")
    second = gemnb("reproduce", ".", "-o", "out")

    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    assert "2 of 2 pictures reproduced." in second.stdout
    assert "Left out: 2 notebooks in out" in second.stderr


def test_a_notebook_that_is_named_in_several_ways_is_run_once(two: Path) -> None:
    """As it is, through `..`, and by its whole path."""
    done = gemnb("reproduce", "nb/one.ipynb", "nb/../nb/one.ipynb", str(two / "nb" / "one.ipynb"))

    assert done.returncode == 0
    assert "1 of 1 pictures reproduced." in done.stdout


@pytest.mark.parametrize("arguments", [["-o", "file"], ["-o", "file/out"], ["--report", "none/r.md"]])
def test_what_cannot_be_written_is_told_before_anything_runs(two: Path, arguments: list[str]) -> None:
    """Neither a traceback nor the exit code of a drift: one that says that the store failed, or the usage."""
    Path("file").write_text("no folder")
    done = gemnb("reproduce", "nb", *arguments)

    assert done.returncode == (2 if arguments[-1] == "file" else 4)
    assert "Traceback" not in done.stderr
    assert arguments[-1] in done.stderr
    assert "[1/" not in done.stderr


def test_looking_whether_a_report_can_be_written_leaves_it(two: Path) -> None:
    """A wrong call makes no empty report, and takes no older one away."""
    Path("old.md").write_text("old")
    for name in ("old.md", "new.md"):
        assert gemnb("reproduce", "nb", "--report", name, "--locked").returncode == 2

    assert Path("old.md").read_text("utf-8") == "old"
    assert not Path("new.md").exists()


def test_a_setting_that_is_none_is_told_before_anything_runs(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that is no amount, and a mode that does not exist, are errors of usage."""
    limit = gemnb("reproduce", "nb", "--mode", "auto", "--max-cost", "abc")
    monkeypatch.setenv("GEMNB_MODE", "relpay")
    mode = gemnb("reproduce", "nb")

    assert (limit.returncode, mode.returncode) == (2, 2)
    assert "'abc' is neither an amount in US dollars" in limit.stderr
    assert "Did you mean replay?" in mode.stderr
    assert "[1/" not in limit.stderr + mode.stderr


def test_a_parameter_that_no_notebook_has_is_told(two: Path) -> None:
    """A misspelt name is told with the nearest one; a right one is not."""
    path = Path("nb/one.ipynb")
    notebook = nbformat.read(path, as_version=4)
    cell = nbformat.v4.new_code_cell("subject = 'cat'\nsize: int = 3", metadata={"tags": ["parameters"]})
    notebook.cells.insert(0, cell)
    nbformat.write(notebook, path)
    wrong = gemnb("reproduce", str(path), "-p", "subjectt", "dog")
    right = gemnb("reproduce", str(path), "-p", "subject", "dog", "-p", "size", "4")

    assert "-p subjectt: no notebook has it" in wrong.stderr
    assert "Did you mean subject?" in wrong.stderr
    assert "no notebook has it" not in right.stderr


def test_a_parameters_file_is_told_of_as_it_fails(two: Path) -> None:
    """One that is not there is not said to be written wrongly."""
    Path("list.yaml").write_text("- a")
    missing = gemnb("reproduce", "nb", "-f", "none.yaml")
    wrong = gemnb("reproduce", "nb", "-f", "list.yaml")

    assert (missing.returncode, wrong.returncode) == (2, 2)
    assert "No such file" in missing.stderr
    assert "style: ink" not in missing.stderr
    assert "style: ink" in wrong.stderr


def test_a_lock_that_is_none_is_told_before_anything_runs(two: Path) -> None:
    """A damaged gemnb.lock is a usage error with what to type next, not a failed notebook."""
    Path("gemnb.lock").write_text("garbage = = ")
    done = gemnb("reproduce", "nb")

    assert (done.returncode, done.stdout) == (2, "")
    assert "is no lock that gemnb wrote" in done.stderr
    assert "git checkout" in done.stderr
