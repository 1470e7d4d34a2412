"""One ask: look up, assemble, answer every sample (from the cache, or by calls side by side), make the result.

The magic and `gemnb.generate` are two faces of this.
"""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gemnb.answer import read_answer, why_refused
from gemnb.cache.store import record_key
from gemnb.canonical import short
from gemnb.detach import references
from gemnb.errors import (
    CacheError,
    CacheMiss,
    CellSyntaxError,
    GemnbError,
    MissingKey,
    NoPicture,
    OutcomeError,
    Refused,
)
from gemnb.invocation import assemble
from gemnb.model import Invocation, Mode, Outcome, Presentation, Record, Request
from gemnb.result import Result
from gemnb.user_folders import is_cheap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from gemnb.cell import Cell
    from gemnb.client import Client
    from gemnb.inputs import Resolved
    from gemnb.invocation import Defaults

_log = logging.getLogger("gemnb")
_AT_ONCE = 4  # calls side by side for the samples of one cell
_missed: list[Ask] = []  # at most one
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
    try:
        return _ask(client, wanted, waiting)
    except GemnbError as error:
        forget_missed()
        if isinstance(error, CacheMiss | MissingKey):
            # What `%gemnb why` explains; the bytes of the input pictures are not needed for that.
            _missed.append(replace(wanted, resolved=replace(wanted.resolved, blobs={})))
        raise


def last_missed() -> Ask | None:
    """Return the last ask of this process to which no answer was kept and the model was not asked.

    None where a later one failed for another reason: a person asks why of what they saw last.
    """
    return _missed[0] if _missed else None


def forget_missed() -> None:
    """Forget it: something else has failed since."""
    _missed.clear()


def _ask(client: Client, wanted: Ask, waiting: Callable[[int, int], None]) -> Result:
    requests = assemble(wanted.cell, wanted.defaults, wanted.resolved.bindings, wanted.resolved.earlier)
    invocation = Invocation(
        source=wanted.source,
        defaults=wanted.defaults.line if wanted.defaults else None,
        bindings=wanted.resolved.bindings,
    )

    private = wanted.private

    def answer(request: Request, mode: Mode) -> Record:
        return client.answer(request, mode=mode, invocation=invocation, inputs=wanted.resolved.blobs, private=private)

    found: dict[int, Record] = {}
    open_requests = dict(enumerate(requests))
    if wanted.mode is not Mode.REFRESH:
        for index, request in enumerate(requests):
            kept = client.kept(request)
            if kept is not None:
                if wanted.mode is Mode.AUTO:
                    kept = _settled(client, wanted, request, kept, invocation)
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
        private = _is_apart(client, wanted, requests)
        _say_before_calls(client, wanted, invocation)
        found |= _side_by_side({i: (answer, r, wanted.mode) for i, r in open_requests.items()}, waiting)
    return Result(
        records=tuple(found[index] for index in range(len(requests))),
        invocation=invocation,
        presentation=wanted.presentation,
        blob=client.cache.blob,
    )


def _settled(client: Client, wanted: Ask, request: Request, kept: Record, invocation: Invocation) -> Record:
    """Return the kept answer, or one that was owed; where the cell's `publish` was changed, act on that or say it."""
    private = wanted.private or _hangs_on_private(client, wanted, [request])
    if is_cheap():
        owed = client.settle(request, invocation=invocation, inputs=wanted.resolved.blobs, private=private)
        if owed is not None:
            return owed
    is_apart = client.cache.is_apart(kept.request_digest, kept.attempt)
    if is_apart and not private:
        with contextlib.suppress(CacheError):
            client.cache.share(kept.request_digest, kept.attempt)
            _log.warning("This answer was private. It is in the cache that is committed now, as the cell says.")
    elif wanted.private and not is_apart:
        name = record_key(kept.request_digest, kept.attempt)
        _log.warning("This answer was kept before the cell said `publish: false`: %s is what git would commit.", name)
    return kept


def _is_apart(client: Client, wanted: Ask, requests: tuple[Request, ...]) -> bool:
    """Return whether a new answer is kept apart from what is committed, and say so where the cell does not."""
    if wanted.private or not _hangs_on_private(client, wanted, requests):
        return wanted.private
    _log.warning("What is made from a private answer is kept private, too; `--publish false` says so in the cell.")
    return True


def _hangs_on_private(client: Client, wanted: Ask, requests: Sequence[Request]) -> bool:
    answers = [(b.request, b.attempt) for b in wanted.resolved.bindings if b.request and b.attempt]
    parts = [part for request in requests for content in request.contents for part in content.parts]
    return client.cache.hangs_on_private(answers, dict.fromkeys(d for part in parts for d in references(part)))


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
