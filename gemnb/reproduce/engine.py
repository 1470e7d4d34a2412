"""The papermill engine `gemnb`: a run that replays, brings the notebook's own answers along, and leaves no trace.

`papermill --engine gemnb in.ipynb out.ipynb` and `gemnb reproduce` come through here. Against papermill's own
engine: old outputs are read before they are cleared; the mode is replay unless `GEMNB_MODE` says otherwise; two runs
make the same bytes; the file is saved on an interval, not twice per cell; a run onto its own input that fails leaves
the file as it was; a `%%gemimg` cell that ran and left no picture is an error.
"""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager
from papermill.execute import prepare_notebook_metadata, remove_error_markers
from papermill.iorw import load_notebook_node, papermill_io, write_ipynb
from papermill.parameterize import parameterize_notebook
from traitlets.config import Config

from gemnb.errors import NotebookError
from gemnb.notebook import cells_of, first_error, scan
from gemnb.reproduce.compare import lacking, own_cells
from gemnb.reproduce.hydrate import Baggage, bring_along
from gemnb.reproduce.jobs import Ran
from gemnb.reproduce.manager import Manager
from gemnb.reproduce.ports import kernel_ports
from gemnb.reproduce.tidy import random_ids, tidy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbformat import NotebookNode

    from gemnb.notebook import NotebookCell

_log = logging.getLogger("gemnb")

_INTERVAL = 30  # seconds between saves; papermill makes them rarer where a save takes long


class GemnbEngine(NBClientEngine):  # type: ignore[misc]
    """Runs a notebook for papermill; `gemnb.reproduce.entry` registers it."""

    @classmethod
    def execute_notebook(  # noqa: PLR0913, PLR0917 - papermill's signature
        cls,
        nb: NotebookNode,
        kernel_name: str | None,
        output_path: str | None = None,
        progress_bar: bool | dict[str, object] = True,  # noqa: FBT001, FBT002
        log_output: bool = False,  # noqa: FBT001, FBT002
        autosave_cell_every: int = _INTERVAL,
        *,
        environment: Mapping[str, str] | None = None,
        cwd: str | None = None,
        ran: list[Ran] | None = None,
        **kwargs: Any,
    ) -> NotebookNode:
        """Run a notebook; papermill writes what is returned.

        Args:
            nb: The notebook with its parameters, its old outputs still in it.
            kernel_name: The kernel.
            output_path: Where it is saved now and then; None saves nothing.
            progress_bar: As papermill's.
            log_output: As papermill's.
            autosave_cell_every: Seconds between saves.
            environment: More for the kernel's environment; how things run only.
            cwd: The working folder of the kernel; that of this process where papermill has set it.
            ran: Takes what the run brought, also where papermill raises afterwards.
            kwargs: Papermill's and nbclient's others.

        Raises:
            NotebookError: It failed in place, or a cell ran and left no picture.
        """
        told = nb.metadata.get("papermill", {})
        source, target = str(told.get("input_path") or ""), told.get("output_path")
        in_place = _is_same(source, target)
        kept = {name: nb.metadata[name] for name in ("language_info", "kernelspec") if name in nb.metadata}
        held = own_cells(cells_of(nb, source or "the notebook"))
        with tempfile.TemporaryDirectory(prefix="gemnb-") as folder:
            working = Path(cwd or Path.cwd())
            start = Baggage(
                notebook=nb,
                cells=held,
                source=_place(source),
                parameters=told.get("parameters") or {},
                working=working,
            )
            own = bring_along(start, Path(folder))
            manager = Manager(
                nb,
                output_path=None if in_place else output_path,
                log_output=log_output,
                progress_bar=progress_bar,
                autosave_cell_every=autosave_cell_every,
            )
            manager.notebook_start()
            broken: Exception | None = None
            try:
                cls.execute_managed_notebook(
                    manager,
                    kernel_name,
                    log_output=log_output,
                    environment={**os.environ, **own, **(environment or {})},
                    cwd=str(working),
                    **kwargs,
                )
            except Exception as error:
                # A kernel that died, a cell that took too long: what came before it stands.
                if not manager.show(error):
                    raise
                broken = error
            finally:
                manager.notebook_complete()
        drawn, twice = random_ids(nb, _place(source))
        came = own_cells(cells_of(nb, source or "the notebook"))
        tidy(nb, kept, random=drawn)
        # For whoever compares, such cells have none.
        held, came = (
            [replace(cell, id=None) if cell.id in drawn | twice else cell for cell in cells] for cells in (held, came)
        )
        if ran is None:
            if os.environ.get("GEMNB_MODE", "replay") == "replay":
                from gemnb.reproduce.telling import tell

                tell(_place(source), Ran(held=held, came=came, notebook=nb), told.get("parameters") or {})
            if broken is not None and not in_place:
                write_ipynb(nb, target)
                raise broken
            _judge(source, nb, came, None if in_place else target)
        else:
            ran.append(Ran(held=held, came=came, notebook=nb))
        return nb

    @classmethod
    def execute_managed_notebook(  # noqa: PLR0913, PLR0917 - papermill's signature
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str | None,
        log_output: bool = False,  # noqa: FBT001, FBT002
        stdout_file: object = None,
        stderr_file: object = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        cwd: str | None = None,
        **kwargs: Any,
    ) -> NotebookNode:
        """Run the cells; as papermill's own engine does, in a kernel with this environment."""
        kwargs = {name: value for name, value in kwargs.items() if name not in ("input_path", "startup_timeout")}
        settled = {
            "store_widget_state": False,
            "record_timing": False,
            "coalesce_streams": True,
            # A kernel that is asked politely takes three seconds more in one run of eight.
            "shutdown_kernel": "immediate",
            # ipykernel warns of its unencrypted loopback sockets at every start, which tells a reader nothing.
            "extra_arguments": ["--IPKernelApp.log_level=ERROR"],
        }
        timeout = execution_timeout or kwargs.pop("timeout", None)
        for again in (True, False):
            ports = kernel_ports()
            client = PapermillNotebookClient(
                nb_man,
                config=Config({"KernelManager": {"cache_ports": False, **ports}}) if ports else Config(),
                **settled | kwargs,
                timeout=timeout,
                startup_timeout=start_timeout,
                kernel_name=kernel_name or "python3",
                log_output=log_output,
                stdout_file=stdout_file,
                stderr_file=stderr_file,
            )
            try:
                client.execute(env=dict(environment or os.environ), cwd=cwd)
                break
            except RuntimeError:
                # A kernel's ports are chosen before it takes them: another program may have been faster.
                if not again or getattr(nb_man, "running", None) is not None:
                    raise
        notebook: NotebookNode = nb_man.nb
        return notebook

    @classmethod
    def nb_kernel_name(cls, nb: NotebookNode, name: str | None = None) -> str:
        """Return the kernel to run: the one asked for, else the notebook's where it is installed, else `python3`."""
        from jupyter_client.kernelspec import KernelSpecManager

        own = nb.metadata.get("kernelspec", {}).get("name")
        if name or not own:
            return name or "python3"
        if own in KernelSpecManager().find_kernel_specs() or cls.nb_language(nb) != "python":
            return str(own)
        _log.warning("The kernel %s of the notebook is not installed here; python3 runs it.", own)
        return "python3"

    @classmethod
    def nb_language(cls, nb: NotebookNode, language: str | None = None) -> str:
        """Return the language of the notebook; Python where it does not say."""
        spec, info = nb.metadata.get("kernelspec", {}), nb.metadata.get("language_info", {})
        return str(language or spec.get("language") or info.get("name") or "python")


