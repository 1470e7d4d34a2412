"""invocation: a cell, the notebook's defaults and what names stand for make the requests, and nothing else does."""

from __future__ import annotations

import pytest

from gemnb.canonical import request_digest
from gemnb.cell import parse
from gemnb.errors import CellSyntaxError, InputError, PromptError, RequestError
from gemnb.inputs import resolve
from gemnb.invocation import Defaults, Need, assemble, needs, parse_use, undeclared
from gemnb.model import Binding, Content, Request

MODEL = "emulator/sketch-1"
PICTURE = "sha256:" + "a1" * 32


def requests_of(source: str, use: str | None = MODEL, **names: object) -> tuple[Request, ...]:
    """The requests of a cell in a notebook with these defaults and variables."""
    cell, defaults = parse(source), parse_use(use) if use else None
    undeclared(cell, names)
    return assemble(cell, defaults, resolve(needs(cell, defaults), names, ()).bindings)


def sent(source: str, **names: object) -> str:
    """The prompt text of a cell's only request."""
    (request,) = requests_of(source, **names)
    (turn,) = request.contents
    (part,) = turn.parts
    return part["text"]


def config_of(line: str, use: str = MODEL, **names: object) -> dict:
    (request,) = requests_of(f"%%gemimg {line}\na cat", use, **names)
    return request.config


def test_a_cell_without_options_asks_only_what_it_says():
    """A request holds the model, the prompt and nothing that was not asked for."""
    expected = Request(model=MODEL, contents=(Content(role="user", parts=({"text": "a cat"},)),), config={}, sample=1)
    assert requests_of("%%gemimg hero --alt x --caption y -q --mode replay --allow-refusal\na cat\n") == (expected,)


@pytest.mark.parametrize(
    ("options", "names", "expected"),
    [
        pytest.param("-p style", {"style": "ink"}, "a cat in ink, ink", id="by name"),
        pytest.param("-p style", {"style": 7}, "a cat in 7, 7", id="number"),
        pytest.param("-p style=oil", {"style": "ink"}, "a cat in oil, oil", id="literal"),
        pytest.param("-p 'style=oil on wood'", {}, "a cat in oil on wood, oil on wood", id="literal with spaces"),
        pytest.param("-p style=", {}, "a cat in , ", id="empty literal"),
        pytest.param("-p style=a=b", {}, "a cat in a=b, a=b", id="equals sign"),
        pytest.param("-p style=$styles[1]", {"styles": ["ink", "oil"]}, "a cat in oil, oil", id="expression"),
        pytest.param("-p 'style=$f\"{n:03}\"'", {"n": 7}, "a cat in 007, 007", id="any expression"),
        pytest.param(
            "-p style={{style}}", {"style": "ink"}, "a cat in {{style}}, {{style}}", id="the braces themselves"
        ),
    ],
)
def test_a_declared_parameter_is_filled_in(options, names, expected):
    """-p NAME, -p NAME=text and -p NAME=$expression put their text in every place of {{NAME}}."""
    assert expected == sent(f"%%gemimg {options}\na cat in {{{{style}}}}, {{{{style}}}}", **names)


def test_parameters_are_filled_in_one_pass():
    """Text that was filled in is not searched again, whatever it holds."""
    assert sent("%%gemimg -p a={{b}} -p b={{a}}\n{{a}} {{b}}") == "{{b}} {{a}}"
    assert sent("%%gemimg -p a -p b=x\n{{a}}{{b}}", a=r"\1\g<0>{{b}}") == r"\1\g<0>{{b}}x"


@pytest.mark.parametrize(
    "prompt",
    ["{{ style }}", "{style}", "{{}}", "{{1}}", "{{style.upper}}", "{{other}}", "{{< style >}}", "{ {style} }"],
)
def test_what_is_no_declared_parameter_is_sent_as_it_stands(prompt):
    """Braces that are no {{NAME}} of a declared parameter go to the model as typed."""
    assert sent(f"%%gemimg\n{prompt}", style="ink") == prompt
    assert sent(f"%%gemimg -p style\n{{{{style}}}} {prompt}", style="ink") == f"ink {prompt}"


