"""What stops a run, and what is still reported, on a virtual clock."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from backfill.errors import DeliveryError, GuardError, SourceError
from backfill.verdict import Reply

from .doubles import (
    ACCEPTED,
    Book,
    Scripted,
    batch_of,
    batches_of,
    broken,
    feed,
    ignore,
    in_turn,
    outcome,
    send,
    sender,
)
from .virtual import run


def test_a_batch_that_fails_for_too_long_stops_the_run_and_says_what_to_do():
    transport = Scripted(lambda _: Reply(0, failure="the connection broke"))
    book, error = broken(transport, batches_of(5, 2), give_up_after_s=600)

    assert 600 <= transport.starts_s[-1] - transport.starts_s[0] + 30 <= 640
    assert "600 s: the connection broke" in error.what
    assert "people.csv from row" in error.where
    assert "run the same command again" in error.fix
    assert book.numbers() == []


def test_a_server_that_asks_for_longer_than_we_go_on_is_asked_once_more_at_the_end():
    transport = Scripted(lambda _: Reply(500, retry_after="300"))
    _, error = broken(transport, batches_of(1, 1), give_up_after_s=60)

    assert len(transport.posts) == 2
    assert "given up after 2 attempts in 60 s" in error.what


@pytest.mark.parametrize(("status", "asks_s", "down_s"), [(503, 300, 301), (429, 200, 450)])
def test_a_server_that_is_back_before_we_give_up_costs_nothing(status, asks_s, down_s):
    def answering(numbers):
        if transport.starts_s[-1] - transport.starts_s[0] < down_s:
            return Reply(status, retry_after=str(asks_s))
        return ACCEPTED

    transport = Scripted(answering)
    book = Book()

    assert outcome(sender(transport, give_up_after_s=600), batches_of(3, 1), book) is None
    assert sorted(book.delivered) == [0, 1, 2]


def test_giving_up_at_once_is_one_attempt():
    transport = Scripted(lambda _: Reply(502))
    broken(transport, batches_of(1, 1), give_up_after_s=0)

    assert len(transport.posts) == 1


def test_a_retry_does_not_wait_for_all_that_is_queued_at_a_slow_pace():
    transport = Scripted(lambda numbers: Reply(500) if numbers == [0] else ACCEPTED)
    _, error = broken(transport, batches_of(100, 1), requests_per_s=1, give_up_after_s=30)

    assert transport.posts.count([0]) >= 5
    assert "in 3" in error.what


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
