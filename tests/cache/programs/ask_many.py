"""Ask a number of requests, in an order of this process's own; say how many of the answers were read back."""

import random
import sys
from pathlib import Path

from doubles import make_client, make_request

from gemnb.canonical import request_digest
from gemnb.model import Invocation, Mode

folder, count, seed = sys.argv[1:]
client = make_client(Path(folder))
prompts = [f"picture {number}" for number in range(int(count))]
if int(seed) % 2:  # half of the processes go through the same order side by side
    random.Random(int(seed)).shuffle(prompts)
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
answered = 0
for prompt in prompts:
    request = make_request(prompt)
    record = client.answer(request, mode=Mode.AUTO, invocation=Invocation(), inputs={})
    answered += client.cache.find(request_digest(request)).record == record
sys.stdout.write(str(answered))
