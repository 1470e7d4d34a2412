"""Kept answers: found, numbered, checked on every read, and set aside when they are not what they say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemnb.cache import Cache, DirectoryStore, Tiers
from gemnb.cache.store import attempt_of, blob_key, record_key
from gemnb.canonical import blob_digest, short, tagged_digest
from gemnb.errors import CorruptEntry, StoreError, UnknownSchema
from gemnb.model import Binding, Invocation, Outcome
from gemnb.records import document, dump

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gemnb.cache import Store
    from gemnb.model import Record

    Maker = Callable[..., tuple[Record, dict[str, bytes]]]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """A cache in a folder that does not exist yet."""
    return Cache(DirectoryStore(tmp_path / "cache"))


class ReadOnly:
    """A store that can be read only."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def get(self, key: str) -> bytes | None:
        return self.store.get(key)

    def keys(self, prefix: str) -> Iterator[str]:
        return self.store.keys(prefix)

    def put(self, key: str, value: bytes) -> bool:
        raise StoreError(f"Cannot write {len(value)} bytes under {key}.")

    def delete(self, key: str) -> None:
        raise StoreError(f"Cannot remove {key}.")


class Noting(ReadOnly):
    """A store that notes the order of its puts."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.order: list[str] = []

    def put(self, key: str, value: bytes) -> bool:
        self.order.append(key)
        return self.store.put(key, value)


def _replace(cache: Cache, key: str, value: bytes) -> None:
    cache.store.delete(key)
    cache.store.put(key, value)


def _edit(cache: Cache, key: str, change: Callable[[Any], None]) -> None:
    """Change a kept record as somebody would who makes its record digest fit again."""
    doc = json.loads(cache.store.get(key))
    change(doc)
    doc["record_digest"] = tagged_digest("record", doc["record"])
    _replace(cache, key, dump(doc))


def _assert_set_aside(cache: Cache, caught: pytest.ExceptionInfo[CorruptEntry], key: str, data: bytes) -> None:
    """The error names the file and what to type; the bytes lie under corrupt/ and nowhere else."""
    assert f"cache/{key} " in caught.value.what
    assert f"git checkout -- cache/{key} " in caught.value.hint
    assert caught.value.why
    assert caught.value.evidence["key"] == key
    assert cache.store.get(key) is None
    aside = list(cache.store.keys("corrupt/"))
    assert len(aside) == 1
    assert aside[0] in caught.value.what
    assert cache.store.get(aside[0]) == data


def test_a_kept_answer_is_found_with_its_invocation(cache: Cache, make_answer: Maker, invocation: Invocation):
    """What is kept is found again, record and invocation, by another process as well."""
    record, blobs = make_answer()
    kept = cache.keep(record, invocation, blobs)
    found = Cache(DirectoryStore(cache.store.root)).find(record.request_digest)
    assert kept == record
    assert (found.record, found.invocation) == (record, invocation)


def test_an_unknown_request_has_no_attempts(cache: Cache, make_answer: Maker, invocation: Invocation):
    """A request nobody asked is a miss, whatever else is kept."""
    record, blobs = make_answer()
    other, _ = make_answer("a dog")
    cache.keep(record, invocation, blobs)
    assert cache.find(other.request_digest) is None
    assert cache.attempts(other.request_digest) == []


def test_asking_again_appends(cache: Cache, make_answer: Maker, invocation: Invocation):
    """Each further answer is a further attempt; the latest is found, and each one when it is told."""
    texts = [f"answer {number}" for number in range(1, 13)]
    for number, text in enumerate(texts, 1):
        assert cache.keep(*_with(make_answer(text=text), invocation)).attempt == number
    digest = make_answer()[0].request_digest
    assert cache.attempts(digest) == list(range(1, 13))
    assert cache.find(digest).record.attempt == 12
    assert [_said(cache.find(digest, number).record) for number in range(1, 13)] == texts
    assert cache.find(digest, 13) is None


def _with(answer: tuple[Record, dict[str, bytes]], invocation: Invocation) -> tuple[Any, ...]:
    return answer[0], invocation, answer[1]


def _said(record: Record) -> str:
    return record.response["candidates"][0]["content"]["parts"][-1]["text"]


def test_an_earlier_answer_is_never_replaced(cache: Cache, make_answer: Maker, invocation: Invocation):
    """Keeping a further attempt leaves the file of the first one as it was, byte by byte."""
    first, blobs = make_answer(text="first")
    cache.keep(first, invocation, blobs)
    before = cache.store.get(record_key(first.request_digest, 1))
    cache.keep(*_with(make_answer(text="second"), invocation))
    assert cache.store.get(record_key(first.request_digest, 1)) == before


def test_foreign_files_are_no_attempts(cache: Cache, make_answer: Maker, invocation: Invocation):
    """Only `<number>.json` is an attempt; copies, leading zeros and other names are not."""
    record, blobs = make_answer()
    cache.keep(record, invocation, blobs)
    folder = cache.store.root / record_key(record.request_digest, 1)
    for name in ("01.json", "0.json", "2.json.bak", "2.txt", "9999999.json", "-1.json", "1e3.json"):
        (folder.parent / name).write_bytes(b"")
    assert cache.attempts(record.request_digest) == [1]
    assert cache.find(record.request_digest).record.attempt == 1


def test_a_key_that_is_no_record_names_no_attempt():
    """The attempt is read from keys of records only."""
    digest = "sha256:" + "ab" * 32
    assert attempt_of(record_key(digest, 123)) == 123
    assert [attempt_of(key) for key in ("records/ab/1.json", blob_key(digest), "corrupt/1.json", "")] == [None] * 4


def test_eight_processes_append_side_by_side(
    cache: Cache, tmp_path: Path, make_answer: Maker, invocation: Invocation, run_together: Callable[..., list[str]]
):
    """Answers kept at once by eight processes become attempts 1 to 24, all of them readable."""
    record, _ = make_answer()
    source = tmp_path / "record.json"
    source.write_bytes(dump(document(record, invocation)))
    said = run_together("keep_attempts.py", *([str(cache.store.root), str(source), "3"] for _ in range(8)))
    assert sorted(attempt for text in said for attempt in json.loads(text)) == list(range(1, 25))
    assert cache.attempts(record.request_digest) == list(range(1, 25))
    assert all(cache.find(record.request_digest, number).record.attempt == number for number in range(1, 25))


def test_blobs_are_put_before_their_record(memory: Store, make_answer: Maker, invocation: Invocation, make_picture):
    """The record is put last, so that no record ever refers to bytes that are not there yet."""
    store = Noting(memory)
    record, blobs = make_answer(pictures=(make_picture(), make_picture(size=(1200, 900), noise=True)))
    Cache(store).keep(record, invocation, {**blobs, blob_digest(b"input"): b"input"})
    assert len(blobs) == 3  # two pictures and the preview of the bigger one
    assert store.order == [
        *map(blob_key, blobs),
        blob_key(blob_digest(b"input")),
        record_key(record.request_digest, 1),
    ]


def test_a_store_that_fails_is_no_miss(memory: Store, make_answer: Maker, invocation: Invocation):
    """A store's failure passes through: answering None would cost money."""

    class Failing(ReadOnly):
        def get(self, key: str) -> bytes | None:
            raise StoreError(f"Cannot read {key}.")

    record, blobs = make_answer()
    Cache(memory).keep(record, invocation, blobs)
    with pytest.raises(StoreError):
        Cache(Failing(memory)).find(record.request_digest)
    with pytest.raises(StoreError):
        Cache(ReadOnly(memory)).keep(record, invocation, blobs)
    assert Cache(memory).attempts(record.request_digest) == [1]


