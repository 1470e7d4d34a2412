"""A notebook becomes a post: what is shown of each cell, in which files, and what the author is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from gemnb.canonical import blob_digest
from gemnb.cli import main
from gemnb.errors import CellSyntaxError, NotebookError, StoreError
from gemnb.magic.publishing import publish as verb
from gemnb.model import Content
from gemnb.publish import FLAVORS
from gemnb.sniff import sniff
from tests.publish.conftest import answer, code, markdown, raw, tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.publish import Publication

FLAVOR_NAMES = tuple(FLAVORS)


def page(done: Publication) -> str:
    """Return the text of the page."""
    return done.files[done.page].decode()


def told(done: Publication, *, strict: bool = True) -> list[str]:
    """Return the remarks."""
    return [remark.text for remark in done.remarks if remark.strict is strict]


@pytest.fixture
def big(make_picture: Callable[..., bytes]) -> bytes:
    """A picture of 1100×600."""
    return make_picture("PNG", (1100, 600))


def test_an_expected_error_is_a_card_and_no_remark(write: Any, publish: Any) -> None:
    """Below the tag `raises-exception` an error is part of the post; without it, it is to be mended first."""
    error = {"output_type": "error", "ename": "CellSyntaxError", "evalue": "There is no option --x.", "traceback": []}
    source = "%%gemimg --x\nA cat"
    rightly = publish(write(code(source, error, tags=("raises-exception",))), "markdown")
    wrongly = publish(write(code(source, error)), "markdown")

    assert "CellSyntaxError" in page(rightly)
    assert not [text for text in told(rightly) if "--x" in text or "failed" in text]
    assert "the cell failed: CellSyntaxError" in told(wrongly)


@pytest.mark.parametrize("to", FLAVOR_NAMES)
def test_publishing_twice_changes_no_byte(
    asked: Any, write: Any, publish: Any, project: Path, big: bytes, make_picture: Any, to: str
) -> None:
    """A second run writes nothing, makes no copy anew, and leaves every byte and time of writing as it was."""
    cells = (markdown("# Cats"), asked("%%gemimg cat --alt 'A cat'\nA cat", answer(big)), raw("Raw *text*"))
    path = write(*cells, post={"date": "2026-11-21", "tags": ["a"], "cover": "cat"})
    first = publish(path, to, facts=True)
    before = tree(project / "site")
    times = {p: p.stat().st_mtime_ns for p in (project / "site").rglob("*")}
    second = publish(path, to, facts=True)

    assert first.written
    assert second.written == second.removed == ()
    assert not any(made.fresh for made in second.made.values())
    assert tree(project / "site") == before
    assert {p: p.stat().st_mtime_ns for p in (project / "site").rglob("*")} == times


@pytest.mark.parametrize("to", FLAVOR_NAMES)
def test_one_changed_cell_changes_only_its_files(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any, to: str
) -> None:
    """Another picture of one cell changes that picture's files, the page and the index, and nothing else."""
    cat = asked("%%gemimg cat --alt 'A cat'\nA cat", answer(make_picture("PNG", (60, 40))))
    dog = asked("%%gemimg dog --alt 'A dog'\nA dog", answer(make_picture("PNG", (60, 41))))
    publish(write(cat, dog), to)
    before = tree(project / "site")
    new = asked("%%gemimg dog --alt 'A dog'\nA big dog", answer(make_picture("PNG", (60, 42))))
    done = publish(write(cat, new), to)
    after = tree(project / "site")
    changed = {name for name in before | after if before.get(name) != after.get(name)}

    assert len(done.removed) == 1
    assert {name.rpartition("/")[2].partition("-")[0].partition(".")[0] for name in changed} <= {"dog", "index", "a"}
    assert len(changed) == 4


