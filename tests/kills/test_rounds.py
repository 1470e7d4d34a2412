"""Killed at random moments: nothing that had arrived is lost or corrupt, and what was lost is told (laws 4 and 5)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "programs" / "rounds.py"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")


def play(folder: Path, *, rounds: int, seed: int, seconds: float) -> list[dict]:
    """Play rounds and return what each of them came to."""
    command = [sys.executable, str(PROGRAM), str(folder), str(rounds), str(seed), str(seconds)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def check(facts: dict) -> None:
    """Fail where a round lost, damaged or paid for something that it should not have."""
    assert facts["failed"] == [], facts
    assert facts["wrong"] == [], facts
    assert facts["calls"] <= facts["keys"] + facts["deaths in flight"], facts
    assert facts["asked again while the first lived"] == 0, facts
    assert facts["asked again though it had landed"] == 0, facts
    assert facts["paid for what was there"] == 0, facts
    assert facts["asked again untold"] == 0, facts
    assert facts["lost and not told"] == 0, facts


def test_sixteen_processes_killed_at_random_lose_nothing(tmp_path: Path):
    """A dozen rounds of 16 processes by 20 requests: one whole answer each, paid twice only by a death in flight."""
    rounds = play(tmp_path, rounds=12, seed=1, seconds=60)
    for facts in rounds:
        check(facts)
    assert len(rounds) == 12
    assert sum(facts["kills"] for facts in rounds) > 12


@pytest.mark.slow
def test_hundreds_of_rounds_lose_nothing(tmp_path: Path):
    """Hundreds of such rounds, hundreds of deaths in flight: each request that was asked twice was told of first."""
    rounds = play(tmp_path, rounds=400, seed=2, seconds=230)
    for facts in rounds:
        check(facts)
    total = {name: sum(facts[name] for facts in rounds) for name in ("kills", "calls", "keys", "deaths in flight")}
    sys.stdout.write(f"{len(rounds)} rounds: {total}\n")
    assert len(rounds) >= 100
    assert total["deaths in flight"] > 100
    assert total["calls"] > total["keys"]
