"""What the references of a cell stand for: variables, files, earlier results, and everything that is none of them."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gemnb.arrival import unpack
from gemnb.canonical import blob_digest
from gemnb.cell import parse
from gemnb.detach import text_part
from gemnb.errors import CellError, CorruptEntry, InputError, NoPicture, PromptError
from gemnb.inputs import MAX_INPUT, Resolved, folders_of, resolve
from gemnb.invocation import needs
from gemnb.model import Binding, Content, Invocation, Request
from gemnb.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@pytest.fixture
def png(make_picture: Callable[..., bytes]) -> bytes:
    """The bytes of a small picture."""
    return make_picture("PNG")


def _resolve(
    line: str, names: dict[str, object] | None = None, folders: Sequence[Path] = (), prompt: str = "x"
) -> Resolved:
    return resolve(needs(parse(f"%%gemimg {line}\n{prompt}")), names or {}, folders)


def _picture(
    reference: str, names: dict[str, object] | None = None, folders: Sequence[Path] = ()
) -> tuple[Binding, bytes]:
    resolved = _resolve(f"-i {reference}", names, folders)
    (binding,) = resolved.bindings
    (digest,) = resolved.blobs
    assert digest == binding.blob == blob_digest(resolved.blobs[digest])
    return binding, resolved.blobs[digest]


def _result(*answers: dict[str, object]) -> Result:
    """Return the result of one sample for each answer."""
    blobs: dict[str, bytes] = {}
    records = []
    for number, answer in enumerate(answers, 1):
        request = Request(
            model="emulator/sketch-1", contents=(Content(role="user", parts=(text_part("a cat"),)),), sample=number
        )
        record, taken = unpack(request, json.dumps(answer).encode(), {})
        blobs |= taken
        records.append(record)
    return Result(records=tuple(records), invocation=Invocation(), blob=blobs.__getitem__)


def _answer(picture: bytes | None = None, text: str = "There.") -> dict[str, object]:
    inline = {"inlineData": {"mimeType": "image/png", "data": b64encode(picture or b"").decode()}}
    parts = [*([inline] if picture else []), {"text": text, "thoughtSignature": "c2ln"}]
    return {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP"}]}


REFUSAL = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}


class Holder:
    """Something with an attribute."""

    def __init__(self, value: object) -> None:
        self.photo = value


def test_a_cell_without_references_needs_nothing():
    """A prompt alone looks nothing up."""
    assert _resolve("") == Resolved()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_in_a_variable_are_an_input(png: bytes, kind: type):
    """A variable that holds bytes of any sort stands for them, under their own digest and sniffed type."""
    binding, data = _picture("photo", {"photo": kind(png)})
    assert data == png
    assert binding == Binding(
        slot="-i", kind="variable", source="photo", blob=blob_digest(png), mime_type="image/png"
    )


@pytest.mark.parametrize(
    ("kind", "mime_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/gif")],
)
def test_the_type_of_an_input_is_sniffed(
    make_picture: Callable[..., bytes], project: Path, kind: str, mime_type: str
):
    """The type is read from the bytes, whatever the file is called."""
    (project / "photo.txt").write_bytes(make_picture(kind))
    binding, data = _picture("photo.txt", folders=[project])
    assert binding.mime_type == mime_type
    assert data == make_picture(kind)


@pytest.mark.parametrize(
    "reference", ["pair[1]", "pair[-1]", "holder.photo", "holders[0].photo", "var:holders[0].photo", "var:pair[1]"]
)
def test_attributes_and_indexes_are_followed(png: bytes, make_picture: Callable[..., bytes], reference: str):
    """A reference may go through indexes and attributes of a variable."""
    names = {"pair": [make_picture("JPEG"), png], "holder": Holder(png), "holders": [Holder(png)]}
    binding, data = _picture(reference, names)
    assert data == png
    assert (binding.kind, binding.source) == ("variable", reference)


def test_a_path_object_in_a_variable_is_read(png: bytes, tmp_path: Path):
    """A variable that holds a Path stands for the file's bytes."""
    (tmp_path / "a file.png").write_bytes(png)
    binding, data = _picture("photo", {"photo": tmp_path / "a file.png"})
    assert (binding.kind, data) == ("variable", png)