def test_a_picture_has_copies_at_the_widths_below_its_own(asked: Any, write: Any, publish: Any, big: bytes) -> None:
    """`srcset` names each copy with its width, and `width` and `height` are those of the widest."""
    path = write(asked("%%gemimg cat --alt 'A \"cat\"' --caption 'The <first>'\nA cat", answer(big)))
    done = publish(path, "markdown")
    stem = f"cat-{blob_digest(big)[7:15]}"
    sizes = {p.name: sniff(data) for p, data in done.files.items() if p.suffix == ".webp"}

    assert {name: (s.width, s.height) for name, s in sizes.items() if s} == {
        f"{stem}-480.webp": (480, 262),
        f"{stem}-768.webp": (768, 419),
        f"{stem}.webp": (1100, 600),
    }
    assert f'srcset="{stem}-480.webp 480w, {stem}-768.webp 768w, {stem}.webp 1100w"' in page(done)
    assert f'<img src="{stem}.webp"' in page(done)
    assert 'width="1100" height="600" alt="A &quot;cat&quot;" loading="lazy"' in page(done)
    assert "<figcaption><p>The &lt;first&gt;</p></figcaption>" in page(done)


def test_names_stay_when_only_the_words_change(asked: Any, write: Any, publish: Any, big: bytes) -> None:
    """Editing alternative text or prompt leaves the name of a picture's files, which tell of the picture only."""
    one = publish(write(asked("%%gemimg cat --alt 'A cat'\nA cat", answer(big))), "markdown")
    two = publish(write(asked("%%gemimg cat --alt 'A hat'\nA hat", answer(big))), "markdown")

    assert set(one.files) == set(two.files)
    assert {p.name for p in two.written} == {p.name for p in two.files}


def test_what_lacks_an_alternative_text_is_listed(
    asked: Any, write: Any, publish: Any, big: bytes, make_picture: Any
) -> None:
    """Told are pictures without one, with the prompt for one, and pictures of the narrative without one."""
    path = write(
        asked("%%gemimg cat\nA cat", answer(big)),
        asked("%%gemimg dog --alt 'A dog'\nA dog", answer(make_picture())),
        asked("%%gemimg cow --alt 'A cow on a hill'\nA cow", answer(make_picture("JPEG"))),
        markdown("![](https://example.org/x.png) and `![](y.png)` ![words](https://example.org/y.png)"),
    )

    assert told(publish(path, "hugo")) == [
        "cat has no alternative text",
        "dog has its prompt for an alternative text",
        "https://example.org/x.png has no alternative text",
    ]


def test_the_present_words_are_shown(asked: Any, write: Any, publish: Any, big: bytes) -> None:
    """An alternative text edited after the run is published without another run: nobody was asked with it."""
    cell = asked("%%gemimg cat --alt 'A dog'\nA cat", answer(big))
    cell["source"] = "%%gemimg cat --alt 'A cat on a mat'\nA cat"
    done = publish(write(cell), "jekyll")

    assert 'alt="A cat on a mat"' in page(done)
    assert told(done) == []


@pytest.mark.parametrize("to", FLAVOR_NAMES)
def test_an_edited_prompt_is_shown_as_such(asked: Any, write: Any, publish: Any, big: bytes, to: str) -> None:
    """The page keeps the prompt that made the picture, says that the cell was changed, and the author is told."""
    cell = asked("%%gemimg cat --alt 'A cat'\nA grey cat", answer(big))
    cell["source"] = cell["source"].replace("grey", "white")
    done = publish(write(cell), to)

    assert "A grey cat" in page(done)
    assert "The cell was changed after this picture was made." in page(done)
    assert any(text.startswith("the picture is not what the cell asks for now") for text in told(done))


@pytest.mark.parametrize("to", FLAVOR_NAMES)
@pytest.mark.parametrize("edited", [False, True], ids=["as it ran", "option taken away since"])
def test_a_withheld_picture_leaves_nothing_but_a_card(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any, to: str, *, edited: bool
) -> None:
    """With `publish: false` neither picture nor prompt nor record is published; page and author are told why."""
    picture = make_picture("PNG", (60, 40))
    cell = asked(
        "%%gemimg cat --publish false --caption 'It shows a friend'\nSecret words", answer(picture), private=True
    )
    if edited:
        cell["source"] = cell["source"].replace(" --publish false", "")
    done = publish(write(cell), to)
    everything = b"".join(tree(project / "site").values())

    assert "Withheld by the author" in page(done)
    assert "It shows a friend" in page(done)
    assert told(done, strict=False)[-1] == "withheld: the cell says `publish: false`"
    assert b"Secret words" not in everything
    assert blob_digest(picture)[7:15].encode() not in everything
    assert not any(name.endswith(".webp") for name in tree(project / "site"))


