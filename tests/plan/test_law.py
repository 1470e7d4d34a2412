"""Law 11: change one character of a prompt, and that cell and its descendants miss, nothing else; plan says so."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.plan import What
from tests.plan.conftest import change, planned, run

if TYPE_CHECKING:
    from collections.abc import Iterator

PROMPTS = st.text("ab {}-\n", min_size=1, max_size=6)


@st.composite
def notebooks(draw: st.DrawFn) -> list[tuple[str, set[int]]]:
    """Draw cells, each with the beginning of its source and the cells it goes on from."""
    cells = []
    for number in range(draw(st.integers(1, 5))):
        edits = draw(st.none() | st.integers(0, number - 1)) if number else None
        pictures = draw(st.lists(st.integers(0, number - 1), max_size=2)) if number else []
        line = f"%%gemimg n{number} -m emulator/sketch-1 --no-header"
        line += "" if edits is None else f" -e n{edits}"
        line += "".join(f" -i n{parent}" for parent in pictures)
        # The number makes every request another one, so that no change makes it one that is kept.
        cells.append((f"{line}\n{number}: {draw(PROMPTS)}.", {*pictures, *(set() if edits is None else {edits})}))
    return cells


def descendants(cells: list[tuple[str, set[int]]], changed: int) -> set[int]:
    """Return the changed cell and all that goes on from it, over any number of cells."""
    found = {changed}
    for number, (_, parents) in enumerate(cells):
        if parents & found:
            found.add(number)
    return found


def edited(source: str, place: int) -> str:
    """Return the source with one character of its prompt replaced by one that no other prompt has."""
    head, _, prompt = source.partition(": ")
    place %= len(prompt)
    return f"{head}: {prompt[:place]}§{prompt[place + 1 :]}"


@contextlib.contextmanager
def place() -> Iterator[Path]:
    """A project of its own, without the user's folders."""
    before = dict(os.environ)
    with TemporaryDirectory() as folder:
        os.environ.update(XDG_CACHE_HOME=f"{folder}/user", XDG_DATA_HOME=f"{folder}/user", GEMNB_MACHINE="off")
        (Path(folder) / "pyproject.toml").write_text("[tool.gemnb]\n")
        try:
            yield Path(folder)
        finally:
            os.environ.clear()
            os.environ.update(before)


@settings(deadline=None, max_examples=30)
@given(notebooks(), st.data())
def test_a_change_makes_the_cell_and_its_descendants_miss(cells: list[tuple[str, set[int]]], data: st.DataObject):
    """For any notebook and any character: they call, all others replay; a run then makes as many calls as planned."""
    changed = data.draw(st.integers(0, len(cells) - 1))
    at = data.draw(st.integers(0, 20))
    with place() as folder:
        path, calls = run(folder, *(source for source, _ in cells))
        assert calls == len(cells)
        assert {cell.what for cell in planned(path)} == {What.REPLAYS}

        sources = [edited(s, at) if n == changed else s for n, (s, _) in enumerate(cells)]
        plan = planned(change(path, changed + 1, sources[changed]))
        would = {cell.cell - 1 for cell in plan if cell.what is What.CALLS}
        rest = {cell.what for cell in plan if cell.cell - 1 not in would}
        _, made = run(folder, *sources, name="again.ipynb")

    assert would == descendants(cells, changed)
    assert rest <= {What.REPLAYS}
    assert made == len(would) == sum(cell.calls for cell in plan)
