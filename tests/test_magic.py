"""`%%gemimg` and `%gemnb` in real kernels, over real HTTP to the emulator."""

from __future__ import annotations

import base64
import json
import threading
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from gemnb.canonical import blob_digest
from gemnb.compose import open_cache
from gemnb.model import MIMETYPE
from gemnb.verify import verify_notebook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gemnb.emulator import Emulator

START = "%load_ext gemnb\n%gemnb use emulator/sketch-1 -s 512"
CAT = "%%gemimg cat -a 1:1 --alt 'A cat'\nA cat"

Run = "Callable[..., list[Any]]"


def pictures(cell: Any) -> list[Any]:
    """Return the outputs of a cell that carry a record."""
    return [output for output in cell.outputs if MIMETYPE in output.get("data", {})]


def error_of(cell: Any) -> str:
    """Return the text a person sees where the cell failed, or an empty one."""
    return "\n".join(line for o in cell.outputs if o.output_type == "error" for line in o.traceback)


def test_a_prompt_becomes_a_picture_with_its_record(run_cells: Run, emulator: Emulator, project: Path) -> None:
    """A cell leaves one display_data with the picture, its digest in the text, and the record."""
    _, cell = run_cells(START, CAT)

    (output,) = cell.outputs
    data = base64.b64decode(output.data["image/png"])
    record = output.data[MIMETYPE]["record"]
    original = record["pictures"][0]["original"]
    assert output.output_type == "display_data"
    assert set(output.data) == {"image/png", "text/plain", MIMETYPE}
    assert original["blob"] == blob_digest(data)
    assert output.data["text/plain"] == f"A cat [gemnb:{blob_digest(data)[7:19]} 512×512]"
    assert output.metadata["image/png"] == {"width": 512, "height": 512, "alt": "A cat"}
    assert record["request"]["contents"][-1]["parts"] == [{"text": "A cat"}]
    assert len(emulator.calls) == 1


def test_the_answer_is_on_disk_before_it_is_shown(run_cells: Run, emulator: Emulator, project: Path) -> None:
    """What the output refers to lies in the cache of the project, byte for byte."""
    _, cell = run_cells(START, CAT)

    document = cell.outputs[0].data[MIMETYPE]
    digest = document["record"]["request_digest"].removeprefix("sha256:")
    kept = json.loads((project / f"cache/records/{digest[:2]}/{digest}/1.json").read_text())
    blob = document["record"]["pictures"][0]["original"]["blob"].removeprefix("sha256:")
    assert kept["record"] == document["record"]
    assert (project / f"cache/blobs/{blob[:2]}/{blob}").read_bytes() == base64.b64decode(
        cell.outputs[0].data["image/png"]
    )


def test_hit_and_miss_leave_the_same_outputs(run_cells: Run, emulator: Emulator) -> None:
    """The same cell again, in the same kernel and in another, calls nobody and leaves the same bytes (law 3)."""
    _, miss, hit = run_cells(START, CAT, CAT)
    _, other_kernel = run_cells(START, CAT)

    assert miss.outputs == hit.outputs == other_kernel.outputs
    assert len(emulator.calls) == 1


def test_a_slow_miss_leaves_no_trace_of_its_progress(run_cells: Run, emulator: Emulator) -> None:
    """The progress line of a call that takes its time is gone from the saved cell."""
    from gemnb.emulator import Fault

    emulator.script(Fault(kind="latency", seconds=1.5))
    _, slow, hit = run_cells(START, CAT, CAT)

    assert slow.outputs == hit.outputs
    assert len(slow.outputs) == 1


def test_two_kernels_at_the_same_moment_pay_once(run_cells: Run, emulator: Emulator) -> None:
    """Two processes that ask the same at the same time make one call and show the same bytes."""
    from gemnb.emulator import Fault

    emulator.script(Fault(kind="latency", seconds=1.0), Fault(kind="latency", seconds=1.0))
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(run_cells(START, CAT)[1])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(emulator.calls) == 1
    assert found[0].outputs == found[1].outputs
    assert len(found[0].outputs) == 1


