"""What becomes of privacy and of owed answers later: cells that go on, a changed `publish`, lost refreshes."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.cache import Arrived, Flights
from gemnb.canonical import request_digest
from gemnb.cell import parse
from gemnb.invocation import assemble
from gemnb.user_folders import claims_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.emulator import Emulator

START = "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512"
SECRET = "%%gemimg secret --publish false\nMy secret statue"


def committed(project: Path) -> bytes:
    """Return all bytes of the part of the cache that git would take."""
    files = (project / "cache").rglob("*")
    return b"".join(f.read_bytes() for f in files if f.is_file() and "private" not in f.parts)


def said(cell: Any) -> str:
    """Return what a cell wrote."""
    return "".join(o.get("text", "") for o in cell.outputs if o.output_type == "stream")


@pytest.mark.parametrize("cell", ["%%gemimg -e secret\nGive it a hat", "%%gemimg -i secret\nPut it in a garden"])
def test_what_is_made_from_a_private_answer_is_private(
    run_cells: Callable[..., list[Any]], emulator: Emulator, project: Path, cell: str
) -> None:
    """A cell that goes on from a private picture leaves nothing in what is committed, says so, and replays."""
    _, secret, first, again = run_cells(START, SECRET, cell, cell)

    assert b"secret statue" not in committed(project)
    assert "My secret" in repr(secret.outputs)
    assert "is kept private, too" in said(first)
    assert said(again) == ""
    assert len(emulator.calls) == 2
    assert not any((project / "cache/records").rglob("*.json"))


def test_a_cell_that_is_private_no_more_is_committed(
    run_cells: Callable[..., list[Any]], emulator: Emulator, project: Path
) -> None:
    """Without `--publish false`, the kept answer goes to what is committed, without a call, and that is said once."""
    plain = SECRET.replace(" --publish false", "")
    _, _, now, again = run_cells(START, SECRET, plain, plain)

    assert "It is in the cache that is committed now" in said(now)
    assert said(again) == ""
    assert b"secret statue" in committed(project)
    assert len(emulator.calls) == 1


def test_a_cell_that_became_private_names_what_git_would_commit(
    run_cells: Callable[..., list[Any]], emulator: Emulator, project: Path
) -> None:
    """`--publish false` on a cell whose answer is in what is committed says so, with the record's file."""
    _, _, now = run_cells(START, SECRET.replace(" --publish false", ""), SECRET)
    (record,) = (project / "cache/records").rglob("*.json")

    assert str(record.relative_to(project / "cache")) in said(now)
    assert len(emulator.calls) == 1


def test_a_lost_refresh_is_told_by_the_next_run(
    run_cells: Callable[..., list[Any]], emulator: Emulator, project: Path
) -> None:
    """A refresh whose kernel died is told by the next run that may call, once, though an older answer is shown."""
    run_cells(START, "%%gemimg\nA cat")
    flights = Flights(claims_folder())
    with flights.claim(_digest("A cat")) as claim:
        claim.send({"time": "2026-11-20T10:00:00Z", "model": "emulator/sketch-1"})
    _, told, quiet = run_cells(START, "%%gemimg\nA cat", "%%gemimg\nA cat")

    assert "sent before, at 2026-11-20T10:00:00Z" in said(told)
    assert said(quiet) == ""
    assert len(emulator.calls) == 1


def test_a_refresh_that_had_arrived_is_kept_by_the_next_run(
    run_cells: Callable[..., list[Any]], emulator: Emulator, project: Path, make_picture: Callable[..., bytes]
) -> None:
    """The answer to a refresh that had arrived when its kernel died is kept and shown, and is not paid for again."""
    run_cells(START, "%%gemimg\nA cat")
    part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(make_picture()).decode()}}
    body = {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]}
    landed = Arrived(
        body=json.dumps(body).encode(), facts={"time": "2026-11-20T10:00:00Z", "host": "h", "client": "c"}
    )
    with Flights(claims_folder()).claim(_digest("A cat")) as claim:
        claim.send({"time": "2026-11-20T10:00:00Z", "model": "emulator/sketch-1"})
        claim.land(landed)
    _, shown = run_cells(START, "%%gemimg\nA cat")
    records = sorted(path.name for path in (project / "cache/records").rglob("*.json"))

    assert "had arrived and was not kept" in said(shown)
    assert records == ["1.json", "2.json"]
    assert len(emulator.calls) == 1


def _digest(prompt: str) -> str:
    (request,) = assemble(parse(f"%%gemimg -m emulator/sketch-1 -s 512\n{prompt}"), None, ())
    return request_digest(request)
