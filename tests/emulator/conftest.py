import base64
import http.client
import io
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from PIL import Image

from gemnb.emulator import Emulator

SKETCH = "emulator/sketch-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    @property
    def parts(self):
        return self.json["candidates"][0]["content"]["parts"]

    @property
    def pictures(self):
        """MIME type and bytes of each picture that is no draft."""
        blobs = [part["inlineData"] for part in self.parts if "inlineData" in part and not part.get("thought")]
        return [(blob["mimeType"], base64.b64decode(blob["data"], validate=True)) for blob in blobs]

    def picture(self):
        ((_, data),) = self.pictures
        with Image.open(io.BytesIO(data)) as image:
            return image.convert("RGB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Plain HTTP to an emulator."""

    url: str

    def request(self, method, path, body=None, headers=None, timeout=30.0):
        data = json.dumps(body).encode() if isinstance(body, dict | list) else body
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=timeout)
        try:
            connection.request(method, path, data, {"x-goog-api-key": "a key"} if headers is None else headers)
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(status=response.status, headers=headers, body=response.read())
        finally:
            connection.close()

    def generate(self, body, model=SKETCH, version="v1", **options):
        return self.request("POST", f"/{version}/models/{model}:generateContent", body, **options)


def ask(prompt="A kitten.", *, parts=(), size="512", **config):
    """A small request: drawing at 512 takes a twentieth of a second."""
    image = {"imageSize": size} | {name: config.pop(name) for name in ("aspectRatio",) if name in config}
    return {
        "contents": [{"role": "user", "parts": [*parts, {"text": prompt}]}],
        "generationConfig": {"imageConfig": image, **config},
    }


def png(colour=(200, 30, 30), size=(64, 64)):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def inline(data, mime_type="image/png"):
    return {"inlineData": {"mimeType": mime_type, "data": base64.b64encode(data).decode()}}


@pytest.fixture(name="ask")
def ask_fixture():
    return ask


@pytest.fixture(name="png")
def png_fixture():
    return png


@pytest.fixture(name="inline")
def inline_fixture():
    return inline


@pytest.fixture(scope="module")
def running():
    """One server for a module's tests: to start and stop one takes as long as to draw a picture."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(running):
    """An emulator that has seen nothing yet."""
    running.clear()
    return running


@pytest.fixture
def api(emulator):
    return Api(url=emulator.url)


@pytest.fixture(scope="module")
def steady(running):
    """For tests that try many examples."""
    return Api(url=running.url)