def test_the_body_goes_out_exactly_as_typed(run_cells: Run, emulator: Emulator) -> None:
    """Doctest prompts, braces, percent signs, dollar signs and a trailing backslash reach the model unchanged."""
    prompt = '>>> draw {x} {{<y>}} %%time $HOME !ls\n  indented\n>>> "quotes" </script> 😀\x00 \\'
    run_cells(START, "%%gemimg\n" + prompt)

    (call,) = emulator.calls
    assert call.body["contents"][-1]["parts"] == [{"text": prompt}]


def test_a_prompt_of_200000_characters_is_sent_whole(run_cells: Run, emulator: Emulator) -> None:
    """A very long prompt arrives with every character."""
    prompt = "x{}" * 66_667
    run_cells(START, "%%gemimg\n" + prompt)

    assert emulator.calls[0].body["contents"][-1]["parts"][0]["text"] == prompt


def test_an_edit_sends_the_models_own_turn(run_cells: Run, emulator: Emulator) -> None:
    """`-e NAME` sends the earlier prompt, the raw answer with its signature, and the new prompt."""
    run_cells(START, CAT, "%%gemimg hat -e cat\nGive it a hat")

    first, second = emulator.calls
    user, model, edit = second.body["contents"]
    assert user["parts"] == [{"text": "A cat"}]
    assert model["role"] == "model"
    assert any("thoughtSignature" in part for part in model["parts"])
    assert edit["parts"] == [{"text": "Give it a hat"}]
    assert first.body["contents"] == [user]


def test_input_pictures_go_out_as_their_original_bytes(
    run_cells: Run, emulator: Emulator, project: Path, make_picture: Callable[..., bytes]
) -> None:
    """`-i` takes variables and paths, in order, and sends the bytes untouched."""
    photo = make_picture("JPEG")
    (project / "photo.png").write_bytes(photo)  # a JPEG whatever its name says
    _, _, cell = run_cells(START, CAT, "%%gemimg both -i cat -i photo.png\nPut them side by side")

    parts = emulator.calls[1].body["contents"][-1]["parts"]
    sent = [base64.b64decode(part["inlineData"]["data"]) for part in parts[:2]]
    assert sent[1] == photo
    assert parts[1]["inlineData"]["mimeType"] == "image/jpeg"
    assert [b["kind"] for b in cell.outputs[0].data[MIMETYPE]["invocation"]["bindings"]] == ["variable", "file"]


def test_samples_are_requests_of_their_own(run_cells: Run, emulator: Emulator) -> None:
    """`-n 3 --seed 7` sends the seeds 7 to 9, shows three pictures, and `--sample 2` hits the second."""
    _, three, second, named = run_cells(
        START,
        "%%gemimg cats -n 3 --seed 7\nA cat",
        "%%gemimg --sample 2 --seed 7\nA cat",
        "print(len(cats), cats[2])",
    )

    assert sorted(call.body["generationConfig"]["seed"] for call in emulator.calls) == [7, 8, 9]
    assert len(pictures(three)) == 3
    assert pictures(second)[0].data["text/plain"] == pictures(three)[1].data["text/plain"]
    assert named.outputs[0].text.startswith("3 <gemnb.Result of emulator/sketch-1: ")


def test_declared_parameters_are_filled_in_and_others_left(run_cells: Run, emulator: Emulator) -> None:
    """`-p` replaces what it declares, once; the rest of the braces goes out as typed."""
    run_cells(
        START,
        "style = 'ink'; page = '<b>{{style}}</b>'; n = {'k': [1, 2]}",
        "%%gemimg -p style -p page -p who=me -p \"count=$n['k'][1]\"\n"
        "{{style}} {{page}} {{who}} {{count}} {{other}} {x}",
    )

    text = emulator.calls[0].body["contents"][-1]["parts"][0]["text"]
    assert text == "ink <b>{{style}}</b> me 2 {{other}} {x}"


