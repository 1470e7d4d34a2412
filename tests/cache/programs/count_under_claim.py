"""Read a number, add one, write it back, many times, each time inside one and the same claim."""

import sys
from pathlib import Path

from gemnb.cache import Flights

folder, number, times = sys.argv[1:]
flights, file = Flights(Path(folder)), Path(number)
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
for _ in range(int(times)):
    with flights.claim("sha256:" + "ab" * 32):
        file.write_text(str(int(file.read_text()) + 1))
