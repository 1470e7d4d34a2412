"""The verbs of `%gemnb`: in real kernels what a person sees, in this process the rest."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gemnb.arrival import unpack
from gemnb.cache import Cache, DirectoryStore
from gemnb.detach import text_part
from gemnb.errors import GemnbError
from gemnb.magic.verbs import Desk, run_verb
from gemnb.magic.vocabulary import VERBS, usage
from gemnb.model import MIMETYPE, Content, Invocation, Request
from gemnb.result import Result
from gemnb.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from gemnb.emulator import Emulator

START = "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512"
CAT = "%%gemimg cat -a 1:1\nA red cat in a hat"
DOG = "%%gemimg dog -a 16:9 --seed 3\nAn oil painting of a dog at sea"
MISS = "%%gemimg -a 16:9 --mode replay\nA blue cat in a hat"


def said(cell: Any) -> str:
    """Return what a cell printed, or the error it shows."""
    texts = [o.text if o.output_type == "stream" else "\n".join(o.get("traceback", [])) for o in cell.outputs]
    return "\n".join(texts)


@pytest.fixture
def desk(project: Path) -> Callable[..., Desk]:
    """A maker of desks: `desk(names)`; what was shown is in `desk.shown`."""

    def make(**names: object) -> Desk:
        shown: list[Result] = []
        return Desk(
            settings=load_settings(project),
            names=names | {"_shown": shown},
            defaults=None,
            default_bindings=(),
            missed=None,
            show=shown.append,
        )

    return make


@pytest.fixture
def made(project: Path, make_picture: Callable[..., bytes]) -> dict[str, Result]:
    """Three results: a cat in two attempts, and a dog in two samples."""
    cache = Cache(DirectoryStore(project / "cache"))

    def keep(prompt: str, sample: int = 1) -> Result:
        data = b64encode(make_picture("PNG", (8, 8), noise=True)).decode()
        parts = [{"inlineData": {"mimeType": "image/png", "data": data}}]
        answer = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}
        turn = Content(role="user", parts=(text_part(prompt),))
        request = Request(model="emulator/sketch-1", contents=(turn,), config={"seed": 7}, sample=sample)
        facts = {"host": "127.0.0.1", "time": "2026-01-01T00:00:00Z", "client": "c"}
        record, blobs = unpack(request, json.dumps(answer).encode(), facts)
        invocation = Invocation(source=f"%%gemimg\n{prompt}")
        return Result(records=(cache.keep(record, invocation, blobs),), invocation=invocation, blob=cache.blob)

    dogs = [keep("A blue dog in a hat", sample) for sample in (1, 2)]
    return {
        "cat": keep("A red cat in a hat"),
        "again": keep("A red cat in a hat"),
        "dogs": replace(dogs[0], records=(dogs[0].record, dogs[1].record)),
    }


def test_why_names_the_nearest_kept_request_and_each_field(run_cells: Callable, emulator: Emulator) -> None:
    """After a replay miss, `%gemnb why` says in which fields the cell differs from the nearest kept request."""
    *_, missed, why = run_cells(START, CAT, DOG, MISS, "%gemnb why")

    assert "No answer is kept for this request" in said(missed)
    first, *fields, last = said(why).splitlines()
    assert re.fullmatch(
        r"Missed: [0-9a-f]{12}, to emulator/sketch-1\. The nearest kept request is [0-9a-f]{12}:", first
    )
    assert fields == [
        "  aspect_ratio     1:1 → 16:9",
        "  prompt           'A red cat in a hat'",
        "                 → 'A blue cat in a hat'",
    ]
    assert last == "  (2 fields, each as it is kept and → as it was asked)"


def test_verbs_say_the_same_each_time_and_leave_no_other_output(run_cells: Callable, emulator: Emulator) -> None:
    """Every printing verb leaves one stream of short lines, the same when it is run again."""
    verbs = ["status", "why cat", "history", "history cat", "diff cat dog", "cache"]
    cells = run_cells(START, CAT, DOG, *[f"%gemnb {verb}" for verb in verbs * 2])[3:]

    for first, second in zip(cells[: len(verbs)], cells[len(verbs) :], strict=True):
        assert [output.output_type for output in first.outputs] == ["stream"]
        assert first.outputs == second.outputs
        for line in first.outputs[0].text.splitlines():
            assert len(line) <= 100 or "/" in line  # a folder is as long as it is


def test_why_and_diff_name_arrays_and_files(run_cells: Callable, emulator: Emulator) -> None:
    """An array that is another, and files in another order, are told by the names the cells give them."""
    _, _, _, changed, _, diff, _, _, order = run_cells(
        START + "\nimport numpy as np\none = np.zeros((20, 30, 3), 'uint8')\nother = one + 1\n"
        "from PIL import Image\nfor name in ('red', 'blue'): Image.new('RGB', (8, 8), name).save(name + '.png')",
        "%%gemimg n -i one\nA cat",
        "%%gemimg m -i other -a 16:9 --mode replay\nA cat",
        "%gemnb why",
        "%%gemimg m -i other\nA cat",
        "%gemnb diff n m",
        "%%gemimg both -i red.png -i blue.png\nTogether",
        "%%gemimg both -i blue.png -i red.png --mode replay\nTogether",
        "%gemnb why",
    )
    array = r"  input picture 1  pixels [0-9a-f]{12} \(one\) → pixels [0-9a-f]{12} \(other\)"

    assert said(changed).splitlines()[1] == "  aspect_ratio     unset → 16:9"
    assert re.fullmatch(array, said(changed).splitlines()[2])
    assert re.fullmatch(array, said(diff).splitlines()[1])
    assert [line[-18:] for line in said(order).splitlines()[1:3]] == [
        ", which was picture 2"[-18:],
        ", which was picture 1"[-18:],
    ]
    assert "(red.png) → " in said(order).splitlines()[1]


def test_a_private_answer_is_known_and_marked(run_cells: Callable, emulator: Emulator) -> None:
    """An answer of a cell that says `--publish false` is explained, listed, counted and shown, and called private."""
    verbs = ("why cat", "history cat", "history", "status", "cache", "show cat")
    _, cat, why, attempts, listed, status, counted, shown = run_cells(
        START, CAT.replace("cat ", "cat --publish false ", 1), *(f"%gemnb {verb}" for verb in verbs)
    )

    assert "and an answer to it is kept (private):" in said(why)
    assert "  kept in        cache/private/records/" in said(why)
    assert said(attempts).splitlines()[1].startswith("* ")
    assert "[private]" in said(attempts).splitlines()[1]
    assert "[private]" in said(listed)
    assert "private:  1 answer in cache/private, not committed" in said(status)
    assert "private:  1 answer in cache/private, not committed" in said(counted)
    assert shown.outputs == cat.outputs


def test_a_spilled_answer_is_known_and_marked(desk: Callable, made: dict[str, Result], project: Path) -> None:
    """What lies in the user's spill folder is explained, counted and shown; the project's list leaves it out."""
    spill = project.parent / "user-data/gemnb/spill"
    spill.parent.mkdir(parents=True)
    (project / "cache").rename(spill)
    here = desk(**made)

    assert "is kept (spill):" in run_verb("why", "cat", here)[0]
    assert f"  kept in        {spill}/records/" in "\n".join(run_verb("why", "cat", here))
    assert "[spill]" in run_verb("history", "cat", here)[1]
    assert run_verb("history", "", here) == ["No answer is kept yet."]
    for verb in ("status", "cache"):
        assert f"spill:    4 answers in {spill}, what no project could take" in run_verb(verb, "", here)
    assert run_verb("show", made["cat"].digest[7:19], here) == []
    assert here.names["_shown"][0].image.size == (8, 8)


def test_a_damaged_private_record_is_reported(desk: Callable, made: dict[str, Result], project: Path) -> None:
    """Damage in the private part is counted and named with its folder."""
    (project / "cache/records").rename(project / "records")
    (project / "cache/private").mkdir()
    (project / "records").rename(project / "cache/private/records")
    next((project / "cache/private/records").rglob("2.json")).write_text("{}")
    lines = run_verb("cache", "", desk(**made))

    assert "damaged:  1, set aside earlier: 0" in lines[4]
    assert lines[5].startswith("damaged: cache/private/records/")


def test_the_folder_that_is_named_is_the_one_that_is_told(
    desk: Callable, made: dict[str, Result], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the cache is called otherwise, every message names it, and says where it is not there yet."""
    monkeypatch.setenv("GEMNB_CACHE", str(project / "my_store"))
    assert run_verb("cache", "", desk())[0].endswith("/my_store   (GEMNB_CACHE says so; not made yet)")
    (project / "cache").rename(project / "my_store")
    next((project / "my_store/records").rglob("2.json")).write_text("{}")

    said = run_verb("why", "dogs[0]", desk(**made)) + run_verb("cache", "", desk(**made))
    assert any(line.startswith(f"  kept in        {project}/my_store/records/") for line in said)
    assert any(line.startswith(f"damaged: {project}/my_store/records/") for line in said)
    assert "not made yet" not in "\n".join(said)


