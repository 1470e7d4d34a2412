"""`%%gemimg` and `%gemnb` as IPython sees them: parse, ask, show. What a cell rarely needs is imported lazily."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from traitlets import CUnicode, Unicode

from gemnb.cell import MAGIC, Cell, is_gemimg, parse_parts
from gemnb.compose import make_client, open_reach
from gemnb.errors import CellSyntaxError, GemnbError, Interrupted, nearest
from gemnb.inputs import folders_of, resolve
from gemnb.invocation import Defaults, needs, parse_use, undeclared
from gemnb.magic.progress import Notices, Progress
from gemnb.magic.vocabulary import VERBS, usage
from gemnb.mime import bundle
from gemnb.model import Mode, Presentation
from gemnb.options import help_text
from gemnb.session import Ask, ask, forget_missed, is_private, last_missed, outcome_error
from gemnb.settings import Settings, load_settings, mode_in_force

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

    from gemnb.model import Binding
    from gemnb.result import Result


@magics_class
class GemImg(Magics):
    """`%%gemimg` and `%gemnb`. Settings: `%config GemImg.mode = "replay"`."""

    mode = Unicode("", help="auto, replay, refresh or plan").tag(config=True)
    embed = Unicode("", help="auto, original or preview").tag(config=True)
    cache = Unicode("", help="the folder of kept answers").tag(config=True)
    deadline = Unicode("", help="seconds one call may take, retries included").tag(config=True)
    max_cost = CUnicode("", help="US dollars this kernel may spend; off lifts the limit").tag(config=True)

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
        """`%gemnb use MODEL [options]`, and what is kept: `status`, `why`, `show`, `history`, `diff`, `cache`."""
        self._told(lambda: self._gemnb(line))

    def _told(self, action: Callable[[], None]) -> None:
        """Run an action; raise its error outside the `except`, so that IPython shows our words only."""
        failure: GemnbError | None = None
        with Notices() as notices:
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
        settings = self._settings(cell.get("max-cost") or "")
        try:
            asked = self._asked(cell, _source(line, body), settings)
        except GemnbError:
            forget_missed()
            raise
        if cell.get("dry-run") is not None:
            self._dry_run(asked, settings)
            return
        result = self._ask(asked, settings)
        if cell.name:
            self._ip.user_ns[cell.name] = result
        if asked.mode is Mode.PLAN:
            self._show_pending(result)
        if cell.get("quiet") is None:
            self._show(result, words=cell.get("allow-refusal") is not None)
        if cell.get("allow-refusal") is None and (failure := outcome_error(result)) is not None:
            raise failure

    def _asked(self, cell: Cell, source: str, settings: Settings) -> Ask:
        """Look up what the cell refers to."""
        names = self._ip.user_ns
        undeclared(cell, names)
        wanted = needs(cell, self.defaults)
        own = [need for need in wanted if not need.slot.startswith("use ")]
        mode, private = mode_in_force(settings, cell.get("mode")), is_private(cell)
        looking = mode if cell.get("dry-run") is None else Mode.PLAN
        reach = open_reach(settings, looking, private=private)
        resolved = resolve(own, names, folders_of(names, settings.root), reach)
        used = [
            binding
            for need in wanted
            for binding in self.default_bindings
            if (binding.slot, binding.source) == (need.slot, need.source)
        ]
        return Ask(
            cell=cell,
            source=source,
            defaults=self.defaults,
            resolved=replace(resolved, bindings=(*used, *resolved.bindings)),
            mode=mode,
            presentation=Presentation(alt=cell.get("alt"), caption=cell.get("caption"), embed=settings.embed),
            private=private,
        )

    def _ask(self, asked: Ask, settings: Settings) -> Result:
        progress = Progress(self._ip)
        stopped = False
        try:
            return ask(make_client(settings), asked, progress)
        except KeyboardInterrupt:
            stopped = True
        finally:
            progress.clear(wait=asked.cell.get("quiet") is None)
        assert stopped  # noqa: S101 - raised outside the `except`, so that IPython shows our words only
        raise Interrupted(
            "Interrupted. What was sent goes on, and its answer is kept as long as this kernel lives.",
            hint="Run the cell again to join it; `%gemnb cancel` closes it (it may be billed all the same).",
        )

    def _dry_run(self, asked: Ask, settings: Settings) -> None:
        from gemnb.magic.dry_run import dry_run

        for text in dry_run(asked, settings):
            print(text)

    def _show_pending(self, result: Result) -> None:
        from gemnb.pending import Pending

        if isinstance(result, Pending):
            self._ip.display_pub.publish(data={"text/plain": result.line})

    def _show(self, result: Result, *, words: bool) -> None:
        """Publish one output per picture, and, where wanted, one per answer in words."""
        for record in result.records:
            if record.pictures or words:
                for index in range(max(1, len(record.pictures))):
                    data, metadata = bundle(record, index, result.presentation, result.invocation, result.blob)
                    self._ip.display_pub.publish(data=data, metadata=metadata)

    def _gemnb(self, line: str) -> None:
        verb, _, rest = line.strip().partition(" ")
        if verb not in VERBS:
            near = nearest(verb, VERBS) if verb else None
            raise CellSyntaxError(
                f"%gemnb has no verb {verb!r}." if verb else "%gemnb needs a verb.",
                hint=(f"Did you mean %gemnb {near}?  " if near else "")
                + "Known: "
                + ", ".join(usage(known) for known in VERBS),
            )
        if verb == "use":
            self._use(rest)
            return
        if verb == "compare":
            from gemnb.magic.comparing import compare

            data, metadata = compare(rest, self._ip.user_ns, self._settings())
            self._ip.display_pub.publish(data=data, metadata=metadata)
            return
        if verb == "publish":
            from gemnb.magic.publishing import publish

            print("\n".join(publish(rest)))
            return
        from gemnb.magic.verbs import Desk, run_verb

        desk = Desk(
            settings=self._settings(),
            names=self._ip.user_ns,
            defaults=self.defaults,
            default_bindings=self.default_bindings,
            missed=last_missed(),
            show=lambda result: self._show(result, words=True),
        )
        for text in run_verb(verb, rest, desk):
            print(text)

    def _use(self, line: str) -> None:
        defaults = parse_use(line)
        wanted = needs(Cell(prompt=""), defaults)
        self.default_bindings = resolve(wanted, self._ip.user_ns, ()).bindings
        self.defaults = defaults

    def _settings(self, max_cost: str = "") -> Settings:
        overrides = {name: getattr(self, name) for name in ("mode", "embed", "cache", "deadline", "max_cost")}
        overrides["max_cost"] = max_cost or overrides["max_cost"]
        return load_settings(Path.cwd(), overrides=overrides)

    def gemnb_matcher(self, context: CompletionContext) -> SimpleMatcherResult:
        """Complete what stands on a line of gemnb's (a matcher of IPython, version 2)."""
        from gemnb.magic.completion import matches

        model = dict(self.defaults.options).get("model", "") if self.defaults else ""
        return matches(context, self._ip.user_ns, model)