def test_a_result_is_an_input(png: bytes):
    """A variable that holds a result stands for the original bytes of its picture."""
    binding, data = _picture("hero", {"hero": _result(_answer(png))})
    assert (binding.kind, data) == ("variable", png)


def test_a_result_without_a_picture_is_no_input():
    """A result in words cannot be an input picture."""
    with pytest.raises(NoPicture):
        _picture("hero", {"hero": _result(_answer())})


def test_damage_of_a_result_is_passed_on(png: bytes):
    """A result whose kept bytes are damaged says so, instead of being no picture."""

    def damaged(_digest: str) -> bytes:
        raise CorruptEntry("damaged")

    result = _result(_answer(png))
    broken = Result(records=result.records, invocation=result.invocation, blob=damaged)
    with pytest.raises(CorruptEntry):
        _picture("hero", {"hero": broken})


@pytest.mark.parametrize("reference", ["photo.png", "pictures/photo.png", '"a photo, of mine.png"', "Bögen-写真.png"])
def test_files_are_found_below_the_working_folder(png: bytes, project: Path, reference: str):
    """A relative path is taken from the first folder that has it; its bytes are read as they are."""
    path = project / reference.strip('"')
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(png)
    binding, data = _picture(reference, folders=[project])
    assert data == png
    assert (binding.kind, binding.source) == ("file", reference.strip('"'))


def test_files_are_found_below_the_project_root(png: bytes, project: Path):
    """A path that the working folder has not is tried from the project's root."""
    (project / "posts").mkdir()
    (project / "photo.png").write_bytes(png)
    assert _picture("photo.png", folders=[project / "posts", project])[1] == png


def test_absolute_paths_are_files(png: bytes, tmp_path: Path):
    """An absolute path is read wherever it is."""
    (tmp_path / "photo.png").write_bytes(png)
    assert _picture(f'"{tmp_path / "photo.png"}"', folders=[tmp_path / "elsewhere"])[1] == png


def test_order_and_repetition_are_kept(png: bytes, make_picture: Callable[..., bytes]):
    """Inputs are bound in the order of the cell, and one that stands twice is bound twice and kept once."""
    names = {"a": png, "b": make_picture("JPEG")}
    resolved = _resolve("-i b -i a -i b", names)
    assert [binding.source for binding in resolved.bindings] == ["b", "a", "b"]
    assert len(resolved.blobs) == 2


def test_the_same_bytes_in_two_folders_are_no_question(png: bytes, project: Path):
    """Two files of the same relative path and the same bytes are one picture."""
    (project / "posts").mkdir()
    for folder in (project, project / "posts"):
        (folder / "photo.png").write_bytes(png)
    assert _picture("photo.png", folders=[project / "posts", project])[1] == png


def test_a_folder_that_is_tried_twice_is_no_question(png: bytes, project: Path):
    """A file that is found through two names of one folder is one file."""
    (project / "photo.png").write_bytes(png)
    (project / "link").symlink_to(project)
    assert _picture("photo.png", folders=[project, project / "link"])[1] == png


def test_different_bytes_in_two_folders_are_an_error(png: bytes, make_picture: Callable[..., bytes], project: Path):
    """Two different files of the same relative path are an error that names both."""
    (project / "posts").mkdir()
    (project / "photo.png").write_bytes(png)
    (project / "posts" / "photo.png").write_bytes(make_picture("PNG", (5, 5)))
    for reference in ("photo.png", "file:photo.png"):
        with pytest.raises(InputError, match="two different files") as caught:
            _picture(reference, folders=[project / "posts", project])
        assert str(project / "posts" / "photo.png") in caught.value.why
        assert str(project / "photo.png") in caught.value.why


