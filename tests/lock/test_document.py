"""The lock as a file: what is written is read as it was, byte for byte the same, and a stranger's does no harm."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.errors import SettingsError, StoreError, UnknownSchema
from gemnb.lock import Lock, Pin, Source, parse_lock, read_lock, render_lock, write_lock
from gemnb.lock.document import MAX_LOCK

GOLDEN = Path(__file__).parents[1] / "golden" / "gemnb.lock"
REGOLD = os.environ.get("GEMNB_REGOLD") == "1"

NASTY = (
    'a "quoted" \\ name',
    "two\nlines\r\n",
    "\x00\x1b[31m\x7f\x85",
    "naïve/東京 🐈.ipynb",
    "# no comment",
    "'''",
    '"""',
    "[[answer]]\n",
    "\u202egnp.exe",
    " ",
    "a\tb",
    "{{x}}",
    "-p",
    "\ufeffbom",
    "e\u0301",
    "\u2028",
)
TEXTS = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.sampled_from(NASTY))
NAMES = TEXTS.filter(lambda name: not name.startswith("/") and ".." not in name.split("/"))
DIGESTS = st.integers(0, 2**256 - 1).map(lambda number: f"sha256:{number:064x}")
PARAMETERS = st.one_of(st.just(""), DIGESTS)
COUNTS = st.integers(1, 999_999)
PINS = st.builds(
    Pin,
    notebook=NAMES,
    parameters=PARAMETERS,
    cell=TEXTS,
    occurrence=COUNTS,
    request=DIGESTS,
    attempt=COUNTS,
    record=DIGESTS,
    pictures=st.lists(DIGESTS, max_size=3).map(tuple),
)
FILES = st.lists(st.tuples(TEXTS, DIGESTS), min_size=1, max_size=3).map(tuple)
SOURCES = st.builds(Source, notebook=NAMES, parameters=PARAMETERS, source=TEXTS, files=FILES)
LOCKS = st.builds(
    Lock,
    pins=st.lists(PINS, unique_by=lambda pin: pin.place).map(tuple),
    sources=st.lists(SOURCES, unique_by=lambda source: source.place).map(tuple),
)


def digest(digit: str) -> str:
    """Return a digest of one hex digit."""
    return "sha256:" + digit * 64


PIN = Pin(notebook="notebooks/post.ipynb", cell="hero", request=digest("1"), attempt=1, record=digest("2"))
EXAMPLE = Lock(
    pins=(
        Pin(
            notebook="notebooks/post.ipynb",
            cell="hero",
            request=digest("1"),
            attempt=2,
            record=digest("2"),
            pictures=(digest("3"),),
        ),
        Pin(
            notebook="notebooks/post.ipynb",
            cell="both",
            occurrence=2,
            request=digest("4"),
            attempt=1,
            record=digest("5"),
            pictures=(digest("6"), digest("7")),
        ),
        Pin(notebook="notebooks/post.ipynb", cell="#7", request=digest("8"), attempt=1, record=digest("9")),
        Pin(
            notebook="notebooks/post.ipynb",
            parameters=digest("a"),
            cell="hero",
            request=digest("b"),
            attempt=1,
            record=digest("c"),
            pictures=(digest("d"),),
        ),
    ),
    sources=(
        Source(notebook="notebooks/post.ipynb", source="photo.png", files=(("photo.png", digest("e")),)),
        Source(
            notebook="notebooks/post.ipynb",
            source="shots/*.png",
            files=(("shots/a2.png", digest("f")), ("shots/a10.png", digest("0"))),
        ),
        Source(
            notebook='notebooks/naïve "draft".ipynb',
            source="https://example.org/hat.png",
            files=(("https://example.org/hat.png", digest("1")),),
        ),
    ),
)


@given(LOCKS)
def test_what_is_written_is_read_as_it_was(lock: Lock):
    """Any lock reads back equal, whatever signs its names hold, and its bytes are those of the one read."""
    data = render_lock(lock)

    assert parse_lock(data) == lock
    assert render_lock(parse_lock(data)) == data


@given(LOCKS)
def test_every_digest_stands_as_text(lock: Lock):
    """Who looks for `sha256:…` in the bytes, as `gemnb cache gc` does, finds every digest that the lock holds."""
    found = set(re.findall(rb"sha256:[0-9a-f]{64}", render_lock(lock)))
    wanted = {d for pin in lock.pins for d in (pin.request, pin.record, *pin.pictures)}
    wanted |= {d for source in lock.sources for _, d in source.files}

    assert {d.encode() for d in wanted} <= found