def test_refusals_words_and_errors_are_cards(asked: Any, write: Any, publish: Any, make_picture: Any) -> None:
    """A refusal and an answer in words have a card with the prompt above, an error one with its words."""
    refused = answer(finish="IMAGE_SAFETY", message="No <b>such</b> pictures.")
    error = {"output_type": "error", "ename": "KeyError", "evalue": "\x1b[31m'x'\x1b[0m", "traceback": []}
    done = publish(
        write(
            asked("%%gemimg --allow-refusal\nA forbidden cat", refused),
            asked("%%gemimg --allow-refusal\nWords please", answer(words="I see:\n\na cat")),
            code("d['x']", error),
            code("%%gemimg\nNever run"),
        ),
        "html",
    )

    assert "<strong>Refused: IMAGE_SAFETY</strong>" in page(done)
    assert "No &lt;b&gt;such&lt;/b&gt; pictures." in page(done)
    assert "A forbidden cat" in page(done)
    assert "<strong>The model answered in words</strong><br>I see&#58;<br>a cat" in page(done).replace(
        "I see:", "I see&#58;"
    )
    assert "<strong>KeyError</strong><br>&#x27;x&#x27;" in page(done)
    assert "This cell has not been run" in page(done)
    assert told(done) == ["the cell has no picture; run it"]


def test_a_refusal_that_stopped_the_cell_is_found_in_the_cache(asked: Any, write: Any, publish: Any) -> None:
    """A cell that failed with `Refused` shows prompt and reason from the kept answer, not from its source."""
    cell = asked("%%gemimg\nA forbidden cat", answer(finish="PROHIBITED_CONTENT"))
    cell["outputs"] = [{"output_type": "error", "ename": "Refused", "evalue": "The model refused", "traceback": []}]
    done = publish(write(cell), "markdown")

    assert "```txt\nA forbidden cat\n```" in page(done)
    assert "Refused: PROHIBITED_CONTENT" in page(done)


def test_code_is_shown_where_a_tag_says_so(asked: Any, write: Any, publish: Any, make_picture: Any) -> None:
    """Code and what it printed are hidden unless tagged; `--code` turns that round; pictures stand in any case."""
    printed = {"output_type": "stream", "name": "stdout", "text": ["one\n", "two\n"]}
    plot = {
        "output_type": "display_data",
        "metadata": {"image/png": {"alt": "A plot"}},
        "data": {"image/png": _b64(make_picture())},
    }
    cells = (
        code("hidden()", printed, plot),
        code("shown()", printed, tags=("show-code",)),
        code("never()", printed, tags=("remove-input",)),
        code("gone()", plot, tags=("remove-cell",)),
    )
    plain, full = page(publish(write(*cells), "hugo")), page(publish(write(*cells), "hugo", code=True))

    assert "hidden()" not in plain
    assert "```python\nshown()\n```\n\n```text\none\ntwo\n```" in plain
    assert plain.count('alt="A plot"') == full.count('alt="A plot"') == 1
    assert "hidden()" in full
    assert "never()" not in full
    assert "gone()" not in full


def test_narrative_is_as_it_was(write: Any, publish: Any) -> None:
    """Footnotes, links and tables come through unchanged for every flavor, and formulas in plain Markdown."""
    text = "A[^1] [link](other.md) $5 $$\n\\frac{a}{b}\n$$\n\n| a | b |\n|---|---|\n\n[^1]: Note, `:x:`"
    for to in ("jekyll", "markdown"):
        assert text in page(publish(write(markdown(text)), to))
    assert text.replace("\\", "\\\\") in page(publish(write(markdown(text)), "hugo"))
    assert "$a_1*b_2$" in page(publish(write(markdown("So $a_1*b_2$")), "markdown"))


