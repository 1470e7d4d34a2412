"""The chain of tiers: what is found where, what is copied where, and what damage does."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from gemnb.cache import Cache, DirectoryStore, Tiers
from gemnb.cache.machine import MachineStore
from gemnb.cache.store import blob_key, record_key
from gemnb.errors import CorruptEntry, StoreError
from gemnb.model import Invocation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU"
    b"\0\0\0\nIDATx\x9cc`\0\0\0\x02\0\x01H\xaf\xa4q\0\0\0\0IEND\xaeB`\x82"
)
Maker = "Callable[..., tuple[Record, dict[str, bytes]]]"


class Machine:
    """A machine with a user's spill folder and machine tier, and projects on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MachineStore(folder / "machine")
        self.machine = Cache(self.store, is_near=False)
        self.spill = Cache(DirectoryStore(folder / "spill"), is_near=False)

    def project(self, name: str) -> Tiers:
        """Return the tiers of a project of this name."""
        return Tiers(
            Cache(DirectoryStore(self.folder / name)),
            private=Cache(DirectoryStore(self.folder / name / "private")),
            spill=lambda: self.spill,
            machine=lambda _writing: self.machine,
        )


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Machine]:
    """A machine."""
    made = Machine(tmp_path)
    yield made
    made.store.close()


def test_an_answer_paid_in_one_project_answers_in_another(here: Machine, make_answer: Maker) -> None:
    """A second project finds the answer through the machine tier, and has it whole from then on."""
    record, blobs = make_answer(pictures=(PNG,))
    here.project("one").keep(record, Invocation(source="x"), blobs)
    found = here.project("two").find(record.request_digest)
    alone = Cache(DirectoryStore(here.folder / "two"))

    assert found is not None
    assert found.record == record
    assert alone.find(record.request_digest).record == record
    assert alone.missing(blobs) == []


def test_a_strangers_record_does_not_answer_elsewhere(here: Machine, make_answer: Maker) -> None:
    """What came with a project, and was not received here, stays in that project."""
    record, blobs = make_answer()
    Cache(DirectoryStore(here.folder / "cloned")).keep(record, Invocation(), blobs)

    assert here.project("cloned").find(record.request_digest) is not None
    assert here.project("mine").find(record.request_digest) is None


def test_a_farther_tier_does_not_change_the_attempt(here: Machine, make_answer: Maker) -> None:
    """Asking again in one project leaves another project's picture as it is."""
    first, blobs = make_answer(text="first")
    here.project("one").keep(first, Invocation(), blobs)
    assert here.project("two").find(first.request_digest).record.attempt == 1
    second, more = make_answer(text="second")
    here.project("one").keep(second, Invocation(), more)

    assert here.project("one").find(first.request_digest).record.attempt == 2
    assert here.project("two").find(first.request_digest).record.attempt == 1


def test_asking_again_counts_on_across_tiers(here: Machine, make_answer: Maker) -> None:
    """An attempt asked for in a second project does not take the number of one the machine knows."""
    first, blobs = make_answer(text="first")
    here.project("one").keep(first, Invocation(), blobs)
    second, more = make_answer(text="second")

    assert here.project("two").keep(second, Invocation(), more).attempt == 2


def test_an_answer_whose_bytes_were_evicted_is_a_miss(here: Machine, make_answer: Maker) -> None:
    """A record in the machine tier without its bytes does not answer."""
    record, blobs = make_answer(pictures=(PNG,))
    here.project("one").keep(record, Invocation(), blobs)
    here.store.delete(blob_key(next(iter(blobs))))

    assert here.project("two").find(record.request_digest) is None


