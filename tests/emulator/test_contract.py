"""What goes over the wire: both versions, both casings, both alphabets, one answer."""

import base64
import copy
import json
import math

import pytest

from gemnb.emulator import Fault


def snake(value):
    """Names in snake_case all the way down."""
    if isinstance(value, list):
        return [snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in name): snake(item) for name, item in value.items()}


def urlsafe(value, *, padded):
    """Every `data` in the URL-safe alphabet."""
    if isinstance(value, list):
        return [urlsafe(item, padded=padded) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: urlsafe(item, padded=padded) for name, item in value.items()}
    if isinstance(found.get("data"), str):
        text = base64.urlsafe_b64encode(base64.b64decode(found["data"])).decode()
        found["data"] = text if padded else text.rstrip("=")
    return found


@pytest.fixture
def full(ask, png, inline):
    """A request that uses every field whose spelling varies; the picture's base64 has + and /."""
    body = ask("Make it winter", parts=[inline(png((251, 239, 190), (65, 33)))], temperature=1.0, seed=7)
    assert {"+", "/"} <= set(body["contents"][0]["parts"][0]["inlineData"]["data"])
    body["systemInstruction"] = {"parts": [{"text": "Be terse."}]}
    body["generationConfig"] |= {"responseModalities": ["TEXT", "IMAGE"], "thinkingConfig": {"includeThoughts": True}}
    return body


@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize("spelling", [lambda body: body, snake], ids=["camel", "snake"])
@pytest.mark.parametrize("padded", [True, False, None])
def test_spelling_and_version_leave_no_trace_in_the_answer(api, full, version, spelling, padded):
    """The same request in either casing, alphabet and API version gets the same bytes."""
    body = spelling(full) if padded is None else spelling(urlsafe(full, padded=padded))
    answer = api.generate(body, version=version)
    assert (answer.status, answer.body) == (200, api.generate(full).body)


def test_a_mixed_body_as_google_genai_writes_it_is_the_same_request(api, full):
    """camelCase outside and snake_case inside are taken, as google-genai 3.4 sends them."""
    mixed = copy.deepcopy(full)
    blob = mixed["contents"][0]["parts"][0]["inlineData"]
    blob["mime_type"] = blob.pop("mimeType")
    mixed["generationConfig"]["thinkingConfig"] = {"include_thoughts": True}
    mixed["generationConfig"]["temperature"] = 1
    assert api.generate(mixed).body == api.generate(full).body


def test_the_answer_has_googles_shape(api, ask):
    """One candidate with a text and a signed picture, in camelCase and standard base64."""
    answer = api.generate(ask())
    (candidate,) = answer.json["candidates"]
    text, picture = candidate["content"]["parts"]
    assert (candidate["finishReason"], candidate["index"], candidate["content"]["role"]) == ("STOP", 0, "model")
    assert set(text) == {"text"}
    assert set(picture) == {"inlineData", "thoughtSignature"}
    assert picture["inlineData"]["mimeType"] == "image/png"
    assert len(base64.b64decode(picture["thoughtSignature"], validate=True)) == 200
    assert answer.json["modelVersion"] == "emulator/sketch-1"
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"


def test_tokens_are_counted_by_modality(api, ask, png, inline):
    """Text at four letters a token, pictures at Gemini 3.1's published figures."""
    prompt = "x" * 41
    usage = api.generate(ask(prompt, parts=[inline(png())])).json["usageMetadata"]
    text = math.ceil(len(prompt) / 4)
    assert usage["promptTokensDetails"] == [
        {"modality": "TEXT", "tokenCount": text},
        {"modality": "IMAGE", "tokenCount": 560},
    ]
    words, image = usage["candidatesTokensDetails"]
    assert image == {"modality": "IMAGE", "tokenCount": 747}
    assert usage["candidatesTokenCount"] == words["tokenCount"] + 747
    assert usage["totalTokenCount"] == text + 560 + usage["candidatesTokenCount"]
    assert "thoughtsTokenCount" not in usage


