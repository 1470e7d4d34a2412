"""Pictures as a page shows them: small copies with their provenance, composites with labels, a slider.

An original is copied, never touched: its Content Credentials stay what was signed. Everything made here is another
picture and says so: it holds no Content Credentials, and names the digest of its original in its own metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gemnb.publish.pictures.composites import composite
    from gemnb.publish.pictures.containers import embed_xmp
    from gemnb.publish.pictures.origins import digital_source, digital_sources
    from gemnb.publish.pictures.provenance import Provenance, xml_holds, xmp_packet
    from gemnb.publish.pictures.rendering import Rendition, encoder_version, renditions
    from gemnb.publish.pictures.slider import slider_html

__all__ = [
    "Provenance",
    "Rendition",
    "composite",
    "digital_source",
    "digital_sources",
    "embed_xmp",
    "encoder_version",
    "renditions",
    "slider_html",
    "xml_holds",
    "xmp_packet",
]

_HOMES = {
    "composites": ("composite",),
    "containers": ("embed_xmp",),
    "origins": ("digital_source", "digital_sources"),
    "provenance": ("Provenance", "xml_holds", "xmp_packet"),
    "rendering": ("Rendition", "encoder_version", "renditions"),
    "slider": ("slider_html",),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            from importlib import import_module

            return getattr(import_module(f"gemnb.publish.pictures.{module}"), name)
    msg = f"module 'gemnb.publish.pictures' has no attribute {name!r}"
    raise AttributeError(msg)
