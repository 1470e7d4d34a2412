"""The verbs of `%gemnb`, as data: dispatch, completion, messages and the documentation test read this table."""

from __future__ import annotations

VERBS = {
    "use": "MODEL [options]",
    "status": "",
    "why": "[NAME]",
    "show": "REF",
    "history": "[REF]",
    "diff": "A B",
    "compare": "A B … [options]",
    "publish": "NOTEBOOK --to FLAVOR [--output DIR]",
    "cache": "",
    "cancel": "",
}
"""What stands behind each verb."""


def usage(verb: str) -> str:
    """Return how a verb is typed."""
    return f"%gemnb {verb} {VERBS[verb]}".rstrip()
