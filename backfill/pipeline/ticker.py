"""Tells once a second how the stream stands whose turn it is."""

from __future__ import annotations

import asyncio

from backfill.ledger import Ledger
from backfill.pipeline.carrying import Carrier
from backfill.pipeline.watching import Watcher

#: Seconds between two looks: what a person who waits takes for now.
TICK_S = 1.0


class Ticker:
    """Ticks from the first stream on until it is closed.

    What a watcher raises then ends the ticking and is said by the loop's handler: the run goes on.
    """

    def __init__(self, watcher: Watcher, ledger: Ledger, carrier: Carrier) -> None:
        self._watcher, self._ledger, self._carrier = watcher, ledger, carrier
        self._stream = ""
        self._next: asyncio.TimerHandle | None = None

    def turn_to(self, stream: str) -> None:
        """It is that stream's turn now."""
        self._stream = stream
        if self._next is None:
            self._wait()

    def close(self) -> None:
        """Tick no more."""
        if self._next is not None:
            self._next.cancel()

    def _wait(self) -> None:
        self._next = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._watcher.ticks(self._ledger.counts(self._stream), self._carrier.limited_by)
        self._wait()
