"""What papermill loads at its every import, whichever engine is asked for: the engine `gemnb`, imported when used.

Papermill loads all entry points while it is being imported itself, and the engine imports papermill.
"""

from __future__ import annotations

from typing import Any


class LazyEngine:
    """Stands for `gemnb.reproduce.engine.GemnbEngine`; see there."""

    @classmethod
    def execute_notebook(cls, *args: Any, **kwargs: Any) -> Any:
        """Run a notebook."""
        return _engine().execute_notebook(*args, **kwargs)

    @classmethod
    def nb_kernel_name(cls, *args: Any, **kwargs: Any) -> Any:
        """Return the kernel of a notebook."""
        return _engine().nb_kernel_name(*args, **kwargs)

    @classmethod
    def nb_language(cls, *args: Any, **kwargs: Any) -> Any:
        """Return the language of a notebook."""
        return _engine().nb_language(*args, **kwargs)


def _engine() -> Any:
    from gemnb.reproduce.engine import GemnbEngine

    return GemnbEngine
