"""cell: the grammar of `%%gemimg` reads back what it writes, and sends a prompt byte for byte."""

from __future__ import annotations

import json
import keyword

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.cell import MAGIC, Cell, is_gemimg, parse, parse_options, parse_parts, quote, render, tokens
from gemnb.errors import CellSyntaxError
from gemnb.options import OPTIONS

NASTY = [
    "#|",
    "#| alt: x\n",
    "#|\n",
    "\n",
    "\r",
    "\r\n",
    '"',
    "'",
    "\"'",
    "-",
    "--",
    "--model",
    "-q",
    "--alt=x",
    " ",
    "\t",
    "\u2028",
    "\u2029",
    "\x85",
    "\x00",
    "\x0b",
    "\x1c",
    "\x1b[31m",
    "\\",
    "\\n",
    "$x",
    "{{x}}",
    "{}",
    "{{<",
    "=",
    "%%gemimg",
    "%%",
    ">>> ",
    "</script>",
    "e\u0301",
    "🎨",
    "\ud800",
    "\ufeff",
    "\u00a0",
    "true",
    "C:\\new\\table.png",
]
TEXT = st.lists(st.sampled_from(NASTY) | st.text(max_size=6), max_size=6).map("".join)
NAMES = st.sampled_from(["hero", "_", "héros", "變量", "e\u0301", "ﬁne", "match"]) | st.text(
    st.characters(categories=("Lu", "Ll", "Lo", "Nd", "Pc")), min_size=1, max_size=6
).filter(lambda name: name.isidentifier() and not keyword.iskeyword(name))
GIVEN = {
    option.name: st.lists(TEXT, min_size=1, max_size=3) if option.repeat else TEXT.map(lambda value: [value])
    for option in OPTIONS
    if option.metavar
}
FLAGS = {option.name: st.just([""]) for option in OPTIONS if not option.metavar and option.name != "no-header"}
CELLS = st.builds(
    lambda prompt, name, given: Cell(
        prompt=prompt, name=name, options=tuple((key, value) for key, values in given.items() for value in values)
    ),
    TEXT,
    st.none() | NAMES,
    st.fixed_dictionaries({}, optional=GIVEN | FLAGS),
)


@settings(deadline=None, max_examples=600)
@given(CELLS)
def test_a_rendered_cell_reads_back_as_itself(cell):
    """A cell written out and read again is the same cell: law 1."""
    assert cell == parse(render(cell))


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from([*NASTY, "hero", "-a", "16:9", "-i", "-p", "-h"]) | st.text(max_size=4), max_size=6).map(
        " ".join
    ),
    TEXT,
)
def test_any_cell_is_read_or_refused(line, body):
    """Whatever stands in a cell, it is an error of syntax, or a cell that can be written out again."""
    try:
        cell = parse(f"{MAGIC} {line}\n{body}")
    except CellSyntaxError:
        return
    assert cell == parse(render(cell))


def test_a_header_line_cannot_switch_the_header_off():
    """`#| no-header` is refused: what is read as an option cannot say that it is none."""
    with pytest.raises(CellSyntaxError, match=r"`#\| no-header` makes no sense"):
        parse("%%gemimg\n#| no-header: true\na cat")


@settings(deadline=None)
@given(TEXT.filter(lambda text: "\n" not in text))
def test_a_quoted_value_is_one_word(value):
    """A value of an option, quoted, is one word of the line and reads back as it was."""
    assert [token.text for token in tokens(f"  {quote(value)}\t-q")] == [value, "-q"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("16:9", "16:9"),
        ("", '""'),
        ("a cat", '"a cat"'),
        ("-1", '"-1"'),
        ("a cat's hat", '"a cat\'s hat"'),
        ('so "big"', "'so \"big\"'"),
        ("""a "cat's" hat""", """"a "'"'"cat's"'"'" hat\""""),
        ("C:\\new", '"C:\\new"'),
    ],
    ids=repr,
)
def test_values_are_quoted_only_where_needed(value, expected):
    """A written cell has quotes where a value needs them, of the kind that the value does not hold."""
    assert expected == quote(value)


