"""What went wrong with a call, and how it is told: statuses and transport failures to gemnb's errors. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from gemnb.capabilities import models
from gemnb.errors import BackendError, Rejected, Unavailable, nearest

_RETRIED = (429, 503)
_EXCERPT = 20_000  # bytes of a body that is no Google error that are looked at for a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A call that brought no answer.

    Attributes:
        status: HTTP status; 0 where none came.
        message: What the service or the transport said.
        reason: The machine-readable reason of Google's error details, or empty.
        retry_after: Seconds the service asks to wait; None where it does not say.
        sent: Whether the request may have reached the model, and so been billed.
    """

    status: int
    message: str
    reason: str = ""
    retry_after: float | None = None
    sent: bool = False

    @classmethod
    def of_status(cls, status: int, headers: dict[str, str], body: bytes, message: str) -> Failure:
        """Read a failure from an HTTP answer; the body may be Google's JSON, HTML or anything."""
        details = _details(body)
        wait = _seconds(headers.get("retry-after", ""))
        reason = ""
        for detail in details:
            reason = reason or str(detail.get("reason") or "")
            wait = _seconds(str(detail.get("retryDelay") or "").removesuffix("s")) if wait is None else wait
        return cls(
            status=status,
            message=_plain(message) or _plain(body[:_EXCERPT].decode("utf-8", "replace")),
            reason=reason,
            retry_after=wait,
            sent=status >= 500 and status != 503,
        )

    @classmethod
    def of_transport(cls, kind: str, message: str, *, sent: bool) -> Failure:
        """Make a failure of a connection that broke."""
        return cls(status=0, message=f"{kind}: {message}".removesuffix(": "), sent=sent)


def may_retry(failure: Failure) -> bool:
    """Return whether the request certainly was not answered, so that it may be sent again."""
    return failure.status in _RETRIED or (failure.status == 0 and not failure.sent)


def retry_after(failure: Failure) -> float | None:
    """Return the seconds to wait that the service named, or None."""
    return failure.retry_after


def explain(failure: Failure, *, model: str, host: str, secret: str) -> BackendError:
    """Return the error a person sees.

    Args:
        failure: What happened.
        model: The model asked for.
        host: The host asked.
        secret: The key; it is taken out of whatever the service said.
    """
    said = failure.message.replace(secret, "[key]") if secret else failure.message
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
            hint="Run the cell again later; what is kept stays kept.",
            status=failure.status,
        )
    return Rejected(f"{host} rejected the request ({failure.status}).", why=said, status=failure.status)


def _other(model: str) -> str:
    row = models().get(model)
    if row is not None and row.successor:
        return f"Its successor: {row.successor}"
    near = nearest(model, [key for key in models() if key != model])
    return f"Did you mean {near}?" if near else "Known models: " + ", ".join(models())


def _details(body: bytes) -> list[dict[str, object]]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return []
    error = document.get("error") if isinstance(document, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    return [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds <= 86_400 else None


def _plain(text: str) -> str:
    without_tags = re.sub(r"<(style|script).*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    return " ".join(without_tags.split())[:400]
