"""Where requests become transactions, one after the other, and where the state is read."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from starlette.concurrency import run_in_threadpool

from backfill.sandbox.calls import Answer, Call, Reading
from backfill.sandbox.settings import Sandbox
from backfill.sandbox.workspace.reading import connected
from backfill.sandbox.workspace.state import Work, work

#: Of an answer that refuses something, the log keeps so many characters.
VERDICT_CHARACTERS_MAX: Final = 4_000


class Arrival(NamedTuple):
    """When and where a request came; at: unix seconds; path: as it was sent."""

    at: float
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Desk:
    """One writer in a thread of its own, many readers.

    database: used by the writer alone.
    """

    sandbox: Sandbox
    state: Path
    database: sqlite3.Connection
    writer: ThreadPoolExecutor

    async def take(
        self, arrival: Arrival, handle: Callable[[Work, Call], Answer], call: Call
    ) -> Answer:
        """Answer a request once what it does, and that it came, is in the state."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.writer, self._write, arrival, handle, call)

    def _write(
        self, arrival: Arrival, handle: Callable[[Work, Call], Answer], call: Call
    ) -> Answer:
        with work(self.sandbox, self.database, int(arrival.at)) as begun:
            answer = handle(begun, call)
            body = call.body
            digest = hashlib.blake2b(body, digest_size=16).digest() if body else None
            is_plain = answer.status in (200, 204)
            verdict = None if is_plain else answer.body[:VERDICT_CHARACTERS_MAX].decode()
            counts = (answer.status, answer.operations, answer.refused, len(body))
            self.database.execute(
                "INSERT INTO requests"
                " (at, method, path, status, operations, refused, bytes, digest, verdict)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*arrival, *counts, digest, verdict),
            )
        return answer

    async def look(
        self, handle: Callable[[Reading, Call], Answer], call: Call, now: float
    ) -> Answer:
        """Answer from the state as it was last committed."""
        return await run_in_threadpool(self._read, handle, call, now)

    def _read(self, handle: Callable[[Reading, Call], Answer], call: Call, now: float) -> Answer:
        with closing(connected(self.state)) as database:
            return handle(Reading(database, self.sandbox, int(now)), call)