def test_blobs_come_back(cache: Cache):
    """Bytes are kept under their own digest, once, and come back checked."""
    digest = cache.put_blob(b"bytes")
    assert digest == cache.put_blob(b"bytes") == blob_digest(b"bytes")
    assert cache.blob(digest) == b"bytes"


def test_missing_lists_what_is_not_kept(cache: Cache):
    """The digests without bytes are listed, in the order asked."""
    kept = cache.put_blob(b"kept")
    other, third = blob_digest(b"other"), blob_digest(b"third")
    assert cache.missing([third, kept, other]) == [third, other]


def test_a_missing_blob_says_how_it_comes_back(cache: Cache):
    """Bytes that a record refers to and that are gone are an error that names the file and what to type."""
    digest = blob_digest(b"gone")
    with pytest.raises(CorruptEntry) as caught:
        cache.blob(digest)
    assert short(digest) in caught.value.what
    assert blob_key(digest) in caught.value.why
    assert f"git checkout -- cache/{blob_key(digest)}" in caught.value.hint
    assert "--mode refresh" in caught.value.hint


@pytest.mark.parametrize("digest", ["", "sha256:../../etc/passwd", "sha256:" + "A" * 64, "ab" * 32, "sha256:abc"])
def test_what_is_no_digest_finds_nothing(cache: Cache, tmp_path: Path, digest: str):
    """A text that is no digest never becomes a path."""
    for look in (cache.find, cache.blob, cache.attempts, lambda d: cache.missing([d])):
        with pytest.raises(CorruptEntry):
            look(digest)
    assert list(tmp_path.iterdir()) == []