def _source(line: str, body: str) -> str:
    """Return the cell's source as `gemnb.cell.parse` reads it: as a notebook has it, which ends without a newline."""
    text = body.removesuffix("\n")
    return f"%%gemimg {line.strip()}".rstrip() + "\n" + (body if text.endswith("\n") else text)


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
    """Register the magics, the input transformer and the completions; loading twice changes nothing."""
    from IPython.core.completer import context_matcher

    unload(shell)
    magics = GemImg(shell)
    shell.register_magics(magics)
    shell.input_transformers_cleanup.insert(0, verbatim)
    if shell.Completer is not None:

        @context_matcher(identifier="gemnb")  # type: ignore[untyped-decorator]
        def gemnb_matcher(context: CompletionContext) -> SimpleMatcherResult:
            return magics.gemnb_matcher(context)

        shell.Completer.custom_matchers.append(gemnb_matcher)


def unload(shell: InteractiveShell) -> None:
    """Take the completions, the input transformer and the magics away again."""
    shell.input_transformers_cleanup[:] = [
        item for item in shell.input_transformers_cleanup if getattr(item, "__name__", "") != "verbatim"
    ]
    if shell.Completer is not None:
        shell.Completer.custom_matchers[:] = [
            item for item in shell.Completer.custom_matchers if getattr(item, "__name__", "") != "gemnb_matcher"
        ]
    shell.magics_manager.magics["cell"].pop("gemimg", None)
    shell.magics_manager.magics["line"].pop("gemnb", None)
