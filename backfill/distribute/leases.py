"""The pace of one of several senders: it asks for the start of each request, and keeps to it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

from backfill.distribute.clock import Clock
from backfill.distribute.messages import Ended, Granted, Shut, Unwanted, Wanted
from backfill.distribute.schedule import SLOT_S
from backfill.errors import DeliveryError
from backfill.pace import is_telling, now_s, shut_s
from backfill.verdict import Verdict
from backfill.waiting import Waiting

#: Leases in a row that came too late to be used, after which the run stops: it would stand still.
MISSED_MAX = 200


class LeasedPace:
    """As of `backfill.pace.Pace`; says: tells the driver."""

    #: An answer takes a few ms: with so many asked at once 1,000 small requests a second are
    #: possible at 15 ms.
    ahead = 16

    def __init__(self, says: Callable[[Wanted | Unwanted | Ended], None], clock: Clock) -> None:
        self._says, self._clock = says, clock
        self._numbers = itertools.count()
        self._wishes: dict[int, tuple[float, asyncio.Future[float]]] = {}
        self._shut_until_s = float("-inf")  # by the driver's clock
        self._missed = 0

    async def follow(self, ago_s: float) -> None:
        """The driver does it for all."""

    async def turn(self, operations: int, waiting: Waiting) -> None:  # noqa: ARG002
        """See `Pace`. Raises DeliveryError where no lease arrives in time to be used."""
        is_missed = False
        while not await self._used(operations, is_missed):
            is_missed = True

    def granted(self, lease: Granted) -> None:
        """The driver gives a lease."""
        if (found := self._wishes.pop(lease.number, None)) is None:
            return
        said_s, wish = found
        self._clock.learn(said_s, lease.heard_s, lease.said_s, now_s())
        if not wish.done():
            wish.set_result(lease.at_s)

    def shut(self, word: Shut) -> None:
        """No lease counts that begins before then."""
        self._shut_until_s = max(self._shut_until_s, word.until_s)

    def end(self, started_s: float, verdict: Verdict | None) -> None:
        """See `Pace`."""
        if is_telling(verdict):
            self._says(Ended(self._clock.driver(started_s), shut_s(verdict)))

    async def _used(self, operations: int, is_missed: bool) -> bool:
        """Ask for a lease and wait for it; returns whether it could be used."""
        number = next(self._numbers)
        wish = asyncio.get_running_loop().create_future()
        self._wishes[number] = (now_s(), wish)
        self._says(Wanted(number, operations, now_s(), is_missed))
        try:
            at_s = await wish
            begin_s = self._clock.own(at_s) + self._clock.error_s
            if (wait_s := begin_s - now_s()) > 0:
                await asyncio.sleep(wait_s)
        except asyncio.CancelledError:
            self._wishes.pop(number, None)
            self._says(Unwanted(number))
            raise
        if at_s < self._shut_until_s:
            return False
        is_late = now_s() > begin_s + SLOT_S - 2 * self._clock.error_s
        self._missed = self._missed + 1 if is_late else 0
        if self._missed > MISSED_MAX:
            raise DeliveryError(
                f"{self._missed} leases in a row came too late to be used",
                f"a worker {1000 * self._clock.error_s:,.0f} ms or more from the driver",
                "run workers where the driver answers within 10 ms, and no more than one a core",
            )
        return not is_late