def test_attachments_and_local_pictures_become_files(
    write: Any, publish: Any, project: Path, make_picture: Any
) -> None:
    """They are copied under names of their own; what lies outside the project, or is no picture, is told."""
    (project / "pictures").mkdir()
    picture = make_picture()
    (project / "pictures/a b.png").write_bytes(picture)
    (project.parent / "out.png").write_bytes(picture)
    (project / "link.png").symlink_to(project.parent / "out.png")
    (project / "fake.png").write_text("<svg onload=alert(1)>")
    text = (
        "![a](attachment:x.png) ![b](pictures/a%20b.png) ![c](../out.png) ![d](link.png) ![e](fake.png) ![f](no.png)"
    )
    attached = {"x.png": {"image/png": _b64(make_picture("PNG", (9, 9)))}}
    done = publish(write(markdown(text, attachments=attached)), "markdown")
    names = sorted(p.name for p in done.files if p.suffix == ".png")

    assert names == [
        f"a-b-{blob_digest(picture)[7:15]}.png",
        f"x-{blob_digest(make_picture('PNG', (9, 9)))[7:15]}.png",
    ]
    assert f"![a]({names[1]}) ![b]({names[0]}) c d e f\n" in page(done)
    assert told(done) == [
        "../out.png is not published: it lies outside the project",
        "link.png is not published: it lies outside the project",
        "fake.png is not published: it is no PNG, JPEG, WebP or GIF",
        "no.png is not published: there is no such file",
    ]


def test_budgets_are_told(asked: Any, write: Any, publish: Any, make_picture: Any) -> None:
    """A picture, and a page, with more bytes than its budget is named with both numbers."""
    noisy = make_picture("PNG", (500, 500), noise=True)
    done = publish(
        write(asked("%%gemimg cat --alt x\nA cat", answer(noisy))), "html", picture_budget=1000, page_budget=2000
    )

    assert [text.rpartition("; ")[2] for text in told(done)] == [
        "the budget of a page is 2,000",
        "the budget of a picture is 1,000",
    ]


def test_originals_are_published_byte_for_byte_where_asked(asked: Any, write: Any, publish: Any, big: bytes) -> None:
    """`originals` adds the file as it was received, and links it in the evidence."""
    done = publish(write(asked("%%gemimg cat --alt x\nA cat", answer(big))), "html", originals=True)
    name = f"cat-{blob_digest(big)[7:15]}-original.png"

    assert done.files[done.folder / name] == big
    assert f'<a href="{name}">as received</a>' in page(done)


def test_a_picture_without_its_original_is_made_from_the_preview(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any
) -> None:
    """A notebook without its cache publishes, and the author is told; with the cache back, copies are made anew."""
    noisy = make_picture("PNG", (1200, 900), noise=True)
    path = write(asked("%%gemimg cat --alt x\nA cat", answer(noisy)))
    (project / "cache").rename(project / "away")
    done = publish(path, "markdown", picture_budget=0)
    again = publish(path, "markdown", picture_budget=0)
    (project / "away").rename(project / "cache")
    healed = publish(path, "markdown", picture_budget=0)

    assert (
        told(done) == told(again) == ["cat: its original is not in the cache; the copies are made from the preview"]
    )
    assert again.written == ()
    assert told(healed) == []
    assert next(iter(healed.made.values())).fresh


@pytest.mark.parametrize("found", ["by hand", "by somebody else"])
def test_a_page_changed_by_hand_is_not_overwritten(write: Any, publish: Any, project: Path, found: str) -> None:
    """What the author wrote into the page is lost only with `force`."""
    path = write(markdown("One"))
    mine = project / "site/a-post/index.md"
    if found == "by hand":
        publish(path, "markdown")
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(NotebookError, match="is not overwritten"):
        publish(path, "markdown")
    assert mine.read_text() == "mine"
    publish(path, "markdown", force=True)
    assert "One" in mine.read_text()


def test_only_files_of_the_earlier_run_are_removed(
    asked: Any, write: Any, publish: Any, project: Path, big: bytes
) -> None:
    """What the index of the last run does not name, or was changed since, stays."""
    publish(write(asked("%%gemimg cat --alt x\nA cat", answer(big))), "markdown", originals=True)
    folder = project / "site/a-post"
    (folder / "mine.webp").write_bytes(b"mine")
    changed = next(folder.glob("cat-*-480.webp"))
    changed.write_bytes(b"changed")
    done = publish(write(markdown("No cats")), "markdown")

    assert sorted(p.name for p in folder.iterdir()) == sorted(
        ["index.gemnb.json", "index.md", "mine.webp", changed.name]
    )
    assert len(done.removed) == 3


