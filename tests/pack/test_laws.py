"""Law 7: packing and slimming are inverse and idempotent, byte for byte, for every notebook in every style."""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemnb.cache import Cache, DirectoryStore
from gemnb.notebook.style import Style, write_styled
from gemnb.pack import pack_notebook, slim_notebook

if TYPE_CHECKING:
    from collections.abc import Sequence

STYLES = st.builds(
    Style,
    indent=st.sampled_from([None, " ", "  ", "    ", "\t"]),
    ascii_only=st.booleans(),
    ending=st.sampled_from(["", "\n"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
)
METADATA = st.sampled_from(
    [
        None,
        {},
        {"gemnb": {}},
        {"gemnb": {"publish": "post"}, "kernelspec": {"name": "python3"}},
        {"language_info": {"name": "python"}, "gemnb": {"ä": [1.5, None]}, "widgets": {}},
    ]
)
FOREIGN = st.sampled_from(
    [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Titel – ä\n", "text"]},
        {"cell_type": "code", "metadata": {}, "source": "%%gemimg\n", "outputs": [], "execution_count": None},
        {"cell_type": "code", "metadata": {}, "source": "1 +", "outputs": [{"output_type": "stream", "text": []}]},
        {"cell_type": "raw", "source": "sha256:" + "0" * 64},
    ]
)


def places(folder: Path) -> tuple[Cache, Cache]:
    return Cache(DirectoryStore(folder)), Cache(DirectoryStore(folder / "private"))


def notebook(ran: Path, chosen: Sequence[tuple[int, bool]], foreign: Any, metadata: Any, *, first: bool) -> Any:
    """Return a notebook of some of the cells that were run, in any order, some without their outputs."""
    document = json.loads((ran / "post.ipynb").read_text("utf-8"))
    cells = [document["cells"][1]]
    for index, stripped in chosen:
        cell = copy.deepcopy(document["cells"][2 + index])
        cells.append(cell | ({"outputs": []} if stripped else {}))
    cells.insert(len(cells) // 2, foreign)
    made = {"cells": cells, "nbformat": 4, "nbformat_minor": 5}
    return made if metadata is None else {"metadata": metadata, **made} if first else {**made, "metadata": metadata}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    chosen=st.lists(st.tuples(st.integers(0, 13), st.booleans()), max_size=5, unique_by=lambda item: item[0]),
    foreign=FOREIGN,
    metadata=METADATA,
    first=st.booleans(),
    style=STYLES,
)
def test_pack_and_slim_are_inverse_and_idempotent(
    *, ran: Path, chosen: list[tuple[int, bool]], foreign: Any, metadata: Any, first: bool, style: Style
) -> None:
    """slim(pack(n)) = n, pack(pack(n)) = pack(n), slim(slim(n)) = slim(n), pack(slim(pack(n))) = pack(n)."""
    kept = places(ran / "cache")
    with tempfile.TemporaryDirectory() as name:
        path, empty = Path(name) / "n.ipynb", places(Path(name) / "empty")
        plain = write_styled(notebook(ran, chosen, foreign, metadata, first=first), style)
        path.write_bytes(plain)
        pack_notebook(path, *kept)
        whole = path.read_bytes()

        pack_notebook(path, *kept)
        assert path.read_bytes() == whole
        slim_notebook(path, *kept)
        assert path.read_bytes() == plain
        slim_notebook(path, *kept)
        assert path.read_bytes() == plain

        path.write_bytes(whole)
        slim_notebook(path, *empty)
        assert path.read_bytes() == plain
        pack_notebook(path, *empty)
        assert path.read_bytes() == whole


def test_the_project_that_was_run_is_as_it_was(ran: Path) -> None:
    """Neither packing nor slimming changed a cache that held everything, nor made anything in it."""
    names = {path.name for path in (ran / "cache").iterdir()}

    assert names == {".gitignore", "blobs", "pixels", "private", "records", "urls"}