def _flip(data: bytes) -> bytes:
    return data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "flipped bit": _flip,
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda _: b"",
    "appended": lambda data: data + b"x",
    "zeros, as after a power cut": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_blob_is_set_aside(cache: Cache, make_picture: Callable[..., bytes], damage: str):
    """Bytes that have not their digest are reported, lie under corrupt/, and are not shown a second time either."""
    data = make_picture()
    damaged = DAMAGES[damage](data)
    digest = cache.put_blob(data)
    _replace(cache, blob_key(digest), damaged)
    with pytest.raises(CorruptEntry) as caught:
        cache.blob(digest)
    _assert_set_aside(cache, caught, blob_key(digest), damaged)
    with pytest.raises(CorruptEntry, match="missing"):
        cache.blob(digest)


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "flipped bit"])
def test_a_damaged_record_is_set_aside(cache: Cache, make_answer: Maker, invocation: Invocation, damage: str):
    """A record that no gemnb wrote is reported and lies under corrupt/; it does not answer."""
    record, blobs = make_answer()
    cache.keep(record, invocation, blobs)
    key = record_key(record.request_digest, 1)
    damaged = DAMAGES[damage](cache.store.get(key))
    _replace(cache, key, damaged)
    with pytest.raises(CorruptEntry) as caught:
        cache.find(record.request_digest)
    _assert_set_aside(cache, caught, key, damaged)
    assert cache.find(record.request_digest) is None


def test_the_number_of_an_attempt_is_not_given_twice(cache: Cache, make_answer: Maker, invocation: Invocation):
    """After an attempt was set aside, the next answer is the attempt after it: a lock may pin the lost one."""
    record, blobs = make_answer()
    cache.keep(record, invocation, blobs)
    _replace(cache, record_key(record.request_digest, 1), b"{}")
    with pytest.raises(CorruptEntry):
        cache.find(record.request_digest)

    assert cache.keep(record, invocation, blobs).attempt == 2
    other, more = make_answer("another request")
    assert cache.keep(other, invocation, more).attempt == 1


def test_the_same_damage_twice_is_reported_twice(cache: Cache):
    """An entry that comes back damaged in the same way is set aside again."""
    digest = cache.put_blob(b"bytes")
    for _ in range(2):
        _replace(cache, blob_key(digest), b"other")
        with pytest.raises(CorruptEntry) as caught:
            cache.blob(digest)
        _assert_set_aside(cache, caught, blob_key(digest), b"other")