def test_braces_around_a_parameter_stay():
    """A third pair of braces around a parameter is sent with its text."""
    assert sent("%%gemimg -p style\n{{{style}}}", style="ink") == "{ink}"


def test_a_parameter_may_have_any_letters():
    """A parameter's name may be any that a variable can have."""
    assert sent("%%gemimg -p größe -p 變\n{{größe}} {{變}}", größe="big", 變="x") == "big x"


def test_a_declared_parameter_must_be_used():
    """A declared parameter that the prompt does not hold is refused before money is spent."""
    with pytest.raises(PromptError, match=r"-p style is declared, but \{\{style\}\} is not in the prompt") as caught:
        requests_of("%%gemimg -p style\na cat in {{ style }}", style="ink")
    assert caught.value.evidence == {"parameter": "style"}


def test_a_parameter_inside_anothers_text_is_not_used():
    """A parameter that stands only in the text of another one counts as unused."""
    with pytest.raises(PromptError, match="-p b is declared"):
        requests_of("%%gemimg -p a={{b}} -p b=x\n{{a}}")


def test_a_variable_in_braces_must_be_declared():
    """{{word}} that names a variable is refused, with the option to add and the way to send the braces."""
    with pytest.raises(PromptError, match=r"holds \{\{style\}\}, and style is a variable") as caught:
        requests_of("%%gemimg hero\na cat in {{style}}", style="ink")
    assert caught.value.hint.splitlines() == [
        "To fill it in, add -p style",
        "To send the braces as they are: -p style={{style}}",
    ]
    assert sent("%%gemimg hero -p style={{style}}\na cat in {{style}}", style="ink") == "a cat in {{style}}"


def test_the_name_of_the_cell_may_stand_in_braces():
    """A cell whose first run bound its own NAME runs a second time as it ran the first."""
    source = "%%gemimg hero\na cat called {{hero}}"
    assert sent(source) == sent(source, hero="a result") == "a cat called {{hero}}"


@pytest.mark.parametrize("name", ["", "1st", "a-b", "a b", "$x", "a.b"])
def test_a_parameter_needs_a_name(name):
    """What could not be a variable cannot be a parameter."""
    with pytest.raises(CellSyntaxError, match="cannot be the name of a parameter"):
        requests_of(f'%%gemimg -p "{name}=x"\na cat')


def test_a_parameter_must_be_defined():
    """A declared parameter that no variable has is refused, with the variable that was meant."""
    with pytest.raises(InputError, match="-p style: style is not defined") as caught:
        requests_of("%%gemimg -p style\na cat in {{style}}", styles="ink")
    assert caught.value.hint.startswith("Did you mean styles?")


def test_a_parameter_cannot_be_declared_twice():
    """Two texts for one parameter are refused: one of them was not meant."""
    with pytest.raises(CellSyntaxError, match="declared twice"):
        requests_of("%%gemimg -p style=ink -p style=oil\na cat in {{style}}")


@pytest.mark.parametrize("prompt", ["", " ", "\n\n", "\t \u2003\n"], ids=repr)
def test_an_empty_prompt_is_refused(prompt):
    """A cell without words costs nothing: it is an error that says where the prompt belongs."""
    with pytest.raises(PromptError, match="The prompt is empty") as caught:
        requests_of(f"%%gemimg hero\n{prompt}")
    assert "below the %%gemimg line" in caught.value.hint


def test_a_prompt_that_parameters_leave_empty_is_refused():
    """A prompt whose parameters are all empty text is refused like an empty one."""
    with pytest.raises(PromptError, match="The prompt is empty"):
        requests_of("%%gemimg -p subject\n{{subject}}", subject="")


def test_options_become_the_configuration():
    """Each option of the request stands in it under the name of the Gemini API, as a value of its type."""
    line = "-a 16:9 -s 2K -t 0.7 --seed 7 --system 'Draw in ink.'"
    assert config_of(line) == {
        "aspect_ratio": "16:9",
        "image_size": "2K",
        "temperature": 0.7,
        "seed": 7,
        "system_instruction": "Draw in ink.",
    }


