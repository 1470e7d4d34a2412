"""`%gemnb cancel`: close the calls that an interrupt left under way."""

from __future__ import annotations

from gemnb.compose import cancel_calls


def cancel(_desk: object) -> list[str]:
    """Close the calls of this kernel, and say how many there were."""
    number = cancel_calls()
    calls = "1 call" if number == 1 else f"{number} calls"
    return [f"{calls} closed" + (", which may be billed all the same." if number else ".")]
