"""Who brings the waves of a run to the API: this process alone, or several."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from backfill.config import Job
from backfill.courier import Limits, RequestLog
from backfill.ledger import Ledger
from backfill.pace import Pace
from backfill.pipeline.account import Account
from backfill.pipeline.destination import Place
from backfill.pipeline.encoding import encoded
from backfill.pipeline.flow import Flow
from backfill.pipeline.sources import OpenStream
from backfill.pipeline.watching import Terms
from backfill.remarks import Says
from backfill.sender import REAL, Sender
from backfill.waiting import Limit


@dataclass(frozen=True, slots=True)
class Charge:
    """What a carrier is given for a run.

    requested: hears of each request that has ended. says: hears what a person should know.
    """

    job: Job
    place: Place
    terms: Terms
    limits: Limits
    ledger: Ledger
    requested: Callable[[RequestLog], None]
    says: Says


class Carrier(Protocol):
    """Brings waves to the API, one after the other; lives in one event loop."""

    @property
    def limited_by(self) -> Limit | None:
        """As of Sender."""
        ...

    async def wave(self, stream: OpenStream, account: Account) -> None:
        """Send what is not done of a stream; return when that has its final verdict, or on stop().

        Raises BackfillError for what stops the run.
        """

    def stop(self) -> None:
        """As of Sender."""

    async def close(self) -> None:
        """Leave nothing behind: no connection, no process."""


Carries = Callable[[Charge], Carrier]


class Alone:
    """Everything in this process.

    pace: as of Sender.
    """

    def __init__(self, charge: Charge, pace: Pace | None = None) -> None:
        self._charge = charge
        self._transport = charge.place.transport()
        self._sender = Sender(self._transport, charge.limits, REAL, pace)

    @property
    def limited_by(self) -> Limit | None:
        """See `Carrier`."""
        return self._sender.limited_by

    async def wave(self, stream: OpenStream, account: Account) -> None:
        """See `Carrier`."""
        terms, ledger = self._charge.terms, self._charge.ledger
        flow = Flow(stream, terms, account)
        found = encoded(stream, ledger, terms.limit, terms.now_s)
        async with aclosing(flow.batches(found)) as batches:
            await self._sender.deliver(batches, flow.delivered, self._charge.requested)

    def stop(self) -> None:
        """See `Carrier`."""
        self._sender.stop()

    async def close(self) -> None:
        """See `Carrier`."""
        await self._transport.aclose()
