"""What the sender says it is held up by, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections import deque

from backfill.verdict import Reply
from backfill.waiting import Waiting

from .doubles import ACCEPTED, Book, Scripted, batches_of, feed, in_turn, sender
from .virtual import run

#: When it is asked: after the start, before the last batch is taken.
ASKED_S = (3.0, 4.0, 5.0)


def told(transport, batches, **limits) -> list[str | None]:
    """What the sender says at those times of a wave that takes longer."""
    to, book, found = sender(transport, **limits), Book(), []

    async def asking() -> None:
        sending = asyncio.create_task(
            to.deliver(batches, book.deliveries.append, book.requests.append)
        )
        begin_s = asyncio.get_running_loop().time()
        for at_s in ASKED_S:
            await asyncio.sleep(begin_s + at_s - asyncio.get_running_loop().time())
            assert not sending.done()
            found.append(to.limited_by)
        to.stop()
        to.stop()
        await sending

    run(asking())
    return found


async def every(seconds: float, count: int = 1000):
    """Batches that take so long to make."""
    for batch in batches_of(count, 1):
        await asyncio.sleep(seconds)
        yield batch


def test_a_sender_that_is_held_to_the_configured_pace_says_pace():
    transport = Scripted(lambda _: ACCEPTED, takes_s=0.05)

    assert told(transport, feed(batches_of(1000, 1)), requests_per_s=10) == ["pace"] * 3


def test_a_sender_that_is_held_to_the_pace_of_operations_says_pace():
    transport = Scripted(lambda _: ACCEPTED, takes_s=0.05)
    batches = feed(batches_of(1000, 10))

    assert told(transport, batches, operations_per_s=100) == ["pace"] * 3


def test_a_sender_that_a_server_throttles_says_pace():
    transport = Scripted(in_turn(ACCEPTED, Reply(429, retry_after="30")), takes_s=0.05)

    assert told(transport, feed(batches_of(1000, 1)), requests_per_s=100) == ["pace"] * 3


def test_a_sender_whose_batches_are_refused_for_the_servers_pace_says_pace():
    taken_s: deque[float] = deque(maxlen=5)

    def five_a_second(_: list[int]) -> Reply:
        now_s = asyncio.get_running_loop().time()
        if len(taken_s) == 5 and taken_s[0] > now_s - 1.0:
            return Reply(429)
        taken_s.append(now_s)
        return ACCEPTED

    transport = Scripted(five_a_second, takes_s=0.05)

    assert told(transport, feed(batches_of(1000, 1)), requests_per_s=1000) == ["pace"] * 3


def test_a_sender_all_of_whose_batches_wait_out_a_storm_of_429_says_pace():
    transport = Scripted(in_turn(ACCEPTED, Reply(429)), takes_s=0.05)

    assert told(transport, feed(batches_of(1000, 1)), concurrency=2) == ["pace"] * 3


def test_a_server_that_now_and_then_refuses_and_is_slow_is_latency():
    answers = in_turn(*[ACCEPTED] * 9, Reply(429), *[ACCEPTED] * 990)
    transport = Scripted(answers, takes_s=1.0)

    assert told(transport, feed(batches_of(1000, 1)), concurrency=4) == ["latency"] * 3


def test_a_sender_with_all_in_flight_that_may_be_says_latency():
    transport = Scripted(lambda _: ACCEPTED, takes_s=1.0)

    assert told(transport, feed(batches_of(1000, 1)), concurrency=2) == ["latency"] * 3


def test_a_sender_whose_last_requests_are_in_flight_says_latency():
    transport = Scripted(lambda _: ACCEPTED, takes_s=20.0)

    assert told(transport, feed(batches_of(3, 1))) == ["latency"] * 3


def test_a_sender_that_waits_for_batches_says_encoding():
    transport = Scripted(lambda _: ACCEPTED, takes_s=0.3)

    assert told(transport, every(0.1)) == ["encoding"] * 3


def test_a_pace_that_is_reached_counts_more_than_batches_that_are_slow_too():
    transport = Scripted(lambda _: ACCEPTED, takes_s=0.05)

    assert told(transport, every(0.1), requests_per_s=9) == ["pace"] * 3


def test_what_is_said_follows_a_change_within_seconds():
    now_s = 0.0
    waiting = Waiting(lambda: now_s)
    with waiting.on("batch"):
        now_s = 600.0
    with waiting.on("gate_pace"):
        now_s = 602.0

        assert waiting.mostly() == "pace"


def test_nothing_is_said_before_anything_was_waited_for():
    assert Waiting(lambda: 5.0).mostly() is None
