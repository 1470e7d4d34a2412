"""`%%gemimg … --dry-run`: what a cell would ask, told and not done. Imported when it is asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gemnb.canonical import request_digest, short
from gemnb.errors import printable
from gemnb.invocation import assemble
from gemnb.looking import open_all_for_looking
from gemnb.model import Mode
from gemnb.pending import price_of
from gemnb.prices import estimate

if TYPE_CHECKING:
    from gemnb.model import Binding, Request
    from gemnb.session import Ask
    from gemnb.settings import Settings

_LINE = 100  # characters of the prompt's first line, and of a value, that are shown


def dry_run(asked: Ask, settings: Settings) -> list[str]:
    """Return lines about a cell: kept or not, model, prompt, configuration, input pictures, digests, price.

    Raises:
        CellError: The cell cannot run.
        CacheError: What is kept for it is damaged.
    """
    requests = assemble(asked.cell, asked.defaults, asked.resolved.bindings, asked.resolved.earlier)
    cache = open_all_for_looking(settings)
    kept = {request.sample: cache.find(request_digest(request)) for request in requests}
    wanted = [r for r in requests if asked.mode is Mode.REFRESH or kept[r.sample] is None]
    first = requests[0]
    lines = [_verdict(asked.mode, requests, wanted), _row("model", first.model), _row("prompt", _prompt(first))]
    for name, value in sorted(first.config.items()):
        lines.append(_row(name, value if isinstance(value, str) else json.dumps(value)))
    lines += [_row("picture", _picture(b)) for b in asked.resolved.bindings if b.blob]
    lines += [_row("goes on from", _turns(b)) for b in asked.resolved.bindings if b.request and not b.blob]
    for request in requests:
        found = kept[request.sample]
        state = f"kept, attempt {found.record.attempt}" if found else "not kept"
        lines.append(_row("request", f"{short(request_digest(request))}  {state}"))
    return [*lines, _row("price", estimate(wanted[0]).basis if wanted else "nothing to pay")]


def _verdict(mode: Mode, requests: tuple[Request, ...], wanted: list[Request]) -> str:
    if not wanted:
        return "Kept: it would replay, and ask nothing."
    calls = "once" if len(wanted) == 1 else f"{len(wanted)} times"
    if mode is Mode.REPLAY:
        return "Not kept, and the mode is replay: it would fail, and ask nothing."
    part = f" ({len(requests) - len(wanted)} of {len(requests)} are kept)" if len(wanted) < len(requests) else ""
    return f"It would ask {calls}, {price_of(wanted)}{part}."


def _row(name: str, value: str) -> str:
    shown = printable(" ".join(value.split()))
    return f"  {name:<14} {shown if len(shown) <= _LINE else shown[: _LINE - 1] + '…'}"


def _prompt(request: Request) -> str:
    text = str(request.contents[-1].parts[-1].get("text", ""))
    return f"{len(text)} characters: {next((line for line in text.splitlines() if line.strip()), '')}"


def _picture(binding: Binding) -> str:
    name = binding.value if binding.kind == "file" and binding.value else binding.source
    return f"{short(binding.blob or '')} {binding.mime_type}  {name}"


def _turns(binding: Binding) -> str:
    return f"{short(binding.request or '')} attempt {binding.attempt}  {binding.source}"
