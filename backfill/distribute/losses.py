"""What lost workers had: when it goes on, and when it must not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import numpy as np

from backfill.distribute.member import Progress
from backfill.distribute.shards import Shard
from backfill.errors import BackfillError
from backfill.ledger import Ledger
from backfill.pipeline.sources import OpenStream

#: Seconds that what a lost worker had waits where order matters: its requests may be under way at
#: the API still, and must not be applied after what is sent of the same entities then.
KEPT_BACK_S = 10.0

#: Workers that may be lost in a row as they read a shard, before any did anything.
DEATHS_MAX = 3


class Losses:
    """Of one wave; lives in one event loop.

    again:  to be called with shards that may go on, in their order.
    failed: to be called with what ends the run.
    kept_back: how many lost workers' shards wait.
    """

    def __init__(
        self,
        stream: OpenStream,
        ledger: Ledger,
        again: Callable[[list[Shard]], None],
        failed: Callable[[BackfillError], None],
    ) -> None:
        self._stream, self._ledger = stream, ledger
        self._again, self._failed = again, failed
        self._deaths: Counter[int] = Counter()
        self.kept_back = 0

    def add(self, left: list[Progress], *, was_idle: bool) -> None:
        """A worker is gone.

        left: as of Member; empty, there is nothing to do. was_idle: whether no row was done by it
        in this wave.
        """
        if not left:
            return
        suspect = next((one for one in left if one.cuts_left), left[0])
        for one in left:
            if one.done:
                self._deaths[one.shard.number] = 0
            elif one is suspect and was_idle:
                self._deaths[one.shard.number] += 1
                if self._deaths[one.shard.number] > DEATHS_MAX:
                    self._failed(self._deadly(one.shard))
                    return
        shards = sorted((one.shard for one in left), key=lambda shard: shard.number)
        if self._stream.stream.is_ordered:
            self.kept_back += 1
            asyncio.get_running_loop().call_later(KEPT_BACK_S, self._waited, shards)
        else:
            self._again(shards)

    def _waited(self, shards: list[Shard]) -> None:
        self.kept_back -= 1
        self._again(shards)

    def _deadly(self, shard: Shard) -> BackfillError:
        """It is the rows that end workers, and not chance."""
        return BackfillError(
            f"{DEATHS_MAX + 1} workers in a row were lost with the same rows, and none of these was"
            " done in between",
            f"stream {self._stream.name}, {self._place(shard)}",
            "see what ends workers, memory perhaps, and what is odd about the rows; the same"
            " command goes on where it stopped",
        )

    def _place(self, shard: Shard) -> str:
        """Where its first row is that is not done."""
        for cut in shard.cuts:
            stop = cut.stop.row if cut.stop else None
            done = self._ledger.done_from(cut.file, cut.first, stop)
            if stop is None or not done.all():
                row = cut.first + int(np.append(done, False).argmin()) + 1
                return f"{cut.file.label} from row {row:,} on"
        raise AssertionError("nothing of it is left")