def test_show_displays_what_the_cell_displayed(run_cells: Callable, emulator: Emulator) -> None:
    """`%gemnb show` by name, by the request's digest and by the picture's digest shows the cell's own bundle."""
    show = "get_ipython().run_line_magic('gemnb', 'show ' + {})"
    _, cat, named, request, picture = run_cells(
        START,
        CAT,
        "%gemnb show cat",
        show.format("cat.digest[7:19]"),
        show.format("cat.pictures[0].original.blob[7:19]"),
    )

    assert MIMETYPE in cat.outputs[0].data
    assert named.outputs == cat.outputs == request.outputs == picture.outputs


def test_without_a_key_why_explains_as_well(run_cells: Callable, emulator: Emulator) -> None:
    """A cell that could not ask for want of a key has missed its answer too; once it has one, that is told."""
    _, none, _, nothing, _, _, found = run_cells(
        "%load_ext gemnb",
        "%gemnb why",
        "%%gemimg -m google/gemini-3-pro-image\nA cat",
        "%gemnb why",
        MISS.replace("%%gemimg", "%%gemimg -m emulator/sketch-1"),
        MISS.replace("%%gemimg", "%%gemimg -m emulator/sketch-1").replace(" --mode replay", ""),
        "%gemnb why",
    )

    assert said(none).startswith("No cell of this kernel has missed its answer.")
    assert said(nothing).endswith("to google/gemini-3-pro-image. Nothing is kept in the cache.\n")
    assert said(found) == "The cell that missed its answer would find it now: run it again.\n"