def test_options_reach_the_wire(run_cells: Run, emulator: Emulator) -> None:
    """Aspect, size, temperature, seed and system instruction are sent as the API names them."""
    run_cells(START, "who = 'Be terse'", "%%gemimg -a 16:9 -s 1K -t 0.5 --seed 3 --system $who\nA cat")

    body = emulator.calls[0].body
    assert body["generationConfig"]["imageConfig"] == {"aspectRatio": "16:9", "imageSize": "1K"}
    assert body["generationConfig"]["temperature"] == 0.5
    assert body["generationConfig"]["seed"] == 3
    assert body["systemInstruction"]["parts"] == [{"text": "Be terse"}]


def test_header_lines_are_options_and_not_sent(run_cells: Run, emulator: Emulator) -> None:
    """`#|` lines set alternative text and caption and stay out of the prompt."""
    _, cell = run_cells(START, '%%gemimg\n#| alt: A cat, asleep\n#| caption: "She \\"works\\""\nA cat')

    presentation = cell.outputs[0].data[MIMETYPE]["presentation"]
    assert presentation == {"alt": "A cat, asleep", "caption": 'She "works"'}
    assert emulator.calls[0].body["contents"][-1]["parts"] == [{"text": "A cat"}]


def test_help_is_shown_without_a_body(run_cells: Run, emulator: Emulator) -> None:
    """`%%gemimg -h` alone prints the options instead of IPython's complaint about an empty cell."""
    _, cell = run_cells("%load_ext gemnb", "%%gemimg -h")

    assert cell.outputs[0].text.startswith("%%gemimg [NAME] [options]")
    assert "--seed" in cell.outputs[0].text


def test_quiet_binds_and_shows_nothing(run_cells: Run, emulator: Emulator) -> None:
    """`-q` leaves no output, and the name is bound."""
    _, quiet, shown = run_cells(START, "%%gemimg cat -q\nA cat", "cat")

    assert quiet.outputs == []
    assert "image/png" in shown.outputs[0].data


def test_refresh_appends_an_attempt(run_cells: Run, emulator: Emulator) -> None:
    """`--mode refresh` asks again and keeps the answer beside the first one."""
    _, _, again, after = run_cells(START, CAT, CAT.replace("cat -a", "cat --mode refresh -a"), CAT)

    assert again.outputs[0].data[MIMETYPE]["record"]["attempt"] == 2
    assert after.outputs[0].data[MIMETYPE]["record"]["attempt"] == 2
    assert len(emulator.calls) == 2


def test_the_function_and_the_cell_share_their_answers(run_cells: Run, emulator: Emulator) -> None:
    """`gemnb.generate` with the same words and options finds what the cell paid for."""
    _, _, call = run_cells(
        START,
        CAT,
        "import gemnb\nmade = gemnb.generate('A cat', model='emulator/sketch-1', aspect='1:1', size='512')\n"
        "print(made.digest == cat.digest, made.bytes == cat.bytes)",
    )

    assert call.outputs[0].text == "True True\n"
    assert len(emulator.calls) == 1


def test_a_refusal_is_kept_and_never_asked_for_again(run_cells: Run, emulator: Emulator) -> None:
    """A refusal fails the cell with the model's own words, twice for one call, and can be shown instead."""
    from gemnb.emulator import Fault

    emulator.script(Fault(kind="prompt-blocked"))
    _, first, second, shown = run_cells(START, CAT, CAT, CAT.replace("--alt", "--allow-refusal --alt"))

    assert first.outputs == second.outputs
    assert "Refused: emulator/sketch-1 refused: " in error_of(first)
    assert "--allow-refusal shows the answer instead of failing." in error_of(first)
    assert shown.outputs[0].data[MIMETYPE]["record"]["outcome"] == "refusal"
    assert len(emulator.calls) == 1


def test_status_says_where_the_cache_is_and_why(run_cells: Run, emulator: Emulator, project: Path) -> None:
    """`%gemnb status` names defaults, mode, and the cache folder with the reason for it."""
    _, cell = run_cells(START, "%gemnb status")

    assert "defaults: emulator/sketch-1 -s 512" in cell.outputs[0].text
    assert (
        f"cache:    {project / 'cache'}   ([tool.gemnb] stands in its pyproject.toml; not made yet)"
        in cell.outputs[0].text
    )


