"""Faults that stand in the place of an answer, in the words of Google's own."""

from __future__ import annotations

import math
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
    if fault.kind == "stall":
        return HttpResponse(status=200, stalled=True)
    return None


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