def test_a_name_of_both_is_an_error_and_can_be_forced(png: bytes, make_picture: Callable[..., bytes], project: Path):
    """A name that is a variable and a file is an error that says how to choose, and both choices work."""
    (project / "photo").write_bytes(png)
    names = {"photo": make_picture("JPEG")}
    with pytest.raises(InputError, match="a variable and a file") as caught:
        _picture("photo", names, [project])
    assert str(project / "photo") in caught.value.why
    assert "var:photo" in caught.value.hint
    assert "file:photo" in caught.value.hint
    by_variable, by_file = _picture("var:photo", names, [project]), _picture("file:photo", names, [project])
    assert (by_variable[0].kind, by_variable[1]) == ("variable", make_picture("JPEG"))
    assert (by_file[0].kind, by_file[1]) == ("file", png)
    assert (by_variable[0].source, by_file[0].source) == ("var:photo", "file:photo")


def test_a_name_without_such_a_variable_is_a_file(png: bytes, project: Path):
    """A file whose name could be a variable's is found where no such variable is."""
    (project / "photo").write_bytes(png)
    assert _picture("photo", {"other": 1}, [project])[0].kind == "file"


def test_a_missing_name_suggests_the_nearest_variable(project: Path):
    """What is neither file nor variable is an error that names the folders tried and the nearest variable."""
    with pytest.raises(InputError, match="no such file and no such variable") as caught:
        _picture("heros", {"hero": b"", "_heros": b"", "other": b""}, [project])
    assert str(project) in caught.value.why
    assert "hero?" in caught.value.hint


@pytest.mark.parametrize(
    "reference", ["missing.png", "../missing.png", "file:missing", '"a b"', "file:", '""', "x" * 300 + ".png"]
)
def test_a_missing_file_is_told(project: Path, reference: str):
    """A path that is not there is an error that says where it was looked for."""
    with pytest.raises(InputError) as caught:
        _picture(reference, {}, [project])
    assert str(project) in caught.value.why


def test_a_forced_variable_that_is_missing_is_told(png: bytes, project: Path):
    """`var:` looks at no file, and suggests the nearest variable."""
    (project / "photo").write_bytes(png)
    with pytest.raises(InputError, match="photo is not defined") as caught:
        _picture("var:photo", {"photos": png}, [project])
    assert "photos?" in caught.value.hint


@pytest.mark.parametrize("reference", ["pair[5]", "hero.missing", "var:hero.", "var:", "var:1/0"])
def test_a_reference_that_fails_is_told(png: bytes, reference: str):
    """Whatever goes wrong when a reference is followed is told with its kind."""
    with pytest.raises(InputError, match=r"failed: [A-Z][A-Za-z]+Error"):
        _picture(reference, {"pair": [png], "hero": png})


def test_a_folder_is_no_picture(project: Path):
    """A folder is not a file, by path and in a variable."""
    (project / "pictures").mkdir()
    for reference in ("pictures", "pictures/", "file:pictures", "."):
        with pytest.raises(InputError, match="no such file"):
            _picture(reference, {}, [project])
    with pytest.raises(InputError, match="cannot be read"):
        _picture("photo", {"photo": project / "pictures"})


def test_an_empty_file_is_no_picture(project: Path):
    """An empty file is told as empty."""
    (project / "photo.png").write_bytes(b"")
    with pytest.raises(InputError, match="not a picture") as caught:
        _picture("photo.png", folders=[project])
    assert caught.value.why == "It is empty."


