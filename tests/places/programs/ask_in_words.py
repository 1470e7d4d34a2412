"""Ask requests that are answered in words, which needs nothing compiled; say what was got, by digest."""

import json
import os
import random
import sys
from pathlib import Path

from gemnb.arrival import unpack
from gemnb.backends import Reply
from gemnb.cache import Cache, DirectoryStore, Flights, Tiers
from gemnb.canonical import request_digest
from gemnb.client import Client
from gemnb.model import Content, Invocation, Mode, Request
from gemnb.records import record_digest


class Model:
    def generate(self, request: Request, _blob: object) -> Reply:
        with (folder / "calls").open("a") as log:
            log.write(request_digest(request) + "\n")
        turn = {"role": "model", "parts": [{"text": f"in words, é 写, {os.getpid()}"}]}
        body = json.dumps({"candidates": [{"content": turn, "finishReason": "STOP"}]}).encode()
        return Reply(body=body, host="emulator", client="double/1")


folder, count = Path(sys.argv[1]), int(sys.argv[2])
client = Client(
    cache=Tiers(Cache(DirectoryStore(folder / "cache"))),
    flights=lambda: Flights(folder / "claims"),
    backend=lambda _vendor: Model(),
    unpack=unpack,
)
got = {}
for number in random.sample(range(count), count):
    text = f"picture {number}: é 😀 1.0"
    request = Request(
        model="emulator/sketch-1",
        contents=(Content(role="user", parts=({"text": text},)),),
        config={"temperature": 0.1 * number, "seed": number},
    )
    record = client.answer(request, mode=Mode.AUTO, invocation=Invocation(source=text), inputs={})
    got[request_digest(request)] = record_digest(record)
sys.stdout.write(json.dumps({"python": sys.version.rpartition(" |")[0][:4] or sys.version[:4], "records": got}))
