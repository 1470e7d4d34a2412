"""The emulator's pictures: posters set and printed from a digest and a few words."""

from gemnb.emulator.posters.draw import FAMILIES, Poster, encode

__all__ = ["FAMILIES", "Poster", "encode"]
