"""A published folder is checked against itself: prompt on the page, record, pictures; nothing in it is trusted."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gemnb.cli import main
from gemnb.errors import NotebookError
from gemnb.publish import FLAVORS, find_published, verify_published
from gemnb.publish.figures import INDEX
from gemnb.publish.readback import read_page
from tests.publish.conftest import answer, markdown

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


def built(page: Path) -> Path:
    """Write the page of a bundle as Hugo builds it, in the place of its source."""
    text = page.read_text("utf-8").partition("---\n\n")[2]
    code = '<div class="highlight"><pre tabindex="0"><code class="language-txt"><span>{}\n</span></code></pre></div>'
    text = re.sub(
        r"^(`{3,})txt\n(.*?)\n\1$",
        lambda match: code.format(FLAVORS["hugo"].back(match[2]).replace("<", "&lt;")),
        text,
        flags=re.MULTILINE | re.DOTALL,
    )
    text = re.sub(r"{{< /?gemnb >}}", "", text).replace("./", "https://example.org/posts/a-post/")
    theme = '<header><img src="/logo.png"><svg><path/></svg></header>'
    made = page.with_name("index.html")
    made.write_text(f"<!doctype html><html><body>{theme}{text}</body></html>", "utf-8")
    page.unlink()
    return made


def test_a_page_that_hugo_built_is_checked_as_well(published: Any) -> None:
    """Where the page's source is not there, the HTML that Hugo made of it is read; a theme's pictures are noted."""
    page, folder = published("hugo")
    page = built(page)
    assert found(folder) == ["consistent"] * 4
    notes = verify_published(folder)[-1].notes
    assert "1 pictures of the narrative or the theme are of no record, the first in line 1" in notes
    assert "the page shows its pictures from 'https://example.org/posts/a-post/'; checked were those here" in notes

    page.write_text(page.read_text("utf-8").replace(">A dog\n<", ">A fox\n<"), "utf-8")
    assert found(folder) == ["consistent", "drifted", "consistent", "consistent"]


FALSE = '<figure class="gemnb-figure"><img src="{}" alt="z"></figure>'


def _cat(text: str) -> str:
    return re.search(r"cat-[0-9a-f]{8}", text).group()  # type: ignore[union-attr]


def _figures(text: str) -> list[str]:
    return re.findall(r'<figure class="gemnb-figure.*?</figure>', text, re.DOTALL)


def _prompt(text: str, words: str) -> str:
    pattern = rf'```txt\n{words}.*?\n```|<pre class="gemnb-txt"[^>]*><code[^>]*>{words}.*?</pre>'
    return re.search(pattern, text, re.DOTALL).group()  # type: ignore[union-attr]


def _other_sources(text: str) -> str:
    names = re.compile(rf"{_cat(text)}(?=\.webp)")
    return names.sub("evil", text)


def _twice(text: str) -> str:
    cat, dog = _figures(text)
    return text.replace(dog, f"{cat}\n{dog}")


def _new_figure(text: str) -> str:
    figure = _figures(text)[0]
    false = re.sub(rf"{_cat(text)}", "fake-12345678", figure)
    prompt = _prompt(text, "A dog").replace("A dog", "A lie")
    last = text.rindex("</details>") + len("</details>")
    last = text.find("{{< /gemnb >}}", last) + 14 if "{{< /gemnb >}}" in text[last:] else last
    return f"{text[:last]}\n\n{prompt}\n\n{false}\n{text[last:]}"


def _in(element: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        true = _prompt(text, "A dog")
        return text.replace(true, f"<{element}>\n\n{true}\n\n</{element.partition(' ')[0]}>\n<p>A lie</p>")

    return change


def _stranger(text: str) -> str:
    dog = _figures(text)[1]
    return text.replace(dog, f'<img src="https://evil.example/x.png" alt="">\n{dog}')


CHANGES: dict[str, tuple[Callable[[str], str], str]] = {
    "all sources": (_other_sources, "is no file of this picture"),
    "one source": (
        lambda text: re.sub(r'(src="[^"]*?)cat-[0-9a-f]{8}', r"\1dog", text, count=1),
        "is no file of this",
    ),
    "a picture twice": (_twice, "out of its place"),
    "a new figure": (_new_figure, "of no record"),
    "a template": (_in("template"), "no prompt|not the one"),
    "noscript": (_in("noscript"), "no prompt|not the one"),
    "hidden": (_in("div hidden"), "no prompt|not the one"),
    "not displayed": (_in('div style="display: none"'), "no prompt|not the one"),
    "a stranger's picture": (_stranger, "x.png', a picture of no record, stands between"),
    "a model": (
        lambda text: text.replace("<code>emulator/sketch-1</code>", "<code>google/gemini-3-pro-image</code>", 1),
        "Model is 'google/gemini-3-pro-image",
    ),
    "an attempt": (lambda text: text.replace(", attempt 1", ", attempt 2", 1), "Request is"),
    "a digest": (lambda text: re.sub(r"(Picture: <code>sha256:)\w{4}", r"\1ffff", text, count=1), "Picture is"),
    "no evidence": (
        lambda text: re.sub(r"<details.*?</details>", "", text, count=1, flags=re.DOTALL),
        "does not stand below it",
    ),
    "more evidence": (
        lambda text: text.replace("</ul>", "<li>Verified: by all</li></ul>", 1),
        "Verified is 'by all'",
    ),
    "another original": (
        lambda text: re.sub(r'(<a href="[^"]*?)cat(-[^"]*-original)', r"\1dog\2", text),
        "links other addresses",
    ),
    "a refusal": (lambda text: text.replace("Refused: IMAGE_SAFETY", "Refused: RECITATION"), "its answer was"),
}


@pytest.mark.parametrize("to", FLAVORS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_false_page_is_found(published: Any, to: str, change: str) -> None:
    """Whatever stands on the page and is not what publishing puts there is drifted, and named with its line."""
    page, folder = published(to)
    for copy in list(folder.glob("*.webp")):
        for name in ("evil", "dog", "fake-12345678"):
            shutil.copy(copy, folder / f"{name}.webp")
    alter, said = CHANGES[change]
    text = page.read_text("utf-8")
    assert alter(text) != text
    page.write_text(alter(text), "utf-8")

    assert "drifted" in found(folder)
    assert re.search(said, reasons(folder)), reasons(folder)


@pytest.mark.parametrize(
    "change", ["all sources", "a picture twice", "a new figure", "a model", "a stranger's picture"]
)
def test_a_false_page_that_hugo_built_is_found(published: Any, change: str) -> None:
    """The same holds of the HTML that Hugo made."""
    page, folder = published("hugo")
    alter, _ = CHANGES[change]
    page.write_text(alter(page.read_text("utf-8")), "utf-8")
    built(page)

    assert "drifted" in found(folder)


@pytest.mark.parametrize("to", FLAVORS)
def test_an_entry_taken_out_of_the_index_leaves_a_picture_of_no_record(published: Any, to: str) -> None:
    """A prompt and picture that no entry covers are told, each with its line."""
    page, folder = published(to)
    index = json.loads((folder / INDEX).read_text("utf-8"))
    index["figures"] = [figure for figure in index["figures"] if figure.get("name") != "dog"]
    (folder / INDEX).write_text(json.dumps(index), "utf-8")
    text = page.read_text("utf-8").replace("A dog", "A fox")
    page.write_text(text, "utf-8")
    line = text[: text.index(_figures(text)[1])].count("\n") + 1
    above = text[: text.index(_prompt(text, "A fox"))].count("\n") + 1

    assert found(folder) == ["consistent", "consistent", "drifted"]
    assert f"line {line}: a picture or answer of no record" in reasons(folder)
    assert f"line {above}: a prompt of no record" in reasons(folder)


@pytest.mark.parametrize("to", FLAVORS)
def test_pictures_and_texts_of_the_narrative_are_known(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any, to: str
) -> None:
    """What the author's own Markdown shows is noted, as long as it is what was published; what is added is drift."""
    (project / "photo.png").write_bytes(make_picture("PNG", (20, 20)))
    words = "# A post\n\nSee ![a photo](photo.png), `<template>` and `<!--`.\n\n```txt\nno prompt\n```\n\nMore words."
    path = write(markdown(words), asked("%%gemimg cat --alt 'A cat'\nA cat", answer(make_picture("PNG", (60, 40)))))
    done = publish(path, to)
    folder, page = project / "site" / done.folder, project / "site" / done.page

    assert found(folder) == ["consistent", "consistent"]
    assert any("photo-" in note and "the narrative's" in note for note in verify_published(folder)[-1].notes)
    photo = next(folder.glob("photo-*.png"))
    photo.write_bytes(make_picture("PNG", (20, 21)))
    assert reasons(folder) == f"{photo.name} is not the picture that was published"
    text = page.read_text("utf-8")
    page.write_text(text.replace("More words.", 'More <img src="cat.png" alt=""> words.'), "utf-8")
    assert "'cat.png', a picture of no record" in reasons(folder)


