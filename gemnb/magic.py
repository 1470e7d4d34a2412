"""The face in Jupyter: `%%gemimg` and `%gemnb`, loaded with `%load_ext gemnb`."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from traitlets import Unicode

from gemnb.cell import MAGIC, Cell, is_gemimg, parse_parts
from gemnb.compose import make_client
from gemnb.errors import CellSyntaxError, GemnbError, nearest, printable
from gemnb.inputs import folders_of, resolve
from gemnb.invocation import Defaults, needs, parse_use, undeclared
from gemnb.mime import bundle
from gemnb.model import Mode, Presentation
from gemnb.options import help_text
from gemnb.session import Ask, ask, outcome_error
from gemnb.settings import Settings, load_settings, mode_in_force

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from gemnb.model import Binding
    from gemnb.result import Result

_QUIET_SECONDS = 0.5  # no progress line before this


@magics_class
class GemImg(Magics):
    """`%%gemimg` and `%gemnb`. Settings: `%config GemImg.mode = "replay"`."""

    mode = Unicode("", help="auto, replay or refresh").tag(config=True)
    embed = Unicode("", help="auto, original or preview").tag(config=True)
    cache = Unicode("", help="the folder of kept answers").tag(config=True)
    deadline = Unicode("", help="seconds one call may take, retries included").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._ip = shell
        self.defaults: Defaults | None = None
        self.default_bindings: tuple[Binding, ...] = ()

    @no_var_expand
    @cell_magic
    def gemimg(self, line: str, cell: str) -> None:
        """Make a picture from the cell's text, or show the kept one. `%%gemimg -h` lists the options."""
        self._told(lambda: self._gemimg(line, cell))

    @no_var_expand
    @line_magic
    def gemnb(self, line: str) -> None:
        """`%gemnb use MODEL [options]` sets the notebook's defaults; `%gemnb status` says what is in force."""
        self._told(lambda: self._gemnb(line))

    def _told(self, action: Callable[[], None]) -> None:
        """Run an action; raise its error outside the `except`, so that IPython shows our words only."""
        failure: GemnbError | None = None
        with _Notices() as notices:
            try:
                action()
            except GemnbError as error:
                failure = error
        for notice in notices.texts:
            print(f"gemnb: {notice}", file=sys.stderr)
        if failure is not None:
            failure.__context__ = failure.__cause__ = None
            raise failure.with_traceback(None)

    def _gemimg(self, line: str, body: str) -> None:
        cell = parse_parts(line, body)
        if cell.get("help") is not None:
            print(help_text())
            return
        settings = self._settings()
        source = f"%%gemimg {line.strip()}".rstrip() + "\n" + body.removesuffix("\n")
        result = self._ask(cell, source, settings)
        if cell.name:
            self._ip.user_ns[cell.name] = result
        if cell.get("quiet") is None:
            self._show(result, words=cell.get("allow-refusal") is not None)
        if cell.get("allow-refusal") is None and (failure := outcome_error(result)) is not None:
            raise failure

    def _ask(self, cell: Cell, source: str, settings: Settings) -> Result:
        names = self._ip.user_ns
        undeclared(cell, names)
        wanted = needs(cell, self.defaults)
        own = [need for need in wanted if not need.slot.startswith("use ")]
        resolved = resolve(own, names, folders_of(names, settings.root))
        used = [
            binding
            for need in wanted
            for binding in self.default_bindings
            if (binding.slot, binding.source) == (need.slot, need.source)
        ]
        progress = _Progress(self._ip)
        try:
            return ask(
                make_client(settings),
                Ask(
                    cell=cell,
                    source=source,
                    defaults=self.defaults,
                    resolved=replace(resolved, bindings=(*used, *resolved.bindings)),
                    mode=mode_in_force(settings, cell.get("mode")),
                    presentation=Presentation(alt=cell.get("alt"), caption=cell.get("caption"), embed=settings.embed),
                ),
                progress,
            )
        finally:
            progress.clear(wait=cell.get("quiet") is None)

    def _show(self, result: Result, *, words: bool) -> None:
        """Publish one output per picture, and, where wanted, one per answer in words."""
        for record in result.records:
            if record.pictures or words:
                for index in range(max(1, len(record.pictures))):
                    data, metadata = bundle(record, index, result.presentation, result.invocation, result.blob)
                    self._ip.display_pub.publish(data=data, metadata=metadata)

    def _gemnb(self, line: str) -> None:
        verb, _, rest = line.strip().partition(" ")
        verbs: dict[str, Callable[[str], None]] = {"use": self._use, "status": self._status}
        if verb not in verbs:
            near = nearest(verb, verbs) if verb else None
            raise CellSyntaxError(
                f"%gemnb has no verb {verb!r}." if verb else "%gemnb needs a verb.",
                hint=(f"Did you mean %gemnb {near}?  " if near else "")
                + "Known: %gemnb use MODEL [options], %gemnb status",
            )
        verbs[verb](rest)

    def _use(self, line: str) -> None:
        defaults = parse_use(line)
        wanted = needs(Cell(prompt=""), defaults)
        self.default_bindings = resolve(wanted, self._ip.user_ns, ()).bindings
        self.defaults = defaults

    def _status(self, line: str) -> None:
        if line.strip():
            raise CellSyntaxError("%gemnb status takes nothing.", hint="%gemnb status")
        settings = self._settings()
        bound = ", ".join(f"{b.source} = {b.value}" for b in self.default_bindings)
        use = "none yet (%gemnb use MODEL)" if self.defaults is None else self.defaults.line
        print(f"defaults: {use}" + (f"   ({bound})" if bound else ""))
        print(f"mode:     {Mode.REPLAY if settings.offline else settings.mode}")
        print(f"embed:    {settings.embed}")
        print(f"cache:    {settings.cache}   ({settings.cache_reason})")

    def _settings(self) -> Settings:
        overrides = {name: getattr(self, name) for name in ("mode", "embed", "cache", "deadline")}
        return load_settings(Path.cwd(), overrides=overrides)


