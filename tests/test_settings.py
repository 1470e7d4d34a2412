"""settings: how things run; who may set what, in which order; and no setting changes what is asked."""

from __future__ import annotations

import contextlib
import math
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from gemnb.canonical import request_digest
from gemnb.cell import parse
from gemnb.errors import CacheMiss, SettingsError
from gemnb.inputs import resolve
from gemnb.invocation import assemble, needs, parse_use
from gemnb.magic import load
from gemnb.model import Embed, Mode
from gemnb.settings import NAMES, Settings, find_project, load_settings, mode_in_force

if TYPE_CHECKING:
    from collections.abc import Iterator


def write(folder: Path, *lines: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def test_without_a_word_the_built_in_settings_hold(project):
    """In a project that sets nothing, kept answers replay and a miss calls, with the cache beside pyproject.toml."""
    expected = Settings(
        mode=Mode.AUTO,
        embed=Embed.AUTO,
        cache=project / "cache",
        deadline=600.0,
        base_url="",
        emulator="",
        offline=False,
        cache_reason="[tool.gemnb] stands in its pyproject.toml",
        root=project,
    )
    assert expected == load_settings(project, {})


@pytest.mark.parametrize(
    ("pyproject", "environ", "overrides", "expected"),
    [
        pytest.param("", {}, {}, "auto", id="built in"),
        pytest.param("mode = 'replay'", {}, {}, "replay", id="project over built in"),
        pytest.param("mode = 'replay'", {"GEMNB_MODE": "refresh"}, {}, "refresh", id="environment over project"),
        pytest.param("mode = 'replay'", {"GEMNB_MODE": "refresh"}, {"mode": "auto"}, "auto", id="%config over all"),
        pytest.param("mode = 'replay'", {"GEMNB_MODE": ""}, {"mode": ""}, "replay", id="empty is unset"),
        pytest.param("", {}, {"mode": "refresh"}, "refresh", id="%config over built in"),
    ],
)
def test_the_nearer_word_counts(tmp_path, pyproject, environ, overrides, expected):
    """%config outweighs the environment, that the project's file, and that what is built in."""
    write(tmp_path, "[tool.gemnb]", pyproject)
    assert load_settings(tmp_path, environ, overrides).mode == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("mode", "replay", Mode.REPLAY),
        ("embed", "preview", Embed.PREVIEW),
        ("embed", "original", Embed.ORIGINAL),
        ("deadline", "0.5", 0.5),
        ("deadline", "86400", 86_400.0),
        ("base_url", "https://proxy.example/", "https://proxy.example"),
        ("emulator", "http://127.0.0.1:9/", "http://127.0.0.1:9"),
        ("offline", "1", True),
        ("offline", "0", False),
        ("max_cost", "2.50", 2.5),
        ("max_cost", "0", 0.0),
        ("max_cost", "off", math.inf),
    ],
)
def test_a_setting_reads_alike_from_the_environment_and_config(tmp_path, name, text, expected):
    """A value means the same in GEMNB_X and in %config GemImg.x."""
    assert getattr(load_settings(tmp_path, {f"GEMNB_{name.upper()}": text}), name) == expected
    assert getattr(load_settings(tmp_path, {}, {name: text}), name) == expected


def test_the_cache_may_lie_elsewhere(project, monkeypatch):
    """GEMNB_CACHE moves the cache, from the home folder or the working folder, and status can say why."""
    monkeypatch.setenv("HOME", str(project / "home"))
    monkeypatch.setenv("USERPROFILE", str(project / "home"))
    for text, folder in (("~/kept", project / "home" / "kept"), ("kept", project / "kept"), (str(project), project)):
        found = load_settings(project, {"GEMNB_CACHE": text})
        assert (found.cache, found.cache_reason) == (folder, "GEMNB_CACHE says so")
        assert found.root == project


def test_a_home_that_does_not_exist_is_refused(tmp_path):
    """A cache in the home of nobody is a setting that cannot be, and is reported as one."""
    with pytest.raises(SettingsError, match="GEMNB_CACHE"):
        load_settings(tmp_path, {"GEMNB_CACHE": "~no-such-user-of-gemnb/kept"})


