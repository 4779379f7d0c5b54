"""A request to the Track API: who may, how much, which fate meets it, and how it ends."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from backfill.sandbox.calls import Answer, Endpoint
from backfill.sandbox.desk import Desk
from backfill.sandbox.door import replies
from backfill.sandbox.door.connection import CutAnswer, NoAnswer, waited
from backfill.sandbox.door.credentials import has_track_key
from backfill.sandbox.faults.fates import Asked, Fates
from backfill.sandbox.faults.kinds import Cut, Ending, Failure, Reset, Silence

Serve = Callable[[Request], Awaitable[Response]]

#: In the log, of a request that nobody answered.
_UNANSWERED = Answer(0, b"")


def taking(desk: Desk, fates: Fates, endpoint: Endpoint) -> Serve:
    """Serve an endpoint; all that comes is logged but what its client left before it was whole."""
    behaviour = desk.sandbox.behaviour
    limit = endpoint.body_bytes_max * behaviour.kilobyte // 1000

    async def serve(request: Request) -> Response:
        arrival = replies.arrived(request)
        given = request.headers.get("authorization", "")
        if not endpoint.is_open and not has_track_key(desk.sandbox, given):
            return replies.reply(await replies.turned_away(desk, arrival, 401))
        body = await replies.read(request, limit)
        if body is None:
            refused = await replies.turned_away(desk, arrival, behaviour.oversized)
            return replies.reply(refused)
        fate = fates.meet(Asked(arrival.method, arrival.path, body), time.monotonic())
        if fate.is_processed:
            call = replies.called(request, body)
            answer = await desk.take(arrival, endpoint.handle, call, fate)
        else:
            failed = isinstance(fate.ending, Failure) and replies.failure(fate.ending.status)
            answer = failed or _UNANSWERED
            await replies.noted(desk, arrival, answer, body, fate)
        await waited(request, fate.delay_s)
        return _ended(answer, fate.ending)

    return serve


def _ended(answer: Answer, ending: Ending | None) -> Response:
    match ending:
        case None:
            return replies.reply(answer)
        case Failure(status=status, retry_after_s=wait_s):
            later = {} if wait_s is None else {"retry-after": str(wait_s)}
            return replies.reply(replies.failure(status), later)
        case Cut():
            whole = replies.reply(answer)
            return CutAnswer(whole.body, whole.status_code, whole.headers)
        case Reset():
            return NoAnswer(resets=True)
        case Silence():
            return NoAnswer()
