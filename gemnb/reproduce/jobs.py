"""A notebook to run again, what its run brought, and what came of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gemnb.model import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nbformat import NotebookNode

    from gemnb.lock import Drift, Seen
    from gemnb.notebook import NotebookCell
    from gemnb.reproduce.compare import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A notebook to run again.

    Attributes:
        path: The notebook; it is not written.
        mode: `replay` runs offline; `auto` and `refresh` may call models.
        parameters: Values for the cell tagged `parameters`, as papermill takes them.
        output: Where the notebook as it came is written; None writes it nowhere.
        environment: More for the kernel's environment; how things run only.
        timeout: Seconds a cell may take; None sets no limit.
        locked: Every answer must be the one that gemnb.lock pins, and every pinned one must come.
    """

    path: Path
    mode: Mode = Mode.REPLAY
    parameters: Mapping[str, object] = field(default_factory=dict, hash=False)
    output: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    timeout: int | None = None
    locked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A notebook that was run again.

    Attributes:
        rows: One per picture.
        error: The first error it raised: cell (0 where it did not come to run), class and message.
        drift: What differs from gemnb.lock: changed answers always, added and removed ones where the job is locked.
        seen: What the run shows, as a lock would pin it.
    """

    rows: tuple[Row, ...]
    error: tuple[int, str, str] | None = None
    drift: tuple[Drift, ...] = ()
    seen: Seen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run brought: the notebook's own cells before and after it, and the whole notebook."""

    held: list[NotebookCell]
    came: list[NotebookCell]
    notebook: NotebookNode
