"""The imports (`gemnb.keep` with a statement) that a notebook needs: shown in an output, or named in its code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gemnb.canonical import short
from gemnb.errors import CorruptEntry
from gemnb.inputs.statements import IMPORT_MIMETYPE
from gemnb.inventory.referred import digests_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gemnb.notebook import NotebookCell
    from gemnb.pack.pool import Pool


Entry = tuple[str, bytes, bool]
"""Key, bytes, and whether it is kept apart."""


def import_entries(cells: Iterable[NotebookCell], pool: Pool, *, private: bool) -> Iterator[Entry]:
    """Yield the entries of imports that the cells show or name."""
    cells = list(cells)
    shown = {digest for cell in cells for output in cell.outputs for digest in _shown(output)}
    code = [cell.source for cell in cells if cell.is_code and "keep(" in cell.source]
    for key, data, apart in pool.pointers(private=private):
        if key.startswith("imports/") and (_is_named(data, code) or digests_in(data) & shown):
            yield key, data, apart


def bytes_of(entry: bytes, pool: Pool) -> dict[str, bytes]:
    """Return original and preview of an import, by digest.

    Raises:
        CorruptEntry: One of them is missing or damaged.
    """
    found = {}
    for digest in digests_in(entry):
        data = pool.blob(digest)
        data = pool.private_blob(digest) if data is None else data
        if data is None:
            raise CorruptEntry(
                f"The picture {short(digest)} of gemnb.keep is not in the cache; nothing was packed.",
                why="An entry under cache/imports/ names it.",
                hint="Run the cell with gemnb.keep again where its file is.",
                digest=digest,
            )
        found[digest] = data
    return found


def _shown(output: object) -> set[str]:
    data = output.get("data") if isinstance(output, dict) else None
    document = data.get(IMPORT_MIMETYPE) if isinstance(data, dict) else None
    return set() if document is None else digests_in(json.dumps(document).encode())


def _is_named(entry: bytes, code: Iterable[str]) -> bool:
    try:
        name = json.loads(entry).get("name")
    except (ValueError, AttributeError, RecursionError):
        return False
    return isinstance(name, str) and bool(name) and any(name in source for source in code)
