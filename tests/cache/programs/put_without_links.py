"""Put bytes where hard links are refused, as FAT and some network folders do; the refusal is an audit hook's."""

import errno
import json
import sys
from pathlib import Path

from gemnb.cache import DirectoryStore

root, meanwhile = sys.argv[1:]
store = DirectoryStore(Path(root))
refused = []


def refuse_links(event: str, arguments: tuple[object, ...]) -> None:
    if event == "os.link":
        refused.append(event)
        raise OSError(errno.EPERM, "Operation not permitted")
    if event == "os.rename" and meanwhile:  # somebody else is faster, in the last moment
        Path(str(arguments[1])).write_bytes(meanwhile.encode())


sys.addaudithook(refuse_links)
said = [store.put("blobs/ab/abcd", b"first"), store.put("blobs/ab/abcd", b"second")]
kept = store.get("blobs/ab/abcd")
sys.stdout.write(json.dumps({"said": said, "kept": kept.decode(), "refused": len(refused)}))