def run_notebook(
    path: Path, parameters: Mapping[str, object], environment: Mapping[str, str], *, timeout: int | None = None
) -> Ran:
    """Run a notebook through papermill's reader, its parameters and this engine; nothing is written.

    Papermill's own `execute_notebook` writes the notebook out even where nobody wants it, which takes a quarter of
    the time at a hundred pictures, and changes the working folder of the whole process.

    Args:
        path: The notebook; its folder is the working folder of the kernel.
        parameters: Values for the cell tagged `parameters`.
        environment: More for the kernel's environment.
        timeout: Seconds a cell may take; None sets no limit.

    Raises:
        GemnbError: The settings or the lock cannot be read.
        Exception: Papermill's, nbclient's and jupyter_client's own: it is no notebook, or no kernel could run it.
    """
    nb = load_notebook_node(str(path))
    if parameters:
        nb = parameterize_notebook(nb, dict(parameters), engine_name=None, kernel_name=GemnbEngine.nb_kernel_name(nb))
    nb = remove_error_markers(prepare_notebook_metadata(nb, str(path), None))
    ran: list[Ran] = []
    GemnbEngine.execute_notebook(
        nb,
        GemnbEngine.nb_kernel_name(nb),
        progress_bar=False,
        environment=environment,
        cwd=str(path.parent),
        execution_timeout=timeout,
        ran=ran,
    )
    return ran[0]


def _place(source: str) -> Path:
    """Return where a notebook lies; papermill has changed the working folder meanwhile (`--cwd`)."""
    handler = papermill_io.get_handler("local")
    started_in = handler.cwd(None)
    handler.cwd(started_in)
    return Path(started_in or ".", source).absolute()


def _is_same(source: str, target: object) -> bool:
    if not isinstance(target, str) or source in ("", "-"):
        return False
    try:
        return source == target or _place(source).samefile(_place(target))
    except OSError:
        return False


def _judge(source: str, nb: NotebookNode, came: list[NotebookCell], target: str | None) -> None:
    """Raise where papermill would write over its input, or take a run without pictures for a success.

    Args:
        source: The notebook that was run.
        nb: What came.
        came: Its own cells.
        target: Where papermill will write it; None where that is its input.
    """
    if (error := first_error(came)) is not None:
        if target is not None:
            return  # papermill writes what came, with the error, and raises
        number, kind, message = error
        raise NotebookError(
            f"{source} failed in cell {number}, and was left as it was.",
            why=f"{kind}: {message.splitlines()[0] if message else ''}",
            hint=f"papermill --engine gemnb {source} out.ipynb   writes what came before it",
        )
    if bare := [str(cell.number) for cell in scan(came) if lacking(cell)]:
        if target is not None:
            write_ipynb(nb, target)
        raise NotebookError(
            f"{source or 'the notebook'}: cell {', '.join(bare)} ran and left no picture.",
            why="A %%gemimg cell shows one output per answer unless it says -q.",
            hint="Is it the %%gemimg of gemnb? %load_ext gemnb stands in a cell above it.",
        )
