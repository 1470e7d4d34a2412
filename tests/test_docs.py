"""Documentation is held true: every option, verb and setting is described, links lead somewhere, examples run."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.model import MIMETYPE
from gemnb.options import OPTIONS
from gemnb.settings import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.emulator import Emulator

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, kinds: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the fenced blocks of these kinds, in order, as (kind, text)."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [(kind, text) for kind, text in found if kind in kinds]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_documented(option: Any) -> None:
    """The options page has a row for each option, with its short form."""
    page = (ROOT / "docs/reference/options.md").read_text("utf-8")
    row = next((line for line in page.splitlines() if line.startswith("|") and f"`--{option.name}`" in line), "")

    assert row
    assert not option.short or f"`-{option.short}`" in row


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_documented(name: str) -> None:
    """The settings page has a row for each setting, with its environment variable."""
    page = (ROOT / "docs/reference/settings.md").read_text("utf-8")

    assert re.search(rf"^\| `{name}` \| `GEMNB_{name.upper()}` \|", page, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that is there."""
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_readme_cells_run(run_cells: Callable[..., list[Any]], emulator: Emulator) -> None:
    """The cells of the README, in their order, run in a kernel; each %%gemimg cell shows a picture."""
    sources = [text for kind, text in blocks(ROOT / "README.md", ("python", "text")) if "google/" not in text]
    cells = run_cells(*sources)

    assert [o.traceback for c in cells for o in c.outputs if o.output_type == "error"] == []
    asked = [cell for cell in cells if cell.source.startswith("%%gemimg")]
    assert len(asked) == 2
    assert all(MIMETYPE in cell.outputs[0].data for cell in asked)


def test_the_tutorial_cells_run(run_cells: Callable[..., list[Any]], emulator: Emulator) -> None:
    """The cells of the tutorial run as they stand."""
    found = blocks(ROOT / "docs/tutorial/first-notebook.md", ("python", "text"))
    sources = [re.sub(r"^   ", "", text, flags=re.MULTILINE) for _, text in found if "%" in text]
    cells = run_cells(*sources)

    assert [o.traceback for c in cells for o in c.outputs if o.output_type == "error"] == []


def test_the_readme_says_which_pythons(pytestconfig: pytest.Config) -> None:
    """The versions in the README are those in the package's classifiers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    versions = [c.rsplit(" ", 1)[1] for c in project["classifiers"] if re.search(r":: 3\.\d+$", c)]

    assert f"Python {versions[0]} to {versions[-1]}" in (ROOT / "README.md").read_text("utf-8")


def test_every_dependency_says_why() -> None:
    """Each dependency in pyproject.toml has its reason beside it."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)

    assert listed is not None
    assert all(re.search(r'^  "[^"]+",\s+# .{10,}', line) for line in listed.group(1).splitlines())


def test_public_names_are_what_all_says() -> None:
    """`gemnb.__all__` is the public names, and each can be had without importing the SDK."""
    code = (
        "import sys, gemnb\n"
        "assert all(getattr(gemnb, name) is not None for name in gemnb.__all__)\n"
        "print(sorted(gemnb.__all__), 'google.genai' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "['GemnbError', 'Result', 'generate', 'keep'] False\n"
