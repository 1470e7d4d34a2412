"""Canonical JSON and digests: the content address of requests, records and bytes.

A request's digest is sha256 over `gemnb-request-v<schema>` LF and its RFC 8785 JSON.
Schema history: 0 (0.1.0) may still change; see docs/explanation/record-format.md.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, cast

from gemnb.errors import RequestError
from gemnb.model import SCHEMA, JSONObject, JSONValue

if TYPE_CHECKING:
    from gemnb.model import Request

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def blob_digest(data: bytes) -> str:
    """Return `sha256:<hex>` of the bytes themselves."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def is_digest(text: object) -> bool:
    """Return whether this is a well-formed digest; anything that becomes a path is checked first."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def short(digest: str) -> str:
    """Return the 12 hex digits by which a person names a digest."""
    return digest.removeprefix("sha256:")[:12]


def canonical(document: JSONValue) -> bytes:
    """Return the RFC 8785 form of a JSON value.

    Raises:
        RequestError: Whole numbers beyond 2^53-1, NaN, or text with a lone surrogate.
    """
    import rfc8785

    try:
        return rfc8785.dumps(cast("dict[str, object]", document))  # type: ignore[arg-type]
    except ValueError as error:  # rfc8785's own, lone surrogates, and whole numbers too long to print
        reason = str(error)
    except RecursionError:
        reason = "it is nested too deeply"
    raise RequestError(
        "This request has no canonical form, so it cannot be addressed; nothing was sent.",
        why=reason,
        hint="Text must be valid Unicode (no lone surrogates), whole numbers at most 2^53-1.",
    )


def request_json(request: Request) -> JSONObject:
    """Return the request as the JSON that is hashed and recorded."""
    contents: list[JSONValue] = [{"role": content.role, "parts": list(content.parts)} for content in request.contents]
    return {
        "schema": SCHEMA,
        "model": request.model,
        "contents": contents,
        "config": dict(request.config),
        "sample": request.sample,
    }


def tagged_digest(kind: str, document: JSONValue) -> str:
    """Return the digest of a document under its domain prefix (`request` or `record`)."""
    prefix = f"gemnb-{kind}-v{SCHEMA}\n".encode()
    return blob_digest(prefix + canonical(document))


def request_digest(request: Request) -> str:
    """Return the address of a request.

    Raises:
        RequestError: The request has no canonical form.
    """
    return tagged_digest("request", request_json(request))
