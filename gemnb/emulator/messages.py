"""What goes in and out of the emulator, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.emulator.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gemnb.emulator.errors import ApiError, JSONValue


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as it came.

    Attributes:
        method: of HTTP.
        target: path and query.
        headers: names in lower case.
        body: the bytes.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A response to be written.

    Attributes:
        status: of HTTP.
        headers: beside those that the server adds (Content-Length, Date).
        body: the bytes.
        pause: seconds to wait before it is written.
        stalled: true if it is never to be written.
        hung_up: true if the connection ends in its place.
        sent: bytes of the body after which the connection ends; None for all of them, and no end.
        reset: true if it then ends in a reset, not in good order.
        drip: seconds between two pieces of the body; 0 for one piece.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    pause: float = 0.0
    stalled: bool = False
    hung_up: bool = False
    sent: int | None = None
    reset: bool = False
    drip: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A generateContent request that was received, answered or not.

    Attributes:
        method: of HTTP.
        path: without its query, which may hold a key.
        model: as the path names it.
        headers: names in lower case; without any that hold a key, a token or a cookie.
        body: in camelCase and standard base64; None if it was no JSON object.
    """

    method: str
    path: str
    model: str
    headers: Mapping[str, str]
    body: dict[str, JSONValue] | None

    @property
    def prompt(self) -> str:
        """The texts of the last turn, or "" if there are none."""
        contents = (self.body or {}).get("contents")
        turns = contents if isinstance(contents, list) else [contents]
        last = turns[-1] if turns else None
        parts = last.get("parts") if isinstance(last, dict) else None
        found = parts if isinstance(parts, list) else [parts]
        texts = [part.get("text") for part in found if isinstance(part, dict)]
        return "\n".join(text for text in texts if isinstance(text, str))


def json_response(value: JSONValue, status: int = 200, pause: float = 0.0) -> HttpResponse:
    """Return a response in JSON; `pause` is in seconds."""
    headers = (("Content-Type", "application/json; charset=UTF-8"),)
    return HttpResponse(status=status, headers=headers, body=dumps(value), pause=pause)


def stream_response(values: list[dict[str, JSONValue]], *, sse: bool, pause: float = 0.0) -> HttpResponse:
    """Return a response of several values: server-sent events, or one JSON list without `alt=sse`."""
    if not sse:
        return json_response([*values], pause=pause)
    body = b"".join(b"data: " + dumps(value) + b"\r\n\r\n" for value in values)
    return HttpResponse(status=200, headers=(("Content-Type", "text/event-stream"),), body=body, pause=pause)


def error_response(error: ApiError) -> HttpResponse:
    """Return the response that tells of an error."""
    plain = json_response(error.body(), error.code)
    return HttpResponse(status=plain.status, headers=(*plain.headers, *error.headers), body=plain.body)
