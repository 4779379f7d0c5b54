"""A worker: the ordinary pipeline on the shards it is given, with the driver's leases and books."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl

from backfill import concurrency
from backfill.distribute import clock
from backfill.distribute.clock import Clock
from backfill.distribute.leases import LeasedPace
from backfill.distribute.links import Link, Lost, Mouth, understood
from backfill.distribute.messages import (
    Answered,
    Assigned,
    Begin,
    Failed,
    FromDriver,
    Granted,
    Heard,
    Limited,
    Look,
    Looked,
    NoMore,
    Ready,
    Rested,
    Said,
    Setup,
    Shut,
    Stop,
)
from backfill.distribute.parts import Parts, looked
from backfill.distribute.reporting import Reporter
from backfill.errors import foreseen
from backfill.ledger import rejected_by_api
from backfill.operations import where_of
from backfill.operations.identities import key
from backfill.pipeline.encoding import encoded_of
from backfill.pipeline.flow import Flow
from backfill.pipeline.sources import OpenStream
from backfill.records import UInt64s
from backfill.remarks import stray
from backfill.sender import REAL, Sender

#: Variables that belong together.
_OF_ONE_KEY = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

#: Seconds between two words on what holds the worker up.
HELD_EVERY_S = 1.0


async def work(link: Link) -> None:
    """Do what the driver says until it is gone; what was not acknowledged is left undone."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(concurrency.MOST + 3))
    mouth = Mouth(link.tell)
    loop.set_exception_handler(lambda _, context: mouth.say(Said(stray(context))))
    try:
        setup, *rest = understood(await link.hear())
        _take(setup.environ)
        worker = Worker(setup, mouth)
        place = socket.gethostname(), clock.host(), os.getpid()
        mouth.say(Ready(*place, version("backfill"), probe()))
        for message in rest:
            worker.hear(message)
        while True:
            for message in understood(await link.hear()):
                worker.hear(message)
    except Lost:
        return
    except Exception as error:  # of any kind: the driver has to hear of it, and nobody else
        mouth.say(Failed(foreseen(error)))
        with suppress(Lost):  # it ends us once it has
            while True:
                await link.hear()


def _take(environ: Mapping[str, str]) -> None:
    """Take variables of the driver that are not set here; of credentials all of them, or none."""
    is_known = "AWS_ACCESS_KEY_ID" in os.environ
    for name, value in environ.items():
        if not (is_known and name in _OF_ONE_KEY):
            os.environ.setdefault(name, value)


def probe() -> UInt64s:
    """Whom known texts are about: equal in every process that agrees on it."""
    texts = pl.Series(["", "a", "B@c.de", "0123456789" * 8])
    return key("email", texts).to_numpy()


class Worker:
    """What a worker does about each message; lives in one event loop."""

    def __init__(self, setup: Setup, mouth: Mouth) -> None:
        self._setup, self._mouth = setup, mouth
        self._streams = {stream.name: stream for stream in setup.streams}
        self._reporter = Reporter(mouth.say)
        self._pace = LeasedPace(mouth.say, Clock(is_same=setup.host == clock.host() != ""))
        transport = setup.place.transport()
        self._sender = Sender(transport, setup.limits, REAL, self._pace, believes=False)
        self._shards: asyncio.Queue[Assigned | None] = asyncio.Queue()
        self._begun: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tick()

    def hear(self, message: FromDriver) -> None:
        """Do what the driver says."""
        match message:
            case Granted():
                self._pace.granted(message)
            case Heard(blocks):
                self._reporter.heard(blocks)
            case Assigned():
                self._shards.put_nowait(message)
            case NoMore():
                self._shards.put_nowait(None)
            case Begin(stream):
                self._begun.add(stream)
                self._spawn(self._wave(message), Rested((), 0))
            case Look():
                self._spawn(self._look(message))
            case Shut():
                self._pace.shut(message)
            case Stop():
                self._shards.put_nowait(None)
                self._sender.stop()

    async def _wave(self, word: Begin) -> None:
        """Send the shards that come until no more does."""
        stream, terms = self._streams[word.stream], self._setup.terms
        opened = OpenStream(stream, where_of(stream), ())
        parts = Parts(stream, self._shards.get, self._reporter.until_heard, self._mouth.say)
        found = encoded_of(opened, parts.readings(), parts, terms.now_s, word.since_min)
        flow = Flow(opened, terms, self._reporter)
        async with aclosing(flow.batches(found)) as batches:
            await self._sender.deliver(batches, flow.delivered, self._reporter.requested)
        doubted, count = self._sender.take_doubted()
        self._mouth.say(Rested(tuple(map(self._doubted, doubted)), count))

    def _doubted(self, delivery: Any) -> Answered:
        rejected = rejected_by_api(delivery.batch, delivery.rejected)
        return self._reporter.answer(delivery, rejected)

    async def _look(self, word: Look) -> None:
        """Look whom the rows of a shard are about, as long as the stream is not sent already."""
        stream, number = word.stream, word.shard.number
        pieces = looked(self._streams[stream], word.shard)
        while (keys := await asyncio.to_thread(next, pieces, None)) is not None:
            if stream in self._begun:
                return
            self._reporter.unheard += 1
            self._mouth.say(Looked(stream, number, keys, is_last=False))
            await self._reporter.until_heard()
        self._mouth.say(Looked(stream, number, np.empty(0, np.uint64), is_last=True))

    def _spawn(self, work: Coroutine[Any, Any, None], last: Rested | None = None) -> None:
        """Do something beside; last: the word that the driver waits for, should it fail."""
        task = asyncio.get_running_loop().create_task(self._telling(work, last))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _telling(self, work: Coroutine[Any, Any, None], last: Rested | None) -> None:
        """Tell the driver where something fails."""
        try:
            await work
            return
        except Exception as error:  # of any kind: the driver has to hear of it
            told = foreseen(error)
            where = f"{told.where} ({self._setup.name}, {socket.gethostname()})"
            self._mouth.say(Failed(type(told)(told.what, where, told.fix)))
        if last is not None:
            self._mouth.say(last)

    def _tick(self) -> None:
        self._mouth.say(Limited(self._sender.limited_by))
        asyncio.get_running_loop().call_later(HELD_EVERY_S, self._tick)
