"""The built wheel, in new environments, with the source folder away."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def interpreter(version: str) -> str | None:
    """Return a Python of this version on this machine, or None."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        return sys.executable
    known = [str(path) for path in Path.home().glob(f".pyenv/versions/{version}.*/bin/python")]
    on_path = shutil.which(f"python{version}")
    return next((python for python in [*known, *([on_path] if on_path else [])] if runs(python)), None)


def runs(python: str) -> bool:
    """Return whether this is an interpreter that can make environments (a shim of pyenv may lead nowhere)."""
    done = subprocess.run([python, "-c", "import venv, ensurepip"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)], check=True)
    return next(folder.glob("*.whl"))


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_wheel_reproduces_the_notebooks(version: str, wheel: Path, tmp_path: Path) -> None:
    """Installed from the wheel alone, `gemnb reproduce` and `gemnb verify` find every picture."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no python{version} on this machine")
    subprocess.run([python, "-m", "venv", str(tmp_path / "venv")], check=True)
    binaries = tmp_path / "venv" / "bin"
    subprocess.run([str(binaries / "pip"), "install", "-q", str(wheel)], check=True)
    for name in ("notebooks", "cache"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "pyproject.toml").write_text("[tool.gemnb]\n")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    for verb, words in (("reproduce", "7 of 7 pictures reproduced."), ("verify", "origin unattested")):
        done = subprocess.run(
            [str(binaries / "gemnb"), verb, "notebooks"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert words in done.stdout, done.stderr
        assert done.returncode == 0


def test_the_wheel_holds_the_package_and_its_data(wheel: Path) -> None:
    """The wheel has the models' table and the typing marker, and no tests."""
    import zipfile

    names = zipfile.ZipFile(wheel).namelist()

    assert {"gemnb/capabilities.toml", "gemnb/py.typed", "gemnb/emulator/server.py"} <= set(names)
    assert all(name.startswith(("gemnb/", "gemnb-")) for name in names)