@pytest.mark.parametrize("to", FLAVOR_NAMES)
def test_nothing_is_written_through_a_link(write: Any, publish: Any, project: Path, to: str) -> None:
    """A folder of the site that is a link out of it stops publishing before a byte is written there."""
    outside = project / "outside"
    outside.mkdir()
    path = write(markdown("One"), post={"title": "A post", "date": "2026-11-21"})
    first = {"hugo": "content", "jekyll": "_posts"}.get(to, "a-post")
    (project / "site").mkdir()
    (project / "site" / first).symlink_to(outside)
    with pytest.raises(StoreError, match="reached by a link"):
        publish(path, to)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("index", "victim"),
    [
        ({"files": {"../../victim.txt": "D"}}, "victim.txt"),
        ({"files": {"/etc/victim.txt": "D"}}, "victim.txt"),
        ({"page": "../../victim.txt"}, "victim.txt"),
        ({"schema": 99}, "victim.txt"),
        ({"figures": [{"cell": 1, "document": {}}]}, "victim.txt"),
    ],
)
def test_a_hostile_index_of_an_earlier_run_does_nothing(
    write: Any, publish: Any, project: Path, index: dict[str, Any], victim: str
) -> None:
    """An index that names files elsewhere, or is of no known form, counts as none."""
    (project / victim).write_text("mine")
    folder = project / "site/a-post"
    folder.mkdir(parents=True)
    base = {"schema": 0, "flavor": "markdown", "page": "index.md", "figures": [], "files": {}}
    text = json.dumps(base | index).replace('"D"', json.dumps(blob_digest(b"mine")))
    (folder / "index.gemnb.json").write_text(text)
    done = publish(write(markdown("One")), "markdown")

    assert done.removed == ()
    assert (project / victim).read_text() == "mine"


@pytest.mark.parametrize("slug", ["../../etc", "/abs", "..", "C:\\x", "a/b", "\u202e", ""])
def test_a_slug_stays_one_name(write: Any, publish: Any, project: Path, slug: str) -> None:
    """Whatever the notebook says, its post lies in one folder of letters, digits and dashes."""
    done = publish(write(markdown("One"), post={"title": "A", "slug": slug}), "html")

    assert len(done.folder.parts) == 1
    assert done.folder.name.replace("-", "").isalnum()
    assert [path.name for path in (project / "site").iterdir()] == [done.folder.name]


def test_front_matter_of_each_flavor(asked: Any, write: Any, publish: Any, big: bytes) -> None:
    """Title, date, tags, summary and cover come from the first raw cell, by each site's own names."""
    said = "---\ntitle: 'Cats: a \"test\"'\ndate: 2026-11-21T09:30:00\ntags: [cats, ai]\n"
    said += "summary: S\ncover: cat\ndraft: true\n---"
    path = write(raw(said), asked("%%gemimg cat --alt 'A cat'\nA cat", answer(big)), post={"categories": ["c"]})
    name = f"cat-{blob_digest(big)[7:15]}.webp"
    hugo = publish(path, "hugo", section="post")
    jekyll = publish(path, "jekyll")

    assert hugo.page.as_posix() == "content/post/cats-a-test/index.md"
    assert page(hugo).startswith(
        '---\ntitle: "Cats: a \\"test\\""\ndate: 2026-11-21T09:30:00\nslug: "cats-a-test"\ntags: ["cats", "ai"]\n'
        'categories: ["c"]\nsummary: "S"\n'
        f'cover:\n  relative: true\n  alt: "A cat"\n  image: "{name}"\ndraft: true\n---\n'
    )
    assert jekyll.page.as_posix() == "_posts/2026-11-21-cats-a-test.md"
    assert 'excerpt: "S"\ndescription: "S"\n' in page(jekyll)
    assert f'image:\n  alt: "A cat"\n  path: "/assets/gemnb/cats-a-test/{name}"' in page(jekyll)