def test_defaults_are_merged_and_overridden():
    """What `%gemnb use` says holds for every cell that does not say otherwise."""
    use = f"{MODEL} -a 16:9 -s 2K --seed 3"
    assert config_of("", use) == {"aspect_ratio": "16:9", "image_size": "2K", "seed": 3}
    assert config_of("-a 1:1 -t 1", use) == {"aspect_ratio": "1:1", "image_size": "2K", "seed": 3, "temperature": 1.0}
    (request,) = requests_of("%%gemimg -m emulator/other\na cat", use)
    assert request.model == "emulator/other"


def test_a_default_and_an_option_of_the_same_value_are_the_same_request():
    """Whether a value stands in `%gemnb use` or in the cell does not change the digest."""
    here = requests_of(f"%%gemimg -m {MODEL} -a 16:9\na cat", None)
    assert here == requests_of("%%gemimg\na cat", f"{MODEL} --aspect 16:9") == requests_of("%%gemimg -a 16:9\na cat")


@pytest.mark.parametrize(
    ("line", "names", "expected"),
    [
        pytest.param("-a $ratio", {"ratio": "4:3"}, {"aspect_ratio": "4:3"}, id="variable"),
        pytest.param(
            "-a $kinds.wide", {"kinds": type("K", (), {"wide": "21:9"})}, {"aspect_ratio": "21:9"}, id="attribute"
        ),
        pytest.param("--seed $seeds[1]", {"seeds": [3, 5]}, {"seed": 5}, id="index"),
        pytest.param("-t $t", {"t": 0.5}, {"temperature": 0.5}, id="float"),
        pytest.param("--system $s", {"s": "a\n$b {{c}}"}, {"system_instruction": "a\n$b {{c}}"}, id="text"),
        pytest.param("--system '$5 a hat'", {}, {"system_instruction": "$5 a hat"}, id="no reference"),
        pytest.param("--system 'a $hat'", {"hat": "x"}, {"system_instruction": "a $hat"}, id="not the whole value"),
    ],
)
def test_an_option_may_come_from_a_variable(line, names, expected):
    """-a $ratio takes the variable's value; a dollar sign in a text is a dollar sign."""
    assert expected == config_of(line, **names)


def test_a_default_may_come_from_a_variable_and_a_cell_may_override_it():
    """`%gemnb use $model -a $ratio` is looked up only where the cell does not say otherwise."""
    use = "$model -a $ratio"
    (request,) = requests_of("%%gemimg -a 1:1\na cat", use, model=MODEL)
    assert (request.model, request.config) == (MODEL, {"aspect_ratio": "1:1"})
    assert config_of("", use, model=MODEL, ratio="3:2") == {"aspect_ratio": "3:2"}


def test_a_cell_lists_what_must_be_looked_up():
    """Every reference of the defaults and the cell is listed with its place, its kind and its text, in order."""
    cell = parse(
        "%%gemimg -a $ratio -i cat.png -i hat -e hero -p style -p who=me -p n=$xs[0] --alt $x -s 1K\n"
        "{{style}}{{who}}{{n}}"
    )
    assert needs(cell, parse_use("$model -a $other -s $size --seed 4")) == (
        Need(slot="use -m", kind="variable", source="$model"),
        Need(slot="-a", kind="variable", source="$ratio"),
        Need(slot="-i", kind="picture", source="cat.png"),
        Need(slot="-i", kind="picture", source="hat"),
        Need(slot="-e", kind="result", source="hero"),
        Need(slot="-p style", kind="variable", source="style"),
        Need(slot="-p who", kind="literal", source="me"),
        Need(slot="-p n", kind="expression", source="xs[0]"),
    )


def test_pictures_come_before_the_words_in_their_order():
    """Input pictures stand before the prompt, in the order of the cell, by the digest of their bytes."""
    other = "sha256:" + "b2" * 32
    bindings = [
        Binding(slot="-i", kind="file", source="b.png", blob=other, mime_type="image/jpeg"),
        Binding(slot="-i", kind="variable", source="a", blob=PICTURE, mime_type="image/png"),
    ]
    (request,) = assemble(parse("%%gemimg -i b.png -i a\nboth"), parse_use(MODEL), bindings)
    (turn,) = request.contents
    assert turn.parts == (
        {"inlineData": {"mimeType": "image/jpeg", "data": {"$blob": other}}},
        {"inlineData": {"mimeType": "image/png", "data": {"$blob": PICTURE}}},
        {"text": "both"},
    )


