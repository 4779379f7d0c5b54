"""Batches to send, a transport that answers by a script, and a book of what was heard."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from backfill.batches import Batch, Body, Piece
from backfill.courier import Limits, Outside, RequestLog
from backfill.errors import DeliveryError
from backfill.records import Block, BlockStart, Form, SourceFile
from backfill.sender import Sender
from backfill.verdict import Delivery, Reply

from .virtual import run

ACCEPTED = Reply(200, b"{}\n")
REFUSED = Reply(400, b"no")


def batch_of(numbers: Sequence[int], keys: Sequence[int] = (), stream: str = "people") -> Batch:
    """A batch whose operations are the numbers, from rows of those numbers."""
    texts = [b'{"n":%d},' % n for n in numbers]
    file = SourceFile(stream, 0, Path("people.csv"), "people.csv", "csv")
    rows = np.array(numbers, np.int64)
    table = pa.record_batch({"n": pa.array(rows)})
    stop = BlockStart(int(rows[-1]) + 1, 0)
    block = Block(file, Form.TEXT, BlockStart(int(rows[0]), 0), stop, table, rows)
    ends = np.cumsum([len(t) for t in texts], dtype=np.int64)
    return Batch(stream, (b"".join(texts),), ends, (Piece(block, rows),), np.array(keys, np.uint64))


def batches_of(count: int, size: int) -> list[Batch]:
    return [batch_of(range(i * size, (i + 1) * size)) for i in range(count)]


def numbers_in(body: Body) -> list[int]:
    return [operation["n"] for operation in json.loads(b"".join(body))["batch"]]


def listed(*indices: int) -> Reply:
    """A 207 that refuses the operations at these places."""
    errors = [{"batch_index": i, "reason": "invalid", "field": "x"} for i in indices]
    return Reply(207, json.dumps({"errors": errors}).encode())


Answering = Callable[[list[int]], Reply | Awaitable[Reply]]


class Scripted:
    """Answers each batch by its numbers, after a moment, and keeps what it was sent and when."""

    address = "https://track.example"

    def __init__(self, answering: Answering, takes_s: float = 0.05) -> None:
        self._answering, self._takes_s = answering, takes_s
        self.posts: list[list[int]] = []
        self.starts_s: list[float] = []
        self.in_flight = self.in_flight_max = 0

    async def post(self, body: Body) -> Reply:
        numbers = numbers_in(body)
        self.posts.append(numbers)
        self.starts_s.append(asyncio.get_running_loop().time())
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight, self.in_flight_max)
        try:
            await asyncio.sleep(self._takes_s)
            reply = self._answering(numbers)
            return reply if isinstance(reply, Reply) else await reply
        finally:
            self.in_flight -= 1


@dataclass
class Book:
    """What the sender told."""

    deliveries: list[Delivery] = field(default_factory=list)
    requests: list[RequestLog] = field(default_factory=list)

    @property
    def delivered(self) -> list[int]:
        return [n for n, reason in self._verdicts() if reason is None]

    @property
    def rejected(self) -> dict[int, str]:
        return {n: reason for n, reason in self._verdicts() if reason is not None}

    def numbers(self) -> list[int]:
        return sorted(n for n, _ in self._verdicts())

    def _verdicts(self) -> list[tuple[int, str | None]]:
        return [
            (n, delivery.rejected.get(index))
            for delivery in self.deliveries
            for index, n in enumerate(numbers_in(delivery.batch.body()))
        ]


async def feed(batches: Iterable[Batch]) -> AsyncIterator[Batch]:
    for batch in batches:
        yield batch


def outside(draw: float = 0.5, wall_s: float | None = None) -> Outside:
    """A wall clock that goes with the loop's, or stands still."""
    clock = (lambda: wall_s) if wall_s else (lambda: asyncio.get_running_loop().time())
    return Outside(clock, lambda: draw)


def sender(transport: Any, draw: float = 0.5, **limits: Any) -> Sender:
    return Sender(transport, Limits(**{"requests_per_s": 1000, **limits}), outside(draw))


async def send(to: Sender, batches: Iterable[Batch], book: Book) -> None:
    await to.deliver(feed(batches), book.deliveries.append, book.requests.append)


def outcome(to: Sender, batches: Iterable[Batch], book: Book) -> DeliveryError | None:
    """Run it on the virtual clock; returns what stopped it."""
    try:
        run(send(to, batches, book))
    except DeliveryError as error:
        return error
    return None


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


def ignore(_: object) -> None:
    pass
