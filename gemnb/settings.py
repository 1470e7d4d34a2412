"""How things run: modes, folders, limits. Nothing here is ever part of a request.

Precedence: option > `%config GemImg.x` > `GEMNB_X` > `[tool.gemnb]` of the project > built in. What could
send a key or a prompt elsewhere (`base_url`) is read from the environment only: a cloned project must not
set it.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gemnb.errors import SettingsError, nearest
from gemnb.links import check_links
from gemnb.model import Embed, Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings in force, and where the project's cache is and why.

    Attributes:
        mode: Whether kept answers replay and whether a miss may call.
        embed: Which bytes of a picture stand in the notebook.
        cache: The project's cache folder.
        deadline: Seconds of wall clock one call may take, retries included.
        base_url: Endpoint of the Gemini API; empty for Google's own.
        api_version: Version of the Gemini API; empty for the SDK's own.
        headers: Further headers for a gateway, as a JSON object of texts; their values are secrets.
        emulator: URL of a running emulator; empty to start one inside this process when needed.
        machine: `off`, or the folder of the machine tier; empty for the user's cache folder.
        allow_private_urls: Fetch input pictures from addresses of the local network too.
        offline: Replay whatever a cell says; `gemnb reproduce` sets it, nothing can lift it.
        max_cost: US dollars that this kernel, or the batch that shares its ledger, may spend; infinite for no limit.
        ledger: The file in which a batch of kernels counts what it spends; empty to count in this kernel alone.
        scratch: The folder in which a re-run brings the notebook's own answers along; it sets this itself.
        cache_reason: Why the cache folder is where it is.
        root: The project's folder; relative paths are tried from it last.
    """

    mode: Mode = Mode.AUTO
    embed: Embed = Embed.AUTO
    cache: Path = Path("cache")
    deadline: float = 600.0
    base_url: str = ""
    api_version: str = ""
    headers: str = field(default="", repr=False)
    emulator: str = ""
    machine: str = ""
    allow_private_urls: bool = False
    offline: bool = False
    max_cost: float = 1.0
    ledger: str = ""
    scratch: str = ""
    cache_reason: str = ""
    root: Path = Path()


NAMES = tuple(f.name for f in fields(Settings) if f.name not in ("cache_reason", "root"))
_PROJECT_NAMES = ("mode", "embed", "deadline")
_ENVIRONMENT = {f"GEMNB_{name.upper()}": name for name in NAMES}


