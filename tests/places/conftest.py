"""Fixtures of places: cells run in a process that sees another disk, another user or another environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = Path(__file__).parent / "programs"
START = "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512"


@pytest.fixture
def see(project: Path) -> Callable[..., list[dict]]:
    """Run cells below `START` in a process of their own; return pictures, error and notices of each.

    `prefix` is a command that runs another one; `user` a number, with `umask`; `drop` are variables that are unset.
    """

    def run(
        *cells: str,
        prefix: tuple[str, ...] = (),
        user: int | None = None,
        umask: str = "022",
        drop: tuple[str, ...] = (),
        folder: Path = project,
    ) -> list[dict]:
        environment = {name: value for name, value in os.environ.items() if name not in drop}
        started = ("@user", str(user), umask) if user is not None else ()
        done = subprocess.run(
            [*prefix, sys.executable, str(PROGRAMS / "run_cells.py"), *started, START, *cells],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])[1:]

    return run


@pytest.fixture
def mounted() -> Callable[..., tuple[str, ...]]:
    """Make a command that runs another one with commands of `sh` done first, which may mount; `$0` is a folder.

    The mounts are in a namespace of that process and are gone with it.
    """
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare, of util-linux")
    unshare = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-r", "-m")
    probe = [*unshare, "sh", "-c", "mount -t tmpfs none /mnt"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("may not mount here, not even in a namespace")

    def make(commands: str, folder: Path) -> tuple[str, ...]:
        return (*unshare, "sh", "-c", f'{commands} && exec "$@"', str(folder))

    return make
