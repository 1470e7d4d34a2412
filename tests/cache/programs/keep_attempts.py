"""Keep one answer, read from a record's document, as a further attempt; say which it became."""

import json
import sys
from pathlib import Path

from gemnb.cache import Cache, DirectoryStore
from gemnb.model import Invocation
from gemnb.records import load, parse_document

root, document, times = sys.argv[1:]
record, _, _ = parse_document(load(Path(document).read_bytes()))
cache = Cache(DirectoryStore(Path(root)))
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
sys.stdout.write(json.dumps([cache.keep(record, Invocation(), {}).attempt for _ in range(int(times))]))
