"""From a notebook to a post: pages, pictures and their evidence, all made from the records.

The path: `document` (the notebook) → `gather` and `answers` (blocks of a post) → `making` (files of its pictures) →
`flavors`, `figures` and `render` (the page) → `index` (the evidence) → `bundle` (writing). `verify` goes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gemnb.publish.flavors import FLAVORS
    from gemnb.publish.publication import Publication, publish_notebook
    from gemnb.publish.verify import find_published, verify_published
    from gemnb.publish.wishes import Options, Wishes

__all__ = [
    "FLAVORS",
    "Options",
    "Publication",
    "Wishes",
    "find_published",
    "publish_notebook",
    "verify_published",
]

_HOMES = {
    "FLAVORS": "flavors",
    "Options": "wishes",
    "Publication": "publication",
    "Wishes": "wishes",
    "find_published": "verify",
    "publish_notebook": "publication",
    "verify_published": "verify",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"gemnb.publish.{_HOMES[name]}"), name)
    msg = f"module 'gemnb.publish' has no attribute {name!r}"
    raise AttributeError(msg)