def test_without_a_date_none_is_invented(write: Any, publish: Any) -> None:
    """A post without a date has none in its front matter; Jekyll's place for it is the drafts."""
    path = write(markdown("# A title\n\nWords"), post={"tags": "a, b"})
    done = publish(path, "jekyll")

    assert done.page.as_posix() == "_drafts/a-title.md"
    assert "date" not in page(done).partition("\n---\n")[0]
    assert "# A title" not in page(done)
    assert "# A title" in page(publish(path, "markdown"))


@pytest.mark.parametrize(
    "post",
    [
        {"title": ["a"]},
        {"date": "yesterday"},
        {"date": "2026-02-31"},
        {"tags": {"a": 1}},
        {"cover": 3},
        {"a\nb": 1},
        {"x": [[[[[[[[[[[1]]]]]]]]]]]},
    ],
)
def test_wrong_front_matter_is_an_error(write: Any, publish: Any, post: dict[str, Any]) -> None:
    """A member of a type it cannot have is named before anything is written."""
    with pytest.raises(NotebookError):
        publish(write(markdown("One"), post=post), "hugo")


@pytest.mark.parametrize(
    "said",
    [
        "---\n- a\n---",
        "---\na: &x [1]\nb: *x\n---",
        "---\na: !!python/object:os.system x\n---",
        "---\n: : :\n---",
        "---\n1: a\n---",
    ],
)
def test_yaml_of_a_stranger_does_no_harm(write: Any, publish: Any, said: str) -> None:
    """Anchors, tags of Python and what is no mapping are refused."""
    with pytest.raises(NotebookError):
        publish(write(raw(said)), "hugo")


def test_the_shortcode_of_a_site_is_not_overwritten(write: Any, publish: Any, project: Path) -> None:
    """The shortcode is put into a site once; what the author made of it stays."""
    path = write(markdown("One"))
    publish(path, "hugo")
    own = project / "site/layouts/shortcodes/gemnb.html"
    own.write_text("{{ .Inner }}")
    publish(path, "hugo")

    assert own.read_text() == "{{ .Inner }}"


def _b64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


@pytest.mark.parametrize("kind", ["comparison", "picture"])
def test_what_shows_a_withheld_picture_is_withheld(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any, kind: str
) -> None:
    """A comparison that a withheld picture is part of, or another output of its bytes, is not published."""
    picture, other = make_picture("PNG", (60, 40)), make_picture("JPEG", (90, 40))
    private = asked("%%gemimg cat --publish false\nA secret", answer(picture), private=True)
    named = {"schema": 0, "pictures": [{"blob": blob_digest(picture), "mime_type": "image/png", "label": "cat"}]}
    data = {"application/vnd.gemnb.compare.v1+json": named, "image/jpeg": _b64(other)}
    if kind == "picture":
        data = {"image/png": _b64(picture)}
    shown = {"output_type": "display_data", "metadata": {}, "data": data}
    done = publish(write(private, code("%gemnb compare cat dog", shown)), "hugo")

    assert page(done).count("Withheld by the author") == 2
    assert not [name for name in tree(project / "site") if name.endswith((".png", ".jpg", ".webp"))]


def test_a_comparison_has_copies_at_several_widths(write: Any, publish: Any, big: bytes) -> None:
    """What `%gemnb compare` drew is published like a picture; a second run makes no copy anew."""
    named = {"schema": 0, "pictures": [], "presentation": {"alt": "Two cats"}}
    data = {"application/vnd.gemnb.compare.v1+json": named, "image/png": _b64(big)}
    path = write(code("%gemnb compare a b", {"output_type": "display_data", "metadata": {}, "data": data}))
    done, again = publish(path, "markdown"), publish(path, "markdown")

    assert 'alt="Two cats"' in page(done)
    assert "480w" in page(done)
    assert again.written == ()
    assert not any(made.fresh for made in again.made.values())


