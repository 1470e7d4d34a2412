"""Say in which field two requests differ, for a person. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemnb.detach import references

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gemnb.model import Request

_AROUND = 24  # characters shown on either side of the first difference of two texts


def request_differences(recorded: Request, present: Sequence[Request]) -> list[str]:
    """Return one sentence per field in which the present cell's nearest request differs from the recorded one."""
    nearest = next((item for item in present if item.sample == recorded.sample), None)
    if nearest is None:
        return [f"the cell no longer asks for sample {recorded.sample}"]
    said = []
    if recorded.model != nearest.model:
        said.append(f"the model was {recorded.model}, the cell now says {nearest.model}")
    for key in sorted(set(recorded.config) | set(nearest.config)):
        old, new = recorded.config.get(key), nearest.config.get(key)
        if old != new:
            said.append(f"{key} was {_value(old)}, the cell now says {_value(new)}")
    if _text(recorded) != _text(nearest):
        said.append(
            "the prompt was edited after the picture was made: " + _first_change(_text(recorded), _text(nearest))
        )
    if _inputs(recorded) != _inputs(nearest):
        said.append("the input pictures are others than those it was made from")
    return said or ["the request differs from the recorded one"]


def _value(value: object) -> str:
    return "unset" if value is None else repr(value)[:60]


def _text(request: Request) -> str:
    parts = request.contents[-1].parts if request.contents else ()
    return "".join(str(part["text"]) for part in parts if isinstance(part.get("text"), str))


def _inputs(request: Request) -> list[str]:
    return [digest for content in request.contents for digest in references(list(content.parts))]


def _first_change(old: str, new: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, at - _AROUND)
    return f"{_excerpt(old, start, at)} became {_excerpt(new, start, at)}"


def _excerpt(text: str, start: int, at: int) -> str:
    cut = text[start : at + _AROUND]
    return repr(("…" if start else "") + cut + ("…" if at + _AROUND < len(text) else ""))