@pytest.mark.parametrize(
    ("environ", "what", "hint"),
    [
        ({"GEMNB_MOOD": "replay"}, "The environment sets GEMNB_MOOD", "Did you mean GEMNB_MODE?"),
        ({"GEMNB_mode": "replay"}, "The environment sets GEMNB_mode", "Known: GEMNB_MODE"),
        ({"GEMNB_ROOT": "/"}, "The environment sets GEMNB_ROOT", "Known: GEMNB_MODE"),
        ({"GEMNB_": ""}, "The environment sets GEMNB_,", "Known: GEMNB_MODE"),
        ({"GEMNB_MODE": "Replay"}, "GEMNB_MODE: there is no mode 'Replay'.", "Did you mean replay?"),
        ({"GEMNB_MODE": "quick"}, "GEMNB_MODE: there is no mode 'quick'.", "Known: auto, replay, refresh, plan."),
        ({"GEMNB_MAX_COST": "2 USD"}, "GEMNB_MAX_COST: '2 USD' is neither an amount", "For example 2.50"),
        ({"GEMNB_MAX_COST": "-1"}, "GEMNB_MAX_COST: '-1' is neither an amount", "For example 2.50"),
        ({"GEMNB_MAX_COST": "inf"}, "GEMNB_MAX_COST: 'inf' is neither an amount", "For example 2.50"),
        ({"GEMNB_MAX_COST": "nan"}, "GEMNB_MAX_COST: 'nan' is neither an amount", "For example 2.50"),
        ({"GEMNB_EMBED": "orignal"}, "GEMNB_EMBED: there is no embed 'orignal'.", "Did you mean original?"),
        ({"GEMNB_OFFLINE": "yes"}, "GEMNB_OFFLINE: there is no offline 'yes'.", "Known: 0, 1."),
        ({"GEMNB_DEADLINE": "soon"}, "GEMNB_DEADLINE: 'soon' is not a number of seconds from 0 to 86400.", ""),
        ({"GEMNB_DEADLINE": "0"}, "GEMNB_DEADLINE: '0' is not a number of seconds", ""),
        ({"GEMNB_DEADLINE": "-1"}, "GEMNB_DEADLINE: '-1' is not a number of seconds", ""),
        ({"GEMNB_DEADLINE": "nan"}, "GEMNB_DEADLINE: 'nan' is not a number of seconds", ""),
        ({"GEMNB_DEADLINE": "inf"}, "GEMNB_DEADLINE: 'inf' is not a number of seconds", ""),
    ],
    ids=str,
)
def test_a_wrong_variable_is_refused(tmp_path, environ, what, hint):
    """A GEMNB_ variable that does not exist, or cannot have its value, is an error that names the nearest."""
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, environ)
    assert caught.value.what.startswith(what)
    assert hint in caught.value.hint


def test_variables_of_others_are_none_of_ours(tmp_path):
    """Variables that do not begin with GEMNB_ are not looked at."""
    assert load_settings(tmp_path, {"GEMNBX": "1", "MODE": "x", "PATH": "/"}) == load_settings(tmp_path, {})


def test_an_unknown_config_is_refused(tmp_path):
    """A setting that does not exist is refused wherever it is set."""
    with pytest.raises(SettingsError, match="There is set mod, and gemnb has no such setting") as caught:
        load_settings(tmp_path, {}, {"mod": "replay"})
    assert "Did you mean mode?" in caught.value.hint


@pytest.mark.parametrize("name", ["cache", "base_url", "emulator", "offline", "max_cost", "ledger"])
def test_a_project_cannot_set_what_belongs_to_its_user(tmp_path, name):
    """A cloned project cannot say where keys, prompts or answers go; the error names the variable to set."""
    write(tmp_path, "[tool.gemnb]", f"{name} = 'https://elsewhere.example'")
    with pytest.raises(SettingsError, match=f"sets {name}, which a project cannot") as caught:
        load_settings(tmp_path, {})
    assert caught.value.hint == f"Set GEMNB_{name.upper()} in your environment instead."