@pytest.mark.parametrize(
    ("html", "kinds"),
    [
        ("<!--><pre class='gemnb-txt'><code>x</code></pre>", ["prompt"]),
        ("<!-- a --!><img src=a.png>", ["picture"]),
        ("<!-- <img src=a.png> -->", []),
        ("<!-- <img src=a.png>", []),
        ("<template><template></template><img src=a.png></template>", []),
        ("<svg/><img srcset='a.png 1x, b.png 2x'>", ["picture", "picture"]),
        ("<picture><source srcset=a.avif><img src=a.png></picture>", ["picture", "picture"]),
        ("<div style='background:url(a.png)'></div><object data=a.png><img src=b.png></object>", ["picture"] * 2),
        ("<script>'<img src=a.png>'</script><textarea><img src=a.png></textarea>", []),
        ("<figure class=gemnb-figure><figure><img src=a.png></figure>", ["figure"]),
        ("<img hidden src=a.png><img style='visibility:hidden' src=a.png>", []),
    ],
)
def test_html_is_read_as_browsers_read_it(html: str, kinds: list[str]) -> None:
    """What a reader of the page sees counts, and nothing else does."""
    assert [one.kind.value for one in read_page(html, str, is_html=True)] == kinds


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("![a](b.png) ![c][d]\n\n[d]: e.png", ["picture", "picture"]),
        ("`![a](b.png)` and \\<template>\n\n```txt\nx\n```", ["prompt"]),
        ("<div>\n`<img src=a.png>`\n</div>", ["picture"]),
        ("    <script>\n\n```txt\nx\n```", ["prompt"]),
        ("```txt {hidden}\nx\n```", ["prompt"]),
        ("a <!-- b\n\n![c](d.png)\n\n-->", ["open"]),
        ("<!--\n\n`-->`\n\n![c](d.png)", ["picture"]),
        ("1. a\n\n     ```txt\n     x\n     ```", ["prompt"]),
        ('{{< figure src="a.png" >}}', ["picture"]),
    ],
)
def test_markdown_is_read_as_generators_read_it(text: str, kinds: list[str]) -> None:
    """Pictures of Markdown and of shortcodes are seen, and code shows none; what is not certain is told."""
    assert [one.kind.value for one in read_page(text, str, is_html=False)] == kinds