def test_two_records_that_changed_places_are_found(cache: Cache, make_answer: Maker, invocation: Invocation):
    """A whole record under the name of another request answers neither of the two."""
    keys = []
    for prompt in ("a cat", "a dog"):
        record, blobs = make_answer(prompt)
        cache.keep(record, invocation, blobs)
        keys.append((record.request_digest, record_key(record.request_digest, 1)))
    (cat, cat_key), (dog, dog_key) = keys
    cat_bytes, dog_bytes = cache.store.get(cat_key), cache.store.get(dog_key)
    _replace(cache, cat_key, dog_bytes)
    _replace(cache, dog_key, cat_bytes)
    with pytest.raises(CorruptEntry) as caught:
        cache.find(cat)
    _assert_set_aside(cache, caught, cat_key, dog_bytes)
    with pytest.raises(CorruptEntry):
        cache.find(dog)


def test_two_attempts_that_changed_places_are_found(cache: Cache, make_answer: Maker, invocation: Invocation):
    """An attempt under the number of another attempt is not shown for it."""
    record, blobs = make_answer(text="first")
    cache.keep(record, invocation, blobs)
    cache.keep(*_with(make_answer(text="second"), invocation))
    key = record_key(record.request_digest, 2)
    _replace(cache, key, cache.store.get(record_key(record.request_digest, 1)))
    with pytest.raises(CorruptEntry):
        cache.find(record.request_digest)
    assert cache.find(record.request_digest, 1).record == record


def test_two_blobs_that_changed_places_are_found(cache: Cache):
    """Whole pictures that changed their names are both refused."""
    first, second = cache.put_blob(b"first"), cache.put_blob(b"second")
    _replace(cache, blob_key(first), b"second")
    _replace(cache, blob_key(second), b"first")
    for digest in (first, second):
        with pytest.raises(CorruptEntry, match="damaged"):
            cache.blob(digest)


def _other_digest(doc: Any) -> None:
    doc["record"]["request_digest"] = "sha256:" + "0" * 64


def _other_prompt(doc: Any) -> None:
    doc["record"]["request"]["contents"][0]["parts"][0]["text"] = "a dog"


def _other_attempt(doc: Any) -> None:
    doc["record"]["attempt"] = 2


def _attempt_zero(doc: Any) -> None:
    doc["record"]["attempt"] = 0


def _leads_out(doc: Any) -> None:
    doc["record"]["pictures"][0]["original"]["blob"] = "sha256:../../../secret"


def _leads_out_in_a_binding(doc: Any) -> None:
    doc["invocation"]["bindings"] = [{"slot": "-i", "kind": "file", "source": "x", "blob": "../../secret"}]


def _unknown_type(doc: Any) -> None:
    doc["record"]["pictures"][0]["original"]["mime_type"] = "text/html"


def _other_outcome(doc: Any) -> None:
    doc["record"]["outcome"] = "pending"


def _no_request(doc: Any) -> None:
    del doc["record"]["request"]


def _unknown_field(doc: Any) -> None:
    doc["record"]["request"]["endpoint"] = "elsewhere"


EDITS = [
    _other_digest,
    _other_prompt,
    _other_attempt,
    _attempt_zero,
    _leads_out,
    _leads_out_in_a_binding,
    _unknown_type,
    _other_outcome,
    _no_request,
    _unknown_field,
]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_record_is_found(
    cache: Cache,
    make_answer: Maker,
    make_picture: Callable[..., bytes],
    invocation: Invocation,
    edit: Callable[[Any], None],
):
    """A record that somebody edited, its own digest made to fit, is set aside where it contradicts itself."""
    record, blobs = make_answer(pictures=(make_picture(),))
    cache.keep(record, invocation, blobs)
    key = record_key(record.request_digest, 1)
    _edit(cache, key, edit)
    edited = cache.store.get(key)
    with pytest.raises(CorruptEntry) as caught:
        cache.find(record.request_digest)
    _assert_set_aside(cache, caught, key, edited)


