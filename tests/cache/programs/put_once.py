"""Put one megabyte of a letter under several keys of a DirectoryStore; say for which of them it was the first."""

import json
import sys
from pathlib import Path

from gemnb.cache import DirectoryStore

root, letter, *keys = sys.argv[1:]
store = DirectoryStore(Path(root))
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
sys.stdout.write(json.dumps([store.put(key, letter.encode() * 1_000_000) for key in keys]))
