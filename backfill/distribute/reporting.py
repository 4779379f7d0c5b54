"""The books of a worker: everything is told to the driver, who keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from backfill.batches import Batch
from backfill.courier import RequestLog
from backfill.distribute.messages import Answered, FromWorker, Read, Requested, Told
from backfill.pipeline.account import Settled
from backfill.records import Rejected, SourceFile
from backfill.verdict import Delivery

#: Blocks, or pieces of a look, that were told and that the driver has not yet written down: reading
#: waits for it.
UNHEARD_MAX = 8


class Reporter:
    """As of `Books`, and of the sender's log of requests.

    says: tells the driver. unheard: blocks, or pieces of looks, that it has not said to have heard.
    """

    def __init__(self, says: Callable[[FromWorker], None]) -> None:
        self._says = says
        self.unheard = 0
        self._has_heard = asyncio.Event()
        self._latest: tuple[Batch, Batch] | None = None

    def expects(self, rows: int | None) -> None:
        """The driver knows better: it has all shards in view."""

    def settled(self, settled: Settled) -> None:
        """See `Books`."""
        self.unheard += 1
        self._says(Told(replace(settled, rejected=settled.rejected.alone())))

    def answered(self, delivery: Delivery, rejected: Sequence[Rejected]) -> None:
        """See `Books`."""
        self._says(self.answer(delivery, rejected))

    def answer(self, delivery: Delivery, rejected: Sequence[Rejected]) -> Answered:
        """What is told of a verdict."""
        hollow = Delivery(self._hollow(delivery.batch), delivery.rejected)
        return Answered(hollow, tuple(one.alone() for one in rejected))

    def ended(self, file: SourceFile, rows: int) -> None:
        """See `Books`."""
        self._says(Read(file, rows))

    def read_through(self) -> None:
        """The driver knows when that is."""

    def requested(self, log: RequestLog) -> None:
        """A request has ended."""
        self._says(Requested(replace(log, batch=self._hollow(log.batch))))

    def heard(self, blocks: int) -> None:
        """The driver has written so many blocks down."""
        self.unheard -= blocks
        self._has_heard.set()

    async def until_heard(self) -> None:
        """Wait as long as the driver is behind."""
        while self.unheard >= UNHEARD_MAX:
            self._has_heard.clear()
            await self._has_heard.wait()

    def _hollow(self, batch: Batch) -> Batch:
        """One object for all that is said of a batch, so that it is sent once."""
        if self._latest is None or self._latest[0] is not batch:
            self._latest = batch, batch.hollow()
        return self._latest[1]
