"""What a name or expression of the user's stands for in the user's kernel."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from gemnb.errors import CellSyntaxError, InputError, nearest

Namespace = Mapping[str, object]


def evaluate(expression: str, names: Namespace, slot: str) -> object:
    """Return the value of an expression.

    Raises:
        InputError: A name is not defined, or the expression failed.
    """
    try:
        # The expression stands in the user's own cell and runs in the user's own kernel.
        return eval(expression, dict(names))  # noqa: S307
    except NameError as error:
        missing = str(error.name or expression)
        near = nearest(missing, own_names(names))
        failure: CellSyntaxError | InputError = InputError(
            f"{slot}: {missing} is not defined.",
            hint=(f"Did you mean {near}?  " if near else "") + "Run the cell that makes it first.",
            name=missing,
        )
    except Exception as error:  # noqa: BLE001 - whatever the user's expression raises is told to the user
        failure = InputError(f"{slot}: {expression} failed: {type(error).__name__}: {error}")
    raise failure


def leads_somewhere(expression: str, names: Namespace) -> bool:
    """Return whether an expression has a value."""
    try:
        evaluate(expression, names, "")
    except InputError:
        return False
    return True


def own_names(names: Namespace) -> list[str]:
    """Return the names that a person gave to values: not what IPython puts there, nor functions and modules."""
    return [
        name
        for name, value in names.items()
        if not name.startswith("_")
        and name not in ("In", "Out")
        and not callable(value)
        and not isinstance(value, ModuleType)
    ]
