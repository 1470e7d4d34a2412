"""What papermill notes of a run: saved now and then, and an error shown wherever a cell ended with one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbformat.v4 import new_output
from papermill.engines import NotebookExecutionManager

if TYPE_CHECKING:
    from nbformat import NotebookNode


class Manager(NotebookExecutionManager):  # type: ignore[misc]
    """Saves now and then: papermill's own writes the whole notebook twice per cell."""

    output_path: str | None
    last_save_time: object
    running: NotebookNode | None = None

    def notebook_start(self, **kwargs: Any) -> None:
        """Clear the outputs; nothing is saved."""
        self._quietly(super().notebook_start, **kwargs)

    def cell_start(self, cell: NotebookNode, cell_index: int | None = None, **kwargs: Any) -> None:
        """Note which cell runs."""
        self.running = cell
        self._quietly(super().cell_start, cell, cell_index, **kwargs)

    def cell_exception(self, cell: NotebookNode, cell_index: int | None = None, **kwargs: Any) -> None:
        """Note that a cell failed, and show it where IPython did not."""
        super().cell_exception(cell, cell_index, **kwargs)
        # IPython prints a UsageError and shows no error: to whoever reads the outputs, the cell would have run.
        self.show(kwargs.get("exception"))

    def show(self, error: Any) -> bool:
        """Show in the cell that runs what ended it; False where none was running."""
        cell = self.running
        if cell is None or error is None:
            return False
        if all(output.output_type != "error" for output in cell.outputs):
            kind = getattr(error, "ename", "") or type(error).__name__
            words = str(getattr(error, "evalue", "") or error).strip() or kind
            cell.outputs.append(new_output("error", ename=kind, evalue=words, traceback=[words]))  # type: ignore[no-untyped-call]
        return True

    def cell_complete(self, cell: NotebookNode, cell_index: int | None = None, **kwargs: Any) -> None:
        """Count the cell, and save if it is time."""
        self._quietly(super().cell_complete, cell, cell_index, **kwargs)
        self.autosave_cell()

    def notebook_complete(self, **kwargs: Any) -> None:
        """Note that the run ended; papermill saves."""
        self._quietly(super().notebook_complete, **kwargs)

    def _quietly(self, step: Any, *args: Any, **kwargs: Any) -> None:
        target, saved = self.output_path, self.last_save_time
        self.output_path = None
        try:
            step(*args, **kwargs)
        finally:
            self.output_path, self.last_save_time = target, saved
