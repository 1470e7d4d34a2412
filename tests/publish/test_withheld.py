"""Nothing that depends on a cell with `publish: false` is published, by whatever way it depends on it."""

from __future__ import annotations

import base64
import io
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import gemnb
from gemnb.canonical import blob_digest
from gemnb.model import MIMETYPE
from gemnb.publish import FLAVORS
from gemnb.publish.attached import decoded, is_local
from gemnb.publish.names import asks_privately, holders, used
from gemnb.publish.narrative import DROPPED, rewrite
from tests.publish.conftest import answer, code, markdown, tree
from tests.publish.test_comparisons import compared, turns

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.emulator import Emulator
    from gemnb.publish import Publication

SECRET = "%%gemimg secret --publish false --alt Face\nSecret words"


@pytest.fixture
def hidden(make_picture: Callable[..., bytes]) -> bytes:
    """The picture that is withheld."""
    return make_picture("PNG", (60, 40))


@pytest.fixture
def secret(asked: Any, hidden: bytes) -> dict[str, Any]:
    """The cell that withholds it, as it ran."""
    return asked(SECRET, answer(hidden), private=True)


def told(done: Publication) -> list[str]:
    """Return the remarks with their cells, `!` before those that `--strict` stops at; without that on the date."""
    return [
        f"{'!' if remark.strict else ''}{remark.cell}: {remark.text}"
        for remark in done.remarks
        if "no date" not in remark.text
    ]


def shows(*pictures: bytes, **more: Any) -> list[dict[str, Any]]:
    """Return outputs that show pictures of no record."""
    return [
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"image/png": base64.b64encode(picture).decode(), "text/plain": "a picture"} | more,
        }
        for picture in pictures
    ]


def nothing_of_it(folder: Path, *more: bytes) -> None:
    """Check that no published file holds the words, the digests or the files of what is withheld."""
    files = tree(folder)
    assert files, "nothing was published"
    for name, data in files.items():
        assert not name.endswith((".png", ".jpg", ".webp")), name
        for words in (b"Secret words", b"Face", b"Derived words", *more):
            assert words not in data, (name, words)


@pytest.mark.parametrize("to", FLAVORS)
@pytest.mark.parametrize("tags", [(), ("show-code",)], ids=["--code", "show-code"])
def test_code_of_a_withheld_cell_is_not_shown(
    asked: Any, write: Any, publish: Any, project: Path, hidden: bytes, to: str, tags: tuple[str, ...]
) -> None:
    """Its source is its prompt, so neither `--code` nor the tag shows it; the same for what is made from it."""
    one = asked(SECRET, answer(hidden), private=True, tags=tags)
    two = asked("%%gemimg edit -e secret\nDerived words", answer(hidden), earlier=turns(one), tags=tags)
    never = code("%%gemimg third -i secret -q\nDerived words", tags=tags)
    done = publish(write(one, two, never), to, code=not tags)

    nothing_of_it(project / "site")
    assert b"Withheld" in done.files[done.page]


@pytest.mark.parametrize("way", ["edit", "input"])
@pytest.mark.parametrize("lost", ["output", "output and cache"])
def test_a_withheld_cell_without_its_output_withholds_all_the_same(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any, hidden: bytes, way: str, lost: str
) -> None:
    """Where it ran with `-q` or was cleared, its kept answer, or its NAME, says what is made from it."""
    quiet = asked(SECRET.replace(" --alt", " -q --alt"), answer(hidden), private=True)
    record = quiet["outputs"][0]["data"][MIMETYPE]["record"]
    option, slot = ("-e", "-e") if way == "edit" else ("-i", "-i")
    earlier = turns(quiet) if way == "edit" else ()
    made = asked("%%gemimg next --alt x\nDerived words", answer(make_picture("PNG", (50, 40))), earlier=earlier)
    binding = {"slot": slot, "kind": "result", "source": "secret", "request": record["request_digest"], "attempt": 1}
    _rebind(made, f"%%gemimg next --alt x {option} secret\nDerived words", binding)
    both = compared(make_picture("JPEG", (90, 30)), hidden, hidden) | {"source": "%gemnb compare secret next"}
    cells = [quiet | {"outputs": []}, made, both]
    if lost == "output and cache":
        shutil.rmtree(project / "cache/private")
    done = publish(write(*cells), "hugo")

    nothing_of_it(project / "site", blob_digest(hidden).encode())
    assert any(text.startswith("!3: withheld: it ") and "cell 2" in text for text in told(done))