PROMPTS = {
    "braces": "a {} {0} {x!r} {{y}}",
    "shortcode": "{{< figure src=x >}} {% raw %}",
    "percent": "%%gemimg\n%%time\n%matplotlib inline\n100%",
    "doctest": ">>> a cat\n... a hat\n>>> ",
    "ipython prompt": "In [1]: a cat\n   ...: a hat",
    "script": "</script><script>alert(1)</script>",
    "backslash": "a cat\\",
    "escapes": "\\n \\u2028 \\",
    "shell": "!ls $HOME ?cat cat? `date`",
    "emoji": "👩🏽‍🚀 e\u0301 \u202e",
    "NUL": "a\x00b",
    "lone surrogate": "a\ud800",
    "separators": "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg",
    "carriage returns": "a\r\nb\rc\r",
    "indent": "  a cat\n\thas\n\n  a hat  \n\n",
    "byte order mark": "\ufeffa cat",
    "near header": " #| alt: x",
    "later header": "a cat\n#| alt: x",
    "long": "a cat, " * 28_571 + "hat",
    "empty": "",
    "line feed": "\n",
}


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_a_prompt_comes_through_as_typed(prompt):
    """Every character below the option line is the prompt, less one trailing line feed."""
    assert parse(f"%%gemimg hero -a 1:1\n{prompt}\n").prompt == prompt
    assert parse(f"%%gemimg hero -a 1:1\n{prompt}\n\n").prompt == prompt + "\n"
    assert parse_parts(" hero", prompt).prompt == prompt.removesuffix("\n")
    assert parse(f"%%gemimg\n#| alt: a hat\n{prompt}\n").prompt == prompt


def test_names_and_options_stand_in_any_order():
    """The name may stand before, between and after the options; the cell is the same."""
    expected = Cell(prompt="p", name="hero", options=(("aspect", "16:9"), ("alt", "a cat"), ("quiet", "")))
    for line in (
        "hero -a 16:9 --alt 'a cat' -q",
        "-q -a 16:9 hero --alt='a cat'",
        '--alt "a cat" --aspect 16:9 -q hero',
    ):
        assert expected == parse_parts(line, "p")


def test_repeats_keep_their_order():
    """Input pictures and parameters come in the order in which they were given, on the line and below it."""
    cell = parse_parts("-i b.png -p x -i a.png", "#| image: c.png\n#| param: y=1\n{{x}}{{y}}")
    assert cell.all("image") == ("b.png", "a.png", "c.png")
    assert cell.all("param") == ("x", "y=1")
    assert cell.get("image") == "b.png"
    assert (cell.get("alt"), cell.all("alt")) == (None, ())


@pytest.mark.parametrize(
    ("line", "name", "expected"),
    [
        pytest.param(r"-i C:\Users\new\table.png", "image", r"C:\Users\new\table.png", id="Windows path"),
        pytest.param(r'-i "C:\My Files\a.png"', "image", r"C:\My Files\a.png", id="Windows path in quotes"),
        pytest.param('-i "C:\\My Files\\"', "image", "C:\\My Files\\", id="backslash before the quote"),
        pytest.param(r"-i \\server\share\a.png", "image", r"\\server\share\a.png", id="network path"),
        pytest.param('--alt "a cat\'s hat"', "alt", "a cat's hat", id="apostrophe"),
        pytest.param("--alt 'so \"big\"'", "alt", 'so "big"', id="double quotes"),
        pytest.param("--alt='a cat'", "alt", "a cat", id="joined"),
        pytest.param("--alt=", "alt", "", id="joined and empty"),
        pytest.param("--alt=a=b", "alt", "a=b", id="equals sign"),
        pytest.param("-t -0.5", "temperature", "-0.5", id="negative number"),
        pytest.param("--alt -", "alt", "-", id="dash"),
        pytest.param("--alt --unlike-any", "alt", "--unlike-any", id="dashes that are no option"),
        pytest.param('--alt "-q"', "alt", "-q", id="quoted option"),
        pytest.param('--alt ""', "alt", "", id="empty"),
        pytest.param("--alt a\"b c\"'d e'f", "alt", "ab cd ef", id="pieces"),
        pytest.param("--alt $x", "alt", "$x", id="dollar"),
    ],
)
def test_a_value_reads_as_typed(line, name, expected):
    """Quotes group and vanish, backslashes and all else stay as they are."""
    assert parse_parts(line, "p") == Cell(prompt="p", options=((name, expected),))


