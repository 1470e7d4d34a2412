"""The values gemnb is about: requests, pictures, records, invocations. Pure; no I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

JSONValue = None | bool | int | float | str | list["JSONValue"] | dict[str, "JSONValue"]
JSONObject = dict[str, JSONValue]

SCHEMA = 0
"""Version of requests and records. 0 may still change; 1 will be frozen (docs/explanation/record-format.md)."""

MIMETYPE = "application/vnd.gemnb.v1+json"
"""MIME type of the record in a notebook's output."""


VENDORS = ("google", "emulator")

_MODEL_ID = re.compile(r"[\w.-]+", re.ASCII)  # it becomes part of a URL


def is_model_id(text: str) -> bool:
    """Return whether this is `vendor/model id` of a vendor that gemnb can ask."""
    vendor, slash, rest = text.partition("/")
    return bool(slash) and vendor in VENDORS and _MODEL_ID.fullmatch(rest) is not None and ".." not in rest


class Mode(StrEnum):
    """How a request is answered."""

    AUTO = "auto"
    """A kept answer replays; a miss calls the model."""
    REPLAY = "replay"
    """A kept answer replays; a miss is an error and no socket opens."""
    REFRESH = "refresh"
    """The model is called and its answer appended as a further attempt."""
    PLAN = "plan"
    """A kept answer replays; a miss calls nothing and is pending."""


class Embed(StrEnum):
    """Which bytes of a picture stand in the notebook."""

    AUTO = "auto"
    """The original up to 200 kB, else the preview."""
    ORIGINAL = "original"
    PREVIEW = "preview"


class Outcome(StrEnum):
    """What an answer turned out to be."""

    PICTURE = "picture"
    TEXT = "text"
    REFUSAL = "refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One turn of a conversation: a role and its parts.

    Parts have the shape of the Gemini REST API (camelCase), with bytes replaced by
    `{"$blob": "sha256:…"}` (see `gemnb.detach`).
    """

    role: str
    parts: tuple[JSONObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked, as a pure value; its digest is its address.

    Attributes:
        model: `vendor/model id`, aliases already resolved.
        contents: The turns, in order; the last is the user's.
        config: Only what was asked for (snake_case names of the Gemini API); unset stays absent.
        sample: 1 for the first picture asked for with the same words, 2 for the second, …
    """

    model: str
    contents: tuple[Content, ...]
    config: JSONObject = field(default_factory=dict)
    sample: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The facts of picture bytes: digest, sniffed MIME type, size in bytes and pixels."""

    blob: str
    mime_type: str
    size: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A final picture of an answer: the original, its preview, and what the answer claimed.

    Attributes:
        original: The bytes as received.
        preview: A small derived picture, where the original is too big to stand in a notebook.
        claimed: The MIME type in the answer, where the bytes are of another one.
    """

    original: Image
    preview: Image | None = None
    claimed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A kept answer to a request.

    Attributes:
        request: What was asked.
        request_digest: Its address.
        attempt: 1 for the first answer to this request, 2 for the answer to asking again, …
        outcome: What the answer turned out to be.
        pictures: The final pictures, in order (drafts are in the response only).
        response: The answer's JSON with bytes replaced by `{"$blob": …}`.
        received: When (UTC), from which host and through which client the answer came.
    """

    request: Request
    request_digest: str
    attempt: int
    outcome: Outcome
    pictures: tuple[Picture, ...]
    response: JSONObject
    received: JSONObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What one reference or parameter of a cell stood for when the cell ran.

    Attributes:
        slot: Where it stands: `-m`, `-p style`, `-i`, `-e`, `use -m`, …
        kind: `literal`, `variable`, `expression`, `file`, `result` or `argument`.
        source: Its text in the cell.
        value: The text it stood for (options and parameters).
        blob: The digest of the bytes it stood for (pictures).
        mime_type: Their sniffed type.
        request: The digest of the request (earlier results).
        attempt: Which answer to it (earlier results).
    """

    slot: str
    kind: str
    source: str
    value: str | None = None
    blob: str | None = None
    mime_type: str | None = None
    request: str | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """The cell as received, the notebook's defaults at that time, and what its names stood for.

    Attributes:
        source: The whole cell; None where `gemnb.generate` was called.
        defaults: The arguments of `%gemnb use` in force; None without one.
        bindings: In the order of the cell.
    """

    source: str | None = None
    defaults: str | None = None
    bindings: tuple[Binding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """How an answer is shown; nothing of it is in the request's digest."""

    alt: str | None = None
    caption: str | None = None
    embed: Embed = Embed.AUTO
