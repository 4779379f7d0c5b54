"""One batch's way to its final verdict: attempts, retries and halving."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from backfill import pacing
from backfill.batches import Batch, Body
from backfill.concurrency import MOST, Concurrency
from backfill.errors import DeliveryError
from backfill.gate import Gate
from backfill.pace import OwnPace, Pace
from backfill.verdict import (
    Accepted,
    Delivery,
    Fatal,
    PartlyRejected,
    Refused,
    Reply,
    Retry,
    Verdict,
    judge,
)
from backfill.waiting import Waiting

#: So many batches in a row of which the API refused every single operation stop the run: then it
#: is not the rows. One may be a bad patch of the source, two a long one.
REFUSED_BATCHES_MAX = 3


class Transport(Protocol):
    """What delivery needs of the network."""

    @property
    def address(self) -> str:
        """Where it sends to, for messages; holds no secret."""

    async def post(self, body: Body) -> Reply:
        """Send one batch. A broken connection is a reply of status 0.

        Raises a BackfillError where trying again cannot help.
        """


@dataclass(slots=True)
class RequestLog:
    """One attempt, for the ledger and the report.

    started_at_s: unix seconds. waited_s: for its turn and for the pace before that.
    status:       0 for a broken connection and for a request that was abandoned.
    attempt:      from 1; above 1 it is a retry.
    failure:      why it has to be tried again, for people; empty where it has not.
    """

    batch: Batch
    attempt: int
    waited_s: float
    started_at_s: float = 0.0
    elapsed_s: float = 0.0
    status: int = 0
    failure: str = ""


class Sinks(NamedTuple):
    """Who hears of what happened; must not block. What they raise ends the run."""

    on_delivery: Callable[[Delivery], None]
    on_request: Callable[[RequestLog], None]


@dataclass(frozen=True, slots=True)
class Outside:
    """Time and chance.

    wall_s: unix seconds. draw: uniform in [0, 1).
    """

    wall_s: Callable[[], float]
    draw: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the sender must keep to.

    operations_per_s:  None for no limit.
    concurrency:       requests in flight at once; None: as many as measurement finds best, up
                       to concurrency_max.
    give_up_after_s:   how long one batch may fail before the run stops.
    stop_within_s:     how long requests in flight are waited for once the run stops.
    last_request_s:    unix time of the last request of the run before; None where there is none.
    """

    requests_per_s: int
    operations_per_s: int | None = None
    concurrency: int | None = None
    concurrency_max: int = MOST
    give_up_after_s: float = 600.0
    stop_within_s: float = 30.0
    last_request_s: float | None = None


