"""When requests may start: the pace as arithmetic, with time and chance as arguments.

Both limits are held with a margin: what counts is what the server sees, and a request that
started on time may arrive later than one that started after it.
"""

from __future__ import annotations

import math
from collections import deque

#: A limit of n a second means at most n starts in any window this long, half-open.
WINDOW_S = 1.0

#: By how much the way to the server may differ between two requests without the server seeing
#: more than the limit: the windows that are held are this much longer. Costs 1.5 % of the pace.
#: At 0.01 a server on loopback, on two busy cores, saw 401 requests where 400 were allowed.
JITTER_S = 0.015

#: How late a timer may wake us without a start being lost: epoll rounds up to 1 ms, and a body of
#: 500 KB keeps the loop busy for 1 ms. Costs 0.5 % of the pace; at 0 a limit of 1,000/s reaches
#: about 870, at 0.02 it costs 2 %.
LATENESS_S = 0.005

#: The same for operations, whose spread costs no pace: their exact limit is held beside it.
SPREAD_LATENESS_S = 0.05

#: A batch holds at most this share of `operations_per_s`, so that what does not fit into the rest
#: of a window is small: 1 % of the pace, whatever the sizes of the batches.
BATCHES_A_WINDOW = 100

#: First and longest range of a wait before a retry. Half a second outlasts a dropped connection
#: or a restarted process; half a minute bounds how long a recovered server waits for us.
BACKOFF_S = 0.5
BACKOFF_S_MAX = 30.0


def bucket(requests_per_s: int) -> tuple[float, float]:
    """Size (requests) and period (seconds) of a leaky bucket that keeps the limit.

    A bucket of size b that leaks r a second lets n starts into a half-open window of t seconds
    only if n < b + r * t. With b = 1 + lateness * limit and r = (1 - lateness) * limit / t that
    is n < limit + 1: never more than the limit, and 98 % of it in the long run.
    """
    size = 1 + LATENESS_S * requests_per_s
    leak_per_s = (1 - LATENESS_S) * requests_per_s / (WINDOW_S + JITTER_S)
    return size, size / leak_per_s


def batch_operations_max(operations_per_s: int, requests_per_s: int) -> int:
    """The most operations a batch may hold so that both limits can be reached.

    The smallest size that leaves at most 1/100 of `operations_per_s` unused, be it because the
    last batch does not fit into a window or because `requests_per_s` allows too few of them.
    Never more than `operations_per_s`.
    """
    size, period_s = bucket(requests_per_s)
    requests = math.floor(size / period_s * (WINDOW_S + JITTER_S))  # of a full window
    unused_max = operations_per_s / BATCHES_A_WINDOW
    first = max(
        1, operations_per_s // BATCHES_A_WINDOW, operations_per_s // (max(requests, 1) + 1) + 1
    )
    fitting = (n for n in range(first, operations_per_s) if operations_per_s % n <= unused_max)
    return next(fitting, operations_per_s)


def backoff_s(attempt: int, draw: float) -> float:
    """Seconds to wait before the next attempt: exponential, with full jitter.

    attempt: how many have failed, from 1. draw: chance, in [0, 1).
    """
    doublings = min(attempt - 1, 16)  # far above the longest wait, far below an overflow
    return draw * min(BACKOFF_S_MAX, BACKOFF_S * 2.0**doublings)


class Attempts:
    """What failed and is tried again, until it has failed for too long.

    failed: how many attempts have.
    """

    def __init__(self, give_up_after_s: float) -> None:
        self._give_up_after_s = give_up_after_s
        self._since_s = math.inf
        self.failed = 0

    def failing_s(self, now_s: float) -> float:
        """Seconds since the first of them failed; 0 where none has."""
        return max(0.0, now_s - self._since_s)

    def wait_s(self, now_s: float, after_s: float, draw: float) -> float | None:
        """Note that one failed now; seconds until the next, None where there is to be none.

        after_s: the least wait the server asks for. The last attempt is made when the time is up,
        however long a wait was asked for. draw: chance, in [0, 1).
        """
        self.failed += 1
        self._since_s = min(self._since_s, now_s)
        left_s = self._give_up_after_s - self.failing_s(now_s)
        if left_s <= 0:
            return None
        return min(max(after_s, backoff_s(self.failed, draw)), left_s)


class Window:
    """The operations of the last second: an exact log, and an even spread over the second.

    slack_s: how much later than it says a start may be.
    """

    def __init__(self, operations_per_s: int, slack_s: float = 0.0) -> None:
        self._limit = operations_per_s
        self._span_s = WINDOW_S + JITTER_S + slack_s
        self._starts: deque[tuple[float, int]] = deque()
        self._operations = 0
        self._due_s = -math.inf

    def wait_s(self, now_s: float, operations: int) -> float:
        """Seconds until so many operations may start; 0 when they may start now."""
        if operations > self._limit:
            raise AssertionError("the chunker let a batch above operations_per_s through")
        self._forget(now_s)
        wait_s = max(0.0, self._due_s - now_s)
        excess = self._operations + operations - self._limit
        for started_s, started in self._starts:
            if excess <= 0:
                break
            wait_s = max(wait_s, started_s + self._span_s - now_s)
            excess -= started
        return wait_s

    def fill(self, at_s: float) -> None:
        """Note that as many as may be started then."""
        self.spend(at_s, self._limit)

    def spend(self, now_s: float, operations: int) -> None:
        """Note that so many operations start now."""
        self._starts.append((now_s, operations))
        self._operations += operations
        self._due_s = max(self._due_s, now_s - SPREAD_LATENESS_S) + operations / self._limit

    def _forget(self, now_s: float) -> None:
        while self._starts and self._starts[0][0] + self._span_s <= now_s:
            self._operations -= self._starts.popleft()[1]
