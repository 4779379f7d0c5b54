from __future__ import annotations

import asyncio
import bisect

import pytest
from aiolimiter import AsyncLimiter
from hypothesis import given
from hypothesis import strategies as st

from backfill.concurrency import Concurrency
from backfill.gate import Gate
from backfill.pace import OwnPace
from backfill.pacing import (
    BACKOFF_S_MAX,
    JITTER_S,
    WINDOW_S,
    Attempts,
    Window,
    backoff_s,
    batch_operations_max,
    bucket,
)

from .virtual import run

RATES = [1, 2, 4, 7, 50, 333, 1000, 3000]
LIMITS = [1, 4, 5, 50, 81, 127, 159, 1000, 20_000, 100_000]


def most_in_a_window(starts: list[tuple[float, int]], window_s: float) -> int:
    """The most operations in any half-open window; what counts begins at some start."""
    times = [t for t, _ in starts]
    sums = [0]
    for _, operations in starts:
        sums.append(sums[-1] + operations)
    return max(
        sums[bisect.bisect_left(times, t + window_s - 1e-6)] - sums[i] for i, t in enumerate(times)
    )


async def paced_starts(rate: int, count: int, late_s: float) -> list[tuple[float, int]]:
    """Starts of a caller that asks again as soon as it may, and is sometimes late."""
    loop, limiter, starts = asyncio.get_running_loop(), AsyncLimiter(*bucket(rate)), []
    for i in range(count):
        await limiter.acquire()
        starts.append((loop.time(), 1))
        if i % 3 == 0:
            await asyncio.sleep(late_s)
    return starts


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("late_s", [0.0, 0.001, 0.004, 0.3])
def test_no_window_with_its_jitter_holds_more_starts_than_the_limit(rate, late_s):
    starts = run(paced_starts(rate, 4 * rate + 3, late_s))

    assert most_in_a_window(starts, WINDOW_S + JITTER_S) <= rate


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("late_s", [0.0, 0.001])
def test_a_caller_with_late_timers_reaches_97_percent_of_the_limit(rate, late_s):
    starts = run(paced_starts(rate, 10 * rate + 1, late_s))

    assert 10 * rate / (starts[-1][0] - starts[0][0]) >= 0.97 * rate


@given(
    takes_s=st.lists(st.integers(0, 50), min_size=1),
    asked_s=st.integers(0, 400),
    give_up_after_s=st.integers(0, 300),
)
def test_what_fails_is_tried_until_its_time_is_up_and_once_then(takes_s, asked_s, give_up_after_s):
    attempts, now_s, up_s = Attempts(give_up_after_s), 0, takes_s[0] + give_up_after_s

    for each_s in takes_s:
        now_s += each_s
        wait_s = attempts.wait_s(now_s, asked_s, draw=0.0)
        assert wait_s == (None if now_s >= up_s else min(asked_s, up_s - now_s))
        if wait_s is None:
            break
        now_s += wait_s

    assert attempts.failing_s(now_s) == now_s - takes_s[0]


def operation_starts(limit: int, sizes: list[int], late_s: float) -> list[tuple[float, int]]:
    window, now_s, starts = Window(limit), 100.0, []
    for operations in sizes:
        while wait_s := window.wait_s(now_s, operations):
            now_s += wait_s + late_s
        window.spend(now_s, operations)
        starts.append((now_s, operations))
    return starts


@given(data=st.data(), limit=st.integers(1, 400), late_s=st.floats(0, 0.5))
def test_no_window_with_its_jitter_holds_more_operations_than_the_limit(data, limit, late_s):
    sizes = data.draw(st.lists(st.integers(1, limit), min_size=1, max_size=60))

    starts = operation_starts(limit, sizes, late_s)

    assert most_in_a_window(starts, WINDOW_S + JITTER_S) <= limit


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("shape", ["full", "mixed"])
def test_batches_up_to_the_size_reach_97_percent_of_the_operations(limit, shape):
    size = batch_operations_max(limit, 1_000_000)
    sizes = [size if shape == "full" else size - i * 7 % size for i in range(8 * limit // size + 2)]

    starts = operation_starts(limit, sizes, 0.001)

    started = sum(n for t, n in starts[:-1])
    assert started / (starts[-1][0] - starts[0][0]) >= 0.97 * limit


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("rate", [1, 2, 3, 4, 10, 49, 50, 1000])
def test_full_batches_reach_97_percent_of_the_operations_however_few_requests_there_are(
    limit, rate
):
    size = batch_operations_max(limit, rate)
    count = min(12 * limit // size, 12 * rate) + 2

    starts = run(gate_starts(limit, rate, [size] * count))

    assert size <= limit
    reached = sum(n for t, n in starts[:-1]) / (starts[-1][0] - starts[0][0])
    assert reached >= 0.97 * min(limit, size * rate)
    assert size * rate >= 0.985 * limit or rate < 2


async def gate_starts(limit: int, rate: int, sizes: list[int]) -> list[tuple[float, int]]:
    loop, starts = asyncio.get_running_loop(), []
    gate = Gate(Concurrency(len(sizes), len(sizes)), OwnPace(rate, limit))
    for operations in sizes:
        await gate.start(operations, is_retry=False)
        starts.append((loop.time(), operations))
    return starts


def test_operations_are_spread_over_the_second():
    starts = operation_starts(1000, [10] * 300, 0.0)

    assert most_in_a_window(starts, 0.1) <= 1000 * (0.1 + 0.05) + 10


def test_a_batch_above_the_limit_is_our_own_mistake():
    with pytest.raises(AssertionError):
        Window(5).wait_s(0.0, 6)


@given(attempt=st.integers(1, 5000), draw=st.floats(0, 1, exclude_max=True))
def test_a_backoff_grows_to_its_bound_and_chance_scales_it(attempt, draw):
    assert 0 <= backoff_s(attempt, draw) <= BACKOFF_S_MAX
    assert backoff_s(attempt, draw) == pytest.approx(draw * backoff_s(attempt, 1.0))
    assert backoff_s(attempt, 1.0) <= backoff_s(attempt + 1, 1.0)
