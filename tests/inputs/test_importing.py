"""Imports: a picture from elsewhere is kept with what its author states, and found again without its file."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import gemnb
from gemnb.cache import Cache, DirectoryStore
from gemnb.canonical import blob_digest, tagged_digest
from gemnb.cell import parse
from gemnb.compose import open_cache
from gemnb.errors import CacheError, CorruptEntry, InputError, UnknownSchema
from gemnb.inputs import Reach, resolve
from gemnb.inputs.importing import import_key, import_picture
from gemnb.inputs.statements import (
    IMPORT_MIMETYPE,
    NOT_VERIFIABLE,
    Import,
    Statement,
    check_import,
    import_document,
    import_entry,
    parse_entry,
    parse_import,
)
from gemnb.inventory.archive import export, import_
from gemnb.invocation import needs
from gemnb.model import Image as ImageFacts
from gemnb.model import Mode, Picture
from gemnb.records import dump

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.emulator import Emulator

GOLDEN = Path(__file__).parents[1] / "golden" / "import.json"
STATED = Statement(source="ChatGPT, a screenshot", prompt="  A cat\r\n{{<x>}} ", licence="CC BY 4.0")
MADE = Import(
    picture=Picture(
        original=ImageFacts(blob="sha256:" + "1" * 64, mime_type="image/png", size=9000, width=40, height=30),
        preview=ImageFacts(blob="sha256:" + "2" * 64, mime_type="image/jpeg", size=900, width=20, height=15),
    ),
    stated=STATED,
    alt="A cat",
)


@pytest.fixture
def shot(project: Path, make_picture: Callable[..., bytes]) -> bytes:
    """A screenshot in the working folder, too big to stand in a notebook as it is."""
    data = make_picture("PNG", (600, 400), noise=True)
    assert len(data) > 200_000
    (project / "shot.png").write_bytes(data)
    return data


def bundle(kept: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return data and metadata of what a notebook shows."""
    data, metadata = kept._repr_mimebundle_()
    return data, metadata


def test_an_import_shows_its_statement(shot: bytes):
    """What the notebook holds says that it is an import, what its author states, and which bytes it is about."""
    kept = gemnb.keep("shot.png", source="ChatGPT", prompt="A cat", licence="CC BY 4.0", alt="A grey field")
    data, metadata = bundle(kept)
    document = data[IMPORT_MIMETYPE]

    assert document["imported"]["stated"] == {"source": "ChatGPT", "prompt": "A cat", "licence": "CC BY 4.0"}
    original = document["imported"]["picture"]["original"]
    assert original == {
        "blob": blob_digest(shot),
        "mime_type": "image/png",
        "size": len(shot),
        "width": 600,
        "height": 400,
    }
    assert document["presentation"] == {"alt": "A grey field"}
    assert data["text/plain"] == (
        f"A grey field (imported: {NOT_VERIFIABLE}) [gemnb:{blob_digest(shot)[7:19]} 600×400]"
    )
    preview = document["imported"]["picture"]["preview"]
    assert blob_digest(base64.b64decode(data["image/jpeg"])) == preview["blob"]
    assert metadata == {"image/jpeg": {"width": 600, "height": 400, "alt": "A grey field"}}
    assert NOT_VERIFIABLE in repr(kept)


def test_a_plain_keep_writes_nothing(shot: bytes, project: Path):
    """Without a statement `gemnb.keep` is what it was: a value, and nothing in the cache."""
    kept = gemnb.keep("shot.png")
    assert (kept.bytes, kept.imported) == (shot, None)
    assert not (project / "cache").exists()


def test_the_cache_stands_in_for_the_file(shot: bytes, project: Path):
    """Where the file is gone, its bytes, its preview and its output are those that were kept."""
    first = gemnb.keep("shot.png", source="ChatGPT")
    (project / "shot.png").unlink()
    again = gemnb.keep("shot.png", source="ChatGPT")

    assert again.bytes == shot
    assert bundle(again) == bundle(first)
    assert len(list((project / "cache/imports").rglob("*.json"))) == 1


