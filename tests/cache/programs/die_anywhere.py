"""Ask a request and be killed before the first, the second, … thing done to the disk; each time, ask again.

Each round is a fork that is killed by an audit hook, so that every place is reached. One line of JSON a round.
"""

import json
import os
import signal
import sys
from pathlib import Path

from doubles import make_client, make_request

from gemnb.cache import Cache, DirectoryStore
from gemnb.canonical import request_digest
from gemnb.model import Invocation, Mode

TOUCHES = {"open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.scandir", "fcntl.flock"}


def ask(folder: Path) -> None:
    make_client(folder).answer(make_request("a cat"), mode=Mode.AUTO, invocation=Invocation(), inputs={})


def die_at(place: int, folder: Path) -> None:
    left = place

    def hook(event: str, _arguments: object) -> None:
        nonlocal left
        if event in TOUCHES:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    ask(folder)
    os._exit(0)


def calls(folder: Path) -> int:
    log = folder / "calls"
    return len(log.read_text().splitlines()) if log.exists() else 0


digest = request_digest(make_request("a cat"))
ask(Path(sys.argv[1]) / "first")  # all imports are done before the first fork
place = -1
alive = False
while not alive:
    place += 1
    folder = Path(sys.argv[1]) / str(place)
    folder.mkdir(parents=True)
    child = os.fork()
    if not child:
        die_at(place, folder)
    alive = os.waitpid(child, 0)[1] == 0
    facts = {
        "calls before": calls(folder),
        "landed": any((folder / "claims").glob("*.body")),
        "kept": bool(Cache(DirectoryStore(folder / "cache")).attempts(digest)),
    }
    ask(folder)
    cache = Cache(DirectoryStore(folder / "cache"))
    facts |= {
        "calls": calls(folder),
        "attempts": cache.attempts(digest),
        "pictures": [len(cache.blob(p.original.blob)) for p in cache.find(digest).record.pictures],
        "corrupt": list(cache.store.keys("corrupt/")),
    }
    sys.stdout.write(json.dumps(facts) + "\n")