class _Notices(logging.Handler):
    """Collects what the library has to say while a cell runs; it is shown after the cell's pictures."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = printable(record.getMessage())
        if text not in self.texts:
            self.texts.append(text)

    def __enter__(self) -> Self:
        self._logger = logging.getLogger("gemnb")
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)


class _Progress:
    """A line that shows while calls are under way and is gone before the pictures are shown."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._start = time.monotonic()
        self._shown = ""

    def __call__(self, done: int, total: int) -> None:
        seconds = int(time.monotonic() - self._start)
        if time.monotonic() - self._start < _QUIET_SECONDS or not hasattr(self._shell, "kernel"):
            return
        count = f"{done} of {total} answered, " if total > 1 else ""
        text = f"asking the model: {count}{seconds} s"
        if text != self._shown:
            self._shell.display_pub.publish(
                data={"text/plain": text}, transient={"display_id": f"gemnb-{id(self)}"}, update=bool(self._shown)
            )
            self._shown = text

    def clear(self, *, wait: bool) -> None:
        """Take the line away: with what is shown next, or at once where nothing will be."""
        if self._shown:
            self._shell.display_pub.clear_output(wait=wait)  # type: ignore[no-untyped-call]


def verbatim(lines: list[str]) -> list[str]:
    r"""Hand the body of a `%%gemimg` cell to the magic as it was typed (an input transformer of IPython).

    IPython's own way strips `>>> ` from the body, splits the first line at rare line separators, and refuses
    an empty body before the magic can say anything helpful.
    """
    source = "".join(lines)
    if not is_gemimg(source):
        return lines
    line, _, body = source[source.index(MAGIC) :].partition("\n")
    return [f"get_ipython().run_cell_magic('gemimg', {line.removeprefix(MAGIC).strip()!r}, {body or chr(10)!r})\n"]


def load(shell: InteractiveShell) -> None:
    """Register the magics and the input transformer; loading twice changes nothing."""
    unload(shell)
    shell.register_magics(GemImg(shell))
    shell.input_transformers_cleanup.insert(0, verbatim)


def unload(shell: InteractiveShell) -> None:
    """Take the input transformer and the magics away again."""
    shell.input_transformers_cleanup[:] = [
        item for item in shell.input_transformers_cleanup if getattr(item, "__name__", "") != "verbatim"
    ]
    shell.magics_manager.magics["cell"].pop("gemimg", None)
    shell.magics_manager.magics["line"].pop("gemnb", None)
