"""Sends the batches of a wave: the only part of the engine that has tasks.

Facts. Batches arrive in source order and may share entities; requests are slow and fail in
every way. Rules. Twice as many batches are held as requests may be in flight, those that wait for
an earlier one included, and never more than `HELD_BYTES_MAX` of operations and one batch: memory
is bounded by twice that, for the blocks they come from. Batches that share an entity never run at
once and run in the order of their arrival. Plan. A feeder takes batches as room allows; each batch
that may run is a task of its own; the task that ends starts those that waited for it. The first
error halts the rest: what waits is cancelled, what is in flight finishes and is reported.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from backfill.batches import Batch
from backfill.courier import Courier, Limits, Outside, RequestLog, Sinks, Transport
from backfill.ordering import Ordering
from backfill.pace import Pace
from backfill.verdict import Delivery
from backfill.waiting import Limit

#: Operations held at once, in bytes: 100 full batches, which are 150 k operations a second at a
#: latency of 1 s, and more than one machine encodes at 0.1 s. Twice as much doubles the first and
#: takes 80 MB more.
HELD_BYTES_MAX = 50_000_000

#: Wall clock and chance of a real run.
REAL = Outside(wall_s=time.time, draw=random.random)


class Sender:
    """Delivers waves of batches, one wave after the other; lives in one event loop.

    pace: None: that of the limits, which nobody else sends by.
    believes: whether at a wave's end the refusals are reported that wait for the API to accept
          anything; else `take_doubted` has them.
    """

    def __init__(
        self,
        transport: Transport,
        limits: Limits,
        outside: Outside = REAL,
        pace: Pace | None = None,
        *,
        believes: bool = True,
    ) -> None:
        self._limits, self._outside, self._believes = limits, outside, believes
        self._last_request_s = limits.last_request_s  # of the run before, until it is followed
        self._courier = Courier(transport, limits, outside, pace)
        self._batches = self._bytes = 0  # that are held
        self._has_freed = asyncio.Event()
        self._ordering = Ordering()
        self._numbers = itertools.count()
        self._held: dict[int, Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._are_done = asyncio.Event()
        self._failure: BaseException | None = None
        self._is_halted = self._is_stopped = False
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def limited_by(self) -> Limit | None:
        """What most of the last second or so was waited for, by the rules of `backfill.waiting`.

        None before anything was. To be asked in the event loop's thread.
        """
        return self._courier.waiting.mostly()

    async def deliver(
        self,
        batches: AsyncIterator[Batch],
        on_delivery: Callable[[Delivery], None],
        on_request: Callable[[RequestLog], None],
    ) -> None:
        """Send every batch of one wave; return when each has its final verdict, or on stop().

        on_delivery: hears of each operation that has its verdict exactly once, in a batch or a
                     part of one, in the order of the answers. on_request: hears of each attempt.
        Both run in the event loop and must not block. `batches` may be cancelled while it is
        waited for; to close it is the caller's.
        Raises the first error: DeliveryError, or whatever `batches` or a callback raised. What
        was accepted until then, and by the requests that were in flight, is reported before.
        """
        sinks = Sinks(on_delivery, on_request)
        if not self._is_halted:
            await self._run(batches, sinks)
        if self._failure is not None:
            raise self._failure
        if self._believes and not self._is_halted:
            self._courier.believe(sinks)

    def take_doubted(self) -> tuple[list[Delivery], int]:
        """The refusals of a wave that were not reported, as of `Courier.take_doubted`."""
        return self._courier.take_doubted()

    def stop(self) -> None:
        """Start no further request; deliver() returns when those in flight are through.

        A second call abandons them: they may have been processed and will be sent again.
        To be called in the event loop's thread.
        """
        if self._is_stopped:
            self._abandon()
        self._is_stopped = True
        self._halt()

    async def _run(self, batches: AsyncIterator[Batch], sinks: Sinks) -> None:
        if self._last_request_s is not None:
            await self._courier.follow(self._outside.wall_s() - self._last_request_s)
            self._last_request_s = None
        self._are_done.clear()
        self._spawn(self._feed(batches, sinks))
        try:
            await self._are_done.wait()
        finally:
            await self._clear()

    async def _feed(self, batches: AsyncIterator[Batch], sinks: Sinks) -> None:
        while True:
            await self._room()
            with self._courier.waiting.on("batch"):
                batch = await anext(batches, None)
            if batch is None:
                return
            self._batches += 1
            self._bytes += batch.size
            number = next(self._numbers)
            if self._ordering.admit(number, batch.keys):
                self._held[number] = batch
            else:
                self._spawn(self._carry(number, batch, sinks))

    async def _room(self) -> None:
        """Wait until there is room for one more batch."""
        while self._batches >= 2 * self._courier.in_flight_max or self._bytes >= HELD_BYTES_MAX:
            self._has_freed.clear()
            await self._has_freed.wait()

    async def _carry(self, number: int, batch: Batch, sinks: Sinks) -> None:
        await self._courier.carry(batch, sinks)
        self._batches -= 1
        self._bytes -= batch.size
        self._has_freed.set()
        for freed in self._ordering.finish(number):
            if not self._is_halted:
                self._spawn(self._carry(freed, self._held.pop(freed), sinks))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            if self._failure is None:
                self._failure = error
            self._halt()
        if not self._tasks:
            self._are_done.set()

    def _halt(self) -> None:
        """Cancel what waits, and let what is in flight finish within a time."""
        if self._is_halted:
            return
        self._is_halted = True
        self._courier.halt()
        self._held.clear()
        for task in self._tasks:
            if not self._courier.is_posting(task):
                task.cancel()
        if self._tasks:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._limits.stop_within_s, self._abandon)

    def _abandon(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _clear(self) -> None:
        """Leave no task and no timer behind, however deliver() ends."""
        if self._tasks:  # deliver() itself was cancelled
            self._halt()
            self._abandon()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._deadline:
            self._deadline.cancel()
