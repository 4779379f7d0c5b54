"""A run under way: its waves, what is kept of them, and what ends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from backfill.checkpoint import Checkpoint
from backfill.config import Job
from backfill.courier import RequestLog
from backfill.errors import BackfillError
from backfill.ledger import Ledger, Request, carried
from backfill.logbook import stopped_by
from backfill.pipeline.account import Account
from backfill.pipeline.carrying import Carrier, Carries, Charge
from backfill.pipeline.destination import Place
from backfill.pipeline.keeping import Keeper
from backfill.pipeline.limits import remark, sending_limits
from backfill.pipeline.outage import Outage
from backfill.pipeline.sources import OpenStream
from backfill.pipeline.stop import Stop
from backfill.pipeline.ticker import Ticker
from backfill.pipeline.watching import Terms, Watcher
from backfill.rejects import RejectsFile
from backfill.remarks import Remark
from backfill.report import Effort
from backfill.resumption import Saved, State


@dataclass(slots=True)
class Spent:
    """What this process did so far."""

    started_s: float = field(default_factory=time.monotonic)
    sent: int = 0
    retried: int = 0
    body_bytes: int = 0

    def add(self, log: RequestLog) -> None:
        """A request was made."""
        self.sent += 1
        self.retried += log.attempt > 1
        self.body_bytes += log.batch.body_bytes

    def effort(self) -> Effort:
        """All of it, until now."""
        elapsed_s = time.monotonic() - self.started_s
        return Effort(self.sent, self.retried, self.body_bytes, elapsed_s)


class Running:
    """A run under way: its waves, and what ends it."""

    def __init__(
        self,
        job: Job,
        streams: tuple[OpenStream, ...],
        terms: Terms,
        ledger: Ledger,
        checkpoint: Checkpoint,
        rejects: dict[str, RejectsFile],
        watcher: Watcher,
        spent: Spent,
        carries: Carries,
    ) -> None:
        self._job, self._streams, self._terms = job, streams, terms
        self._ledger, self._rejects = ledger, rejects
        self._watcher, self._spent, self._carries = watcher, spent, carries
        memories = [stream.detector.memory for stream in streams if stream.detector]
        self._keeper = Keeper(
            checkpoint, ledger, rejects, list(dict.fromkeys(memories)), self._cannot_be_kept
        )
        self._failure: BackfillError | None = None
        self._carrier: Carrier | None = None
        self.held = 0

    async def deliver(
        self, place: Place, saved: Saved | None, stop: Stop
    ) -> tuple[State, BackfillError | None]:
        """Send every wave; returns what the run came to once that is durable."""
        limits = sending_limits(self._job, saved)
        if said := remark(self._job, limits):
            self._remark(said)
        self._outage = Outage(place.address, limits.give_up_after_s)
        job, terms, ledger, says = self._job, self._terms, self._ledger, self._watcher.says
        charge = Charge(job, place, terms, limits, ledger, self._requested, says)
        self._carrier = self._carries(charge)
        self._ticker = Ticker(self._watcher, self._ledger, self._carrier)
        stop.listen(self._carrier.stop)
        keeping = asyncio.create_task(self._keeper.keep())
        state: State = "stopped"
        try:
            await self._waves(stop)
            state = self._ended(stop)
        except BackfillError as error:
            self._failure = self._failure or error
        finally:
            self._ticker.close()
            self._keeper.close()
            await keeping
            await self._carrier.close()
            await self._finish(state)
        return ("stopped" if self._failure else state), self._failure

    async def _waves(self, stop: Stop) -> None:
        for stream in self._streams:
            if stop.signal is not None or self._failure is not None:
                return
            await self._wave(stream)

    async def _wave(self, stream: OpenStream) -> None:
        assert self._carrier is not None
        rejects = self._rejects[stream.name]
        self._watcher.begins(stream.name, self._ledger.counts(stream.name).done)
        self._ticker.turn_to(stream.name)
        account = Account(stream, self._terms, self._ledger, self._keeper, self._watcher, rejects)
        await self._carrier.wave(stream, account)
        if account.is_finished:
            self._watcher.ends(account.counts)
        self.held += account.held
        for said in account.remarks():
            self._remark(said)

    def _remark(self, said: Remark) -> None:
        """Tell people now, and in the report."""
        self._watcher.says(*said)
        self._ledger.remark(said.text)

    def _requested(self, log: RequestLog) -> None:
        if said := self._outage.heard(time.monotonic(), log):
            self._watcher.says(*said)
        self._watcher.requested(log)
        self._spent.add(log)
        self._ledger.log(
            Request(
                log.started_at_s,
                log.batch.stream,
                len(log.batch),
                log.batch.body_bytes,
                log.status,
                log.attempt,
                log.elapsed_s,
                log.failure,
                carried(log.batch),
            )
        )
        self._keeper.notice()

    def _ended(self, stop: Stop) -> State:
        if self._failure is not None:
            return "stopped"
        if stop.signal is not None:
            return "interrupted"
        return "held" if self.held else "completed"

    def _cannot_be_kept(self, error: BackfillError) -> None:
        self._failure = error
        if self._carrier:
            self._carrier.stop()

    async def _finish(self, state: State) -> None:
        with self._noting():  # what is done stays so if a file cannot be closed
            await self._keeper.commit("stopped")
        for file in self._rejects.values():
            with self._noting():
                file.close()
        if self._failure:
            self._ledger.remark(stopped_by(self._failure))
        with self._noting():
            await self._keeper.commit("stopped" if self._failure else state)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Keep the first failure, and go on."""
        try:
            yield
        except BackfillError as error:
            self._failure = self._failure or error
