"""One ask: look up, assemble, answer every sample (from the cache, or by calls side by side), make the result.

The magic and `gemnb.generate` are two faces of this.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gemnb.answer import read_answer, why_refused
from gemnb.canonical import short
from gemnb.errors import CacheMiss, CellSyntaxError, NoPicture, OutcomeError, Refused
from gemnb.invocation import assemble
from gemnb.model import Invocation, Mode, Outcome, Presentation, Record, Request
from gemnb.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from gemnb.cell import Cell
    from gemnb.client import Client
    from gemnb.inputs import Resolved
    from gemnb.invocation import Defaults

_log = logging.getLogger("gemnb")
_AT_ONCE = 4  # calls side by side for the samples of one cell
_TICK = 0.1  # seconds between looks at the calls: how soon an interrupt is answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A cell, what its names stand for, the mode it runs in, and whether its answer is not to be published."""

    cell: Cell
    source: str | None
    defaults: Defaults | None
    resolved: Resolved
    mode: Mode
    presentation: Presentation
    private: bool = False


def ask(client: Client, wanted: Ask, waiting: Callable[[int, int], None] = lambda _done, _all: None) -> Result:
    """Answer a cell.

    Args:
        client: Finds, calls and keeps.
        wanted: The cell.
        waiting: Called every tick while calls are under way, with the calls done and all calls.

    Raises:
        GemnbError: A sample was not answered; what other samples brought is kept.
    """
    requests = assemble(wanted.cell, wanted.defaults, wanted.resolved.bindings, wanted.resolved.earlier)
    invocation = Invocation(
        source=wanted.source,
        defaults=wanted.defaults.line if wanted.defaults else None,
        bindings=wanted.resolved.bindings,
    )

    def answer(request: Request, mode: Mode) -> Record:
        return client.answer(
            request, mode=mode, invocation=invocation, inputs=wanted.resolved.blobs, private=wanted.private
        )

    found: dict[int, Record] = {}
    open_requests = dict(enumerate(requests))
    if wanted.mode is not Mode.REFRESH:
        for index, request in enumerate(requests):
            kept = client.kept(request)
            if kept is not None:
                found[index] = kept
                del open_requests[index]
    if wanted.mode is Mode.PLAN and open_requests:
        from gemnb.pending import Pending

        return Pending(
            records=(),
            requests=requests,
            found=found,
            invocation=invocation,
            presentation=wanted.presentation,
            blob=client.cache.blob,
        )
    if wanted.mode is Mode.REPLAY and open_requests:
        _expect(lambda: answer(next(iter(open_requests.values())), Mode.REPLAY), client, invocation)
    if open_requests:
        _say_before_calls(client, wanted, invocation)
        found |= _side_by_side({i: (answer, r, wanted.mode) for i, r in open_requests.items()}, waiting)
    return Result(
        records=tuple(found[index] for index in range(len(requests))),
        invocation=invocation,
        presentation=wanted.presentation,
        blob=client.cache.blob,
    )


def is_private(cell: Cell) -> bool:
    """Return whether the cell says `publish: false`.

    Raises:
        CellSyntaxError: It says something else than true or false.
    """
    said = cell.get("publish")
    if said not in (None, "true", "false"):
        raise CellSyntaxError(f"--publish {said!r} is neither true nor false.", option="publish")
    return said == "false"


def outcome_error(result: Result) -> OutcomeError | None:
    """Return the error for the first sample that is no picture, or None when all are."""
    for record in result.records:
        if record.outcome is not Outcome.PICTURE:
            return _explain(record)
    return None


def _expect(replay: Callable[[], object], client: Client, invocation: Invocation) -> None:
    """Replay an answer that is not there; the error says which input changed."""
    try:
        replay()
    except CacheMiss as error:
        from gemnb.inputs import changes_since, explained

        miss = explained(error, changes_since(client.cache.store, invocation))
    else:
        return
    raise miss


def _say_before_calls(client: Client, wanted: Ask, invocation: Invocation) -> None:
    from gemnb.inputs import changes_since, warn_of_places

    if wanted.mode is Mode.AUTO:
        for change in changes_since(client.cache.store, invocation):
            _log.warning("No answer is kept for the inputs as they are now: %s", change)
    warn_of_places(invocation.bindings, wanted.resolved.blobs)


def _side_by_side(
    calls: dict[int, tuple[Callable[[Request, Mode], Record], Request, Mode]],
    waiting: Callable[[int, int], None],
) -> dict[int, Record]:
    from concurrent.futures import ThreadPoolExecutor, wait

    # Not a `with`: an interrupt stops the waiting at once, and the paid calls land in their threads.
    pool = ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(calls)), thread_name_prefix="gemnb")
    futures: dict[int, Future[Record]] = {
        index: pool.submit(call, request, mode) for index, (call, request, mode) in calls.items()
    }
    try:
        left = set(futures.values())
        while left:
            _done, left = wait(left, timeout=_TICK)
            waiting(len(futures) - len(left), len(futures))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return {index: future.result() for index, future in futures.items()}


def _explain(record: Record) -> OutcomeError:
    answer = read_answer(record.response)
    hint = (
        "The answer is kept. --mode refresh asks again, and pays again;\n"
        "--allow-refusal shows the answer instead of failing."
    )
    model = record.request.model
    if record.outcome is Outcome.TEXT:
        return NoPicture(
            f"{model} answered in words, without a picture ({short(record.request_digest)}).",
            why=answer.text[:400],
            hint=hint,
            digest=record.request_digest,
        )
    return Refused(
        f"{model} refused: {answer.reason or 'no reason given'} ({short(record.request_digest)}).",
        why=why_refused(answer),
        hint=hint,
        digest=record.request_digest,
        reason=answer.reason,
    )
