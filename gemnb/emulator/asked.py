"""What a generateContent request asks, as frozen values; what Google would refuse is refused here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from gemnb.emulator.errors import invalid
from gemnb.emulator.posters.photographs import open_picture
from gemnb.emulator.settings import Settings, known_only, objects, settings
from gemnb.emulator.sizes import nearest_ratio, pixels
from gemnb.emulator.wire import decode64, digest, signature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gemnb.emulator.catalog import Model
    from gemnb.emulator.errors import JSONValue

MOST_INPUTS: Final = 14
"""Pictures in one request: Gemini 3 Pro Image's and 3.1's published limit, 2026-10."""

REQUEST_FIELDS: Final = frozenset(
    {
        "contents",
        "systemInstruction",
        "generationConfig",
        "safetySettings",
        "tools",
        "toolConfig",
        "cachedContent",
        "labels",
        "serviceTier",
        "store",
        "model",
    }
)
"""Fields of a GenerateContentRequest, those that mean nothing to an emulator included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A part that is text."""

    text: str
    thought: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A part that is a picture, in pixels as it is seen (EXIF orientation applied)."""

    data: bytes
    width: int
    height: int
    thought: bool


Part: TypeAlias = Words | Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one side said."""

    role: Literal["user", "model"]
    parts: tuple[Part, ...]

    def images(self) -> Iterator[Image]:
        """Yield the pictures that are no drafts."""
        return (part for part in self.parts if isinstance(part, Image) and not part.thought)

    def words(self) -> Iterator[str]:
        """Yield the texts that are no thoughts."""
        return (part.text for part in self.parts if isinstance(part, Words) and not part.thought)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that can be answered.

    Attributes:
        model: which model is to answer.
        digest: of the request in its one form, hexadecimal.
        turns: the conversation, the last turn the user's.
        system: the system instruction, or "".
        settings: the generation config.
    """

    model: Model
    digest: str
    turns: tuple[Turn, ...]
    system: str
    settings: Settings

    @property
    def prompt(self) -> str:
        """What the user has said since the model last spoke."""
        return "\n".join(text for turn in self._since("model") for text in turn.words())

    @property
    def inputs(self) -> tuple[Image, ...]:
        """The pictures at hand: the model's last one, and what the user sent with it or since."""
        latest = max(
            (at for at, turn in enumerate(self.turns) if turn.role == "model" and any(turn.images())), default=0
        )
        return tuple(image for turn in self.turns[latest:] for image in turn.images())

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of the answer's picture: the last input's shape if no ratio is asked for."""
        inputs = self.inputs
        fallback = nearest_ratio(inputs[-1].width, inputs[-1].height) if inputs else "1:1"
        return pixels(self.settings.ratio or fallback, self.settings.size)

    def _since(self, role: str) -> tuple[Turn, ...]:
        after = max((at + 1 for at, turn in enumerate(self.turns) if turn.role == role), default=0)
        return self.turns[after:]


def asked(model: Model, body: dict[str, JSONValue]) -> Asked:
    """Return what a request asks.

    Args:
        model: that the path names.
        body: in the one form.

    Raises:
        ApiError: 400, Google would refuse it, or the emulator cannot do it.
    """
    known_only(body, REQUEST_FIELDS, "")
    turns = tuple(_turn(turn, at) for at, turn in enumerate(objects(body.get("contents"), "contents"), 1))
    found = Asked(
        model=model,
        digest=digest(model.id, body),
        turns=turns,
        system="\n".join(_system(body.get("systemInstruction"))),
        settings=settings(model, body.get("generationConfig")),
    )
    _check(found)
    return found


def _check(found: Asked) -> None:
    if not found.turns:
        raise invalid("* GenerateContentRequest.contents: contents is not specified", "contents")
    if found.turns[-1].role != "user":
        raise invalid("Please ensure that multiturn requests end with a user role.", "contents")
    if not any(any(turn.images()) or any(text.strip() for text in turn.words()) for turn in found.turns):
        raise invalid("* GenerateContentRequest.contents: there is neither text nor an image in it", "contents")
    if len(found.inputs) > MOST_INPUTS:
        raise invalid(
            f"The request has {len(found.inputs)} images; {found.model.id} takes {MOST_INPUTS}.", "contents"
        )


def _system(value: JSONValue) -> Iterator[str]:
    if value is None:
        return
    for content in objects(value, "system_instruction"):
        for part in objects(content.get("parts"), "system_instruction.parts"):
            text = part.get("text")
            if not isinstance(text, str):
                raise invalid("Only text is supported in the system instruction.", "system_instruction.parts")
            yield text


def _turn(content: dict[str, JSONValue], at: int) -> Turn:
    known_only(content, frozenset({"parts", "role"}), "contents")
    role = content.get("role") or "user"
    if role not in ("user", "model"):
        raise invalid("Please use a valid role: user, model.", "contents.role")
    parts = objects(content.get("parts"), "contents.parts")
    if not parts:
        raise invalid("* GenerateContentRequest.contents.parts: contents.parts must not be empty.", "contents.parts")
    return Turn(
        role="model" if role == "model" else "user",
        parts=tuple(_part(part, str(role), (at, number)) for number, part in enumerate(parts, 1)),
    )


def _part(part: dict[str, JSONValue], role: str, at: tuple[int, int]) -> Part:
    thought, text, blob = part.get("thought") is True, part.get("text"), part.get("inlineData")
    if isinstance(text, str) and blob is None:
        return Words(text=text, thought=thought)
    if isinstance(blob, dict) and text is None:
        image = _image(blob, at, thought=thought)
        if role == "model" and not thought:
            _check_signature(image, part.get("thoughtSignature"), at)
        return image
    if "fileData" in part:
        raise invalid("gemnb's emulator has no Files API: send pictures as inlineData.", "contents.parts.file_data")
    raise invalid(
        f"* GenerateContentRequest.contents[{at[0] - 1}].parts[{at[1] - 1}].data: required oneof field 'data' must "
        "have one initialized field, text or inline_data",
        "contents.parts",
    )


def _image(blob: dict[str, JSONValue], at: tuple[int, int], *, thought: bool) -> Image:
    place = f"contents[{at[0] - 1}].parts[{at[1] - 1}].inline_data"
    known_only(blob, frozenset({"data", "mimeType", "displayName"}), "contents.parts.inline_data")
    mime_type, data = blob.get("mimeType"), decode64(blob.get("data"))
    if not isinstance(mime_type, str) or not mime_type.startswith("image/"):
        raise invalid(
            f"Unsupported MIME type: {mime_type if isinstance(mime_type, str) else ''}", f"{place}.mime_type"
        )
    if data is None:
        raise invalid(f"Invalid value at '{place}.data' (TYPE_BYTES), Base64 decoding failed", f"{place}.data")
    try:
        width, height = open_picture(data).size
    except ValueError as error:
        raise invalid(f"Unable to process input image at {place}: {error}.", f"{place}.data") from None
    return Image(data=data, width=width, height=height, thought=thought)


def _check_signature(image: Image, given: JSONValue, at: tuple[int, int]) -> None:
    """A model's picture comes back with the signature that went out with it, or not at all."""
    if not given:
        raise invalid(f"Image part is missing a thought_signature in content position {at[0]}, part position {at[1]}")
    if given != signature(image.data):
        raise invalid("Corrupted thought signature.")
