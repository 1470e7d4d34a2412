"""Names that plain code gives a literal: known only where nothing else can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemnb.notebook import Literals

STATEMENTS = st.sampled_from(
    [
        "x = 'ink'",
        "x: str = 'pencil'",
        "x = 7",
        "x = -7",
        "x = 1.50",
        "x = True",
        "x = None",
        "x = 'a' 'b'",
        "x = f'{1}'",
        "x = y = 'both'",
        "y = 'other'",
        "(x, y) = ('p', 'q')",
        "x += 'more'",
        "x = x",
        "del x",
        "x: str",
        "for x in ['loop']: pass",
        "while (x := 'walrus') != 'walrus': pass",
        "if True:\n    x = 'inner'",
        "def x(): pass",
        "class x: pass",
        "import os as x",
        "import os.path",
        "from os import *",
        "with open('/dev/null') as x: pass",
        "try:\n    1 / 0\nexcept ZeroDivisionError as x:\n    pass",
        "def change():\n    global x\n    x = 'changed'",
        "change()",
        "exec('x = 1')",
        "globals()['x'] = 'reached'",
        "match ['m']:\n    case [x]: pass",
        "match {'k': 1}:\n    case {**x}: pass",
        "[x for x in 'abc']",
        "lambda x: x",
        "print(x)",
        'x = """one\n%two"""',
        "raise",
    ]
)


@given(st.lists(st.lists(STATEMENTS, max_size=3), max_size=4))
def test_what_is_known_is_what_python_makes_of_it(cells: list[list[str]]) -> None:
    """Whatever cells run, a name that is said to be known has that value."""
    literals, names = Literals(), {"change": lambda: None}
    for number, statements in enumerate(cells, 1):
        try:
            for statement in statements:
                exec(statement, names)
        except Exception:  # noqa: BLE001 - whatever they raise, nothing below runs
            return
        literals.read("\n".join(statements), number)
        for name in ("x", "y"):
            known = literals.get(name)
            assert known is None or known.text == str(names[name])


def read(*sources: str) -> Literals:
    """Return what is known after these cells."""
    literals = Literals()
    for number, source in enumerate(sources, 1):
        literals.read(source, number)
    return literals


@pytest.mark.parametrize(
    ("sources", "text"),
    [
        (["x = 'ink'"], "ink"),
        (["x = 'ink'", "x = 'pencil'"], "pencil"),
        (["# a comment\nx: int = 3"], "3"),
        (["x = 'ink'", "%load_ext gemnb\n%gemnb use emulator/sketch-1"], "ink"),
        (["%load_ext gemnb\nx = 'ink'\n!ls"], "ink"),
        (["x = 'ink'\nif True:\n    !ls\n    %pwd"], "ink"),
        (["x = 'ink'", "y = 1"], "ink"),
        (["x = 'ink'", "%run other.py"], None),
        (["x = 'ink'", "%store -r"], None),
        (["x = 'ink'", "%%time\nx = 'timed'"], None),
        (["x = 'ink'", "%%bash --out x\nls"], None),
        (["x = 'ink'", "this is no Python"], None),
        (["%load_ext gemnb\nx = '''a\n%b'''"], None),
        (["x = '''a\n%b'''"], "a\n%b"),
        (["x = True"], None),
        (["x = b'bytes'"], None),
    ],
)
def test_cells_as_people_write_them(sources: list[str], text: str | None) -> None:
    """Magics that bind nothing are no obstacle; those that could, and what is no Python, leave nothing known."""
    known = read(*sources).get("x")

    assert (known.text if known else None) == text


def test_hostile_code_raises_nothing() -> None:
    """Code nested too deeply to be parsed, a thousand lines of magic, lone surrogates and NULs are survived."""
    literals = read("x = 1", "(" * 100_000, "x = 'ink'\n" + "%pwd\n" * 1000, "y = '\ud800'", "\0")

    assert literals.get("x") is None
