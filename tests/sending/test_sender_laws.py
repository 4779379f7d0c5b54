"""Whatever the API answers: nothing lost, nothing reported twice, order and limits kept."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backfill.verdict import Reply

from .doubles import ACCEPTED, Book, Scripted, batch_of, listed, outcome, sender
from .test_pacing import most_in_a_window

#: How a server may treat a batch; "bad" refuses it for a number that is a multiple of seven.
MOODS = st.lists(
    st.sampled_from(["take", "take", "take", "bad", "list", 0, 408, 429, 500, 503]), max_size=40
)
SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=25)
CALM = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def moody(moods: list[object]):
    """Answers by its moods, then takes everything but what is bad."""
    left = iter(moods)

    def answer(numbers: list[int]) -> Reply:
        match next(left, "bad"):
            case "take":
                return ACCEPTED
            case "bad":
                return Reply(400, b"no") if any(n % 7 == 0 for n in numbers) else ACCEPTED
            case "list":
                return listed(*(i for i, n in enumerate(numbers) if n % 7 == 0))
            case status:
                return Reply(status)

    return answer


def numbered(sizes: list[int], entities: int):
    first = 0
    for size in sizes:
        numbers = range(first, first + size)
        yield batch_of(numbers, keys=sorted({n % entities for n in numbers}) if entities else [])
        first += size


@CALM
@given(moods=MOODS, sizes=SIZES, entities=st.sampled_from([0, 1, 30]), takes=st.floats(0, 2))
def test_every_operation_ends_in_exactly_one_verdict(moods, sizes, entities, takes):
    book, transport = Book(), Scripted(moody(moods), takes)
    error = outcome(sender(transport, concurrency=4), numbered(sizes, entities), book)

    if error is None:
        assert book.numbers() == list(range(sum(sizes)))
    else:
        assert "refuses every operation" in error.what
        assert len(book.numbers()) == len(set(book.numbers()))
    assert all(n % 7 == 0 for n in book.rejected)
    assert len(book.requests) == len(transport.posts)


@CALM
@given(
    moods=MOODS,
    sizes=SIZES,
    takes=st.floats(0, 2),
    fatal=st.integers(0, 20),
    status=st.sampled_from([401, 404]),
)
def test_a_run_that_stops_reports_just_what_was_answered(moods, sizes, takes, fatal, status):
    moods = [*moods[:fatal], status]
    book, answered = Book(), []
    answer = moody(moods)

    def kept(numbers):
        reply = answer(numbers)
        if reply.status in (200, 207):
            answered.extend(numbers)
        return reply

    if outcome(sender(Scripted(kept, takes), concurrency=4), numbered(sizes, 30), book):
        assert len(book.numbers()) == len(set(book.numbers()))
        assert set(answered) <= set(book.numbers())


@CALM
@given(moods=MOODS, sizes=SIZES, takes=st.lists(st.floats(0, 2), min_size=1, max_size=9))
def test_operations_on_one_entity_are_never_in_flight_together_and_never_out_of_order(
    moods, sizes, takes
):
    posts, open_now = [], []
    answer = moody([m for m in moods if m != "bad"])

    async def slow(numbers):
        entities = {n % 5 for n in numbers}
        assert not any(entities & other for other in open_now)
        open_now.append(entities)
        await asyncio.sleep(takes[len(posts) % len(takes)])
        open_now.remove(entities)
        posts.extend(numbers)
        return answer(numbers)

    transport = Scripted(slow, 0.0)
    outcome(sender(transport, concurrency=8), numbered(sizes, 5), Book())

    for entity in range(5):
        mine = [n for n in posts if n % 5 == entity]
        firsts = list(dict.fromkeys(mine))
        assert firsts == sorted(firsts)


@CALM
@given(
    moods=MOODS,
    sizes=SIZES,
    rate=st.integers(1, 60),
    limit=st.integers(9, 100),
    takes=st.floats(0, 0.5),
)
def test_no_second_holds_more_than_the_limits_retries_and_halves_included(
    moods, sizes, rate, limit, takes
):
    book, transport = Book(), Scripted(moody(moods), takes)
    paced = sender(transport, draw=0.01, requests_per_s=rate, operations_per_s=limit)
    outcome(paced, numbered(sizes, 0), book)

    assert most_in_a_window([(t, 1) for t in transport.starts_s], 1.0) <= rate
    starts = [(t, len(n)) for t, n in zip(transport.starts_s, transport.posts, strict=True)]
    assert most_in_a_window(starts, 1.0) <= limit
