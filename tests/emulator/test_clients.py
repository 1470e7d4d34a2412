"""Foreign clients get on with it: plain google-genai and gemimg."""

import io

import httpx
import pytest
from PIL import Image

from gemnb.emulator import Fault

genai = pytest.importorskip("google.genai")
types = pytest.importorskip("google.genai.types")
errors = pytest.importorskip("google.genai.errors")


@pytest.fixture(params=["v1", "v1beta"])
def client(emulator, request):
    options = types.HttpOptions(base_url=emulator.url, api_version=request.param, client_args={"trust_env": False})
    with genai.Client(api_key="x", http_options=options) as client:
        yield client


def small(**fields):
    return types.GenerateContentConfig(image_config=types.ImageConfig(image_size="512"), **fields)


def finals(response):
    return [part for part in response.parts if part.inline_data and not part.thought]


def opened(part):
    with Image.open(io.BytesIO(part.inline_data.data)) as picture:
        picture.load()
        return picture


def test_google_genai_generates(client):
    """A prompt gets a picture, with usage by modality and the emulator's own model version."""
    config = types.GenerateContentConfig(
        image_config=types.ImageConfig(aspect_ratio="16:9", image_size="512"),
        seed=7,
        temperature=1.0,
        response_modalities=["TEXT", "IMAGE"],
        system_instruction="Be terse.",
        thinking_config=types.ThinkingConfig(include_thoughts=True),
    )
    response = client.models.generate_content(model="emulator/sketch-1", contents="A kitten.", config=config)
    (part,) = finals(response)
    assert opened(part).size == (688, 384)
    assert response.model_version == "emulator/sketch-1"
    assert response.candidates[0].finish_reason == types.FinishReason.STOP
    assert response.usage_metadata.candidates_tokens_details[1].token_count == 747
    assert part.as_image().image_bytes == part.inline_data.data


def test_google_genai_edits_bytes(client, png):
    """An input sent with Part.from_bytes decides the shape of the answer."""
    picture = types.Part.from_bytes(data=png(size=(90, 160)), mime_type="image/png")
    response = client.models.generate_content(
        model="emulator/sketch-1", contents=[picture, "Add a hat"], config=small()
    )
    assert opened(finals(response)[0]).size == (384, 688)


def test_google_genai_chats_with_drafts_and_signatures(client):
    """A chat resends thoughts, drafts and signatures, and all of it is taken back."""
    chat = client.chats.create(model="emulator/sketch-pro-1")
    first, second = chat.send_message("A kitten."), chat.send_message("Add a hat")
    assert finals(first)[0].inline_data.data != finals(second)[0].inline_data.data
    assert len(finals(second)) == 1
    history = [content.model_dump(mode="json") for content in chat.get_history()]
    again = client.chats.create(model="emulator/sketch-pro-1", history=history[:2])
    assert finals(again.send_message("Add a hat"))[0].inline_data.data == finals(second)[0].inline_data.data


def test_google_genai_lists_and_gets_models(client):
    """The catalogue reads as Google's does."""
    assert [model.name for model in client.models.list(config={"page_size": 1})] == [
        "models/emulator/sketch-1",
        "models/emulator/sketch-pro-1",
    ]
    model = client.models.get(model="emulator/sketch-pro-1")
    assert model.display_name == "Sketch Pro 1 (gemnb emulator)"
    assert model.supported_actions == ["generateContent", "countTokens"]


def test_google_genai_streams(client, emulator):
    """A stream brings the words, then the picture whole, and then the reason to stop."""
    usual = client.models.generate_content(model="emulator/sketch-1", contents="A kitten.", config=small())
    found = list(
        client.models.generate_content_stream(model="emulator/sketch-1", contents="A kitten.", config=small())
    )
    assert [bool(chunk.text) for chunk in found] == [True, False]
    assert finals(found[-1])[0].inline_data.data == finals(usual)[0].inline_data.data
    assert [chunk.candidates[0].finish_reason for chunk in found] == [None, types.FinishReason.STOP]
    assert len(emulator.calls) == 2