def test_an_edit_goes_on_from_the_earlier_turns():
    """-e puts the earlier prompt and the model's own answer before the new prompt."""
    earlier = (
        Content(role="user", parts=({"text": "a cat"},)),
        Content(role="model", parts=({"text": "here", "thoughtSignature": "c2ln"},)),
    )
    binding = Binding(slot="-e", kind="result", source="hero", request=PICTURE, attempt=1)
    (request,) = assemble(parse("%%gemimg -e hero\na hat on it"), parse_use(MODEL), [binding], earlier)
    assert request.contents == (*earlier, Content(role="user", parts=({"text": "a hat on it"},)))


def test_samples_are_counted_from_one_and_seeds_from_the_seed():
    """-n 4 --seed 7 asks four times, with the seeds 7 to 10."""
    requests = requests_of("%%gemimg -n 4 --seed 7\na cat")
    assert [(request.sample, request.config) for request in requests] == [
        (1, {"seed": 7}),
        (2, {"seed": 8}),
        (3, {"seed": 9}),
        (4, {"seed": 10}),
    ]
    assert len({request_digest(request) for request in requests}) == 4


def test_samples_without_a_seed_differ_by_their_number():
    """-n 3 without a seed asks three times, and each answer is kept by itself."""
    requests = requests_of("%%gemimg -n 3\na cat")
    assert [(request.sample, request.config) for request in requests] == [(1, {}), (2, {}), (3, {})]


@pytest.mark.parametrize("seed", ["", "--seed 7", "--seed -1"])
def test_one_sample_alone_is_the_same_request(seed):
    """--sample 3 asks exactly what the third of -n 4 asks, so its kept answer serves."""
    _, _, third, _ = requests_of(f"%%gemimg -n 4 {seed}\na cat")
    assert requests_of(f"%%gemimg --sample 3 {seed}\na cat") == (third,)


def test_one_sample_is_the_first():
    """No -n, -n 1 and --sample 1 are one request."""
    plain = requests_of("%%gemimg --seed 7\na cat")
    assert plain == requests_of("%%gemimg -n 1 --seed 7\na cat") == requests_of("%%gemimg --sample 1 --seed 7\na cat")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        pytest.param("-n 0", "-n '0' is not a whole number from 1 to 100.", id="no samples"),
        pytest.param("-n -1", "-n '-1' is not a whole number from 1 to 100.", id="negative samples"),
        pytest.param("-n 101", "-n '101' is not a whole number from 1 to 100.", id="too many samples"),
        pytest.param("-n four", "-n 'four' is not a whole number.", id="samples in words"),
        pytest.param("-n 1.5", "-n '1.5' is not a whole number.", id="half a sample"),
        pytest.param("-n ٤", "-n '٤' is not a whole number.", id="other digits"),
        pytest.param('-n ""', "-n '' is not a whole number.", id="empty samples"),
        pytest.param("--sample 0", "--sample '0' is not a whole number from 1 to 100.", id="sample 0"),
        pytest.param("--sample 101", "--sample '101' is not a whole number from 1 to 100.", id="sample 101"),
        pytest.param("-n 4 --sample 3", "-n and --sample stand together; only one can.", id="both"),
        pytest.param("--seed 1e3", "--seed '1e3' is not a whole number.", id="seed as a float"),
        pytest.param(f"--seed {'9' * 5000}", f"--seed '{'9' * 5000}' is not a whole number.", id="endless seed"),
        pytest.param("-t warm", "-t 'warm' is not a number, such as 0.7.", id="temperature in words"),
        pytest.param("-t nan", "-t 'nan' is not a number, such as 0.7.", id="temperature NaN"),
        pytest.param("-t 1e999", "-t '1e999' is not a number, such as 0.7.", id="endless temperature"),
        pytest.param(
            "-a wide", "-a 'wide' is not two whole numbers with a colon, such as 16:9.", id="aspect in words"
        ),
        pytest.param("-a 16x9", "-a '16x9' is not two whole numbers with a colon, such as 16:9.", id="aspect with x"),
        pytest.param("-a 0:9", "-a '0:9' is not two whole numbers with a colon, such as 16:9.", id="aspect 0"),
        pytest.param(
            "-a 16:9:1", "-a '16:9:1' is not two whole numbers with a colon, such as 16:9.", id="three numbers"
        ),
        pytest.param("-s ' '", "-s ' ' is not 512, 1K, 2K or 4K.", id="blank size"),
    ],
)
def test_a_value_that_cannot_be_is_refused(line, what):
    """A value that an option cannot have is an error that names the option, the value and what it takes."""
    with pytest.raises(CellSyntaxError) as caught:
        requests_of(f"%%gemimg {line}\na cat")
    assert caught.value.what == what


