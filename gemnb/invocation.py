"""From a cell and what its names stand for to requests. Pure: the magic runs it live, verify runs it later.

`needs` lists what must be looked up; somebody looks it up (`gemnb.inputs` in a kernel, a record in
verify); `assemble` makes the requests. The same cell, defaults and bindings give the same requests.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from gemnb.cell import parse_options, tokens
from gemnb.detach import image_part, pixels_part, text_part
from gemnb.errors import CellSyntaxError, PromptError, RequestError
from gemnb.model import Binding, Content, JSONObject, JSONValue, Request, is_model_id
from gemnb.options import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gemnb.cell import Cell

_PLACEHOLDER = re.compile(r"\{\{([^\W\d]\w*)\}\}")
_REFERENCE = re.compile(r"\$[^\W\d]\w*(?:\[\w+\]|\.[^\W\d]\w*)*")
_ASPECT = re.compile(r"[1-9]\d{0,3}:[1-9]\d{0,3}", re.ASCII)
_MAX_SAMPLES = 100


class Need(NamedTuple):
    """Something a cell refers to: where it stands, of which kind it is, and its text."""

    slot: str
    kind: str
    source: str


class Defaults(NamedTuple):
    """What `%gemnb use` said: its arguments as typed, and as options."""

    line: str
    options: tuple[tuple[str, str], ...]


def parse_use(line: str) -> Defaults:
    """Read the arguments of `%gemnb use MODEL [options]`.

    Raises:
        CellSyntaxError: No model is named, or an option has no place there.
    """
    words = tokens(line)
    if not words or words[0].text.startswith("-"):
        raise CellSyntaxError(
            "`%gemnb use` needs a model.",
            hint="%gemnb use google/gemini-3-pro-image\n%gemnb use emulator/sketch-1   (no key, synthetic pictures)",
        )
    options = [("model", words[0].text), *parse_options(words[1:])]
    for name, _ in options[1:]:
        if name == "model" or not BY_NAME[name].default:
            raise CellSyntaxError(
                f"{BY_NAME[name].spelling} cannot be a default of the notebook.",
                hint="Give it on the line of the cell: %%gemimg … " + BY_NAME[name].spelling,
                option=name,
            )
    return Defaults(line=line.strip(), options=tuple(options))


def needs(cell: Cell, defaults: Defaults | None = None) -> tuple[Need, ...]:
    """Return what the cell and the defaults in force for it refer to, in order."""
    found = [
        Need(slot=f"use {BY_NAME[name].spelling}", kind="variable", source=value)
        for name, value in (defaults.options if defaults else ())
        if _is_reference(name, value) and cell.get(name) is None
    ]
    for name, value in cell.options:
        spelling = BY_NAME[name].spelling
        if name == "param":
            found.append(_parameter_need(value))
        elif name == "image":
            found.append(Need(slot=spelling, kind="picture", source=value))
        elif name == "edit":
            found.append(Need(slot=spelling, kind="result", source=value))
        elif _is_reference(name, value):
            found.append(Need(slot=spelling, kind="variable", source=value))
    return tuple(found)


def assemble(
    cell: Cell,
    defaults: Defaults | None,
    bindings: Sequence[Binding],
    earlier: Sequence[Content] = (),
) -> tuple[Request, ...]:
    """Return the requests of a cell, one per sample.

    Args:
        cell: The cell.
        defaults: What `%gemnb use` said before it.
        bindings: Those of `needs(cell, defaults)`, in that order; of a glob one per file.
        earlier: For `-e`, the turns of the earlier result, its answer included.

    Raises:
        CellError: An option has a value it cannot have, or a parameter does not fit the prompt.
        RequestError: No model is named.
    """
    _refuse_surrogates(cell)
    values = _values(cell, defaults, bindings)
    model = values.get("model")
    if not model:
        raise RequestError(
            "No model is named, and gemnb has none built in: a notebook alone says what it asks.",
            hint="Put one line into a cell above, for example:\n%gemnb use google/gemini-3-pro-image\n"
            "%gemnb use emulator/sketch-1   (no key, synthetic pictures)",
        )
    pictures = [part for b in bindings if (part := _picture(b))]
    turn = Content(role="user", parts=(*pictures, text_part(_prompt(cell, bindings))))
    contents = (*earlier, turn)
    resolved = model if is_model_id(model) else _resolve(model)
    config = _config(values)
    seed = config.get("seed")
    return tuple(
        Request(
            model=resolved,
            contents=contents,
            config=config if not isinstance(seed, int) else config | {"seed": seed + index - 1},
            sample=index,
        )
        for index in _samples(values)
    )


def _resolve(model: str) -> str:
    from gemnb.capabilities import resolve_model  # an alias needs the table; a full id, so most hits, does not

    return resolve_model(model)


def undeclared(cell: Cell, names: Mapping[str, object]) -> None:
    """Refuse a prompt with a `{{word}}` that names a variable but is not declared with `-p`.

    Raises:
        PromptError: Before money is spent on a prompt that was meant to be filled in.
    """
    declared = {value.partition("=")[0] for value in cell.all("param")}
    for word in _PLACEHOLDER.findall(cell.prompt):
        # The cell's own NAME is bound by its first run, which must not make the second one fail.
        if word in names and word not in declared and word != cell.name:
            raise PromptError(
                f"The prompt holds {{{{{word}}}}}, and {word} is a variable, but it is not declared.",
                hint=f"To fill it in, add -p {word}\nTo send the braces as they are: -p {word}={{{{{word}}}}}",
                parameter=word,
            )


def _picture(binding: Binding) -> JSONObject | None:
    if binding.kind == "pixels":
        return pixels_part(binding.value or "")
    return image_part(binding.blob, binding.mime_type) if binding.blob and binding.mime_type else None


def _is_reference(name: str, value: str) -> bool:
    return BY_NAME[name].reference and _REFERENCE.fullmatch(value) is not None


def _parameter_need(value: str) -> Need:
    name, equals, text = value.partition("=")
    if not name.isidentifier():
        raise CellSyntaxError(
            f"-p {value}: {name!r} cannot be the name of a parameter.",
            hint="-p style   -p style=ink   -p style=$styles[0]",
        )
    if not equals:
        return Need(slot=f"-p {name}", kind="variable", source=name)
    if text.startswith("$"):
        return Need(slot=f"-p {name}", kind="expression", source=text[1:])
    return Need(slot=f"-p {name}", kind="literal", source=text)


def _values(cell: Cell, defaults: Defaults | None, bindings: Sequence[Binding]) -> dict[str, str]:
    bound = {(b.slot, b.source): b.value for b in bindings if b.value is not None}
    values = {}
    for name, value in defaults.options if defaults else ():
        values[name] = bound.get((f"use {BY_NAME[name].spelling}", value), value)
    for name, value in cell.options:
        if not BY_NAME[name].repeat:
            values[name] = bound.get((BY_NAME[name].spelling, value), value)
    return values


def _prompt(cell: Cell, bindings: Sequence[Binding]) -> str:
    if not cell.prompt.strip():
        raise PromptError(
            "The prompt is empty.",
            hint="Write it below the %%gemimg line, in the same cell.",
        )
    declared = [b for b in bindings if b.slot.startswith("-p ")]
    texts = {b.slot.removeprefix("-p "): b.value for b in declared}
    if len(texts) < len(declared):
        raise CellSyntaxError("A parameter is declared twice: " + ", ".join(b.slot for b in declared) + ".")
    present = set(_PLACEHOLDER.findall(cell.prompt))
    for name in texts:
        if name not in present:
            raise PromptError(
                f"-p {name} is declared, but {{{{{name}}}}} is not in the prompt.",
                hint=f"Write {{{{{name}}}}} where its text belongs, or take -p {name} away.",
                parameter=name,
            )
    prompt = _PLACEHOLDER.sub(lambda m: _text_of(texts, m), cell.prompt)
    if not prompt.strip():
        raise PromptError("The prompt is empty once its parameters are filled in.", hint="Look at their values.")
    return prompt


def _text_of(texts: Mapping[str, str | None], match: re.Match[str]) -> str:
    text = texts.get(match.group(1))
    return match.group() if text is None else text


def _refuse_surrogates(cell: Cell) -> None:
    """Refuse what neither a notebook nor a record file could hold, in options that are not sent too."""
    for name, value in cell.options:
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise CellSyntaxError(f"{BY_NAME[name].spelling} holds half a character (a lone surrogate).", option=name)


def _config(values: Mapping[str, str]) -> JSONObject:
    config: dict[str, JSONValue] = {}
    if (aspect := values.get("aspect")) is not None:
        if not _ASPECT.fullmatch(aspect):
            raise _bad("aspect", aspect, "two whole numbers with a colon, such as 16:9")
        config["aspect_ratio"] = aspect
    if (size := values.get("size")) is not None:
        if not size.strip():
            raise _bad("size", size, "512, 1K, 2K or 4K")
        config["image_size"] = size
    if (temperature := values.get("temperature")) is not None:
        config["temperature"] = _decimal("temperature", temperature)
    if (seed := values.get("seed")) is not None:
        config["seed"] = _whole("seed", seed)
    if (system := values.get("system")) is not None:
        config["system_instruction"] = system
    return config


def _samples(values: Mapping[str, str]) -> range:
    if "sample" in values:
        if "samples" in values:
            raise CellSyntaxError(
                "-n and --sample stand together; only one can.",
                hint="-n 4 asks for four samples; --sample 3 shows the third of them alone.",
            )
        sample = _whole("sample", values["sample"])
        if not 1 <= sample <= _MAX_SAMPLES:
            raise _bad("sample", values["sample"], f"a whole number from 1 to {_MAX_SAMPLES}")
        return range(sample, sample + 1)
    samples = _whole("samples", values.get("samples", "1"))
    if not 1 <= samples <= _MAX_SAMPLES:
        raise _bad("samples", values["samples"], f"a whole number from 1 to {_MAX_SAMPLES}")
    return range(1, samples + 1)


def _whole(name: str, text: str) -> int:
    if re.fullmatch(r"[+-]?\d{1,20}", text, re.ASCII) is None:
        raise _bad(name, text, "a whole number")
    return int(text)


def _decimal(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _bad(name, text, "a number, such as 0.7")
    return number


def _bad(name: str, text: str, wanted: str) -> CellSyntaxError:
    spelling = BY_NAME[name].spelling
    return CellSyntaxError(f"{spelling} {text!r} is not {wanted}.", option=name)
