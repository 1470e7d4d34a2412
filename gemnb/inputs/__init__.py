"""What a cell refers to: variables, files, globs, URLs, the cache, earlier results. The only reader of pictures.

The path of a reference: `lookup` → `references` (which kind is it) → `files`, `urls` and `fetching`, `kept`
(bytes), or `pixels` and `sending` → `pictures` (its binding). Beside it: `keeping` (`gemnb.keep`), `importing`
and `statements` (what an author states of a picture from elsewhere), `gps`, `changes`
(what is said of them).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.inputs.files import MAX_INPUT, expand, folders_of
from gemnb.inputs.lookup import Resolved, resolve, resolve_arguments
from gemnb.inputs.names import Namespace
from gemnb.inputs.reach import Reach

if TYPE_CHECKING:
    from gemnb.inputs.changes import bindings_of, changed_inputs, changes_since, earlier_invocation, explained
    from gemnb.inputs.gps import holds_place, warn_of_places
    from gemnb.inputs.keeping import KeptPicture, keep
    from gemnb.inputs.pictures import earlier_result, picture_binding
    from gemnb.inputs.pixels import PIXELS, Pixels
    from gemnb.inputs.sending import SendsPixels, pixels_blob, with_pictures
    from gemnb.inputs.urls import url_entry

__all__ = [
    "MAX_INPUT",
    "PIXELS",
    "KeptPicture",
    "Namespace",
    "Pixels",
    "Reach",
    "Resolved",
    "SendsPixels",
    "bindings_of",
    "changed_inputs",
    "changes_since",
    "earlier_invocation",
    "earlier_result",
    "expand",
    "explained",
    "folders_of",
    "holds_place",
    "keep",
    "picture_binding",
    "pixels_blob",
    "resolve",
    "resolve_arguments",
    "url_entry",
    "warn_of_places",
    "with_pictures",
]

# A cell without pictures, or one that hits, needs none of these.
_HOMES = {
    "changes": ("bindings_of", "changed_inputs", "changes_since", "earlier_invocation", "explained"),
    "gps": ("holds_place", "warn_of_places"),
    "keeping": ("KeptPicture", "keep"),
    "pictures": ("earlier_result", "picture_binding"),
    "pixels": ("PIXELS", "Pixels"),
    "sending": ("SendsPixels", "pixels_blob", "with_pictures"),
    "urls": ("url_entry",),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            from importlib import import_module

            return getattr(import_module(f"gemnb.inputs.{module}"), name)
    msg = f"module 'gemnb.inputs' has no attribute {name!r}"
    raise AttributeError(msg)
