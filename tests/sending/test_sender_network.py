"""The sender and the transport together, against a server on loopback that behaves badly."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from backfill.courier import Limits, Outside
from backfill.errors import DeliveryError
from backfill.sender import Sender
from backfill.transport import HttpTransport
from backfill.verdict import Reply

from .doubles import ACCEPTED, Book, Scripted, batch_of, batches_of, send, sender
from .servers import NOISE_S, Answer, Received, Server
from .test_pacing import most_in_a_window
from .virtual import run


async def over_http(script, batches, **limits: Any) -> tuple[Book, Server]:
    """What was told and what the server saw; retries wait a hundredth of their time."""
    wanted = Limits(**{"requests_per_s": 1000, "concurrency": 8, **limits})
    outside = Outside(lambda: 0.0, lambda: 0.01)
    book = Book()
    async with Server(lambda r: script(r) if r.body else Answer()) as server:
        transport = HttpTransport(server.address, "site", "key")
        try:
            await transport.region()  # as a run does; opens a connection
            server.received.clear()
            await send(Sender(transport, wanted, outside), batches, book)
        finally:
            await transport.aclose()
    return book, server


class Hostile:
    """Throttles, fails and loses answers by chance, and checks the order of what it applies."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._open: set[int] = set()
        self.newest: dict[int, int] = {}
        self.complaints: list[str] = []

    async def __call__(self, received: Received) -> Answer:
        entities = {op["n"] % 10: op["n"] for op in received.operations()}
        if self._open & set(entities):
            self.complaints.append("two in flight")
        self._open |= set(entities)
        await asyncio.sleep(self._chance.random() * 0.004)
        self._open -= set(entities)
        kind = self._chance.choice(["take", "take", "take", "lose", "429", "503"])
        if kind in ("429", "503"):
            return Answer(int(kind), headers={"Retry-After": "0.01"})
        for entity, version in entities.items():
            if version < self.newest.get(entity, -1):
                self.complaints.append("an older version after a newer one")
            self.newest[entity] = version
        return Answer(hangs_up=kind == "lose")


@pytest.mark.parametrize("seed", [1, 2])
def test_versions_of_an_entity_arrive_in_source_order_whatever_the_server_does(seed):
    hostile = Hostile(seed)
    batches = [batch_of([n], keys=[n % 10]) for n in range(60)]

    book, _ = asyncio.run(over_http(hostile, batches, requests_per_s=9000))

    assert hostile.complaints == []
    assert hostile.newest == {entity: 50 + entity for entity in range(10)}
    assert sorted(book.delivered) == list(range(60))


def test_bad_rows_are_found_by_halving_over_http():
    refused = Answer(400, b'{"errors":[{"reason":"required","field":"name"}]}')

    def answering(received: Received) -> Answer:
        return refused if any(op["n"] == 5 for op in received.operations()) else Answer()

    book, _ = asyncio.run(over_http(answering, batches_of(4, 16)))

    assert book.rejected == {5: "required name"}
    assert book.numbers() == list(range(64))


def test_a_wrong_key_mid_run_stops_it_and_names_server_file_and_variable():
    with pytest.raises(DeliveryError) as caught:
        asyncio.run(over_http(lambda r: Answer(401 if r.number >= 9 else 200), batches_of(90, 1)))

    assert "http://127.0.0.1" in caught.value.where
    assert "people.csv from row" in caught.value.where
    assert "CUSTOMERIO_API_KEY" in caught.value.fix


@pytest.mark.parametrize(("rate", "count"), [(4, 8), (50, 75), (400, 600)])
def test_the_server_never_sees_more_requests_in_a_second_than_the_limit(rate, count):
    book, server = asyncio.run(
        over_http(lambda _: Answer(), batches_of(count, 1), requests_per_s=rate)
    )

    assert len(book.delivered) == count
    assert most_in_a_window([(r.at_s, 1) for r in server.received], 1.0 - NOISE_S) <= rate


@pytest.mark.parametrize("rate", [4, 50, 1000])
def test_the_sender_reaches_97_percent_of_the_requests_and_never_passes_them(rate):
    transport = Scripted(lambda _: ACCEPTED)
    run(
        send(
            sender(transport, requests_per_s=rate, concurrency=64), batches_of(9 * rate, 1), Book()
        )
    )

    starts = transport.starts_s
    assert (len(starts) - 1) / (starts[-1] - starts[0]) >= 0.97 * rate
    assert most_in_a_window([(t, 1) for t in starts], 1.0) <= rate


def test_throttled_answers_do_not_lose_or_repeat_anything():
    seen: list[float] = []

    def throttling(numbers: list[int]) -> Reply:
        now_s = asyncio.get_running_loop().time()
        seen[:] = [t for t in seen if t > now_s - 1.0]
        if len(seen) >= 100:
            return Reply(429)
        seen.append(now_s)
        return ACCEPTED

    book = Book()
    run(send(sender(Scripted(throttling)), batches_of(500, 2), book))

    assert sorted(book.delivered) == list(range(1000))
