"""The driver of a run that is spread over workers: it keeps the books, the pace and the order."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any

from backfill import concurrency
from backfill.distribute import clock
from backfill.distribute.clock import Clock
from backfill.distribute.leases import LeasedPace
from backfill.distribute.links import Engine, Hand, Lost, Mouth, understood
from backfill.distribute.member import Member
from backfill.distribute.messages import (
    Ended,
    Failed,
    FromWorker,
    Granted,
    Held,
    Ready,
    Setup,
    Shut,
    Stop,
    Unwanted,
    Wanted,
)
from backfill.distribute.pacer import Pacer
from backfill.distribute.wave import Wave
from backfill.distribute.worker import probe
from backfill.errors import BackfillError, UsageError, unforeseen
from backfill.pipeline.account import Account
from backfill.pipeline.carrying import Alone, Charge
from backfill.pipeline.sources import OpenStream
from backfill.waiting import Limit

#: Workers that may be lost in a row, for each there is to be, with no row done in between.
LOSSES_MAX = 3

#: Seconds between two words on what each worker does.
TELL_EVERY_S = 60.0

#: Variables that the filesystems of sources read.
_FOR_SOURCES = ("AWS_", "AZURE_", "GOOGLE_")


class Crew:
    """As of `Carrier`; workers: how many there are to be."""

    def __init__(self, charge: Charge, engine: Engine, workers: int) -> None:
        self._charge, self._engine = charge, engine
        limits = charge.limits
        # Requests in flight are shared out: fewer of them than workers is fewer workers.
        self._workers = min(workers, limits.concurrency or workers)
        self._pacer = Pacer(limits.requests_per_s, limits.operations_per_s)
        if limits.last_request_s is not None:
            self._pacer.follow()
        self._members: dict[str, Member] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wave: Wave | None = None
        self._alone: Alone | None = None
        self._started = self._losses = 0
        self._is_stopped = False

    @property
    def limited_by(self) -> Limit | None:
        """See `Carrier`."""
        if self._wave is None:
            return self._alone.limited_by if self._alone else None
        if self._pacer.is_waited_for:
            return "pace"
        found = Counter(one.limited_by for one in self._members.values() if one.limited_by)
        return found.most_common(1)[0][0] if found else None

    async def wave(self, stream: OpenStream, account: Account) -> None:
        """See `Carrier`."""
        if why := _must_be_alone(stream, self._charge.terms.limit):
            self._charge.says(f"{stream.name}: sent by one process, {why}", "sent_alone")
            await self._by_itself(stream, account)
            return
        self._wave = wave = Wave(stream, account, self._charge, self._members, self._workers)
        while self._started < self._workers:
            self._start()
        telling = asyncio.ensure_future(self._telling(wave))
        try:
            await wave.run()
        finally:
            telling.cancel()
            self._wave = None
        self._tell(stream.name, wave)

    def stop(self) -> None:
        """See `Carrier`."""
        if self._alone is not None:
            self._alone.stop()
        if self._is_stopped:
            for member in list(self._members.values()):
                member.hand.end()
        self._is_stopped = True
        for member in self._members.values():
            member.tell(Stop())
        if self._wave is not None:
            self._wave.stop()

    async def close(self) -> None:
        """See `Carrier`."""
        self._pacer.close()
        for member in self._members.values():
            member.hand.end()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._alone is not None:
            await self._alone.close()
        self._engine.close()

    async def _by_itself(self, stream: OpenStream, account: Account) -> None:
        if self._alone is None:
            pace = LeasedPace(partial(self._pacer.hear, "driver"), Clock(is_same=True))
            self._pacer.admit("driver", lambda word: _lease(pace, word))
            limits = replace(self._charge.limits, last_request_s=None)
            self._alone = Alone(replace(self._charge, limits=limits), pace)
        await self._alone.wave(stream, account)

    def _start(self) -> None:
        self._started += 1
        self._spawn(self._hired(f"worker {self._started}"))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hired(self, name: str) -> None:
        """The life of a worker, as the driver sees it."""
        member: Member | None = None
        try:
            hand = await self._engine.start(name)
            member = Member(name, hand, Mouth(hand.tell))
            member.tell(self._setup(name))
            while True:
                for message in understood(await hand.hear()):
                    self._listen(member, message)
        except Lost as error:
            self._lost(name, member, str(error))
        except BackfillError as error:
            self._fail(error)

    def _listen(self, member: Member, message: FromWorker) -> None:
        """Do about a message what is to be done; what is raised ends the run."""
        try:
            self._heard(member, message)
        except BackfillError as error:
            self._fail(error)
        except Exception as error:  # of any kind: a run must not go on without its books
            self._fail(unforeseen(error))

    def _setup(self, name: str) -> Setup:
        charge = self._charge
        limits, share = charge.limits, self._workers
        own = replace(
            limits,
            concurrency=limits.concurrency and max(1, limits.concurrency // share),
            concurrency_max=max(1, min(limits.concurrency_max, concurrency.MOST) // share),
            last_request_s=None,
        )
        environ = {n: value for n, value in os.environ.items() if n.startswith(_FOR_SOURCES)}
        streams = tuple(charge.job.streams)
        return Setup(name, clock.host(), streams, charge.place, charge.terms, own, environ)

    def _heard(self, member: Member, message: FromWorker) -> None:
        if isinstance(message, Wanted | Unwanted | Ended):
            if not self._is_stopped:
                self._pacer.hear(member.name, message)
        elif isinstance(message, Held):
            member.limited_by = message.limited_by
        elif isinstance(message, Failed):
            raise message.error
        elif isinstance(message, Ready):
            self._ready(member, message)
        elif self._wave is not None:
            self._wave.heard(member, message)
            self._losses = 0

    def _ready(self, member: Member, word: Ready) -> None:
        member.place = f"process {word.process} on {word.node}"
        _check_alike(member, word)
        self._charge.says(f"{member.name} is ready: {member.place}", "worker_ready")
        self._pacer.admit(member.name, member.tell)
        self._members[member.name] = member
        if self._is_stopped:
            member.tell(Stop())
        elif self._wave is not None:
            self._wave.joins(member)

    def _lost(self, name: str, member: Member | None, why: str) -> None:
        """A worker is gone; another takes its place."""
        self._members.pop(name, None)
        self._pacer.dismiss(name)
        if self._is_stopped:
            if self._wave is not None and member is not None:
                self._wave.leaves(member)
            return
        self._losses += 1
        if self._losses > LOSSES_MAX * self._workers:
            fix = "see what ends them, memory perhaps; the same command goes on where it stopped"
            self._fail(BackfillError(f"workers do not live: {why}", name, fix))
            return
        place = f", {member.place}" if member is not None and member.place else ""
        words = f"{name}{place} is lost ({why}); what it had goes on elsewhere"
        self._charge.says(words, "worker_lost", "warning")
        if self._wave is not None and member is not None:
            self._wave.leaves(member)
        self._start()

    def _fail(self, error: BackfillError) -> None:
        """End the wave with an error, once what is in flight is through."""
        if self._wave is not None:
            self._wave.fail(error)
        if not self._is_stopped:
            self.stop()
        loop = asyncio.get_running_loop()
        loop.call_later(self._charge.limits.stop_within_s + 1.0, self.stop)

    async def _telling(self, wave: Wave) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            self._tell("so far", wave)

    def _tell(self, when: str, wave: Wave) -> None:
        done = [f"{one.name} {one.rows:,}" for one in self._members.values()]
        how = ", each worker a share of the entities" if wave.is_shared else ""
        self._charge.says(f"{when}: rows by {', '.join(done) or 'nobody'}{how}", "workers")


def _lease(pace: LeasedPace, word: Granted | Shut) -> None:
    if isinstance(word, Granted):
        pace.granted(word)
    else:
        pace.shut(word)


def _must_be_alone(stream: OpenStream, limit: int | None) -> str:
    """Why a stream is not spread over workers; empty: it is."""
    if limit is not None:
        return "for --limit takes its first rows only"
    if stream.detector is not None:
        return "for it compares with what is known"
    return ""


def _check_alike(member: Member, word: Ready) -> None:
    """Raise UsageError where a worker would do something else than the driver."""
    if word.version != version("backfill"):
        raise UsageError(
            f"{member.name} runs backfill {word.version}, this process {version('backfill')}",
            member.place,
            "install the same release on every node",
        )
    if (word.probe != probe()).any():
        raise UsageError(
            f"{member.name} tells entities apart by other hashes than this process",
            member.place,
            "install the same releases of polars on every node, for the same kind of processor",
        )


__all__ = ["Crew", "Hand"]