def test_every_setting_is_either_the_projects_or_the_users(tmp_path):
    """For each setting it is settled whether a project may set it."""
    allowed = set()
    for name in NAMES:
        write(tmp_path, "[tool.gemnb]", f"{name} = 1")
        try:
            load_settings(tmp_path, {})
        except SettingsError as error:
            if "which a project cannot" not in error.what:
                allowed.add(name)
        else:
            allowed.add(name)
    assert allowed == {"mode", "embed", "deadline"}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("mod = 'replay'", "[tool.gemnb] in pyproject.toml sets mod, and gemnb has no such setting."),
        ("root = '/'", "[tool.gemnb] in pyproject.toml sets root, and gemnb has no such setting."),
        ("mode = true", "[tool.gemnb] in pyproject.toml: there is no mode 'True'."),
        ("mode = ''", "[tool.gemnb] in pyproject.toml: there is no mode ''."),
        ("deadline = [1]", "[tool.gemnb] in pyproject.toml: '[1]' is not a number of seconds from 0 to 86400."),
    ],
)
def test_a_wrong_line_of_the_project_is_refused(tmp_path, line, what):
    """What a project sets and cannot is an error that names the file."""
    write(tmp_path, "[tool.gemnb]", line)
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, {})
    assert caught.value.what == what


def test_a_number_in_the_project_file_is_a_number(tmp_path):
    """TOML's own numbers serve as well as text."""
    write(tmp_path, "[tool.gemnb]", "deadline = 30")
    assert load_settings(tmp_path, {}).deadline == 30.0


def test_the_nearest_folder_with_a_table_is_the_project(tmp_path):
    """The nearest [tool.gemnb] upward counts, over a git root that is nearer, and over a farther table."""
    outer = write(tmp_path / "outer", "[tool.gemnb]")
    inner = write(outer / "inner", "[tool.gemnb]", "mode = 'replay'")
    below = write(inner / "src" / "notebooks", "[tool.other]", "x = 1")
    (inner / "src" / ".git").mkdir()
    reason = "[tool.gemnb] stands in its pyproject.toml"
    assert find_project(below) == (inner, reason)
    assert find_project(outer) == (outer, reason)
    assert load_settings(below, {}).mode is Mode.REPLAY
    assert load_settings(below, {}).cache == inner / "cache"


@pytest.mark.parametrize("worktree", [False, True], ids=["checkout", "worktree"])
def test_else_the_git_root_is_the_project(tmp_path, worktree):
    """Without a table the nearest git root counts, a worktree's included."""
    root = tmp_path / "repo"
    below = root / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / ".git").mkdir()  # the checkout lies in another one
    (root / ".git").write_text("gitdir: elsewhere\n") if worktree else (root / ".git").mkdir()
    assert find_project(below) == (root, "it is the root of the git checkout")


def test_else_the_working_folder_is_the_project(tmp_path, monkeypatch):
    """Without a table and a git root the folder itself counts, made absolute."""
    monkeypatch.chdir(tmp_path)
    assert find_project(Path())[0] == tmp_path
    assert find_project(tmp_path)[1].startswith("it is the working folder")


def test_a_broken_project_file_is_reported(tmp_path):
    """A pyproject.toml with our table that is no TOML, or no UTF-8, is an error that names the file."""
    for text in (b"[tool.gemnb]\nmode = \n", b"[tool.gemnb]\n# \xff\n"):
        (tmp_path / "pyproject.toml").write_bytes(text)
        with pytest.raises(SettingsError, match=r"pyproject\.toml is not valid TOML"):
            load_settings(tmp_path, {})


def test_a_project_file_of_others_is_not_read(tmp_path):
    """A pyproject.toml without our table is none of our business, broken or not."""
    (tmp_path / "pyproject.toml").write_bytes(b"= broken\n")
    assert find_project(tmp_path)[0] == tmp_path
    write(tmp_path, "# [tool.gemnb] is not here", "[tool.other]")
    assert find_project(tmp_path)[1].startswith("it is the working folder")


def test_a_project_file_without_a_tool_table_is_not_ours(tmp_path):
    """A pyproject.toml whose `tool` is no table does not make gemnb fail."""
    write(tmp_path, "tool = 3", "# [tool.gemnb]")
    assert find_project(tmp_path)[1].startswith("it is the working folder")


def test_the_mode_of_the_cell_counts():
    """--mode of a cell outweighs the setting; without it the setting holds."""
    assert mode_in_force(Settings(mode=Mode.REPLAY), None) is Mode.REPLAY
    assert mode_in_force(Settings(mode=Mode.REPLAY), "auto") is Mode.AUTO
    assert mode_in_force(Settings(), "refresh") is Mode.REFRESH


@pytest.mark.parametrize("asked", [None, "auto", "refresh", "replay"])
@pytest.mark.parametrize("mode", Mode)
def test_nothing_lifts_offline(mode, asked):
    """Offline, every cell replays, whatever it and the settings say."""
    assert mode_in_force(Settings(mode=mode, offline=True), asked) is Mode.REPLAY


