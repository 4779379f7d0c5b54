"""The pace a server takes, told by its refusals; the time is an argument.

Facts. A 429 or 503 may mean that the pace is too high, or nothing at all: some are answered by
chance, and in a storm every request is, whatever the pace.
Rules. A cut brings the pace just under what was accepted of late, and then has to prove itself:
where as large a share is refused after it as before, the pace was not the reason, so it is taken
back and that share is borne for a while. What was cut grows again: quickly to what was accepted
before, then slowly, for beyond it the next refusal waits.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

#: What a period looks at: at least so many answers over at least so many seconds.
PERIOD_ANSWERS, PERIOD_S = 20, 1.0

#: Refused share of a period below which the pace stays: a probe beyond a server's limit costs this
#: much, and less often than it is right.
REFUSED = 0.02

#: Share above which a refusal by chance is out of the question.
STORM = 0.5

#: A cut helped if the refused share fell to this much of itself.
HELPED = 0.5

#: How long a share that no cut helps against is borne before it is tried again, in seconds; how far
#: beyond it the share may go.
BORNE_S, BORNE = 60.0, 1.5

#: A cut brings the pace to this share of what was accepted in its period.
CUT_TO = 0.9

#: Growth a second: up to what the server took in its best second of so many before the cut, and
#: beyond that. A storm is over in seconds; at 2 %, a server's limit is met every five.
REGROWTH_PER_S, GROWTH_PER_S = 0.25, 0.02
SECONDS_KEPT = 10

#: Never below this share of the limit: less is chance, or a limit set much too high.
PACE_FLOOR = 0.05

#: How late a start may be and the next still be on time, in seconds: refusals cost no pace then.
LATENESS_S = 0.05


@dataclass(slots=True)
class _Period:
    """What was answered to requests that started since its begin; -inf: with the first one."""

    from_s: float = -math.inf
    answers: int = 0
    refused: int = 0


class _Cut(NamedTuple):
    """The pace before a cut, and the share of refused requests it was made for."""

    pace: float
    share: float


class Throttle:
    """The pace, in requests a second; the limit while nothing is refused."""

    def __init__(self, requests_per_s: int) -> None:
        self._limit = self._pace = self._known = float(requests_per_s)
        self._grown_s = self._due_s = -math.inf
        self._best: deque[float] = deque(maxlen=SECONDS_KEPT)  # accepted a second, by period
        self._cut: _Cut | None = None  # that has to prove itself
        self._borne, self._borne_until_s = 0.0, -math.inf
        self._period = _Period()

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next request may start; 0 when it may start now."""
        return max(0.0, self._due_s - now_s)

    def start(self, now_s: float) -> None:
        """Note that a request starts now."""
        if self._pace < self._limit:
            self._grow(now_s)
            self._due_s = max(self._due_s, now_s - LATENESS_S) + 1 / self._pace

    def pause(self, seconds: float) -> None:
        """Note that nothing starts for so long: that time tells nothing of the pace."""
        self._period.from_s += seconds

    def end(self, now_s: float, started_s: float, *, is_refused: bool) -> None:
        """Note that a request that started then was answered now: taken, or refused for all."""
        this = self._period
        if started_s < this.from_s:
            return  # of the pace before
        if math.isinf(this.from_s):
            this.from_s = started_s
        this.answers += 1
        this.refused += is_refused
        elapsed_s = now_s - this.from_s
        if elapsed_s >= PERIOD_S and this.answers >= PERIOD_ANSWERS:
            self._judge(now_s, this.refused / this.answers, elapsed_s)
            self._period = _Period(now_s)

    def _judge(self, now_s: float, share: float, elapsed_s: float) -> None:
        accepted_per_s = (self._period.answers - self._period.refused) / elapsed_s
        self._best.append(accepted_per_s)
        was_cut, self._cut = self._cut, None
        if was_cut and HELPED * was_cut.share < share <= STORM:
            self._pace = self._known = was_cut.pace
            self._borne, self._borne_until_s = max(share, was_cut.share), now_s + BORNE_S
        borne = BORNE * self._borne if now_s < self._borne_until_s else 0.0
        if share <= max(REFUSED, borne):
            return
        self._cut = _Cut(self._pace, share)
        # A storm tells nothing of what the server can take.
        if was_cut is None and max(self._best) > 0:
            self._known = CUT_TO * max(self._best)
        self._pace = max(PACE_FLOOR * self._limit, CUT_TO * accepted_per_s)
        self._grown_s = now_s

    def _grow(self, now_s: float) -> None:
        """What grew since the last start; nothing in longer pauses, which are no success."""
        rate = REGROWTH_PER_S if self._pace < self._known else GROWTH_PER_S
        growing_s = min(now_s - self._grown_s, max(1.0, 2 / self._pace))
        head_start = self._limit / 10
        grown = (self._pace + head_start) * math.exp(rate * growing_s) - head_start
        self._pace, self._grown_s = min(self._limit, grown), now_s
