"""Law 10: the emulator is deterministic and answers only under `emulator/`."""

import ast
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import hypothesis.strategies as st
from hypothesis import example, given, settings

import gemnb.emulator
from gemnb.emulator import MODELS, Emulator, Fault

PROGRAM = """
import hashlib, json, sys, urllib.request
from gemnb.emulator import Emulator
with Emulator() as emulator:
    for body in json.load(sys.stdin):
        url = emulator.url + "/v1/models/emulator/sketch-1:generateContent"
        request = urllib.request.Request(url, json.dumps(body).encode(), {"x-goog-api-key": "k"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as response:
            print(hashlib.sha256(response.read()).hexdigest())
"""


def test_other_servers_and_other_processes_answer_with_the_same_bytes(api, ask, png, inline):
    """Neither port, process, hash seed nor what was asked before leaves a trace in an answer."""
    bodies = [ask(f"A kitten, number {number}", seed=number) for number in range(4)]
    bodies.append(ask("Add a hat", parts=[inline(png()), inline(png((0, 90, 200), (90, 40)))]))
    here = [hashlib.sha256(api.generate(body).body).hexdigest() for body in bodies]
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM],
            input=json.dumps(bodies),
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
            cwd=Path(gemnb.emulator.__file__).parents[2],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        )
        assert done.stdout.split() == here
        assert done.stderr == ""


def test_answers_repeat_after_others_came_between(api, ask):
    """The server keeps no memory that shows in an answer."""
    first = api.generate(ask()).body
    api.generate(ask("Something else"))
    assert api.generate(ask()).body == first


names = st.text(min_size=1, max_size=40) | st.sampled_from(["sketch-1", "gemini-3-pro-image"]).flatmap(
    lambda name: st.sampled_from([name, f"google/{name}", f"models/emulator/{name}", f"emulator/../{name}"])
)


@settings(max_examples=150, deadline=None)
@given(model=names.filter(lambda name: name not in MODELS), faulty=st.booleans())
@example(model="emulator", faulty=False)
@example(model="emulator/", faulty=True)
@example(model="emulator/sketch-1/", faulty=True)
@example(model="/emulator/sketch-1", faulty=False)
@example(model="EMULATOR/sketch-1", faulty=False)
@example(model="emulator%2Fsketch-1", faulty=False)
@example(model="emulator/sketch-1\x00", faulty=False)
@example(model="gemini-3-pro-image:generateContent", faulty=True)
def test_no_other_model_is_ever_answered_with_a_picture(steady, model, faulty):
    """Whatever the id and whatever the faults, an id that is not the emulator's gets 404."""
    if faulty:
        steady.request("POST", "/emulator/faults", [{"kind": "jpeg"}])
    body = {"contents": [{"parts": [{"text": "A kitten."}]}]}
    answer = steady.request("POST", f"/v1/models/{quote(model, safe='/', errors='replace')}:generateContent", body)
    steady.request("DELETE", "/emulator/faults")
    assert (answer.status, answer.error["status"]) == (404, "NOT_FOUND")
    assert b"inlineData" not in answer.body


def test_every_model_of_the_emulator_lies_under_its_vendor():
    """No id in the catalogue could be taken for a real model's."""
    assert list(MODELS) == [model.id for model in MODELS.values()]
    assert all(name.startswith("emulator/") for name in MODELS)


def test_the_emulator_imports_nothing_else_of_gemnb():
    """It stands where Google stands: no line in it imports gemnb beyond gemnb.emulator."""
    home = Path(gemnb.emulator.__file__).parent
    files = sorted(home.rglob("*.py"))
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                assert not module.startswith("gemnb") or module.startswith("gemnb.emulator"), (file.name, module)


def test_a_fault_does_not_outlive_its_server(ask):
    """A second emulator starts with a clean script."""
    with Emulator() as first, Emulator() as second:
        first.script(Fault(kind="overloaded"))
        assert first.url != second.url
        assert second.calls == ()
