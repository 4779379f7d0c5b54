"""One pace for all workers, as laws: on a schedule, and over leases that arrive late or never."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.distribute.clock import Clock
from backfill.distribute.leases import LeasedPace
from backfill.distribute.messages import Granted, Shut
from backfill.distribute.pacer import Pacer
from backfill.distribute.schedule import SLOT_S, Schedule
from backfill.pacing import JITTER_S
from backfill.verdict import Accepted, Retry
from backfill.waiting import Waiting
from tests.sending.virtual import run


def most_in_a_window(starts: list[tuple[float, int]], window_s: float) -> int:
    """The most of what started in any half-open window."""
    starts, most, first, held = sorted(starts), 0, 0, 0
    for at_s, n in starts:
        held += n
        while at_s - starts[first][0] >= window_s:
            held -= starts[first][1]
            first += 1
        most = max(most, held)
    return most


@given(
    rate=st.sampled_from([1, 2, 3, 10, 49, 400, 1000]),
    limit=st.sampled_from([None, 20, 1_000]),
    wishes=st.lists(
        st.tuples(st.floats(0, 0.4), st.integers(1, 20), st.floats(0, SLOT_S), st.booleans()),
        max_size=120,
    ),
)
def test_no_window_of_a_second_holds_more_than_the_limits_wherever_in_their_slots_starts_are(
    rate, limit, wishes
):
    schedule, now_s = Schedule(rate, limit), 0.0
    starts: list[tuple[float, int]] = []
    for pause_s, operations, late_s, is_returned in wishes:
        now_s += pause_s
        at_s = schedule.next_s(now_s, operations)
        schedule.take(at_s, operations)
        if is_returned:
            schedule.give_back(now_s, at_s)
        else:
            starts.append((at_s + late_s, operations))

    assert most_in_a_window([(s, 1) for s, _ in starts], 1.0 + JITTER_S - 1e-9) <= rate
    assert limit is None or most_in_a_window(starts, 1.0 + JITTER_S - 1e-9) <= limit


@pytest.mark.parametrize("rate", [1, 7, 100, 1000])
def test_a_schedule_that_is_always_asked_reaches_95_percent_of_the_pace(rate):
    schedule, at_s = Schedule(rate, None), 0.0
    for _ in range(5 * rate):
        at_s = schedule.next_s(0.0, 1)
        schedule.take(at_s, 1)

    assert (5 * rate - 1) / at_s >= 0.95 * rate


@dataclass
class Node:
    """A worker somewhere: its clock is another, and words to it take a time."""

    name: str
    pacer: Pacer
    delay_s: float
    draw: random.Random
    started: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pace = LeasedPace(self._says, Clock(is_same=True))
        self.pacer.admit(self.name, self._hears)

    def _later(self, call, *arguments) -> None:
        asyncio.get_running_loop().call_later(self.draw.uniform(0, self.delay_s), call, *arguments)

    def _says(self, word) -> None:
        self._later(lambda: self.pacer.hear(self.name, word))

    def _hears(self, word) -> None:
        self._later(self._heard, word)

    def _heard(self, word: Granted | Shut) -> None:
        (self.pace.granted if isinstance(word, Granted) else self.pace.shut)(word)

    async def send(self, requests: int, operations: int, until_s: float) -> None:
        loop = asyncio.get_running_loop()

        async def one() -> None:
            await self.pace.turn(operations, Waiting(loop.time))
            self.started.append((loop.time(), operations))

        tasks = [loop.create_task(one()) for _ in range(requests)]
        await asyncio.wait(tasks, timeout=until_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(("rate", "limit"), [(50, None), (400, None), (100, 1_000), (3, None)])
@pytest.mark.parametrize("delay_s", [0.0, 0.004, 0.02])
def test_workers_that_ask_for_more_than_there_is_share_the_pace_and_never_pass_it(
    rate, limit, delay_s
):
    async def all_of_them() -> list[Node]:
        pacer = Pacer(rate, limit)
        nodes = [Node(f"w{i}", pacer, delay_s, random.Random(i)) for i in range(4)]
        await asyncio.gather(*(node.send(rate, 10, 3.0) for node in nodes))
        pacer.close()
        return nodes

    nodes = run(all_of_them())

    starts = [start for node in nodes for start in node.started]
    assert most_in_a_window([(s, 1) for s, _ in starts], 1.0) <= rate
    assert limit is None or most_in_a_window(starts, 1.0) <= limit
    wanted = 3 * min(rate, (limit or 10 * rate) // 10)
    assert len(starts) >= 0.85 * wanted - 1
    counts = sorted(len(node.started) for node in nodes)
    assert counts[-1] <= 1.5 * counts[0] + 2


def test_a_worker_that_dies_with_leases_holds_up_nobody():
    async def both() -> Node:
        pacer = Pacer(100, None)
        dead, alive = (Node(name, pacer, 0.0, random.Random(1)) for name in ("dead", "alive"))
        await dead.send(30, 1, 0.05)
        pacer.dismiss("dead")
        await alive.send(400, 1, 2.0)
        pacer.close()
        return alive

    assert len(run(both()).started) >= 180


def test_a_429_stops_all_workers_for_as_long_as_it_says_with_what_they_hold():
    async def both() -> tuple[Node, float]:
        loop = asyncio.get_running_loop()
        pacer = Pacer(100, None)
        one, other = (Node(name, pacer, 0.0, random.Random(1)) for name in ("one", "other"))
        sending = asyncio.gather(one.send(150, 1, 6.0), other.send(150, 1, 6.0))
        await asyncio.sleep(0.5)
        at_s = loop.time()
        one.pace.end(at_s - 0.01, Retry("429", 2.0, is_for_all=True))
        await sending
        pacer.close()
        return other, at_s

    other, at_s = run(both())

    between = [s for s, _ in other.started if at_s + 0.005 < s < at_s + 2.0]
    assert between == []
    assert [s for s, _ in other.started if s >= at_s + 2.0]


@given(
    ahead_s=st.floats(-1e6, 1e6),
    exchanges=st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 0.2)), min_size=1, max_size=30),
)
def test_a_clock_of_another_machine_is_never_more_wrong_than_it_says(ahead_s, exchanges):
    clock, driver_s = Clock(is_same=False), 100.0
    for there_s, back_s in exchanges:
        said_s = driver_s + ahead_s
        heard_s = driver_s + there_s
        clock.learn(said_s, heard_s, heard_s, heard_s + back_s + ahead_s)
        driver_s += 1.0

    assert abs(clock.own(driver_s) - (driver_s + ahead_s)) <= clock.error_s + 1e-6
    assert clock.error_s <= min(there + back for there, back in exchanges) / 2 + 1e-6


def test_what_took_the_requests_is_told_to_the_driver():
    async def told() -> list:
        said: list = []
        pace = LeasedPace(said.append, Clock(is_same=True))
        pace.end(1.0, Accepted())
        pace.end(2.0, None)
        return said

    (word,) = run(told())
    assert (word.started_s, word.shut_s) == (1.0, None)