class Courier:
    """Brings batches to their final verdict and reports each operation once.

    The refusal of an operation that was sent alone is reported only once the API has accepted
    something of its batch or after it, or the wave is done: should the run stop because the API
    refuses everything, the rows are unprocessed and not rejected.
    """

    def __init__(
        self, transport: Transport, limits: Limits, outside: Outside, pace: Pace | None = None
    ) -> None:
        self._transport, self._limits, self._outside = transport, limits, outside
        pace = pace or OwnPace(limits.requests_per_s, limits.operations_per_s)
        self._gate = Gate(_concurrency(limits), pace)
        self._posting: set[asyncio.Task[None] | None] = set()
        self._is_halted = False
        # One batch is halved at a time: should the API refuse everything, that many fewer
        # requests find it out.
        self._halving = asyncio.Lock()
        self._refused_batches = 0
        self._doubted: list[Delivery] = []

    @property
    def in_flight_max(self) -> int:
        """How many requests may be in flight now."""
        return self._gate.in_flight_max

    @property
    def waiting(self) -> Waiting:
        """The account of what is waited for."""
        return self._gate.waiting

    async def follow(self, ago_s: float) -> None:
        """To be awaited first after another run, whose last request started so long ago."""
        await self._gate.follow(ago_s)

    def halt(self) -> None:
        """Start no further request; the tasks of batches that need one end as cancelled."""
        self._is_halted = True

    def is_posting(self, task: asyncio.Task[None]) -> bool:
        """Whether the task has a request in flight."""
        return task in self._posting

    async def carry(self, batch: Batch, sinks: Sinks) -> None:
        """Return when every operation of the batch has its final verdict.

        Raises DeliveryError where the run must stop. Whatever is raised halts the courier
        there and then, before any other task may start a request.
        """
        try:
            await self._carry(batch, sinks)
        except BaseException:
            self.halt()
            raise

    async def _carry(self, batch: Batch, sinks: Sinks) -> None:
        verdict = await self._final(batch, sinks)
        if not isinstance(verdict, Refused):
            self._report(batch, verdict, sinks)
            return
        async with self._halving:
            if await self._halve(batch, verdict, sinks):
                self.believe(sinks)
            else:
                self._refused_batches += 1
            if self._refused_batches == REFUSED_BATCHES_MAX:
                raise refuses_all(f" ({verdict.what})", _place(self._transport, batch))

    def believe(self, sinks: Sinks) -> None:
        """Report the refusals that wait for it: the API does accept, or the wave is done."""
        doubted, self._doubted = self._doubted, []
        for delivery in doubted:
            sinks.on_delivery(delivery)

    def take_doubted(self) -> tuple[list[Delivery], int]:
        """The refusals that wait for it, and how many batches in a row were refused whole."""
        doubted, self._doubted = self._doubted, []
        count, self._refused_batches = self._refused_batches, 0
        return doubted, count

    def _report(self, batch: Batch, verdict: Accepted | PartlyRejected, sinks: Sinks) -> None:
        self._refused_batches = 0
        rejected = verdict.reasons if isinstance(verdict, PartlyRejected) else {}
        sinks.on_delivery(Delivery(batch, rejected))
        self.believe(sinks)

    async def _halve(self, batch: Batch, refusal: Refused, sinks: Sinks) -> bool:
        """Find the operations a batch was refused for; returns whether any was accepted."""
        if len(batch) == 1:
            self._doubted.append(Delivery(batch, {0: refusal.reason}))
            return False
        middle, is_accepted = len(batch) // 2, False
        for part in (batch.part(0, middle), batch.part(middle, len(batch))):
            verdict = await self._final(part, sinks)
            if isinstance(verdict, Refused):
                is_accepted |= await self._halve(part, verdict, sinks)
            else:
                self._report(part, verdict, sinks)
                is_accepted = True
        return is_accepted

    async def _final(self, batch: Batch, sinks: Sinks) -> Accepted | PartlyRejected | Refused:
        """Send until there is an answer that stands; raises DeliveryError for none or a fatal."""
        attempts = pacing.Attempts(self._limits.give_up_after_s)
        while True:
            self._leave_if_halted()
            verdict = await self._attempt(batch, attempts.failed + 1, sinks)
            if isinstance(verdict, Fatal):
                raise DeliveryError(verdict.what, _place(self._transport, batch), verdict.fix)
            if not isinstance(verdict, Retry):
                return verdict
            self._leave_if_halted()
            now_s = asyncio.get_running_loop().time()
            wait_s = attempts.wait_s(now_s, verdict.after_s, self._outside.draw())
            if wait_s is None:
                raise self._given_up(batch, verdict, attempts.failed, attempts.failing_s(now_s))
            with self.waiting.on("pause") if verdict.is_for_all else nullcontext():
                await asyncio.sleep(wait_s)

    async def _attempt(self, batch: Batch, attempt: int, sinks: Sinks) -> Verdict:
        """One request, once it may start."""
        clock_s = asyncio.get_running_loop().time
        asked_s = clock_s()
        await self._gate.start(len(batch), is_retry=attempt > 1)
        started_s, verdict = clock_s(), None
        try:
            self._leave_if_halted()
            log = RequestLog(batch, attempt, started_s - asked_s)
            verdict = await self._posted(log, sinks)
        finally:
            self._gate.end(started_s, verdict)
        return verdict

    async def _posted(self, log: RequestLog, sinks: Sinks) -> Verdict:
        """The verdict on a request that starts now; it is logged however it ends."""
        task, clock_s = asyncio.current_task(), asyncio.get_running_loop().time
        log.started_at_s = self._outside.wall_s()
        started_s = clock_s()
        self._posting.add(task)
        try:
            with self.waiting.on("answer"):
                reply = await self._transport.post(log.batch.body())
            verdict = judge(reply, len(log.batch), self._outside.wall_s())
            log.status = reply.status
            log.failure = verdict.what if isinstance(verdict, Retry) else ""
            return verdict
        finally:
            self._posting.discard(task)
            log.elapsed_s = clock_s() - started_s
            sinks.on_request(log)

    def _leave_if_halted(self) -> None:
        if self._is_halted:
            raise asyncio.CancelledError

    def _given_up(
        self, batch: Batch, last: Retry, attempts: int, failing_s: float
    ) -> DeliveryError:
        return DeliveryError(
            f"given up after {attempts} attempts in {failing_s:,.0f} s: {last.what}",
            _place(self._transport, batch),
            "check the network and the API's status, then run the same command again: it goes on "
            "where it stopped",
        )


def refuses_all(said: str, where: str) -> DeliveryError:
    """The error of an API that takes nothing at all; said: what it says of it."""
    return DeliveryError(
        f"the API refuses every operation of {REFUSED_BATCHES_MAX} batches in a row{said}",
        where,
        "check that the address is the Track API's and what the streams map; the same command"
        " sends the rows again that are not in the rejects files",
    )


def _concurrency(limits: Limits) -> Concurrency:
    fixed = limits.concurrency
    if fixed is None:
        return Concurrency(most=limits.concurrency_max)
    return Concurrency(least=fixed, most=fixed)


def _place(transport: Transport, batch: Batch) -> str:
    """Where a batch comes from and goes to, for messages."""
    piece = batch.pieces[0]
    return (
        f"{transport.address}, sending stream '{batch.stream}', "
        f"{piece.block.file.label} from row {int(piece.rows[0]) + 1}"
    )
