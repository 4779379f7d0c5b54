"""The driver's clock as a worker knows it.

Facts. On one machine all processes have the same monotonic clock; those of two have nothing to do
with each other, and differ by the same amount for minutes to a part of a millisecond.
Rules. An exchange tells the difference to half of the time that it was under way; the best of the
last exchanges counts.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

#: Exchanges that are remembered, and for how long, in seconds: clocks drift by up to 0.1 ms in one.
KEPT, KEPT_S = 64, 30.0


class _Difference(NamedTuple):
    """What is added to the driver's time to have our own; it is wrong by `error_s` at most."""

    known_s: float
    ahead_s: float
    error_s: float


class Clock:
    """Times of the driver as times of this process.

    is_same: whether both are on one machine. error_s: how wrong it is, at most.
    """

    def __init__(self, *, is_same: bool) -> None:
        self._is_same = is_same
        self._found: deque[_Difference] = deque(maxlen=KEPT)
        self._best = _Difference(0.0, 0.0, 0.0)

    @property
    def error_s(self) -> float:
        """See above."""
        return self._best.error_s

    def learn(self, said_s: float, heard_s: float, answered_s: float, now_s: float) -> None:
        """An exchange: we spoke, the driver heard and answered by its clock, and we heard."""
        if self._is_same:
            return
        ahead_s = ((said_s - heard_s) + (now_s - answered_s)) / 2
        error_s = max(0.0, (now_s - said_s) - (answered_s - heard_s)) / 2
        self._found.append(_Difference(now_s, ahead_s, error_s))
        fresh = [one for one in self._found if now_s - one.known_s < KEPT_S]
        self._best = min(fresh, key=lambda one: one.error_s)

    def own(self, driver_s: float) -> float:
        """A time of the driver by our clock."""
        return driver_s + self._best.ahead_s

    def driver(self, own_s: float) -> float:
        """A time of ours by the driver's clock."""
        return own_s - self._best.ahead_s


def host() -> str:
    """Equal in two processes that have the same monotonic clock.  [time_namespaces(7)]"""
    found = []
    with suppress(OSError):
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        found.append(str(Path("/proc/self/ns/time").stat().st_ino))
    return "/".join(found)
