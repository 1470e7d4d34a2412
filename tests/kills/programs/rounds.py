"""Rounds of processes that ask the same requests and are killed at random moments; one line of JSON a round.

Arguments: a folder, the number of rounds, the seed, and the seconds after which no further round begins.
A round is two waves with killings, and then one process that asks everything and is left alone.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path

from desk import Log, Teller, make_client, make_request

from gemnb.answer import read_answer
from gemnb.cache import Cache, DirectoryStore
from gemnb.canonical import request_digest
from gemnb.errors import CacheError
from gemnb.model import Invocation, Mode

PROCESSES, KEYS = 16, 20
LATENCY = 0.012  # seconds, at most; a claim, an answer and its keeping take about as long
SPAN = 0.12  # seconds in which the killings of a wave lie: about as long as 16 undisturbed processes take
VICTIMS = (16, 10)  # of each wave
DIGESTS = {request_digest(make_request(f"picture {n}")): f"picture {n}" for n in range(KEYS)}


def ask_all(folder: Path, seed: int) -> None:
    log = Log(folder / "log")
    teller = Teller(log)
    logging.getLogger("gemnb").handlers = [teller]
    random.seed(seed)
    client = make_client(folder, log, LATENCY)
    for digest, prompt in random.sample(sorted(DIGESTS.items()), KEYS):
        teller.asking = digest
        client.answer(make_request(prompt), mode=Mode.AUTO, invocation=Invocation(), inputs={})
        log.say("done", digest)


def start(folder: Path, seed: int) -> int:
    child = os.fork()
    if child:
        return child
    try:
        ask_all(folder, seed)
    except BaseException as error:  # noqa: BLE001 - the fork must not go on as the driver
        Log(folder / "log").say("failed", repr(error).replace(" ", "_"))
        os._exit(1)
    os._exit(0)


def wave(folder: Path, chance: random.Random, victims: int) -> set[int]:
    """Start the processes, kill some at random moments, and return those that died of it."""
    running = [start(folder, chance.randrange(2**32)) for _ in range(PROCESSES)]
    begin = time.monotonic()
    for after, process in sorted((chance.uniform(0, SPAN), p) for p in chance.sample(running, victims)):
        time.sleep(max(0.0, begin + after - time.monotonic()))
        os.kill(process, signal.SIGKILL)
    ends = {process: os.waitpid(process, 0)[1] for process in running}
    return {process for process, end in ends.items() if end == signal.SIGKILL}


def state(folder: Path) -> tuple[set[str], set[str]]:
    """Return the requests whose answer lies on the disk, and those that were sent and have none."""
    cache = Cache(DirectoryStore(folder / "cache"))
    kept = {digest for digest in DIGESTS if cache.attempts(digest)}
    claims = {(path.suffix, "sha256:" + path.stem) for path in (folder / "claims").glob("*")}
    there = kept | {digest for suffix, digest in claims if suffix == ".body"}
    return there, {digest for suffix, digest in claims if suffix == ".intent"} - there


def play(folder: Path, chance: random.Random) -> dict[str, object]:
    folder.mkdir()
    log = Log(folder / "log")
    killed: set[int] = set()
    paid_twice = 0
    for victims in VICTIMS:
        there, _ = state(folder)
        before = len(log.lines())
        killed |= wave(folder, chance, victims)
        paid_twice += sum(line[0] == "sent" and line[2] in there for line in log.lines()[before:])
    there, lost = state(folder)
    before = len(log.lines())
    last = start(folder, chance.randrange(2**32))
    os.waitpid(last, 0)
    told = {line[2] for line in log.lines()[before:] if line[0] == "told"}
    paid_twice += sum(line[0] == "sent" and line[2] in there for line in log.lines()[before:])
    return judge(folder, log.lines(), killed) | {
        "paid for what was there": paid_twice,
        "lost": len(lost),
        "lost and not told": len(lost - told),
    }


def judge(folder: Path, lines: list[list[str]], killed: set[int]) -> dict[str, object]:
    """Return what the log and the cache of a round say together."""
    calls = {
        digest: [int(line[1]) for line in lines if line[0] == "sent" and line[2] == digest] for digest in DIGESTS
    }
    landed = {(int(line[1]), line[2]) for line in lines if line[0] == "landed"}
    told = {(int(line[1]), line[2]) for line in lines if line[0] == "told"}
    again = [(digest, one, two) for digest, asked in calls.items() for one, two in pairwise(asked)]
    return {
        "keys": KEYS,
        "kills": len(killed),
        "calls": sum(map(len, calls.values())),
        "deaths in flight": sum(
            any((pid, digest) not in landed for digest, asked in calls.items() if pid in asked) for pid in killed
        ),
        "asked again while the first lived": sum(one not in killed for _, one, _ in again),
        "asked again though it had landed": sum((one, digest) in landed for digest, one, _ in again),
        "asked again untold": sum((two, digest) not in told for digest, _, two in again),
        "wrong": wrong(folder, calls),
        "failed": [line[2] for line in lines if line[0] == "failed"],
        "left": sorted(p.suffix for p in (folder / "claims").iterdir() if p.suffix in (".body", ".intent")),
    }


def wrong(folder: Path, calls: dict[str, list[int]]) -> list[str]:
    """Return what is not exactly one whole answer, from the last call, per request."""
    cache = Cache(DirectoryStore(folder / "cache"))
    found = list(cache.store.keys("corrupt/")) + list(cache.store.keys("failed/"))
    for digest, asked in calls.items():
        try:
            kept = cache.find(digest)
            if kept is None or cache.attempts(digest) != [1]:
                found.append(f"{digest}: {cache.attempts(digest)}")
                continue
            if read_answer(kept.record.response).text != str(asked[-1]):
                found.append(f"{digest}: not the answer of the last call")
            for picture in kept.record.pictures:
                cache.blob(picture.original.blob)
        except CacheError as error:
            found.append(error.what)
    return found


top, rounds, seed, seconds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
first = top / "first"
first.mkdir()
ask_all(first, 0)  # all imports are done before the first fork
end = time.monotonic() + seconds
for number in range(rounds):
    if time.monotonic() > end:
        break
    place = top / str(number)
    sys.stdout.write(json.dumps(play(place, random.Random(f"{seed} {number}"))) + "\n")
    sys.stdout.flush()
    shutil.rmtree(place)
