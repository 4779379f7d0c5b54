"""The sender's rules, on a virtual clock."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from backfill.courier import Limits
from backfill.errors import DeliveryError, GuardError, SourceError
from backfill.sender import Sender
from backfill.verdict import Reply

from .doubles import (
    ACCEPTED,
    Book,
    Scripted,
    batch_of,
    batches_of,
    feed,
    listed,
    outside,
    send,
    sender,
)
from .virtual import run

REFUSED = Reply(400, b"no")


def sent(transport, batches, draw=0.5, **limits) -> Book:
    """What was told of sending the batches; raises what deliver() raised."""
    book = Book()
    run(send(sender(transport, draw, **limits), batches, book))
    return book


def broken(transport, batches, error=DeliveryError, **limits) -> tuple[Book, Exception]:
    """What was told until deliver() raised, and what it raised."""
    book = Book()
    with pytest.raises(error) as caught:
        run(send(sender(transport, **limits), batches, book))
    return book, caught.value


def in_turn(*replies: Reply):
    """Answers one after the other, the last one for ever."""
    left = itertools.chain(replies, itertools.repeat(replies[-1]))
    return lambda _: next(left)


def refusing(*bad: int):
    """Refuses a whole batch for any of these numbers."""
    return lambda numbers: REFUSED if set(bad) & set(numbers) else ACCEPTED


def test_every_batch_is_delivered_once():
    book = sent(Scripted(lambda _: ACCEPTED), batches_of(50, 4))

    assert sorted(book.delivered) == list(range(200))
    assert [r.operations for r in book.requests] == [4] * 50


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


def ignore(_: object) -> None:
    pass


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


def test_a_batch_that_fails_for_too_long_stops_the_run_and_says_what_to_do():
    transport = Scripted(lambda _: Reply(0, failure="the connection broke"))
    book, error = broken(transport, batches_of(5, 2), give_up_after_s=600)

    assert 600 <= transport.starts_s[-1] - transport.starts_s[0] + 30 <= 640
    assert "600 s: the connection broke" in error.what
    assert "people.csv from row" in error.where
    assert "run the same command again" in error.fix
    assert book.numbers() == []


def test_a_server_that_asks_for_longer_than_we_go_on_is_not_asked_again():
    transport = Scripted(lambda _: Reply(500, retry_after="300"))
    broken(transport, batches_of(1, 1), give_up_after_s=60)

    assert len(transport.posts) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 301])
def test_a_fatal_answer_stops_the_run_at_once(status):
    transport = Scripted(in_turn(ACCEPTED, Reply(status)), takes_s=1.0)
    _, error = broken(transport, batches_of(100, 1), concurrency=4)

    assert str(status) in error.what
    assert len(transport.posts) == 4


def test_what_was_accepted_while_the_run_stops_is_reported():
    async def answering(numbers):
        if numbers == [0]:
            return Reply(401)
        await asyncio.sleep(5)
        return ACCEPTED

    transport = Scripted(answering)
    book, _ = broken(transport, batches_of(100, 1), concurrency=4)

    assert sorted(book.delivered) == [1, 2, 3]
    assert len(transport.posts) == 4


def test_a_source_that_fails_is_raised_once_requests_in_flight_are_through():
    async def failing():
        yield batch_of([0])
        await asyncio.sleep(0.2)
        raise SourceError("a", "b", "c")

    book = Book()
    with pytest.raises(SourceError):
        run(
            sender(Scripted(lambda _: ACCEPTED, takes_s=5.0)).deliver(
                failing(), book.deliveries.append, book.requests.append
            )
        )

    assert book.delivered == [0]


def test_an_error_in_a_callback_stops_the_run_as_itself():
    def full(_):
        raise GuardError("a", "b", "c")

    transport = Scripted(lambda _: ACCEPTED)
    with pytest.raises(GuardError):
        run(sender(transport, concurrency=2).deliver(feed(batches_of(50, 1)), full, ignore))

    assert len(transport.posts) <= 4


def test_a_bug_in_a_transport_surfaces_as_itself():
    def bug(_):
        raise ZeroDivisionError

    broken(Scripted(bug), batches_of(9, 1), error=ZeroDivisionError)


async def stopped(transport, stops_s: list[float], **limits) -> tuple[Book, float]:
    """Deliver endlessly, stop at these times; what was told, and how long it took."""
    loop, book = asyncio.get_running_loop(), Book()
    to = sender(transport, **limits)
    began_s = loop.time()
    for stop_s in stops_s:
        loop.call_later(stop_s, to.stop)
    await send(to, (batch_of([i], keys=[i % 3]) for i in itertools.count()), book)
    assert len(asyncio.all_tasks()) == 1
    return book, loop.time() - began_s


def test_stop_lets_requests_in_flight_finish_and_starts_none():
    transport = Scripted(lambda _: ACCEPTED, takes_s=2.0)
    book, took_s = run(stopped(transport, [5.0]))

    assert len(transport.posts) == len(book.delivered) == 9
    assert took_s == pytest.approx(6.0, abs=0.1)


def test_a_second_stop_abandons_requests_in_flight():
    transport = Scripted(lambda _: ACCEPTED, takes_s=20.0)
    book, took_s = run(stopped(transport, [1.0, 2.0]))

    assert took_s == pytest.approx(2.0, abs=0.1)
    assert book.delivered == []
    assert [r.status for r in book.requests] == [0, 0, 0]


def test_stop_waits_for_requests_in_flight_only_so_long():
    _, took_s = run(stopped(Scripted(lambda _: ACCEPTED, takes_s=1000.0), [1.0], stop_within_s=9))

    assert took_s == pytest.approx(10.0, abs=0.1)


@pytest.mark.parametrize("reply", [Reply(429, retry_after="100"), Reply(500, retry_after="100")])
def test_stop_does_not_wait_for_a_pause(reply):
    _, took_s = run(stopped(Scripted(lambda _: reply), [1.0]))

    assert took_s == pytest.approx(1.0, abs=0.1)


def test_a_sender_that_failed_fails_again():
    async def twice():
        to = sender(Scripted(lambda _: Reply(401)))
        for _ in range(2):
            with pytest.raises(DeliveryError):
                await send(to, batches_of(1, 1), Book())

    run(twice())


def test_a_stopped_sender_delivers_nothing_more():
    async def work():
        book, to = Book(), sender(Scripted(lambda _: ACCEPTED))
        to.stop()
        await send(to, batches_of(3, 1), book)
        return book

    assert run(work()).requests == []


@pytest.mark.parametrize("takes_s", [0.001, 5.0])
def test_a_cancelled_delivery_leaves_no_task_behind(takes_s):
    async def work():
        book = Book()
        to = sender(Scripted(lambda _: ACCEPTED, takes_s))
        task = asyncio.create_task(send(to, (batch_of([i]) for i in itertools.count()), book))
        await asyncio.sleep(2.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.all_tasks()

    assert len(run(work())) == 1


def test_a_resumed_run_waits_out_the_second_of_the_last_request():
    async def work(not_before_s):
        transport, wall = Scripted(lambda _: ACCEPTED), 5000.0
        limits = Limits(requests_per_s=10, not_before_s=not_before_s)
        began_s = asyncio.get_running_loop().time()
        await send(Sender(transport, limits, outside(wall_s=wall)), batches_of(1, 1), Book())
        return transport.starts_s[0] - began_s

    assert run(work(5000.7)) == pytest.approx(0.7, abs=0.01)
    assert run(work(4999.0)) == pytest.approx(0.0, abs=0.01)
    assert run(work(9999.0)) <= 1.2  # the clock was set back


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
    assert (last.stream, last.operations, last.body_bytes) == ("people", 2, 27)
    assert last.elapsed_s == pytest.approx(0.25, abs=0.01)
    assert last.waited_s == pytest.approx(2.02, abs=0.03)