@pytest.mark.parametrize(
    ("modalities", "kinds"),
    [
        (None, ["text", "inlineData"]),
        (["TEXT", "IMAGE"], ["text", "inlineData"]),
        (["Image"], ["inlineData"]),
        (["IMAGE"], ["inlineData"]),
        (["TEXT"], ["text"]),
    ],
)
def test_response_modalities_decide_what_comes_back(api, ask, modalities, kinds):
    """Text, a picture, or both, as asked."""
    body = ask() if modalities is None else ask(responseModalities=modalities)
    assert [next(iter(part)) for part in api.generate(body).parts] == kinds


def test_sketch_pro_thinks_and_drafts_first(api, ask):
    """The larger model answers with a thought, a draft, and a JPEG that alone is signed."""
    answer = api.generate(ask(size="1K"), model="emulator/sketch-pro-1")
    thought, draft, text, final = answer.parts
    assert thought["thought"] is True
    assert draft["thought"] is True
    assert draft["inlineData"] != final["inlineData"]
    assert "thoughtSignature" in final
    assert "thoughtSignature" not in draft
    assert "text" in text
    assert answer.pictures[0][0] == "image/jpeg"
    assert answer.json["usageMetadata"]["thoughtsTokenCount"] > 0


def events(body):
    """The values of server-sent events."""
    return [json.loads(event.removeprefix("data: ")) for event in body.decode().split("\r\n\r\n") if event]


@pytest.mark.parametrize("query", ["?alt=sse", ""])
def test_a_stream_tells_the_same_parts_one_by_one(api, ask, query):
    """Each event, or each item of the list, has one part, the last one the reason to stop; no part differs."""
    whole = api.generate(ask())
    answer = api.request("POST", f"/v1/models/emulator/sketch-1:streamGenerateContent{query}", ask())
    found = events(answer.body) if query else answer.json
    assert answer.headers["content-type"] == ("text/event-stream" if query else "application/json; charset=UTF-8")
    assert [chunk["candidates"][0]["content"]["parts"] for chunk in found] == [[part] for part in whole.parts]
    assert [chunk["candidates"][0].get("finishReason") for chunk in found] == [None, "STOP"]
    assert {chunk["responseId"] for chunk in found} == {whole.json["responseId"]}


def test_a_stream_is_a_call_and_meets_the_faults(api, emulator, ask):
    """Streams are remembered and scripted as other calls are; what has no parts is one event."""
    emulator.script(Fault(kind="overloaded"), Fault(kind="prompt-blocked"))
    path = "/v1/models/emulator/sketch-1:streamGenerateContent?alt=sse"
    busy, blocked = (api.request("POST", path, ask()) for _ in range(2))
    (only,) = events(blocked.body)
    assert busy.status == 503
    assert only["promptFeedback"]["blockReason"] == "PROHIBITED_CONTENT"
    assert [call.path for call in emulator.calls] == [path.partition("?")[0]] * 2


def test_tokens_are_counted_before_they_are_spent(api, emulator, ask, png, inline):
    """countTokens says what an answer's usage will say of the prompt; it is no call and meets no fault."""
    body = ask("x" * 41, parts=[inline(png())])
    usage = api.generate(body).json["usageMetadata"]
    emulator.clear()
    emulator.script(Fault(kind="overloaded"))
    path = "/v1/models/emulator/sketch-1:countTokens"
    short = api.request("POST", path, {"contents": body["contents"]})
    long = api.request("POST", path, {"generateContentRequest": {"model": "models/emulator/sketch-1", **body}})
    assert short.json == long.json
    assert short.json["totalTokens"] == usage["promptTokenCount"]
    assert short.json["promptTokensDetails"] == usage["promptTokensDetails"]
    assert emulator.calls == ()


@pytest.mark.parametrize("body", [{}, {"contents": []}, {"content": "x"}, {"generateContentRequest": {}}])
def test_what_cannot_be_counted_is_refused(api, body):
    """A body without contents, or with a name Google does not know, is a 400."""
    assert api.request("POST", "/v1/models/emulator/sketch-1:countTokens", body).status == 400


