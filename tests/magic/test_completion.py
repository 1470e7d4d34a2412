"""Completion: what each place of a line offers, and that a kernel's front end gets it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import gemnb
from gemnb.magic.completion import offer
from gemnb.model import Invocation
from gemnb.options import OPTIONS
from gemnb.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODEL = "emulator/sketch-1"


def names() -> dict[str, Any]:
    """Return the variables of a user."""
    cat = Result(records=(), invocation=Invocation(), blob=lambda _digest: b"")
    return {
        "cat": cat,
        "data": b"x",
        "path": Path("x"),
        "style": "ink",
        "n": 3,
        "flag": True,
        "_i": "x",
        "things": [],
    }


def words(text: str, model: str = MODEL) -> tuple[str, ...] | None:
    """Return what is offered at the `‸` of a cell; None where gemnb has no say."""
    before, _, after = text.partition("‸")
    above, _, line = before.rpartition("\n")
    found = offer(line, above.split("\n") if above else [], before + after, names(), model)
    return None if found is None else found.words


def test_pictures_of_every_kind_are_offered() -> None:
    """Arrays, Pillow images and what `gemnb.keep` returned fit `-i` as well as results, bytes and paths."""
    picture = Image.new("RGB", (2, 2), "teal")
    variables = {"array": np.asarray(picture), "kept": gemnb.keep(picture), "pillow": picture, "words": ["a"]}
    found = offer("%%gemimg -i ", [], "%%gemimg -i ", variables, MODEL)

    assert found is not None
    assert found.words == ("array", "kept", "pillow")


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("%%gemimg hero --se‸", ("--seed",)),
        ("%%gemimg hero --mode ‸\nA cat", ("auto", "replay", "refresh", "plan")),
        ("%%gemimg --mode=re‸", ("replay", "refresh")),
        ("%%gemimg -s ‸", ("512", "1K", "2K", "4K")),
        ("%%gemimg -a 16‸", ("16:9",)),
        ("%%gemimg -i ‸", ("cat", "data", "path")),
        ("%%gemimg -e ‸", ("cat",)),
        ("%%gemimg -p ‸", ("n", "style")),
        ("%%gemimg -p ‸\n{{style}} {{who}} {{style}}", ("style", "who=")),
        ("%%gemimg -p x=$s‸\n{{x}}", ("style",)),
        ("%%gemimg --system $‸", ("$n", "$style")),
        ("%%gemimg -m emulator/sketch-1‸", ("emulator/sketch-1",)),
        ("\n\n%%gemimg -q --qu‸", ()),
        ("%%gemimg her‸", ()),
        ("%%gemimg --alt ‸", ()),
        ("%%gemimg\n#| al‸", ("alt:",)),
        ("%%gemimg hero\n#| alt: A cat\n#| mode: re‸\nA cat", ("replay", "refresh")),
        ("%gemnb st‸", ("status",)),
        ("x = 1\n%gemnb di‸", ("diff",)),
        ("%gemnb why ‸", ("cat",)),
        ("%gemnb diff cat c‸", ("cat",)),
        ("%gemnb use emulator/sketch-1 --s‸", ("--size", "--seed", "--system")),
        ("%gemnb use emulator/sketch-1 -s 2‸", ("2K",)),
        ("%gemnb cache ‸", ()),
    ],
)
def test_each_place_offers_what_can_stand_there(text: str, offered: tuple[str, ...]):
    """Options, values, variables and verbs are offered where they belong, in their own order."""
    assert words(text) == offered


def test_models_and_their_aliases_are_offered():
    """Behind `-m` and `%gemnb use` stand all models of the table, their aliases, and text variables after `$`."""
    from gemnb.capabilities import models

    known = {name for model in models().values() for name in (model.id, *model.aliases)}
    assert set(words("%%gemimg -m ‸")) == known
    assert set(words("%gemnb use ‸")) == known | {"$n", "$style"}
    assert words("%gemnb use $s‸") == words("%%gemimg -m $s‸") == ("$style",)


@pytest.mark.parametrize(
    "text",
    [
        "%%gemimg\nA cat --se‸",
        "%%gemimg\n%gemnb st‸",
        "%%bash\n%gemnb st‸",
        "x = %gemn‸",
        "%%gemimgs --se‸",
        "%%gemimg --alt 'a cat --se‸",
        "%%gemimg\nA cat\n#| al‸",
        "%%gemimg\n#|\n#| al‸",
        "%%gemimg\n#| nothing: x‸",
        "print('%gemnb ‸",
        "‸",
    ],
)
def test_elsewhere_nothing_is_offered(text: str):
    """The prompt, other cells, text in quotes and ordinary code are left to IPython."""
    assert words(text) is None


def test_every_option_is_offered_once():
    """All options are offered, less those that stand on the line already and cannot stand twice."""
    found = words("%%gemimg --seed 3 -i x ‸")

    assert {f"--{o.name}" for o in OPTIONS if o.name != "seed"} == {w for w in found if w.startswith("--")}
    assert len(set(found)) == len(found)


def test_values_are_those_of_the_model_in_force():
    """Sizes are those of the model on the line, else of the notebook's, else of all that are known."""
    from gemnb.capabilities import models

    known = {model.id: model.sizes for model in models().values()}
    for model, sizes in known.items():
        assert words(f"%%gemimg -m {model} -s ‸", "") == sizes
        assert words("%%gemimg -s ‸", model) == sizes
    assert set(words("%%gemimg -s ‸", "unheard/of")) == {size for sizes in known.values() for size in sizes}


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], list[str]]]:
    """Ask a real kernel for completions at the `‸` of a cell, as a front end does."""
    from jupyter_client.manager import start_new_kernel

    folder = tmp_path_factory.mktemp("complete")
    (folder / "pyproject.toml").write_text("[tool.gemnb]\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GEMNB_", "GEMINI_"))}
    environment |= {"IPYTHONDIR": str(folder / "ipython"), "XDG_CACHE_HOME": str(folder / "user")}
    manager, client = start_new_kernel(
        kernel_name="python3", cwd=str(folder), env=environment, extra_arguments=["--IPKernelApp.log_level=ERROR"]
    )

    def ask(text: str) -> list[str]:
        if "‸" not in text:
            reply = client.execute_interactive(text, timeout=60, output_hook=lambda _message: None)
            assert reply["content"]["status"] == "ok"
            return []
        code, at = text.replace("‸", ""), text.index("‸")
        content = client.complete(code, at, reply=True, timeout=60)["content"]
        return [
            code[: content["cursor_start"]] + match + code[content["cursor_end"] :] for match in content["matches"]
        ]

    try:
        ask("import warnings\nhero = b'x'; style = 'ink'\n%load_ext gemnb\n%gemnb use emulator/sketch-1")
        yield ask
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("%%gemimg hero --asp‸\nA cat", ["%%gemimg hero --aspect\nA cat"]),
        ("%%gemimg -a 21:‸\nA cat", ["%%gemimg -a 21:9\nA cat"]),
        ("%%gemimg --mode=ref‸\nA cat", ["%%gemimg --mode=refresh\nA cat"]),
        ("%%gemimg -s 2‸\nA cat", ["%%gemimg -s 2K\nA cat"]),
        ("%%gemimg -p sty‸\n{{style}}", ["%%gemimg -p style\n{{style}}"]),
        ("%%gemimg --system $sty‸", ["%%gemimg --system $style"]),
        ("%%gemimg -m emulator/sketch-1‸", ["%%gemimg -m emulator/sketch-1"]),
        ("%%gemimg\n#| asp‸\nA cat", ["%%gemimg\n#| aspect:\nA cat"]),
        ("%gemnb his‸", ["%gemnb history"]),
        ("%gemnb use emulator/sketch-1 --temp‸", ["%gemnb use emulator/sketch-1 --temperature"]),
    ],
)
def test_a_front_end_gets_the_whole_word(complete: Callable[[str], list[str]], text: str, whole: list[str]):
    """Through a real kernel, the completed cell is what was meant, and nothing else is offered."""
    assert complete(text) == whole


def test_variables_stand_beside_files(complete: Callable[[str], list[str]]):
    """At `-i` the front end gets variables, and the files that IPython knows."""
    found = complete("%%gemimg -i ‸\nA cat")

    assert "%%gemimg -i hero\nA cat" in found
    assert any(text.startswith("%%gemimg -i pyproject.toml") for text in found)


def test_unloading_takes_the_completions_away(complete: Callable[[str], list[str]]):
    """After `%unload_ext` nothing of gemnb's is offered, after a double load nothing twice."""
    complete("%reload_ext gemnb")
    assert complete("%gemnb his‸") == ["%gemnb history"]
    complete("%unload_ext gemnb")
    assert "%gemnb history" not in complete("%gemnb his‸")
    complete("%load_ext gemnb")
    assert complete("%gemnb his‸") == ["%gemnb history"]
