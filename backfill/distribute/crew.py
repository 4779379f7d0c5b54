"""The driver of a run that is spread over workers: it keeps the books, the pace and the order."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from functools import partial

from backfill.distribute import clock
from backfill.distribute.clock import Clock
from backfill.distribute.hiring import Hiring
from backfill.distribute.leases import LeasedPace
from backfill.distribute.links import Engine
from backfill.distribute.losses import KEPT_BACK_S
from backfill.distribute.member import Member
from backfill.distribute.messages import (
    Ended,
    Failed,
    FromWorker,
    Granted,
    Limited,
    Said,
    Setup,
    Shut,
    Stop,
    Unwanted,
    Wanted,
)
from backfill.distribute.pacer import Pacer
from backfill.distribute.wave import Wave
from backfill.errors import BackfillError
from backfill.pipeline.account import Account
from backfill.pipeline.carrying import Alone, Charge
from backfill.pipeline.sources import OpenStream
from backfill.waiting import Limit

#: Seconds between two words on what each worker does.
TELL_EVERY_S = 60.0

#: What begins the names of variables that the filesystems of sources and the way to the API read.
_HANDED_ON = ("AWS_", "AZURE_", "GOOGLE_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class Crew:
    """As of `Carrier`; workers: how many there are to be."""

    def __init__(self, charge: Charge, engine: Engine, workers: int) -> None:
        self._charge = charge
        limits = charge.limits
        # Requests in flight are shared out: fewer of them than workers is fewer workers.
        self._workers = min(workers, limits.concurrency or workers)
        if self._workers < workers:
            words = f"{self._workers} workers and not {workers}: no more requests may be in flight"
            charge.says(
                f"{words} (`concurrency: {limits.concurrency}`)", "fewer_workers", "warning"
            )
        self._pacer = Pacer(limits.requests_per_s, limits.operations_per_s)
        if limits.last_request_s is not None:
            self._pacer.follow()
        self._hiring = Hiring(engine, self._workers, charge.place, charge.says, self)
        self._members: dict[str, Member] = {}
        self._wave: Wave | None = None
        self._alone: Alone | None = None
        self._places: dict[str, int] = {}  # of living workers
        self._stopping = asyncio.Event()
        self._ending: asyncio.TimerHandle | None = None
        self._quiet_from_s = 0.0
        self._failure: BackfillError | None = None

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
        await self._quiet(stream.name)
        if self._failure is not None:
            raise self._failure
        if self._stopping.is_set():
            return
        if why := _must_be_alone(stream, self._charge.terms.limit):
            self._charge.says(f"{stream.name}: sent by one process, {why}", "sent_alone")
            await self._by_itself(stream, account)
            return
        charge, members, workers = self._charge, self._members, self._workers
        self._wave = wave = Wave(stream, account, charge, members, workers, self.failed)
        self._hiring.begin()
        telling = asyncio.ensure_future(self._telling(wave))
        try:
            await wave.run()
        finally:
            telling.cancel()
            self._wave = None
        self._tell(stream.name, wave)

    def stop(self) -> None:
        """See `Carrier`."""
        self._hiring.over()
        if self._alone is not None:
            self._alone.stop()
        if self._stopping.is_set():
            for member in list(self._members.values()):
                member.hand.end()
            return
        self._stopping.set()
        for member in self._members.values():
            member.tell(Stop())
        if self._wave is not None:
            self._wave.stop()
        # A worker that does not hear must not be waited for.
        late_s = self._charge.limits.stop_within_s + 1.0
        self._ending = asyncio.get_running_loop().call_later(late_s, self.stop)

    async def close(self) -> None:
        """See `Carrier`."""
        if self._ending is not None:
            self._ending.cancel()
        self._pacer.close()
        await self._hiring.close()
        if self._alone is not None:
            await self._alone.close()

    def setup(self, member: Member) -> Setup:
        """See `Employer`."""
        charge, limits = self._charge, self._charge.limits
        place = min({*range(self._workers)} - {*self._places.values()}, default=0)
        self._places[member.name] = place
        own = replace(
            limits,
            concurrency=limits.concurrency and (limits.concurrency + place) // self._workers,
            concurrency_max=max(1, limits.concurrency_max // self._workers),
            last_request_s=None,
        )
        environ = {n: v for n, v in os.environ.items() if n.upper().startswith(_HANDED_ON)}
        streams = tuple(charge.job.streams)
        return Setup(member.name, clock.host(), streams, charge.place, charge.terms, own, environ)

    def joined(self, member: Member) -> None:
        """See `Employer`."""
        self._pacer.admit(member.name, member.tell)
        self._members[member.name] = member
        if self._stopping.is_set():
            member.tell(Stop())
        elif self._wave is not None:
            self._wave.joins(member)

    def heard(self, member: Member, message: FromWorker) -> None:
        """See `Employer`."""
        if isinstance(message, Wanted | Unwanted | Ended):
            if not self._stopping.is_set():
                self._pacer.hear(member.name, message)
        elif isinstance(message, Limited):
            member.limited_by = message.limited_by
        elif isinstance(message, Said):
            self._charge.says(*message.remark)
        elif isinstance(message, Failed):
            raise message.error
        elif self._wave is not None:
            self._wave.heard(member, message)

    def left(self, member: Member) -> None:
        """See `Employer`."""
        self._members.pop(member.name, None)
        self._places.pop(member.name, None)
        if member.left:
            self._quiet_from_s = asyncio.get_running_loop().time() + KEPT_BACK_S
        self._pacer.dismiss(member.name)
        if self._wave is not None:
            self._wave.leaves(member)

    def failed(self, error: BackfillError) -> None:
        """See `Employer`: the wave ends with the error, once what is in flight is through."""
        self._failure = self._failure or error
        if self._wave is not None:
            self._wave.fail(error)
        if not self._stopping.is_set():
            self.stop()

    async def _quiet(self, name: str) -> None:
        """Wait for what lost workers had in flight: a wave may undo what the one before does."""
        left_s = self._quiet_from_s - asyncio.get_running_loop().time()
        if left_s > 0:
            words = f"{name}: begins in {left_s:.0f} s, for what a lost worker had in flight"
            self._charge.says(words, "waits_for_the_lost")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), left_s)

    async def _by_itself(self, stream: OpenStream, account: Account) -> None:
        if self._alone is None:
            pace = LeasedPace(partial(self._pacer.hear, "driver"), Clock(is_same=True))
            self._pacer.admit("driver", partial(_give, pace))
            limits = replace(self._charge.limits, last_request_s=None)
            self._alone = Alone(replace(self._charge, limits=limits), pace)
        await self._alone.wave(stream, account)
        if self._failure is not None:  # of workers, meanwhile
            raise self._failure

    async def _telling(self, wave: Wave) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            self._tell("so far", wave)

    def _tell(self, when: str, wave: Wave) -> None:
        members = sorted(self._members.values(), key=lambda one: one.number)
        done = "; ".join(f"{one.name}: {one.rows:,} rows" for one in members)
        how = " (each worker a share of the entities)" if wave.is_shared else ""
        self._charge.says(f"{when}: {done or 'no worker is ready yet'}{how}", "workers")


def _give(pace: LeasedPace, word: Granted | Shut) -> None:
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
