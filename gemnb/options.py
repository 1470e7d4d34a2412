"""The options of `%%gemimg`, as data: grammar, help, completion and the documentation test read this table."""

from __future__ import annotations

from typing import NamedTuple

from gemnb.errors import CellSyntaxError, nearest


class Option(NamedTuple):
    """One option.

    Attributes:
        name: Long form without dashes; also the key of a `#|` line.
        short: One letter, or empty.
        metavar: Name of its value in help; empty for a flag.
        help: One sentence.
        repeat: May stand several times; order is kept.
        default: May stand in `%gemnb use`.
        reference: A value `$name` is taken from a variable.
    """

    name: str
    help: str
    short: str = ""
    metavar: str = ""
    repeat: bool = False
    default: bool = False
    reference: bool = False

    @property
    def spelling(self) -> str:
        """The form a person types: the short one where there is one."""
        return f"-{self.short}" if self.short else f"--{self.name}"


OPTIONS = (
    Option(
        name="model",
        short="m",
        metavar="MODEL",
        default=True,
        reference=True,
        help="vendor/model or an alias; needed here or in `%gemnb use`",
    ),
    Option(
        name="aspect",
        short="a",
        metavar="W:H",
        default=True,
        reference=True,
        help="aspect ratio, such as 16:9; unset leaves it to the model",
    ),
    Option(
        name="size",
        short="s",
        metavar="SIZE",
        default=True,
        reference=True,
        help="512, 1K, 2K or 4K, where the model has it",
    ),
    Option(
        name="samples",
        short="n",
        metavar="N",
        reference=True,
        help="ask N times; each sample is kept by itself",
    ),
    Option(name="sample", metavar="K", reference=True, help="only the K-th of the samples that -n gives"),
    Option(name="temperature", short="t", metavar="T", default=True, reference=True, help="sampling temperature"),
    Option(
        name="seed",
        metavar="S",
        default=True,
        reference=True,
        help="seed of the first sample; the K-th gets S+K-1 (a seed does not pin a picture)",
    ),
    Option(
        name="system",
        metavar="TEXT",
        default=True,
        reference=True,
        help="system instruction; $name takes it from a variable",
    ),
    Option(
        name="image",
        short="i",
        metavar="REF",
        repeat=True,
        help="input picture: a variable, path, glob, URL, record:… or blob:…; repeat, order is kept",
    ),
    Option(name="edit", short="e", metavar="NAME", help="go on from an earlier result, or record:…"),
    Option(
        name="param",
        short="p",
        metavar="NAME[=TEXT]",
        repeat=True,
        help="replace {{NAME}} in the prompt: -p NAME, -p NAME=text, -p NAME=$expr",
    ),
    Option(name="alt", metavar="TEXT", help="alternative text of the picture"),
    Option(name="caption", metavar="TEXT", help="caption of the picture"),
    Option(
        name="publish",
        metavar="true|false",
        help="false keeps the answer and its inputs in cache/private/, which git ignores",
    ),
    Option(name="mode", metavar="MODE", help="auto, replay, refresh or plan, for this cell"),
    Option(
        name="max-cost",
        metavar="USD",
        help="a call that would bring what is spent over this many dollars is not made; off lifts the limit",
    ),
    Option(name="dry-run", help="say what would be asked, and its price; ask nothing, bind nothing"),
    Option(name="allow-refusal", help="show a refusal or a text answer instead of failing"),
    Option(name="quiet", short="q", help="bind NAME and show nothing"),
    Option(name="no-header", help="send leading `#|` lines as part of the prompt"),
    Option(name="help", short="h", help="show this help"),
)

BY_NAME = {option.name: option for option in OPTIONS}
ORDER = {option.name: index for index, option in enumerate(OPTIONS)}
_SPELLINGS = {f"--{option.name}": option for option in OPTIONS} | {
    f"-{option.short}": option for option in OPTIONS if option.short
}


def is_spelling(text: str) -> bool:
    """Return whether the text is how some option is spelled."""
    return text in _SPELLINGS


def find_option(spelling: str) -> Option:
    """Return the option spelled like this.

    Raises:
        CellSyntaxError: There is none; the nearest one is named.
    """
    if spelling in _SPELLINGS:
        return _SPELLINGS[spelling]
    near = nearest(spelling, _SPELLINGS)
    raise CellSyntaxError(
        f"There is no option {spelling}.",
        hint=(f"Did you mean {near}?  " if near else "") + "All options: %%gemimg -h",
        option=spelling,
    )


def find_key(key: str) -> Option:
    """Return the option whose `#| key: value` line this is.

    Raises:
        CellSyntaxError: There is none; the nearest one is named.
    """
    if key in BY_NAME:
        return BY_NAME[key]
    near = nearest(key, BY_NAME)
    raise CellSyntaxError(
        f"There is no option {key!r} for a `#|` line.",
        hint=(f"Did you mean `#| {near}: …`?\n" if near else "")
        + "To send the line to the model as it stands, add --no-header.",
        option=key,
    )


def help_text() -> str:
    """Return the help of `%%gemimg` as plain text."""
    rows = []
    for option in OPTIONS:
        left = ", ".join(filter(None, (f"-{option.short}" if option.short else "", f"--{option.name}")))
        rows.append(f"  {left + ' ' + option.metavar:<26} {option.help}")
    return "\n".join(
        [
            "%%gemimg [NAME] [options]",
            "the prompt, sent to the model exactly as typed",
            "",
            "The result is bound to NAME. Leading lines `#| option: value` are options too;",
            "a line `#|` ends them. Values with spaces stand in quotes.",
            "",
            *rows,
        ]
    )