@pytest.mark.parametrize("offline", [False, True])
def test_an_unknown_mode_of_a_cell_is_refused(offline):
    """--mode with a word that is no mode names the nearest, offline too."""
    with pytest.raises(SettingsError, match="--mode: there is no mode 'reply'") as caught:
        mode_in_force(Settings(offline=offline), "reply")
    assert "Did you mean replay?" in caught.value.hint


def test_plan_said_in_the_environment_cannot_be_lifted(tmp_path):
    """GEMNB_MODE=plan outweighs %config and the cell; plan of %config outweighs the cell; offline outweighs plan."""
    planned = load_settings(tmp_path, {"GEMNB_MODE": "plan"}, {"mode": "refresh"})
    assert planned.mode is Mode.PLAN
    assert {mode_in_force(planned, mode.value) for mode in Mode} == {Mode.PLAN}
    assert mode_in_force(load_settings(tmp_path, {}, {"mode": "plan"}), "auto") is Mode.PLAN
    assert mode_in_force(Settings(), "plan") is Mode.PLAN
    assert mode_in_force(load_settings(tmp_path, {"GEMNB_MODE": "plan", "GEMNB_OFFLINE": "1"}), None) is Mode.REPLAY


def test_a_batchs_limit_can_only_be_lowered(tmp_path):
    """Where kernels share a ledger, no %config and no cell can raise what the environment allows; else they can."""
    alone, batch = {"GEMNB_MAX_COST": "2"}, {"GEMNB_MAX_COST": "2", "GEMNB_LEDGER": str(tmp_path / "spent")}
    for word, of_alone, of_batch in (("off", math.inf, 2.0), ("5", 5.0, 2.0), ("0.5", 0.5, 0.5)):
        assert load_settings(tmp_path, alone, {"max_cost": word}).max_cost == of_alone
        assert load_settings(tmp_path, batch, {"max_cost": word}).max_cost == of_batch


URLS = st.sampled_from(["", "http://127.0.0.1:1", "https://elsewhere.example/v1"])
ENVIRONMENTS = st.fixed_dictionaries(
    {},
    optional={
        "GEMNB_MODE": st.sampled_from(Mode).map(str),
        "GEMNB_EMBED": st.sampled_from(Embed).map(str),
        "GEMNB_DEADLINE": st.integers(1, 86_400).map(str),
        "GEMNB_CACHE": st.sampled_from(["kept", "other/kept"]),
        "GEMNB_BASE_URL": URLS,
        "GEMNB_EMULATOR": URLS,
        "GEMNB_OFFLINE": st.sampled_from(["0", "1"]),
        "GEMNB_MAX_COST": st.sampled_from(["0", "2.50", "off"]),
        "GEMNB_LEDGER": st.just("spent.jsonl"),
        "GEMINI_API_KEY": st.sampled_from(["", "a-key"]),
        "GOOGLE_API_KEY": st.sampled_from(["", "another-key"]),
        "LC_ALL": st.sampled_from(["C", "tr_TR.UTF-8", "de_DE.UTF-8"]),
        "TZ": st.sampled_from(["UTC", "Asia/Tokyo"]),
    },
)
PYPROJECTS = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(Mode).map(str),
        "embed": st.sampled_from(Embed).map(str),
        "deadline": st.integers(1, 86_400),
    },
)
CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["", *Mode]).map(str),
        "embed": st.sampled_from(["", *Embed]).map(str),
        "cache": st.sampled_from(["", "kept"]),
        "deadline": st.sampled_from(["", "1", "3600"]),
        "max_cost": st.sampled_from(["", "0", "off"]),
    },
)
USE = "nano-banana-pro -a 16:9"
SOURCE = "%%gemimg hero -s 2K --seed 7 -t 0.5 -p style=ink --alt x\na cat in {{style}}\r\n"


@contextlib.contextmanager
def place(environ: dict[str, str], pyproject: dict[str, object]):
    """A project with this pyproject.toml as the working folder, and these environment variables."""
    before, here = dict(os.environ), Path.cwd()
    with TemporaryDirectory() as folder:
        lines = [f"{key} = {value!r}" for key, value in pyproject.items()]
        write(Path(folder), "[tool.gemnb]", *lines)
        os.environ.update(environ)
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(here)
            os.environ.clear()
            os.environ.update(before)