def test_why_name_says_which_answer_a_result_is(desk: Callable, made: dict[str, Result]) -> None:
    """Digest, attempt, host, time and file are told, and that a later attempt would be shown now."""
    lines = run_verb("why", "cat", desk(**made))
    record = made["cat"].record

    assert lines[0].startswith(f"cat: its request has the digest {record.request_digest[7:19]}")
    assert f"  request        {record.request_digest}" in lines
    assert "  attempt        1 of 2" in lines
    assert f"  received       {record.received['time']} from 127.0.0.1" in lines
    assert any(line.startswith("  kept in        cache/records/") for line in lines)
    assert lines[-1] == "  Running the cell again shows attempt 2, the latest."
    assert run_verb("why", "again", desk(**made))[-1].startswith("  kept in")


def test_why_name_says_when_the_answer_is_gone(desk: Callable, made: dict[str, Result], project: Path) -> None:
    """A result whose record is no longer kept is told to be so."""
    import shutil

    shutil.rmtree(project / "cache/records")
    (line,) = run_verb("why", "cat", desk(**made))

    assert line.endswith("attempt 1, is not in the project's cache now.")
    assert run_verb("history", "cat", desk(**made))[0].endswith("no attempt is kept in the project's cache now.")
    assert run_verb("history", "", desk()) == ["No answer is kept yet."]


def test_history_marks_the_attempt_that_replays(desk: Callable, made: dict[str, Result]) -> None:
    """All attempts at a request are listed in order, each with its picture, the latest marked."""
    head, first, second = run_verb("history", "cat", desk(**made))

    assert head.endswith(": 2 attempts; * marks the one that replays")
    assert first.startswith("  " + made["cat"].digest[7:19] + "  1  ")
    assert second.startswith("* " + made["cat"].digest[7:19] + "  2  ")
    assert made["again"].pictures[0].original.blob[7:19] in second


