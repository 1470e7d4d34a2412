"""The emulator's models, and how Google's API would describe them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gemnb.emulator.errors import ApiError, invalid

if TYPE_CHECKING:
    from gemnb.emulator.errors import JSONValue

VENDOR: Final = "emulator/"
"""What every model id starts with here; nothing else is ever answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model of the emulator.

    Attributes:
        id: with its vendor, as it stands in the path after `models/`.
        title: for people.
        description: for people.
        mime_type: of its pictures.
        sizes: the image sizes it knows; 1K is what it takes if none is given.
        thinks: whether a thought and a draft precede each picture.
    """

    id: str
    title: str
    description: str
    mime_type: str
    sizes: tuple[str, ...]
    thinks: bool

    @property
    def name(self) -> str:
        """The id without its vendor."""
        return self.id.removeprefix(VENDOR)


MODELS: Final = MappingProxyType(
    {
        model.id: model
        for model in (
            Model(
                id="emulator/sketch-1",
                title="Sketch 1 (gemnb emulator)",
                description="Draws synthetic PNG pictures by rule; no model is asked.",
                mime_type="image/png",
                sizes=("512", "1K", "2K", "4K"),
                thinks=False,
            ),
            Model(
                id="emulator/sketch-pro-1",
                title="Sketch Pro 1 (gemnb emulator)",
                description="Draws synthetic JPEG pictures by rule, a thought and a draft first; no model is asked.",
                mime_type="image/jpeg",
                sizes=("1K", "2K", "4K"),
                thinks=True,
            ),
        )
    }
)
"""Model id -> the model."""


def find(model_id: str) -> Model:
    """Return a model.

    Raises:
        ApiError: 404 NOT_FOUND, the emulator has no such model.
    """
    if model_id in MODELS:
        return MODELS[model_id]
    raise ApiError(
        404,
        "NOT_FOUND",
        f"models/{model_id[:200]} is not found: this is gemnb's emulator, which answers only under {VENDOR}. "
        f"It has {' and '.join(MODELS)}.",
    )


def describe(model: Model) -> dict[str, JSONValue]:
    """Return a model as `models.get` answers it; the limits are those of Gemini 3.1 Flash Image, 2026-10."""
    return {
        "name": f"models/{model.id}",
        "version": "1",
        "displayName": model.title,
        "description": model.description,
        "inputTokenLimit": 131072,
        "outputTokenLimit": 32768,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
        "thinking": model.thinks,
    }


def page(page_size: str, page_token: str) -> dict[str, JSONValue]:
    """Return a page of the list of models.

    Args:
        page_size: how many at most, as it stood in the query; "" or "0" for 50, Google's own default.
        page_token: what the page before gave, or "".

    Raises:
        ApiError: 400, the size is no number or below zero, or the token is none that a page gave.
    """
    if not (page_size or "0").isascii() or not (page_size or "0").isdigit():
        raise invalid(f"Invalid value at 'page_size' (TYPE_INT32), {page_size[:80]!r}", "page_size")
    start = next((at for at in range(len(MODELS)) if page_token == _token(at)), None)
    if start is None:
        raise invalid("Page token is invalid.", "page_token")
    end = start + (min(int((page_size or "0")[:6]), 1000) or 50)
    answer: dict[str, JSONValue] = {"models": [describe(model) for model in list(MODELS.values())[start:end]]}
    if end < len(MODELS):
        answer["nextPageToken"] = _token(end)
    return answer


def _token(start: int) -> str:
    return f"from-{start}" if start else ""
