"""canonical: the address of a request is the same everywhere, and everything that is asked is in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pybase64
import pytest
import rfc8785
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import gemnb
from gemnb.canonical import blob_digest, canonical, is_digest, request_digest, request_json, short, tagged_digest
from gemnb.cell import Cell, parse
from gemnb.errors import RequestError
from gemnb.invocation import assemble, needs, parse_use
from gemnb.model import SCHEMA, Binding, Content, Request

GOLDEN = Path(__file__).parent / "golden" / "canonical"
REGOLD = os.environ.get("GEMNB_REGOLD") == "1"

MODEL = "emulator/sketch-1"
RED, BLUE = blob_digest(b"red"), blob_digest(b"blue")


def golden(name: str, made: bytes) -> bytes:
    """The committed bytes of a golden file (tests/golden/README.md says how to write them anew)."""
    if REGOLD:
        (GOLDEN / name).write_bytes(made)
    return (GOLDEN / name).read_bytes()


def picture(blob: str, mime_type: str = "image/png") -> dict:
    return {"inlineData": {"mimeType": mime_type, "data": {"$blob": blob}}}


def user(*parts: dict | str) -> Content:
    return Content(role="user", parts=tuple({"text": part} if isinstance(part, str) else part for part in parts))


def asked(*parts: dict | str, model: str = MODEL, sample: int = 1, **config) -> Request:
    return Request(model=model, contents=(user(*parts),), config=config, sample=sample)


CONVERSATION = Request(
    model="google/gemini-3-pro-image",
    contents=(
        user("a cat"),
        Content(
            role="model",
            parts=(
                {"text": "I should draw a cat.", "thought": True},
                picture(RED) | {"thought": True},
                picture(BLUE, "image/jpeg") | {"thoughtSignature": "c2lnbmF0dXJl"},
            ),
        ),
        user("a hat on it"),
    ),
    config={"aspect_ratio": "1:1"},
)
CASES = {
    "plain": asked("a cat"),
    "explicit-default": asked("a cat", temperature=1.0),
    "every-option": asked(
        "a cat", aspect_ratio="16:9", image_size="2K", temperature=0.7, seed=7, system_instruction="Draw in ink."
    ),
    "second-sample": asked("a cat", sample=2),
    "real-model": asked("a cat", model="google/gemini-3-pro-image"),
    "pictures": asked(picture(RED), picture(BLUE, "image/webp"), "both"),
    "conversation": CONVERSATION,
    "composed": asked("caf\u00e9"),
    "decomposed": asked("cafe\u0301"),
    "line-feeds": asked("a\nb"),
    "carriage-returns": asked("a\r\nb"),
    "characters": asked('\x00\x1f\x7f\x80"\\/\b\f\n\r\t\u2028\u2029\ufeff\ufffe🎨</script>'),
    "numbers": asked("a cat", a=[0, -0.0, 0.1, 1e-7, 5e-324, 1e21, 1e20, 1.7976931348623157e308, 2**53 - 1, -1.5]),
    "keys": asked(
        "a cat", **{"€": 1, "\r": 2, "דּ": 3, "1": 4, "😀": 5, "\x80": 6, "ö": 7, "": 8, "b": None, "a": True}
    ),
}
CELLS = [
    ("%%gemimg hero\na cat\n", MODEL),
    ("%%gemimg -n 3 --seed 7 -t 1\na cat in {{style}}\r\n", "nano-banana-pro -a 16:9"),
    (
        '%%gemimg -p style="ink & {{x}}" -m emulator/other -s 2K --system "be bold"\n{{style}} 🎨\u2028',
        "nano-banana-pro",
    ),
    ("%%gemimg x --no-header --sample 3 --seed -1\n#| alt: sent\n", f"{MODEL} -t 0.1 -a 1:1"),
]


def digests_of(source: str, use: str) -> list[str]:
    """The digests of a cell whose parameters are all literal."""
    cell, defaults = parse(source), parse_use(use)
    wanted = needs(cell, defaults)
    bindings = [Binding(slot=need.slot, kind=need.kind, source=need.source, value=need.source) for need in wanted]
    return [request_digest(request) for request in assemble(cell, defaults, bindings)]


def every_digest() -> dict:
    return {
        "schema": SCHEMA,
        "requests": {name: request_digest(request) for name, request in CASES.items()},
        "cells": [digests_of(source, use) for source, use in CELLS],
    }


@pytest.mark.parametrize("name", CASES)
def test_the_canonical_bytes_are_the_golden_ones(name):
    """The bytes that are hashed for a request are those that every gemnb of this schema hashed."""
    made = canonical(request_json(CASES[name]))
    assert golden(f"{name}.json", made) == made


def test_the_digests_are_the_golden_ones():
    """Each request and each cell has the digest that every gemnb of this schema gave it."""
    made = (json.dumps(every_digest(), indent=1) + "\n").encode()
    assert golden("digests.json", made) == made


def test_no_golden_file_is_left_over():
    """Each golden file belongs to a request of this page."""
    assert {path.name for path in GOLDEN.iterdir()} == {"digests.json", *(f"{name}.json" for name in CASES)}


def test_no_two_requests_share_an_address():
    """Requests that ask different things have different digests."""
    found = every_digest()["requests"]
    assert len(set(found.values())) == len(CASES)


# The digests of the same requests and cells, made by another interpreter.
_CHILD = """
import json, sys
from gemnb.canonical import request_digest
from gemnb.cell import parse
from gemnb.invocation import assemble, needs, parse_use
from gemnb.model import Binding
from gemnb.records import parse_request
given = json.load(sys.stdin)
cells = []
for source, use in given["cells"]:
    cell, defaults = parse(source), parse_use(use)
    bindings = [Binding(slot=n.slot, kind=n.kind, source=n.source, value=n.source) for n in needs(cell, defaults)]
    cells.append([request_digest(request) for request in assemble(cell, defaults, bindings)])
