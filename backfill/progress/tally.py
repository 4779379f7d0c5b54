"""How far a stream is: the facts of every kind of progress. Pure, with the time as an argument."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from backfill.courier import RequestLog
from backfill.ledger import Counts
from backfill.waiting import Limit

#: The rate is that of the last so many ticks, of a second each: it follows a change within seconds
#: and does not jump with each block.
RATE_TICKS = 10

#: No time left is told before: the rate of the first seconds is that of the start-up, and of a
#: sender that looks for its speed.
LEFT_AFTER_S = 3.0


@dataclass(slots=True)
class Tally:
    """A stream whose turn it is.

    began_s:    when its turn came, on the clock of every `now_s`.
    at_first:   rows that were done by then, which are no part of the rate.
    done:       rows done, also by earlier processes; rejected: of them.
    expected:   how many it will have, as far as can be told.
    limited_by: what it is held up by; None while that is not known.
    """

    name: str
    began_s: float
    at_first: int
    done: int = 0
    rejected: int = 0
    expected: int | None = None
    limited_by: Limit | None = None
    _ticks: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=RATE_TICKS))

    def __post_init__(self) -> None:
        self.done = self.at_first
        self._ticks.append((self.began_s, self.done))

    def settle(self, rows: int, rejected: int) -> None:
        """So many more rows are done, so many of them rejected."""
        self.done += rows
        self.rejected += rejected

    def tick(self, now_s: float, counts: Counts, limited_by: Limit | None) -> None:
        """What is known of the stream now; to be told about once a second."""
        self.done, self.rejected, self.limited_by = counts.done, counts.rejected, limited_by
        self._ticks.append((now_s, self.done))

    @property
    def total(self) -> int | None:
        """How many rows there may be, never fewer than are done."""
        return None if self.expected is None else max(self.expected, self.done)

    @property
    def percent(self) -> int | None:
        """How much is done; 100 only of a stream that has ended, which nobody knows before."""
        return None if not self.total else min(99, 100 * self.done // self.total)

    def rate(self, now_s: float) -> float | None:
        """Rows a second of late; None in the first second."""
        then_s, then = self._ticks[0]
        return None if now_s - then_s < 1 else (self.done - then) / (now_s - then_s)

    def mean_rate(self, now_s: float) -> float:
        """Rows a second since it began; of less than a second as if it had been one."""
        return (self.done - self.at_first) / max(1.0, now_s - self.began_s)

    def left_s(self, now_s: float) -> float | None:
        """Seconds until it is done, at the rate of late; None while nobody can know."""
        rate, total = self.rate(now_s), self.total
        if now_s - self.began_s < LEFT_AFTER_S or not rate or total is None or total == self.done:
            return None
        return (total - self.done) / rate


class Turn:
    """A watcher's part that all of them have: the stream whose turn it is, None between two.

    clock_s: seconds, never backwards.
    """

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._tally: Tally | None = None

    def expects(self, rows: int | None) -> None:
        """How many rows the stream will have, as far as can be told by now."""
        if self._tally is not None and rows is not None:
            self._tally.expected = rows

    def settled(self, rows: int, rejected: int) -> None:
        """So many more rows are done, so many of them rejected."""
        if self._tally is not None:
            self._tally.settle(rows, rejected)

    def requested(self, log: RequestLog) -> None:
        """Not shown: a run may make a thousand a second."""
