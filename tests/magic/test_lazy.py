"""What is loaded only when it is needed: verbs, completions, and all that looks through the cache."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
def loaded():
    names = ("gemnb.inventory", "gemnb.magic.verbs", "gemnb.magic.completion", "zipfile", "difflib")
    return sorted(name for name in set(sys.modules) - before if name.startswith(names))
def run(cell):
    result = shell.run_cell(cell)
    error = result.error_before_exec or result.error_in_exec
    return [loaded(), type(error).__name__]
said = [run(cell) for cell in (
    "%load_ext gemnb",
    "%gemnb use emulator/sketch-1",
    "%%gemimg --mode replay\\nA cat",
    "%gemnb why",
)]
print("\\n" + json.dumps(said))
"""


def test_nothing_is_loaded_before_it_is_asked_for(project: Path):
    """Loading, defaults and a cell load no verb; the first verb loads what it needs, and no zip file."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=project, capture_output=True, text=True, check=True, timeout=120
    )
    *before, (after, error) = json.loads(done.stdout.splitlines()[-1])

    assert before == [[[], "NoneType"], [[], "NoneType"], [[], "CacheMiss"]]
    assert error == "NoneType"
    assert "gemnb.magic.verbs" in after
    assert not {"zipfile", "gemnb.magic.completion"} & set(after)
