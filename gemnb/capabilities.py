"""What is known of the models, from the dated table `capabilities.toml`. It warns and suggests, never forbids."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from gemnb.errors import RequestError, nearest
from gemnb.model import VENDORS, is_model_id

if TYPE_CHECKING:
    import datetime as dt

    from gemnb.model import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One row of the table.

    Attributes:
        id: `vendor/model id`.
        name: The name people use.
        aliases: Short names that stand for the id, for ever.
        sizes: Values of `-s` it is known to take.
        ratios: Values of `-a` it is known to take.
        inputs: Input pictures it is known to take.
        prices: USD per million tokens: `input`, `text_output`, `image_output`.
        image_tokens: Size to the tokens of image output that one picture of it is billed as.
        priced: The day from which prices and tokens are.
        price_source: Where prices and tokens come from.
        retired: The day from which the service is said not to answer.
        successor: The id that took its place.
        source: Where the row comes from.
    """

    id: str
    name: str
    aliases: tuple[str, ...]
    sizes: tuple[str, ...]
    ratios: tuple[str, ...]
    inputs: int
    prices: dict[str, float]
    image_tokens: dict[str, int]
    priced: dt.date
    price_source: str
    retired: dt.date | None
    successor: str | None
    source: str


@cache
def models() -> dict[str, Model]:
    """Return the table by id; read once, on first need."""
    import tomllib
    from importlib.resources import files

    table = tomllib.loads((files("gemnb") / "capabilities.toml").read_text("utf-8"))
    return {key: _row(key, row, table["ratios"]) for key, row in table["models"].items()}


def resolve_model(text: str) -> str:
    """Return `vendor/model id` for an id with its vendor, a known id without it, or an alias.

    Raises:
        RequestError: Neither; the nearest known one is named.
    """
    if is_model_id(text):
        return text
    if "/" not in text:
        for model in models().values():
            if text in model.aliases or text == model.id.partition("/")[2]:
                return model.id
    known = [name for model in models().values() for name in (model.id, *model.aliases)]
    near = nearest(text, known)
    raise RequestError(
        f"{text!r} names no model.",
        why="A model is vendor/id, with the vendor " + " or ".join(VENDORS) + ", or one of the aliases.",
        hint=f"Did you mean {near}?" if near else "Known: " + ", ".join(known),
        model=text,
    )


def remarks(request: Request, today: dt.date) -> list[str]:
    """Return what should be said before this request is paid for; empty when all is well."""
    row = models().get(request.model)
    if row is None:
        return [f"{request.model} is not in gemnb's table of models; it is asked for as it stands."]
    said = []
    if row.retired and today >= row.retired:
        said.append(
            f"{row.id} was retired on {row.retired}"
            + (f"; its successor is {row.successor}." if row.successor else ".")
        )
    for key, known in (("aspect_ratio", row.ratios), ("image_size", row.sizes)):
        value = request.config.get(key)
        if value is not None and value not in known:
            said.append(f"{row.id} is not known to take {value}; known: {', '.join(known)}.")
    pictures = sum("inlineData" in part for content in request.contents[-1:] for part in content.parts)
    if pictures > row.inputs:
        said.append(f"{row.id} is known to take {row.inputs} input pictures; this request has {pictures}.")
    return said


def _row(key: str, row: dict[str, Any], ratios: dict[str, list[str]]) -> Model:
    return Model(
        id=key,
        name=row["name"],
        aliases=tuple(row["aliases"]),
        sizes=tuple(row["sizes"]),
        ratios=tuple(ratios[row["ratios"]]),
        inputs=row["inputs"],
        prices=row["prices"],
        image_tokens=row["image_tokens"],
        priced=row["priced"],
        price_source=row["price_source"],
        retired=row.get("retired"),
        successor=row.get("successor"),
        source=row["source"],
    )
