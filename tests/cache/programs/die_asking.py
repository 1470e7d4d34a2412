"""Ask a request and be killed: while it is in flight, when its answer has landed, or when it has been kept."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from doubles import make_client, make_request

from gemnb.cache import Cache
from gemnb.model import Invocation, Mode


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DiesWhenKept(Cache):
    """A cache whose process is killed as soon as an answer is kept."""

    def keep(self, *arguments: object, **options: object) -> None:
        super().keep(*arguments, **options)
        die()


folder, prompt, when = sys.argv[1:]
if when == "landed":
    client = make_client(Path(folder), unpack=die)
elif when == "kept":
    client = make_client(Path(folder), cache=DiesWhenKept)
else:
    client = replace(make_client(Path(folder)), backend=lambda _vendor: SimpleNamespace(generate=die))
client.answer(make_request(prompt), mode=Mode.AUTO, invocation=Invocation(), inputs={})