CHANGES = {
    "prompt": lambda body: body["contents"][0]["parts"][-1].update(text="Make it winter."),
    "input": lambda body: body["contents"][0]["parts"].pop(0),
    "seed": lambda body: body["generationConfig"].update(seed=8),
    "no seed": lambda body: body["generationConfig"].pop("seed"),
    "temperature": lambda body: body["generationConfig"].update(temperature=0.5),
    "ratio": lambda body: body["generationConfig"]["imageConfig"].update(aspectRatio="16:9"),
    "size": lambda body: body["generationConfig"]["imageConfig"].update(imageSize="1K"),
    "system": lambda body: body["systemInstruction"]["parts"][0].update(text="Be kind."),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_changes_the_request_changes_picture_and_answer(api, full, change):
    """Prompt, inputs, seed, temperature, ratio, size and system instruction all count."""
    changed = copy.deepcopy(full)
    change(changed)
    before, after = api.generate(full), api.generate(changed)
    assert (before.status, after.status) == (200, 200)
    assert before.pictures != after.pictures
    assert before.json["responseId"] != after.json["responseId"]


def test_the_model_counts_too(api, ask):
    """Two models do not answer alike."""
    body = ask(size="1K")
    assert api.generate(body).body != api.generate(body, model="emulator/sketch-pro-1").body


def test_models_are_listed_page_by_page(api):
    """The list has Google's shape, and a token leads from page to page."""
    first = api.request("GET", "/v1beta/models?pageSize=1").json
    second = api.request("GET", f"/v1/models?pageSize=1&pageToken={first['nextPageToken']}").json
    assert [model["name"] for page in (first, second) for model in page["models"]] == [
        "models/emulator/sketch-1",
        "models/emulator/sketch-pro-1",
    ]
    assert "nextPageToken" not in second
    assert api.request("GET", "/v1/models").json["models"] == first["models"] + second["models"]


def test_a_model_describes_itself(api):
    """GET of a model gives what the list gives, a slash inside the id or an encoded one alike."""
    (sketch, _) = api.request("GET", "/v1/models").json["models"]
    assert api.request("GET", "/v1/models/emulator/sketch-1").json == sketch
    assert api.request("GET", "/v1/models/emulator%2Fsketch-1").json == sketch
    assert sketch["supportedGenerationMethods"] == ["generateContent", "countTokens"]


def test_a_key_is_needed_but_any_will_do(api, ask):
    """Without a key 403 in Google's words; with one, in header or query, an answer."""
    none = api.generate(ask(), headers={})
    empty = api.generate(ask(), headers={"x-goog-api-key": " "})
    query = api.request("POST", "/v1/models/emulator/sketch-1:generateContent?key=k", ask(), headers={})
    assert [answer.status for answer in (none, empty, query)] == [403, 403, 200]
    assert none.error["status"] == "PERMISSION_DENIED"
    assert api.request("GET", "/v1/models", headers={}).status == 403


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/models", 404),
        ("GET", "/v1/files/x", 404),
        ("POST", "/v1/models/emulator/sketch-1:embedContent", 404),
        ("POST", "/v1/models/emulator/sketch-2:countTokens", 404),
        ("GET", "/v1/models/emulator/sketch-1:countTokens", 405),
        ("GET", "/v1/models/emulator/sketch-1:streamGenerateContent", 405),
        ("GET", "/v1/models/emulator/sketch-2", 404),
        ("GET", "/v1/models/emulator/sketch-1:generateContent", 405),
        ("POST", "/v1/models", 405),
        ("PUT", "/v1/models/emulator/sketch-1:generateContent", 405),
        ("DELETE", "/v1/models/emulator/sketch-1", 405),
        ("GET", "/v1/models?pageSize=many", 400),
        ("GET", "/v1/models?pageToken=stale", 400),
    ],
)
def test_what_is_not_there_is_refused_in_googles_shape(api, method, path, status):
    """Unknown paths, methods and pages get an error in JSON that says what is there."""
    answer = api.request(method, path)
    assert answer.status == answer.error["code"] == status
    assert set(answer.error) >= {"code", "message", "status"}
    assert ("allow" in answer.headers) == (status == 405)


def test_one_connection_serves_many_requests(emulator, ask):
    """HTTP/1.1 keep-alive: the second request needs no second connection."""
    import http.client

    connection = http.client.HTTPConnection(emulator.url.removeprefix("http://"), timeout=30)
    path, headers = "/v1/models/emulator/sketch-1:generateContent", {"x-goog-api-key": "k"}
    bodies = []
    for _ in range(2):
        connection.request("POST", path, json.dumps(ask()), headers)
        bodies.append(connection.getresponse().read())
        socket = connection.sock
    assert bodies[0] == bodies[1]
    assert socket is not None
    connection.close()