@given(LOCKS, st.randoms())
def test_the_order_of_making_does_not_matter(lock: Lock, random):
    """Notebooks pinned in another order make the same bytes; within one notebook its own order stays."""
    groups: dict[tuple[str, str], list[Pin]] = {}
    for pin in lock.pins:
        groups.setdefault(pin.place[:2], []).append(pin)
    shuffled = list(groups.values())
    random.shuffle(shuffled)
    sources = list(lock.sources)
    random.shuffle(sources)
    other = Lock(pins=tuple(pin for group in shuffled for pin in group), sources=tuple(sources))

    assert render_lock(other) == render_lock(lock)


@given(LOCKS)
def test_nothing_hidden_stands_in_the_file(lock: Lock):
    """No control character, and no sign that turns the direction of text, stands bare in a diff."""
    text = render_lock(lock).decode("utf-8")

    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]", text)


def test_the_file_is_the_golden_one():
    """The format of the file changes only where that is meant."""
    made = render_lock(EXAMPLE)
    if REGOLD:
        GOLDEN.write_bytes(made)

    assert made == GOLDEN.read_bytes()
    assert read_lock(GOLDEN) == EXAMPLE
    assert set(tomllib.loads(made.decode())) == {"schema", "answer", "input"}


def test_the_example_of_the_specification_is_a_lock():
    """The lock in the reference page is read, and is what gemnb writes, the comment on top apart."""
    page = (Path(__file__).parents[2] / "docs/reference/lock-file.md").read_text("utf-8")
    (example,) = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    made = render_lock(parse_lock(example.encode())).decode()

    assert "".join(line for line in made.splitlines(keepends=True) if not line.startswith("#")) == example


def test_one_picture_changed_is_one_hunk():
    """Another attempt at one picture changes the lines of its block alone, and the notebook stands beside them."""
    other = Lock(pins=(EXAMPLE.pins[0], *EXAMPLE.pins[2:]), sources=EXAMPLE.sources)
    changed = Pin(**{name: getattr(EXAMPLE.pins[1], name) for name in Pin.__dataclass_fields__} | {"attempt": 3})
    after = render_lock(Lock(pins=(*other.pins, changed), sources=other.sources)).splitlines()
    before = render_lock(Lock(pins=(*other.pins, EXAMPLE.pins[1]), sources=other.sources)).splitlines()
    differing = [n for n, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]

    assert [after[n] for n in differing] == [b"attempt = 3"]
    assert b'notebook = "notebooks/post.ipynb"' in after[differing[0] - 5 : differing[0]]


def test_a_name_with_half_a_character_is_refused():
    """What no file of text can hold is an error, and nothing else than it."""
    with pytest.raises(SettingsError, match="half a character"):
        render_lock(Lock(sources=(Source(notebook="a.ipynb", source="\ud800", files=(("a", digest("1")),)),)))


def test_a_lock_too_big_to_be_read_is_not_made():
    """What could not be read again is an error when it is written."""
    files = (("a" * MAX_LOCK, digest("1")),)
    with pytest.raises(SettingsError, match="gemnb reads up to 4 MB"):
        render_lock(Lock(sources=(Source(notebook="a.ipynb", source="*", files=files),)))


ANSWER = render_lock(Lock(pins=(PIN,))).decode()
INPUT = render_lock(Lock(sources=EXAMPLE.sources)).decode()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no schema version"),
        ("schema = true\n", "no schema version"),
        ("schema = 0\nschema = 0\n", "at line 2"),
        ("schema = 0\n<<<<<<< HEAD\n", "at line 2"),
        ("schema = 0\nanwser = []\n", "did you mean answer?"),
        ("schema = 0\nanswer = 1\n", "answer is no list of blocks"),
        ("schema = 0\nanswer = [1]\n", "answer 1: it is no block"),
        ("schema = " + "[" * 100_000, ""),
        ("schema = " + "9" * 5000, ""),
        (ANSWER.replace("attempt = 1", "attempt = 0"), "line 5, answer 1: attempt is no whole number"),
        (ANSWER.replace("attempt = 1", "attempt = true"), "line 5, answer 1: attempt is no whole number"),
        (ANSWER.replace("attempt = 1", "attempt = 1.0"), "line 5, answer 1: attempt is no whole number"),
        (ANSWER.replace("attempt = 1", "attempt = 1000000"), "line 5, answer 1: attempt is no whole number"),
        (ANSWER.replace("attempt = 1", "atempt = 1"), "did you mean attempt?"),
        (ANSWER.replace("attempt = 1", "occurrence = [1]"), "answer 1: occurrence is no whole number"),
        (ANSWER.replace('cell = "hero"', ""), "answer 1: cell is missing"),
        (ANSWER.replace("sha256:1", "sha256:X"), "answer 1: request is missing or no digest"),
        (ANSWER.replace("sha256:2", "sha256:../../"), "answer 1: record is missing or no digest"),
        (ANSWER.replace("pictures = []", 'pictures = ["x"]'), "pictures is no list of digests"),
        (ANSWER.replace("notebooks/", "../"), "leads out of the lock's folder"),
        (ANSWER.replace("notebooks/", "/etc/"), "leads out of the lock's folder"),
        (ANSWER.replace("notebooks/", "a/../../"), "leads out of the lock's folder"),
        (ANSWER.replace("cell =", 'parameters = ""\ncell ='), "parameters is missing or no digest"),
        (ANSWER + ANSWER[ANSWER.index("[[") :], "line 12, answer 2: the lock has another block for the same place"),
        (
            ANSWER + ANSWER[ANSWER.index("[[") :].replace("attempt", "occurrence = 1\nattempt"),
            "answer 2: the lock has another block for the same place",
        ),
        (INPUT.replace("blob", "files"), "input 1: files is no list"),
        (INPUT.replace("blob =", 'files = [["a", 1]]\n#'), "input 1: files is no list"),
        (INPUT.replace("blob =", 'files = [["", "sha256:' + "0" * 64 + '"]]\n#'), "input 1: files is no list"),
        (INPUT.replace("files =", f'blob = "{digest("1")}"\nfiles ='), "input 3: it has either blob or files"),
        (INPUT.replace("blob =", "files = []\n#"), "input 1: files is empty"),
        (INPUT.replace("source =", "cell ="), "there is no 'cell'"),
    ],
)
def test_what_is_no_lock_is_refused_with_its_line(text: str, says: str):
    """A lock that was edited, merged badly or forged is refused as a whole, with the line and what to type."""
    with pytest.raises(SettingsError) as caught:
        parse_lock(text.encode(), "here/gemnb.lock")

    assert says in caught.value.why
    assert "here/gemnb.lock" in caught.value.what
    assert "gemnb lock" in caught.value.hint


