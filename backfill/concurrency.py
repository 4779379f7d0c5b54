"""How many requests are in flight at once: found by measurement, with the time as an argument.

Facts. With L in flight and a latency of T seconds, L / T requests are answered a second. While the
server (or the way to it) has room, T stays as L grows and the rate grows with it; once it has none,
T grows with L and the rate stays. So no model of the server is needed: change L, and look at T.

Rules. Time goes in rounds: a round is over once as many requests are answered as were in flight.
Every change of the limit is a trial: the latency after it says whether it was worth it, and one
that was not is taken back. The start takes a round each, and quadruples the limit while that is
worth it: 64, 256, 1,000. From then on a trial now and then doubles the limit, or halves it if the
latency says that requests queue; it is judged only in the second round after it, for queues take a
round trip to grow or to drain. Where a halving did not make the latency fall, it was not we who
made it rise, and it is the new measure. Nothing is tried while not all of the limit is in use. A
round in which the server pushed back (429, 5xx, no answer) too often halves the limit without a
trial, and the search starts anew.

Why not what others do: an additive step a round (Vector's AIMD, TCP) needs 100 s from 64 to 164 at
a latency of 1 s; a gradient of the latency against its least (Netflix, TCP Vegas) shrinks the
limit wherever latency varies by itself; against its average it lets a queue grow slowly.

`python tests/bench/concurrency.py` compares it with fixed settings.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from enum import Enum

#: Requests in flight at first, and by how much the start multiplies them: a latency of 1 s is
#: filled, with 1,000 requests a second, after two round trips. From 32 by doubling it takes five;
#: a start of 128 is 64 MB at once on whatever line there is.
START, LEAP = 64, 4

#: Never fewer by itself: what a struggling server needs beyond that are pauses, and from 1 the
#: way back takes a round trip more.
LEAST = 4

#: Never more: each is a connection and a body of up to half a megabyte, and 1,000 requests a second
#: at a latency of 1 s are the most there can be of use.
MOST = 1_000

#: Answers a round has at least: a mean of 8 tells a doubling from chance.
SAMPLES_MIN = 8

#: A latency counts as at most this multiple of its round's mean: of lognormal ones with a p99 of
#: ten times the median 5 % are above.
OUTLIER = 3.0

#: More in flight was worth it if the latency is at most this multiple: of a doubling that brought
#: nothing it is 2, of one that brought 11 % more it is 1.8. So what is settled on is at least 90 %
#: of the best.
WORTH_IT = 1.8

#: Fewer were worth it if the latency is at most this share: of a halving that cost nothing it is
#: 0.5, of one that cost 9 % it is 0.55.
COSTS_NOTHING = 0.55

#: A halving is tried if the usual latency is this multiple of the lowest: then requests may queue.
QUEUED = 1.5

#: Above such a latency, in seconds, nothing more is put on the way: it is a slow line that is full,
#: and requests that take a minute are lost by the minute.
FULL_S = 5.0

#: Share of a round's answers that may push back without the limit being halved, and by how many
#: standard deviations more it must be: single failures wait on their own. Of 8 answers it takes 4,
#: of 64 it takes 15; at 2 deviations one failure in twenty halves the limit every few seconds.
PUSHED_BACK, BY_CHANCE = 0.1, 3.0

#: How far the latency that counts as usual follows each round.
FOLLOWS = 0.2

#: Seconds without a trial after one that was not worth it or after pushing back; each that fails
#: doubles the next pause, up to the longest: then trials cost nothing, and a server that became
#: faster is found within that time.
PAUSE_S, PAUSE_S_MAX = 1.0, 16.0

#: The same in round trips, of which a trial takes two.
PAUSE_ROUNDS = 8


class Answer(Enum):
    """How a request ended, for the limit."""

    GIVEN = "given"  # whatever it says of the operations
    PUSHED_BACK = "pushed back"  # 429, 5xx, none at all
    ABANDONED = "abandoned"  # by ourselves: says nothing


@dataclass(slots=True)
class _Round:
    """What was seen since its begin. peak: most requests in flight at once."""

    peak: int = 0
    latencies_s: list[float] = field(default_factory=list)
    pushed_back: int = 0

    @property
    def answers(self) -> int:
        return len(self.latencies_s) + self.pushed_back


class Concurrency:
    """The limit of requests in flight.

    least, most: it stays between them; equal ones fix it.
    limit:       requests that may be in flight now.
    in_flight:   requests that are.
    """

    def __init__(self, least: int = LEAST, most: int = MOST, start: int = START) -> None:
        self._least, self._most = min(least, most), most
        self.limit = max(self._least, min(start, most))
        self.in_flight = 0
        self._before: int | None = None  # the limit that a trial goes back to; None: no trial
        self._usual_s, self._lowest_s = math.nan, math.inf
        self._is_starting, self._is_settling = True, False
        self._pause_s, self._next_trial_s = PAUSE_S, -math.inf
        self._round = _Round()

    def start(self) -> None:
        """Note that a request starts."""
        self.in_flight += 1
        self._round.peak = max(self._round.peak, self.in_flight)

    def end(self, now_s: float, started_s: float, answer: Answer) -> None:
        """Note how a request that started then ended now, both by one clock."""
        self.in_flight -= 1
        this = self._round
        if answer is Answer.ABANDONED:
            return
        if answer is Answer.GIVEN:
            this.latencies_s.append(now_s - started_s)
        else:
            this.pushed_back += 1
        if this.answers >= max(SAMPLES_MIN, this.peak):
            self._judge(now_s)
            self._round = _Round(self.in_flight)

    def _judge(self, now_s: float) -> None:
        usual = PUSHED_BACK * self._round.answers
        if self._round.pushed_back > usual + BY_CHANCE * math.sqrt(usual):
            self._set(self.limit // 2)
            self._search_anew(now_s + PAUSE_S)
            return
        latency_s = _typical(self._round.latencies_s)
        if self._is_settling:
            self._is_settling = False
            return
        self._lowest_s = min(self._lowest_s, latency_s)
        if self._before is not None:
            self._conclude(now_s, latency_s, self._before)
        else:
            self._watch(now_s, latency_s)

    def _watch(self, now_s: float, latency_s: float) -> None:
        """A round without a trial."""
        usual_s = latency_s if math.isnan(self._usual_s) else self._usual_s
        self._usual_s = usual_s + FOLLOWS * (latency_s - usual_s)
        if now_s >= self._next_trial_s:
            self._try()

    def _try(self) -> None:
        """Begin a trial, if one can be of use and all of the limit is."""
        if self._round.peak < self.limit:
            return
        before = self.limit
        if self._usual_s > QUEUED * self._lowest_s:
            self._set(before // 2)
        elif self._usual_s <= FULL_S:
            self._set((LEAP if self._is_starting else 2) * before)
        if self.limit != before:
            self._before = before
            self._is_settling = not self._is_starting

    def _conclude(self, now_s: float, latency_s: float, before: int) -> None:
        """The end of a trial, before which the limit was another."""
        self._before = None
        was_up = before < self.limit
        if latency_s <= (WORTH_IT if was_up else COSTS_NOTHING) * self._usual_s:
            self._usual_s, self._pause_s = latency_s, PAUSE_S
            self._try()
            return
        self._set(before)
        self._is_settling = True
        if self._is_starting:
            self._is_starting, self._usual_s = False, math.nan
            return
        if not was_up:  # it is not we who make it: go on from there
            self._lowest_s = self._usual_s
            return
        self._next_trial_s = now_s + max(self._pause_s, PAUSE_ROUNDS * latency_s)
        self._pause_s = min(2 * self._pause_s, PAUSE_S_MAX)

    def _search_anew(self, from_s: float) -> None:
        """Forget what is known, and begin at `from_s` as at the start."""
        self._before = None
        self._usual_s, self._lowest_s = math.nan, math.inf
        self._is_starting, self._is_settling = True, False
        self._pause_s, self._next_trial_s = PAUSE_S, from_s

    def _set(self, limit: int) -> None:
        self.limit = max(self._least, min(limit, self._most))


def _typical(latencies_s: list[float]) -> float:
    """The mean, which with the rate makes what is in flight; no outlier counts fully."""
    outlier_s = OUTLIER * statistics.fmean(latencies_s)
    return statistics.fmean(min(latency_s, outlier_s) for latency_s in latencies_s)
