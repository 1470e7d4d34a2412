"""`gemnb.lock`: which answer each cell shows and which bytes its inputs were, pinned in a file to be committed.

Specified in docs/reference/lock-file.md. `pins` are the values, `document` the file, `seen` what a notebook shows,
`drift` the words for what differs.
"""

from gemnb.lock.document import parse_lock, read_lock, render_lock, write_lock
from gemnb.lock.drift import Drift, drift, input_drift
from gemnb.lock.pins import NAME, Lock, Pin, Source, find_lock, notebook_name, parameters_digest
from gemnb.lock.seen import Seen, pins_of, see, updated

__all__ = [
    "NAME",
    "Drift",
    "Lock",
    "Pin",
    "Seen",
    "Source",
    "drift",
    "find_lock",
    "input_drift",
    "notebook_name",
    "parameters_digest",
    "parse_lock",
    "pins_of",
    "read_lock",
    "render_lock",
    "see",
    "updated",
    "write_lock",
]
