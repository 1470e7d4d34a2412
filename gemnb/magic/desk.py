"""What the verbs of `%gemnb` work with, and what the words behind them refer to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.cache import Tiers
from gemnb.compose import open_places
from gemnb.errors import CacheError, InputError, nearest
from gemnb.inventory.lines import count
from gemnb.inventory.lookup import is_prefix, look_up
from gemnb.model import Presentation
from gemnb.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gemnb.cache import Cache, Kept
    from gemnb.invocation import Defaults
    from gemnb.model import Binding
    from gemnb.session import Ask
    from gemnb.settings import Settings

_NAME = re.compile(r"([^\W\d]\w*)(?:\[(-?\d{1,4})\])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the verbs work with.

    Attributes:
        settings: The settings in force.
        names: The user's variables.
        defaults: What `%gemnb use` said.
        default_bindings: What its `$names` stood for.
        missed: The last cell of this kernel to which no answer was kept.
        show: Publishes the pictures of a result below the cell.
    """

    settings: Settings
    names: Mapping[str, object]
    defaults: Defaults | None
    default_bindings: tuple[Binding, ...]
    missed: Ask | None
    show: Callable[[Result], None]

    @property
    def places(self) -> dict[str, Cache]:
        """Where a cell looks for answers, nearest first, to look at: `project`, `private`, `spill`."""
        return open_places(self.settings)

    def blob(self, digest: str) -> bytes:
        """Return the bytes of a digest from the nearest place that has them whole.

        Raises:
            CacheError: They are missing or damaged everywhere, or a store failed.
        """
        places = self.places
        tiers = Tiers(places["project"], private=places["private"], spill=lambda: places.get("spill"))
        return tiers.blob(digest)


def one(desk: Desk, ref: str) -> Result:
    """Return the result of the one answer that a word refers to.

    Raises:
        InputError: It refers to nothing, or to several samples.
        CacheError: What it names is damaged, or the store failed.
    """
    result = refer(desk, ref)
    if len(result) != 1:
        raise InputError(
            f"{ref} holds {len(result)} samples, and two single answers are compared.",
            hint=f"{ref}[0] is the first, {ref}[{len(result) - 1}] the last.",
        )
    return result


def refer(desk: Desk, ref: str) -> Result:
    """Return what a NAME, NAME[index] or the beginning of a digest refers to.

    Raises:
        InputError: It refers to nothing, or to more than one thing.
        CacheError: What it names is damaged, or the store failed.
    """
    forced = ref.startswith("var:")
    match = _NAME.fullmatch(ref.removeprefix("var:"))
    value = desk.names.get(match.group(1)) if match else None
    if isinstance(value, Result):
        if not forced and is_prefix(ref) and _is_kept(list(desk.places.values()), ref):
            raise InputError(
                f"{ref} is a variable, and the beginning of a digest.", hint=f"var:{ref}   or   sha256:{ref}"
            )
        return value if match is None or match.group(2) is None else _item(value, ref, int(match.group(2)))
    if is_prefix(ref):
        return _result(look_up(list(desk.places.values()), ref), desk)
    near = nearest(ref, [name for name, item in desk.names.items() if isinstance(item, Result) and name[0] != "_"])
    what = f"a {type(value).__name__}, not a result of %%gemimg" if value is not None else "no result of %%gemimg"
    raise InputError(
        f"{ref} is {what}.",
        hint=(f"Did you mean {near}?\n" if near else "")
        + "It takes the NAME of a cell, or four or more digits of a digest; %gemnb history lists them.",
    )


def _item(result: Result, ref: str, index: int) -> Result:
    if not -len(result) <= index < len(result):
        raise InputError(f"{ref}: it holds {count(len(result), 'sample')}.", hint="Samples count from 0.")
    return result[index]


def _is_kept(places: Sequence[Cache], ref: str) -> bool:
    try:
        look_up(places, ref)
    except InputError as error:
        return "candidates" in error.evidence
    except CacheError:  # something is there, and damaged
        return True
    return True


def _result(kept: Kept, desk: Desk) -> Result:
    return Result(
        records=(kept.record,),
        invocation=kept.invocation,
        presentation=Presentation(embed=desk.settings.embed),
        blob=desk.blob,
    )
