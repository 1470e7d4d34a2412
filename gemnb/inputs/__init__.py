"""What a cell refers to: variables, files, globs, URLs, the cache, earlier results. The only reader of pictures.

The path of a reference: `lookup` (which kind is it) → `files`, `urls` and `fetching`, `kept` (bytes), or `pixels` and
`sending` → `pictures` (its binding). Beside it: `keeping` (`gemnb.keep`), `gps`, `changes` (what is said of them).
"""

from gemnb.inputs.changes import bindings_of, changed_inputs, changes_since, earlier_invocation, explained
from gemnb.inputs.files import MAX_INPUT, expand, folders_of
from gemnb.inputs.gps import holds_place, warn_of_places
from gemnb.inputs.keeping import KeptPicture, keep
from gemnb.inputs.lookup import Namespace, Resolved, resolve, resolve_arguments
from gemnb.inputs.pictures import earlier_result, picture_binding
from gemnb.inputs.pixels import PIXELS, Pixels
from gemnb.inputs.sending import SendsPixels, pixels_blob, with_pictures
from gemnb.inputs.urls import Reach

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
    "warn_of_places",
    "with_pictures",
]
