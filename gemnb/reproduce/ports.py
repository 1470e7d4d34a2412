"""Ports for kernels that start at one time in several processes.

Jupyter asks the system for free ports, closes them, and a third of a second later the kernel takes them: another
kernel that starts meanwhile may have been given the same ones. Where several processes run notebooks, each takes its
own out of a part of the numbers from which the system gives none by itself.
"""

from __future__ import annotations

import itertools
import os
import socket

_FIRST, _LAST = 10_000, 32_000  # Linux gives from 32768 on by itself, others from 49152 (IANA)
_NAMES = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")
_BLOCK = 8
_OWN = 64  # blocks between those of two processes whose numbers are neighbours
_turns = itertools.count()


def kernel_ports() -> dict[str, int]:
    """Return a port for each channel of a kernel, by the names Jupyter gives them; empty where none are free."""
    blocks = (_LAST - _FIRST) // _BLOCK
    start = os.getpid() * _OWN
    for _ in range(_OWN):
        first = _FIRST + (start + next(_turns) % _OWN) % blocks * _BLOCK
        ports = range(first, first + len(_NAMES))
        if all(map(_is_free, ports)):
            return dict(zip(_NAMES, ports, strict=True))
    return {}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
