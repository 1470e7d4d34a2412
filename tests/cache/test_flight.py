"""Claims: who may call, and what is left of the owner who died."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from gemnb.cache import Arrived, Flights
from gemnb.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DIGEST = "sha256:" + "ab" * 32
ARRIVED = Arrived(body=b'{"a": 1}\n\x00\xff\r\n', facts={"host": "emulator", "time": "2026-11-21T12:00:00Z"})
INTENT = {"time": "2026-11-21T11:59:00Z", "model": "emulator/sketch-1"}


@pytest.fixture
def flights(tmp_path: Path) -> Flights:
    """Claims in a folder that does not exist yet."""
    return Flights(tmp_path / "user" / "claims")


def test_a_first_claim_finds_nothing(flights: Flights):
    """Whoever claims a request that nobody claimed before finds no traces of a call."""
    with flights.claim(DIGEST) as claim:
        assert claim.lost() is None
        assert claim.landed() is None


def test_threads_exclude_each_other(flights: Flights):
    """Of eight threads that claim the same request, one at a time is inside."""
    inside: list[int] = []
    entered: list[int] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        for _ in range(5):
            with flights.claim(DIGEST):
                inside.append(number)
                time.sleep(0.001)  # gives the others a chance to come in, if anything lets them
                entered.append(len(inside))
                inside.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert entered == [1] * 40


def test_processes_exclude_each_other(flights: Flights, tmp_path: Path, run_together: Callable[..., list[str]]):
    """Four processes that read, add one and write back inside the claim lose no count."""
    number = tmp_path / "number"
    number.write_text("0")
    run_together("count_under_claim.py", *([str(flights.folder), str(number), "25"] for _ in range(4)))
    assert number.read_text() == "100"


@pytest.mark.usefixtures("no_hang")
def test_other_requests_do_not_wait(flights: Flights):
    """While one request is claimed, another one can be."""
    with flights.claim(DIGEST), flights.claim("sha256:" + "cd" * 32) as other:
        assert other.lost() is None


@pytest.mark.usefixtures("no_hang")
def test_a_claim_is_free_after_an_error_inside(flights: Flights):
    """An error inside a claim passes through and frees it."""
    with pytest.raises(ZeroDivisionError), flights.claim(DIGEST):
        _ = 1 / 0
    with flights.claim(DIGEST) as claim:
        assert claim.lost() is None


@pytest.mark.usefixtures("no_hang")
def test_a_killed_owner_frees_his_claim_and_his_call_is_told(flights: Flights, run_program: Callable[..., object]):
    """When the owner is killed in flight, the next claim is granted and says when his request was sent."""
    assert run_program("die_in_claim.py", str(flights.folder), "in flight").returncode == -signal.SIGKILL
    with flights.claim(DIGEST) as claim:
        assert claim.lost() == "2026-11-21T12:00:00Z"
        assert claim.landed() is None


@pytest.mark.usefixtures("no_hang")
def test_what_had_landed_outlives_its_owner(flights: Flights, run_program: Callable[..., object]):
    """When the owner is killed after the answer arrived, the next claim finds its body, byte by byte."""
    assert run_program("die_in_claim.py", str(flights.folder), "landed").returncode == -signal.SIGKILL
    with flights.claim(DIGEST) as claim:
        assert claim.landed() == Arrived(body=b"{}\n\x00\xff", facts={"host": "emulator"})


def test_intent_and_body_stay_until_they_are_closed(flights: Flights):
    """A claim that ends without being closed leaves intent and body to the next one, a closed one leaves none."""
    with flights.claim(DIGEST) as claim:
        claim.send(INTENT)
        claim.land(ARRIVED)
    with flights.claim(DIGEST) as claim:
        assert (claim.lost(), claim.landed()) == (INTENT["time"], ARRIVED)
        claim.close()
        assert (claim.lost(), claim.landed()) == (None, None)
    with flights.claim(DIGEST) as claim:
        assert (claim.lost(), claim.landed()) == (None, None)
    assert [path for path in flights.folder.iterdir() if path.suffix != ".lock"] == []


def test_closing_twice_is_no_error(flights: Flights):
    """A claim with nothing to forget can be closed."""
    with flights.claim(DIGEST) as claim:
        claim.close()
        claim.close()
        assert claim.lost() is None


def test_claims_of_other_requests_stay(flights: Flights):
    """Closing one claim forgets nothing of another."""
    with flights.claim(DIGEST) as claim:
        claim.land(ARRIVED)
    with flights.claim("sha256:" + "cd" * 32) as other:
        other.send(INTENT)
        other.close()
    with flights.claim(DIGEST) as claim:
        assert claim.landed() == ARRIVED


@pytest.mark.parametrize("torn", [b"", b'{"time": "2026', b"[]", b'"x"', b"\xff\xfe", b"null"])
def test_a_torn_intent_still_warns(flights: Flights, torn: bytes):
    """An intent that cannot be read says that a request may have been sent, at an unknown time."""
    with flights.claim(DIGEST) as claim:
        claim.send(INTENT)
        claim.path.with_suffix(".intent").write_bytes(torn)
        assert claim.lost() == "an unknown time"


@pytest.mark.parametrize("torn", [b"", b'{"host": ', b"\xff\n{}"])
def test_a_torn_body_is_no_answer(flights: Flights, torn: bytes):
    """A body whose header cannot be read is not taken for an answer, and the intent still tells of the call."""
    with flights.claim(DIGEST) as claim:
        claim.send(INTENT)
        claim.path.with_suffix(".body").write_bytes(torn)
        assert claim.landed() is None
        assert claim.lost() == INTENT["time"]


def test_a_half_written_body_is_no_answer(flights: Flights):
    """The file a killed owner was still writing is not taken for an answer."""
    with flights.claim(DIGEST) as claim:
        claim.path.with_name(claim.path.name + ".body.tmp").write_bytes(b'{"host": "emulator"}\n{"cand')
        assert claim.landed() is None


@pytest.mark.parametrize("below", ["claims", "deeper/claims"])
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, below: str):
    """Where a file stands in the way of the claims folder (root would ignore modes), the error says what to set."""
    (tmp_path / "file").write_bytes(b"")
    flights = Flights(tmp_path / "file" / below)
    with pytest.raises(StoreError) as caught, flights.claim(DIGEST):
        pytest.fail("the claim was granted")
    assert str(flights.folder) in caught.value.what
    assert caught.value.why
    assert "XDG_CACHE_HOME" in caught.value.hint


@pytest.mark.parametrize("act", ["send", "land"])
def test_a_claim_that_cannot_be_written_is_told(flights: Flights, act: str):
    """A claims folder that is cleared, or full, while a claim is held is a StoreError, as everywhere else."""
    with flights.claim(DIGEST) as claim:
        for path in flights.folder.iterdir():
            path.unlink()
        flights.folder.rmdir()
        flights.folder.write_bytes(b"")
        with pytest.raises(StoreError):
            claim.send(INTENT) if act == "send" else claim.land(ARRIVED)