def test_loading_twice_and_unloading_leaves_ipython_as_it_was(run_cells: Run, emulator: Emulator) -> None:
    """After `%unload_ext` the magic is gone and other cells run as before."""
    *_, loaded, unloaded, plain = run_cells(
        START, "%reload_ext gemnb", "%gemnb use emulator/sketch-1", CAT, "%unload_ext gemnb\n1 + 1", CAT
    )

    assert len(pictures(loaded)) == 1
    assert unloaded.outputs[0].data["text/plain"] == "2"
    assert plain.outputs != loaded.outputs


BAD = {
    "unknown option": ("%%gemimg --modell x\nA cat", ["no option --modell", "Did you mean --model?"]),
    "name that is no identifier": ("%%gemimg my-cat\nA cat", ["'my-cat' cannot be a variable name"]),
    "keyword as a name": ("%%gemimg class\nA cat", ["'class' cannot be a variable name"]),
    "empty prompt": ("%%gemimg cat", ["The prompt is empty", "below the %%gemimg line"]),
    "blank prompt": ("%%gemimg cat\n   \n", ["The prompt is empty"]),
    "unclosed quote": ("%%gemimg --alt a cat's hat\nA cat", ["column", "not closed"]),
    "undefined parameter": ("%%gemimg -p stile\n{{stile}}", ["stile is not defined", "Did you mean style?"]),
    "unused parameter": ("%%gemimg -p style\nA cat", ["-p style is declared", "not in the prompt"]),
    "undeclared parameter": ("%%gemimg\nA cat, {{style}}", ["not declared", "-p style"]),
    "parameter that is no text": ("%%gemimg -p things\n{{things}}", ["is a list", "json.dumps"]),
    "unknown setting": ("%%gemimg --mode repaly\nA cat", ["no mode 'repaly'", "Did you mean replay?"]),
    "unknown verb": ("%gemnb usee x", ["no verb 'usee'", "%gemnb use"]),
    "unknown model": ("%%gemimg -m emulatr/sketch-1\nA cat", ["names no model", "emulator/sketch-1"]),
    "missing input": ("%%gemimg -i nowhere.png\nA cat", ["-i nowhere.png", "no such file"]),
    "empty input": ("%%gemimg -i empty.png\nA cat", ["is not a picture", "It is empty"]),
    "input that is no picture": ("%%gemimg -i notes.txt\nA cat", ["is not a picture", "PNG, JPEG, WebP or GIF"]),
    "variable that is no picture": ("%%gemimg -i things\nA cat", ["a list is not a picture"]),
    "edit of what is no result": ("%%gemimg -e things\nA cat", ["not a result of %%gemimg"]),
    "variable and file of one name": ("%%gemimg -i both\nA cat", ["a variable and a file", "var:both", "file:both"]),
    "lone surrogate": ("%%gemimg -p broken\n{{broken}}", ["no canonical form", "lone surrogates"]),
    "seed beyond 2^53": ("%%gemimg --seed 9007199254740993\nA cat", ["no canonical form", "2^53"]),
    "seed that is no number": ("%%gemimg --seed x\nA cat", ["--seed 'x' is not a whole number"]),
    "sample and samples": ("%%gemimg -n 2 --sample 1\nA cat", ["only one can"]),
    "unknown header key": ("%%gemimg\n#| atl: x\nA cat", ["no option 'atl'", "--no-header"]),
    "no key": ("%%gemimg -m google/gemini-3-pro-image\nA cat", ["no key", "GEMINI_API_KEY", "emulator/sketch-1"]),
    "replay miss": ("%%gemimg --mode replay\nA cat", ["No answer is kept", "--mode auto"]),
}