def _rebind(cell: dict[str, Any], source: str, binding: dict[str, Any]) -> None:
    """Say in a cell's output that it ran with another source and binding."""
    cell["source"] = source
    invocation = cell["outputs"][0]["data"][MIMETYPE]["invocation"]
    invocation |= {"source": source, "bindings": [binding]}


def test_an_input_that_is_withheld_withholds(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any, hidden: bytes, secret: Any
) -> None:
    """A picture made from it with `-i` shows it, as an edit does; the author is told which cell, and what to say."""
    from gemnb.detach import image_part
    from gemnb.model import Content

    given_in = Content(role="user", parts=(image_part(blob_digest(hidden), "image/png"),))
    made = asked("%%gemimg next --alt x\nDerived words", answer(make_picture("PNG", (50, 40))), earlier=(given_in,))
    done = publish(write(made, secret), "html")

    nothing_of_it(project / "site")
    assert told(done)[0] == (
        "!2: withheld: it goes on from the picture of cell 3, which says `publish: false`; "
        "say `#| publish: false` here too"
    )


@pytest.mark.parametrize("kind", ["the same bytes", "the same pixels", "resized", "through another name"])
def test_a_plain_output_of_it_is_withheld(
    write: Any, publish: Any, project: Path, hidden: bytes, secret: Any, kind: str
) -> None:
    """By its bytes and pixels in any case; where only the code tells, unless the author says `show-output`."""
    image = Image.open(io.BytesIO(hidden))
    changed = io.BytesIO()
    (image.resize((30, 20)) if kind == "resized" else image).save(changed, "PNG", compress_level=1)
    data = hidden if kind == "the same bytes" else changed.getvalue()
    by_name = kind in ("resized", "through another name")
    image.rotate(90, expand=True).save(changed := io.BytesIO(), "PNG")
    cells = [code("face = [secret.image]"), code("face[0]", *shows(changed.getvalue() if by_name else data))]
    source = "secret.image.resize((30, 20))" if kind == "resized" else "anything"
    cells = cells if kind == "through another name" else [code(source, *shows(data))]
    done = publish(write(secret, *cells), "markdown")

    nothing_of_it(project / "site")
    if not by_name:
        assert "withheld: it shows the picture of cell 2" in told(done)[-1]
        return
    assert told(done)[-1].startswith("!")
    assert "of cell 2, which says `publish: false`; the tag show-output publishes it" in told(done)[-1]
    cells[-1]["metadata"]["tags"] = ["show-output"]
    assert len(publish(write(secret, *cells), "markdown").post.figures()) == 1


def test_a_name_that_holds_something_else_now_withholds_nothing(
    asked: Any, write: Any, publish: Any, make_picture: Any, hidden: bytes, secret: Any
) -> None:
    """A cell that binds the NAME anew, or plain code that does, ends what the NAME stood for."""
    again = asked("%%gemimg secret --alt x\nA boat", answer(make_picture("PNG", (50, 40))))
    chart = make_picture("PNG", (33, 21))
    cells = (secret, again, code("secret.image.resize((9, 9))", *shows(chart)))
    done = publish(write(*cells), "markdown")

    assert len(done.post.figures()) == 2


