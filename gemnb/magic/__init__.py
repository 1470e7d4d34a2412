"""The face in Jupyter: `%%gemimg` and `%gemnb`, loaded with `%load_ext gemnb`."""

from __future__ import annotations

from gemnb.magic.gemimg import GemImg, load, unload

__all__ = ["GemImg", "load", "unload"]
