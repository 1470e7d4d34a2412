"""The house: imports run one way down the ranks, whether they stand at the top, in a function or for types only."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gemnb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PACKAGE = Path(gemnb.__file__).parent

# Each rank imports ranks above itself in this list and its own; what is not listed is an error.
RANKS = (
    # Values: pure, the standard library and parsers only.
    (
        "errors model canonical options cell capabilities prices detach sniff answer invocation foreign records mime "
        "settings links"
    ),
    # What does one thing with the outside: Pillow, the disk, the SDK, notebook files, the stand-in for Google.
    "preview arrival cache backends notebook emulator scratch budget user_folders",
    # The path of a request; knows no concrete part.
    "client",
    # The composition root beside what the faces share; the latter must not import the former (see FORBIDDEN).
    "compose looking result pending inputs session",
    # What runs notebooks again and checks them.
    "reproduce verify report inventory lock plan pack publish",
    # Faces, which never import each other but for `python -m gemnb`.
    "api magic cli pytest_plugin __main__",
    # `import gemnb` itself, which imports its parts when they are asked for.
    "gemnb",
)
RANK = {name: number for number, names in enumerate(RANKS, 1) for name in names.split()}
FACES = set(RANKS[5].split())

# Imports that a rank allows and the house does not.
FORBIDDEN = {
    "result": {"compose"},
    "inputs": {"compose"},
    "session": {"compose"},
}
# Only the composition root, and the command that runs an emulator, name what answers.
CONCRETE = {"gemnb.backends.gemini": {"compose"}, "gemnb.emulator": {"compose", "cli"}}

VALUES_MAY = {"pybase64", "pydantic_core", "rfc8785"}
MAX_LINES = 300
NO_NAMES = {"utils", "util", "core", "common", "helpers", "misc"}


def sources() -> dict[str, str]:
    """Return the source of every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("gemnb", *path.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text("utf-8")
    return found


def imports(source: str, module: str, modules: Iterable[str]) -> set[str]:
    """Return the dotted names of the modules that a source imports anywhere, lazily and for types as well."""
    known = set(modules)
    found = set()
    by_name = "import_module" in source  # elsewhere a text like "gemnb.x" is the name of a logger
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".") if module in _packages(known) else module.split(".")[:-1]
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
            for alias in node.names:
                below = f"{base}.{alias.name}"
                found.add(below if below in known else base)
        elif by_name and isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= known & {node.value}
    return found


def _packages(known: set[str]) -> set[str]:
    return {name.rpartition(".")[0] for name in known}


def part(module: str) -> str:
    """Return the part of the house a module belongs to: its first name below the package."""
    _, _, below = module.partition(".")
    return below.partition(".")[0] or "gemnb"