def load_settings(
    start: Path,
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings in force for a working folder.

    Args:
        start: The folder from which the project is looked for, upward.
        environ: The environment.
        overrides: `%config` values or command-line options, by setting name; empty values count as unset.

    Raises:
        SettingsError: A setting does not exist or cannot have its value, or the project's cache is a link elsewhere.
    """
    root, reason = find_project(start)
    # Nobody watches what is paid for where CI runs: there, a miss is an error unless it is said otherwise.
    mode = Mode.REPLAY if environ.get("CI", "") not in ("", "0", "false") else Mode.AUTO
    settings = Settings(mode=mode, cache=root / "cache", cache_reason=reason, root=root)
    for name, value in _project_values(root).items():
        settings = _set(settings, name, value, "[tool.gemnb] in pyproject.toml")
    for variable in sorted(key for key in environ if key.startswith("GEMNB_")):
        if variable not in _ENVIRONMENT:
            raise _unknown(variable, _ENVIRONMENT, "The environment sets")
        if environ[variable]:
            settings = _set(settings, _ENVIRONMENT[variable], environ[variable], variable)
    for name, value in (overrides or {}).items():
        if value:
            settings = _set(settings, name, value, f"setting {name}")
    check_links(settings.cache, None if settings.cache_reason != reason else root)
    return _held(settings, environ)


def _held(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Return the settings with what a notebook cannot lift where the environment says it: plan, a batch's limit."""
    if environ.get("GEMNB_MODE") == Mode.PLAN:
        settings = replace(settings, mode=Mode.PLAN)
    if settings.ledger and (limit := environ.get("GEMNB_MAX_COST")):
        settings = replace(settings, max_cost=min(settings.max_cost, _dollars(limit, "GEMNB_MAX_COST")))
    return settings


def find_project(start: Path) -> tuple[Path, str]:
    """Return the project's folder and why it is that one.

    The nearest folder upward with `[tool.gemnb]` in its pyproject.toml, else the nearest git root,
    else the folder itself.
    """
    start = start.absolute()
    git_root = None
    for folder in (start, *start.parents):
        if _tool_table(folder) is not None:
            return folder, "[tool.gemnb] stands in its pyproject.toml"
        if git_root is None and _is_there(folder / ".git"):
            git_root = folder
    if git_root is not None:
        return git_root, "it is the root of the git checkout"
    return start, "it is the working folder (no [tool.gemnb] and no git root above it)"


def mode_in_force(settings: Settings, asked: str | None) -> Mode:
    """Return the mode a cell runs in, given its own `--mode`.

    Raises:
        SettingsError: There is no mode of that name.
    """
    own = None if asked is None else Mode(_choice("mode", asked, [mode.value for mode in Mode], "--mode"))
    if settings.offline:
        return Mode.REPLAY
    # In plan nothing is called, whatever a cell says.
    return own if own and settings.mode is not Mode.PLAN else settings.mode


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # below a folder that is closed to us
        return False


def _tool_table(folder: Path) -> dict[str, object] | None:
    try:
        data = (folder / "pyproject.toml").read_bytes()
    except OSError:
        return None
    # A cached cell reads this on its way: the TOML parser is imported only where it has work to do.
    if b"[tool.gemnb]" not in data:
        return None
    import tomllib

    try:
        tool = tomllib.loads(data.decode("utf-8")).get("tool")
        table = tool.get("gemnb") if isinstance(tool, dict) else None
    except ValueError as error:
        reason = str(error)
    else:
        return table if isinstance(table, dict) else None
    raise SettingsError(f"{folder / 'pyproject.toml'} is not valid TOML.", why=reason)


def _project_values(root: Path) -> dict[str, str]:
    values = {}
    for name, value in (_tool_table(root) or {}).items():
        if name not in _PROJECT_NAMES:
            if name in NAMES:
                raise SettingsError(
                    f"[tool.gemnb] sets {name}, which a project cannot: it belongs to whoever runs it.",
                    hint=f"Set GEMNB_{name.upper()} in your environment instead.",
                )
            raise _unknown(name, _PROJECT_NAMES, "[tool.gemnb] in pyproject.toml sets")
        values[name] = str(value)
    return values


def _set(settings: Settings, name: str, value: str, source: str) -> Settings:
    if name not in NAMES:
        raise _unknown(name, NAMES, "There is set")
    values: dict[str, Any] = {name: _READERS[name](value, source)}
    if name == "cache":
        values["cache_reason"] = f"{source} says so"
    return replace(settings, **values)


def _headers(value: str, source: str) -> str:
    try:
        table = json.loads(value)
    except ValueError:
        table = None
    if isinstance(table, dict) and all(isinstance(item, str) for item in table.values()):
        return value
    # The value itself is not quoted: it may hold a token.
    raise SettingsError(f"{source} is no JSON object of texts.", hint=f'{source}=\'{{"X-Team": "pictures"}}\'')


def _folder(value: str, source: str) -> Path:
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError as error:  # a `~name` of nobody
        reason = str(error)
    raise SettingsError(f"{source}: {value!r} is no folder.", why=reason)


def _choice(name: str, value: str, known: list[str], source: str) -> str:
    if value in known:
        return value
    near = nearest(value, known)
    raise SettingsError(
        f"{source}: there is no {name} {value!r}.",
        hint=(f"Did you mean {near}?  " if near else "") + f"Known: {', '.join(known)}.",
        setting=name,
    )


def _seconds(value: str, source: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise SettingsError(f"{source}: {value!r} is not a number of seconds from 0 to 86400.")
    return seconds


def _dollars(value: str, source: str) -> float:
    if value == "off":
        return math.inf
    try:
        usd = float(value)
    except ValueError:
        usd = -1.0
    if not 0 <= usd < math.inf:
        raise SettingsError(
            f"{source}: {value!r} is neither an amount in US dollars nor `off`.", hint="For example 2.50"
        )
    return usd


def _unknown(name: str, known: tuple[str, ...] | dict[str, str], verb: str) -> SettingsError:
    near = nearest(name, known)
    return SettingsError(
        f"{verb} {name}, and gemnb has no such setting.",
        hint=(f"Did you mean {near}?  " if near else "") + f"Known: {', '.join(known)}.",
        setting=name,
    )


_READERS: dict[str, Callable[[str, str], object]] = {
    "mode": lambda value, source: Mode(_choice("mode", value, [mode.value for mode in Mode], source)),
    "embed": lambda value, source: Embed(_choice("embed", value, [embed.value for embed in Embed], source)),
    "cache": _folder,
    "deadline": _seconds,
    "base_url": lambda value, _source: value.rstrip("/"),
    "api_version": lambda value, _source: value,
    "headers": _headers,
    "emulator": lambda value, _source: value.rstrip("/"),
    "machine": lambda value, source: value if value == "off" else str(_folder(value, source)),
    "allow_private_urls": lambda value, source: _choice("allow_private_urls", value, ["0", "1"], source) == "1",
    "max_cost": _dollars,
    "ledger": lambda value, source: str(_folder(value, source)),
    "scratch": lambda value, source: str(_folder(value, source)),
    "offline": lambda value, source: _choice("offline", value, ["0", "1"], source) == "1",
}
"""How the text of each setting is read."""
