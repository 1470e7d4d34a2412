"""Finding the cells that ask for pictures, the defaults in force for each, and the records in their outputs."""

from __future__ import annotations

from base64 import encodebytes
from typing import TYPE_CHECKING

import pytest

from gemnb.model import MIMETYPE
from gemnb.notebook import NotebookCell, first_error, is_papermills, needs_answer, scan, should_show, shows_kept

if TYPE_CHECKING:
    from gemnb.model import JSONObject

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
RECORD = {"schema": 0, "record": {}}


def _cells(*sources: str) -> list[NotebookCell]:
    return [NotebookCell(number=n, is_code=True, source=source, outputs=()) for n, source in enumerate(sources, 1)]


def _cell(source: str, *outputs: JSONObject) -> NotebookCell:
    return NotebookCell(number=1, is_code=True, source=source, outputs=outputs)


def _output(**data: object) -> JSONObject:
    return {"output_type": "display_data", "metadata": {}, "data": {MIMETYPE: RECORD} | data}


def _defaults(*sources: str) -> str | None:
    """Return the defaults in force for the `%%gemimg` cell that stands last."""
    return scan(_cells(*sources, "%%gemimg\na cat"))[-1].defaults


def test_cells_that_ask_are_found():
    """Every `%%gemimg` cell is found with its number and source; other cells are not."""
    found = scan(
        _cells("import gemnb", "%%gemimg hero\na cat", "%%gemimgs\nx", "# %%gemimg\n", "\n\n%%gemimg\na dog")
    )
    assert [(cell.number, cell.asks) for cell in found] == [(2, True), (5, True)]
    assert found[0].source == "%%gemimg hero\na cat"


def test_text_cells_ask_for_nothing():
    """A Markdown cell that explains `%%gemimg` or `%gemnb use` neither asks nor sets defaults."""
    text = [
        NotebookCell(number=n, is_code=False, source=source, outputs=())
        for n, source in enumerate(["%gemnb use x/y", "%%gemimg\na cat"], 1)
    ]
    assert scan(text) == []
    assert scan([*text, _cell("%%gemimg\na cat")])[0].defaults is None


def test_defaults_are_those_of_the_last_use_above():
    """Each cell has the defaults of the last `%gemnb use` above it, over any number of cells."""
    found = scan(
        _cells(
            "%%gemimg\na",
            "%gemnb use a/b -a 16:9",
            "x = 1",
            "%%gemimg\nb",
            "%gemnb use c/d",
            "%%gemimg\nc",
            "%%gemimg\nd",
        )
    )
    assert [cell.defaults for cell in found] == [None, "a/b -a 16:9", "c/d", "c/d"]


@pytest.mark.parametrize(
    "source",
    [
        "%gemnb use a/b",
        "x = 1\n%gemnb use a/b\ny = 2",
        "%load_ext gemnb\n%gemnb use a/b",
        "  %gemnb   use   a/b  ",
        "\t%gemnb\tuse\ta/b",
        "%gemnb use c/d\n%gemnb use a/b",
        "%gemnb use a/b\r\nx = 1",
    ],
)
def test_a_use_is_found_anywhere_in_a_cell(source: str):
    """A `%gemnb use` counts on any line of a cell, with any spaces; the last one wins."""
    assert _defaults(source) == "a/b"


@pytest.mark.parametrize(
    "source",
    [
        "%%bash\n%gemnb use a/b",
        "\n%%markdown\n%gemnb use a/b",
        "%%gemimg\n%gemnb use a/b",
        "# %gemnb use a/b",
        "%gemnb used a/b",
        "%gemnb status",
        "print('%gemnb use a/b')",
        "%gemnbuse a/b",
    ],
)
def test_what_only_looks_like_a_use_is_none(source: str):
    """Below another magic, in a comment, inside a line or misspelt, it sets no defaults."""
    assert _defaults(source) is None


def test_a_use_sets_nothing_for_its_own_cell_or_those_above():
    """The defaults of a cell come from above it."""
    found = scan(_cells("%%gemimg\na cat", "%gemnb use a/b"))
    assert found[0].defaults is None