@pytest.mark.parametrize("to", FLAVORS)
def test_a_narrative_shows_no_withheld_picture(
    write: Any, publish: Any, project: Path, hidden: bytes, secret: Any, to: str
) -> None:
    """Neither a file of its bytes, an attachment, nor the same in the address itself; the words stay."""
    (project / "hero.png").write_bytes(hidden)
    inline = base64.b64encode(hidden).decode()
    text = f"![one](hero.png) ![two](attachment:a.png) ![three](data:image/png;base64,{inline}) end"
    done = publish(write(secret, markdown(text, attachments={"a.png": {"image/png": inline}})), to)

    nothing_of_it(project / "site", inline.encode())
    assert "one two three end" in done.files[done.page].decode()
    assert len([text for text in told(done) if text.startswith("!3") and "picture of cell 2" in text]) == 3


@pytest.mark.parametrize("path", ["cache/private/blobs", "cache/blobs"])
def test_no_file_of_the_cache_is_published_by_its_address(
    asked: Any, write: Any, publish: Any, project: Path, make_picture: Any, path: str
) -> None:
    """What lies below cache/ may be private, or an input; neither is a link from elsewhere followed there."""
    data = make_picture("PNG", (44, 22))
    digest = blob_digest(data).removeprefix("sha256:")
    file = project / path / digest[:2] / digest
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    (project / "link.png").symlink_to(file)
    done = publish(write(markdown(f"![x]({file.relative_to(project)}) ![y](link.png)")), "hugo")

    assert not [name for name in tree(project / "site") if name.endswith(".png")]
    assert all("it lies in the cache; " in text for text in told(done))
    assert len(told(done)) == 2


@pytest.mark.parametrize("name", ["secret", "nobody"])
@pytest.mark.parametrize("to", FLAVORS)
def test_a_cover_without_a_picture_is_left_out(
    asked: Any, write: Any, publish: Any, make_picture: Any, secret: Any, to: str, name: str
) -> None:
    """A cover that names a withheld cell, or none, would be a broken picture; the names that do are told."""
    boat = asked("%%gemimg boat --alt 'A boat'\nBoat", answer(make_picture("PNG", (50, 40))))
    done = publish(write(secret, boat, post={"title": "A", "cover": {"image": name, "alt": "x"}}), to)

    assert "cover" not in done.files[done.page].decode().split("A boat")[0].replace("gemnb-", "")
    (text,) = [text for text in told(done) if "cover" in text]
    assert text.endswith("say `cover:` with one of boat")
    assert ("cell 2, which says `publish: false`" in text) == (name == "secret")


def test_a_private_call_of_generate_is_withheld(
    asked: Any, write: Any, publish: Any, project: Path, hidden: bytes
) -> None:
    """`gemnb.generate(…, publish=False)` hides its code, its output, and what shows it elsewhere."""
    made = asked("%%gemimg x\nDerived words", answer(hidden), private=True)
    for output in made["outputs"]:
        output["data"][MIMETYPE]["invocation"] = {"bindings": []}
    made["source"] = "g = gemnb.generate('Secret words', model='emulator/sketch-1', publish=False)\ng"
    shutil.rmtree(project / "cache/private")
    done = publish(write(made, made | {"source": "g"}), "hugo", code=True)

    nothing_of_it(project / "site")
    assert done.files[done.page].decode().count("Withheld by the author") == 2


def test_what_nobody_withholds_is_published(
    asked: Any, write: Any, publish: Any, make_picture: Any, hidden: bytes
) -> None:
    """Beside a withheld cell, pictures that do not depend on it are shown, and nothing is told of them."""
    one = asked("%%gemimg boat --alt 'A boat'\nBoat", answer(make_picture("PNG", (50, 40))))
    two = asked(
        "%%gemimg night --alt 'At night' -e boat\nNight", answer(make_picture("PNG", (51, 40))), earlier=turns(one)
    )
    secret = asked(SECRET + " 2", answer(hidden), private=True)
    chart = code("plot(boat.image)", *shows(make_picture("PNG", (20, 20))))
    done = publish(
        write(one, secret, two, compared(make_picture("JPEG", (90, 30)), b"1", b"2", alt="x"), chart), "html"
    )

    assert len(done.post.figures()) == 4
    assert [text for text in told(done) if "withheld" in text] == ["3: withheld: the cell says `publish: false`"]