@pytest.mark.parametrize("to", FLAVORS)
def test_what_a_caption_says_of_the_record_is_checked(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any, to: str
) -> None:
    """Facts in a caption are the record's, and that the cell was changed afterwards cannot be left out."""
    cell = asked("%%gemimg cat --alt 'A cat' --caption 'Mine'\nA cat", answer(make_picture("PNG", (60, 40))))
    cell["source"] = cell["source"].replace("\nA cat", "\nA dog")
    done = publish(write(cell), to, facts=True)
    folder, page = project / "site" / done.folder, project / "site" / done.page
    text = page.read_text("utf-8")
    assert found(folder) == ["consistent"]

    page.write_text(text.replace("<small>sketch-1", "<small>gemini-3-pro-image"), "utf-8")
    assert "its caption says 'gemini-3-pro-image" in reasons(folder)
    page.write_text(text.replace("The cell was changed after this picture was made.", ""), "utf-8")
    assert "it does not say that the cell was changed" in reasons(folder)
    page.write_text(text.replace("Mine", "Ours"), "utf-8")
    assert found(folder) == ["consistent"]


def test_what_liquid_leaves_out_does_not_count(published: Any) -> None:
    """A prompt in a comment or condition of Liquid's is not on the page."""
    page, folder = published("jekyll")
    text = page.read_text("utf-8")
    true = _prompt(text, "A dog")
    page.write_text(text.replace(true, f"{{% comment %}}\n{true}\n{{% endcomment %}}\n\n```txt\nA fox\n```"), "utf-8")

    assert found(folder)[1] == "drifted"


@given(text=st.text("<>!-`~[]()a{%}#'\"= \n\t/.:", max_size=200))
def test_no_page_breaks_the_reader(text: str) -> None:
    """Whatever a page holds, it is read, as Markdown and as HTML."""
    for is_html in (False, True):
        assert isinstance(read_page(text, str, is_html=is_html), list)


def test_a_page_of_one_picture_many_times_is_read_in_time(published: Any) -> None:
    """A page that repeats a figure ten thousand times is told as false, within seconds."""
    page, folder = published("html")
    text = page.read_text("utf-8")
    cat = _figures(text)[0]
    page.write_text(text.replace(cat, cat * 10_000), "utf-8")

    assert "drifted" in found(folder)


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