@pytest.mark.parametrize("field", ["response", "received", "pictures", "outcome"])
def test_an_edit_without_its_digest_is_found(
    cache: Cache, make_answer: Maker, make_picture: Callable[..., bytes], invocation: Invocation, field: str
):
    """Every part of a record is under its record digest."""
    record, blobs = make_answer(pictures=(make_picture(),))
    cache.keep(record, invocation, blobs)
    key = record_key(record.request_digest, 1)
    doc = json.loads(cache.store.get(key))
    doc["record"][field] = {"response": {"a": 1}, "received": {"host": "x"}, "pictures": []}.get(field, "refusal")
    _replace(cache, key, dump(doc))
    with pytest.raises(CorruptEntry, match="record_digest"):
        cache.find(record.request_digest)


@pytest.mark.parametrize("value", ["9007199254740993", "NaN", "1e999", '"\\ud800"'])
@pytest.mark.parametrize("field", ["config", "response"])
def test_a_record_without_canonical_form_is_found(
    cache: Cache, make_answer: Maker, invocation: Invocation, field: str, value: str
):
    """A record with values that canonical JSON does not hold is one that no gemnb wrote."""
    record, blobs = make_answer()
    cache.keep(record, invocation, blobs)
    key = record_key(record.request_digest, 1)
    place = '"seed": 7' if field == "config" else '"response": {'
    new = f'"seed": {value}' if field == "config" else f'"response": {{"x": {value},'
    edited = cache.store.get(key).decode().replace(place, new).encode()
    _replace(cache, key, edited)
    with pytest.raises(CorruptEntry) as caught:
        cache.find(record.request_digest)
    _assert_set_aside(cache, caught, key, edited)


def test_a_record_of_any_depth_is_read_or_found(memory: Store, make_answer: Maker):
    """However deep the JSON in a record's place is nested, it is set aside, never a crash."""
    record, blobs = make_answer()
    cache = Cache(memory)
    cache.keep(record, Invocation(), blobs)
    key = record_key(record.request_digest, 1)
    whole = memory.get(key).decode()
    for levels in (*range(100, 1000, 10), 100_000):
        memory.content[key] = whole.replace('"seed": 7', '"seed": ' + "[" * levels + "]" * levels).encode()
        with pytest.raises(CorruptEntry):
            cache.find(record.request_digest)


@pytest.mark.parametrize("inside", [False, True])
def test_a_later_schema_stays_where_it_is(cache: Cache, make_answer: Maker, invocation: Invocation, *, inside: bool):
    """A record of a later gemnb is told as such, with what to type, and is not set aside."""
    record, blobs = make_answer()
    cache.keep(record, invocation, blobs)
    key = record_key(record.request_digest, 1)

    def later(doc: Any) -> None:
        (doc["record"] if inside else doc)["schema"] = 7

    _edit(cache, key, later)
    before = cache.store.get(key)
    for _ in range(2):
        with pytest.raises(UnknownSchema, match="7") as caught:
            cache.find(record.request_digest)
        assert "pip install" in caught.value.hint
    assert cache.store.get(key) == before
    assert list(cache.store.keys("corrupt/")) == []


def test_a_cache_that_cannot_be_written_still_reports(
    memory: Store, make_answer: Maker, make_picture: Callable[..., bytes], invocation: Invocation
):
    """Damage in a read-only cache is reported each time, shown never, and not said to have been set aside."""
    record, blobs = make_answer(pictures=(make_picture(),))
    Cache(memory).keep(record, invocation, blobs)
    cache = Cache(ReadOnly(memory))
    assert cache.find(record.request_digest).record == record
    digest = record.pictures[0].original.blob
    damaged = {record_key(record.request_digest, 1): b"{}", blob_key(digest): b"other"}
    memory.content |= damaged
    for _ in range(2):
        for look, key in ((cache.find, record_key(record.request_digest, 1)), (cache.blob, blob_key(digest))):
            with pytest.raises(CorruptEntry) as caught:
                look(digest if key.startswith("blobs") else record.request_digest)
            assert f"cache/{key} is damaged" in caught.value.what
            assert "set aside" not in str(caught.value)
            assert "git checkout" in caught.value.hint
    assert {key: memory.get(key) for key in damaged} == damaged


