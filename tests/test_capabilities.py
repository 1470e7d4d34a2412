"""capabilities: the dated table of models is well-formed, resolves names, warns, and tells prices."""

from __future__ import annotations

import datetime as dt
import math
import re
import tomllib
from importlib.resources import files

import pytest

from gemnb.capabilities import VENDORS, models, remarks, resolve_model
from gemnb.errors import RequestError
from gemnb.model import Content, Request

TABLE = tomllib.loads((files("gemnb") / "capabilities.toml").read_text("utf-8"))
ROWS = [pytest.param(key, row, id=key) for key, row in TABLE["models"].items()]
PRO = "google/gemini-3-pro-image"


def request(model: str = PRO, **config) -> Request:
    return Request(model=model, contents=(Content(role="user", parts=({"text": "a cat"},)),), config=config)


@pytest.mark.parametrize(("key", "row"), ROWS)
def test_a_row_is_well_formed(key, row):
    """Each model has a vendor gemnb knows, a name, sizes, ratios, prices of every kind, and a source."""
    vendor, _, name = key.partition("/")
    assert vendor in VENDORS
    assert re.fullmatch(r"[a-z0-9.-]+", name)
    assert set(row) <= {
        *("name", "aliases", "released", "retired", "successor"),
        *("sizes", "ratios", "inputs", "source"),
        *("prices", "image_tokens", "priced", "price_source"),
    }
    assert row["name"]
    assert row["source"]
    assert row["sizes"]
    assert set(row["sizes"]) <= {"512", "1K", "2K", "4K"}
    assert row["ratios"] in TABLE["ratios"]
    assert row["inputs"] >= 1
    assert set(row["prices"]) == {"input", "text_output", "image_output"}
    assert all(isinstance(price, float) and price >= 0 for price in row["prices"].values())
    assert row["priced"] <= TABLE["as_of"]
    assert row["price_source"]
    assert set(row["image_tokens"]) == (set() if vendor == "emulator" else set(row["sizes"]))
    assert all(tokens > 0 for tokens in row["image_tokens"].values())


@pytest.mark.parametrize(("key", "row"), ROWS)
def test_a_models_life_is_in_order(key, row):
    """A model is in the table once it is out, is retired after that, and its successor is there and alive."""
    released, retired, successor = row["released"], row.get("retired", dt.date.max), row.get("successor")
    assert released <= TABLE["as_of"]
    assert released <= retired
    if successor is not None:
        assert "retired" in row
        assert successor != key
        assert "retired" not in TABLE["models"][successor]
    if "retired" in row and key.startswith("google/"):
        assert successor is not None


@pytest.mark.parametrize("ratios", TABLE["ratios"].values(), ids=TABLE["ratios"])
def test_ratios_are_ratios(ratios):
    """Each list of aspect ratios holds each ratio once, in lowest terms."""
    pairs = [tuple(map(int, ratio.split(":"))) for ratio in ratios]
    assert len(set(pairs)) == len(pairs)
    assert all(math.gcd(*pair) == 1 or pair == (21, 9) for pair in pairs)


def test_no_name_stands_for_two_models():
    """Every alias and every bare id is the name of one model only."""
    names = [name for key, row in TABLE["models"].items() for name in (key.partition("/")[2], *row["aliases"])]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize(("key", "row"), ROWS)
def test_every_name_resolves(key, row):
    """The id, the id without its vendor, and each alias stand for the id."""
    for name in (key, key.partition("/")[2], *row["aliases"]):
        assert resolve_model(name) == key
    assert models()[key].id == key


def test_aliases_are_fixed_for_ever():
    """An alias once released stands for the same model in every later gemnb: add rows here, change none."""
    released = {
        "nano-banana": "google/gemini-2.5-flash-image",
        "nano-banana-2": "google/gemini-3.1-flash-image",
        "nano-banana-2-lite": "google/gemini-3.1-flash-lite-image",
        "nano-banana-2.1": "google/gemini-nano-banana-2.1",
        "nano-banana-pro": "google/gemini-3-pro-image",
    }
    assert released == {name: resolve_model(name) for row in TABLE["models"].values() for name in row["aliases"]}


@pytest.mark.parametrize("text", ["google/gemini-99", "emulator/x"])
def test_unknown_ids_of_a_known_vendor_pass(text):
    """A model that came out after this gemnb can be asked by its whole id."""
    assert resolve_model(text) == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("nano-bananas", "Did you mean nano-banana?"),
        ("gemini-3-pro", "Did you mean google/gemini-3-pro-image?"),
        ("googel/gemini-3-pro-image", "Did you mean google/gemini-3-pro-image?"),
        ("Nano-Banana-Pro", "Did you mean nano-banana-pro?"),
        ("latest", "Known: google/"),
        ("openai/gpt-image-1", None),
        ("google/", None),
        ("google/ x", None),
        ("emulator/x\n", None),
        ("/x", None),
        ("", None),
    ],
    ids=repr,
)
def test_what_names_no_model_is_refused(text, hint):
    """A name that is neither an id nor an alias is an error that names the nearest, or all; there is no latest."""
    with pytest.raises(RequestError, match="names no model") as caught:
        resolve_model(text)
    assert caught.value.evidence == {"model": text}
    assert caught.value.hint.startswith(hint or ("Did you mean ", "Known: "))


def test_nothing_is_said_when_all_is_well():
    """A request that its model is known to take is paid for without a remark."""
    assert remarks(request(aspect_ratio="16:9", image_size="2K"), dt.date(2026, 11, 21)) == []


def test_an_unknown_model_is_remarked():
    """A model that the table does not know is asked for, and that is said."""
    (said,) = remarks(request("google/gemini-99", aspect_ratio="9:1"), dt.date(2026, 11, 21))
    assert said.startswith("google/gemini-99 is not in gemnb's table of models")


def test_a_retired_model_names_its_successor():
    """From its last day on, a retired model is remarked with its successor, and not before."""
    old = request("google/gemini-2.5-flash-image")
    assert remarks(old, dt.date(2026, 10, 1)) == []
    (said,) = remarks(old, dt.date(2026, 10, 3))
    assert said == (
        "google/gemini-2.5-flash-image was retired on 2026-10-02; its successor is google/gemini-nano-banana-2.1."
    )


def test_sizes_and_ratios_unknown_to_the_model_are_remarked():
    """A size and a ratio that the model is not known to take are each remarked with those it takes."""
    ratio, size = remarks(request(aspect_ratio="8:1", image_size="512"), dt.date(2026, 11, 21))
    assert ratio.startswith(f"{PRO} is not known to take 8:1; known: 1:1, 2:3,")
    assert size == f"{PRO} is not known to take 512; known: 1K, 2K, 4K."
