"""Requests to the Gemini API through google-genai; its raw answers. Imported on the first miss only.

What the SDK is kept from doing: retrying, following redirects (a cross-origin 307 would forward the key),
continuing an answer with further billed calls, re-encoding pictures, and parsing the answer (it drops
`finishMessage` and unknown fields). Measured with google-genai 3.4.
"""

from __future__ import annotations

import logging
import random
import re
import time
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import httpx2
from google import genai
from google.genai import errors as genai_errors
from google.genai import types
from google.genai.client import DebugConfig

from gemnb.backends.base import Reply, Secret
from gemnb.backends.failures import Failure, explain, may_retry, other_model
from gemnb.backends.secrecy import Secrets
from gemnb.backends.transport import Recorder
from gemnb.detach import attach
from gemnb.errors import MissingKey, RequestError, SettingsError, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gemnb.model import JSONObject, Request

GOOGLE = "https://generativelanguage.googleapis.com"

_log = logging.getLogger("gemnb")
_TRIES = 5
_PART_KEYS = frozenset({"text", "inlineData", "thought", "thoughtSignature"})
_HEADER_NAME = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")  # RFC 9110, §5.6.2
_ECHOED = "%s sent the key, or a header of GEMNB_HEADERS, back in its answer: [key] stands there instead."
_OF_THE_LIBRARY = frozenset({"content-length", "transfer-encoding"})  # of a body that only it knows
_NO_SECRET = frozenset({"accept", "accept-encoding", "accept-language", "content-type"})


