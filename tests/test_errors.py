"""errors: one drawn tree, at most six lines for a person, evidence for a program."""

from __future__ import annotations

import copy
import pickle
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb import errors
from gemnb.errors import CellError, CorruptEntry, GemnbError, RequestError, SettingsError, nearest, printable

_BRANCH = re.compile(r"^((?:│   | {4})*)[├└]── (\w+)", re.MULTILINE)

# Lone surrogates included: a stranger's JSON may hold them.
TEXT = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\ud800\udfff\x1b\x9b\r\x00\u2028\u202e")))
EVIDENCE = st.dictionaries(
    st.sampled_from(["digest", "option", "column", "path"]),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.lists(TEXT).map(tuple),
)


def every_class(kind: type[GemnbError] = GemnbError) -> list[type[GemnbError]]:
    return [kind, *(below for sub in kind.__subclasses__() for below in every_class(sub))]


EVERY = [pytest.param(kind, id=kind.__name__) for kind in every_class()]


def test_the_drawn_tree_is_the_tree():
    """Who reads the tree in the module's docstring sees the real classes below their real parents."""
    above = ["GemnbError"]
    drawn = set()
    for indent, name in _BRANCH.findall(errors.__doc__ or ""):
        depth = len(indent) // 4 + 1
        above[depth:] = [name]
        drawn.add((name, above[depth - 1]))
    real = {(kind.__name__, base.__name__) for base in every_class() for kind in base.__subclasses__()}
    assert drawn == real


def test_every_error_stands_in_errors():
    """A program finds each error class by its name in gemnb.errors, and nothing else there is one."""
    named = {name for name, item in vars(errors).items() if isinstance(item, type) and issubclass(item, Exception)}
    assert {kind.__name__ for kind in every_class()} == named


@pytest.mark.parametrize("kind", EVERY)
def test_an_error_survives_pickling_and_copying(kind):
    """An error that crosses a process boundary keeps its class, its words and its evidence."""
    error = kind("what", why="why", hint="type this", digest="sha256:ab", column=3, names=("a", "b"), maybe=None)
    twins = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for twin in [*twins, copy.copy(error), copy.deepcopy(error)]:
        assert type(twin) is kind
        assert (twin.what, twin.why, twin.hint, twin.evidence) == ("what", "why", "type this", error.evidence)
        assert str(twin) == str(error)


@settings(deadline=None)
@given(what=TEXT, why=TEXT, hint=TEXT, evidence=EVIDENCE)
def test_any_words_and_evidence_survive_pickling(what, why, hint, evidence):
    """Whatever a service or a cell said comes out of a pickle as it went in."""
    error = CorruptEntry(what, why=why, hint=hint, **evidence)
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.what, twin.why, twin.hint, twin.evidence) == (what, why, hint, evidence)


def rendered(error: GemnbError) -> list[str]:
    return "\n".join(error._render_traceback_()).split("\n")


@settings(deadline=None)
@given(what=TEXT, why=TEXT, hint=TEXT)
def test_an_error_is_at_most_six_lines(what, why, hint):
    """However long the reason and the hint are, a cell shows six lines or fewer, none of them blank."""
    shown = rendered(CellError(what, why=why, hint=hint))
    assert 1 <= len(shown) <= 6
    assert all(line.strip() for line in shown)


def test_an_error_is_at_most_six_lines_when_its_first_sentence_quotes_many():
    """A first sentence that quotes a value with line breaks does not flood the cell."""
    assert len(rendered(CellError("-p " + "a\n" * 20 + "cannot be a parameter."))) == 1


def test_an_error_without_words_still_shows_its_class():
    """An error whose words are blank shows its class instead of failing while it is shown."""
    assert rendered(CellError(""))[0].startswith("CellError")


@settings(deadline=None)
@given(what=TEXT, why=TEXT, hint=TEXT)
def test_no_control_character_reaches_a_terminal(what, why, hint):
    """Escape sequences and lone surrogates in a stranger's words are shown as text, never sent raw."""
    for line in CellError(what, why=why, hint=hint).lines():
        assert not [char for char in line if unicodedata.category(char) in ("Cc", "Cs") and char not in "\t\n"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("\x1b[31mred", "\\x1b[31mred", id="escape"),
        pytest.param("\x9b31m", "\\x9b31m", id="C1"),
        pytest.param("a\x00b\x7f", "a\\x00b\\x7f", id="NUL and DEL"),
        pytest.param("back\rover", "back\\x0dover", id="carriage return"),
        pytest.param("\ud83d alone", "\\ud83d alone", id="lone surrogate"),
        pytest.param("tab\tline\n", "tab\tline\n", id="tab and line feed stay"),
        pytest.param("été 🎨 1024×1024", "été 🎨 1024×1024", id="other text stays"),
    ],
)
def test_printable_escapes_what_a_terminal_would_act_on(text, expected):
    """A control character is shown by its number, everything else as it is."""
    assert expected == printable(text)


@pytest.mark.parametrize("length", [600, 601, 100_000])
def test_a_long_line_is_cut(length):
    """A line of more than 600 characters ends in an ellipsis at the 600th."""
    (line,) = CellError("x" * length).lines()
    expected = "x" * 600 if length == 600 else "x" * 599 + "…"
    assert expected == line


def test_what_why_and_hint_stand_below_each_other():
    """A person reads what happened with its class, then why, then what to type, indented."""
    error = CellError("There is no option --alb.", why="Line 1.", hint="Did you mean --alt?\n%%gemimg -h")
    expected = [
        "CellError: There is no option --alb.",
        "  Line 1.",
        "  Did you mean --alt?",
        "  %%gemimg -h",
    ]
    assert expected == error._render_traceback_()
    assert str(error) == "There is no option --alb.\nLine 1.\nDid you mean --alt?\n%%gemimg -h"


def test_a_long_reason_does_not_push_the_hint_out():
    """Of a reason of many lines two are shown, so that what to type is still there."""
    error = CellError("what", why="1\n2\n3\n4\n5", hint="type this\nor this")
    assert error.lines() == ["what", "1", "2", "type this", "or this"]


@pytest.mark.parametrize("kind", [CellError, SettingsError, RequestError])
def test_wrong_arguments_are_value_errors(kind):
    """A program that catches ValueError catches arguments that gemnb cannot use."""
    assert issubclass(kind, ValueError)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("--modle", "--model"),
        ("--samlpes", "--samples"),
        ("--zzz", None),
        ("", None),
        ("--model", "--model"),
    ],
)
def test_nearest_suggests_what_was_meant(word, expected):
    """A slip of the finger is met with the known word; a word unlike any with none."""
    assert expected == nearest(word, ["--model", "--samples", "--aspect"])


def test_nearest_of_nothing_is_none():
    """With nothing known there is nothing to suggest."""
    assert nearest("word", []) is None