@pytest.mark.parametrize(
    ("source", "more", "less"),
    [
        ("b = a.image", {"b"}, set()),
        ("a = 1", set(), {"a"}),
        ("x = 1\nfor y in [a, 2]:\n    z = y", {"y", "z"}, {"x"}),
        ("def f():\n    return a", {"f"}, set()),
        ("sheet.append(a)", {"sheet"}, set()),
        ("sheet[0] = a", {"sheet"}, set()),
        ("a = 1\nb = a", set(), {"a", "b"}),
        ("%gemnb show a\nb = 1", set(), {"b"}),
        ("b = (", set(), set()),
        ("b = a (", {"b"}, set()),
        ("%%bash\nb=$a", {"b"}, set()),
        ("g = gemnb.generate('x', publish=False)", {"g"}, set()),
        ("g = gemnb.generate('x', publish=no)", {"g"}, set()),
        ("g = gemnb.generate('x', publish=True)", set(), {"g"}),
    ],
)
def test_names_are_followed_through_code(source: str, more: set[str], less: set[str]) -> None:
    """A statement that uses a withheld name makes what it binds withheld, and a plain assignment ends it."""
    assert holders(source, {"a"}) == (more, less)


def test_used_names_are_those_of_code_and_magics() -> None:
    """Words in texts and comments are no names; those of a magic line may be."""
    assert used("plot('cat') # dog\n%gemnb compare hat boat") == {"plot", "gemnb", "compare", "hat", "boat"}
    assert asks_privately("gemnb.generate('x', publish=0)")
    assert not asks_privately("save(x, publish=False)")


@given(st.text(max_size=60))
def test_any_text_is_looked_at_as_code(source: str) -> None:
    """Whatever stands in a cell, following names ends, and raises nothing."""
    more, less = holders(source, {"a"})

    assert not more & less
    assert asks_privately(source) in (True, False)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a ![x *y*](p.png 'title') b", "a x *y* b"),
        ("![x](<p q.png>) b", "x b"),
        ("<img alt='x < y' src='p.png'> b", "x &lt; y b"),
        ('<img src="p.png">', ""),
        ("![x][Ref] ![ref][] ![ref] [ref]\n\n[ref]: p.png 'T'\n", "x ref ref [ref]\n\n\n"),
        ("`![x](p.png)`", "`![x](p.png)`"),
    ],
)
def test_of_a_picture_that_is_not_published_the_words_stay(text: str, left: str) -> None:
    """No dead address is left on the page, in whatever way the picture was written."""
    assert rewrite(text, lambda _use: DROPPED) == left


@pytest.mark.parametrize(
    ("address", "is_there"),
    [
        ("/home/me/a.png", True),
        ("file:///home/me/a.png", True),
        ("C:\\Users\\me\\a.png", True),
        ("c:/Users/me/a.png", True),
        ("\\\\server\\a.png", True),
        ("~/a.png", True),
        ("/images/of/the/site.png", False),
        ("//example.org/a.png", False),
        ("https://example.org/a.png", False),
        ("#a", False),
        ("", False),
    ],
)
def test_paths_of_the_authors_disk_are_told_from_those_of_a_site(address: str, is_there: bool) -> None:  # noqa: FBT001
    """An absolute path that names a home, or a file that is there, is the author's; another is the site's."""
    assert is_local(address) == is_there
    assert decoded(address) is None