def test_a_cache_that_only_looks_changes_nothing(memory: Store, make_answer: Maker, invocation: Invocation):
    """With `look_only`, damage is reported and left where it is."""
    record, blobs = make_answer()
    Cache(memory).keep(record, invocation, blobs)
    key = record_key(record.request_digest, 1)
    memory.content[key] = b"{}"
    for _ in range(2):
        with pytest.raises(CorruptEntry) as caught:
            Cache(memory, look_only=True).find(record.request_digest)
        assert f"cache/{key} is damaged" in caught.value.what
        assert "set aside" not in str(caught.value)
    assert memory.content[key] == b"{}"
    assert list(memory.keys("corrupt/")) == []


def test_looking_repairs_nothing(
    memory: Store, make_answer: Maker, make_picture: Callable[..., bytes], invocation: Invocation
):
    """Tiers opened for looking show a good copy of damaged bytes and leave the damaged ones where they are."""
    record, blobs = make_answer(pictures=(make_picture(),))
    Cache(memory).keep(record, invocation, blobs)
    good = type(memory)()
    Cache(good).keep(record, invocation, blobs)
    digest, data = next(iter(blobs.items()))
    memory.content[blob_key(digest)] = b"damaged"
    tiers = Tiers(Cache(memory, look_only=True), private=Cache(good, look_only=True))

    assert tiers.blob(digest) == data
    assert memory.content[blob_key(digest)] == b"damaged"


def test_every_flipped_bit_of_a_record_is_found(memory: Store, make_answer: Maker):
    """Whichever bit of a record's file is flipped: it is an error, or the record that is read is the one kept."""
    record, blobs = make_answer("cat")
    invocation = Invocation(bindings=(Binding(slot="-p a", kind="literal", source="b", value="b"),))
    cache = Cache(memory)
    cache.keep(record, invocation, blobs)
    key = record_key(record.request_digest, 1)
    whole = memory.get(key)
    errors = 0
    for position in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        memory.content = {key: bytes(flipped)}
        try:
            found = cache.find(record.request_digest)
        except CorruptEntry:
            errors += 1
            assert memory.get(key) is None
        except UnknownSchema:  # the bit made a later version of `"schema": 0`
            errors += 1
            assert memory.content == {key: bytes(flipped)}
        else:
            assert found.record == record
    assert errors > len(whole) * 4


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(data=st.data())
def test_a_record_made_by_nobody_is_found(make_answer: Maker, memory: Store, data: st.DataObject):
    """Cut, joined or overwritten anywhere, a record's file is an error or reads as the record that was kept."""
    record, blobs = make_answer()
    memory.content.clear()
    cache = Cache(memory)
    cache.keep(record, Invocation(), blobs)
    key = record_key(record.request_digest, 1)
    whole = memory.get(key)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    memory.content[key] = whole[:start] + data.draw(st.binary(max_size=30)) + whole[end:]
    try:
        found = cache.find(record.request_digest)
    except (CorruptEntry, UnknownSchema):
        return
    assert found.record == record


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-1000, 1000)
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["schema", "record", "request", "a"]), inner)
        ),
        max_leaves=8,
    )
)
def test_json_that_is_no_record_is_found(memory: Store, value: object):
    """Whatever JSON stands in the place of a record, it is set aside or called a later schema."""
    digest = "sha256:" + "ab" * 32
    memory.content = {record_key(digest, 1): json.dumps(value).encode()}
    with pytest.raises((CorruptEntry, UnknownSchema)):
        Cache(memory).find(digest)


