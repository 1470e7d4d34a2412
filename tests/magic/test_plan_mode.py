"""Mode plan and `--dry-run` in a shell: nothing is asked, one line is left, and what is pending cannot be read."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from gemnb import generate
from gemnb.errors import GemnbError, OverBudget, PendingRead
from gemnb.magic import load
from gemnb.pending import Pending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from gemnb.emulator import Emulator

CAT = "%%gemimg cat -m emulator/sketch-1 -s 512\nA cat"
PLAN = CAT.replace("cat -m", "cat --mode plan -m")


@pytest.fixture
def shell(project: Path, emulator: Emulator) -> Iterator[InteractiveShell]:
    """A shell with gemnb in it, in a project of its own."""
    main = sys.modules["__main__"]
    config = Config()
    config.HistoryManager.enabled = False
    made = InteractiveShell(config=config)
    load(made)
    yield made
    sys.modules["__main__"] = main


@pytest.fixture
def cell(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Callable[[str], tuple[str, Any]]:
    """Run a cell; return what it shows and the error it raises."""

    def run(source: str) -> tuple[str, Any]:
        result = shell.run_cell(source)
        return capsys.readouterr().out, result.error_in_exec

    return run


def test_a_miss_leaves_one_line(cell: Callable, shell: InteractiveShell, emulator: Emulator, project: Path) -> None:
    """In plan a cell without a kept answer says what it would ask, keeps nothing, and binds what is pending."""
    said, error = cell(PLAN.replace("emulator/sketch-1 -s 512", "nano-banana-pro -n 2"))
    (line,) = said.splitlines()

    assert error is None
    assert line.startswith("pending: would ask google/gemini-3-pro-image 2 times (")
    assert line.endswith("), about $0.269")
    assert isinstance(shell.user_ns["cat"], Pending)
    assert emulator.calls == ()
    assert not (project / "cache").exists()


def test_a_hit_replays(cell: Callable, shell: InteractiveShell, emulator: Emulator) -> None:
    """In plan a kept answer is shown as ever."""
    cell(CAT)
    said, error = cell(PLAN)

    assert error is None
    assert "[gemnb:" in said or "Image" in said
    assert shell.user_ns["cat"].image.size == (512, 512)
    assert len(emulator.calls) == 1


@pytest.mark.parametrize(
    "read",
    [
        *("image", "images", "bytes", "pictures", "text", "usage", "cost", "record"),
        *("save('x.png')", "_repr_mimebundle_()", "[0].image", "[-1].record"),
    ],
)
def test_what_is_pending_cannot_be_read(cell: Callable, project: Path, read: str) -> None:
    """Each way to a pending picture raises, and says what to type; nothing is written."""
    cell(PLAN)
    _, error = cell(f"cat{read}" if read.startswith("[") else f"cat.{read}")

    assert isinstance(error, PendingRead)
    assert "the mode is plan" in error.what
    assert "GEMNB_MODE=auto" in error.hint
    assert not (project / "x.png").exists()


@pytest.mark.parametrize("line", ["-e cat", "-i cat", "-i cat[0]", "-e cat[0]"])
def test_a_cell_cannot_go_on_from_it(cell: Callable, emulator: Emulator, line: str) -> None:
    """An edit of a pending picture, or a cell with it as input, stops there, whatever mode it is in."""
    cell(PLAN)
    _, error = cell(f"%%gemimg {line} -m emulator/sketch-1\nA hat")

    assert isinstance(error, PendingRead)
    assert emulator.calls == ()


def test_what_is_known_of_it_can_be_read(cell: Callable, shell: InteractiveShell) -> None:
    """Length, digest, repr and parents of a pending result are known; a sample that is kept is there."""
    cell(CAT)
    cell(PLAN.replace("-s 512", "-s 512 -n 3"))
    cat = shell.user_ns["cat"]

    assert len(cat) == 3
    assert cat[0].image.size == (512, 512)
    assert cat[0].digest == cat.digest
    assert cat.parents == ()
    assert repr(cat).startswith("<gemnb.Pending: pending: would ask emulator/sketch-1 2 times (")
    with pytest.raises(IndexError):
        cat[3]


def test_the_function_plans_too(project: Path, emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    """`gemnb.generate` in mode plan returns what is pending and says the line."""
    made = generate("A cat", model="emulator/sketch-1", mode="plan")

    assert isinstance(made, Pending)
    assert caplog.messages == [made.line]
    assert emulator.calls == ()


def test_a_dry_run_tells_everything_and_does_nothing(
    cell: Callable, shell: InteractiveShell, emulator: Emulator, project: Path, make_picture: Callable[..., bytes]
) -> None:
    """--dry-run says what would be asked, of whom, with what, at what price; nothing is asked, kept or bound."""
    (project / "photo.png").write_bytes(make_picture())
    said, error = cell(
        "%%gemimg cat --dry-run -m nano-banana-pro -a 16:9 -n 2 -p animal=cat -i photo.png\n"
        "A {{animal}}\x1b[1m\non a sofa"
    )
    lines = said.splitlines()

    assert error is None
    assert lines[0] == "It would ask 2 times, about $0.271."
    assert lines[1].split() == ["model", "google/gemini-3-pro-image"]
    assert lines[2] == "  prompt         19 characters: A cat\\x1b[1m"
    assert lines[3].split() == ["aspect_ratio", "16:9"]
    assert lines[4].startswith("  picture ")
    assert lines[4].endswith(" image/png photo.png")
    assert [line.split()[2:] for line in lines[5:7]] == [["not", "kept"]] * 2
    assert "prices as of 2026-10-07" in lines[7]
    assert "cat" not in shell.user_ns
    assert not (project / "cache").exists()
    assert emulator.calls == ()


def test_a_dry_run_of_a_hit_costs_nothing(cell: Callable, shell: InteractiveShell, emulator: Emulator) -> None:
    """--dry-run of a kept answer says that it would replay, and leaves NAME as it is; a refresh would call."""
    cell(CAT)
    shell.user_ns["cat"] = "mine"
    dry = CAT.replace("cat -m", "cat --dry-run -m")
    hit, _ = cell(dry)
    refresh, _ = cell(dry.replace("--dry-run", "--dry-run --mode refresh"))
    replay, _ = cell(dry.replace("A cat", "A dog").replace("--dry-run", "--dry-run --mode replay"))

    assert hit.startswith("Kept: it would replay, and ask nothing.")
    assert "kept, attempt 1" in hit
    assert refresh.startswith("It would ask once, about $0.")
    assert replay.startswith("Not kept, and the mode is replay: it would fail")
    assert shell.user_ns["cat"] == "mine"
    assert len(emulator.calls) == 1


def test_a_dry_run_of_a_wrong_cell_fails_as_the_cell(cell: Callable) -> None:
    """What would stop the cell stops its dry run, with the same error."""
    _, error = cell("%%gemimg --dry-run -m emulator/sketch-1 -i nowhere.png\nx")
    assert isinstance(error, GemnbError)


def test_a_limit_of_the_kernel_and_of_a_cell(
    cell: Callable, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """%config GemImg.max_cost, a number or a text, and --max-cost each stop a call before anything is sent."""
    monkeypatch.setenv("GEMNB_BASE_URL", emulator.url)
    monkeypatch.setenv("GEMINI_API_KEY", "no-key-at-all")
    paid = "%%gemimg -m nano-banana-pro\nA cat"
    assert cell("%config GemImg.max_cost = 0.01")[1] is None
    _, by_config = cell(paid)
    cell("%config GemImg.max_cost = 'off'")
    _, by_cell = cell(paid.replace("-m", "--max-cost 0.02 -m"))

    assert isinstance(by_config, OverBudget)
    assert by_config.evidence["limit"] == "0.01"
    assert isinstance(by_cell, OverBudget)
    assert by_cell.evidence["limit"] == "0.02"
    assert emulator.calls == ()


PROGRAM = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("%load_ext gemnb").raise_error()
opened = []
sys.addaudithook(lambda event, arguments: opened.append(event) if event.startswith("socket.") else None)
for cell in CELLS:
    result = shell.run_cell(cell)
    print(type(result.error_in_exec).__name__)
print(opened, [name for name in ("google.genai", "httpx2") if name in sys.modules])
"""


def test_no_socket_opens(project: Path) -> None:
    """In plan and in a dry run, a miss of a real model with a key at hand, and a URL never fetched, open nothing."""
    cells = [
        "%%gemimg a --mode plan -n 2 -m nano-banana-pro\nA cat",
        "%%gemimg a --dry-run -m nano-banana-pro\nA cat",
        "%%gemimg a --mode plan -m nano-banana-pro -i https://127.0.0.1:1/a.png\nA cat",
        "%%gemimg a --dry-run -m nano-banana-pro -i https://127.0.0.1:1/a.png\nA cat",
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("CELLS", repr(cells))],
        cwd=project,
        env=os.environ | {"GEMINI_API_KEY": "a-key-that-must-not-be-used"},
        capture_output=True,
        text=True,
        check=True,
    )
    *_, last = done.stdout.splitlines()

    assert [line for line in done.stdout.splitlines() if line in ("NoneType", "CacheMiss")] == [
        *("NoneType", "NoneType", "CacheMiss", "CacheMiss")
    ]
    assert last == "[] []"
