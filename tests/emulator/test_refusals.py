"""Requests that Google would refuse are refused with a message that helps."""

import base64

import pytest


def test_only_the_emulators_models_answer_and_the_message_says_so(api, ask):
    """A real model's id gets 404 with the names of the models that are here."""
    answer = api.generate(ask(), model="gemini-3-pro-image")
    assert (answer.status, answer.error["status"]) == (404, "NOT_FOUND")
    for word in ("gemnb's emulator", "emulator/sketch-1", "emulator/sketch-pro-1"):
        assert word in answer.error["message"]


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"aspectRatio": "5:7"}, "16:9"),
        ({"aspectRatio": 1}, "16:9"),
        ({"size": "1k"}, "capital"),
        ({"size": "8K"}, "512, 1K, 2K, 4K"),
        ({"seed": 1 << 31}, "TYPE_INT32"),
        ({"seed": -(1 << 31) - 1}, "TYPE_INT32"),
        ({"seed": 1.5}, "TYPE_INT32"),
        ({"seed": "seven"}, "TYPE_INT32"),
        ({"seed": True}, "TYPE_INT32"),
        ({"temperature": 2.1}, "range [0.0, 2.0]"),
        ({"temperature": -0.1}, "range [0.0, 2.0]"),
        ({"temperature": "warm"}, "TYPE_FLOAT"),
        ({"candidateCount": 2}, "Multiple candidates is not enabled for this model"),
        ({"candidateCount": 0}, "TYPE_INT32"),
        ({"responseModalities": ["AUDIO"]}, "response modalities (AUDIO)"),
        ({"aspectratio": "1:1"}, 'Unknown name "aspectratio"'),
        ({"imageConfig": {"ratio": "1:1"}}, 'Unknown name "ratio"'),
        ({"imageConfig": "wide"}, "expected an object"),
    ],
)
def test_bad_settings_are_named(api, ask, config, word):
    """A setting that is out of range or unknown is a 400 INVALID_ARGUMENT that names the field."""
    answer = api.generate(ask(**config))
    assert (answer.status, answer.error["status"]) == (400, "INVALID_ARGUMENT")
    assert word in answer.error["message"]
    assert answer.error["details"][0]["fieldViolations"][0]["field"].startswith("generation_config")


@pytest.mark.parametrize("seed", [-(1 << 31), 0, (1 << 31) - 1])
def test_every_int32_is_a_seed(api, ask, seed):
    """The ends of the range are taken."""
    assert api.generate(ask(seed=seed)).status == 200


@pytest.mark.parametrize("temperature", [0, 0.0, 2, 2.0])
def test_the_ends_of_the_temperature_range_are_taken(api, ask, temperature):
    """0 and 2 are temperatures."""
    assert api.generate(ask(temperature=temperature)).status == 200


def test_512_is_no_size_of_sketch_pro(api, ask):
    """Sizes are the model's own."""
    assert "1K, 2K, 4K" in api.generate(ask(size="512"), model="emulator/sketch-pro-1").error["message"]


@pytest.mark.parametrize(
    ("contents", "word"),
    [
        (None, "contents is not specified"),
        ([], "contents is not specified"),
        ("A kitten.", "expected objects"),
        ([{"parts": []}], "must not be empty"),
        ([{"parts": [{}]}], "required oneof field 'data'"),
        ([{"parts": [{"text": " \n"}]}], "neither text nor an image"),
        ([{"role": "system", "parts": [{"text": "x"}]}], "valid role"),
        ([{"role": "model", "parts": [{"text": "x"}]}], "end with a user role"),
        ([{"parts": [{"text": "x"}], "name": "y"}], 'Unknown name "name"'),
        ([{"parts": [{"fileData": {"fileUri": "x"}}]}], "no Files API"),
        ([{"parts": [{"inlineData": {"mimeType": "image/png", "data": "!!!"}}]}], "Base64 decoding failed"),
        ([{"parts": [{"inlineData": {"mimeType": "image/png", "data": "QUJDQ"}}]}], "Base64 decoding failed"),
        ([{"parts": [{"inlineData": {"mimeType": "image/png"}}]}], "Base64 decoding failed"),
        ([{"parts": [{"inlineData": {"mimeType": "text/plain", "data": "QUJD"}}]}], "Unsupported MIME type"),
        ([{"parts": [{"inlineData": {"mimeType": "image/png", "data": "QUJD"}}]}], "Unable to process input image"),
    ],
)
def test_bad_contents_are_named(api, contents, word):
    """Contents that cannot be answered are a 400 that says why."""
    answer = api.generate({} if contents is None else {"contents": contents})
    assert (answer.status, answer.error["status"]) == (400, "INVALID_ARGUMENT")
    assert word in answer.error["message"]


def test_a_broken_input_picture_is_refused(api, ask, png, inline):
    """Half a PNG is no picture."""
    whole = png(size=(300, 300))
    answer = api.generate(ask(parts=[inline(whole[: len(whole) // 2])]))
    assert (answer.status, answer.error["status"]) == (400, "INVALID_ARGUMENT")


def test_a_picture_that_claims_too_many_pixels_is_refused_unread(api, ask, png, inline):
    """A header of 60000 by 60000 pixels does not make the server take memory for them."""
    whole = bytearray(png())
    whole[16:24] = (60000).to_bytes(4, "big") * 2
    import zlib

    whole[29:33] = zlib.crc32(whole[12:29]).to_bytes(4, "big")
    answer = api.generate(ask(parts=[inline(bytes(whole))]))
    assert answer.status == 400
    assert "Unable to process input image" in answer.error["message"]


def test_fourteen_inputs_are_taken_and_fifteen_refused(api, ask, png, inline):
    """The limit is Gemini's."""
    parts = [inline(png((9 * number, 80, 200), (32, 24))) for number in range(15)]
    assert api.generate(ask(parts=parts[:14])).status == 200
    assert "15 images" in api.generate(ask(parts=parts)).error["message"]


def test_an_unknown_field_of_the_request_is_refused(api, ask):
    """A misspelt field is an error, as with Google, not a silent default."""
    answer = api.generate(ask() | {"generation_configs": {}})
    assert answer.status == 400
    assert 'Unknown name "generationConfigs"' in answer.error["message"]


def test_a_field_in_both_spellings_is_refused(api, ask):
    """inlineData beside inline_data is a contradiction."""
    assert "twice" in api.generate(ask() | {"generation_config": {}}).error["message"]


def test_a_system_instruction_is_text(api, ask, png, inline):
    """A picture in the system instruction is refused; one part alone needs no list."""
    assert api.generate(ask() | {"systemInstruction": {"parts": [inline(png())]}}).status == 400
    assert api.generate(ask() | {"system_instruction": {"parts": {"text": "Be terse."}}}).status == 200


def test_the_base64_of_an_input_may_be_any_of_four_spellings(api, ask):
    """Standard or URL-safe, padded or not, but not a character beyond."""
    data = base64.b64encode(b"\xfb\xef\xbe\x00").decode()
    answer = api.generate(ask(parts=[{"inlineData": {"mimeType": "image/png", "data": f"{data}*"}}]))
    assert "Base64 decoding failed" in answer.error["message"]
