"""Run cells in an IPython shell of this process and print what a person sees, as JSON.

The arguments are the cells. `@user N UMASK` before them goes on as that user, after a first run of everything, since
that user may not be able to read the interpreter's own files.
"""

import io
import json
import os
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell


def run(cell: str) -> dict:
    """Run a cell and return its pictures, error and notices."""
    shell.display_pub.outputs.clear()
    said = io.StringIO()
    with redirect_stderr(said), redirect_stdout(io.StringIO()):
        result = shell.run_cell(cell, silent=False)
    error = result.error_before_exec or result.error_in_exec
    shown = [
        output["data"] for output in shell.display_pub.outputs if "application/vnd.gemnb.v1+json" in output["data"]
    ]
    return {
        "pictures": [data.get("image/png") or data.get("image/jpeg") for data in shown],
        "digests": [data["application/vnd.gemnb.v1+json"]["record_digest"] for data in shown],
        "error": None if error is None else f"{type(error).__name__}: {error}",
        "said": said.getvalue(),
    }


def go_on_as(user: int, umask: int) -> None:
    """Import whatever a cell needs by running some elsewhere, then become the user."""
    here, environment = Path.cwd(), dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ.pop("GEMNB_EMULATOR", None)
        os.environ.update(dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"), folder))
        run(cells[0])
        run("%%gemimg first\nfirst")
        run("%%gemimg --mode replay\nsecond")
        run("from gemnb.compose import _open_machine\n_open_machine.cache_clear()")
        os.chdir(here)
    os.environ.clear()
    os.environ.update(environment)
    os.umask(umask)
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)


cells = sys.argv[1:]
shell = InteractiveShell.instance(display_pub_class=CapturingDisplayPublisher)
shell.history_manager.enabled = False
if cells[0] == "@user":
    user, umask, cells = int(cells[1]), int(cells[2], 8), cells[3:]
    go_on_as(user, umask)
sys.__stdout__.write("\n" + json.dumps([run(cell) for cell in cells]) + "\n")
