"""The sender's rules, on a virtual clock."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from backfill import pacing
from backfill.batches import Batch
from backfill.courier import Limits
from backfill.errors import DeliveryError
from backfill.sender import HELD_BYTES_MAX, Sender
from backfill.verdict import Reply

from .doubles import (
    ACCEPTED,
    REFUSED,
    Book,
    Scripted,
    batch_of,
    batches_of,
    broken,
    ignore,
    in_turn,
    listed,
    outside,
    refusing,
    send,
    sender,
    sent,
)
from .virtual import run


def test_every_batch_is_delivered_once():
    book = sent(Scripted(lambda _: ACCEPTED), batches_of(50, 4))

    assert sorted(book.delivered) == list(range(200))
    assert [len(r.batch) for r in book.requests] == [4] * 50


def test_a_wave_without_batches_is_done_at_once():
    assert sent(Scripted(lambda _: ACCEPTED), []).requests == []


def test_no_more_requests_are_in_flight_than_allowed():
    transport = Scripted(lambda _: ACCEPTED, takes_s=1.0)
    sent(transport, batches_of(40, 1), concurrency=5)

    assert transport.in_flight_max == 5


def test_no_more_batches_are_taken_than_there_is_room_for():
    taken, most = 0, 0
    transport = Scripted(lambda _: ACCEPTED, takes_s=1.0)
    book = Book()

    async def counted():
        nonlocal taken, most
        for i in range(60):
            taken += 1
            most = max(most, taken - len(book.deliveries))
            yield batch_of([i], keys=[7])  # each waits for the one before

    run(sender(transport, concurrency=4).deliver(counted(), book.deliveries.append, ignore))

    assert book.delivered == list(range(60))
    assert most <= 8


def test_no_more_bytes_are_held_than_there_is_room_for():
    size = HELD_BYTES_MAX // 20
    operations, ends = b" " * size, np.array([size], np.int64)
    taken, done, most = 0, 0, 0

    async def counted():
        nonlocal taken, most
        for _ in range(100):
            taken += 1
            most = max(most, taken - done)
            yield Batch("people", (operations,), ends, ())

    def delivered(_):
        nonlocal done
        done += 1

    async def accepts(body):
        await asyncio.sleep(1.0)
        return ACCEPTED

    transport = SimpleNamespace(address="https://track.example", post=accepts)
    run(sender(transport, concurrency=64).deliver(counted(), delivered, ignore))

    assert (done, most) == (100, 20)


def test_operations_listed_in_a_207_are_rejected_and_the_others_delivered():
    book = sent(Scripted(lambda _: listed(1, 3)), batches_of(1, 5))

    assert book.delivered == [0, 2, 4]
    assert book.rejected == {1: "invalid x", 3: "invalid x"}


def test_a_refused_batch_is_halved_until_the_bad_operations_stand_alone():
    book = sent(Scripted(refusing(3, 11)), batches_of(1, 16))

    assert sorted(book.delivered) == [n for n in range(16) if n not in (3, 11)]
    assert book.rejected == {3: "no", 11: "no"}
    assert all(r.attempt == 1 for r in book.requests)


def test_a_batch_too_large_for_the_server_is_delivered_in_halves():
    small = Scripted(lambda numbers: ACCEPTED if len(numbers) <= 5 else Reply(413))

    assert sorted(sent(small, batches_of(3, 16)).delivered) == list(range(48))


def test_a_single_refused_row_of_a_wave_is_rejected():
    assert sent(Scripted(lambda _: REFUSED), batches_of(1, 1)).rejected == {0: "no"}


def test_three_batches_refused_to_the_last_operation_stop_the_run_and_reject_nothing():
    transport = Scripted(lambda _: REFUSED)
    book, error = broken(transport, batches_of(50, 4), concurrency=4)

    assert "refuses every operation of 3 batches in a row (400)" in error.what
    assert error.exit_code == 1
    assert book.numbers() == []
    assert len(transport.posts) <= 3 * 7 + 8


def test_batches_refused_to_the_last_operation_are_rejected_when_others_are_accepted():
    bad = {n for n in range(80) if n // 4 in (2, 5, 6, 11, 14)}
    book = sent(Scripted(refusing(*bad)), batches_of(20, 4), concurrency=1)

    assert set(book.rejected) == bad
    assert book.numbers() == list(range(80))


def test_a_row_refused_alone_is_rejected_as_soon_as_its_batch_is_through():
    def answering(numbers):
        return Reply(401) if 4 in numbers else refusing(3)(numbers)

    book, _ = broken(Scripted(answering), [batch_of(range(4), [1]), batch_of([4], [1])])

    assert (sorted(book.delivered), book.rejected) == ([0, 1, 2], {3: "no"})


def test_a_refused_batch_is_rejected_as_soon_as_another_is_accepted():
    def answering(numbers):
        return Reply(401) if 2 in numbers else refusing(0)(numbers)

    book, _ = broken(Scripted(answering), [batch_of([n], [1]) for n in range(3)])

    assert (book.delivered, book.rejected) == ([1], {0: "no"})


def test_refusals_are_counted_from_one_wave_to_the_next():
    async def waves():
        to, book = sender(Scripted(lambda _: REFUSED)), Book()
        for i in range(3):
            await send(to, [batch_of([i])], book)

    with pytest.raises(DeliveryError):
        run(waves())


@pytest.mark.parametrize("reply", [Reply(500), Reply(429), Reply(503), Reply(408), Reply(0)])
def test_what_may_pass_is_sent_again_until_it_is_accepted(reply):
    book = sent(Scripted(in_turn(reply, reply, ACCEPTED)), batches_of(1, 3))

    assert book.delivered == [0, 1, 2]
    assert [(r.status, r.attempt) for r in book.requests] == [
        (reply.status, 1),
        (reply.status, 2),
        (200, 3),
    ]


def test_a_retry_waits_as_long_as_the_server_asks():
    transport = Scripted(in_turn(Reply(500, retry_after="45"), ACCEPTED))
    sent(transport, batches_of(1, 1))

    assert transport.starts_s[1] - transport.starts_s[0] >= 45


@pytest.mark.parametrize("status", [429, 503])
def test_429_and_503_hold_up_every_start(status):
    transport = Scripted(in_turn(Reply(status, retry_after="20"), ACCEPTED))
    sent(transport, batches_of(30, 1), concurrency=2)

    first = transport.starts_s[0]
    assert [t for t in transport.starts_s if first + 0.06 < t < first + 20] == []


def test_another_failure_holds_up_its_own_batch_alone():
    transport = Scripted(lambda n: ACCEPTED if n != [0] else failing(n), takes_s=0.01)
    failing = in_turn(Reply(500, retry_after="20"), ACCEPTED)
    book = sent(transport, batches_of(30, 1), concurrency=2)

    assert book.delivered[-1] == 0


@pytest.mark.parametrize("requests_per_s", [1, 10, 400, 1000])
def test_a_run_right_after_another_keeps_the_pace_together_with_it(requests_per_s):
    async def work():
        transport, wall_s, last_s = Scripted(lambda _: ACCEPTED), 5000.0, None
        for _ in range(3):
            limits = Limits(requests_per_s=requests_per_s, last_request_s=last_s)
            batches = batches_of(requests_per_s * 2, 1)
            await send(Sender(transport, limits, outside(wall_s=wall_s)), batches, Book())
            last_s = wall_s
        return transport.starts_s

    starts_s = run(work())
    assert all(
        later_s - s >= pacing.WINDOW_S
        for s, later_s in zip(starts_s, starts_s[requests_per_s:], strict=False)
    )
    assert starts_s[-1] - starts_s[0] <= 6 * 1.05


@pytest.mark.parametrize(
    ("last_s", "waits_s"),
    [(None, 0.0), (5000.0, 1.015), (4999.5, 0.515), (4998.0, 0.0), (9999.0, 1.015)],
)
def test_operations_per_s_counts_the_second_of_the_run_before(last_s, waits_s):
    async def work():
        transport, wall_s = Scripted(lambda _: ACCEPTED), 5000.0
        limits = Limits(requests_per_s=1000, operations_per_s=50, last_request_s=last_s)
        began_s = asyncio.get_running_loop().time()
        await send(Sender(transport, limits, outside(wall_s=wall_s)), batches_of(1, 1), Book())
        return transport.starts_s[0] - began_s

    assert run(work()) == pytest.approx(waits_s, abs=0.01)


def test_batches_that_share_an_entity_go_one_after_the_other_also_across_retries_and_halves():
    def answering(numbers):
        if numbers == [0, 1, 2, 3]:
            return next(first)
        return ACCEPTED

    first = iter([Reply(500), Reply(400)])
    transport = Scripted(answering)
    batches = [batch_of([0, 1, 2, 3], [7, 8]), batch_of([4], [8]), batch_of([5], [9])]
    sent(transport, batches)

    assert transport.posts == [[0, 1, 2, 3], [5], [0, 1, 2, 3], [0, 1], [2, 3], [4]]


def test_a_request_is_logged_with_its_size_its_start_and_its_wait():
    book = sent(Scripted(lambda _: ACCEPTED, takes_s=0.25), batches_of(3, 2), requests_per_s=1)

    last = book.requests[-1]
    assert (last.batch.stream, len(last.batch), last.batch.body_bytes) == ("people", 2, 27)
    assert last.elapsed_s == pytest.approx(0.25, abs=0.01)
    assert last.waited_s == pytest.approx(2.02, abs=0.03)
