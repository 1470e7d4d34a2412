"""The papermill engine: replay without a trace, in place without harm, and the same bytes from two runs."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import papermill
import pytest
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

from gemnb.errors import NotebookError
from gemnb.model import MIMETYPE
from gemnb.reproduce.run import Verdict, reproduce_notebook

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.emulator import Emulator

Edit = "Callable[[Callable[[dict[str, Any]], None]], None]"
CAT = 3  # place of the first %%gemimg cell, from 0


def run(notebook: Path, out: Path, **kwargs: Any) -> dict[str, Any]:
    """Run a notebook as `papermill --engine gemnb` does and return what was written."""
    papermill.execute_notebook(str(notebook), str(out), engine_name="gemnb", progress_bar=False, **kwargs)
    return json.loads(out.read_text("utf-8"))


def shown(document: dict[str, Any]) -> list[Any]:
    """Return the records in a notebook's outputs."""
    outputs = [output for cell in document["cells"] for output in cell.get("outputs", ())]
    return [output["data"][MIMETYPE] for output in outputs if MIMETYPE in output.get("data", {})]


def test_what_comes_out_is_what_went_in(notebook: Path, emulator: Emulator) -> None:
    """A notebook that was saved by an earlier run comes out byte for byte, and nobody is called."""
    first, second = notebook.with_name("first.ipynb"), notebook.with_name("second.ipynb")
    run(notebook, first)
    run(first, second)

    assert first.read_bytes() == second.read_bytes()
    assert first.read_text() == nbformat.writes(nbformat.read(notebook, 4))
    assert emulator.calls == ()