def complaints(modules: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the imports of these sources."""
    said = []
    for module, source in modules.items():
        own = part(module)
        if own not in RANK:
            said.append(f"{module} has no rank")
            continue
        for name in sorted(imports(source, module, modules)):
            top = name.partition(".")[0]
            if top != "gemnb":
                if RANK[own] == 1 and top not in sys.stdlib_module_names | VALUES_MAY:
                    said.append(f"{module}, a value, imports {name}")
                continue
            said += [f"{module} {wrong} {name}" for wrong in _wrongs(own, part(name), name)]
    return said


def _wrongs(own: str, other: str, name: str) -> Iterable[str]:
    if other not in RANK:
        yield "imports what has no rank:"
    elif RANK[other] > RANK[own]:
        yield "imports upward"
    if own == "emulator" and other != "emulator":
        yield "imports of gemnb, in whose place it does not stand:"
    if own != other and {own, other} <= FACES and (own, other) != ("__main__", "cli"):
        yield "is a face and imports another,"
    if other in FORBIDDEN.get(own, ()):
        yield "must not import"
    for concrete, allowed in CONCRETE.items():
        if f"{name}.".startswith(f"{concrete}.") and own not in allowed and f"gemnb.{own}" not in concrete:
            yield "names a concrete part,"


def cycle(modules: Mapping[str, str]) -> list[str]:
    """Return modules that import each other in a circle, or nothing."""
    graph = {module: imports(source, module, modules) & set(modules) - {module} for module, source in modules.items()}
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        for other in sorted(graph[module]):
            if found := visit(other, [*path, module]):
                return found
        done.add(module)
        return []

    return next((found for module in graph if (found := visit(module, []))), [])


def test_imports_run_one_way():
    """No module imports a rank below its own, a face another face, or a module without a rank."""
    assert complaints(sources()) == []


def test_no_imports_run_in_a_circle():
    """No chain of imports, lazy ones and those for types included, comes back to where it began."""
    assert cycle(sources()) == []


def test_every_rank_is_inhabited():
    """Every name in the table is a module or a package, so that the table tells of the house as it is."""
    assert set(RANK) == {part(module) for module in sources()}


def test_no_module_is_a_drawer():
    """No module has a name that says nothing of what is in it."""
    assert {name for module in sources() for name in module.split(".")} & NO_NAMES == set()


def test_modules_are_short():
    """A module can be read in one sitting."""
    lengths = {module: len(source.splitlines()) for module, source in sources().items()}
    assert len(lengths) > 30
    assert {module: lines for module, lines in lengths.items() if lines > MAX_LINES} == {}


_HOUSE = {
    "gemnb": "",
    "gemnb.errors": "",
    "gemnb.cache": "",
    "gemnb.cache.store": "",
    "gemnb.client": "",
    "gemnb.magic": "",
}


@pytest.mark.parametrize(
    ("module", "source", "said"),
    [
        ("gemnb.errors", "import gemnb.cache", "imports upward"),
        ("gemnb.errors", "from gemnb import cache", "imports upward"),
        ("gemnb.errors", "from . import cache", "imports upward"),
        ("gemnb.errors", "from .cache.store import Store", "imports upward"),
        ("gemnb.cache", "from .. import client", "imports upward"),
        ("gemnb.cache.store", "from ..client import Client", "imports upward"),
        ("gemnb.errors", "def f():\n    from gemnb.client import Client", "imports upward"),
        ("gemnb.errors", "if TYPE_CHECKING:\n    from gemnb.client import Client", "imports upward"),
        ("gemnb.cache", "from gemnb import magic", "imports upward"),
        ("gemnb.errors", "from gemnb import __version__", "imports upward"),
        ("gemnb.errors", "def f():\n    return import_module('gemnb.client')", "imports upward"),
        ("gemnb.errors", "import PIL.Image", "a value, imports"),
        ("gemnb.errors", "def f():\n    import filelock", "a value, imports"),
        ("gemnb.client", "from gemnb.backends.gemini import GeminiBackend", "concrete part"),
        ("gemnb.client", "from gemnb.emulator.server import Emulator", "concrete part"),
        ("gemnb.magic", "from gemnb.cli import main", "imports another"),
        ("gemnb.session", "from gemnb.compose import make_client", "must not import"),
        ("gemnb.emulator", "from gemnb.errors import GemnbError", "in whose place"),
        ("gemnb.widgets", "", "has no rank"),
        ("gemnb.client", "import gemnb.widgets", "no rank"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str, said: str):
    """The check of the layers finds each kind of import it is there for."""
    found = complaints(_HOUSE | {module: source})
    assert any(said in line and line.startswith(module) for line in found), found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gemnb.client", "from gemnb.cache.store import Store\nimport json\nimport filelock"),
        ("gemnb.cache", "from gemnb.cache.store import Store"),
        ("gemnb.cache.store", "from .. import errors"),
        ("gemnb.errors", "import rfc8785\nimport xml.sax.saxutils"),
        ("gemnb.__main__", "from gemnb.cli import main"),
        ("gemnb", "def f():\n    from gemnb.magic import load"),
        ("gemnb.cli", "from gemnb.emulator import Emulator"),
        ("gemnb.backends.gemini", "from gemnb.backends.gemini import x"),
    ],
)
def test_a_right_import_is_let_through(module: str, source: str):
    """The check of the layers complains of nothing else."""
    assert complaints(_HOUSE | {module: source}) == []


def test_a_circle_is_found():
    """The check for circles finds one, lazy imports included."""
    around = {
        "gemnb.a": "from gemnb import b",
        "gemnb.b": "def f():\n    import gemnb.c",
        "gemnb.c": "from .a import x",
    }
    assert cycle(around) == ["gemnb.a", "gemnb.b", "gemnb.c", "gemnb.a"]
    assert cycle(around | {"gemnb.c": ""}) == []
