"""Completion on the lines of gemnb: options, their values, variables, models, verbs. Imported on the first Tab.

What a line offers is a pure function of the cell's text, the cursor, the user's variables and the model in force.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.completer import SimpleCompletion

from gemnb.capabilities import models, resolve_model
from gemnb.cell import MAGIC, is_gemimg
from gemnb.errors import GemnbError
from gemnb.magic.vocabulary import VERBS
from gemnb.model import Mode
from gemnb.options import OPTIONS, find_option, is_spelling
from gemnb.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from IPython.core.completer import CompletionContext, SimpleMatcherResult

    from gemnb.options import Option

_ADMIN = re.compile(r"\s*%gemnb[ \t]")
_OPEN_QUOTE = re.compile(r"""(?:[^"']|"[^"]*"|'[^']*')*["'][^"']*$""")
_PLACEHOLDER = re.compile(r"\{\{([^\W\d]\w*)\}\}")
_REFERRING = ("why", "show", "history", "diff")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What can stand in place of the last, unfinished word.

    Attributes:
        fragment: The part of it that is replaced.
        words: What may stand there; those that begin with the fragment.
        alone: Whether nothing else belongs there (files do at `-i`, and IPython knows them).
    """

    fragment: str
    words: tuple[str, ...]
    alone: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What values depend on: the cell's text, the user's variables, the model in force."""

    cell: str
    names: Mapping[str, object]
    model: str


def matches(context: CompletionContext, names: Mapping[str, object], model: str) -> SimpleMatcherResult:
    """Return what IPython's completer wants to know; nothing where the cursor is on no line of gemnb's."""
    line = context.text_until_cursor
    above = context.full_text.split("\n")[: context.cursor_line]
    found = offer(line, above, context.full_text, names, model)
    if found is None:
        return {"completions": []}
    return {
        "completions": [SimpleCompletion(text=word, type="gemnb") for word in found.words],
        "matched_fragment": found.fragment,
        "suppress": found.alone,
        "ordered": True,
    }


def offer(line: str, above: list[str], cell: str, names: Mapping[str, object], model: str) -> Offer | None:
    """Return what can stand at the end of a line, or None where it is no line of gemnb's.

    Args:
        line: The line up to the cursor.
        above: The lines of the cell above it.
        cell: The whole cell.
        names: The user's variables.
        model: What `%gemnb use` named.
    """
    is_first = not any(text.strip() for text in above)
    if is_gemimg(cell) and is_first and re.match(rf"[ \t]*{MAGIC}[ \t]", line):
        words, last = _split(line.lstrip().removeprefix(MAGIC))
        return None if last is None else _of_options(words, last, OPTIONS, _scene(words, cell, names, model))
    if is_gemimg(cell) and line.startswith("#|") and _is_header(above):
        return _of_header(line.removeprefix("#|"), names)
    if _ADMIN.match(line) and not cell.lstrip().startswith("%%"):
        words, last = _split(line.lstrip().removeprefix("%gemnb"))
        return None if last is None else _of_verbs(words, last, names)
    return None


def _split(text: str) -> tuple[list[str], str | None]:
    """Return the finished words and the unfinished one; None for that inside quotes."""
    if _OPEN_QUOTE.fullmatch(text):
        return [], None
    words = text.split()
    return (words, "") if text[-1:].isspace() else (words[:-1], words[-1])


def _is_header(above: list[str]) -> bool:
    """Return whether the next line belongs to the header: all lines since the `%%gemimg` line do."""
    start = next((at for at, text in enumerate(above) if text.strip()), len(above)) + 1
    return start <= len(above) and all(text.startswith("#|") and text[2:].strip() for text in above[start:])


def _of_header(text: str, names: Mapping[str, object]) -> Offer | None:
    key, colon, value = text.partition(":")
    if not colon:
        known = [f"{option.name}:" for option in OPTIONS if option.metavar]
        return _begin(key.lstrip(), known)
    spelling = f"--{key.strip()}"
    if not is_spelling(spelling):
        return None
    return _of_value(find_option(spelling), value.lstrip(), _Scene(cell="", names=names, model=""))


def _of_verbs(words: list[str], last: str, names: Mapping[str, object]) -> Offer:
    if not words:
        return _begin(last, VERBS)
    if words[0] == "use":
        if len(words) == 1:
            return _begin(last, [*_model_names(), *_variables(names, _is_text, "$")])
        allowed = [option for option in OPTIONS if option.default and option.name != "model"]
        return _of_options(words[2:], last, allowed, _Scene(cell="", names=names, model=words[1]))
    if words[0] == "compare":
        pictures = _begin(last, _variables(names, _is_picture))
        return Offer(fragment=last, words=pictures.words, alone=False)
    if words[0] in _REFERRING:
        return _begin(last, _variables(names, _is_result))
    return Offer(fragment=last, words=())


def _of_options(words: list[str], last: str, allowed: Iterable[Option], scene: _Scene) -> Offer:
    open_option = find_option(words[-1]) if words and is_spelling(words[-1]) else None
    spelling, equals, value = last.partition("=")
    if equals and spelling.startswith("--") and is_spelling(spelling):
        return _of_value(find_option(spelling), value, scene)
    if open_option is not None and open_option.metavar:
        return _of_value(open_option, last, scene)
    if last and not last.startswith("-"):
        return Offer(fragment=last, words=())  # a NAME, which is the user's to choose
    given = {find_option(word).name for word in words if is_spelling(word)}
    left = [option for option in allowed if option.repeat or option.name not in given]
    long, short = [f"--{o.name}" for o in left], [f"-{o.short}" for o in left if o.short]
    return _begin(last, long if last.startswith("--") else [*long, *short])


def _of_value(option: Option, last: str, scene: _Scene) -> Offer:
    names = scene.names
    if option.name == "image":
        found = _begin(last, _variables(names, _is_picture))
        return Offer(fragment=found.fragment, words=found.words, alone=False)
    if option.name == "edit":
        return _begin(last, _variables(names, _is_result))
    if option.name == "param":
        return _of_parameter(last, scene.cell, names)
    values: list[str] = []
    if option.name == "model":
        values = _model_names()
    elif option.name == "publish":
        values = ["true", "false"]
    elif option.name == "mode":
        values = [mode.value for mode in Mode]
    elif option.name in ("aspect", "size"):
        values = _known_values(option.name, scene.model)
    if option.reference and last.startswith("$"):
        values = _variables(names, _is_text, "$")
    return _begin(last, values)


def _of_parameter(last: str, cell: str, names: Mapping[str, object]) -> Offer:
    name, dollar, rest = last.partition("=$")
    if dollar:
        return _begin(rest, _variables(names, _is_text))
    body = cell.partition("\n")[2]
    declared = list(dict.fromkeys(_PLACEHOLDER.findall(body)))
    if declared:
        return _begin(name, [word if _is_text(names.get(word)) else f"{word}=" for word in declared])
    return _begin(last, _variables(names, _is_text))


def _scene(words: list[str], cell: str, names: Mapping[str, object], model: str) -> _Scene:
    """Return the scene of a line, whose own `-m` comes before the notebook's model."""
    for word, following in pairwise(words):
        if word in ("-m", "--model"):
            model = following
    for word in words:
        if word.startswith("--model="):
            model = word.partition("=")[2]
    return _Scene(cell=cell, names=names, model=model)


def _known_values(name: str, model: str) -> list[str]:
    try:
        row = models().get(resolve_model(model))
    except GemnbError:
        row = None
    rows = [row] if row is not None else list(models().values())
    return list(dict.fromkeys(value for row in rows for value in (row.ratios if name == "aspect" else row.sizes)))


def _model_names() -> list[str]:
    rows = list(models().values())
    return [*(row.id for row in rows), *(alias for row in rows for alias in row.aliases)]


def _variables(names: Mapping[str, object], fits: Callable[[object], bool], prefix: str = "") -> list[str]:
    return sorted(prefix + name for name, value in dict(names).items() if not name.startswith("_") and fits(value))


# By type(), not isinstance: a proxy among the user's variables must not run code because Tab was pressed.


def _is_text(value: object) -> bool:
    return issubclass(type(value), str | int | float) and type(value) is not bool


def _is_result(value: object) -> bool:
    return issubclass(type(value), Result)


def _is_picture(value: object) -> bool:
    if issubclass(type(value), Result | bytes | bytearray | memoryview | Path):
        return True
    # What has not been imported can be no variable's type.
    places = (("numpy", "ndarray"), ("PIL.Image", "Image"), ("gemnb.inputs.keeping", "KeptPicture"))
    kinds = [getattr(sys.modules[module], name, None) for module, name in places if module in sys.modules]
    return any(isinstance(kind, type) and issubclass(type(value), kind) for kind in kinds)


def _begin(fragment: str, words: Iterable[str]) -> Offer:
    return Offer(fragment=fragment, words=tuple(word for word in words if word.startswith(fragment)))
