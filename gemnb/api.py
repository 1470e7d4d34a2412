"""`gemnb.generate`: `%%gemimg` as a typed function, for prompts that are made in Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gemnb.cell import Cell
from gemnb.compose import make_client
from gemnb.inputs import Resolved, earlier_result, folders_of, picture_binding, resolve
from gemnb.invocation import Need
from gemnb.model import Mode, Presentation
from gemnb.session import Ask, ask, outcome_error
from gemnb.settings import load_settings, mode_in_force

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemnb.model import Binding, Content
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
    image: Sequence[Result | bytes | Path | str] = (),
    edit: Result | None = None,
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
        image: Input pictures in order: results, original bytes, or paths.
        edit: An earlier result to go on from.
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
    result = ask(
        make_client(settings),
        Ask(
            cell=Cell(prompt=prompt, options=options),
            source=None,
            defaults=None,
            resolved=_resolve(image, edit, settings.root),
            mode=mode_in_force(settings, None if mode is None else str(mode)),
            presentation=Presentation(alt=alt, caption=caption, embed=settings.embed),
        ),
    )
    if not allow_refusal and (failure := outcome_error(result)) is not None:
        raise failure
    return result


def _resolve(image: Sequence[Result | bytes | Path | str], edit: Result | None, root: Path) -> Resolved:
    bindings: list[Binding] = []
    blobs: dict[str, bytes] = {}
    earlier: tuple[Content, ...] = ()
    for number, value in enumerate(image, 1):
        source = f"image {number}"
        if isinstance(value, str | Path):
            need = Need(slot="-i", kind="picture", source=f"file:{value}")
            found = resolve([need], {}, folders_of({}, root))
            bindings += found.bindings
            blobs |= found.blobs
        else:
            binding, data = picture_binding(value, "-i", source, "argument")
            bindings.append(binding)
            blobs[binding.blob or ""] = data
    if edit is not None:
        binding, earlier = earlier_result(edit, "-e", "edit")
        bindings.append(binding)
    return Resolved(bindings=tuple(bindings), blobs=blobs, earlier=earlier)
