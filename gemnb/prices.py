"""What a request will cost, and what an answer did cost, by the dated table `capabilities.toml`. Pure.

An estimate counts one picture of the asked size, the words and the input pictures. What a model thinks cannot be
told before: an answer may cost a few cents more than its estimate.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from gemnb.answer import usage
from gemnb.capabilities import models

if TYPE_CHECKING:
    import datetime as dt

    from gemnb.capabilities import Model
    from gemnb.model import JSONObject, JSONValue, Record, Request

_MILLION = Decimal(1_000_000)
_DEFAULT_SIZE = "1K"
"""What every model in the table makes where no size is asked for (research of October 2026)."""
_PICTURE_TOKENS = 560
"""Input tokens of one picture: reported for the 3.x models; others report 258 and 1120 (October 2026)."""
_BYTES_PER_TOKEN = 4
"""Of text, as a rule of thumb; a prompt of 4000 characters comes to a fraction of a cent either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a request is likely to cost.

    Attributes:
        usd: US dollars; None where no price is known.
        basis: How it was reckoned, for a person.
        as_of: The day from which the prices are; None where none is known.
    """

    usd: Decimal | None
    basis: str
    as_of: dt.date | None = None


def estimate(request: Request) -> Estimate:
    """Return what a request is likely to cost: one picture of its size, its words and its input pictures."""
    row = models().get(request.model)
    if request.model.startswith("emulator/"):
        return Estimate(usd=Decimal(0), basis="the emulator costs nothing", as_of=row.priced if row else None)
    if row is None or not row.image_tokens:
        return Estimate(usd=None, basis=f"price unknown: no price of {request.model} is in gemnb's table")
    named, tokens = _size(request, row)
    picture = _price(row, "image_output") * tokens
    read = _price(row, "input") * _input_tokens(request)
    basis = f"one {named} {dollars(picture)}, input {dollars(read)}, thoughts not counted"
    return Estimate(usd=picture + read, basis=f"{basis}; prices as of {row.priced}", as_of=row.priced)


def cost(record: Record) -> Decimal | None:
    """Return the price of an answer in USD by its token counts, or None where it cannot be told."""
    return cost_of_usage(record.request.model, usage(record.response), pictures=bool(record.pictures))


def cost_of_usage(model: str, counts: JSONObject, *, pictures: bool = False) -> Decimal | None:
    """Return the price of token counts in USD, or None where it cannot be told.

    Args:
        model: `vendor/model id`.
        counts: `usageMetadata` of the answer. Image and text output differ tenfold in price, so they are counted
            by modality; thoughts count as text.
        pictures: The answer holds a picture: output that names no modality counts as image, the dearer one.
    """
    row = models().get(model)
    if row is None or not counts:
        return None
    details = _list(counts.get("candidatesTokensDetails"))
    output = _count(counts.get("candidatesTokenCount"))
    image = sum(_count(item.get("tokenCount")) for item in details if item.get("modality") == "IMAGE")
    if not details and pictures:
        image = output
    tokens = {
        "input": _count(counts.get("promptTokenCount")),
        "text_output": max(output - image, 0) + _count(counts.get("thoughtsTokenCount")),
        "image_output": image,
    }
    return sum((_price(row, kind) * number for kind, number in tokens.items()), Decimal(0))


def dollars(usd: Decimal) -> str:
    """Return an amount for a person: `$1.34`, `$0.039`, `$0.0004`, `$0`."""
    if not usd:
        return "$0"
    digits = 2 if usd >= 1 else 3 if usd >= Decimal("0.001") else 4
    text = f"{usd:.{digits}f}"
    return f"${text}" if Decimal(text) else "less than $0.0001"


def _size(request: Request, row: Model) -> tuple[str, int]:
    size = str(request.config.get("image_size", _DEFAULT_SIZE))
    if size in row.image_tokens:
        return f"{size} picture", row.image_tokens[size]
    # Of a size without a price the dearest is taken: a limit must not be missed because of it.
    dearest = max(row.image_tokens, key=lambda known: row.image_tokens[known])
    return f"picture (of size {size[:20]} no price is known; that of {dearest} is taken)", row.image_tokens[dearest]


def _input_tokens(request: Request) -> int:
    text = str(request.config.get("system_instruction", ""))
    size, pictures = len(text.encode("utf-8", "replace")), 0
    for content in request.contents:
        for part in content.parts:
            if "inlineData" in part:
                pictures += 1
            elif isinstance(words := part.get("text"), str):
                size += len(words.encode("utf-8", "replace"))
    return -(-size // _BYTES_PER_TOKEN) + pictures * _PICTURE_TOKENS


def _price(row: Model, kind: str) -> Decimal:
    """Return USD per token."""
    return Decimal(str(row.prices[kind])) / _MILLION


def _count(value: JSONValue) -> int:
    return max(value, 0) if isinstance(value, int) else 0


def _list(value: JSONValue) -> list[JSONObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
