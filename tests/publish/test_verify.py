"""A published folder is checked against itself: prompt on the page, record, pictures; nothing in it is trusted."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from gemnb.cli import main
from gemnb.errors import NotebookError
from gemnb.publish import FLAVORS, find_published, verify_published
from gemnb.publish.figures import INDEX
from tests.publish.conftest import answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.verify import Check


@pytest.fixture
def published(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any
) -> Callable[[str], tuple[Path, Path]]:
    """Publish a cat and a dog; return the page and the folder of its files."""

    def run(to: str) -> tuple[Path, Path]:
        path = write(
            asked("%%gemimg cat --alt 'A cat'\nA cat {{< x >}} {% y %}", answer(make_picture("PNG", (60, 40)))),
            asked("%%gemimg dog --alt 'A dog'\nA dog", answer(make_picture("PNG", (60, 41)))),
            asked("%%gemimg --allow-refusal\nA secret", answer(finish="IMAGE_SAFETY")),
            post={"title": "A post", "date": "2026-11-21"},
        )
        done = publish(path, to, originals=True)
        return project / "site" / done.page, project / "site" / done.folder

    return run


def found(folder: Path) -> list[str]:
    """Return the findings."""
    return [check.finding.value for check in verify_published(folder)]


def reasons(folder: Path) -> str:
    """Return every reason."""
    return "; ".join(reason for check in verify_published(folder) for reason in check.reasons)


@pytest.mark.parametrize("to", FLAVORS)
def test_a_fresh_page_is_consistent(published: Any, to: str) -> None:
    """Page, records and files of each flavor belong together."""
    _, folder = published(to)
    checks: list[Check] = verify_published(folder)

    assert [(c.cell, c.name, c.finding.value) for c in checks] == [
        (2, "cat", "consistent"),
        (3, "dog", "consistent"),
        (4, "", "consistent"),
    ]
    assert find_published(folder.parents[1]) == [folder]


@pytest.mark.parametrize("to", FLAVORS)
def test_a_prompt_changed_on_the_page_is_found(published: Any, to: str) -> None:
    """One character of the prompt on the page, and that picture has drifted, and no other."""
    page, folder = published(to)
    page.write_text(
        page.read_text("utf-8").replace("A dog\n```", "A fox\n```").replace(">A dog<", ">A fox<"), "utf-8"
    )

    assert found(folder) == ["consistent", "drifted", "consistent"]
    assert reasons(folder) == "the prompt above it on the page is not the one that went to the model"


@pytest.mark.parametrize("to", FLAVORS)
def test_swapped_pictures_are_found(published: Any, to: str) -> None:
    """A picture below another picture's prompt has drifted."""
    page, folder = published(to)
    text = page.read_text("utf-8")
    cat, dog = (re.search(rf"{name}-[0-9a-f]{{8}}", text).group() for name in ("cat", "dog"))  # type: ignore[union-attr]
    page.write_text(text.replace(cat, "x-").replace(dog, cat).replace("x-", dog), "utf-8")

    assert found(folder)[:2] == ["drifted", "drifted"]


def test_the_right_prompt_in_a_comment_does_not_count(published: Any) -> None:
    """A comment is not on the page."""
    page, folder = published("markdown")
    text = page.read_text("utf-8")
    page.write_text(text.replace("```txt\nA dog\n```", "```txt\nA fox\n```\n<!--\n```txt\nA dog\n```\n-->"), "utf-8")

    assert found(folder)[1] == "drifted"


def test_narrative_may_be_edited(published: Any) -> None:
    """What the author writes around prompts and pictures is the author's: the page stays consistent."""
    page, folder = published("hugo")
    page.write_text(
        page.read_text("utf-8").replace("```txt\nA dog", "New words\n\n```python\nx\n```\n\n```txt\nA dog"), "utf-8"
    )

    assert found(folder) == ["consistent"] * 3


@pytest.mark.parametrize("kind", ["copy", "original"])
def test_a_changed_picture_is_found(published: Any, kind: str) -> None:
    """One bit of a copy, or of an original, and the picture has drifted; without the file it is missing."""
    _, folder = published("html")
    name = next(folder.glob("cat-*-original.png" if kind == "original" else "cat-*.webp"))
    data = bytearray(name.read_bytes())
    data[-1] ^= 1
    name.write_bytes(data)
    assert found(folder) == ["drifted", "consistent", "consistent"]
    name.unlink()
    assert found(folder) == ["missing", "consistent", "consistent"]


