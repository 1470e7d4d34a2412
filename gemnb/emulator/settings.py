"""A request's generation config: what the emulator obeys is checked, unknown names are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gemnb.emulator.errors import invalid
from gemnb.emulator.sizes import AT_1K

if TYPE_CHECKING:
    from gemnb.emulator.catalog import Model
    from gemnb.emulator.errors import ApiError, JSONValue

CONFIG_FIELDS: Final = frozenset(
    {
        "temperature",
        "topP",
        "topK",
        "candidateCount",
        "maxOutputTokens",
        "stopSequences",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "responseModalities",
        "presencePenalty",
        "frequencyPenalty",
        "seed",
        "responseLogprobs",
        "logprobs",
        "enableEnhancedCivicAnswers",
        "speechConfig",
        "thinkingConfig",
        "imageConfig",
        "mediaResolution",
    }
)
"""Fields of a GenerationConfig, as google-genai 3.4 writes them; most mean nothing to an emulator."""

IMAGE_FIELDS: Final = frozenset({"aspectRatio", "imageSize"})

INT32: Final = range(-(1 << 31), 1 << 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the emulator obeys of a generation config.

    Attributes:
        ratio: aspect ratio, or "" if none is asked for.
        size: image size.
        text: whether text is to be in the answer.
        image: whether a picture is to be in the answer.
    """

    ratio: str
    size: str
    text: bool
    image: bool


def objects(value: JSONValue, place: str) -> list[dict[str, JSONValue]]:
    """Return a list of objects; one object alone stands for a list of one, as with Google.

    Raises:
        ApiError: 400, it is neither.
    """
    items = [] if value is None else value if isinstance(value, list) else [value]
    found = [item for item in items if isinstance(item, dict)]
    if len(found) != len(items):
        raise invalid(f"Invalid value at '{place}': expected objects", place)
    return found


def known_only(value: dict[str, JSONValue], names: frozenset[str], place: str) -> None:
    """Refuse a field that is not among `names`.

    Raises:
        ApiError: 400, in Google's words.
    """
    for name in value:
        if name not in names:
            where = f" at '{place}'" if place else ""
            raise invalid(
                f'Invalid JSON payload received. Unknown name "{name[:80]}"{where}: Cannot find field.', place or name
            )


def settings(model: Model, value: JSONValue) -> Settings:
    """Return what a generation config asks.

    Args:
        model: whose limits count.
        value: the config in the one form, or None.

    Raises:
        ApiError: 400, a field is unknown or its value out of range.
    """
    config = _object(value, "generation_config")
    known_only(config, CONFIG_FIELDS, "generation_config")
    image = _object(config.get("imageConfig"), "generation_config.image_config")
    known_only(image, IMAGE_FIELDS, "generation_config.image_config")
    _check_numbers(config)
    modalities = _modalities(model, config.get("responseModalities"))
    place = "generation_config.image_config"
    return Settings(
        ratio=_choice(image.get("aspectRatio"), tuple(AT_1K), f"{place}.aspect_ratio", "Aspect ratios") or "",
        size=_choice(image.get("imageSize"), model.sizes, f"{place}.image_size", f"Image sizes of {model.id}")
        or "1K",
        text="TEXT" in modalities,
        image="IMAGE" in modalities,
    )


def _object(value: JSONValue, place: str) -> dict[str, JSONValue]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise invalid(f"Invalid value at '{place}': expected an object", place)
    return value


def _check_numbers(config: dict[str, JSONValue]) -> None:
    seed, temperature, count = (config.get(name) for name in ("seed", "temperature", "candidateCount"))
    if seed is not None and (not _whole(seed) or seed not in INT32):
        raise _wrong("generation_config.seed", "TYPE_INT32", seed)
    if temperature is not None:
        if isinstance(temperature, bool) or not isinstance(temperature, int | float):
            raise _wrong("generation_config.temperature", "TYPE_FLOAT", temperature)
        if not 0 <= temperature <= 2:
            place = "generation_config.temperature"
            raise invalid(f"* GenerateContentRequest.{place}: temperature must be in the range [0.0, 2.0].", place)
    if count is not None and (not _whole(count) or count not in INT32 or count == 0):
        raise _wrong("generation_config.candidate_count", "TYPE_INT32", count)
    if count not in (None, 1):
        raise invalid("Multiple candidates is not enabled for this model", "generation_config.candidate_count")


def _whole(value: JSONValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _wrong(place: str, kind: str, value: JSONValue) -> ApiError:
    shown = f'"{value[:80]}"' if isinstance(value, str) else str(value)[:80]
    return invalid(f"Invalid value at '{place}' ({kind}), {shown}", place)


def _modalities(model: Model, value: JSONValue) -> tuple[str, ...]:
    """Return TEXT, IMAGE or both; both if nothing is asked for. gemimg writes "Image", so case does not count."""
    if value is None or value == []:
        return "TEXT", "IMAGE"
    asked = value if isinstance(value, list) else [value]
    words = tuple(word.upper() if isinstance(word, str) else str(word) for word in asked)
    if not set(words) <= {"TEXT", "IMAGE"}:
        raise invalid(
            f"The requested combination of response modalities ({', '.join(words)[:80]}) is not supported by the "
            f"model. models/{model.id} accepts the following combination of response modalities: IMAGE; TEXT; "
            "TEXT, IMAGE.",
            "generation_config.response_modalities",
        )
    return words


def _choice(value: JSONValue, known: tuple[str, ...], place: str, what: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and value in known:
        return value
    hint = " The K is a capital letter." if isinstance(value, str) and value.upper() in known else ""
    wrong = _wrong(place, "TYPE_STRING", value)
    raise invalid(f"{wrong.message}. {what}: {', '.join(known)}.{hint}", place)
