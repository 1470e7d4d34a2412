"""The grammar of a `%%gemimg` cell: `parse` and `render` are inverse.

Why not argparse: an option's value may begin with a dash, error messages name the nearest option,
backslashes are literal (Windows paths), and the digest of a cell must not hang on the version of a
parser in Python's library.
"""

from __future__ import annotations

import json
import keyword
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from gemnb.errors import CellSyntaxError
from gemnb.options import BY_NAME, ORDER, Option, find_key, find_option, is_spelling

MAGIC = "%%gemimg"
_HEADER = "#|"
_PLAIN = re.compile(r"[\w./:@%+,=$~\[\]{}*?!&;^()<>-]+", re.ASCII)
_TOKEN = re.compile(r"""(?:[^\s"']+|"[^"]*"|'[^']*')+""")
_PIECE = re.compile(r"""[^"']+|"[^"]*"|'[^']*'""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A `%%gemimg` cell.

    Attributes:
        prompt: The text that goes to the model, exactly.
        name: The variable the result is bound to.
        options: (option name, value) in the order of the option table, repeats in their own order;
            a flag's value is empty.
    """

    prompt: str
    name: str | None = None
    options: tuple[tuple[str, str], ...] = field(default=())

    def __post_init__(self) -> None:
        ordered = sorted(self.options, key=lambda item: ORDER[item[0]])
        object.__setattr__(self, "options", tuple(ordered))

    def get(self, name: str) -> str | None:
        """Return the value of an option, or None where it is not given."""
        return next((value for key, value in self.options if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a repeated option, in order."""
        return tuple(value for key, value in self.options if key == name)


class Token(NamedTuple):
    """A word of the option line: its text without quotes, its column (from 1), whether it had quotes."""

    text: str
    column: int
    quoted: bool


def is_gemimg(source: str) -> bool:
    """Return whether a cell's source is a `%%gemimg` cell (leading blank lines allowed, as in IPython)."""
    return re.match(r"(?:[ \t]*\r?\n)*%%gemimg(?=\s|$)", source) is not None


def parse(source: str) -> Cell:
    """Read a whole `%%gemimg` cell.

    Raises:
        CellSyntaxError: With the column, or the line, that is wrong.
    """
    line, _, body = source[source.index(MAGIC) :].partition("\n")
    return parse_parts(line.removeprefix(MAGIC).rstrip("\r"), body)


def parse_parts(line: str, body: str) -> Cell:
    """Read the two halves IPython gives to a cell magic; the body loses one trailing newline."""
    name, options = _parse_line(tokens(line))
    prompt = body.removesuffix("\n")
    if any(option == "no-header" for option, _ in options):
        options = [item for item in options if item[0] != "no-header"]
    else:
        header, prompt = _parse_header(prompt)
        options += header
    _refuse_duplicates(options)
    return Cell(name=name, options=tuple(options), prompt=prompt)


def render(cell: Cell) -> str:
    """Return the source of a cell; `parse(render(cell)) == cell`."""
    words = [MAGIC, *([cell.name] if cell.name else [])]
    header = []
    # Header lines are read after the line, so a repeated option stands whole in one of the two.
    below = {name for name, value in cell.options if not value.isprintable()}
    for name, value in cell.options:
        option = BY_NAME[name]
        if not option.metavar:
            words.append(option.spelling)
        elif name not in below:
            words += [option.spelling, quote(value)]
        else:
            header.append(f"{_HEADER} {name}: {json.dumps(value)}")
    if header and cell.prompt.startswith(_HEADER):
        header.append(_HEADER)
    elif cell.prompt.startswith(_HEADER):
        words.append("--no-header")
    lines = [" ".join(words), *header, cell.prompt]
    source = "\n".join(lines)
    return source + "\n" if cell.prompt.endswith("\n") else source


def tokens(line: str) -> list[Token]:
    """Split an option line at spaces outside quotes; quotes are removed, backslashes are literal.

    Raises:
        CellSyntaxError: A quote is not closed.
    """
    found = []
    position = 0
    while position < len(line):
        if line[position].isspace():
            position += 1
            continue
        match = _TOKEN.match(line, position)
        end = match.end() if match else position
        if match is None or (end < len(line) and not line[end].isspace()):
            raise CellSyntaxError(
                f"The quote at column {end + 1} is not closed: {line[end : end + 20]}",
                hint='Put a text with an apostrophe into double quotes: --alt "a cat\'s hat"',
                column=end + 1,
            )
        pieces = _PIECE.findall(match.group())
        text = "".join(piece[1:-1] if piece[0] in "\"'" else piece for piece in pieces)
        found.append(Token(text, position + 1, quoted=any(piece[0] in "\"'" for piece in pieces)))
        position = end
    return found


def quote(value: str) -> str:
    """Return one word of an option line that reads back as this value."""
    if _PLAIN.fullmatch(value) and not value.startswith("-"):
        return value
    if '"' not in value:
        return f'"{value}"'
    if "'" not in value:
        return f"'{value}'"
    pieces = re.findall(r"\"+|[^\"]+", value)
    return "".join(f"'{piece}'" if piece.startswith('"') else f'"{piece}"' for piece in pieces)


def parse_options(words: list[Token]) -> list[tuple[str, str]]:
    """Read an option line that has no NAME (that of `%gemnb use`).

    Raises:
        CellSyntaxError: An option is unknown, twice, or lacks its value.
    """
    name, options = _parse_line(words)
    if name is not None:
        raise CellSyntaxError(f"{name!r} is not expected here.", hint="%gemnb use MODEL [options]")
    _refuse_duplicates(options)
    return options


def _parse_line(words: list[Token]) -> tuple[str | None, list[tuple[str, str]]]:
    name: str | None = None
    options: list[tuple[str, str]] = []
    rest = iter(words)
    for word in rest:
        if not word.quoted and not word.text.startswith("-"):
            name = _take_name(word, name)
            continue
        spelling, equals, joined = word.text.partition("=")
        option = find_option(spelling if spelling.startswith("--") else word.text)
        if not option.metavar:
            if equals:
                raise CellSyntaxError(f"{spelling} takes no value.", column=word.column)
            options.append((option.name, ""))
        elif equals and spelling.startswith("--"):
            options.append((option.name, joined))
        else:
            options.append((option.name, _take_value(option, next(rest, None))))
    return name, options


def _take_name(word: Token, earlier: str | None) -> str:
    if earlier is not None:
        raise CellSyntaxError(
            f"Two names stand on the line: {earlier!r} and {word.text!r}.",
            hint="A value with spaces needs quotes, and the prompt belongs into the lines below.",
            column=word.column,
        )
    if not word.text.isidentifier() or keyword.iskeyword(word.text):
        raise CellSyntaxError(
            f"{word.text!r} cannot be a variable name.",
            hint="%%gemimg NAME [options]: letters, digits and underscores, such as hero_1",
            column=word.column,
        )
    return word.text


def _take_value(option: Option, word: Token | None) -> str:
    if word is None or (not word.quoted and is_spelling(word.text.partition("=")[0])):
        raise CellSyntaxError(
            f"{option.spelling} needs a value.",
            hint=f"{option.spelling} {option.metavar}: {option.help}",
            option=option.name,
        )
    return word.text


def _parse_header(body: str) -> tuple[list[tuple[str, str]], str]:
    options = []
    while body.startswith(_HEADER):
        line, newline, rest = body.partition("\n")
        text = line.removeprefix(_HEADER).strip()
        body = rest if newline else ""
        if not text:
            break
        options.append(_parse_header_line(text))
    return options, body


def _parse_header_line(text: str) -> tuple[str, str]:
    key, colon, value = text.partition(":")
    option = find_key(key.strip())
    value = value.strip()
    if option.name == "no-header":
        raise CellSyntaxError("`#| no-header` makes no sense in the header.", hint="%%gemimg … --no-header")
    if not option.metavar:
        if value not in ("", "true"):
            raise CellSyntaxError(f"`#| {option.name}` takes no value but true.", option=option.name)
        return option.name, ""
    if not colon or not value:
        raise CellSyntaxError(f"`#| {option.name}: …` needs a value.", option=option.name)
    if not value.startswith('"'):
        return option.name, value
    try:
        decoded = json.loads(value)
    except ValueError as error:
        reason = str(error)
    else:
        return option.name, str(decoded)
    raise CellSyntaxError(f"The quoted value of `#| {option.name}` is not JSON text.", why=reason)


def _refuse_duplicates(options: list[tuple[str, str]]) -> None:
    seen = set()
    for name, _ in options:
        if name in seen and not BY_NAME[name].repeat:
            raise CellSyntaxError(f"{BY_NAME[name].spelling} stands twice.", option=name)
        seen.add(name)
