"""What only a real key can prove. Runs with `pytest -m live` and GEMINI_API_KEY, and spends cents."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

import gemnb
from gemnb.errors import Rejected

if TYPE_CHECKING:
    from pathlib import Path

KEY = os.environ.get("GEMINI_API_KEY", "")
MODEL = os.environ.get("GEMNB_LIVE_MODEL", "google/gemini-nano-banana-2.1")

pytestmark = [pytest.mark.live, pytest.mark.skipif(not KEY, reason="GEMINI_API_KEY is not set")]


@pytest.fixture(autouse=True)
def _key(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


def test_a_google_model_draws_and_its_answer_replays() -> None:
    """A current model answers, and the same request is found again, byte for byte."""
    first = gemnb.generate("A red circle on white", model=MODEL)
    again = gemnb.generate("A red circle on white", model=MODEL, mode="replay")

    assert first.pictures
    assert again.bytes == first.bytes
    assert first.record.received["host"] == "generativelanguage.googleapis.com"


def test_an_edit_with_signatures_is_accepted() -> None:
    """The model's own turn, with its thought signatures, can be sent back."""
    circle = gemnb.generate("A red circle on white", model=MODEL)

    assert gemnb.generate("Make the circle blue", model=MODEL, edit=circle).pictures


def test_ratio_and_size_reach_the_model() -> None:
    """`imageConfig` is honoured on API version v1."""
    wide = gemnb.generate("A red line on white", model=MODEL, aspect="16:9", size="1K")
    original = wide.pictures[0].original

    assert original.width / original.height == pytest.approx(16 / 9, rel=0.05)


def test_a_wrong_key_is_told_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's refusal of a key becomes our words."""
    monkeypatch.setenv("GEMINI_API_KEY", "AIzaSyNotAKey")
    with pytest.raises(Rejected, match="does not accept the API key") as caught:
        gemnb.generate("A red circle on white, again", model=MODEL)

    assert "AIzaSyNotAKey" not in str(caught.value)


def test_an_unknown_model_is_told() -> None:
    """A 404 of Google's becomes our words, with a suggestion."""
    with pytest.raises(Rejected, match="knows no model") as caught:
        gemnb.generate("A red circle", model="google/gemini-nano-banana-99")

    assert caught.value.hint


def test_usage_comes_by_modality() -> None:
    """Token counts come split by modality, so that the price can be told."""
    made = gemnb.generate("A red circle on white", model=MODEL)

    assert made.usage.get("candidatesTokensDetails")
    assert made.cost is not None