def test_replay_writes_nothing(shot: bytes, project: Path, monkeypatch: pytest.MonkeyPatch):
    """In replay an import shows what it does elsewhere, and the cache is left as it is."""
    monkeypatch.setenv("GEMNB_MODE", "replay")
    shown = bundle(gemnb.keep("shot.png", source="ChatGPT"))
    assert not (project / "cache").exists()
    monkeypatch.delenv("GEMNB_MODE")
    assert bundle(gemnb.keep("shot.png", source="ChatGPT")) == shown


def test_the_preview_is_the_one_made_first(shot: bytes, project: Path, monkeypatch: pytest.MonkeyPatch):
    """A later Pillow, which would make other bytes, changes nothing in the notebook."""
    first = bundle(gemnb.keep("shot.png", source="ChatGPT"))
    monkeypatch.setattr("gemnb.preview.make_preview", lambda *_: pytest.fail("made again"))
    assert bundle(gemnb.keep("shot.png", source="ChatGPT")) == first
    changed = bundle(gemnb.keep("shot.png", source="Somebody else"))
    assert changed[0]["image/jpeg"] == first[0]["image/jpeg"]


def test_a_changed_file_is_another_entry(shot: bytes, project: Path, make_picture: Callable[..., bytes]):
    """New bytes, and new words, are kept beside the old; the same again writes nothing."""
    gemnb.keep("shot.png", source="ChatGPT")
    gemnb.keep("shot.png", source="ChatGPT")
    gemnb.keep("shot.png", source="Somebody else")
    (project / "shot.png").write_bytes(make_picture())
    gemnb.keep("shot.png", source="Somebody else")
    (project / "shot.png").unlink()

    assert sorted(path.name for path in (project / "cache/imports").rglob("*.json")) == ["1.json", "2.json", "3.json"]
    assert gemnb.keep("shot.png", source="ChatGPT").bytes == make_picture()


def test_pixels_are_imported_under_their_digest(project: Path):
    """What has no path is found again by what it shows; the PNG made first is shown."""
    image = Image.new("RGBA", (30, 20), (1, 2, 3, 4))
    first = gemnb.keep(image, source="me")
    assert bundle(gemnb.keep(image.copy(), source="me")) == bundle(first)
    document = bundle(first)[0][IMPORT_MIMETYPE]
    assert document["imported"]["pixels"] == first.digest != document["imported"]["picture"]["original"]["blob"]


def test_a_converted_file_is_found_again(project: Path):
    """A file of a format that models do not take is kept as what it was converted to."""
    Image.new("RGB", (30, 20), "teal").save(project / "scan.tiff")
    first = bundle(gemnb.keep("scan.tiff", source="A scanner"))
    (project / "scan.tiff").unlink()
    assert bundle(gemnb.keep("scan.tiff", source="A scanner")) == first


def test_a_webp_is_shown(project: Path, make_picture: Callable[..., bytes]):
    """An import of a type that notebooks do not show has a preview of one that they do."""
    data, _ = bundle(gemnb.keep(make_picture("WEBP"), source="me"))
    assert "image/webp" not in data
    assert data["image/jpeg"]


def test_an_import_is_an_input(shot: bytes):
    """An import stands after `-i` as any other picture does, under the digest of its bytes."""
    kept = gemnb.keep("shot.png", source="ChatGPT")
    binding = resolve(needs(parse("%%gemimg -i photo\nx")), {"photo": kept}, ()).bindings[0]
    assert (binding.kind, binding.blob) == ("variable", blob_digest(shot))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"source": ""}, "source"),
        ({"source": " \n"}, "source"),
        ({"prompt": 3}, "prompt"),
        ({"licence": "\ud800"}, "surrogate"),
        ({"alt": "A cat"}, "nothing is stated"),
    ],
)
def test_a_statement_is_text(shot: bytes, given: dict[str, Any], said: str):
    """What is empty, no text, or half a character is refused before anything is written."""
    with pytest.raises(InputError, match=said):
        gemnb.keep("shot.png", **given)
    assert not Path("cache").exists()