@pytest.mark.parametrize(
    "data", [b"<svg xmlns='x'/>", b"%PDF-1.7", b"GIF", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\x00" * 100]
)
def test_a_file_that_is_no_picture_shows_how_it_begins(project: Path, data: bytes):
    """What is no picture is told with its size and first bytes."""
    (project / "photo.png").write_bytes(data)
    with pytest.raises(InputError, match="not a picture") as caught:
        _picture("photo.png", folders=[project])
    assert str(len(data)) in caught.value.why
    assert "PNG, JPEG, WebP or GIF" in caught.value.hint


def test_a_file_beyond_a_request_is_not_read(png: bytes, project: Path):
    """A file (here without content) of more than 100 MB is refused before it is read."""
    (project / "photo.png").write_bytes(png)
    os.truncate(project / "photo.png", MAX_INPUT + 1)
    with pytest.raises(InputError, match="100 MB"):
        _picture("photo.png", folders=[project])


def test_bytes_beyond_a_request_are_refused(png: bytes):
    """Bytes of more than 100 MB are refused like a file of that size."""
    with pytest.raises(InputError, match="100 MB"):
        _picture("photo", {"photo": png + bytes(MAX_INPUT)})


@pytest.mark.parametrize(
    "value", [None, 7, "photo.png", ["photo.png"], object(), {"a": 1}, (b"",)], ids=lambda v: type(v).__name__
)
def test_a_value_without_original_bytes_is_refused(value: object):
    """A value that gemnb cannot address is refused with its type and with what it takes."""
    with pytest.raises(InputError, match=type(value).__name__) as caught:
        _picture("photo", {"photo": value})
    assert "original bytes" in caught.value.why
    assert "-i picture.png" in caught.value.hint


def test_a_picture_decoded_from_jpeg_is_refused(make_picture: Callable[..., bytes]):
    """Pixels out of a JPEG depend on the decoder, so the original bytes are asked for, or `gemnb.keep`."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(make_picture("JPEG"))) as image, pytest.raises(InputError, match="JPEG") as caught:
        _picture("photo", {"photo": image})
    assert "gemnb.keep(photo)" in caught.value.hint


@pytest.mark.parametrize(("value", "text"), [("ink", "ink"), (7, "7"), (0.5, "0.5"), ("", ""), ("é\n", "é\n")])
def test_parameters_take_text_and_numbers(value: object, text: str):
    """`-p name` stands for the variable's text, exactly."""
    (binding,) = _resolve("-p style", {"style": value}, prompt="{{style}}").bindings
    assert binding == Binding(slot="-p style", kind="variable", source="style", value=text)


def test_parameters_take_literals_and_expressions():
    """`-p name=text` is the text as it stands, `-p name=$expression` what the expression gives."""
    literal, expression = _resolve(
        "-p a=b -p c=$names[0].upper()", {"names": ["x"], "b": "no"}, prompt="{{a}}{{c}}"
    ).bindings
    assert (literal.kind, literal.source, literal.value) == ("literal", "b", "b")
    assert (expression.kind, expression.source, expression.value) == ("expression", "names[0].upper()", "X")


def test_options_take_variables():
    """A `$name` in an option stands for the variable's text."""
    (binding,) = _resolve("-t $heat", {"heat": 0.7}).bindings
    assert binding == Binding(slot="-t", kind="variable", source="$heat", value="0.7")


@pytest.mark.parametrize("value", [True, None, ["a"], {"a": 1}, b"ink", object()], ids=lambda v: type(v).__name__)
def test_parameters_refuse_what_is_no_text(value: object):
    """A value that has no one text is refused with its type."""
    with pytest.raises(PromptError, match=type(value).__name__):
        _resolve("-p style", {"style": value}, prompt="{{style}}")


@pytest.mark.parametrize(("slot", "rest"), [("-p a", "=$styl"), ("-t", " $styl"), ("-p styl", "")])
def test_an_undefined_name_suggests_the_nearest(slot: str, rest: str):
    """A name that is not defined is told with its option, the nearest name, and what to do."""
    with pytest.raises(InputError, match="styl is not defined") as caught:
        _resolve(slot + rest, {"style": "ink", "_styl": ""}, prompt="{{a}}{{styl}}")
    assert caught.value.what.startswith(f"{slot}: ")
    assert "style?" in caught.value.hint
    assert "Run the cell" in caught.value.hint
    assert caught.value.evidence["name"] == "styl"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("1/0", "ZeroDivisionError"),
        ("styles['x']", "KeyError"),
        ("style.nope", "AttributeError"),
        ("(", "SyntaxError"),
        ("x=1", "SyntaxError"),
    ],
)
def test_a_failing_expression_is_told(expression: str, said: str):
    """Whatever a `$expression` raises is told with its kind and without a traceback."""
    with pytest.raises(InputError, match=said) as caught:
        _resolve(f'-p "a=${expression}"', {"style": "", "styles": {}}, prompt="{{a}}")
    assert expression in caught.value.what
    assert caught.value.__cause__ is None


