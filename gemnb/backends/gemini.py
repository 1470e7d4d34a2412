"""Requests to the Gemini API through google-genai; its raw answers. Imported on the first miss only.

What the SDK is kept from doing: retrying, following redirects (a cross-origin 307 would forward the key),
continuing an answer with further billed calls, re-encoding pictures, and parsing the answer (it drops
`finishMessage` and unknown fields). Measured with google-genai 3.4.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import TYPE_CHECKING, NoReturn, cast
from urllib.parse import urlsplit

import httpx2
from google import genai
from google.genai import errors as genai_errors
from google.genai import types

from gemnb.backends.base import Reply
from gemnb.backends.failures import Failure, explain, may_retry, retry_after
from gemnb.detach import attach
from gemnb.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.model import JSONObject, Request

GOOGLE = "https://generativelanguage.googleapis.com"

_log = logging.getLogger("gemnb")
_TRIES = 5
_PART_KEYS = frozenset({"text", "inlineData", "thought", "thoughtSignature"})


class GeminiBackend:
    """One SDK client, kept alive, used from any thread."""

    def __init__(self, *, base_url: str, api_key: str, deadline: float, keep_vendor: bool = False) -> None:
        """Make the client; nothing is sent.

        Args:
            base_url: Where the API is; plain HTTP only on this machine.
            api_key: The key; it goes into one header and nowhere else.
            deadline: Seconds of wall clock a call may take, retries included.
            keep_vendor: Send `vendor/id` as the model id (the emulator), not `id`.
        """
        self.host = urlsplit(base_url).hostname or ""
        self._api_key = api_key
        self._deadline = deadline
        self._keep_vendor = keep_vendor
        self._recorder = _Recorder(trust_env=not _is_loopback(self.host))
        self._client = genai.Client(
            enterprise=False,
            api_key=api_key,
            http_options=types.HttpOptions(
                base_url=base_url,
                timeout=int(deadline * 1000),
                client_args={"transport": self._recorder, "follow_redirects": False},
            ),
        )

    def __repr__(self) -> str:
        return f"GeminiBackend({self.host!r})"

    def generate(self, request: Request, blob: Callable[[str], bytes]) -> Reply:
        """Send the request and return the raw body of the answer.

        Only a failed connect, 429 and 503 are tried again, after the time the service names, inside the
        deadline: nothing that may have been paid for is sent twice.

        Raises:
            BackendError: Nothing was answered.
            RequestError: The request holds parts that cannot be sent back to the model.
        """
        contents = [_content(item.role, item.parts, blob) for item in request.contents]
        end = time.monotonic() + self._deadline
        for tries in range(1, _TRIES + 1):
            self._recorder.begin(end)
            failure = self._send(request, contents)
            if failure is None:
                return Reply(body=self._recorder.body(), host=self.host, client=f"google-genai {genai.__version__}")
            pause = _pause(failure, tries)
            if not may_retry(failure) or tries == _TRIES or time.monotonic() + pause > end:
                self._give_up(failure, request)
            _log.info("%s answered %s; trying again in %.1f s", self.host, failure.status, pause)
            time.sleep(pause)
        raise AssertionError

    def _send(self, request: Request, contents: list[types.Content]) -> Failure | None:
        model = request.model if self._keep_vendor else request.model.partition("/")[2]
        try:
            self._client.models.generate_content(
                model=model,
                contents=cast("types.ContentListUnionDict", contents),
                config=_config(request.config),
            )
        except genai_errors.APIError as error:
            return Failure.of_status(
                error.code, self._recorder.headers(), self._recorder.body(), str(error.message or "")
            )
        except httpx2.HTTPError as error:
            connect = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
            return Failure.of_transport(type(error).__name__, str(error), sent=not connect)
        return None

    def _give_up(self, failure: Failure, request: Request) -> NoReturn:
        raise explain(failure, model=request.model, host=self.host, secret=self._api_key)


class _Recorder(httpx2.BaseTransport):
    """Keeps the raw body and headers of this thread's last answer, and ends a slow drip at the deadline."""

    def __init__(self, *, trust_env: bool) -> None:
        self._inner = httpx2.HTTPTransport(trust_env=trust_env)
        self._last = threading.local()

    def begin(self, end: float) -> None:
        self._last.end, self._last.content, self._last.headers = end, b"", {}

    def body(self) -> bytes:
        return cast("bytes", self._last.content)

    def headers(self) -> dict[str, str]:
        return cast("dict[str, str]", self._last.headers)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        left = max(self._last.end - time.monotonic(), 0.001)
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), left)
        response = self._inner.handle_request(request)
        self._last.headers = {key.lower(): value for key, value in response.headers.items()}
        chunks = []
        try:
            for chunk in response.iter_bytes():
                chunks.append(chunk)
                if time.monotonic() > self._last.end:
                    msg = "the answer did not end in time"
                    raise httpx2.ReadTimeout(msg, request=request)
        finally:
            response.close()
        self._last.content = b"".join(chunks)
        kept = [(k, v) for k, v in response.headers.items() if k.lower() not in _ENCODING]
        return httpx2.Response(response.status_code, headers=kept, content=self._last.content)

    def close(self) -> None:
        self._inner.close()


_ENCODING = ("content-encoding", "content-length", "transfer-encoding")


def _content(role: str, parts: tuple[JSONObject, ...], blob: Callable[[str], bytes]) -> types.Content:
    for part in parts:
        if unknown := set(part) - _PART_KEYS:
            raise RequestError(
                f"The earlier answer holds {', '.join(sorted(unknown))}, which gemnb cannot send back yet.",
                hint="Use its picture as an input instead: -i NAME in place of -e NAME.",
            )
    raw = {"role": role, "parts": [attach(part, blob) for part in parts]}
    return types.Content.model_validate(raw)


def _config(config: JSONObject) -> types.GenerateContentConfig:
    known = {key: config[key] for key in ("temperature", "seed", "system_instruction") if key in config}
    image = {key: config[key] for key in ("aspect_ratio", "image_size") if key in config}
    if unknown := set(config) - set(known) - set(image):
        msg = f"config fields without a place on the wire: {sorted(unknown)}"
        raise AssertionError(msg)
    return types.GenerateContentConfig.model_validate(
        known
        | ({"image_config": image} if image else {})
        | {
            "automatic_continuation": False,
            "automatic_function_calling": {"disable": True},
            # The raw body is read from the transport; the SDK need not parse it.
            "should_return_http_response": True,
        }
    )


def _pause(failure: Failure, tries: int) -> float:
    asked = retry_after(failure)
    return asked if asked is not None else random.uniform(0.5, 1.0) * 2 ** (tries - 1)  # noqa: S311 - jitter


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