@pytest.mark.parametrize("name", ["gone.png", "a\0b", "x" * 5000, "../../../gone.png"])
def test_a_file_that_was_never_kept_is_an_error(project: Path, name: str):
    """Neither file nor entry: the error says both, whatever the name."""
    with pytest.raises(InputError, match="nothing was kept"):
        gemnb.keep(name, source="me")


def test_a_cache_that_cannot_be_written_is_told(
    shot: bytes, reach: Reach, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """A full or read-only disk costs the copy in the cache, and neither picture nor output."""
    from gemnb.errors import StoreError

    def fail(*_: object) -> bool:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(DirectoryStore, "put", fail)
    with caplog.at_level(logging.WARNING, "gemnb"):
        kept = import_picture("shot.png", STATED, reach)
    assert bundle(kept)[0]["image/jpeg"]
    assert "could not be kept: The disk is full." in caplog.text


def test_the_place_is_warned_about(project: Path, caplog: pytest.LogCaptureFixture):
    """A photograph that says where it was taken is kept with that, and said."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9)).save(buffer, "JPEG", exif=exif)
    with caplog.at_level(logging.WARNING, "gemnb"):
        gemnb.keep(buffer.getvalue(), source="me")
    assert "GPS" in caplog.text


def test_the_document_is_as_it_was():
    """The form of an import is that of the golden file, and reads back."""
    if os.environ.get("GEMNB_REGOLD") == "1":
        GOLDEN.write_bytes(dump(import_document(MADE)))
    assert dump(import_document(MADE)) == GOLDEN.read_bytes()
    assert parse_import(json.loads(GOLDEN.read_bytes())) == MADE
    assert MADE.digest == tagged_digest("import", import_document(MADE)["imported"])


@given(st.text(min_size=1), st.none() | st.text(min_size=1), st.none() | st.text())
def test_any_statement_reads_back(source: str, prompt: str | None, alt: str | None):
    """Whatever an author states reads back from its document to the character."""
    made = replace(MADE, stated=Statement(source=source, prompt=prompt), alt=alt)
    assert parse_import(json.loads(dump(import_document(made)))) == made
    assert parse_entry(json.loads(dump(import_entry(source, made)))) == (source, replace(made, alt=None))


def test_a_whole_import_checks(shot: bytes, cache: Cache):
    """A document whose bytes are there has nothing wrong with it."""
    kept = import_picture("shot.png", STATED, Reach(places=(cache,)))
    assert check_import(bundle(kept)[0][IMPORT_MIMETYPE], cache.blob) == []


def test_what_does_not_fit_is_said(shot: bytes, cache: Cache):
    """Missing bytes, other bytes, another size and edited words are each told."""
    document = bundle(import_picture("shot.png", STATED, Reach(places=(cache,))))[0][IMPORT_MIMETYPE]
    edited = json.loads(json.dumps(document).replace("ChatGPT", "a photographer"))
    assert "edited" in check_import(edited, cache.blob)[0]

    def absent(digest: str) -> bytes:
        raise CorruptEntry(f"{digest} is missing.")

    assert len(check_import(document, absent)) == 2
    assert "another digest" in check_import(document, lambda _: b"other")[0]
    wrong = replace(MADE, picture=Picture(original=replace(MADE.picture.original, blob=blob_digest(shot))))
    assert "another type or size" in check_import(import_document(wrong), lambda _: shot)[0]


HOSTILE: list[Any] = [
    None,
    [],
    {},
    {"schema": True},
    {"schema": -1},
    {"schema": 0},
    import_document(MADE) | {"import_digest": "sha256:" + "0" * 64},
    import_document(MADE) | {"import_digest": 3},
    import_document(MADE) | {"presentation": "x"},
    {"schema": 0, "imported": {"picture": {}, "stated": {}}, "import_digest": ""},
    {"schema": 0, "imported": {"picture": {}, "stated": {"author": "x"}}, "import_digest": ""},
    {"schema": 0, "imported": {**import_document(MADE)["imported"], "more": 1}, "import_digest": ""},  # type: ignore[dict-item]
    {"schema": 0, "imported": {**import_document(MADE)["imported"], "pixels": "../x"}, "import_digest": ""},  # type: ignore[dict-item]
]


@pytest.mark.parametrize("document", HOSTILE)
def test_a_strangers_document_is_refused(document: Any):
    """What no gemnb wrote is our error for who reads it, and a sentence for who checks it; no byte is looked up."""
    with pytest.raises(CacheError):
        parse_import(document)
    assert len(check_import(document, lambda _: pytest.fail("looked up"))) == 1


def test_a_later_schema_is_named():
    """A document of a later gemnb is said to be one."""
    with pytest.raises(UnknownSchema, match="schema 1"):
        parse_import(import_document(MADE) | {"schema": 1})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"name": "gone.png", "schema": 0}',
        b'{"name": "gone.png", "schema": 7}',
        dump(import_entry("other.png", MADE)),
        dump(import_entry("gone.png", MADE) | {"more": 1}),
        dump(import_entry("gone.png", MADE) | {"pixels": "../x"}),
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_damaged_entry_is_an_error(project: Path, data: bytes):
    """An entry that does not say what it should is an error that names it, never another picture."""
    path = project / "cache" / import_key("gone.png", 1)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    with pytest.raises(CacheError):
        gemnb.keep("gone.png", source="me")


def test_damaged_bytes_are_never_shown(shot: bytes, project: Path):
    """Bytes in the cache that are not what the entry says are an error where the file is gone, and made anew else."""
    gemnb.keep("shot.png", source="me")
    blob = project / "cache/blobs" / blob_digest(shot)[7:9] / blob_digest(shot)[7:]
    blob.chmod(0o644)
    blob.write_bytes(b"other")
    assert gemnb.keep("shot.png", source="me").bytes == shot
    blob.chmod(0o644)
    blob.write_bytes(b"other")
    (project / "shot.png").unlink()
    with pytest.raises(CorruptEntry):
        gemnb.keep("shot.png", source="me")


def test_a_later_place_answers_too(shot: bytes, tmp_path: Path):
    """What is kept in another place in reach is found there, and kept in the first one, too."""
    first, second = (Cache(DirectoryStore(tmp_path / name)) for name in ("first", "second"))
    import_picture("shot.png", STATED, Reach(places=(second,)))
    Path("shot.png").unlink()
    offline = Reach(places=(first, second), mode=Mode.REPLAY)
    assert import_picture("shot.png", STATED, offline).bytes == shot
    assert not list(first.store.keys("imports/"))
    import_picture("shot.png", STATED, replace(offline, mode=Mode.AUTO))
    assert list(first.store.keys("imports/")) == list(second.store.keys("imports/"))


def test_an_archive_carries_imports(shot: bytes, project: Path, tmp_path: Path):
    """Exported and imported elsewhere, an import is found by its path there, too."""
    gemnb.keep("shot.png", source="ChatGPT")
    gemnb.keep(Image.new("RGB", (30, 20)), source="me")
    export(open_cache(project / "cache"), tmp_path / "all.zip")
    there = open_cache(tmp_path / "elsewhere")
    import_(there, tmp_path / "all.zip")
    assert len(list(there.store.keys("imports/"))) == 2
    Path("shot.png").unlink()
    assert import_picture("shot.png", Statement(source="ChatGPT"), Reach(places=(there,))).bytes == shot


def test_a_notebook_shows_an_import(
    shot: bytes, run_cells: Callable[..., list[Any]], emulator: Emulator, project: Path
):
    """In a real kernel an import is the cell's output, an input of the next cell, and there without its file."""
    cells = (
        'import gemnb\nphoto = gemnb.keep("shot.png", source="ChatGPT", prompt="A cat")\nphoto',
        "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512",
        "%%gemimg -i photo\nPut a hat on it",
    )
    first = run_cells(*cells)
    (project / "shot.png").unlink()
    again = run_cells(*cells)
    for run in (first, again):
        assert [o for cell in run for o in cell.outputs if o.output_type == "error"] == []
    output = first[0].outputs[0]
    assert output.data[IMPORT_MIMETYPE]["imported"]["stated"]["source"] == "ChatGPT"
    assert again[0].outputs == first[0].outputs
    assert again[2].outputs == first[2].outputs