def test_a_seed_beyond_what_json_holds_has_no_address():
    """A seed that other JSON readers would round is refused when the request is addressed."""
    (request,) = requests_of("%%gemimg --seed 9007199254740993\na cat")
    with pytest.raises(RequestError, match="cannot be addressed"):
        request_digest(request)


@pytest.mark.parametrize("use", [None, '"" -a 1:1'])
def test_there_is_no_built_in_model(use):
    """A cell without a model, in a notebook without one, is an error with the lines to paste."""
    with pytest.raises(RequestError, match="No model is named") as caught:
        requests_of("%%gemimg\na cat", use)
    shown = "\n".join(caught.value.lines())
    assert "%gemnb use google/gemini-3-pro-image" in shown
    assert "%gemnb use emulator/sketch-1" in shown


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("nano-banana-pro", "google/gemini-3-pro-image"),
        ("gemini-3-pro-image", "google/gemini-3-pro-image"),
        ("google/gemini-3-pro-image", "google/gemini-3-pro-image"),
        ("google/gemini-9-not-yet", "google/gemini-9-not-yet"),
        ("emulator/anything", "emulator/anything"),
    ],
)
def test_a_model_is_named_by_id_or_alias(model, expected):
    """An alias, a known id without its vendor and the whole id are one model; unknown ids of a vendor pass."""
    here, there = requests_of(f"%%gemimg -m {model}\na cat", None), requests_of("%%gemimg\na cat", model)
    assert here == there
    assert here[0].model == expected


def test_an_unknown_model_names_the_nearest():
    """A misspelled model is an error that names the one that was meant."""
    with pytest.raises(RequestError, match="'nano-bananna-pro' names no model") as caught:
        requests_of("%%gemimg -m nano-bananna-pro\na cat", None)
    assert caught.value.hint == "Did you mean nano-banana-pro?"


def test_use_keeps_its_line_and_its_options():
    """`%gemnb use` is recorded as typed and understood as options."""
    options = (("model", "nano-banana-pro"), ("aspect", "16:9"))
    assert parse_use(" nano-banana-pro  -a 16:9 ") == Defaults(line="nano-banana-pro  -a 16:9", options=options)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("", "`%gemnb use` needs a model."),
        ("-a 16:9", "`%gemnb use` needs a model."),
        (f"{MODEL} -n 4", "-n cannot be a default of the notebook."),
        (f"{MODEL} -i a.png", "-i cannot be a default of the notebook."),
        (f"{MODEL} -m other", "-m cannot be a default of the notebook."),
        (f"{MODEL} --mode replay", "--mode cannot be a default of the notebook."),
        (f"{MODEL} -q", "-q cannot be a default of the notebook."),
        (f"{MODEL} other", "'other' is not expected here."),
        (f"{MODEL} -a 1:1 -a 2:3", "-a stands twice."),
        (f"{MODEL} --modell x", "There is no option --modell."),
    ],
)
def test_a_wrong_use_is_an_error(line, what):
    """What cannot be a default of the notebook is refused where it is said."""
    with pytest.raises(CellSyntaxError) as caught:
        parse_use(line)
    assert caught.value.what == what


def test_presentation_is_no_part_of_the_request():
    """Alternative text, caption, name and mode of a cell can be changed without paying again."""
    plain = requests_of("%%gemimg\na cat")
    shown = requests_of("%%gemimg hero --alt 'a cat' --caption c -q --mode refresh --allow-refusal\na cat")
    assert plain == shown