@pytest.mark.parametrize(
    ("line", "what", "hint"),
    [
        pytest.param("--modell x", "There is no option --modell.", "Did you mean --model?", id="unknown"),
        pytest.param("--ratio=1:1", "There is no option --ratio.", "%%gemimg -h", id="unknown joined"),
        pytest.param("-a=1:1", "There is no option -a=1:1.", "%%gemimg -h", id="letter joined"),
        pytest.param("-n4", "There is no option -n4.", "%%gemimg -h", id="letter run together"),
        pytest.param("-qh", "There is no option -qh.", "%%gemimg -h", id="letters run together"),
        pytest.param("hero -a", "-a needs a value.", "-a W:H: aspect ratio", id="missing value"),
        pytest.param("--alt -q", "--alt needs a value.", "--alt TEXT:", id="option for a value"),
        pytest.param("--alt --seed=3", "--alt needs a value.", "--alt TEXT:", id="joined option for a value"),
        pytest.param("--quiet=yes", "--quiet takes no value.", "", id="flag with a value"),
        pytest.param("-a 1:1 --aspect 16:9", "-a stands twice.", "", id="duplicate"),
        pytest.param("-q --quiet", "-q stands twice.", "", id="duplicate flag"),
        pytest.param("hero a cat", "Two names stand on the line: 'hero' and 'a'.", "needs quotes", id="two names"),
        pytest.param("16:9", "'16:9' cannot be a variable name.", "NAME [options]", id="no identifier"),
        pytest.param("hero-1", "'hero-1' cannot be a variable name.", "hero_1", id="dash in the name"),
        pytest.param("class", "'class' cannot be a variable name.", "NAME [options]", id="keyword"),
        pytest.param("hero.png", "'hero.png' cannot be a variable name.", "NAME [options]", id="file name"),
    ],
)
def test_a_wrong_line_is_an_error_that_says_what_to_type(line, what, hint):
    """A slip on the option line is refused before anything is sent, in words that name it."""
    with pytest.raises(CellSyntaxError) as caught:
        parse_parts(line, "a cat")
    assert caught.value.what == what
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ('--alt "a cat', 7),
        ("--alt a cat's hat", 12),
        ("hero --alt='a cat", 12),
        ('"', 1),
        ('--alt "a"\'b', 10),
        ("\t --alt 'it''s'x'", 17),
    ],
)
def test_an_open_quote_is_shown_with_its_column(line, column):
    """A quote that is not closed is named with its column, counted from 1, and with what follows it."""
    with pytest.raises(CellSyntaxError) as caught:
        tokens(line)
    assert caught.value.what == f"The quote at column {column} is not closed: {line[column - 1 :]}"
    assert caught.value.evidence == {"column": column}
    assert '"a cat\'s hat"' in caught.value.hint


def test_a_word_knows_its_column_and_its_quotes():
    """Each word of the line has its text without quotes, its column, and whether it had any."""
    found = [(token.text, token.column, token.quoted) for token in tokens(" hero  --alt='a b' '' x")]
    assert found == [("hero", 2, False), ("--alt=a b", 8, True), ("", 20, True), ("x", 23, False)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param('#| alt: a cat\'s "hat": big', ("alt", 'a cat\'s "hat": big'), id="plain"),
        pytest.param('#| alt: "two\\nlines \\u2028 \\"so\\""', ("alt", 'two\nlines \u2028 "so"'), id="JSON text"),
        pytest.param('#| alt: ""', ("alt", ""), id="empty JSON text"),
        pytest.param("#|alt:a cat", ("alt", "a cat"), id="no spaces"),
        pytest.param("#|   alt  :   a cat   ", ("alt", "a cat"), id="many spaces"),
        pytest.param("#| alt: a cat\r", ("alt", "a cat"), id="carriage return"),
        pytest.param("#| alt: 'a cat'", ("alt", "'a cat'"), id="apostrophes stay"),
        pytest.param("#| aspect: 16:9", ("aspect", "16:9"), id="colon"),
        pytest.param("#| quiet: true", ("quiet", ""), id="flag true"),
        pytest.param("#| quiet:", ("quiet", ""), id="flag with colon"),
        pytest.param("#| quiet", ("quiet", ""), id="flag alone"),
    ],
)
def test_a_header_line_is_an_option(line, expected):
    """A leading `#| key: value` is an option like those of the line, and is not sent."""
    assert parse(f"%%gemimg\n{line}\na cat") == Cell(prompt="a cat", options=(expected,))


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        pytest.param("#| captoin: x", "There is no option 'captoin' for a `#|` line.", id="unknown key"),
        pytest.param("#| a heading", "There is no option 'a heading' for a `#|` line.", id="no key"),
        pytest.param("#| quiet: no", "`#| quiet` takes no value but true.", id="flag with a value"),
        pytest.param("#| alt:", "`#| alt: …` needs a value.", id="no value"),
        pytest.param("#| alt", "`#| alt: …` needs a value.", id="no colon"),
        pytest.param('#| alt: "open', "The quoted value of `#| alt` is not JSON text.", id="open JSON text"),
        pytest.param('#| alt: "a" b', "The quoted value of `#| alt` is not JSON text.", id="more after JSON text"),
        pytest.param("#| alt: a\n#| alt: b", "--alt stands twice.", id="twice below"),
        pytest.param("#| aspect: 1:1", "-a stands twice.", id="on the line and below"),
    ],
)
def test_a_wrong_header_line_is_an_error(lines, what):
    """A slip in a `#|` line is refused before anything is sent."""
    with pytest.raises(CellSyntaxError) as caught:
        parse(f"%%gemimg -a 2:3\n{lines}\na cat")
    assert caught.value.what == what


