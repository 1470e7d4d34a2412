"""Reading notebook files, which may come from anybody."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemnb.errors import NotebookError
from gemnb.notebook import NotebookCell, find_notebooks, load_notebook, parse_notebook, read_notebook, scan

if TYPE_CHECKING:
    from pathlib import Path


def _code(source: object, **more: object) -> dict[str, object]:
    return {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source} | more


def _notebook(*cells: object, **more: object) -> bytes:
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}
    return json.dumps(document | more).encode()


@pytest.mark.parametrize("source", ["a = 1\nb = 2\n", ["a = 1\n", "b = 2\n"]], ids=["text", "lines"])
def test_sources_are_text_or_lines(source: object):
    """A cell's source reads the same as one text and as a list of lines."""
    (cell,) = parse_notebook(_notebook(_code(source)), "n")
    assert cell == NotebookCell(number=1, is_code=True, source="a = 1\nb = 2\n", outputs=())


def test_cells_are_numbered_from_one(tmp_path: Path):
    """Every cell counts, code or not, so that a number names the cell a person sees."""
    (tmp_path / "n.ipynb").write_bytes(
        _notebook({"cell_type": "markdown", "source": "# Title"}, _code("1"), {"cell_type": "raw", "source": ""})
    )
    cells = read_notebook(tmp_path / "n.ipynb")
    assert [(cell.number, cell.is_code) for cell in cells] == [(1, False), (2, True), (3, False)]


def test_outputs_and_tags_are_read():
    """Outputs come as they stand, tags from the cell's metadata."""
    output = {"output_type": "stream", "name": "stdout", "text": "hi"}
    (cell,) = parse_notebook(_notebook(_code("1", outputs=[output], metadata={"tags": ["parameters"]})), "n")
    assert cell.outputs == (output,)
    assert cell.tags == ("parameters",)


@pytest.mark.parametrize(
    ("minor", "given_id", "read_id"),
    [
        *((5, valid, valid) for valid in ("hero-1_a", "a" * 64)),
        *((5, invalid, None) for invalid in ("", "a b", "a" * 65, 7, "../x", "\x1b[31m", None)),
        *((minor, "hero", None) for minor in (4, None)),
    ],
)
def test_ids_are_those_of_format_4_5(minor: object, given_id: object, read_id: str | None):
    """A cell has an id where the format has ids and this one is valid."""
    (cell,) = parse_notebook(_notebook(_code("1", id=given_id), nbformat_minor=minor), "n")
    assert cell.id == read_id


def test_cells_of_an_old_notebook_have_no_ids():
    """An upgrade draws ids by lot, which would name another cell each time; they are not taken."""
    old = {"cell_type": "code", "language": "python", "metadata": {}, "outputs": [], "input": "1"}
    document = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [old], "metadata": {}}]}
    (cell,) = parse_notebook(json.dumps(document).encode(), "n")
    assert (cell.source, cell.id) == ("1", None)


def test_what_is_missing_or_of_another_type_is_empty():
    """A cell without source, outputs, tags or type, or with odd ones, is read as far as it goes."""
    odd = _code(7, outputs=[1, {"output_type": "error"}], metadata={"tags": [1, "a"]})
    cells = parse_notebook(_notebook({}, _code(None, outputs=None, metadata=[]), odd, _code(["a", 1, "b"])), "n")
    assert [(cell.is_code, cell.source, cell.outputs, cell.tags) for cell in cells] == [
        (False, "", (), ()),
        (True, "", (), ()),
        (True, "", ({"output_type": "error"},), ("a",)),
        (True, "ab", (), ()),
    ]


def test_a_notebook_without_cells_is_empty():
    """An empty notebook is one, with no cells."""
    assert parse_notebook(_notebook(), "n") == ()


def test_a_byte_order_mark_is_no_obstacle():
    """A notebook that an editor saved with a byte order mark is read."""
    assert parse_notebook(b"\xef\xbb\xbf" + _notebook(_code("1")), "n")[0].source == "1"


def test_text_of_any_script_is_read_as_it_is():
    """Sources keep every character, whether it is escaped in the file or not."""
    source = "写真 é 🐈 \u2028 \ud83d"
    document = json.loads(_notebook(_code(source)))
    plain = json.dumps(document, ensure_ascii=False).replace("\ud83d", "\\ud83d").encode()
    assert parse_notebook(_notebook(_code(source)), "n") == parse_notebook(plain, "n")
    assert parse_notebook(plain, "n")[0].source == source


@pytest.mark.parametrize(
    ("title", "source"),
    [
        ("Title", "%%gemimg\na cat"),
        ("Title", ["%%gemimg\n", "a cat"]),
        (["Title"], ["%%gemimg\n", "a cat"]),
    ],
)
def test_older_notebooks_are_upgraded(title: object, source: object):
    """A notebook of format 3 reads like its successor, whether its sources are texts or lists of lines."""
    cell = {"cell_type": "code", "language": "python", "input": source, "outputs": [], "metadata": {}}
    heading = {"cell_type": "heading", "level": 1, "source": title, "metadata": {}}
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": [heading, cell], "metadata": {}}],
    }
    cells = parse_notebook(json.dumps(old).encode(), "n")
    assert [(cell.number, cell.is_code, cell.source) for cell in cells] == [
        (1, False, "# Title"),
        (2, True, "%%gemimg\na cat"),
    ]


