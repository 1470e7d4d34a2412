"""Faults that stand in the place of an answer, in the words of Google's own, and those that break one."""

from __future__ import annotations

import math
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gemnb.emulator.errors import RPC, ApiError
from gemnb.emulator.messages import HttpResponse, error_response

if TYPE_CHECKING:
    from gemnb.emulator.errors import JSONValue
    from gemnb.emulator.faults import Fault

BAD_KEY: Final = "API key not valid. Please pass a valid API key."

PAGE: Final = b"""<!DOCTYPE html>
<html lang=en>
<meta charset=utf-8>
<title>Error 503 (Service Unavailable)!!1</title>
<p><b>503.</b> <ins>That&rsquo;s an error.</ins>
<p>The service you requested is not available at this time. <ins>That&rsquo;s all we know.</ins>
"""
"""What Google's front ends send when they cannot reach the service; not JSON."""

PORTAL: Final = b"<!DOCTYPE html>\n<title>Welcome</title>\n<p>Sign in to use this network.</p>\n"
"""What a network sends in the place of whatever was asked, until somebody signs in; with status 200."""

NOWHERE: Final = "https://elsewhere.invalid/"

WORDS: Final = MappingProxyType(
    {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        409: "ABORTED",
        429: "RESOURCE_EXHAUSTED",
        499: "CANCELLED",
        500: "INTERNAL",
        501: "UNIMPLEMENTED",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }
)
"""HTTP status -> the word that Google's APIs give with it."""


def instead(fault: Fault) -> HttpResponse | None:
    """Return what a fault puts in the place of an answer, or None if there is to be an answer."""
    if fault.kind == "rate-limited":
        return error_response(_rate_limited(fault))
    if fault.kind == "overloaded":
        message = fault.message or "The model is overloaded. Please try again later."
        return error_response(ApiError(503, "UNAVAILABLE", message, headers=_retry_after(fault.seconds)))
    if fault.kind == "overloaded-html":
        headers = (("Content-Type", "text/html; charset=UTF-8"), *_retry_after(fault.seconds))
        return HttpResponse(status=503, headers=headers, body=PAGE)
    if fault.kind == "bad-key":
        return error_response(_bad_key())
    if fault.kind == "error":
        return error_response(_error(fault))
    return _strange(fault)


def broken(response: HttpResponse, fault: Fault | None) -> HttpResponse:
    """Return a proper response as a fault leaves it on its way."""
    kind = fault.kind if fault else ""
    half = len(response.body) // 2
    if kind == "bad-json":
        return replace(response, body=response.body[:half])
    if kind == "truncated":
        return replace(response, sent=half)
    if kind == "reset":
        return replace(response, sent=half, reset=True)
    if fault and kind in ("drip", "latency"):
        seconds = 1.0 if fault.seconds is None else fault.seconds
        return (
            replace(response, drip=seconds) if kind == "drip" else replace(response, pause=response.pause + seconds)
        )
    return response


def _strange(fault: Fault) -> HttpResponse | None:
    """Return what is no answer of the API at all, or None."""
    if fault.kind == "stall":
        return HttpResponse(status=200, stalled=True)
    if fault.kind == "hang-up":
        return HttpResponse(status=200, hung_up=True)
    if fault.kind == "redirect":
        return HttpResponse(status=307, headers=(("Location", fault.location or NOWHERE),))
    if fault.kind == "html":
        return HttpResponse(status=200, headers=(("Content-Type", "text/html; charset=UTF-8"),), body=PORTAL)
    if fault.kind == "empty-body":
        return HttpResponse(status=200, headers=(("Content-Type", "application/json; charset=UTF-8"),))
    return None


def _error(fault: Fault) -> ApiError:
    status = fault.status or 500
    message = fault.message or f"Status {status}: a fault that gemnb's emulator was told to show."
    return ApiError(status, fault.reason or WORDS.get(status, "UNKNOWN"), message)


def _rate_limited(fault: Fault) -> ApiError:
    seconds = 1.0 if fault.seconds is None else fault.seconds
    retry: dict[str, JSONValue] = {
        "@type": f"{RPC}RetryInfo",
        "retryDelay": f"{seconds:.9f}".rstrip("0").rstrip(".") + "s",
    }
    message = fault.message or "Resource has been exhausted (e.g. check quota)."
    return ApiError(429, "RESOURCE_EXHAUSTED", message, (retry,), _retry_after(seconds))


def _retry_after(seconds: float | None) -> tuple[tuple[str, str], ...]:
    """Return the header; HTTP counts whole seconds, so a part of one is rounded up."""
    return () if seconds is None else (("Retry-After", str(math.ceil(seconds))),)


def _bad_key() -> ApiError:
    info: dict[str, JSONValue] = {
        "@type": f"{RPC}ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
    localized: dict[str, JSONValue] = {"@type": f"{RPC}LocalizedMessage", "locale": "en-US", "message": BAD_KEY}
    return ApiError(400, "INVALID_ARGUMENT", BAD_KEY, (info, localized))