def test_an_expression_changes_no_variable():
    """An expression sees the user's variables and cannot rebind them."""
    names: dict[str, object] = {"style": "ink"}
    _resolve('-p "a=$(style := style.upper())"', names, prompt="{{a}}")
    assert names == {"style": "ink"}


def test_an_interrupt_of_an_expression_is_an_interrupt():
    """Ctrl-C while an expression runs is not an error of the cell."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _resolve("-p a=$wait()", {"wait": interrupted}, prompt="{{a}}")


def test_an_edit_goes_on_from_a_result(png: bytes):
    """`-e` takes the turns of an earlier result, the model's answer with its signatures included."""
    hero = _result(_answer(png))
    resolved = _resolve("-e hero", {"hero": hero})
    (binding,) = resolved.bindings
    assert binding == Binding(slot="-e", kind="result", source="hero", request=hero.digest, attempt=1)
    assert resolved.earlier[:-1] == hero.record.request.contents
    turn = resolved.earlier[-1]
    assert turn.role == "model"
    assert turn.parts[0]["inlineData"]["data"] == {"$blob": blob_digest(png)}
    assert turn.parts[1] == {"text": "There.", "thoughtSignature": "c2ln"}


def test_an_edit_of_words_goes_on_too():
    """An answer in words can be gone on from, since it holds a turn."""
    assert _resolve("-e hero", {"hero": _result(_answer())}).earlier[-1].parts[0]["text"] == "There."


def test_an_edit_of_several_samples_is_refused(png: bytes):
    """An edit goes on from one sample; the error says how to name it, and that works."""
    batch = _result(_answer(png), _answer(png), _answer(png))
    with pytest.raises(InputError, match="3 samples") as caught:
        _resolve("-e batch", {"batch": batch})
    assert "-e batch[0]" in caught.value.hint
    assert "-e batch[2]" in caught.value.hint
    (binding,) = _resolve("-e batch[2]", {"batch": batch}).bindings
    assert binding.request == batch[2].digest


@pytest.mark.parametrize("value", [None, "hero", b"bytes", Path("hero.png")], ids=lambda v: type(v).__name__)
def test_an_edit_of_no_result_is_refused(value: object):
    """`-e` takes results only, and says what it got."""
    with pytest.raises(InputError, match=type(value).__name__):
        _resolve("-e hero", {"hero": value})


def test_an_edit_of_nothing_is_refused():
    """`-e` with a name that is not there says so."""
    with pytest.raises(InputError, match="hero is not defined"):
        _resolve("-e hero", {})


def test_an_edit_of_a_refusal_is_refused():
    """A refusal holds no turn to go on from."""
    with pytest.raises(InputError, match="refusal"):
        _resolve("-e hero", {"hero": _result(REFUSAL)})


def test_every_complaint_is_about_the_cell(project: Path):
    """Whatever is wrong with references is a CellError and a ValueError: nothing was sent."""
    for line in ("-i missing", "-i var:x", "-e x", "-p a=$x", "-p a=$1/0"):
        with pytest.raises(CellError) as caught:
            _resolve(line, {}, [project], prompt="{{a}}")
        assert isinstance(caught.value, ValueError)


def test_relative_paths_are_tried_in_the_notebooks_folder_too(project: Path, monkeypatch: pytest.MonkeyPatch):
    """The working folder comes first, then the notebook's folder where it is known, then the project's root."""
    posts = project / "posts"
    posts.mkdir()
    assert folders_of({}, project) == [project]
    assert folders_of({"__vsc_ipynb_file__": str(posts / "a.ipynb")}, project) == [project, posts]
    monkeypatch.setenv("JPY_SESSION_NAME", str(posts / "b.ipynb"))
    monkeypatch.chdir(project.parent)
    assert folders_of({}, project) == [project.parent, posts, project]
    monkeypatch.setenv("JPY_SESSION_NAME", "posts/b.ipynb")
    assert folders_of({"__vsc_ipynb_file__": 7}, project) == [project.parent, project]