requests = {name: request_digest(parse_request(doc)) for name, doc in given["requests"].items()}
print(json.dumps({"schema": given["schema"], "requests": requests, "cells": cells}))
"""


def made_elsewhere(python: str, folder: Path, **environ: str) -> dict:
    """The digests as another process makes them, with gemnb and what its values import on its path, nothing else."""
    packages = folder / "packages"
    compiled = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")  # for one Python; pybase64 does without
    for package in (rfc8785, pybase64):
        shutil.copytree(Path(package.__file__).parent, packages / package.__name__, ignore=compiled)
    path = os.pathsep.join([str(Path(gemnb.__file__).parents[1]), str(packages)])
    given_json = {
        "schema": SCHEMA,
        "requests": {name: request_json(request) for name, request in CASES.items()},
        "cells": CELLS,
    }
    done = subprocess.run(
        [python, "-B", "-c", _CHILD],
        input=json.dumps(given_json),
        env=os.environ | {"PYTHONPATH": path} | environ,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({"PYTHONHASHSEED": "0"}, id="hash seed 0"),
        pytest.param({"PYTHONHASHSEED": "4242", "LC_ALL": "C", "PYTHONUTF8": "0"}, id="hash seed 4242, C locale"),
        pytest.param({"PYTHONHASHSEED": "random", "TZ": "Asia/Tokyo", "PYTHONOPTIMIZE": "2"}, id="random, optimized"),
    ],
)
def test_another_process_gives_the_same_digests(tmp_path, environ):
    """Equal requests have equal digests in every process, whatever its hash seed and locale: law 2."""
    assert every_digest() == made_elsewhere(sys.executable, tmp_path, **environ)


def interpreter(version: str) -> str | None:
    """A Python of this version that runs: on the PATH, else one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    kept = sorted(str(path) for path in pyenv.glob(f"versions/{version}.*/bin/python"))
    for python in filter(None, [shutil.which(f"python{version}"), *kept]):
        # A shim of pyenv may stand for a version that is not chosen, and fail.
        done = subprocess.run([python, "-c", "print(1)"], capture_output=True, text=True, timeout=60, check=False)
        if done.stdout == "1\n":
            return python
    return None


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_another_python_gives_the_same_digests(tmp_path, version):
    """Equal requests have equal digests under every version of Python that gemnb runs on: law 2."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} on the PATH or under pyenv's versions")
    assert every_digest() == made_elsewhere(python, tmp_path)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        pytest.param(asked("a cat"), asked("a cat", temperature=1.0), id="unset and the default"),
        pytest.param(asked("a cat"), asked("a cat", seed=None), id="unset and null"),
        pytest.param(asked("a cat"), asked("a cat", sample=2), id="sample"),
        pytest.param(asked("a cat", seed=7), asked("a cat", seed=8), id="seed"),
        pytest.param(asked("a cat", seed=1), asked("a cat", seed="1"), id="number and text"),
        pytest.param(asked("a cat", seed=1), asked("a cat", seed=True), id="number and truth"),
        pytest.param(asked("a cat"), asked("a cat", model="emulator/sketch-pro-1"), id="model"),
        pytest.param(asked("a cat"), asked("a cat", model="google/sketch-1"), id="vendor"),
        pytest.param(asked("a cat"), asked("a cat "), id="trailing space"),
        pytest.param(asked("a cat"), asked("a cat\n"), id="trailing line feed"),
        pytest.param(asked("a\nb"), asked("a\r\nb"), id="line endings"),
        pytest.param(asked("caf\u00e9"), asked("cafe\u0301"), id="Unicode forms"),
        pytest.param(asked("a", "b"), asked("b", "a"), id="order of texts"),
        pytest.param(asked("ab"), asked("a", "b"), id="one text and two"),
        pytest.param(asked(picture(RED), picture(BLUE)), asked(picture(BLUE), picture(RED)), id="order of pictures"),
        pytest.param(asked(picture(RED), "x"), asked("x", picture(RED)), id="picture before and after"),
        pytest.param(asked(picture(RED), "x"), asked(picture(BLUE), "x"), id="picture"),
        pytest.param(asked(picture(RED), "x"), asked(picture(RED, "image/jpeg"), "x"), id="type of the picture"),
        pytest.param(
            asked("a cat"),
            replace(asked("a cat"), contents=(Content(role="model", parts=({"text": "a cat"},)),)),
            id="role",
        ),
        pytest.param(
            replace(asked("a"), contents=(user("a", "b"),)),
            replace(asked("a"), contents=(user("a"), user("b"))),
            id="one turn and two",
        ),
        pytest.param(CONVERSATION, replace(CONVERSATION, contents=CONVERSATION.contents[::-1]), id="order of turns"),
        pytest.param(CONVERSATION, replace(CONVERSATION, contents=CONVERSATION.contents[2:]), id="earlier turns"),
        pytest.param(asked("a cat", a=[1, 2]), asked("a cat", a=[2, 1]), id="order of a list"),
    ],
)
def test_what_is_asked_is_in_the_digest(here, there):
    """Requests that differ in anything that is asked have different digests."""
    assert request_digest(here) != request_digest(there)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        pytest.param({"temperature": 1}, {"temperature": 1.0}, id="1 and 1.0"),
        pytest.param({"temperature": 0}, {"temperature": -0.0}, id="0 and -0.0"),
        pytest.param({"top_p": 1e2}, {"top_p": 100}, id="1e2 and 100"),
        pytest.param({"a": 1, "b": {"x": 2, "y": 3}}, {"b": {"y": 3, "x": 2}, "a": 1}, id="order of keys"),
    ],
)
def test_how_it_is_written_is_not(here, there):
    """Equal numbers in another notation and keys in another order are the same request."""
    assert request_digest(asked("a cat", **here)) == request_digest(asked("a cat", **there))


def test_requests_and_records_never_share_a_digest():
    """The same JSON as a request and as a record has two digests, and neither is that of its bare bytes."""
    document = request_json(asked("a cat"))
    found = {
        tagged_digest("request", document),
        tagged_digest("record", document),
        blob_digest(canonical(document)),
    }
    assert len(found) == 3
    expected = blob_digest(f"gemnb-request-v{SCHEMA}\n".encode() + canonical(document))
    assert expected == request_digest(asked("a cat"))


def endless() -> list:
    loop: list = []
    loop.append(loop)
    return loop


def deep(depth: int) -> list:
    nested: list = []
    for _ in range(depth):
        nested = [nested]
    return nested


@pytest.mark.parametrize(
    ("value", "why"),
    [
        pytest.param("a \ud83d", "non-UTF-8 codepoints", id="lone surrogate"),
        pytest.param({"\udfff": 1}, "surrogates not allowed", id="lone surrogate in a key"),
        pytest.param(2**53 + 1, "9007199254740993 exceeds safe integer domain", id="2^53+1"),
        pytest.param(-(2**53) - 1, "-9007199254740993 exceeds safe integer domain", id="-2^53-1"),
        pytest.param(float("nan"), "nan is not representable", id="NaN"),
        pytest.param(float("inf"), "inf is not representable", id="infinity"),
        pytest.param(float("-inf"), "inf is not representable", id="minus infinity"),
        pytest.param(endless(), "nested too deeply", id="infinite nesting"),
        pytest.param(deep(100_000), "nested too deeply", id="deep nesting"),
        pytest.param(b"bytes", "unsupported type", id="bytes"),
        pytest.param({1: 2}, "keys must be strings", id="key that is no text"),
        pytest.param(10**5000, "4300 digits", id="endless number"),
    ],
)
def test_what_json_cannot_hold_is_refused_in_words(value, why):
    """A request without a canonical form is an error that says nothing was sent, why, and what to mend."""
    with pytest.raises(RequestError, match="nothing was sent") as caught:
        request_digest(asked("a cat", a=value))
    assert why in caught.value.why
    assert "valid Unicode (no lone surrogates)" in caught.value.hint
    assert "2^53" in caught.value.hint


def test_the_hint_names_the_real_bound():
    """2^53-1 has a canonical form, 2^53 has none, and the hint says so."""
    assert canonical(2**53 - 1) == b"9007199254740991"
    with pytest.raises(RequestError) as caught:
        canonical(2**53)
    assert "at most 2^53-1" in caught.value.hint


def test_a_lone_surrogate_in_a_prompt_is_refused():
    """A prompt that is no valid Unicode is refused before it is sent, in any of its parts."""
    for request in (
        asked("a \ud83d"),
        asked("a cat", system_instruction="\udc00"),
        asked("a", model="google/\ud800"),
    ):
        with pytest.raises(RequestError, match="cannot be addressed"):
            request_digest(request)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RED, True),
        (RED.upper(), False),
        (RED.removeprefix("sha256:"), False),
        (RED + "0", False),
        (RED + "\n", False),
        ("sha256:" + "g" * 64, False),
        ("sha256:" + "../" * 21 + "a", False),
        ("sha256:" + "\u0661" * 64, False),
        (b"sha256:" + b"0" * 64, False),
        (None, False),
        (["sha256:"], False),
    ],
    ids=repr,
)
def test_only_a_digest_is_a_digest(text, expected):
    """What may become a path is exactly `sha256:` and 64 lower-case hex digits."""
    assert expected == is_digest(text)


def test_a_digest_is_sha256_and_its_short_form_12_digits():
    """Anyone can check a digest with sha256sum, and name it by its first twelve digits."""
    assert blob_digest(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert short(blob_digest(b"")) == "e3b0c44298fc"


PROMPTS = st.text(min_size=1, max_size=30).filter(str.strip)


@settings(deadline=None, max_examples=200)
@given(
    prompts=st.lists(PROMPTS, min_size=5, max_size=5),
    parents=st.tuples(*(st.none() | st.integers(0, index - 1) for index in range(1, 5))),
    changed=st.integers(0, 4),
    data=st.data(),
)
def test_one_character_changes_its_cell_and_those_that_go_on_from_it(prompts, parents, changed, data):
    """Change one character of a prompt: that cell's digest and its descendants' change, and no other: law 11."""
    parents = (None, *parents)
    position = data.draw(st.integers(0, len(prompts[changed]) - 1), label="position")
    old = prompts[changed]
    new = data.draw(st.characters(codec="utf-8").filter(lambda char: char != old[position]), label="character")
    edited = old[:position] + new + old[position + 1 :]
    assume(edited.strip())  # an empty prompt is an error of its own
    before = notebook(prompts, parents)
    after = notebook([*prompts[:changed], edited, *prompts[changed + 1 :]], parents)
    descendants = {changed}
    for index, parent in enumerate(parents):
        if parent in descendants:
            descendants.add(index)
    assert descendants == {index for index in range(5) if before[index] != after[index]}


def notebook(prompts: list[str], parents: tuple[int | None, ...]) -> list[str]:
    """The digests of cells, each going on from the answer to an earlier one or from none."""
    requests: list[Request] = []
    for prompt, parent in zip(prompts, parents, strict=True):
        earlier: tuple[Content, ...] = ()
        if parent is not None:
            answer = Content(role="model", parts=(picture(RED) | {"thoughtSignature": "c2ln"},))
            earlier = (*requests[parent].contents, answer)
        requests += assemble(Cell(prompt=prompt), parse_use(MODEL), [], earlier)
    return [request_digest(request) for request in requests]