class GeminiBackend:
    """One SDK client, kept alive, used from any thread."""

    def __init__(  # noqa: PLR0913 - what a user may configure, all by keyword
        self,
        *,
        base_url: str,
        api_key: Secret | str,
        deadline: float,
        keep_vendor: bool = False,
        api_version: str = "",
        headers: Mapping[str, Secret | str] | None = None,
    ) -> None:
        """Make the client; nothing is sent.

        Args:
            base_url: Where the API is; plain HTTP only on this machine.
            api_key: The key; it goes into one header and nowhere else.
            deadline: Seconds of wall clock a call may take, retries included.
            keep_vendor: Send `vendor/id` as the model id (the emulator), not `id`.
            api_version: `v1`, `v1beta`, …; empty for the SDK's own.
            headers: Further headers, for a gateway; their values are treated as secrets.

        Raises:
            MissingKey: What stands in the place of a key cannot be one.
            SettingsError: A header cannot be sent.
        """
        self.host = urlsplit(base_url).hostname or ""
        key = api_key if isinstance(api_key, Secret) else Secret(api_key)
        if not key.fits_a_header():
            raise MissingKey(
                "The API key is none: it holds a line break, or a character that no key has.",
                hint="Set GEMINI_API_KEY to the key alone, on one line, before Jupyter starts.",
            )
        further = {
            name: value if isinstance(value, Secret) else Secret(value) for name, value in (headers or {}).items()
        }
        _check_headers(further)
        self._secrets = Secrets((key, *(value for name, value in further.items() if name.lower() not in _NO_SECRET)))
        self._deadline = deadline
        self._keep_vendor = keep_vendor
        self._recorder = Recorder(base_url)
        self._client = genai.Client(
            enterprise=False,
            # Else the environment (GOOGLE_GENAI_CLIENT_MODE …) could put the SDK's replay in the service's place.
            debug_config=DebugConfig(client_mode=None, replays_directory=None, replay_id=None),
            api_key=key.reveal(),
            http_options=types.HttpOptions(
                base_url=base_url,
                api_version=api_version or None,
                headers={name: value.reveal() for name, value in further.items()} or None,
                timeout=int(deadline * 1000),
                client_args={"transport": self._recorder, "follow_redirects": False},
            ),
        )

    def cancel(self) -> int:
        """Close the connections of all calls under way, and return how many there were.

        What was sent may still be billed; its answer is lost.
        """
        return self._recorder.cut()

    def __repr__(self) -> str:
        return f"GeminiBackend({self.host!r})"

    def generate(self, request: Request, blob: Callable[[str], bytes]) -> Reply:
        """Send the request and return the raw body of the answer, with `[key]` where it echoes a key or a header.

        Only a failed connect, 429 and 503 are tried again, after the time the service names, inside the
        deadline: nothing that may have been paid for is sent twice.

        Raises:
            BackendError: Nothing was answered.
            RequestError: The request holds parts that cannot be sent back to the model.
        """
        contents = [_content(item.role, item.parts, blob) for item in request.contents]
        with self._recorder.call():
            failure = self._try(request, contents, time.monotonic() + self._deadline)
            if failure is not None:
                raise explain(failure, model=request.model, host=self.host)
            raw = self._recorder.body()
        body = self._secrets.blank(raw)
        if body is not raw:
            _log.warning("%s", _ECHOED % self.host)
        if other := self._hide(other_model(raw, self._wire_model(request))):
            _log.warning("%s was asked for, and %s says that it answered.", request.model, printable(other))
        return Reply(body=body, host=self.host, client=f"google-genai {genai.__version__}")

    def _try(self, request: Request, contents: list[types.Content], end: float) -> Failure | None:
        """Send until there is an answer, or a failure after which nothing more is to be tried."""
        for tries in range(1, _TRIES + 1):
            self._recorder.begin(end)
            failure = self._send(request, contents)
            if failure is None or not may_retry(failure) or tries == _TRIES:
                return failure
            pause = _pause(failure, tries)
            if time.monotonic() + pause > end:
                return failure
            _log.info("%s answered %s; trying again in %.1f s", self.host, failure.status, pause)
            self._recorder.pause(pause)
            if self._recorder.was_cut():
                return Failure.of_transport("cancelled", "nothing was under way but a pause", sent=False)
        raise AssertionError

    def _send(self, request: Request, contents: list[types.Content]) -> Failure | None:
        problem: Exception
        try:
            self._client.models.generate_content(
                model=self._wire_model(request),
                contents=cast("types.ContentListUnionDict", contents),
                config=_config(request.config),
            )
        except (genai_errors.APIError, ValueError, RecursionError, httpx2.InvalidURL) as error:
            # Beside its own errors, those of its reading a body that is no JSON or no text.
            problem = error
        except httpx2.HTTPError as error:
            if self._recorder.was_cut():
                return Failure.of_transport("cancelled", "the connection was closed on request", sent=True)
            connect = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
            return Failure.of_transport(type(error).__name__, self._hide(str(error)), sent=not connect)
        else:
            return None
        status = self._recorder.status()
        if not status:
            raise RequestError(f"This request to {request.model} cannot be sent.", why=self._hide(str(problem)))
        said = problem.message if isinstance(problem, genai_errors.APIError) else ""
        # Hidden before it is anybody's local: a traceback with locals must not hold a key that was echoed.
        headers = {name: self._hide(value) for name, value in self._recorder.headers().items()}
        body = self._hide(self._recorder.body().decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return Failure.of_status(status, headers, body, self._hide(str(said or "")))

    def _hide(self, text: str) -> str:
        return self._secrets.hide(text)

    def _wire_model(self, request: Request) -> str:
        return request.model if self._keep_vendor else request.model.partition("/")[2]


def _check_headers(headers: Mapping[str, Secret]) -> None:
    """Refuse what the HTTP library would refuse at each call, quoting it."""
    for number, (name, value) in enumerate(headers.items(), 1):
        if not _HEADER_NAME.fullmatch(name):
            # Not quoted: it may be a value in the wrong place.
            bad = f"the name of header {number} is empty, or has characters that no name has"
        elif name.lower() in _OF_THE_LIBRARY:
            bad = f"{name} follows from what is sent, and cannot be set"
        elif not value.fits_a_header():
            bad = f"the value of {name} has a line break or a space at its end, or a character that no header holds"
        else:
            continue
        raise SettingsError(
            "A header for the gateway cannot be sent; nothing was sent.",
            why=f"In GEMNB_HEADERS {bad}.",
            hint='GEMNB_HEADERS=\'{"Authorization": "Bearer …"}\'   in the environment, before Jupyter starts',
        )


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
    asked = failure.retry_after
    return asked if asked is not None else random.uniform(0.5, 1.0) * 2 ** (tries - 1)  # noqa: S311 - jitter
