"""What went wrong with a call, and how it is told: statuses and transport failures to gemnb's errors. Pure."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from gemnb.capabilities import models
from gemnb.errors import BackendError, Rejected, Unavailable, nearest

_RETRIED = (429, 503)
_EXCERPT = 20_000  # of a body that is no Google error, what is looked at for a message
_VERSION = re.compile(rb'"modelVersion"\s*:\s*"([^"\\]{1,200})"')
_SAID = 400  # characters of the service's own words that an error shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A call that brought no answer.

    Attributes:
        status: HTTP status; 0 where none came.
        message: What the service or the transport said.
        reason: The machine-readable reason of Google's error details, or empty.
        retry_after: Seconds the service asks to wait; None where it does not say.
        location: Where a redirect leads, or empty.
        sent: Whether the request may have reached the model, and so been billed.
    """

    status: int
    message: str
    reason: str = ""
    retry_after: float | None = None
    location: str = ""
    sent: bool = False

    @classmethod
    def of_status(cls, status: int, headers: dict[str, str], body: bytes, message: str) -> Failure:
        """Read a failure from an HTTP answer; the body may be Google's JSON, HTML or anything."""
        details = _details(body)
        wait = _wait(headers.get("retry-after", ""))
        reason = ""
        for detail in details:
            reason = reason or str(detail.get("reason") or "")
            wait = _seconds(str(detail.get("retryDelay") or "").removesuffix("s")) if wait is None else wait
        return cls(
            status=status,
            message=_plain(message[:_EXCERPT]) or _plain(body[:_EXCERPT].decode("utf-8", "replace")),
            reason=reason,
            retry_after=wait,
            location=headers.get("location", ""),
            sent=status >= 500 and status != 503,
        )

    @classmethod
    def of_transport(cls, kind: str, message: str, *, sent: bool) -> Failure:
        """Make a failure of a connection that broke."""
        return cls(status=0, message=f"{kind}: {message}".removesuffix(": "), sent=sent)


def may_retry(failure: Failure) -> bool:
    """Return whether the request certainly was not answered, so that it may be sent again."""
    return failure.status in _RETRIED or (failure.status == 0 and not failure.sent)


def explain(failure: Failure, *, model: str, host: str) -> BackendError:
    """Return the error a person sees.

    Args:
        failure: What happened.
        model: The model asked for.
        host: The host asked.
    """
    # The key goes before the cut: half a key at its end would stay.
    said = failure.message[:_SAID]
    if failure.reason == "API_KEY_INVALID" or failure.status in (401, 403):
        return Rejected(
            f"{host} does not accept the API key ({failure.status}).",
            why=said,
            hint="Set GEMINI_API_KEY to a valid key in the environment of the kernel, then run the cell again.",
            status=failure.status,
        )
    if failure.status == 404:
        return Rejected(f"{host} knows no model {model} (404).", why=said, hint=_other(model), status=404)
    if failure.status in {0, 429} or failure.status >= 500:
        billed = " It may have been billed." if failure.sent else ""
        status = f" ({failure.status})" if failure.status else ""
        return Unavailable(
            f"{host} did not answer the request{status}.{billed}",
            why=said,
            hint=_later(failure),
            status=failure.status,
            sent=failure.sent,
        )
    if 300 <= failure.status < 400:
        return Rejected(
            f"{host} redirects to {_host(failure.location)} ({failure.status}), and gemnb does not follow: "
            "the key would go along.",
            why=said,
            hint="GEMNB_BASE_URL=…   asks another host from the start, if that is the one you mean.",
            status=failure.status,
        )
    return Rejected(f"{host} rejected the request ({failure.status}).", why=said, status=failure.status)


def _other(model: str) -> str:
    row = models().get(model)
    if row is not None and row.successor:
        return f"Its successor: {row.successor}"
    near = nearest(model, [key for key in models() if key != model])
    return f"Did you mean {near}?" if near else "Known models: " + ", ".join(models())


def other_model(body: bytes, asked: str) -> str:
    """Return the `modelVersion` of an answer that names another model than the one asked for; else "".

    Retired ids have been answered by other models without a word. A version of the same model (`-001`) is no
    other; the last mention counts, since Google writes it after the picture.
    """
    found = _VERSION.match(body, max(body.rfind(b'"modelVersion"'), 0))
    version = found[1].decode("utf-8", "replace").removeprefix("models/") if found else asked
    return "" if re.fullmatch(re.escape(asked) + r"(-\d{3})?", version) else version


def _later(failure: Failure) -> str:
    wait = f"The service asks to wait {failure.retry_after:g} s.\n" if failure.retry_after else ""
    return f"{wait}Run the cell again later; what is kept stays kept."


def _host(location: str) -> str:
    try:
        return urlsplit(location).hostname or "another path"
    except ValueError:
        return "what is no address"


def _details(body: bytes) -> list[dict[str, object]]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return []
    if isinstance(document, list) and document:
        document = document[0]  # as streams and some gateways answer
    error = document.get("error") if isinstance(document, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    return [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []


def _wait(text: str) -> float | None:
    """Return the seconds of a Retry-After: a number, or a date (RFC 9110, §10.2.3)."""
    seconds = _seconds(text)
    if seconds is not None or not text:
        return seconds
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    now = datetime.now(UTC)
    return max((until - (now if until.tzinfo else now.replace(tzinfo=None))).total_seconds(), 0.0)


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None


def _plain(text: str) -> str:
    without_tags = re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    return " ".join(without_tags.split())
