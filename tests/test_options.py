"""options: one table for grammar, help and completion."""

from __future__ import annotations

import pytest

from gemnb.errors import CellSyntaxError
from gemnb.options import BY_NAME, OPTIONS, ORDER, find_key, find_option, help_text, is_spelling

EVERY = [pytest.param(option, id=option.name) for option in OPTIONS]


def test_no_two_options_are_spelled_alike():
    """Each long name and each letter stands for one option."""
    spellings = [f"--{option.name}" for option in OPTIONS] + [
        f"-{option.short}" for option in OPTIONS if option.short
    ]
    assert sorted(set(spellings)) == sorted(spellings)


@pytest.mark.parametrize("option", EVERY)
def test_an_option_is_found_by_every_spelling(option):
    """The long form, the letter and the key of a `#|` line lead to the same option."""
    assert find_option(f"--{option.name}") is option
    assert find_key(option.name) is option
    assert find_option(option.spelling) is option
    assert is_spelling(option.spelling)
    assert option.spelling == (f"-{option.short}" if option.short else f"--{option.name}")
    assert OPTIONS[ORDER[option.name]] is BY_NAME[option.name]


@pytest.mark.parametrize("option", EVERY)
def test_the_help_names_every_option_with_its_value(option):
    """`%%gemimg -h` lists the option with its letter, its value and one sentence about it."""
    (row,) = [row for row in help_text().splitlines() if f"--{option.name} " in row]
    assert row.strip().startswith(option.spelling)
    assert option.metavar in row
    assert row.endswith(option.help)


@pytest.mark.parametrize("option", EVERY)
def test_an_option_is_well_formed(option):
    """A flag takes no value, so it can neither repeat nor be read from a variable; a default needs a value."""
    assert option.help
    assert option.name == option.name.lower()
    assert len(option.short) <= 1
    assert option.metavar or not (option.repeat or option.reference or option.default)


@pytest.mark.parametrize(
    ("spelling", "near"),
    [
        ("--modell", "--model"),
        ("--samlpes", "--samples"),
        ("--alow-refusal", "--allow-refusal"),
        ("--Alt", "--alt"),
        ("--params", "--param"),
    ],
)
def test_an_unknown_option_names_the_nearest(spelling, near):
    """A misspelled option is an error that names the one that was meant."""
    with pytest.raises(CellSyntaxError, match=f"There is no option {spelling}") as caught:
        find_option(spelling)
    assert f"Did you mean {near}?" in caught.value.hint
    assert caught.value.evidence == {"option": spelling}
    assert not is_spelling(spelling)


def test_an_option_like_none_leads_to_the_help():
    """An option that resembles none is met with where all of them are listed."""
    with pytest.raises(CellSyntaxError) as caught:
        find_option("--qwxyzj")
    assert caught.value.hint == "All options: %%gemimg -h"


def test_an_unknown_key_names_the_nearest_and_the_way_out():
    """A misspelled `#|` key is an error that names the key meant, and how to send the line itself."""
    with pytest.raises(CellSyntaxError, match="'captoin'") as caught:
        find_key("captoin")
    assert "Did you mean `#| caption: …`?" in caught.value.hint
    assert "--no-header" in caught.value.hint


@pytest.mark.parametrize("key", ["m", "-m", "--model", "Model", "", " model"])
def test_a_key_is_the_long_name_alone(key):
    """A `#|` line knows an option by its long name only, without dashes and letters."""
    with pytest.raises(CellSyntaxError):
        find_key(key)
