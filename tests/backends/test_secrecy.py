"""A key is taken out of what a service says, in whatever way it is written down there (law 12)."""

from __future__ import annotations

import base64
import html
import json
import os
import pickle
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.backends.base import Secret
from gemnb.backends.secrecy import SHORTEST, Secrets

KEY = "AIza-test/key+with=signs&\"'\\<>%41 and more"
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=SHORTEST, max_size=60)
FORMS = {
    "plain": str,
    "repr": lambda key: repr(key)[1:-1],
    "repr of bytes": lambda key: repr(key.encode())[2:-1],
    "JSON": lambda key: json.dumps(key)[1:-1],
    "JSON with escaped slashes": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "JSON in JSON": lambda key: json.dumps(json.dumps(key)[1:-1])[1:-1].replace("/", "\\/"),
    "code points": lambda key: "".join(f"\\u{ord(character):04X}" for character in key),
    "bytes": lambda key: "".join(f"\\x{ord(character):02x}" for character in key),
    "URL": quote,
    "URL, all of it": lambda key: quote(key, safe=""),
    "query of a URL": quote_plus,
    "URL in a URL": lambda key: quote(quote(key, safe=""), safe=""),
    "HTML": html.escape,
    "HTML, by number": lambda key: "".join(f"&#{ord(character)};" for character in key),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
}


def secrets(*words: str) -> Secrets:
    return Secrets(map(Secret, words))


@pytest.mark.parametrize("form", FORMS)
@settings(deadline=None, max_examples=40)
@given(key=PRINTABLE)
def test_a_key_is_hidden_in_every_form(form: str, key: str) -> None:
    """Whatever printable text a key is, each way of writing it down becomes `[key]`, in text and in a body."""
    written = f"<{FORMS[form](key)}>"
    hidden = secrets(key).hide(written)
    assert "[key]" in hidden
    assert len(hidden.replace("[key]", "")) <= 8  # an escape's end, or base64 of a few bits
    assert secrets(key).blank(written.encode()) == hidden.encode()


@settings(deadline=None)
@given(before=st.binary(max_size=5), after=st.binary(max_size=5), key=PRINTABLE)
def test_a_key_within_what_was_encoded_is_hidden(before: bytes, after: bytes, key: str) -> None:
    """`user:key` in base64 holds no base64 of the key alone; what holds whole characters of it is hidden."""
    encoded = base64.b64encode(before + key.encode() + after).decode()
    assert "[key]" in secrets(key).hide(encoded)


def test_a_token_is_hidden_without_its_scheme() -> None:
    """Of `Bearer token` a service may say the token alone."""
    assert secrets("Bearer token-of-a-gateway").hide("no token-of-a-gateway") == "no [key]"


def test_all_that_is_secret_is_hidden() -> None:
    """Where one secret holds another, both are hidden whole."""
    both = secrets("the-first-secret", "the-first-secret-and-more")
    assert both.hide("the-first-secret-and-more the-first-secret") == "[key] [key]"
    assert both.blank(b"the-first-secret-and-more the-first-secret") == b"[key] [key]"


@pytest.mark.parametrize("broken", ["<b>{0}</b>{1}", "{0}<wbr>{1}", "{0}\n  {1}", '"{0}\\n{1}"', "{0}\\u0026{1}"])
def test_a_key_that_is_broken_in_two_is_hidden(broken: str) -> None:
    """A tag or a line break inside a key does not keep it from being found; what is no break does."""
    text = secrets(KEY).hide(broken.format(KEY[:12], KEY[12:]))
    assert (KEY[:12] in text) == (KEY[12:] in text) == ("0026" in broken)
    assert ("[key]" in text) != ("0026" in broken)


def test_a_long_token_is_hidden() -> None:
    """A signed token of some thousand characters is found as fast as any."""
    token = base64.b64encode(os.urandom(3000)).decode()
    begun = time.perf_counter()
    assert (
        secrets(f"Bearer {token}").hide(json.dumps({"Authorization": token}).replace("/", "\\/")).endswith('[key]"}')
    )
    assert time.perf_counter() - begun < 2


def test_a_short_value_is_hidden_in_errors_alone() -> None:
    """A header's value of a few characters would be found in every answer: it is hidden in what is shown only."""
    short = secrets("user", "")
    body = b'{"role": "user"}'
    assert short.blank(body) is body
    assert short.hide("bad user") == "bad [key]"


@pytest.mark.parametrize("escaped", [False, True])
def test_an_answer_stays_the_json_it_was(*, escaped: bool) -> None:
    """What is blanked stays JSON, and everything beside the key stays as it was, a picture to the last byte."""
    picture = base64.b64encode(os.urandom(300_000)).decode()
    answer = {"a": ["é\\", {"data": picture, KEY: 1}], "z": f"{KEY}{KEY} \\{KEY}\\"}
    text = json.dumps(answer, ensure_ascii=escaped)
    blanked = json.loads(secrets(KEY).blank(text.replace("/", "\\/").encode() if escaped else text.encode()))
    assert blanked == {"a": ["é\\", {"data": picture, "[key]": 1}], "z": blanked["z"]}
    assert blanked["z"].strip("\\") in ("[key][key] [key]", "[key][key] \\[key]")


def test_a_key_within_a_picture_is_zeroed() -> None:
    """Where a key stands among the base64 of a picture, it is gone, and the length of the picture stays."""
    picture = base64.b64encode(os.urandom(300_000)).decode()
    body = json.dumps({"data": picture[:100_000] + "KEYwithoutSigns99" + picture[100_000:]}).encode()
    blanked = secrets("KEYwithoutSigns99").blank(body)
    assert b"KEYwithoutSigns99" not in blanked
    assert len(blanked) == len(body)


def test_a_clean_answer_costs_next_to_nothing() -> None:
    """Two megabytes without a key are handed on as they are, the very object, in a few milliseconds at most."""
    picture = base64.b64encode(os.urandom(1_500_000)).decode()
    body = json.dumps({"text": 'a "picture"\n' * 50, "data": picture, "more": 1}).encode()
    known = secrets("AIzaSyTESTTESTTESTTESTTESTTESTTESTTESTx", "Bearer a-token-of-some-gateway")
    times = []
    for _ in range(10):
        begun = time.perf_counter()
        assert known.blank(body) is body
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.005


@pytest.mark.parametrize("body", [b"\\" * 200_000, b'"' * 1_000_000, b"%25" * 100_000, b"", b'"', b"A" * 65_536])
def test_a_strange_answer_takes_no_time(body: bytes) -> None:
    """A body made to be slow to look through is looked through in a moment."""
    begun = time.perf_counter()
    assert secrets(KEY, "AAAAAAAB").blank(body) == body
    assert time.perf_counter() - begun < 5


def test_secrets_show_nothing() -> None:
    """Neither repr nor pickle tells a secret."""
    assert KEY not in repr(secrets(KEY))
    with pytest.raises(TypeError):
        pickle.dumps(secrets(KEY))
