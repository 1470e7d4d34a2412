"""Edits and conversations: signatures, insets, the shape that is kept."""

import base64
import copy
import io

import pytest
from PIL import Image

from gemnb.emulator import Fault


def reply(parts, *, role="model"):
    return {"role": role, "parts": parts}


@pytest.fixture
def second_turn(api, ask):
    """A request whose history is a first answer, just as it came."""
    body = ask("A kitten.")
    body["contents"] += [reply(api.generate(body).parts), reply([{"text": "Add a hat"}], role="user")]
    return body


def test_a_history_sent_back_as_it_came_is_taken(api, second_turn):
    """The signature fits the picture, so the edit is answered."""
    assert api.generate(second_turn).status == 200


def test_the_casing_of_a_signature_does_not_matter(api, second_turn):
    """thought_signature in the URL-safe alphabet, as google-genai sends it, is the same signature."""
    snake = copy.deepcopy(second_turn)
    part = snake["contents"][1]["parts"][1]
    signature = base64.b64decode(part.pop("thoughtSignature"))
    part["thought_signature"] = base64.urlsafe_b64encode(signature).decode().rstrip("=")
    assert api.generate(snake).body == api.generate(second_turn).body


def test_a_picture_without_its_signature_is_refused_with_its_place(api, second_turn):
    """The message counts from one, as Google's does."""
    del second_turn["contents"][1]["parts"][1]["thoughtSignature"]
    answer = api.generate(second_turn)
    assert answer.status == 400
    expected = "Image part is missing a thought_signature in content position 2, part position 2"
    assert answer.error["message"] == expected


def test_a_signature_of_another_picture_is_corrupted(api, ask, second_turn):
    """Each picture has its own."""
    other = api.generate(ask("Another kitten.")).parts[1]["thoughtSignature"]
    second_turn["contents"][1]["parts"][1]["thoughtSignature"] = other
    answer = api.generate(second_turn)
    assert (answer.status, answer.error["message"]) == (400, "Corrupted thought signature.")


def test_a_signature_that_is_no_base64_is_corrupted(api, second_turn):
    """Garbage is told apart from a missing one."""
    second_turn["contents"][1]["parts"][1]["thoughtSignature"] = "§"
    assert api.generate(second_turn).error["message"] == "Corrupted thought signature."


def test_drafts_need_no_signature(api, emulator, ask):
    """Thought pictures go back unsigned, as they came, and are no inputs."""
    body = ask("A kitten.")
    emulator.script(Fault(kind="drafts", count=2))
    body["contents"] += [reply(api.generate(body).parts), reply([{"text": "Add a hat"}], role="user")]
    answer = api.generate(body)
    assert answer.status == 200
    rows = answer.json["usageMetadata"]["promptTokensDetails"]
    assert {row["modality"]: row["tokenCount"] for row in rows}["IMAGE"] == 560


def test_a_users_picture_needs_no_signature(api, ask, png, inline):
    """Only what claims to be the model's own is checked."""
    assert api.generate(ask(parts=[inline(png())])).status == 200


def share(picture, colour, *, within=24):
    """How much of a picture is nearly of one colour, 0 to 1."""
    near = sum(
        count
        for count, found in picture.getcolors(picture.width * picture.height)
        if max(abs(a - b) for a, b in zip(found, colour, strict=True)) <= within
    )
    return near / (picture.width * picture.height)


MAGENTA = (255, 0, 255)


def test_an_edit_carries_its_input(api, ask, png, inline):
    """The input fills a good part of the answer, and nothing like it is there without it."""
    with_it = api.generate(ask("Add a hat", parts=[inline(png(MAGENTA))])).picture()
    without = api.generate(ask("Add a hat")).picture()
    assert share(with_it, MAGENTA) > 0.1
    assert share(without, MAGENTA) == 0


def test_every_one_of_fourteen_inputs_can_be_seen(api, ask, png, inline):
    """Each has a place of its own."""
    colours = [(255, 0, 40 + 15 * number) for number in range(14)]
    parts = [inline(png(colour)) for colour in colours]
    picture = api.generate(ask("All of them", parts=parts, size="1K")).picture()
    assert min(share(picture, colour, within=4) for colour in colours) > 0.002


def test_a_second_turn_carries_the_first_picture_and_the_third_the_second(api, ask, png, inline):
    """What the model made last is on the new picture; what came before that is only inside it."""
    body = ask("Begin", parts=[inline(png(MAGENTA))])
    seen = []
    for prompt in ("Go on", "And on"):
        answer = api.generate(body)
        seen.append(share(answer.picture(), MAGENTA))
        body["contents"] += [reply(answer.parts), reply([{"text": prompt}], role="user")]
    seen.append(share(api.generate(body).picture(), MAGENTA))
    assert seen[0] > seen[1] > max(seen[2], 0.01)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((160, 90), (688, 384)), ((90, 160), (384, 688)), ((100, 100), (512, 512)), ((400, 50), (1536, 192))],
)
def test_an_edit_keeps_the_shape_of_its_last_input(api, ask, png, inline, size, expected):
    """Without a ratio, the nearest one to the last input's is taken."""
    parts = [inline(png(size=(50, 70))), inline(png(size=size))]
    assert api.generate(ask(parts=parts)).picture().size == expected


def test_a_photograph_on_its_side_counts_as_it_is_seen(api, ask, inline):
    """EXIF orientation is applied before the shape is taken."""
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (160, 90)).save(file, "JPEG", exif=exif)
    answer = api.generate(ask(parts=[inline(file.getvalue(), "image/jpeg")]))
    assert answer.picture().size == (384, 688)


MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("1", "L", "RGB", "CMYK"),
    "WEBP": ("L", "LA", "P", "RGB", "RGBA"),
    "GIF": ("1", "L", "LA", "P", "RGB", "RGBA"),
}


@pytest.mark.parametrize(("form", "mode"), [(form, mode) for form, modes in MODES.items() for mode in modes])
def test_inputs_of_every_mode_are_taken(api, ask, inline, form, mode):
    """Whatever Pillow can write in these formats can be an input, clear pixels too."""
    file = io.BytesIO()
    Image.new(mode, (40, 30)).save(file, form)
    assert api.generate(ask(parts=[inline(file.getvalue(), f"image/{form.lower()}")])).status == 200