def test_the_papermill_command_finds_the_engine(notebook: Path) -> None:
    """`papermill --engine gemnb` works as typed, by the entry point, with parameters and a working folder."""
    out = notebook.with_name("out.ipynb")
    command = [str(Path(sys.executable).with_name("papermill")), "--engine", "gemnb", notebook.name, out.name]
    done = subprocess.run(
        [*command, "-p", "style", "ink", "--cwd", "."],
        cwd=notebook.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    document = json.loads(out.read_text("utf-8"))

    assert done.returncode == 0, done.stderr
    assert len(shown(document)) == 3
    assert document["metadata"]["papermill"] == {"parameters": {"style": "ink"}}
    assert [c["id"] for c in document["cells"] if "injected-parameters" in c["metadata"].get("tags", ())] == [
        "injected-parameters"
    ]


def test_it_replays_unless_told_otherwise(
    notebook: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parameter nobody asked with is an error without a call; `GEMNB_MODE=auto` asks."""
    out = notebook.with_name("out.ipynb")
    with pytest.raises(papermill.PapermillExecutionError, match="No answer is kept"):
        run(notebook, out, parameters={"style": "oil"})
    assert emulator.calls == ()

    monkeypatch.setenv("GEMNB_MODE", "auto")
    run(notebook, out, parameters={"style": "oil"})
    assert len(emulator.calls) == 3


def test_a_run_in_place_that_fails_leaves_the_file(notebook: Path, edit: Edit) -> None:
    """Where papermill's own engine would leave a notebook without its paid pictures, the file is as it was."""

    def change(document: dict[str, Any]) -> None:
        document["cells"][CAT + 1]["source"] = "1 / 0"

    edit(change)
    before = notebook.read_bytes()

    with pytest.raises(NotebookError, match="failed in cell 5, and was left as it was") as caught:
        run(notebook, notebook)

    assert notebook.read_bytes() == before
    assert "ZeroDivisionError" in caught.value.why


def test_a_run_in_place_that_succeeds_changes_nothing(notebook: Path) -> None:
    """Run onto itself twice, the file is the same."""
    run(notebook, notebook)
    before = notebook.read_bytes()
    run(notebook, notebook)

    assert notebook.read_bytes() == before


def test_an_older_notebook_gets_the_same_ids_each_time(notebook: Path, edit: Edit) -> None:
    """Cells of format 4.4 have no ids; those they get do not differ from run to run."""

    def change(document: dict[str, Any]) -> None:
        document["nbformat_minor"] = 4
        for cell in document["cells"]:
            del cell["id"]

    edit(change)
    one, other = notebook.with_name("one.ipynb"), notebook.with_name("other.ipynb")
    run(notebook, one)
    run(notebook, other)

    assert one.read_bytes() == other.read_bytes()
    assert [cell["id"] for cell in json.loads(one.read_text())["cells"]][:2] == ["cell-1", "cell-2"]


def test_the_notebook_brings_its_own_answers(notebook: Path, emulator: Emulator) -> None:
    """Without the project's cache the notebook replays from what it holds itself, and the cache stays empty."""
    shutil.rmtree(notebook.parent / "cache")
    document = run(notebook, notebook.with_name("out.ipynb"))

    assert shown(document) == shown(json.loads(notebook.read_text()))
    assert emulator.calls == ()
    assert not (notebook.parent / "cache").exists()


def test_an_input_that_is_gone_is_stood_in_for(notebook: Path) -> None:
    """An input file that is not there is replaced by the kept bytes it had; the digests stay."""
    (notebook.parent / "photo.png").unlink()
    document = run(notebook, notebook.with_name("out.ipynb"))

    assert shown(document) == shown(json.loads(notebook.read_text()))


def test_an_input_that_was_changed_is_not_stood_in_for(notebook: Path, make_picture: Callable[..., bytes]) -> None:
    """A file that is there counts as it is: its change is a miss."""
    (notebook.parent / "photo.png").write_bytes(make_picture(size=(10, 10)))

    with pytest.raises(papermill.PapermillExecutionError, match=r"photo\.png"):
        run(notebook, notebook.with_name("out.ipynb"))


def test_a_tampered_picture_is_not_brought(notebook: Path, edit: Edit) -> None:
    """Bytes in the notebook that do not fit their digest never answer, though the cache is gone."""

    def change(document: dict[str, Any]) -> None:
        data = document["cells"][CAT]["outputs"][0]["data"]
        kind = next(name for name in data if name.startswith("image/"))
        data[kind] = data[kind][:-8] + "AAAA" + data[kind][-4:]

    edit(change)
    shutil.rmtree(notebook.parent / "cache")

    with pytest.raises(papermill.PapermillExecutionError, match="missing"):
        run(notebook, notebook.with_name("out.ipynb"))


def test_a_cell_that_left_no_picture_is_an_error(project: Path) -> None:
    """A `%%gemimg` that is somebody else's and shows nothing fails the run, which is written all the same."""
    other = "from IPython.core.magic import register_cell_magic\n@register_cell_magic\ndef gemimg(line, cell): pass"
    notebook = new_notebook(cells=[new_code_cell(other), new_code_cell("%%gemimg cat\nA cat")])
    nbformat.write(notebook, project / "silent.ipynb")

    with pytest.raises(NotebookError, match="cell 2 ran and left no picture"):
        run(project / "silent.ipynb", project / "out.ipynb")

    assert json.loads((project / "out.ipynb").read_text())["cells"][1]["execution_count"] == 2


def test_a_kernel_that_is_not_installed_here_does_not_stop_it(notebook: Path, edit: Edit) -> None:
    """A notebook made in somebody's environment runs in this one."""

    def change(document: dict[str, Any]) -> None:
        document["metadata"]["kernelspec"] = {"name": "conda-base-py", "display_name": "x", "language": "python"}

    edit(change)
    document = run(notebook, notebook.with_name("out.ipynb"))

    assert len(shown(document)) == 3
    assert document["metadata"]["kernelspec"]["name"] == "conda-base-py"


def test_no_widget_state_and_no_times_are_left(notebook: Path, edit: Edit) -> None:
    """Of a run there is no time, path, version or widget state in the notebook."""

    def change(document: dict[str, Any]) -> None:
        document["cells"].append(
            {
                "cell_type": "code",
                "id": "w",
                "source": "print('x')",
                "metadata": {},
                "outputs": [],
                "execution_count": 1,
            }
        )

    edit(change)
    text = notebook.with_name("out.ipynb")
    document = run(notebook, text)

    assert "papermill" not in document["metadata"]
    assert "widgets" not in document["metadata"]
    assert all("execution" not in cell["metadata"] for cell in document["cells"])
    assert str(notebook.parent) not in text.read_text()


def test_a_cell_that_ended_without_an_error_output_failed(notebook: Path, edit: Edit) -> None:
    """IPython prints a UsageError and shows none: the run fails there, shows it, and leaves its input alone."""

    def change(document: dict[str, Any]) -> None:
        document["cells"][CAT]["source"] = "%nosuchmagic here"

    edit(change)
    before, out = notebook.read_bytes(), notebook.with_name("out.ipynb")

    with pytest.raises(NotebookError, match="failed in cell 4, and was left as it was"):
        run(notebook, notebook)
    assert notebook.read_bytes() == before
    with pytest.raises(papermill.PapermillExecutionError):
        run(notebook, out)
    assert '"output_type": "error"' in out.read_text()
    found = reproduce_notebook(notebook)
    assert found.error is not None
    assert found.error[0] == CAT + 1
    assert {row.verdict for row in found.rows} == {Verdict.FAILED}


def test_a_kernel_that_dies_leaves_what_came_before(notebook: Path, edit: Edit) -> None:
    """Pictures before the death of the kernel are written and reproduced; those after it failed."""

    def change(document: dict[str, Any]) -> None:
        document["cells"][CAT + 1]["source"] = "import os; os._exit(1)"

    edit(change)
    out = notebook.with_name("out.ipynb")

    with pytest.raises(DeadKernelError):
        run(notebook, out)
    assert len(shown(json.loads(out.read_text()))) == 1
    found = reproduce_notebook(notebook)
    assert found.error is not None
    assert found.error[:2] == (CAT + 2, "DeadKernelError")
    assert found.rows[0].verdict is Verdict.REPRODUCED
    assert Verdict.FAILED in [row.verdict for row in found.rows]


@pytest.mark.parametrize("said", ["", "replay"])
def test_no_cell_lifts_a_replay(
    notebook: Path, edit: Edit, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """A cell that says `--mode auto` is not asked for, whether `GEMNB_MODE` says replay or nothing."""

    def change(document: dict[str, Any]) -> None:
        document["cells"][CAT]["source"] = "%%gemimg cat --mode auto\nA bird nobody asked for"

    edit(change)
    if said:
        monkeypatch.setenv("GEMNB_MODE", said)
    with pytest.raises(papermill.PapermillExecutionError, match="No answer is kept"):
        run(notebook, notebook.with_name("out.ipynb"))
    assert emulator.calls == ()


def test_a_damaged_cache_is_left_alone_and_the_notebook_stands_in(notebook: Path) -> None:
    """Where bytes in the cache are damaged, those in the notebook show; a replay changes nothing in the project."""
    blobs = [path for path in (notebook.parent / "cache" / "blobs").rglob("*") if path.is_file()]
    for path in blobs:
        path.write_bytes(b"damaged")
    before = sorted(path for path in notebook.parent.rglob("*"))
    (notebook.parent / "photo.png").touch()

    found = reproduce_notebook(notebook)

    assert {row.verdict for row in found.rows} == {Verdict.REPRODUCED}
    assert sorted(path for path in notebook.parent.rglob("*")) == before
    assert {path.read_bytes() for path in blobs} == {b"damaged"}


def test_a_kernel_that_dies_as_it_starts_is_started_once_more(
    notebook: Path, edit: Edit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two kernels that start at one time may choose the same port; the one that loses it gets another chance."""
    mark = tmp_path / "died"
    program = (
        f"import pathlib, sys; mark = pathlib.Path({str(mark)!r}); died = mark.exists(); mark.touch()\n"
        "if not died: sys.exit(1)\n"
        "from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
    )
    spec = tmp_path / "share" / "kernels" / "unlucky"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-c", program, "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "x", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share"))
    edit(lambda document: document["metadata"]["kernelspec"].update(name="unlucky"))
    run = reproduce_notebook(notebook)

    assert mark.exists()
    assert run.error is None
    assert {row.verdict for row in run.rows} == {Verdict.REPRODUCED}


@pytest.mark.parametrize("ids", ["none", "twice", "format 4.4"])
def test_a_notebook_without_ids_of_its_own_comes_out_the_same_twice(notebook: Path, edit: Edit, ids: str) -> None:
    """Ids that nbformat draws by lot, where cells have none or share one, are not what is written."""

    def change(document: dict[str, Any]) -> None:
        for cell in document["cells"]:
            if ids != "twice":
                cell.pop("id", None)
        if ids == "twice":
            document["cells"][1]["id"] = document["cells"][2]["id"] = document["cells"][4]["id"]
        document["nbformat_minor"] = 4 if ids == "format 4.4" else 5

    edit(change)
    with warnings.catch_warnings(action="ignore"):  # nbformat's own, of such files
        first, second = (run(notebook, notebook.with_name(name)) for name in ("first.ipynb", "second.ipynb"))

    assert first == second
    names = [cell["id"] for cell in first["cells"] if "id" in cell]
    assert len(set(names)) == len(names)


def test_what_differs_from_the_notebook_and_its_lock_is_told(
    notebook: Path, edit: Edit, caplog: pytest.LogCaptureFixture
) -> None:
    """Papermill's log names each picture that came otherwise than the notebook holds it, or its lock pins it."""
    subprocess.run([sys.executable, "-m", "gemnb", "lock", notebook.name], cwd=notebook.parent, check=True)
    out = notebook.with_name("out.ipynb")
    run(notebook, out)
    assert caplog.messages == []

    def flip(document: dict[str, Any]) -> None:
        data = document["cells"][CAT]["outputs"][0]["data"]
        data["text/plain"] = "A lie"
        document["cells"][CAT + 2]["source"] = "%%gemimg both -e cat\nGive it a hat"

    edit(flip)
    run(notebook, out)
    said = [message.partition(": ") for message in caplog.messages]

    assert [(where, rest[:19]) for where, _, rest in said] == [
        ("post.ipynb cell 4 (cat)", "drifted: text/plain"),
        ("post.ipynb cell 6 (both)", "drifted: the prompt"),
        ("post.ipynb gemnb.lock", "changed: post.ipynb"),
    ]


def test_kernels_of_several_processes_have_ports_of_their_own() -> None:
    """Processes whose numbers are neighbours never choose the same ports, whatever the system gives others."""
    program = (
        "from gemnb.reproduce.ports import kernel_ports; print(*kernel_ports().values(), *kernel_ports().values())"
    )
    several = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    chosen = [port for process in several for port in process.communicate()[0].split()]

    assert len(chosen) == 4 * 2 * 5
    assert len(set(chosen)) == len(chosen)
    assert all(10_000 <= int(port) < 32_768 for port in chosen)


def test_a_port_that_is_taken_is_passed_over() -> None:
    """Ports that another program holds are not given to a kernel."""
    from gemnb.reproduce.ports import kernel_ports

    given = kernel_ports()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", given["hb_port"] + 8))  # the next block's
        following = kernel_ports()

    assert set(given) == {"shell_port", "iopub_port", "stdin_port", "hb_port", "control_port"}
    assert not set(following.values()) & {*given.values(), given["hb_port"] + 8}