@pytest.mark.parametrize("version", [{"nbformat": 3.0}, {"nbformat": 3, "nbformat_minor": "0"}])
def test_a_version_that_is_no_whole_number_is_told(version: dict[str, object]):
    """A notebook whose version is no whole number is a NotebookError like any other that cannot be read."""
    with pytest.raises(NotebookError):
        parse_notebook(json.dumps(version | {"worksheets": []}).encode(), "n")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"# Title", "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"cells": [' + b"[" * 100_000, "no JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "no JSON"),
        (b"[]", "no notebook"),
        (b"7", "no notebook"),
        (b'{"nbformat": 4}', "no notebook"),
        (b'{"nbformat": 4, "cells": {}}', "no notebook"),
        (b'{"nbformat": 4, "cells": [1]}', "no notebook"),
        (b'{"nbformat": 4, "cells": [null]}', "no notebook"),
    ],
)
def test_what_is_no_notebook_is_told(tmp_path: Path, data: bytes, said: str):
    """A file that is no notebook is an error that names it and says why."""
    path = tmp_path / "n.ipynb"
    path.write_bytes(data)
    with pytest.raises(NotebookError, match=said) as caught:
        read_notebook(path)
    assert str(path) in caught.value.what
    assert caught.value.why


@pytest.mark.parametrize(
    "document", [{}, {"nbformat": 3}, {"nbformat": 99, "cells": []}, {"nbformat": "4", "cells": []}]
)
def test_an_unknown_format_is_told(document: dict[str, object]):
    """A notebook of a format that nobody can upgrade is an error that names it."""
    with pytest.raises(NotebookError, match=r"n\.ipynb"):
        parse_notebook(json.dumps(document).encode(), "n.ipynb")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path):
    """A file that is not there, or is a folder, is an error that says so."""
    for path in (tmp_path / "missing.ipynb", tmp_path):
        with pytest.raises(NotebookError, match="cannot be read") as caught:
            read_notebook(path)
        assert caught.value.why


KEYS = [
    *("cells", "cell_type", "source", "outputs", "metadata", "tags", "output_type", "data", "ename", "evalue"),
    *("nbformat", "nbformat_minor", "worksheets", "input", "text", "level", "language", "prompt_number"),
    *("image/png", "text/plain", "application/vnd.gemnb.v1+json"),
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["code", "error", "%%gemimg a\nx", "%gemnb use m", "display_data"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


def _read_or_refuse(document: object) -> None:
    try:
        cells = parse_notebook(json.dumps(document).encode(), "n")
    except NotebookError:
        return
    scan(cells)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(cells=JSON, minor=JSON)
def test_hostile_cells_are_read_or_refused(cells: object, minor: object):
    """Whatever stands in the place of a notebook's cells, it is read or a NotebookError."""
    _read_or_refuse({"nbformat": 4, "nbformat_minor": minor, "cells": cells})
    _read_or_refuse({"nbformat": 4, "cells": [{"cell_type": "code", "source": "%%gemimg\nx", "outputs": cells}]})
    _read_or_refuse(
        {"nbformat": 4, "cells": [{"cell_type": "code", "outputs": [{"output_type": "error", "data": cells}]}]}
    )


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(document=JSON)
def test_hostile_json_is_read_or_refused(document: object):
    """Whatever JSON stands in the place of a notebook of today's format, it is read or a NotebookError."""
    _read_or_refuse({"nbformat": 4} | document if isinstance(document, dict) else document)


@settings(deadline=None)
@given(data=st.binary(max_size=60))
def test_hostile_bytes_are_read_or_refused(data: bytes):
    """Whatever bytes a file holds, they are read or a NotebookError."""
    for whole in (data, b'{"nbformat": 4, "cells": ' + data):
        try:
            parse_notebook(whole, "n")
        except NotebookError:
            continue


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(version=st.sampled_from([1, 2, 3, 5, -1, None, "3", True, [3], 10**20]), worksheets=JSON, cells=JSON)
def test_hostile_older_notebooks_are_read_or_refused(version: Any, worksheets: object, cells: object):
    """Whatever stands in a notebook of another format, it is read or a NotebookError."""
    _read_or_refuse({"nbformat": version, "worksheets": worksheets, "cells": cells})
    _read_or_refuse({"nbformat": version, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]})


def _touch(folder: Path, *names: str) -> list[Path]:
    made = [folder / name for name in names]
    for path in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_notebook())
    return made


def test_folders_are_searched_and_sorted(tmp_path: Path):
    """A folder stands for the notebooks in it and below it, sorted; other files are passed over."""
    found = _touch(tmp_path / "posts", "a.ipynb", "b/c.ipynb", "b.ipynb", "d.ipynb")
    _touch(tmp_path / "posts", "a.py", "a.ipynb.bak")
    assert find_notebooks([tmp_path / "posts"]) == sorted(found)