def test_history_alone_lists_the_last_answers(desk: Callable, made: dict[str, Result]) -> None:
    """Without a REF all that was kept lately is listed, one line each."""
    lines = run_verb("history", "", desk(**made))

    assert len(lines) == 4
    assert all(re.match(r"[0-9a-f]{12}  [12]  20\d\d-", line) for line in lines)
    assert run_verb("history", made["dogs"].digest[7:15], desk(**made))[0].endswith(
        "1 attempt; * marks the one that replays"
    )


def test_diff_tells_fields_words_and_pictures(desk: Callable, made: dict[str, Result]) -> None:
    """Two answers are compared in their requests, their prompts word by word, and their pictures' bytes."""
    lines = run_verb("diff", "cat dogs[1]", desk(**made))

    assert "  sample           1 → 2" in lines
    assert (
        "    A [-red cat-]{+blue dog+} in a hat" in lines or "    A [-red-]{+blue+} [-cat-]{+dog+} in a hat" in lines
    )
    assert lines[-1].startswith("  pictures         other bytes (")
    same = run_verb("diff", f"cat {made['cat'].pictures[0].original.blob}", desk(**made))
    assert same[1:] == ["  The requests are the same.", "  pictures         the same bytes"]


def test_cache_counts_and_names_damage(desk: Callable, made: dict[str, Result], project: Path) -> None:
    """Folder, answers, bytes and damaged records are told, and nothing is set aside by it."""
    path = next((project / "cache/records").rglob("2.json"))
    path.write_text("{}")
    lines = run_verb("cache", "", desk(**made))

    assert lines[0] == f"folder:   {project / 'cache'}   ([tool.gemnb] stands in its pyproject.toml)"
    assert lines[1].startswith("answers:  3 to 3 requests, ")
    assert lines[3].startswith("damaged:  1, set aside earlier: 0")
    assert lines[4].startswith(f"damaged: cache/records/{path.parent.parent.name}/")
    assert path.read_text() == "{}"
    assert "kept:     4 answers to 3 requests" in run_verb("status", "", desk())


@pytest.mark.parametrize(
    ("verb", "rest", "words"),
    [
        ("show", "", "takes 1; 0 given"),
        ("diff", "cat", "takes 2; 1 given"),
        ("status", "now", "takes nothing; 1 given"),
        ("why", "a b", "takes 0 or 1; 2 given"),
        ("show", "catt", "Did you mean cat?"),
        ("show", "dogs[2]", "it holds 2 samples"),
        ("show", "number", "number is a int, not a result"),
        ("show", "../../etc", "no result of %%gemimg"),
        ("diff", "cat dogs", "dogs[0] is the first"),
        ("history", "0000", "Nothing that is kept"),
    ],
)
def test_a_wrong_word_is_told_with_what_to_type(
    desk: Callable, made: dict[str, Result], verb: str, rest: str, words: str
) -> None:
    """What stands behind a verb and cannot be used ends in an error of gemnb's with the remedy."""
    with pytest.raises(GemnbError) as caught:
        run_verb(verb, rest, desk(**made, number=7))

    assert words in str(caught.value)


def test_a_name_that_is_a_digest_too_is_ambiguous(desk: Callable, made: dict[str, Result], project: Path) -> None:
    """A variable named like the beginning of a kept digest is not guessed at; `var:` says which is meant."""
    here = desk(cafe=made["cat"])
    assert run_verb("show", "cafe", here) == []
    path = project / "cache/records/ca" / ("cafe" + "0" * 60) / "1.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")

    with pytest.raises(GemnbError, match="and the beginning of a digest"):
        run_verb("show", "cafe", here)
    assert run_verb("show", "var:cafe", here) == []
    assert here.names["_shown"] == [made["cat"]] * 2


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_documented(verb: str) -> None:
    """The options page has a row for each verb, as it is typed."""
    page = (Path(__file__).parents[2] / "docs/reference/options.md").read_text("utf-8")
    spelled = usage(verb).replace(" [NAME]", "").replace(" [REF]", "")

    assert f"| `{spelled}` |" in page or f"| `{usage(verb)}` |" in page
