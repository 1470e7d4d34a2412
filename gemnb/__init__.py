"""Notebooks of generated pictures that anyone can reproduce and check.

In Jupyter: `%load_ext gemnb`, `%gemnb use MODEL`, `%%gemimg NAME`. In Python: `gemnb.generate(…)`.

The path of a cell, from text to picture:
`magic` → `cell` (grammar) → `inputs` (what names stand for) → `invocation` (requests) → `client`
(find, claim, call, keep) → `cache`, `backends` → `mime` (what stands in the notebook).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from gemnb.api import generate, keep
    from gemnb.errors import GemnbError
    from gemnb.result import Result

__all__ = ["GemnbError", "Result", "generate", "keep"]

_HOMES = {"GemnbError": "gemnb.errors", "Result": "gemnb.result", "generate": "gemnb.api", "keep": "gemnb.api"}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    msg = f"module 'gemnb' has no attribute {name!r}"
    raise AttributeError(msg)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register `%%gemimg` and `%gemnb` (`%load_ext gemnb`)."""
    from gemnb.magic import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take them away again (`%unload_ext gemnb`)."""
    from gemnb.magic import unload

    unload(shell)
