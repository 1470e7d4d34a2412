"""Published folders: gemnb verify finds them well, and what was changed in them; exiftool reads their pictures."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from gemnb.publish import verify_published
from tests.sites import post
from tests.sites.generators import wanted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sites.conftest import Served, Site

pytestmark = pytest.mark.sites


@pytest.fixture
def copy(site: Site, tmp_path: Path) -> Path:
    """A copy of what was published, to be tampered with: its folder of files."""
    shutil.copytree(site.source, tmp_path / "copy")
    return tmp_path / "copy" / site.done.folder


def _page(site: Site, copy: Path) -> Path:
    return copy.parents[len(site.done.folder.parts) - 1] / site.done.page


def test_all_is_well(site: Site) -> None:
    """Every picture and every refusal that has a record is consistent."""
    checks = verify_published(site.folder)

    assert all(check.well for check in checks), [check for check in checks if not check.well]
    assert len(checks) >= len(site.done.post.figures())


def test_what_hugo_built_is_well(site_of: Callable[[str], Site], served: Served) -> None:
    """The folder that Hugo made of the page bundle holds the same evidence, and its page the same prompts."""
    site = site_of("hugo-unsafe")
    (index,) = (served.folder / site.source.name).rglob("index.gemnb.json")
    checks = verify_published(index.parent)

    assert all(check.well for check in checks), [check for check in checks if not check.well]


def test_a_changed_prompt_is_found(site: Site, copy: Path) -> None:
    """One word of a prompt changed on the page: its picture drifted, and no other."""
    path = _page(site, copy)
    before = path.read_text("utf-8")
    path.write_text(before.replace("exactly three boats are red", "exactly four boats are red"), "utf-8")

    assert path.read_text("utf-8") != before
    assert [check.name for check in verify_published(copy) if not check.well] == ["harbour"]


def test_a_changed_byte_of_a_picture_is_found(site: Site, copy: Path) -> None:
    """One bit of one file: its picture drifted, and no other."""
    path = next(copy.glob("wide-*-480.webp"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    assert [check.name for check in verify_published(copy) if not check.well] == ["wide"]


def test_a_changed_record_is_found(site: Site, copy: Path) -> None:
    """The prompt changed in the index as well as on the page: the record is no longer the one of its digest."""
    old, new = "Keep every boat.", "Lose every boat."
    for path in (_page(site, copy), copy / "index.gemnb.json"):
        before = path.read_text("utf-8")
        path.write_text(before.replace(old, new), "utf-8")
        assert path.read_text("utf-8") != before
    try:
        found = [check.name for check in verify_published(copy) if not check.well]
    except Exception as error:  # noqa: BLE001 - told in any way, but told
        found = [type(error).__name__]

    assert found


def test_nothing_withheld_is_published(site: Site) -> None:
    """Neither the words nor the picture of a cell that says `publish: false` are in any file."""
    everything = [path for path in site.source.rglob("*") if path.is_file()]

    assert [path for path in everything if post.SECRET.encode() in path.read_bytes()] == []
    assert not any(path.name.startswith("secret") for path in everything)


def test_exiftool_reads_every_copy(site_of: Callable[[str], Site]) -> None:
    """Every copy names its system, its original and, to the character, its prompt; nothing about them is broken."""
    program = wanted("exiftool", "libimage-exiftool-perl")
    site = site_of("markdown")
    done = subprocess.run(
        [program, "-json", "-G1", "-struct", "-xmp:all", "-validate", "-ext", "webp", site.folder],
        capture_output=True,
        check=True,
    )
    found = {entry.pop("SourceFile").rpartition("/")[2]: entry for entry in json.loads(done.stdout)}
    files = {
        file.name: figure for figure in site.done.post.figures() for file in site.done.made[figure.source.stem].files
    }

    assert files.keys() == {name for name in found if not name.startswith("shelf")}
    for name, figure in files.items():
        said = found[name]
        assert said["ExifTool:Validate"] == "OK", (name, said)
        assert said["XMP-xmpMM:DerivedFrom"] == {"DocumentID": figure.source.original}
        assert said["XMP-iptcCore:AltTextAccessibility"] == (figure.alt or "").removeprefix("Before: ").removeprefix(
            "After: "
        )
        if figure.evidence is not None:
            assert said["XMP-iptcExt:AISystemUsed"] == "gemnb emulator"
            assert said["XMP-iptcExt:DigitalSourceType"].rpartition("/")[2] == "algorithmicMedia"
    assert (
        found[next(name for name in found if name.startswith("harbour-"))]["XMP-iptcExt:AIPromptInformation"]
        == post.HARBOUR
    )


def test_a_composite_names_its_parts(site_of: Callable[[str], Site]) -> None:
    """Copies of a comparison say which pictures they show, what made those, and their prompts with their labels."""
    program = wanted("exiftool", "libimage-exiftool-perl")
    site = site_of("markdown")
    figures = {figure.name: figure.source for figure in site.done.post.figures()}
    (composite,) = (f.source for f in site.done.post.figures() if f.alt == "The harbour by day and by night")
    path = site.folder / site.done.made[composite.stem].files[-1].name
    done = subprocess.run([program, "-json", "-G1", "-struct", "-xmp:all", path], capture_output=True, check=True)
    (said,) = json.loads(done.stdout)

    assert said["XMP-xmpMM:DerivedFrom"] == {"DocumentID": composite.original}
    assert said["XMP-xmpMM:Ingredients"] == [{"DocumentID": figures[name].original} for name in ("harbour", "night")]
    assert said["XMP-iptcExt:AISystemUsed"] == "gemnb emulator"
    assert said["XMP-iptcExt:DigitalSourceType"].rpartition("/")[2] == "algorithmicMedia"
    assert said["XMP-iptcExt:AIPromptInformation"] == (
        f"By day: {post.HARBOUR}\n\nBy night: Make it night. Keep every boat."
    )
