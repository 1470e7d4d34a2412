"""`gemnb.generate`: `%%gemimg` as a typed function, for prompts that are made in Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.cell import Cell
from gemnb.compose import make_client, open_reach
from gemnb.inputs import folders_of, resolve_arguments
from gemnb.model import Mode, Presentation
from gemnb.session import Ask, ask, outcome_error
from gemnb.settings import load_settings, mode_in_force

if TYPE_CHECKING:
    from gemnb.result import Result


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
    allow_refusal: bool = False,
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
        mode: `auto`, `replay` or `refresh`; the setting in force otherwise.
        allow_refusal: Return a refusal or a text answer instead of raising.

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
    settings = load_settings(Path.cwd())
    in_force = mode_in_force(settings, None if mode is None else str(mode))
    result = ask(
        make_client(settings),
        Ask(
            cell=Cell(prompt=prompt, options=options),
            source=None,
            defaults=None,
            resolved=resolve_arguments(image, edit, folders_of({}, settings.root), open_reach(settings, in_force)),
            mode=in_force,
            presentation=Presentation(alt=alt, caption=caption, embed=settings.embed),
        ),
    )
    if not allow_refusal and (failure := outcome_error(result)) is not None:
        raise failure
    return result