@pytest.mark.parametrize("to", FLAVORS)
def test_the_authors_paths_stay_off_the_page(
    write: Any, publish: Any, project: Path, make_picture: Any, to: str
) -> None:
    """A picture by an absolute path is published from the project, and told and left out from elsewhere."""
    inside, outside = project / "in.png", project.parent / "out.png"
    for path in (inside, outside):
        path.write_bytes(make_picture("PNG", (44, 22)))
    text = f"![a]({inside}) ![b]({outside}) ![c](/home/me/c.png) ![d](../out.png) end"
    done = publish(write(markdown(text)), to)
    everything = b"".join(tree(project / "site").values())

    assert len([name for name in tree(project / "site") if name.endswith(".png")]) == 1
    assert str(project.parent).encode() not in everything
    assert b"/home/me" not in everything
    assert "b c d end" in done.files[done.page].decode()
    assert [text.partition(" is not published: ")[2] for text in told(done)] == ["it lies outside the project"] * 3


def test_an_attached_drawing_is_refused_for_what_it_is(write: Any, publish: Any) -> None:
    """An SVG can hold scripts; it is attached, and not of a kind that is published."""
    drawing = {"x.svg": {"image/svg+xml": "<svg onload='alert(1)'/>"}}
    done = publish(write(markdown("![x](attachment:x.svg)", attachments=drawing)), "html")

    assert told(done) == ["!2: attachment:x.svg is not published: it is no PNG, JPEG, WebP or GIF"]
    assert json.loads(done.files[done.folder / "index.gemnb.json"])["figures"] == []


def test_generate_keeps_a_private_answer_apart(
    project: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `publish=False` its answer lies below cache/private, and is found there again without a call."""
    monkeypatch.chdir(project)
    for _ in range(2):
        gemnb.generate("Secret words", model="emulator/sketch-1", publish=False)

    assert len(list((project / "cache/private/records").rglob("*.json"))) == 1
    assert not (project / "cache/records").exists()
    assert len(emulator.calls) == 1


RUN = (
    "%load_ext gemnb\n%gemnb use emulator/sketch-1\nimport gemnb",
    "%%gemimg boat --alt 'A boat'\nA boat",
    "%%gemimg secret --publish false --alt Face\nSecret words",
    "%%gemimg quiet -q --publish false --alt Face\nSecret words, quietly",
    "%%gemimg cleared --publish false --alt Face\nSecret words, cleared",
    *(
        line
        for name in ("secret", "quiet", "cleared")
        for line in (
            f"%%gemimg {name}_e -e {name} --alt x\nDerived words",
            f"%%gemimg {name}_i -i {name} --alt x\nDerived words",
            f"%gemnb compare {name} boat",
            f"%gemnb compare boat {name}_e --slider --alt x",
            name,
            f"{name}.image",
            f"{name}.image.resize((64, 64))",
            f"%gemnb show {name}",
        )
    ),
    "g = gemnb.generate('Secret words, in code', model='emulator/sketch-1', publish=False)\ng",
    "g.image",
    "print(secret.record.request)",
    "raise ValueError(secret.record.request)",
)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [False, True], ids=["as it ran", "cleared, and without cache/private"])
@pytest.mark.parametrize("to", FLAVORS)
def test_of_a_notebook_that_ran_nothing_withheld_is_published(
    project: Path, emulator: Emulator, run_cells: Any, publish: Any, to: str, *, lost: bool
) -> None:
    """One picture is public; by no way that a kernel knows is anything of the others on the page or beside it."""
    cells = run_cells(*RUN)
    errors = [f"{o.ename}: {o.evalue}"[:200] for c in cells for o in c.outputs if o.output_type == "error"]
    assert [error.partition(":")[0] for error in errors] == ["ValueError"], errors
    for cell in cells:
        if cell.source.startswith("%%gemimg cleared ") or (lost and "publish false" in cell.source):
            cell.outputs = []
    if lost:
        shutil.rmtree(project / "cache/private")
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"gemnb": {"post": {"title": "A"}}}, "cells": cells}
    (project / "post.ipynb").write_text(json.dumps(book))
    done = publish(project / "post.ipynb", to, code=True, originals=True)

    assert [figure.name for figure in done.post.figures()] == ["boat"]
    for name, data in tree(project / "site").items():
        assert name.endswith((".md", ".html", ".json")) or "boat-" in name
        assert not [words for words in (b"Secret words", b"Face", b"Derived words") if words in data], name