@pytest.mark.parametrize("mime_type", ["image/png", "image/jpeg"])
@pytest.mark.parametrize("lines", [False, True])
def test_an_output_with_a_record_is_read(mime_type: str, *, lines: bool):
    """Record, text and picture of an output are read; base64 may have line breaks and be a list of lines."""
    text = encodebytes(PICTURE).decode()
    output = _output(**{mime_type: text.splitlines(keepends=True) if lines else text, "text/plain": ["a ", "cat"]})
    (found,) = scan([_cell("%%gemimg\na cat", output)])
    (shown,) = found.shown
    assert (shown.document, shown.plain, shown.mime_type) == (RECORD, "a cat", mime_type)
    assert shown.picture == shown.decode() == PICTURE
    assert found.error is None


def test_every_output_with_a_record_is_read_in_order():
    """Several pictures below a cell are several outputs; outputs without a record are passed over."""
    outputs = [
        {"output_type": "stream", "text": "hi"},
        _output(**{"text/plain": "first"}),
        {"output_type": "display_data", "data": {"image/png": "aGk="}},
        {"output_type": "display_data", "data": None},
        {"output_type": "execute_result", "data": {MIMETYPE: 1, "text/plain": "second"}},
        {},
    ]
    (found,) = scan([_cell("%%gemimg\na cat", *outputs)])
    assert [(shown.plain, shown.document) for shown in found.shown] == [("first", RECORD), ("second", 1)]


def test_an_output_without_a_picture_has_none():
    """An answer in words has a record and no picture."""
    (found,) = scan([_cell("%%gemimg\na cat", _output(**{"text/plain": "words"}))])
    assert (found.shown[0].mime_type, found.shown[0].picture) == (None, None)


@pytest.mark.parametrize("text", ["no base64!", "aGk", "=", "é", 7, None, {"a": 1}])
def test_a_picture_that_is_no_base64_is_none_or_empty(text: object):
    """A picture that cannot be decoded is read as no bytes, with its type, for others to report."""
    (found,) = scan([_cell("%%gemimg\na cat", _output(**{"image/png": text}))])
    assert found.shown[0].mime_type == "image/png"
    assert not found.shown[0].picture


def test_a_cell_that_shows_a_record_without_asking_is_found():
    """A cell of Python that shows a result is found, and does not ask."""
    (found,) = scan([_cell("hero", _output())])
    assert (found.asks, len(found.shown)) == (False, 1)


def test_the_first_error_below_a_cell_is_read():
    """An error output below a cell that asks is told with class and message, beside what the cell had shown."""
    errors = [{"output_type": "error", "ename": name, "evalue": "why"} for name in ("CacheMiss", "Other")]
    (found,) = scan([_cell("%%gemimg\na cat", _output(), *errors)])
    assert found.error == ("CacheMiss", "why")
    assert len(found.shown) == 1
    assert scan([_cell("1/0", *errors)]) == []


def test_the_first_error_of_a_notebook_is_found():
    """The first error of a notebook is told with its cell, whatever the cell is."""
    error = {"output_type": "error", "ename": "ZeroDivisionError", "evalue": "division by zero"}
    clean, failed = _cells("1", "1/0")
    failed = NotebookCell(number=2, is_code=True, source=failed.source, outputs=({"output_type": "stream"}, error))
    assert first_error([clean, failed]) == (2, "ZeroDivisionError", "division by zero")
    assert first_error([clean]) is None
    assert first_error([]) is None


def test_what_the_metadata_says_of_the_picture_is_read():
    """Width, height and alternative text beside a picture are read; what is none of an object is nothing."""
    output = _output(**{"image/png": "aGk="})
    facts = {"width": 3, "alt": "hi"}
    for metadata, wanted in (
        ({"image/png": facts}, facts),
        ({"image/jpeg": facts}, {}),
        ([], {}),
        ({"image/png": 1}, {}),
    ):
        (found,) = scan([_cell("%%gemimg\na cat", output | {"metadata": metadata})])
        assert found.shown[0].facts == wanted


def test_pictures_without_a_record_below_a_cell_that_asks_are_counted():
    """A picture that another tool left below a `%%gemimg` cell is no answer of a model, and is counted."""
    foreign = {"output_type": "display_data", "data": {"image/png": "aGk="}}
    (found,) = scan([_cell("%%gemimg\na cat", _output(), foreign, {"data": {"image/svg+xml": ""}}, {"data": {}})])
    assert (len(found.shown), found.strangers) == (1, 2)


