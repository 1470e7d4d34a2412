"""Ask a request in a folder: what is traced. With a number, be killed before forgetting the first or second trace."""

import os
import signal
import sys
from pathlib import Path

from desk import Log, make_client, make_request

from gemnb.model import Invocation, Mode


def die_at_removal(event: str, arguments: tuple[object, ...]) -> None:
    if event == "os.remove" and str(arguments[0]).endswith((".intent", ".body")):
        left.pop()
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)


folder = Path(sys.argv[1])
folder.mkdir(exist_ok=True)
client = make_client(folder, Log(folder / "log"), latency=0)
left = [None] * int(sys.argv[2] if len(sys.argv) > 2 else 0)
if left:
    sys.addaudithook(die_at_removal)
client.answer(make_request("a cat"), mode=Mode.AUTO, invocation=Invocation(), inputs={})