def digest_here() -> str:
    """The digest of the cell, assembled in the folder and environment of this moment."""
    cell, defaults = parse(SOURCE), parse_use(USE)
    bindings = resolve(needs(cell, defaults), {}, ()).bindings
    (request,) = assemble(cell, defaults, bindings)
    return request_digest(request)


@settings(deadline=None, max_examples=60)
@given(ENVIRONMENTS, PYPROJECTS)
def test_no_setting_changes_what_is_asked(environ, pyproject):
    """A cell has one digest, whatever the environment and the project say: law 13."""
    with place({}, {}):
        expected = digest_here()
    with place(environ, pyproject) as folder:
        load_settings(folder)  # the settings are valid ones, and in force
        assert expected == digest_here()


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    """A shell with gemnb in it and the notebook's defaults said."""
    main = sys.modules["__main__"]
    config = Config()
    config.HistoryManager.enabled = False
    made = InteractiveShell(config=config)
    load(made)
    made.run_cell(f"%gemnb use {USE}").raise_error()
    yield made
    sys.modules["__main__"] = main  # a shell takes its place


@settings(deadline=None, max_examples=40)
@given(environ=ENVIRONMENTS, pyproject=PYPROJECTS, config=CONFIGS)
def test_no_setting_changes_what_a_cell_asks_in_jupyter(shell, environ, pyproject, config):
    """The request that a cell makes in a kernel is the same under every %config, variable and project: law 13."""
    with place(environ | {"GEMNB_OFFLINE": "1"}, pyproject):
        expected = digest_here()
        for name in ("mode", "embed", "cache", "deadline", "max_cost"):
            value = config.get(name, "")
            shell.run_cell(f"%config GemImg.{name} = {value!r}")
        # Offline and nothing kept: the error names the digest that was looked for.
        failure = shell.run_cell(SOURCE).error_in_exec
    assert isinstance(failure, CacheMiss)
    assert expected == failure.evidence["digest"]


@pytest.mark.skipif(os.name == "nt", reason="a link takes rights there")
@pytest.mark.parametrize("target", ["../outside", "/somewhere/else", "cache"])
def test_a_cache_that_the_project_puts_elsewhere_is_refused(project: Path, target: str) -> None:
    """A project's link called `cache` that leads out of it, or in a circle, is an error that names the way on."""
    (project / "cache").symlink_to(target)
    with pytest.raises(SettingsError, match="symbolic link") as caught:
        load_settings(project, {})
    assert target in caught.value.why
    assert "GEMNB_CACHE=" in caught.value.hint


@pytest.mark.skipif(os.name == "nt", reason="a link takes rights there")
def test_a_cache_that_the_user_puts_elsewhere_is_used(project: Path, tmp_path: Path) -> None:
    """The user may name any folder, by a link or not, even the project's own."""
    (project / "cache").symlink_to(tmp_path / "outside")
    assert load_settings(project, {"GEMNB_CACHE": str(project / "cache")}).cache == project / "cache"


@pytest.mark.skipif(os.name == "nt", reason="a link takes rights there")
def test_a_link_within_the_project_is_used(project: Path, tmp_path: Path) -> None:
    """A link called `cache` to another folder of the project is where answers are kept, by whatever way one comes."""
    (project / "cache").symlink_to("data/answers")
    (tmp_path / "way").symlink_to(project)
    assert load_settings(tmp_path / "way", {}).cache == tmp_path / "way" / "cache"


@pytest.mark.skipif(os.name == "nt", reason="a link takes rights there")
@pytest.mark.parametrize(("part", "target"), [("private", "."), ("private", "../../outside"), ("blobs", "/x")])
@pytest.mark.parametrize("named", [False, True])
def test_a_part_of_the_cache_elsewhere_is_refused(project: Path, part: str, target: str, *, named: bool) -> None:
    """A part of a cache that is a link is refused wherever it leads: a private one even to what is committed."""
    (project / "cache").mkdir()
    (project / "cache" / "README.md").symlink_to("../README.md")
    assert load_settings(project, {}).cache == project / "cache"
    (project / "cache" / part).symlink_to(target)
    with pytest.raises(SettingsError, match=f"{part} is a symbolic link") as caught:
        load_settings(project, {"GEMNB_CACHE": str(project / "cache")} if named else {})
    assert f"rm '{project / 'cache' / part}'" in caught.value.hint