def test_bytes_that_are_no_text_are_refused():
    """What is no UTF-8, or absurdly big, is no lock."""
    for data in (b"\xff\xfe", b"schema = 0\n\x00", b"#" * (MAX_LOCK + 1)):
        with pytest.raises(SettingsError):
            parse_lock(data)


@settings(max_examples=300)
@given(
    st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: ("schema = 0\n" + text).encode("utf-8", "replace"))
)
def test_any_bytes_are_a_lock_or_an_error_of_ours(data: bytes):
    """No bytes raise anything but the errors that are promised."""
    try:
        lock = parse_lock(data)
    except (SettingsError, UnknownSchema):
        return
    assert parse_lock(render_lock(lock)) == lock


def test_a_later_schema_is_told_as_such():
    """A lock of a later gemnb is not taken for a broken one."""
    with pytest.raises(UnknownSchema, match="schema version 7"):
        parse_lock(b"schema = 7\n")


def test_a_lock_ended_as_on_windows_is_read():
    """Line ends that git changed do not change what is pinned."""
    assert parse_lock(render_lock(EXAMPLE).replace(b"\n", b"\r\n")) == EXAMPLE


def test_escape_sequences_do_not_reach_a_terminal():
    """What a stranger wrote into a lock is shown with its control characters made visible."""
    with pytest.raises(SettingsError) as caught:
        parse_lock(ANSWER.replace("notebooks/", "../\\u001b[31m").encode())

    assert "\x1b" not in str(caught.value)


def test_writing_replaces_at_once_and_leaves_nothing_else(tmp_path: Path):
    """The file has the new bytes and the rights of any new file, and no temporary one stays beside it."""
    path = tmp_path / "gemnb.lock"
    (tmp_path / "beside").write_bytes(b"")
    write_lock(path, b"old")
    write_lock(path, b"new")

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "beside").stat().st_mode)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["beside", "gemnb.lock"]


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path):
    """A lock that a stranger made a link to a file elsewhere does not change that file."""
    (tmp_path / "elsewhere").write_bytes(b"mine")
    (tmp_path / "gemnb.lock").symlink_to(tmp_path / "elsewhere")
    write_lock(tmp_path / "gemnb.lock", b"lock")

    assert (tmp_path / "elsewhere").read_bytes() == b"mine"
    assert (tmp_path / "gemnb.lock").read_bytes() == b"lock"


def test_a_place_that_cannot_be_read_or_written_is_a_store_that_failed(tmp_path: Path):
    """A folder in the place of the lock, or none above it, is told in words and leaves no temporary file."""
    (tmp_path / "gemnb.lock").mkdir()
    with pytest.raises(StoreError, match="cannot be read"):
        read_lock(tmp_path / "gemnb.lock")
    for path in (tmp_path / "gemnb.lock", tmp_path / "nowhere" / "gemnb.lock"):
        with pytest.raises(StoreError, match="cannot be written"):
            write_lock(path, b"")

    assert [p.name for p in tmp_path.iterdir()] == ["gemnb.lock"]