def test_what_goes_on_from_a_withheld_picture_is_withheld(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any
) -> None:
    """An edit of a withheld picture holds its prompt among its turns, so it is withheld too, and that is told."""
    secret, edit = make_picture("PNG", (60, 40)), make_picture("PNG", (50, 40))
    private = asked("%%gemimg cat --publish false\nSecret words", answer(secret), private=True)
    record = private["outputs"][0]["data"]["application/vnd.gemnb.v1+json"]["record"]
    turns = [*record["request"]["contents"], record["response"]["candidates"][0]["content"]]
    earlier = tuple(Content(role=turn["role"], parts=tuple(turn["parts"])) for turn in turns)
    going_on = asked("%%gemimg hat --alt x -e cat\nA hat", answer(edit), earlier=earlier)
    done = publish(write(private, going_on), "hugo")

    assert page(done).count("Withheld by the author") == 2
    assert b"Secret words" not in b"".join(tree(project / "site").values())
    assert any("goes on from" in text for text in told(done))


def test_the_same_picture_with_other_words_is_another_file(asked: Any, write: Any, publish: Any, big: bytes) -> None:
    """Copies say their alternative text; two cells with the same picture and other words have files of their own."""
    cells = [asked(f"%%gemimg cat --alt '{alt}'\nA cat", answer(big)) for alt in ("One", "Two", "One")]
    done = publish(write(*cells), "markdown")
    stem = f"cat-{blob_digest(big)[7:15]}"

    assert set(done.made) == {stem, f"{stem}-2"}
    assert page(done).count(f'src="{stem}.webp"') == 2


def test_a_packed_notebook_needs_no_cache(asked: Any, write: Any, publish: Any, project: Path, big: bytes) -> None:
    """Originals that `gemnb pack` put into the notebook are found there."""
    path = write(asked("%%gemimg cat --alt x\nA cat", answer(big)))
    packed = CliRunner().invoke(main, ["pack", str(path)])
    (project / "cache").rename(project / "away")
    done = publish(path, "markdown", originals=True)

    assert packed.exit_code == 0, packed.output
    assert told(done) == []
    assert big in done.files.values()


def test_the_verb_publishes_a_saved_notebook(asked: Any, write: Any, project: Path, big: bytes) -> None:
    """`%gemnb publish` does what the command does and prints its lines."""
    write(asked("%%gemimg cat --alt x\nA cat", answer(big)))
    lines = verb("post.ipynb --to html --output site")

    assert (project / "site/a-post/index.html").is_file()
    assert lines[-1].startswith("site/a-post/index.html: 5 files, 5 written")


@pytest.mark.parametrize(
    "line", ["", "post.ipynb", "--to html", "post.ipynb --to", "a b --to html", "a --to html --x"]
)
def test_a_wrong_line_of_the_verb_is_told(project: Path, line: str) -> None:
    """A line that lacks something, or has too much, says how it is typed."""
    with pytest.raises(CellSyntaxError) as error:
        verb(line)
    assert error.value.hint == "%gemnb publish NOTEBOOK --to FLAVOR [--output DIR]"


def test_the_front_matter_of_the_page_on_publishing_is_read(write: Any, publish: Any) -> None:
    """The example in the documentation makes the front matter it promises."""
    text = (Path(__file__).parents[2] / "docs/how-to/publish.md").read_text("utf-8")
    example = text.partition("```yaml\n")[2].partition("\n```")[0]
    done = publish(write(raw(example), post={}), "hugo")

    assert done.post.front.tags == ("image models", "cats")
    assert done.post.link.startswith("https://")
    assert "notebook:" not in page(done)


@pytest.mark.parametrize("to", ["hugo", "jekyll", "markdown"])
def test_a_cell_that_would_swallow_a_prompt_stops_publishing(
    asked: Any, write: Any, publish: Any, project: Path, big: bytes, to: str
) -> None:
    """A comment left open above a prompt would hide it: nothing is written, and the author is told what to close."""
    path = write(markdown("Words <!-- to do"), asked("%%gemimg cat --alt x\nA cat", answer(big)))
    with pytest.raises(NotebookError, match="would not stand on the page"):
        publish(path, to)
    assert not (project / "site").exists()


def test_a_fence_left_open_ends_with_its_cell(asked: Any, write: Any, publish: Any, big: bytes) -> None:
    """As in Jupyter, the next cell is not part of the code."""
    path = write(markdown("```\nopen"), asked("%%gemimg cat --alt x\nA cat", answer(big)))

    assert "```\nopen\n```\n\n```txt\nA cat\n```" in page(publish(path, "markdown"))