def test_a_copy_of_another_picture_is_found_though_the_index_agrees(published: Any) -> None:
    """A file that was exchanged together with its digest still says which original it was made from."""
    _, folder = published("html")
    cat, dog = (next(p for p in folder.glob(f"{name}-*.webp")) for name in ("cat", "dog"))
    shutil.copy(dog, cat)
    index = json.loads((folder / INDEX).read_text("utf-8"))
    index["figures"][0]["files"] = [index["figures"][1]["files"][0] | {"name": cat.name}]
    (folder / INDEX).write_text(json.dumps(index), "utf-8")

    assert reasons(folder) == f"{cat.name} does not say that it was made from the record's picture"


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ('"text": "A dog"', '"text": "A fox"'),
        ('"model": "emulator/sketch-1"', '"model": "google/x"'),
        ('"attempt": 1', '"attempt": 2'),
    ],
)
def test_an_edited_record_is_refused(published: Any, was: str, now: str) -> None:
    """A record that is not what its digest says makes the whole index none that gemnb wrote."""
    _, folder = published("markdown")
    index = folder / INDEX
    text = index.read_text("utf-8")
    assert was in text
    index.write_text(text.replace(was, now), "utf-8")

    with pytest.raises(NotebookError, match="is no index that gemnb writes"):
        verify_published(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"page": "../../../secret.md"},
        {"page": "/etc/passwd"},
        {"flavor": "nothing"},
        {"schema": 5},
        {"schema": True},
        {"figures": {}},
        {"figures": [1]},
        {"files": {"../x": "sha256:" + "0" * 64}},
        {"files": {"x.png": "no digest"}},
    ],
)
def test_a_hostile_index_is_refused_or_drifts(published: Any, project: Path, change: dict[str, Any]) -> None:
    """Nothing outside the folder is read, and no index of another form passes."""
    _, folder = published("markdown")
    (project / "secret.md").write_text("secret")
    index = json.loads((folder / INDEX).read_text("utf-8")) | change
    (folder / INDEX).write_text(json.dumps(index), "utf-8")
    try:
        said = found(folder)
    except NotebookError as error:
        said = [str(error)]

    assert "consistent" not in said
    assert "secret" not in " ".join(said)


def test_a_picture_that_is_a_link_is_not_followed_out(published: Any, project: Path) -> None:
    """A link out of the folder counts as no file."""
    _, folder = published("markdown")
    name = next(folder.glob("cat-*.webp"))
    shutil.move(name, project / "away.webp")
    name.symlink_to(project / "away.webp")

    assert found(folder)[0] == "missing"


def test_a_page_that_hugo_built_is_checked_as_well(published: Any) -> None:
    """Where the page's source is not there, the HTML that Hugo made of it is read."""
    page, folder = published("hugo")
    page.unlink()
    name = {p.name.partition("-")[0]: p.name for p in folder.glob("*.webp")}
    code = '<div class="highlight"><pre tabindex="0"><code class="language-txt"><span>{}\n</span></code></pre></div>'
    (folder / "index.html").write_text(
        f'{code.format("A cat {{&lt; x &gt;}} {% y %}")}<img src="https://x/{name["cat"]}">'
        f'{code.format("A fox")}<img src="https://x/{name["dog"]}">{code.format("A secret")}'
    )

    assert found(folder) == ["consistent", "drifted", "consistent"]


def test_without_an_index_there_is_nothing_to_check(project: Path) -> None:
    """A folder without an index is told as such."""
    with pytest.raises(NotebookError, match=r"There is no index\.gemnb\.json"):
        verify_published(project)


def test_the_command_publishes_and_reports(asked: Any, write: Any, project: Path, make_picture: Any) -> None:
    """`gemnb publish` prints widths, bytes and remarks; `--strict` ends with 1 where an alternative text lacks."""
    path = write(asked("%%gemimg cat\nA cat", answer(make_picture("PNG", (900, 500)))))
    run = CliRunner().invoke(main, ["publish", str(path), "--to", "hugo", "--output", "site", "--widths", "300,600"])
    strict = CliRunner().invoke(main, ["publish", str(path), "--to", "hugo", "--output", "site", "--strict"])

    assert run.exit_code == 0, run.output
    assert re.search(r"cat-[0-9a-f]{8}\.webp +300 600 +[\d,]+ +[\d,]+", run.output)
    assert "! cell 2: cat has no alternative text" in run.output
    assert "site/content/posts/a-post/index.md" in run.output
    assert strict.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "hugo", "--widths", "big"], "widths are whole numbers"),
        (["--to", "hugo", "--output", "site/content/posts"], "--output"),
        (["--to", "latex"], "latex"),
    ],
)
def test_wrong_options_are_usage_errors(write: Any, project: Path, arguments: list[str], said: str) -> None:
    """An option that cannot be is told with what can, and nothing is written."""
    (project / "site/content/posts").mkdir(parents=True)
    (project / "site/hugo.toml").write_text("")
    run = CliRunner().invoke(main, ["publish", str(write()), *arguments])

    assert run.exit_code == 2
    assert said in run.output
    assert not list((project / "site/content/posts").iterdir())