def test_google_genai_streams_a_chat(client):
    """A streamed chat keeps drafts and signatures, and sends them back."""
    chat = client.chats.create(model="emulator/sketch-pro-1")
    first = list(chat.send_message_stream("A kitten."))
    second = list(chat.send_message_stream("Add a hat"))
    assert finals(first[-1])[0].inline_data.data != finals(second[-1])[0].inline_data.data


def test_google_genai_sees_a_stream_break(client, emulator):
    """An error and a cut in the place of a stream are the SDK's own errors."""
    import httpx2

    emulator.script(Fault(kind="error", status=500), Fault(kind="truncated"))
    with pytest.raises(errors.ServerError):
        list(client.models.generate_content_stream(model="emulator/sketch-1", contents="A cat.", config=small()))
    with pytest.raises(httpx2.RemoteProtocolError):
        list(client.models.generate_content_stream(model="emulator/sketch-1", contents="A cat.", config=small()))


def test_google_genai_counts_tokens(client, png):
    """Text and pictures are counted as an answer's usage counts them."""
    contents = ["x" * 40, types.Part.from_bytes(data=png(), mime_type="image/png")]
    assert client.models.count_tokens(model="emulator/sketch-1", contents=contents).total_tokens == 570


@pytest.mark.parametrize(
    ("kind", "error", "code", "status"),
    [
        ("rate-limited", "ClientError", 429, "RESOURCE_EXHAUSTED"),
        ("overloaded", "ServerError", 503, "UNAVAILABLE"),
        ("overloaded-html", "ServerError", 503, "Service Unavailable"),
        ("bad-key", "ClientError", 400, "INVALID_ARGUMENT"),
        ("error", "ServerError", 500, "INTERNAL"),
    ],
)
def test_google_genai_raises_the_errors_it_raises_at_google(client, emulator, kind, error, code, status):
    """Each refusal arrives as the SDK's own class."""
    emulator.script(Fault(kind=kind))
    with pytest.raises(getattr(errors, error)) as caught:
        client.models.generate_content(model="emulator/sketch-1", contents="A kitten.", config=small())
    assert (caught.value.code, caught.value.status) == (code, status)
    assert len(emulator.calls) == 1


def test_google_genai_reports_a_blocked_prompt_as_success(client, emulator):
    """No candidates, no exception: what a client must look for itself."""
    emulator.script(Fault(kind="prompt-blocked"), Fault(kind="no-image"))
    blocked, empty = (
        client.models.generate_content(model="emulator/sketch-1", contents="A kitten.", config=small()) for _ in "ab"
    )
    assert blocked.candidates is None
    assert blocked.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    assert not empty.parts
    assert empty.candidates[0].finish_reason == types.FinishReason.NO_IMAGE


@pytest.mark.parametrize(("model", "form"), [("emulator/sketch-1", "PNG"), ("emulator/sketch-pro-1", "JPEG")])
def test_gemimg_generates_and_edits(emulator, tmp_path, model, form):
    """gemimg 0.4.0 saves a picture, and takes it back as an input for the next."""
    gemimg = pytest.importorskip("gemimg")
    with httpx.Client(trust_env=False) as client:
        tool = gemimg.GemImg(api_key="x", base_url=emulator.url, model=model, client=client)
        made = tool.generate("A kitten.", save_dir=str(tmp_path), image_size="1K")
        edited = tool.generate("Add a hat", imgs=made.image, aspect_ratio="16:9", save=False, image_size="1K")
    assert made.image.size == (1024, 1024)
    assert edited.image.size == (1376, 768)
    assert made.usage.total_tokens > 1120
    saved = [path for path in tmp_path.iterdir() if path.suffix == ".png"]
    assert len(saved) == (1 if form == "PNG" else 2)  # it takes sketch-pro's draft for a picture
    assert [call.path for call in emulator.calls] == [f"/v1beta/models/{model}:generateContent"] * 2
