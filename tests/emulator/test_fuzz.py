"""Bodies of any shape: always an answer or a refusal, never a crash."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.emulator.app import App
from gemnb.emulator.messages import HttpRequest

NAMES = [
    "contents",
    "parts",
    "role",
    "text",
    "thought",
    "inlineData",
    "inline_data",
    "mimeType",
    "mime_type",
    "data",
    "fileData",
    "thoughtSignature",
    "generationConfig",
    "generation_config",
    "imageConfig",
    "image_config",
    "aspectRatio",
    "imageSize",
    "seed",
    "temperature",
    "candidateCount",
    "responseModalities",
    "systemInstruction",
    "tools",
    "kind",
    "seconds",
]
WORDS = ("user", "model", "image/png", "iVBORw0KGgo=", "1:1", "512", "1K", "TEXT", "A kitten.", "")

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=8)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


def handled(method, target, value):
    """What the emulator says to a body, with any number in it that JSON cannot say left as Python writes it."""
    headers = {"x-goog-api-key": "k", "host": "localhost"}
    request = HttpRequest(method=method, target=target, headers=headers, body=json.dumps(value).encode())
    return App().handle(request)


@settings(max_examples=300, deadline=None)
@given(
    verb=st.sampled_from(("generateContent", "streamGenerateContent", "countTokens")),
    parts=values,
    config=st.dictionaries(st.sampled_from(NAMES), values, max_size=3),
    extra=st.dictionaries(st.sampled_from(NAMES), values, max_size=2),
)
def test_any_json_is_answered_or_refused(verb, parts, config, extra):
    """Only 200 and 400 come back, whatever stands where parts, settings and more should be."""
    contents = [{"role": "user", "parts": parts}, {"role": "user", "parts": [{"text": "x"}]}]
    body = {"contents": contents, "generationConfig": {"responseModalities": ["TEXT"]} | config} | extra
    if verb == "countTokens":
        body = {"generateContentRequest": body} | extra
    response = handled("POST", f"/v1/models/emulator/sketch-1:{verb}", body)
    assert response.status in (200, 400)
    (answer,) = found if isinstance(found := json.loads(response.body), list) else [found]
    assert set(answer) & {"candidates", "error", "totalTokens"}


@settings(max_examples=200, deadline=None)
@given(value=values)
def test_any_json_is_a_list_of_faults_or_refused(value):
    """The script takes faults or says why not."""
    response = handled("POST", "/emulator/faults", value)
    assert response.status == (200 if value == [] else 400)


@settings(max_examples=200, deadline=None)
@given(method=st.sampled_from(("GET", "POST", "PUT", "HEAD")), target=st.text(max_size=30))
def test_any_path_is_answered_or_refused(method, target):
    """Whatever the path and its query, the response is one of the known ones."""
    for prefix in ("", "/v1/models", "/v1/models/", "/emulator/", "/v1/models?"):
        assert handled(method, prefix + target, {}).status in (200, 400, 404, 405)


@settings(max_examples=200, deadline=None)
@given(body=values)
def test_any_body_has_a_prompt_to_show(body):
    """What is listed of a call can be read off whatever came."""
    app = App()
    headers = {"host": "localhost"}
    raw = json.dumps({"contents": body}).encode()
    app.handle(HttpRequest(method="POST", target="/v1/models/x:generateContent", headers=headers, body=raw))
    (call,) = app.calls
    assert isinstance(call.prompt, str)
