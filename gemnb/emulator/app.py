"""The emulator without its sockets: a request in, a response out."""

from __future__ import annotations

import json
import threading
from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote, urlsplit

from gemnb.emulator.answers import answer, chunks, count
from gemnb.emulator.asked import asked
from gemnb.emulator.bad_days import broken, instead
from gemnb.emulator.catalog import describe, find, page
from gemnb.emulator.errors import ApiError, invalid
from gemnb.emulator.faults import Script, fault_from_json, listed
from gemnb.emulator.messages import Call, HttpRequest, HttpResponse, error_response, json_response, stream_response
from gemnb.emulator.settings import known_only
from gemnb.emulator.wire import parse

if TYPE_CHECKING:
    from gemnb.emulator.errors import JSONValue
    from gemnb.emulator.faults import Fault

VERSIONS: Final = ("v1", "v1beta")

SECRET: Final = frozenset({"x-goog-api-key", "authorization", "proxy-authorization", "cookie"})
"""Headers that are never kept."""

KEPT: Final = 1000
"""Calls that are kept: a server left running must not grow for ever."""

LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class App:
    """What the emulator answers; threads may share it.

    A response depends on its request alone, but for the faults that were scripted and the calls kept.

    Args:
        latency: seconds that every answer takes.
    """

    def __init__(self, latency: float = 0.0) -> None:
        self.script = Script()
        self._latency = latency
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=KEPT)
        self._count = 0

    @property
    def calls(self) -> tuple[Call, ...]:
        """The generateContent requests received, streamed ones too, the last `KEPT` of them, oldest first."""
        with self._lock:
            return tuple(self._calls)

    def forget(self) -> None:
        """Forget the calls."""
        with self._lock:
            self._calls.clear()
            self._count = 0

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Return the response to a request; errors too are responses."""
        try:
            return self._route(request)
        except ApiError as error:
            return error_response(error)

    def _route(self, request: HttpRequest) -> HttpResponse:
        path, _, query = request.target.partition("?")
        path = unquote(path, errors="replace")
        version, _, rest = path.removeprefix("/").partition("/")
        if version == "emulator":
            return self._control(request, rest)
        if version not in VERSIONS or f"{rest}/".partition("/")[0] != "models":
            raise _unknown(path)
        name, _, verb = rest.removeprefix("models").removeprefix("/").partition(":")
        if verb in ("generateContent", "streamGenerateContent"):
            return self._generate(request, path, name, query)
        if verb == "countTokens":
            return _count(request, name, query)
        if verb:
            raise _unknown(path)
        _allow(request, "GET")
        _check_key(request, query)
        if name:
            return json_response(describe(find(name)))
        wanted = parse_qs(query)
        return json_response(page(wanted.get("pageSize", [""])[0], wanted.get("pageToken", [""])[0]))

    def _generate(self, request: HttpRequest, path: str, name: str, query: str) -> HttpResponse:
        _allow(request, "POST")
        body = _parsed(request.body)
        self._keep(request, path, name, None if isinstance(body, ApiError) else body)
        _check_key(request, query)
        model, fault = find(name), self.script.take()
        response = instead(fault) if fault else None
        if response:
            return response
        if isinstance(body, ApiError):
            raise body
        whole = answer(asked(model, body), fault)
        if path.endswith(":streamGenerateContent"):
            sse = parse_qs(query).get("alt", [""])[-1] == "sse"
            return broken(stream_response(chunks(whole), sse=sse, pause=self._latency), fault)
        return broken(json_response(whole, pause=self._latency), fault)

    def _keep(self, request: HttpRequest, path: str, name: str, body: dict[str, JSONValue] | None) -> None:
        headers = {name: value for name, value in request.headers.items() if name not in SECRET}
        call = Call(method=request.method, path=path, model=name, headers=MappingProxyType(headers), body=body)
        with self._lock:
            self._calls.append(call)
            self._count += 1

    def _control(self, request: HttpRequest, rest: str) -> HttpResponse:
        """Answer on the emulator's own paths, for programs outside its process."""
        _check_host(request)
        if rest == "calls":
            _allow(request, "GET", "DELETE")
            if request.method == "DELETE":
                self.forget()
            return json_response(self._listing())
        if rest == "faults":
            _allow(request, "POST", "DELETE")
            if request.method == "DELETE":
                self.script.clear()
                return json_response({"queued": 0})
            faults = _faults(request.body)
            self.script.add(faults)
            return json_response({"queued": len(faults)})
        raise _unknown(f"/emulator/{rest}")

    def _listing(self) -> dict[str, JSONValue]:
        with self._lock:
            calls, count = tuple(self._calls), self._count
        return {"count": count, "calls": [{"model": call.model, "prompt": call.prompt} for call in calls]}


def _parsed(body: bytes) -> dict[str, JSONValue] | ApiError:
    """Return a body, or what is wrong with it: the call is kept, and a fault happens, either way."""
    try:
        return parse(body)
    except ApiError as error:
        return error


def _count(request: HttpRequest, name: str, query: str) -> HttpResponse:
    """Answer countTokens: contents, or a whole generateContentRequest. No fault happens here, no call is kept."""
    _allow(request, "POST")
    _check_key(request, query)
    model, body = find(name), parse(request.body)
    known_only(body, frozenset({"contents", "generateContentRequest", "model"}), "")
    whole = body.get("generateContentRequest")
    return json_response(
        count(asked(model, whole if isinstance(whole, dict) else {"contents": body.get("contents")}))
    )


def _faults(body: bytes) -> tuple[Fault, ...]:
    try:
        return tuple(fault_from_json(item) for item in listed(json.loads(body)))
    except RecursionError:
        raise invalid("faults do not nest so deep") from None
    except (ValueError, TypeError) as error:
        raise invalid(str(error)) from None


def _allow(request: HttpRequest, *methods: str) -> None:
    if request.method not in methods:
        allowed = (("Allow", ", ".join(methods)),)
        message = f"{request.method} is not allowed here, only {' and '.join(methods)}."
        raise ApiError(405, "UNIMPLEMENTED", message, headers=allowed)


def _check_key(request: HttpRequest, query: str) -> None:
    """Refuse a request without a key, in Google's words; any key will do."""
    if not request.headers.get("x-goog-api-key", "").strip() and not parse_qs(query).get("key"):
        raise ApiError(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key "
            "or other form of API consumer identity to call this API.",
        )


def _check_host(request: HttpRequest) -> None:
    """Refuse a page of the web that has its own name point here: it could read the prompts."""
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
    except ValueError:
        host = None
    if host not in LOOPBACK_NAMES:
        raise ApiError(403, "PERMISSION_DENIED", "The emulator's own paths answer only to loopback addresses.")


def _unknown(path: str) -> ApiError:
    return ApiError(
        404,
        "NOT_FOUND",
        f"{path[:200]} is not here: gemnb's emulator knows /v1 and /v1beta with models, models/ID, "
        "models/ID:generateContent, :streamGenerateContent and :countTokens, and its own /emulator/calls and "
        "/emulator/faults.",
    )
