"""A notebook is written back byte for byte as it was read, whoever wrote it."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemnb.errors import NotebookError
from gemnb.notebook.style import JUPYTER, Style, read_styled, write_notebook, write_styled

if TYPE_CHECKING:
    from pathlib import Path

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["\ud800", "a\r\nb", '{\n "', "\u2028", "\x7f", "😀", "ä", "[\n  1", "\ufeff"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(TEXT, VALUES, max_size=4)
STYLES = st.builds(
    Style,
    indent=st.sampled_from([" ", "  ", "    ", "\t"]),
    separators=st.just((",", ": ")),
    ascii_only=st.booleans(),
    ending=st.sampled_from(["", "\n", "\n\n"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
) | st.builds(
    Style,
    indent=st.none(),
    separators=st.sampled_from([(", ", ": "), (",", ":")]),
    ascii_only=st.booleans(),
    ending=st.sampled_from(["", "\n"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
)


@given(document=DOCUMENTS, style=STYLES)
def test_what_is_read_is_written_again(document: dict[str, Any], style: Style) -> None:
    """Reading and writing gives the same bytes for every document in every style."""
    data = write_styled(document, style)
    found, seen = read_styled(data)

    assert write_styled(found, seen) == data
    assert seen.exact


@given(document=DOCUMENTS, style=STYLES)
def test_one_more_member_goes_and_nothing_else_changes(document: dict[str, Any], style: Style) -> None:
    """A member that is added in the style that was read, and taken out again, leaves the bytes of before."""
    data = write_styled({"nbformat": 4, **document}, style)
    found, seen = read_styled(data)
    longer, seen_then = read_styled(write_styled(found | {"x\u00e4": {"y": ["😀"]}}, seen))
    longer.pop("x\u00e4")

    assert write_styled(longer, seen_then) == data


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1.50}',
        '{"a" : 1}',
        '{"a": "\\/"}',
        '{"a": "\\u00E4"}',
        ' {"a": 1}',
        '{"a": 1e3}',
        '{"a":[1,2],\n"b":1}',
    ],
)
def test_a_form_of_its_own_becomes_jupyters(text: str) -> None:
    """What no style writes keeps its meaning, and its style says that its bytes will not be the same."""
    document, style = read_styled(text.encode())

    assert not style.exact
    assert (
        write_styled(document, style) == json.dumps(json.loads(text), indent=1, ensure_ascii=False).encode() + b"\n"
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": 1e999}', "too big"),
        (b"[]", "not an object"),
        (b"", "Expecting value"),
        (b"\xff\xfe{\x00", "codec"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "recursion"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
    ],
)
def test_what_cannot_be_written_again_is_refused(data: bytes, why: str) -> None:
    """What is no JSON object, or would be lost in writing it again, is an error that says so."""
    with pytest.raises(NotebookError, match=r"a\.ipynb is no notebook") as caught:
        read_styled(data, "a.ipynb")
    assert why in caught.value.why


def test_the_default_is_what_jupyter_writes() -> None:
    """Jupyter's style is that of nbformat, key order apart."""
    import nbformat

    text = nbformat.writes(nbformat.v4.new_notebook(metadata={"ä": 1}))

    assert read_styled((text + "\n").encode())[1] == JUPYTER


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    """Writing through a link replaces the file behind it, with the permissions it had, and leaves nothing else."""
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "a.ipynb"
    real.write_bytes(b"{}")
    real.chmod(0o640)
    link = tmp_path / "link.ipynb"
    link.symlink_to(real)
    write_notebook(link, b'{"a": 1}')

    assert link.is_symlink()
    assert real.read_bytes() == b'{"a": 1}'
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert os.listdir(tmp_path / "real") == ["a.ipynb"]  # noqa: PTH208 - hidden files too


def test_a_failing_disk_leaves_the_file(tmp_path: Path) -> None:
    """Where nothing can be written the file is as it was, and the error says so."""
    (tmp_path / "file").write_bytes(b"no folder")

    with pytest.raises(NotebookError, match="it is as it was"):
        write_notebook(tmp_path / "file" / "a.ipynb", b"{}")