@pytest.mark.parametrize(
    ("source", "prompt"),
    [
        pytest.param("%%gemimg\n#| alt: x\n#|\n#| sent\n", "#| sent", id="lone marker ends the header"),
        pytest.param("%%gemimg\n#|\n#| sent\n", "#| sent", id="lone marker first"),
        pytest.param("%%gemimg\n#|  \n\na cat", "\na cat", id="lone marker with spaces"),
        pytest.param("%%gemimg\n#| alt: x", "", id="nothing else"),
        pytest.param("%%gemimg\n#| alt: x\n\n#| sent\n", "\n#| sent", id="blank line ends the header"),
        pytest.param("%%gemimg --no-header\n#| sent\n", "#| sent", id="no header"),
        pytest.param("%%gemimg --no-header\n#|\n", "#|", id="no header, lone marker"),
        pytest.param("%%gemimg --no-header\na cat", "a cat", id="no header, none there"),
    ],
)
def test_the_header_ends_where_the_prompt_begins(source, prompt):
    """A lone `#|` or any other line ends the header; with --no-header there is none; the rest is sent."""
    assert parse(source).prompt == prompt


def test_no_header_is_no_part_of_the_cell():
    """Whether a prompt that looks like a header needed --no-header is how the cell is written, not what it is."""
    assert parse("%%gemimg --no-header\n#| x") == Cell(prompt="#| x")
    assert render(Cell(prompt="#| x")) == "%%gemimg --no-header\n#| x"


def test_a_cell_is_written_as_a_person_would_write_it():
    """A written cell has its name first, letters for options, quotes where needed, odd values as `#|` lines."""
    cell = Cell(
        prompt="a cat\n",
        name="hero",
        options=(("caption", "one\ntwo"), ("quiet", ""), ("image", "b.png"), ("alt", "a hat"), ("image", "a.png")),
    )
    expected = '%%gemimg hero -i b.png -i a.png --alt "a hat" -q\n#| caption: "one\\ntwo"\na cat\n\n'
    assert expected == render(cell)
    assert json.loads(expected.splitlines()[1].removeprefix("#| caption: ")) == "one\ntwo"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%%gemimg", True),
        ("%%gemimg hero\na cat", True),
        ("\n \t\r\n%%gemimg\na cat", True),
        ("%%gemimg\r\na cat", True),
        ("%%gemimgs", False),
        (" %%gemimg", False),
        ("x = 1\n%%gemimg", False),
        ("%gemimg", False),
        ("", False),
    ],
    ids=repr,
)
def test_a_cell_is_ours_when_it_begins_with_the_magic(source, expected):
    """A cell is read as `%%gemimg` exactly where IPython would run it as that."""
    assert expected == is_gemimg(source)


def test_blank_lines_above_the_magic_are_no_part_of_it():
    """A cell with blank lines above the magic is the cell without them."""
    assert parse("\n\n%%gemimg hero\r\na cat\n") == Cell(prompt="a cat", name="hero")


def test_a_line_of_defaults_has_no_name():
    """`%gemnb use MODEL` takes options only; a stray word and a duplicate are refused."""
    assert parse_options(tokens("-a 16:9 -s 2K")) == [("aspect", "16:9"), ("size", "2K")]
    with pytest.raises(CellSyntaxError, match="'hero' is not expected here"):
        parse_options(tokens("-a 16:9 hero"))
    with pytest.raises(CellSyntaxError, match="-a stands twice"):
        parse_options(tokens("-a 16:9 -a 1:1"))
