"""Take a claim and be killed in it, before or after the answer's body has landed."""

import os
import signal
import sys
from pathlib import Path

from gemnb.cache import Arrived, Flights

folder, landed = sys.argv[1:]
with Flights(Path(folder)).claim("sha256:" + "ab" * 32) as claim:
    claim.send({"time": "2026-11-21T12:00:00Z", "model": "emulator/sketch-1"})
    if landed == "landed":
        claim.land(Arrived(body=b"{}\n\x00\xff", facts={"host": "emulator"}))
    os.kill(os.getpid(), signal.SIGKILL)