@pytest.mark.parametrize("fits", [True, False])
def test_a_link_out_of_the_cache_shows_and_copies_nothing(cache: Cache, tmp_path: Path, *, fits: bool):
    """What a link in the place of a blob points at, a private key perhaps, is neither served nor copied."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"secret")
    digest = blob_digest(b"secret" if fits else b"picture")
    path = cache.store.root / blob_key(digest)
    path.parent.mkdir(parents=True)
    path.symlink_to(outside)
    with pytest.raises(StoreError) as caught:
        cache.blob(digest)
    assert str(path) in caught.value.what
    assert "secret" not in str(caught.value)
    assert [file for file in cache.store.root.rglob("*") if file.is_file() and not file.is_symlink()] == []
    assert outside.read_bytes() == b"secret"


@pytest.mark.parametrize("there", [b"damaged", b""])
def test_an_answer_repairs_a_damaged_blob(
    cache: Cache, make_answer: Maker, make_picture: Callable[..., bytes], invocation: Invocation, there: bytes
):
    """Keeping an answer whose picture lies damaged in the cache keeps the picture: it was paid for."""
    record, blobs = make_answer(pictures=(make_picture(),))
    digest = record.pictures[0].original.blob
    cache.store.put(blob_key(digest), there)
    cache.keep(record, invocation, blobs)
    assert cache.blob(digest) == blobs[digest]


def test_a_damaged_blob_is_said_to_need_a_refresh(cache: Cache):
    """The error of a damaged blob names `--mode refresh`: its record still answers, so `auto` would not ask."""
    digest = cache.put_blob(b"bytes")
    _replace(cache, blob_key(digest), b"other")
    with pytest.raises(CorruptEntry) as caught:
        cache.blob(digest)
    assert "--mode refresh" in caught.value.hint


def test_damage_of_the_latest_attempt_leaves_the_earlier(cache: Cache, make_answer: Maker, invocation: Invocation):
    """Where an earlier attempt is kept, it answers from then on, and the error has said so."""
    record, blobs = make_answer(text="first")
    cache.keep(record, invocation, blobs)
    cache.keep(*_with(make_answer(text="second"), invocation))
    _replace(cache, record_key(record.request_digest, 2), b"{}")
    with pytest.raises(CorruptEntry) as caught:
        cache.find(record.request_digest)
    assert cache.find(record.request_digest).record == record
    assert "Running the cell again as it is shows attempt 1." in caught.value.hint


def test_damage_of_the_only_attempt_says_that_the_next_run_pays(cache: Cache, make_answer: Maker):
    """Where no other attempt is kept, the next run asks the model, and the error has said so: no miss is silent."""
    record, blobs = make_answer()
    cache.keep(record, Invocation(), blobs)
    _replace(cache, record_key(record.request_digest, 1), b"{}")
    with pytest.raises(CorruptEntry) as caught:
        cache.find(record.request_digest)
    assert cache.find(record.request_digest) is None
    assert "Running the cell again" in caught.value.hint


def test_an_answer_that_is_none_is_kept_for_its_reader(cache: Cache):
    """A body that is no answer lies under failed/, under a name that tells its request, once for each body."""
    digest = "sha256:" + "ab" * 32
    name = cache.keep_failed(digest, b"<html>")
    assert re.fullmatch(r"cache/failed/abababababab-[0-9a-f]{12}\.body", name)
    assert cache.keep_failed(digest, b"<html>") == name != cache.keep_failed(digest, b"other")
    assert cache.store.get(name.removeprefix("cache/")) == b"<html>"
    assert cache.find(digest) is None


def test_refusals_are_kept_as_well(cache: Cache, make_answer: Maker, invocation: Invocation):
    """An answer without a picture is kept and found like any other."""
    record, _ = make_answer()
    refused = replace(record, outcome=Outcome.REFUSAL, response={"promptFeedback": {"blockReason": "SAFETY"}})
    assert cache.find(cache.keep(refused, invocation, {}).request_digest).record == refused
