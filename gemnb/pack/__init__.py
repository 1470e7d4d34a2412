"""Originals and inputs into a notebook (`pack_notebook`), out of it (`slim_notebook`), read from it (`packed`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.pack.held import Packed, packed

if TYPE_CHECKING:
    from gemnb.pack.packing import PackReport, pack_notebook
    from gemnb.pack.slimming import SlimReport, slim_notebook

__all__ = ["PackReport", "Packed", "SlimReport", "pack_notebook", "packed", "slim_notebook"]


def __getattr__(name: str) -> object:
    # Who reads what is packed needs none of what packs.
    if name in ("PackReport", "pack_notebook"):
        from gemnb.pack import packing

        return getattr(packing, name)
    if name in ("SlimReport", "slim_notebook"):
        from gemnb.pack import slimming

        return getattr(slimming, name)
    msg = f"module 'gemnb.pack' has no attribute {name!r}"
    raise AttributeError(msg)