@pytest.fixture(scope="module")
def bad_cells(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All bad cells, run in one kernel with no emulator to ask (nothing of them may reach one)."""
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    folder = tmp_path_factory.mktemp("bad")
    (folder / "pyproject.toml").write_text("[tool.gemnb]\n")
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture")
    (folder / "both").write_bytes(b"x")
    start = (
        "import os, sys\nos.environ.pop('GEMINI_API_KEY', None); os.environ.pop('GOOGLE_API_KEY', None)\n"
        f"os.environ['XDG_CACHE_HOME'] = {str(folder / 'user')!r}\n"
        "%load_ext gemnb\n%gemnb use emulator/sketch-1\nstyle = 'ink'; things = [1]; both = b'x'; broken = '\\ud800'"
    )
    cells = [new_code_cell(start), *(new_code_cell(source) for source, _ in BAD.values())]
    cells.append(new_code_cell("print(os.path.exists('cache'), 'google.genai' in sys.modules)"))
    notebook = new_notebook(cells=cells)
    NotebookClient(
        notebook,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        shutdown_kernel="immediate",
    ).execute()
    found = dict(zip(BAD, notebook.cells[1:-1], strict=True))
    return found | {"after": notebook.cells[-1]}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_cell_says_what_why_and_what_to_type(case: str, bad_cells: dict[str, Any]) -> None:
    """The cell fails with an error output of at most six lines that names the trouble and the remedy."""
    cell = bad_cells[case]
    shown = error_of(cell)

    assert [output.output_type for output in cell.outputs] == ["error"]
    assert len(shown.splitlines()) <= 6
    for words in BAD[case][1]:
        assert words in shown


def test_bad_cells_send_and_keep_nothing(bad_cells: dict[str, Any]) -> None:
    """After all bad cells there is no cache, and the SDK was never imported."""
    assert bad_cells["after"].outputs[0].text == "False False\n"


def test_no_model_named_gives_the_line_to_paste(run_cells: Run, emulator: Emulator) -> None:
    """A notebook that has not said `%gemnb use` learns which line it lacks."""
    _, cell = run_cells("%load_ext gemnb", CAT)

    assert "No model is named" in error_of(cell)
    assert "%gemnb use emulator/sketch-1" in error_of(cell)


def test_an_unknown_environment_setting_is_refused(
    run_cells: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt GEMNB_ variable stops the cell and names the right one."""
    monkeypatch.setenv("GEMNB_MODUS", "replay")
    _, cell = run_cells(START, CAT)

    assert "GEMNB_MODUS" in error_of(cell)
    assert "Did you mean GEMNB_MODE?" in error_of(cell)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("not-an-image", ["call themselves image/png and are none", "is kept in cache/failed/"]),
        ("truncated-image", ["call themselves image/png and are none", "may have been billed"]),
        ("text-only", ["answered in words, without a picture"]),
        ("no-image", ["refused: NO_IMAGE"]),
        ("bad-key", ["does not accept the API key", "Set GEMINI_API_KEY"]),
    ],
)
def test_an_answer_that_is_no_picture_is_told(
    kind: str, words: list[str], run_cells: Run, emulator: Emulator
) -> None:
    """Whatever the service sends in place of a picture ends in a named error with the next step."""
    from gemnb.emulator import Fault

    emulator.script(Fault(kind=kind))
    _, cell = run_cells(START, CAT)

    for text in words:
        assert text in error_of(cell)


def test_a_picture_of_another_type_than_claimed_is_kept_as_what_it_is(run_cells: Run, emulator: Emulator) -> None:
    """A JPEG that calls itself PNG is shown as JPEG, and the record keeps the claim."""
    from gemnb.emulator import Fault

    emulator.script(Fault(kind="wrong-mime"))
    _, cell = run_cells(START, CAT)

    (output,) = cell.outputs
    assert "image/jpeg" in output.data
    assert output.data[MIMETYPE]["record"]["pictures"][0]["claimed"] == "image/png"