def test_damage_in_the_project_is_healed_from_the_machine(
    here: Machine, make_answer: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    """A flipped bit in a record or blob is told and put right where a good copy is at hand."""
    record, blobs = make_answer(pictures=(PNG,))
    tiers = here.project("one")
    tiers.keep(record, Invocation(), blobs)
    digest = record.pictures[0].original.blob if record.pictures else next(iter(blobs))
    with caplog.at_level(logging.WARNING, logger="gemnb"):
        (here.folder / "one" / record_key(record.request_digest, 1)).write_bytes(b"damaged")
        found = here.project("one").find(record.request_digest)
        (here.folder / "one" / blob_key(digest)).write_bytes(b"damaged")
        data = here.project("one").blob(digest)

    assert found.record == record
    assert data == blobs[digest]
    assert (here.folder / "one" / blob_key(digest)).read_bytes() == data
    assert caplog.text.count("A good copy was found and put back.") == 2


def test_damage_without_a_good_copy_is_an_error(here: Machine, make_answer: Maker) -> None:
    """Damage is never a silent miss."""
    record, blobs = make_answer(pictures=(PNG,))
    tiers = Tiers(Cache(DirectoryStore(here.folder / "one")))
    tiers.keep(record, Invocation(), blobs)
    (here.folder / "one" / record_key(record.request_digest, 1)).write_bytes(b"damaged")

    with pytest.raises(CorruptEntry, match="is damaged"):
        tiers.find(record.request_digest)


@pytest.mark.parametrize("part", ["value", "key"])
def test_damage_in_the_machine_tier_is_told(here: Machine, make_answer: Maker, part: str) -> None:
    """A row whose bytes do not fit its digest is set aside and never shown."""
    record, blobs = make_answer()
    here.project("one").keep(record, Invocation(), blobs)
    key = record_key(record.request_digest, 1)
    data = here.store.get(key)
    here.store.delete(key)
    here.store.put(key, data[:-40] if part == "value" else data.replace(b'"attempt": 1', b'"attempt": 3'))

    with pytest.raises(CorruptEntry, match="is damaged"):
        here.project("two").find(record.request_digest)


def test_an_answer_that_the_project_cannot_take_is_spilled(
    here: Machine, make_answer: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the project cannot be written the answer goes to the user's spill folder, and the user is told."""
    record, blobs = make_answer()
    (here.folder / "one").write_bytes(b"a file where the folder should be")
    with caplog.at_level(logging.WARNING, logger="gemnb"):
        here.project("one").keep(record, Invocation(), blobs)
    (here.folder / "one").unlink()
    here.store.close()

    assert "spill" in caplog.text
    assert here.spill.find(record.request_digest).record == record
    assert here.project("one").find(record.request_digest).record == record
    assert Cache(DirectoryStore(here.folder / "one")).find(record.request_digest).record == record


def test_a_private_answer_lies_in_the_private_folder(here: Machine, make_answer: Maker) -> None:
    """What is not to be published is kept apart from what is committed, and found all the same."""
    record, blobs = make_answer(pictures=(PNG,))
    tiers = here.project("one")
    tiers.keep(record, Invocation(), blobs, private=True)
    apart = {path.relative_to(here.folder / "one").parts[0] for path in (here.folder / "one").rglob("*")}

    assert apart == {"private"}
    assert tiers.find(record.request_digest).record == record
    assert tiers.blob(next(iter(blobs))) == next(iter(blobs.values()))


def test_without_any_place_the_error_comes_through(tmp_path: Path, make_answer: Maker) -> None:
    """Where nothing can be written the client is told, and shows the answer from memory."""
    record, blobs = make_answer(pictures=(PNG,))
    (tmp_path / "one").write_bytes(b"")
    tiers = Tiers(Cache(DirectoryStore(tmp_path / "one")))

    with pytest.raises(StoreError):
        tiers.keep(record, Invocation(), blobs)
    tiers.hold(blobs)
    assert tiers.blob(next(iter(blobs))) == next(iter(blobs.values()))


def test_a_private_answer_never_comes_back_in_public(here: Machine, make_answer: Maker) -> None:
    """Neither machine tier nor spill folder has a private answer, so none is copied to what is committed."""
    record, blobs = make_answer(pictures=(PNG,))
    here.project("one").keep(record, Invocation(), blobs, private=True)

    assert here.machine.find(record.request_digest) is None
    assert here.spill.find(record.request_digest) is None
    assert here.project("two").find(record.request_digest) is None


def test_a_failing_machine_tier_costs_no_paid_answer(
    here: Machine, make_answer: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    """With a broken database as its machine tier, a project keeps what was paid for, and the user is told."""
    here.store.folder.mkdir(mode=0o700)
    (here.store.folder / "cache.db").write_bytes(b"no database" * 100)
    record, blobs = make_answer()
    with caplog.at_level(logging.WARNING, logger="gemnb"):
        kept = here.project("one").keep(record, Invocation(), blobs)

    assert Cache(DirectoryStore(here.folder / "one")).find(record.request_digest).record == kept
    assert "No second copy was made" in caplog.text


def test_the_second_copy_is_the_file_of_the_first(here: Machine, make_answer: Maker) -> None:
    """The machine tier holds the very bytes that the project's record file and blobs have, and nothing else."""
    record, blobs = make_answer(pictures=(PNG,))
    tiers = here.project("one")
    tiers.keep(record, Invocation(source="x"), blobs)
    keys = list(tiers.store.keys(""))
    assert keys
    assert {key: here.store.get(key) for key in here.store.keys("")} == {key: tiers.store.get(key) for key in keys}


def test_bytes_that_came_early_are_kept_with_their_record(here: Machine, make_answer: Maker) -> None:
    """What was put while pictures were decoded is in both tiers, and the answer is whole with it."""
    record, blobs = make_answer(pictures=(PNG,))
    tiers = here.project("one")
    with tiers.early() as early:
        early(blobs)
    keys = {blob_key(digest) for digest in blobs}
    assert keys == set(tiers.store.keys("")) == set(here.store.keys(""))

    kept = tiers.keep(record, Invocation(), blobs)
    assert here.project("two").find(record.request_digest).record == kept


def test_bytes_that_came_early_in_vain_go(here: Machine, make_answer: Maker) -> None:
    """Where the answer turns out to be none, what was put is taken away, and what was there before stays."""
    _, blobs = make_answer(pictures=(PNG,))
    tiers = here.project("one")
    there = tiers.put_blob(b"from before")

    def fail() -> None:
        with tiers.early() as early:
            early({**blobs, there: b"from before"})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tiers.store.keys("")) == [blob_key(there)]


@pytest.mark.parametrize("kind", ["open", "private"])
def test_early_bytes_that_cannot_be_put_cost_nothing(
    here: Machine, make_answer: Maker, kind: str, tmp_path: Path
) -> None:
    """A project that cannot be written takes nothing early, and the answer goes where it goes in any case."""
    record, blobs = make_answer(pictures=(PNG,))
    (tmp_path / "one").write_text("a file where the cache would be")
    tiers = here.project("one")
    with tiers.early(private=kind == "private") as early:
        early(blobs)
    assert (here.store.get(blob_key(next(iter(blobs)))) is None) == (kind == "private")

    tiers.keep(record, Invocation(), blobs)
    assert here.spill.find(record.request_digest) is not None
