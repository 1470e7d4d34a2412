"""What is packed into a notebook may come from a stranger: it is refused in words, never used, never a crash."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gemnb.cache import Cache, DirectoryStore
from gemnb.canonical import blob_digest
from gemnb.errors import CacheError, CorruptEntry, GemnbError, UnknownSchema
from gemnb.pack import packed, slim_notebook

A = "sha256:" + "a" * 64
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([A, "blobs", "/w==", 0]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=4) | st.sampled_from(["schema", "blobs", "records", "pointers", "private", "made", A]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


def holding(content: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "cells": [], "metadata": {"gemnb": {"packed": content}}}


def whole(**changed: Any) -> dict[str, Any]:
    return holding({"schema": 0, "blobs": {}, "records": []} | changed)


@pytest.mark.parametrize("document", [{}, {"metadata": 1}, {"metadata": {"gemnb": []}}, {"metadata": {"gemnb": {}}}])
def test_nothing_packed_is_empty(document: Any) -> None:
    """A notebook into which nothing was packed holds nothing, whatever its metadata is."""
    assert not packed(document)
    assert packed(document).blob(A) is None


@pytest.mark.parametrize(
    "content",
    [
        [],
        "x",
        {},
        {"schema": True, "blobs": {}, "records": []},
        {"schema": -1, "blobs": {}, "records": []},
        {"schema": 0},
        {"schema": 0, "blobs": [], "records": []},
        {"schema": 0, "blobs": {}, "records": {}},
        {"schema": 0, "blobs": {"../../etc/passwd": ""}, "records": []},
        {"schema": 0, "blobs": {A.upper(): ""}, "records": []},
        {"schema": 0, "blobs": {A: 7}, "records": []},
        {"schema": 0, "blobs": {}, "records": [], "more": 1},
        {"schema": 0, "blobs": {}, "records": [], "pointers": {"../x": "y"}},
        {"schema": 0, "blobs": {}, "records": [], "pointers": {"records/aa/" + "a" * 64 + "/1.json": "{}"}},
        {"schema": 0, "blobs": {}, "records": [], "pointers": {"pixels/aa/" + "a" * 64: "y" * 100_000}},
        {"schema": 0, "blobs": {}, "records": [], "private": ["../x"]},
        {"schema": 0, "blobs": {}, "records": [None] * 100_001},
    ],
)
def test_a_strange_shape_is_refused(content: Any) -> None:
    """What no gemnb packs is an error that names the notebook."""
    with pytest.raises(CorruptEntry, match=r"What is packed into post\.ipynb is damaged"):
        packed(holding(content), "post.ipynb")


def test_a_later_version_is_told() -> None:
    """A later schema is an error of its own, with the upgrade to type."""
    with pytest.raises(UnknownSchema, match="schema version 7") as caught:
        packed(whole(schema=7))
    assert "pip install" in caught.value.hint


@pytest.mark.parametrize("text", ["", "/w==", "no base64!", "é", "/w=", base64.b64encode(b"other").decode()])
def test_bytes_that_are_not_their_digest_are_never_given(text: str) -> None:
    """Bytes are hashed when they are asked for; what does not fit is an error that names the notebook."""
    held = packed(whole(blobs={A: text}), "post.ipynb")

    assert held.digests == {A}
    with pytest.raises(CorruptEntry, match=r"post\.ipynb"):
        held.blob(A)


def test_good_bytes_are_given() -> None:
    """Bytes that have their digest are given."""
    data = b"\x89PNG, or what is taken for it"

    assert packed(whole(blobs={blob_digest(data): base64.b64encode(data).decode()})).blob(blob_digest(data)) == data


def test_base64_with_anything_else_in_it_is_refused() -> None:
    """Only the one form that gemnb writes is read, so that nothing can hide between the letters."""
    data = b"a picture"
    text = base64.b64encode(data).decode()

    with pytest.raises(CorruptEntry, match="damaged"):
        packed(whole(blobs={blob_digest(data): text[:4] + "\x1b" + text[4:]})).blob(blob_digest(data))


@given(content=JSON)
def test_anything_is_read_or_refused(content: Any) -> None:
    """Whatever stands there, reading it ends in a value or in an error of gemnb's, and bytes have their digest."""
    with contextlib.suppress(CacheError):
        held = packed(holding(content))
        for digest in held.digests:
            assert blob_digest(held.blob(digest) or b"") == digest


@settings(max_examples=40, deadline=None)
@given(
    content=st.fixed_dictionaries(
        {"schema": st.just(0), "blobs": st.dictionaries(st.just(A), JSON), "records": st.lists(JSON, max_size=2)}
    )
)
def test_slim_takes_nothing_of_a_strangers_into_the_cache(
    tmp_path_factory: pytest.TempPathFactory, content: Any
) -> None:
    """A crafted notebook is refused by slim before anything is written, and stays as it is."""
    folder = tmp_path_factory.mktemp("hostile")
    path = folder / "n.ipynb"
    path.write_text(json.dumps(holding(content)))
    before = path.read_bytes()
    cache = Cache(DirectoryStore(folder / "cache"))
    if not content["blobs"] and not content["records"]:
        return

    with pytest.raises(GemnbError):
        slim_notebook(path, cache, cache)
    assert path.read_bytes() == before
    assert not (folder / "cache").exists()


def test_escape_sequences_do_not_reach_a_terminal() -> None:
    """Control characters in a crafted digest are shown as their codes."""
    with pytest.raises(CorruptEntry) as caught:
        packed(whole(blobs={"\x1b[2Jsha256": ""}))
    assert "\x1b" not in str(caught.value)
