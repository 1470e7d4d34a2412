"""The shell of the recipes in docs/how-to/check-in-ci.md, run over a good project and over a tampered one."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = Path(__file__).parents[2] / "docs/how-to/check-in-ci.md"


@pytest.fixture(scope="session")
def recipes() -> dict[str, Any]:
    """The YAML blocks of the page: the workflow and the hook's configuration."""
    found = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    workflow, hooks = map(yaml.safe_load, found)
    return {"workflow": workflow, "hooks": hooks}


@pytest.fixture
def shell(project: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script in the project as GitHub does (`bash -e`), with this environment's programs and no key."""

    def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "CI": "true", "GITHUB_STEP_SUMMARY": str(project / "summary.md")}
        command = ["bash", "-e", "-c", script, "bash", *arguments]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def post(notebook: Path, project: Path) -> Path:
    """The notebook where the recipe looks for it."""
    (project / "notebooks").mkdir()
    return notebook.rename(project / "notebooks" / "post.ipynb")


def steps(workflow: dict[str, Any]) -> list[str]:
    """Return the scripts of the workflow but for the installation: the tests run in an environment that has gemnb."""
    (job,) = workflow["jobs"].values()
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    assert [script for script in scripts if "pip install" in script] == scripts[:1]
    return scripts[1:]


@pytest.mark.slow
def test_the_action_passes_what_is_as_it_should_be(post: Path, project: Path, recipes: dict, shell: Callable) -> None:
    """Both steps end with 0, and the summary has both reports."""
    done = [shell(script) for script in steps(recipes["workflow"])]

    assert [step.returncode for step in done] == [0, 0], [step.stderr for step in done]
    summary = (project / "summary.md").read_text("utf-8")
    assert "gemnb verify" in summary
    assert "gemnb reproduce" in summary
    assert summary.count("✅") == 2


@pytest.mark.slow
def test_the_action_fails_a_tampered_notebook(
    post: Path, project: Path, recipes: dict, shell: Callable, tamper: Callable, other_picture: Callable
) -> None:
    """With another picture in the place of one, both steps end with 1, and the summary says which cell."""
    tamper(post, "post.ipynb", other_picture)

    done = [shell(script) for script in steps(recipes["workflow"])]

    assert [step.returncode for step in done] == [1, 1], [step.stderr for step in done]
    summary = (project / "summary.md").read_text("utf-8")
    assert summary.count("❌") == 2
    assert "hero" in summary


def test_the_action_needs_no_key(recipes: dict) -> None:
    """The workflow names no secret and asks for no permission but to read."""
    assert "secrets" not in str(recipes["workflow"])
    assert recipes["workflow"]["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("code", [0, 1], ids=["good", "tampered"])
def test_the_hook_stops_what_does_not_belong_together(
    code: int,
    notebook: Path,
    project: Path,
    recipes: dict,
    shell: Callable,
    tamper: Callable,
    other_picture: Callable,
) -> None:
    """The hook's command, with the staged notebooks as arguments, passes a good commit and stops a bad one."""
    if code:
        tamper(notebook, "post.ipynb", other_picture)
    (project / "notes.txt").write_text("no notebook\n")
    (hook,) = recipes["hooks"]["repos"][0]["hooks"]
    assert shell("git init -q . && git add -A").returncode == 0
    staged = shell("git diff --cached --name-only").stdout.split()
    chosen = [name for name in staged if re.search(hook["files"], name)]
    assert chosen == ["post.ipynb"]

    done = shell(hook["entry"] + ' "$@"', *chosen)

    assert done.returncode == code, done.stdout + done.stderr
