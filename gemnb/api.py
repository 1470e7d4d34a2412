"""`gemnb.generate`: `%%gemimg` as a typed function, for prompts made in Python; and `gemnb.keep`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.cell import Cell
from gemnb.compose import make_client, open_reach
from gemnb.inputs import folders_of, resolve_arguments
from gemnb.model import Mode, Presentation
from gemnb.session import Ask, ask, outcome_error
from gemnb.settings import load_settings, mode_in_force

if TYPE_CHECKING:
    from gemnb.inputs import KeptPicture
    from gemnb.inputs.keeping import Values
    from gemnb.result import Result


_log = logging.getLogger("gemnb")


def generate(  # noqa: PLR0913 - the options of the cell, all by keyword
    prompt: str,
    *,
    model: str,
    aspect: str | None = None,
    size: str | None = None,
    samples: int | None = None,
    sample: int | None = None,
    temperature: float | None = None,
    seed: int | None = None,
    system: str | None = None,
    image: object = (),
    edit: Result | str | None = None,
    alt: str | None = None,
    caption: str | None = None,
    mode: Mode | str | None = None,
    max_cost: float | str | None = None,
    allow_refusal: bool = False,
    publish: bool = True,
) -> Result:
    """Return the kept answer to a request, or ask the model for it and keep that.

    Args:
        prompt: Sent exactly as it is; nothing is replaced in it.
        model: `vendor/model id` or an alias; there is no default.
        aspect: Aspect ratio, such as `16:9`.
        size: `512`, `1K`, `2K` or `4K`.
        samples: Ask this many times; each sample is kept by itself.
        sample: Only this one (from 1) of the samples.
        temperature: Sampling temperature.
        seed: Seed of the first sample; the next ones count up.
        system: System instruction.
        image: One input picture, or several in order: results, bytes, paths, Pillow images, numpy arrays, what
            `gemnb.keep` returned, or text as after `-i`.
        edit: An earlier result to go on from, or `record:…`.
        alt: Alternative text.
        caption: Caption.
        mode: `auto`, `replay`, `refresh` or `plan`; the setting in force otherwise. In `plan` a miss calls nothing,
            and what is returned raises `PendingRead` when it is read.
        max_cost: A call that would bring what is spent over this many US dollars is not made; `off` lifts the limit.
        allow_refusal: Return a refusal or a text answer instead of raising.
        publish: Whether the answer may be published; else it is kept apart, and `gemnb publish` withholds it and the
            code that calls this.

    Raises:
        CellError: An argument cannot be used.
        CacheError: Replay mode and nothing kept, or the cache is damaged.
        BackendError: The call brought no answer.
        OutcomeError: The model refused or answered in words.
    """
    given = {
        "model": model,
        "aspect": aspect,
        "size": size,
        "samples": samples,
        "sample": sample,
        "temperature": temperature,
        "seed": seed,
        "system": system,
    }
    options = tuple((name, str(value)) for name, value in given.items() if value is not None)
    limit = {} if max_cost is None else {"max_cost": str(max_cost)}
    settings = load_settings(Path.cwd(), overrides=limit)
    in_force = mode_in_force(settings, None if mode is None else str(mode))
    reach = open_reach(settings, in_force, private=not publish)
    result = ask(
        make_client(settings),
        Ask(
            cell=Cell(prompt=prompt, options=options),
            source=None,
            defaults=None,
            resolved=resolve_arguments(image, edit, folders_of({}, settings.root), reach),
            mode=in_force,
            private=not publish,
            presentation=Presentation(alt=alt, caption=caption, embed=settings.embed),
        ),
    )
    if in_force is Mode.PLAN:
        from gemnb.pending import Pending

        if isinstance(result, Pending):
            _log.warning("%s", result.line)
    if not allow_refusal and (failure := outcome_error(result)) is not None:
        raise failure
    return result


def keep(  # noqa: PLR0913 - what is said of a picture, all by keyword
    value: object,
    *,
    values: Values | None = None,
    source: str | None = None,
    prompt: str | None = None,
    licence: str | None = None,
    alt: str | None = None,
) -> KeptPicture:
    """Return a picture that can be an input: `photo = gemnb.keep(x)`, then `-i photo`.

    With a source, a prompt or a licence it is an import: a picture from elsewhere, shown with what its author states
    of it, which nothing can verify. An import is kept in the cache at once, and found there by its path where the
    file is not there any more.

    Args:
        value: A path, bytes, a Pillow image of any mode, a numpy array or a matplotlib figure.
        values: For numbers that are no 8-bit pixels, what black and white are: `0..1`, `0..255` or `0..65535`.
        source: Where the picture comes from, in its author's words.
        prompt: The prompt that is said to have made it.
        licence: The terms of its use.
        alt: Alternative text of an import.

    Raises:
        InputError: It shows no picture, or what is stated is no text.
        CacheError: The file is not there, and what the cache holds in its place is damaged.
    """
    from gemnb import inputs

    if source is prompt is licence is alt is None:
        return inputs.keep(value, values=values)
    from gemnb.inputs.importing import import_picture
    from gemnb.inputs.statements import Statement

    settings = load_settings(Path.cwd())
    reach = open_reach(settings, mode_in_force(settings, None))
    statement = Statement(source=source, prompt=prompt, licence=licence)
    return import_picture(value, statement, reach, alt=alt, values=values)
