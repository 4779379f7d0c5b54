"""Where requests become changes of the state, one after the other, and where it is read."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple

from starlette.concurrency import run_in_threadpool

from backfill.sandbox.calls import Answer, Call, Reading
from backfill.sandbox.faults.fates import Fate
from backfill.sandbox.settings import Sandbox
from backfill.sandbox.workspace.reading import connected
from backfill.sandbox.workspace.state import Work, transaction, work

#: Of an answer that refuses something, the log keeps so many characters.
VERDICT_CHARACTERS_MAX: Final = 4_000

#: Requests that share a transaction: of the pages of an index that is met in no order, each is
#: logged once for all of them. 5.7 us a new person by four, 6.9 one by one; more gain little.
_TOGETHER_MAX: Final = 4


class Arrival(NamedTuple):
    """When and where a request came; at: unix seconds; path: as it was sent."""

    at: float
    method: str
    path: str


class _Order(NamedTuple):
    """A request on its way to the state; answer: once what it does is there."""

    arrival: Arrival
    handle: Callable[[Work, Call], Answer]
    call: Call
    fate: Fate
    answer: Future[Answer]


@dataclass(slots=True)
class Desk:
    """One writer in a thread of its own, many readers.

    database: used by the writer alone. latest: the unix time of its last order, which never goes
    back though the clock may.
    """

    sandbox: Sandbox
    state: Path
    database: sqlite3.Connection
    latest: int = 0
    orders: SimpleQueue[_Order | None] = field(default_factory=SimpleQueue)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Write what is ordered; what was ordered is written when this ends."""
        writer = threading.Thread(target=self._write, name="sandbox-writer", daemon=True)
        writer.start()
        try:
            yield
        finally:
            self.orders.put(None)
            writer.join()

    async def take(
        self, arrival: Arrival, handle: Callable[[Work, Call], Answer], call: Call, fate: Fate
    ) -> Answer:
        """Answer a request once what it does, and that it came, is in the state."""
        order = _Order(arrival, handle, call, fate, Future())
        self.orders.put(order)
        return await asyncio.wrap_future(order.answer)

    def _write(self) -> None:
        """Carry out orders until there will be no more; those that wait share a transaction."""
        is_open = True
        while is_open:
            orders = [self.orders.get()]
            while len(orders) < _TOGETHER_MAX and not self.orders.empty():
                orders.append(self.orders.get())
            is_open = None not in orders
            self._commit([o for o in orders if o and o.answer.set_running_or_notify_cancel()])

    def _commit(self, orders: Sequence[_Order]) -> None:
        """Answer orders once all of them are in the state; where one fails, each for itself."""
        try:
            with transaction(self.database):
                answers = [self._carried_out(order) for order in orders]
        except Exception as error:
            if len(orders) == 1:
                orders[0].answer.set_exception(error)  # answered with 500
                return
            for order in orders:
                self._commit([order])
            return
        for order, answer in zip(orders, answers, strict=True):
            order.answer.set_result(answer)

    def _carried_out(self, order: _Order) -> Answer:
        # Not when its head came: another's body may have come meanwhile, and been written.
        self.latest = max(self.latest, int(time.time()))
        with work(order.fate.applied(self.sandbox), self.database, self.latest) as begun:
            answer = order.handle(begun, order.call)
        body = order.call.body
        digest = hashlib.blake2b(body, digest_size=16).digest() if body else None
        is_plain = answer.status in (200, 204)
        verdict = None if is_plain else answer.body.decode()[:VERDICT_CHARACTERS_MAX]
        counts = (answer.status, answer.operations, answer.refused, len(body))
        self.database.execute(
            "INSERT INTO requests"
            " (at, method, path, status, operations, refused, bytes, digest, verdict, fault)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*order.arrival, *counts, digest, verdict, str(order.fate) or None),
        )
        return answer

    async def look(
        self, handle: Callable[[Reading, Call], Answer], call: Call, now: float
    ) -> Answer:
        """Answer from the state as it was last committed."""
        return await run_in_threadpool(self._read, handle, call, now)

    def _read(self, handle: Callable[[Reading, Call], Answer], call: Call, now: float) -> Answer:
        with connected(self.state) as database:
            return handle(Reading(database, self.sandbox, int(now)), call)