def test_files_are_taken_in_the_order_given(tmp_path: Path):
    """Files come in the order given, whatever their ending, and none comes twice."""
    b, a, other = _touch(tmp_path, "b.ipynb", "a.ipynb", "c.json")
    assert find_notebooks([b, a, other, b, tmp_path]) == [b, a, other]


def test_checkpoints_are_left_out(tmp_path: Path):
    """Notebooks in hidden folders, Jupyter's checkpoints above all, are left out, and so are hidden notebooks."""
    kept = _touch(tmp_path / "posts", "a.ipynb", "b/b.ipynb")
    _touch(
        tmp_path / "posts", ".ipynb_checkpoints/a-checkpoint.ipynb", "b/.ipynb_checkpoints/x.ipynb", ".hidden.ipynb"
    )
    assert find_notebooks([tmp_path / "posts"]) == kept


def test_a_project_below_a_hidden_folder_is_searched(tmp_path: Path):
    """Where the given folder itself lies is no reason to leave a notebook out."""
    kept = _touch(tmp_path / ".work" / "posts", "a.ipynb")
    assert find_notebooks([tmp_path / ".work" / "posts"]) == kept


def test_the_working_folder_is_searched_without_its_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`.` stands for the working folder and leaves its own checkpoints out."""
    _touch(tmp_path, "a.ipynb", ".ipynb_checkpoints/a-checkpoint.ipynb")
    monkeypatch.chdir(tmp_path)
    assert [path.name for path in find_notebooks([type(tmp_path)()])] == ["a.ipynb"]


def test_a_folder_two_levels_up_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`../..` stands for the folder above the folder above."""
    _touch(tmp_path, "a.ipynb", "x/y/b.ipynb")
    monkeypatch.chdir(tmp_path / "x" / "y")
    assert [path.name for path in find_notebooks([type(tmp_path)("../..")])] == ["a.ipynb", "b.ipynb"]


def test_a_folder_without_notebooks_is_told(tmp_path: Path):
    """A folder without a notebook is an error, so that an empty check is not taken for a passed one."""
    _touch(tmp_path, ".ipynb_checkpoints/a.ipynb", "b.txt")
    with pytest.raises(NotebookError, match="no notebook in") as caught:
        find_notebooks([tmp_path])
    assert str(tmp_path) in caught.value.what


def test_a_path_that_is_not_there_is_told(tmp_path: Path):
    """A path that is not there is an error that names it, even beside one that is."""
    (there,) = _touch(tmp_path, "a.ipynb")
    with pytest.raises(NotebookError, match="is not there") as caught:
        find_notebooks([there, tmp_path / "b.ipynb"])
    assert str(tmp_path / "b.ipynb") in caught.value.what


def test_no_paths_are_no_notebooks():
    """Nothing asked for is nothing found."""
    assert find_notebooks([]) == []


def test_a_quoted_glob_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A glob that the shell left alone stands for the notebooks it matches, sorted, and for those in its folders."""
    _touch(tmp_path, "p/b.ipynb", "p/a.ipynb", "p/q/c.ipynb", "p/a.py", "p/.ipynb_checkpoints/a.ipynb", "r/d.ipynb")
    monkeypatch.chdir(tmp_path)
    here = type(tmp_path)
    assert [str(path) for path in find_notebooks([here("p/*.ipynb")])] == ["p/a.ipynb", "p/b.ipynb"]
    assert [path.name for path in find_notebooks([here("p/**/*.ipynb")])] == ["a.ipynb", "b.ipynb", "c.ipynb"]
    assert [path.name for path in find_notebooks([here("[pr]")])] == ["a.ipynb", "b.ipynb", "c.ipynb", "d.ipynb"]


def test_a_glob_that_matches_nothing_is_told(tmp_path: Path):
    """A glob without a match is an error, so that an empty check is not taken for a passed one."""
    _touch(tmp_path, "a.py")
    with pytest.raises(NotebookError, match="matches no notebook"):
        find_notebooks([tmp_path / "*.py"])


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path: Path):
    """A notebook called `a[1].ipynb`, as downloads are, is taken by its name."""
    (kept,) = _touch(tmp_path, "a[1].ipynb")
    assert find_notebooks([kept]) == [kept]


def test_a_folder_called_like_a_notebook_is_a_folder(tmp_path: Path):
    """A folder named `x.ipynb` is searched, and is never read as a file."""
    (inside,) = _touch(tmp_path / "x.ipynb", "a.ipynb")
    assert find_notebooks([tmp_path]) == find_notebooks([tmp_path / "x.ipynb"]) == [inside]
    (tmp_path / "y.ipynb").mkdir()
    with pytest.raises(NotebookError, match=r"no notebook in .*y\.ipynb"):
        find_notebooks([tmp_path / "y.ipynb"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_no_notebook(tmp_path: Path):
    """A named pipe is refused at once; reading it would wait for a writer for ever."""
    pipe = tmp_path / "pipe.ipynb"
    os.mkfifo(pipe)
    with pytest.raises(NotebookError, match="is no notebook"):
        load_notebook(pipe)
