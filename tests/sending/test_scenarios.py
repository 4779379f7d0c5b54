"""How the sender treats servers of many kinds: scenarios/*.yaml, on a virtual clock.

server: `latency_s` of an answer (lognormal with `p99_s`; half of them `other_latency_s`), `workers`
that answer at once, further requests queueing (none: any number), what is refused with `status`
(0: a broken connection): what is above `refuse_above_per_s`, a share by chance (`fails`), all
between two times (`down`); `then`: what changes at a time.
expect: `of_best`, the share of the `best` rate (by default what is allowed) that is reached from
3 s after the first request on; the rest says itself.
"""

from __future__ import annotations

import asyncio
import math
import random
import statistics
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from backfill.batches import Body
from backfill.courier import Limits, Outside
from backfill.sender import Sender
from backfill.verdict import Reply

from .doubles import ACCEPTED, Book, batch_of, feed, numbers_in
from .virtual import run

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.yaml"))
SETTLED_S = 3.0


@dataclass
class Modelled:
    """A server by a scenario, and what it saw; times from the first request."""

    latency_s: float
    p99_s: float | None = None
    other_latency_s: float | None = None
    workers: int | None = None
    refuse_above_per_s: float = math.inf
    fails: float = 0.0
    down: tuple[float, float] = (math.inf, math.inf)
    status: int = 500
    retry_after_s: float | None = None
    then: dict[str, Any] | None = None

    address = "https://track.example"
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    begun_s: float | None = None
    busy: int = 0
    queue: deque[asyncio.Future[None]] = field(default_factory=deque)
    in_flight: int = 0
    taken_s: deque[float] = field(default_factory=deque)
    starts: list[float] = field(default_factory=list)
    flights: list[tuple[float, int]] = field(default_factory=list)
    accepted: list[tuple[float, int]] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)

    def now_s(self) -> float:
        now_s = asyncio.get_running_loop().time()
        if self.begun_s is None:
            self.begun_s = now_s
        return now_s - self.begun_s

    async def post(self, body: Body) -> Reply:
        at_s = self.now_s()
        self.starts.append(at_s)
        if self.then and at_s >= self.then["at_s"]:
            self.latency_s, self.workers = self.then["latency_s"], self.then.get("workers")
            self.then = None
        self.in_flight += 1
        self.flights.append((at_s, self.in_flight))
        try:
            return await self.answered(at_s, numbers_in(body))
        finally:
            self.in_flight -= 1

    async def answered(self, at_s: float, numbers: list[int]) -> Reply:
        if self.refuses(at_s):
            await asyncio.sleep(0.02)
            self.refused_s.append(at_s)
            after = None if self.retry_after_s is None else str(self.retry_after_s)
            return Reply(self.status, retry_after=after, failure="the connection broke")
        await self.worker()
        if self.other_latency_s and self.chance.random() < 0.5:
            await asyncio.sleep(self.other_latency_s - self.latency_s)
        spread = math.log(self.p99_s / self.latency_s) / 2.326 if self.p99_s else 0.0
        await asyncio.sleep(self.latency_s * math.exp(self.chance.gauss(0, spread)))
        self.busy -= 1
        while self.queue and (self.workers is None or self.busy < self.workers):
            self.busy += 1
            self.queue.popleft().set_result(None)
        self.accepted += [(self.now_s(), n) for n in numbers]
        return ACCEPTED

    async def worker(self) -> None:
        if self.workers is None or self.busy < self.workers:
            self.busy += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self.queue.append(turn)
        await turn

    def refuses(self, at_s: float) -> bool:
        if self.down[0] <= at_s < self.down[1] or self.chance.random() < self.fails:
            return True
        while self.taken_s and self.taken_s[0] <= at_s - 1.0:
            self.taken_s.popleft()
        if len(self.taken_s) >= self.refuse_above_per_s:
            return True
        self.taken_s.append(at_s)
        return False

    def rate(self, from_s: float, to_s: float) -> float:
        return sum(from_s <= t < to_s for t, _ in self.accepted) / (to_s - from_s)

    def most_in_flight(self, from_s: float, to_s: float) -> int:
        return max(n for t, n in self.flights if from_s <= t <= to_s)


def played(server: dict[str, Any], job: dict[str, Any]) -> tuple[Modelled, Book]:
    """A whole job of single operations against the server, and what was told of it."""
    model, book, chance = Modelled(**server), Book(), random.Random(2)
    limits = Limits(requests_per_s=job["requests_per_s"], give_up_after_s=600)
    outside = Outside(lambda: asyncio.get_running_loop().time(), chance.random)
    batches = (batch_of([n]) for n in range(job["requests"]))
    sending = Sender(model, limits, outside)
    run(sending.deliver(feed(batches), book.deliveries.append, book.requests.append))
    return model, book


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_sender_finds_its_speed_backs_off_and_recovers(path):
    told = yaml.safe_load(path.read_text())

    model, book = played(told["server"], told["job"])

    count, expect = told["job"]["requests"], told["expect"]
    assert sorted(n for _, n in model.accepted) == list(range(count))
    assert sorted(book.delivered) == list(range(count))
    for name, wanted in expect.items():
        HOLDS[name](model, wanted, told)


def reaches(model: Modelled, share: float, told: dict[str, Any]) -> None:
    best = told["expect"].get("best", told["job"]["requests_per_s"])
    *_, end = sorted(t for t, _ in model.accepted)[: int(0.95 * len(model.accepted))]
    assert model.rate(SETTLED_S, end) >= share * best


def within(low: float, found: float, high: float) -> None:
    assert low <= found <= high


def in_flight_at_end(model: Modelled, wanted: list[int], told: dict[str, Any]) -> None:
    end = model.starts[-1]
    within(wanted[0], model.most_in_flight(0.9 * end, end), wanted[1])


def in_flight_mean(model: Modelled, wanted: list[int], told: dict[str, Any]) -> None:
    settled = [n for t, n in model.flights if t > SETTLED_S]
    within(wanted[0], statistics.fmean(settled), wanted[1])


def steady_rate(model: Modelled, wanted: list[int], told: dict[str, Any]) -> None:
    end = model.accepted[-1][0]
    within(wanted[0], model.rate(end / 4, 0.98 * end), wanted[1])


def refused_share(model: Modelled, wanted: list[float], told: dict[str, Any]) -> None:
    within(wanted[0], len(model.refused_s) / len(model.starts), wanted[1])


def recovers(model: Modelled, within_s: float, told: dict[str, Any]) -> None:
    is_there(model, model.down[1] + within_s, told)


def is_there(model: Modelled, from_s: float, told: dict[str, Any]) -> None:
    assert model.rate(from_s, from_s + 4) >= 0.9 * told["expect"]["best"]


def is_silent(model: Modelled, wanted: list[float], told: dict[str, Any]) -> None:
    assert [t for t in model.starts if wanted[0] <= t <= wanted[1]] == []


HOLDS = {
    "best": lambda model, wanted, told: None,
    "of_best": reaches,
    "in_flight_max": lambda m, wanted, _: within(1, max(n for _, n in m.flights), wanted),
    "in_flight_at_end": in_flight_at_end,
    "in_flight_mean": in_flight_mean,
    "requests_per_s": steady_rate,
    "refused_share": refused_share,
    "refused_while_down_max": lambda m, wanted, _: within(1, len(m.refused_s), wanted),
    "recovered_s": recovers,
    "reached_s": is_there,
    "silent_s": is_silent,
}
