"""`pytest --gemnb notebooks/`: an item per picture, which is verified, and one per notebook, which is replayed.

Without `--gemnb` nothing happens: pytest imports this module in every run of an environment that has gemnb, so it
imports what it needs when it needs it. Beside `--nbval` or `--nbval-lax` it closes two holes of nbval's: pictures are
compared again, and a cell that ended in an error without a traceback (`UsageError`) fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from pathlib import Path

    from gemnb.reproduce.run import Run
    from gemnb.verify import Check

_PICTURES = ("image/png", "image/jpeg")
_FINDING = "finding"  # the property under which JUnit XML has verify's word


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one option."""
    group = parser.getgroup("gemnb", "Notebooks of generated pictures")
    group.addoption(
        "--gemnb",
        action="store_true",
        help="Verify each picture of each notebook, and replay each notebook offline.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Take part in this run where it was asked for."""
    if config.getoption("gemnb"):
        config.pluginmanager.register(_Hooks(), "gemnb-notebooks")


class _Hooks:
    """What takes part in a run with `--gemnb`."""

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> NotebookFile | None:
        """Collect notebooks; nbval collects the same files for itself."""
        if file_path.suffix != ".ipynb":
            return None
        made: NotebookFile = NotebookFile.from_parent(parent, path=file_path)
        return made

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Have nbval compare the pictures of notebooks in which gemnb left records."""
        files: dict[Any, None] = {item.parent: None for item in items if _is_nbvals(item)}
        for file in files:
            if _has_records(file):
                file.skip_compare = tuple(kind for kind in file.skip_compare if kind not in _PICTURES)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail a cell of nbval's whose kernel answered with an error that it did not show as one."""
        if not _is_nbvals(item):
            return (yield)
        replies: list[dict[str, Any]] = []
        kernel = item.parent.kernel  # type: ignore[union-attr]
        kernel.get_message = _noting(kernel.get_message, replies)
        try:
            result = yield
        finally:
            del kernel.get_message
        content = replies[-1]["content"] if replies else {}
        if content.get("status") == "error" and not item.options["check_exception"]:  # type: ignore[attr-defined]
            said = f"{content.get('ename')}: {content.get('evalue')}"
            item.raise_cell_error("Cell execution caused an exception", said)  # type: ignore[attr-defined]
        return result

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what the findings do not."""
        reports = [report for several in terminalreporter.stats.values() for report in several]
        if not any((_FINDING in dict(getattr(report, "user_properties", ()))) for report in reports):
            return
        from gemnb.report import UNATTESTED

        terminalreporter.write_line("gemnb: " + " ".join(UNATTESTED.split()))


class NotebookFile(pytest.File):
    """A notebook: its pictures as verify finds them, and its replay."""

    def collect(self) -> Iterable[pytest.Item]:
        """Yield an item per picture, in the order of the cells, and then the replay, which takes longer."""
        from gemnb.errors import GemnbError

        found: Sequence[Check] = ()
        try:
            found = _verified(self.path)
        except GemnbError as error:
            yield UnreadableItem.from_parent(self, name="verify", said=error.lines())
        seen: dict[str, int] = {}
        for check in found:
            name = "-".join(filter(None, ("cell", str(check.cell), check.name)))
            seen[name] = seen.get(name, 0) + 1
            again = "" if seen[name] == 1 else f"-{seen[name]}"
            yield PictureItem.from_parent(self, name=name + again, check=check)
        yield ReplayItem.from_parent(self, name="replays")


class _NotebookItem(pytest.Item):
    """An item that fails with lines for a person, and shows no traceback of gemnb's own."""

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return where the item is from, for reports."""
        return self.path, None, self.name

    def fail(self, lines: Iterable[str]) -> NoReturn:
        """Fail with these lines; they may be of a stranger's notebook."""
        from gemnb.errors import printable

        pytest.fail("\n".join(printable(" ".join(line.split())) for line in lines), pytrace=False)


class PictureItem(_NotebookItem):
    """One finding of verify."""

    def __init__(self, *, check: Check, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._check = check

    def runtest(self) -> None:
        """Fail unless cell, record and bytes belong together."""
        finding = self._check.finding.value
        self.user_properties.append((_FINDING, finding))
        if not self._check.well:
            self.fail(f"{finding}: {reason}" for reason in self._check.reasons)


class ReplayItem(_NotebookItem):
    """One notebook run again."""

    def runtest(self) -> None:
        """Fail unless every picture of the notebook comes back, offline."""
        import warnings

        # Else the run imports it without a module of its own, and other tests of this process may want that module.
        import nbformat  # noqa: F401

        from gemnb.errors import GemnbError
        from gemnb.reproduce.run import Job, run_job

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # papermill's and nbclient's are nobody's to mend here
            try:
                said = _complaints(run_job(Job(path=self.path)))
            except GemnbError as error:
                said = error.lines()
        if said:
            self.fail(said)


class UnreadableItem(_NotebookItem):
    """A notebook of which verify can say nothing."""

    def __init__(self, *, said: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._said = said

    def runtest(self) -> None:
        """Fail with what verify said."""
        self.fail(self._said)


def _verified(path: Path) -> Sequence[Check]:
    from gemnb.compose import open_for_looking
    from gemnb.settings import load_settings
    from gemnb.user_folders import previews_file
    from gemnb.verify import Alike, verify_notebook

    settings = load_settings(path.parent)
    return verify_notebook(path, open_for_looking(settings), settings.root, alike=Alike(previews_file()))


def _complaints(run: Run) -> list[str]:
    """Return what a re-run has to say against a notebook: its error first, pictures that did not come back, drift."""
    from gemnb.reproduce.run import Verdict

    said = [f"cell {run.error[0]}: {run.error[1]}: {run.error[2]}"] if run.error else []
    said += [
        f"cell {row.cell} {row.name}: {row.verdict.value} {row.reason}"
        for row in run.rows
        if row.verdict is not Verdict.REPRODUCED
    ]
    return said + [change.line() for change in run.drift]


def _is_nbvals(item: pytest.Item) -> bool:
    """Return whether an item is a cell of nbval's, which is neither imported nor required."""
    return type(item).__module__.partition(".")[0] == "nbval" and hasattr(item.parent, "skip_compare")


def _has_records(file: Any) -> bool:
    from gemnb.model import MIMETYPE

    return any(MIMETYPE in output.get("data", {}) for cell in file.nb.cells for output in cell.get("outputs", ()))


def _noting(
    get_message: Callable[..., dict[str, Any]], replies: list[dict[str, Any]]
) -> Callable[..., dict[str, Any]]:
    """Return a `get_message` that notes the answers to execute requests: nbval waits for them and drops them."""

    def noting(stream: str, timeout: float | None = None) -> dict[str, Any]:
        message = get_message(stream=stream, timeout=timeout)
        if message.get("msg_type") == "execute_reply":
            replies.append(message)
        return message

    return noting
