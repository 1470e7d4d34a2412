"""Put bytes into a store that has them already: what is traced."""

import sys
from pathlib import Path

from gemnb.cache import DirectoryStore

DirectoryStore(Path(sys.argv[1])).put("blobs/ab/abcd", b"bytes")