def test_drafts_are_recorded_and_not_shown(run_cells: Run, emulator: Emulator) -> None:
    """A model that thinks in drafts leaves one picture in the cell, its drafts in the record only."""
    _, cell = run_cells(START, "%%gemimg -m emulator/sketch-pro-1 -s 1K\nA cat")

    (output,) = cell.outputs
    parts = output.data[MIMETYPE]["record"]["response"]["candidates"][0]["content"]["parts"]
    assert len(output.data[MIMETYPE]["record"]["pictures"]) == 1
    assert any(part.get("thought") and "inlineData" in part for part in parts)
    assert "image/jpeg" in output.data


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    """Take the second half of a file away."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def from_the_future(path: Path) -> None:
    """Make a record one of a later schema version."""
    path.write_text(path.read_text("utf-8").replace('"schema": 0', '"schema": 9'), "utf-8")


def lead_outside(path: Path) -> None:
    """Make a record name a file elsewhere in the place of a digest."""
    path.write_text(path.read_text("utf-8").replace("sha256:", "../../../../etc/passwd", 1), "utf-8")


@pytest.mark.parametrize(
    ("part", "harm", "words"),
    [
        ("blobs", flip, ["is damaged; it was set aside", "git checkout -- cache/blobs/", "--mode refresh"]),
        ("blobs", cut, ["is damaged; it was set aside", "is not shown"]),
        ("records", flip, ["is damaged; it was set aside", "asks the model anew, and pays anew"]),
        ("records", cut, ["is damaged; it was set aside", "it is no JSON"]),
        ("records", lead_outside, ["is damaged; it was set aside"]),
        ("records", from_the_future, ["has schema version 9", "pip install --upgrade gemnb"]),
    ],
    ids=lambda item: getattr(item, "__name__", None),
)
def test_damage_in_the_cache_is_told_and_never_shown(
    part: str,
    harm: Callable[[Path], None],
    words: list[str],
    run_cells: Run,
    emulator: Emulator,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A damaged record or picture fails the cell with what happened and what to type, and nobody is called."""
    monkeypatch.setenv("GEMNB_MACHINE", "off")
    run_cells(START, CAT)
    harm(next(path for path in (project / "cache" / part).rglob("*") if path.is_file()))
    _, cell = run_cells(START, CAT)

    assert [output.output_type for output in cell.outputs] == ["error"]
    assert len(error_of(cell).splitlines()) <= 6
    for text in words:
        assert text in error_of(cell)
    assert len(emulator.calls) == 1


def test_swapped_pictures_are_told_and_never_shown(
    run_cells: Run, emulator: Emulator, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pictures in each other's place are both found."""
    monkeypatch.setenv("GEMNB_MACHINE", "off")
    dog = CAT.replace("cat", "dog")
    run_cells(START, CAT, dog)
    one, two = sorted(path for path in (project / "cache/blobs").rglob("*") if path.is_file())
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    _, cat, other = run_cells(START, CAT, dog)

    for cell in (cat, other):
        assert pictures(cell) == []
        assert "is damaged; it was set aside" in error_of(cell)


def test_blank_lines_at_the_end_of_a_cell_are_no_edit(run_cells: Run, emulator: Emulator, project: Path) -> None:
    """However many newlines a cell ends with, its picture is consistent as soon as it is made."""
    cells = run_cells(START, *(f"%%gemimg n{count}\nA cat number {count}" + "\n" * count for count in range(5)))
    path = project / "n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    checks = verify_notebook(path, open_cache(project / "cache", look_only=True), project)

    assert [(check.name, check.reasons) for check in checks] == [(f"n{count}", ()) for count in range(5)]


def test_why_is_about_what_was_asked_last(run_cells: Run, emulator: Emulator) -> None:
    """`%gemnb why` explains a miss of `gemnb.generate` too, and none where the last cell failed otherwise."""
    miss = "%%gemimg cat --mode replay\nA dog with a hat"
    generate = "import gemnb; gemnb.generate('A cow', model='emulator/sketch-1', mode='replay')"
    cells = run_cells(START, CAT, miss, generate, "%gemnb why", miss, "%%gemimg -i nowhere.png\nA cat", "%gemnb why")
    written = "".join(output.get("text", "") for output in cells[4].outputs)

    assert "A cow" in written
    assert "hat" not in written
    assert cells[7].outputs[0]["text"].startswith("No cell of this kernel has missed its answer.")
