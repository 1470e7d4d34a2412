"""`gemnb verify` with so many MiB of memory and seconds of processor, and no way to run, write or connect."""

import resource
import sys

from gemnb.cli import main

memory, seconds = int(sys.argv[1]) * 2**20, int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.remove", "os.rename"):
        sys.stderr.write(f"FORBIDDEN {event}\n")
    if event == "open" and any(word in str(arguments[0]) for word in ("outside", "passwd")):
        sys.stderr.write(f"FORBIDDEN read {arguments[0]}\n")
    if event == "open" and len(arguments) > 2 and isinstance(arguments[2], int) and arguments[2] & 3:
        sys.stderr.write(f"FORBIDDEN write {arguments[0]}\n")


sys.addaudithook(refuse)
sys.argv = ["gemnb", "verify", *sys.argv[3:]]
main()
