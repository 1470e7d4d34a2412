"""A plan as a table and as JSON: every cell, the totals, and nothing that reaches a terminal unescaped."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path

import pytest

from gemnb.plan import Executed, Planned, Stop, What, as_json, as_table, executed_lines

POST = Path("post.ipynb")
PRO = "google/gemini-3-pro-image"
DAY = dt.date(2026, 10, 7)


def call(cell: int, usd: str | None, calls: int = 1, **more: object) -> Planned:
    """Return a cell that would call."""
    price = None if usd is None else Decimal(usd)
    as_of = None if usd is None else DAY
    return Planned(notebook=POST, cell=cell, model=PRO, what=What.CALLS, calls=calls, usd=price, as_of=as_of, **more)


CELLS = [
    Planned(notebook=POST, cell=2, name="hero", model=PRO, what=What.REPLAYS, pictures=4, usd=Decimal(0)),
    call(3, "0.134"),
    call(4, "0.268", 2, why="depends on cell 3", bound=("style",)),
    Planned(notebook=POST, cell=5, what=What.UNKNOWN, why="-p x has a value only in a running kernel"),
]


def test_the_table_tells_every_cell_and_the_totals() -> None:
    """Each cell has its line, its reason below it; the last line adds up and dates the prices."""
    assert as_table(CELLS).splitlines() == [
        "notebook    cell  name  model                      what     calls  pictures   price",
        "post.ipynb     2  hero  google/gemini-3-pro-image  replays      -         4       -",
        "post.ipynb     3  -     google/gemini-3-pro-image  calls        1         -  $0.134",
        "post.ipynb     4  -     google/gemini-3-pro-image  calls        2         -  $0.268",
        "    depends on cell 3",
        "    taken from its record: style",
        "post.ipynb     5  -     -                          unknown      -         -       -",
        "    -p x has a value only in a running kernel",
        "4 pictures replay, 3 calls, about $0.402 (prices as of 2026-10-07), 1 cell unknown.",
    ]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([], "0 pictures replay, 0 calls."),
        (CELLS[:1], "4 pictures replay, 0 calls."),
        ([call(1, None, 2)], "0 pictures replay, 2 calls, price unknown for 2 calls."),
        (
            [call(1, None), call(2, "1.5")],
            "0 pictures replay, 2 calls, about $1.50 (prices as of 2026-10-07), price unknown for 1 call.",
        ),
        ([Planned(notebook=POST, cell=1, what=What.FAILS)], "0 pictures replay, 0 calls, 1 cell cannot run."),
    ],
)
def test_the_totals_are_one_sentence(cells: list[Planned], said: str) -> None:
    """The totals leave out what is not there, and never add an unknown price as nothing without a word."""
    assert as_table(cells).splitlines()[-1] == said


def test_a_program_reads_the_same() -> None:
    """The JSON has every cell and the totals; amounts are texts, so that none is rounded."""
    document = json.loads(as_json(CELLS))
    assert [cell["what"] for cell in document["cells"]] == ["replays", "calls", "calls", "unknown"]
    assert document["cells"][2] == {
        "notebook": "post.ipynb",
        "cell": 4,
        "name": None,
        "model": PRO,
        "what": "calls",
        "calls": 2,
        "pictures": 0,
        "usd": "0.268",
        "why": "depends on cell 3",
        "from_record": ["style"],
    }
    assert document["total"] == {
        "pictures": 4,
        "calls": 3,
        "usd": "0.402",
        "unpriced_calls": 0,
        "unknown": 1,
        "cannot_run": 0,
        "prices_as_of": "2026-10-07",
    }


def test_foreign_text_cannot_act_on_a_terminal() -> None:
    """Escape sequences and turned text of a stranger's notebook are shown, not obeyed; lines stay short."""
    evil = "\x1b]0;owned\x07\u202e" + "x" * 9999
    cell = Planned(notebook=Path(evil), cell=1, name=evil, model=evil, what=What.FAILS, why=evil, bound=(evil, evil))
    stop = Stop(cell=2, kind=evil, message=evil)
    executed = Executed(notebook=Path(evil), calls=0, usd=Decimal(0), unpriced=0, stop=stop)
    for text in (as_table([cell]), *executed_lines([executed])):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert max(map(len, text.splitlines())) <= 400
    assert json.loads(as_json([cell], [executed]))["cells"][0]["why"] == evil


def test_a_run_is_told_in_a_sentence() -> None:
    """What was run says how many calls it would have made at least, and where and why it stopped."""
    stop = Stop(cell=7, kind="PendingRead", message="…")
    said = executed_lines(
        [
            Executed(notebook=POST, calls=2, usd=Decimal("0.268"), unpriced=0, stop=stop),
            Executed(notebook=POST, calls=1, usd=Decimal(0), unpriced=1, stop=None),
            Executed(notebook=POST, calls=0, usd=Decimal(0), unpriced=0, stop=Stop(cell=1, kind="E", message="m")),
        ]
    )
    assert said == [
        "post.ipynb: at least 2 calls, about $0.268; stopped in cell 7, which reads a pending picture.",
        "post.ipynb: 1 call, price unknown for 1 call; it ran to its end.",
        "post.ipynb: at least 0 calls; stopped in cell 1, E: m.",
    ]