@pytest.mark.parametrize(
    ("data", "strangers"),
    [
        ({"text/html": "<img src=x>", "text/plain": "x"}, 1),
        ({"text/markdown": "![](x)"}, 1),
        ({"application/vnd.jupyter.widget-view+json": {}}, 1),
        ({"text/plain": "pending: would ask"}, 0),
        ({}, 0),
    ],
)
def test_whatever_can_show_a_picture_is_counted(data: JSONObject, strangers: int):
    """HTML, Markdown and widgets without a record below a cell that asks count as pictures; plain text does not."""
    output = {"output_type": "display_data", "metadata": {}, "data": data}
    (found,) = scan([_cell("%%gemimg\na cat", _output(), output)])
    assert found.strangers == strangers


def test_what_stands_beside_a_record_and_its_picture_is_told():
    """Types besides the record's, one picture's and plain text are named: a front end may prefer them."""
    data = {"image/png": "aGk=", "text/plain": "x"}
    (found,) = scan([_cell("%%gemimg\na cat", _output(**data))])
    assert found.shown[0].others == ()
    (found,) = scan(
        [_cell("%%gemimg\na cat", _output(**data, **{"text/html": "", "image/jpeg": "", "image/gif": ""}))]
    )
    assert found.shown[0].others == ("image/gif", "image/jpeg", "text/html")


@pytest.mark.parametrize(
    ("above", "captured"),
    [
        ("%%time\n", False),
        ("%%time\r\n", False),
        ("\n%%prun -l 3\n\n", False),
        ("%%capture\n", True),
        ("%%time\n%%capture out --no-stderr\n", True),
    ],
)
def test_a_cell_below_a_magic_that_runs_it_asks(above: str, *, captured: bool):
    """A `%%gemimg` cell below `%%time`, `%%prun` or `%%capture` asks; what is captured shows nothing here."""
    (found,) = scan([_cell(f"{above}%%gemimg cat\na cat")])
    assert (found.asks, found.source, found.captured) == (True, "%%gemimg cat\na cat", captured)
    assert should_show(found) is not captured
    assert needs_answer(found)


@pytest.mark.parametrize("above", ["%%bash\n", "%%timeit\n", "%%time x = 1\nx\n", "%%captured\n", "# %%time\n"])
def test_a_cell_below_another_magic_does_not_ask(above: str):
    """`%%gemimg` that is text to something else asks for nothing."""
    assert scan([_cell(f"{above}%%gemimg cat\na cat")]) == []


@pytest.mark.parametrize(
    ("line", "shows", "needs"),
    [
        ("%%gemimg cat", True, True),
        ("%%gemimg -q", False, True),
        ("%%gemimg --dry-run", False, False),
        ("%%gemimg -h", False, False),
        ("%%gemimg --nonsense", True, True),
    ],
)
def test_what_a_cell_should_show_and_needs(line: str, *, shows: bool, needs: bool):
    """A quiet cell shows nothing and needs its answer; `--dry-run` and `-h` need none."""
    (found,) = scan([_cell(f"{line}\na cat")])
    assert (should_show(found), needs_answer(found)) == (shows, needs)


@pytest.mark.parametrize(
    ("tag", "source", "own"),
    [
        (
            "injected-parameters",
            '# Parameters\nstyle = "ink"\nn = -1\nx = float("nan")\nl = [1, {"a": None}]\n',
            True,
        ),
        ("injected-parameters", "%%gemimg cat\na cat", False),
        ("injected-parameters", "cat", False),
        ("injected-parameters", "x = display(cat)", False),
        ("papermill-error-cell-tag", "hero.image", False),
        ("injected-parameters", "x = " + "(" * 9999, False),
        ("parameters", "style = 'ink'", False),
    ],
)
def test_papermills_cells_are_known_by_more_than_their_tag(tag: str, source: str, *, own: bool):
    """A tag anybody can set hides no cell that can show something."""
    assert is_papermills(NotebookCell(number=1, is_code=True, source=source, outputs=(), tags=(tag,))) is own
    assert is_papermills(NotebookCell(number=1, is_code=False, source="error", outputs=(), tags=(tag,))) is (
        tag != "parameters"
    )


@pytest.mark.parametrize(
    ("source", "shows"),
    [
        ("%gemnb show cat", True),
        ("x = 1\n  %gemnb  show abc123", True),
        ("# %gemnb\n# A dog", False),
        ("# %gemnb show cat", False),
        ("%gemnb status", False),
        ("%%html\n%gemnb show cat", False),
    ],
)
def test_a_cell_that_shows_what_is_kept_is_known(source: str, *, shows: bool):
    """Only a line of the cell that is `%gemnb show …` shows what is kept."""
    assert shows_kept(source) is shows
