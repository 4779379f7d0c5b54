"""One run of a job: everything wired together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass, field

from backfill.checkpoint import Checkpoint, new_run_id
from backfill.config import Job
from backfill.courier import RequestLog
from backfill.errors import BackfillError
from backfill.ledger import Counts, Ledger, Request, carried
from backfill.pipeline import guard
from backfill.pipeline.destination import Patience, Place, confirmed
from backfill.pipeline.flow import Flow, Terms, Watcher
from backfill.pipeline.keeping import Keeper
from backfill.pipeline.limits import batch_operations_max, remark, sending_limits
from backfill.pipeline.outage import Outage
from backfill.pipeline.sources import OpenStream, job_identity, open_streams
from backfill.pipeline.stop import Stop
from backfill.pipeline.ticker import Ticker
from backfill.rejects import RejectsFile, refused
from backfill.remarks import Remark
from backfill.report import Closing, Effort
from backfill.resumption import Extent, Saved, Start, State, decide, stopped_by
from backfill.sender import Sender


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to a config.

    limit: how many rows of each stream take part, from its first; None: all.
    fresh: start anew and keep the old checkpoint under another name.
    """

    limit: int | None = None
    fresh: bool = False


@dataclass(slots=True)
class _Spent:
    """What this process did so far."""

    started_s: float = field(default_factory=time.monotonic)
    sent: int = 0
    retried: int = 0
    body_bytes: int = 0

    def add(self, log: RequestLog) -> None:
        self.sent += 1
        self.retried += log.attempt > 1
        self.body_bytes += log.batch.body_bytes

    def effort(self) -> Effort:
        elapsed_s = time.monotonic() - self.started_s
        return Effort(self.sent, self.retried, self.body_bytes, elapsed_s)


async def run(job: Job, place: Place, options: Options, watcher: Watcher, stop: Stop) -> Closing:
    """Send what is not done of a job.

    Raises BackfillError where nothing was begun; what stops a run that began is in the Closing.
    """
    spent = _Spent()
    patience = Patience(job.destination.give_up_after, watcher.says)
    streams = await stop.unless_asked(asyncio.to_thread(open_streams, job))
    if job.destination.region == "auto":
        place = (await stop.unless_asked(confirmed(job, place, patience))).place
    identity = job_identity(place.identity, streams)
    terms = _terms(job, place, options)

    async def cleared(ledger: Ledger) -> None:
        """Return where nothing speaks against sending what is not done."""
        if not terms.is_rehearsal:
            await _guarded(streams, ledger, terms, stop)
        if job.destination.region != "auto":
            await stop.unless_asked(confirmed(job, place, patience))

    if options.fresh:  # the old checkpoint is set aside only for a run that can begin
        await cleared(Ledger())
    with ExitStack() as held:
        checkpoint = held.enter_context(_opened(job, options, watcher))
        saved = checkpoint.load()
        start = decide(identity, saved)
        if start is Start.FINISHED and saved is not None:
            return _already_done(job, saved, spent)
        resumed = saved if start is Start.RESUME else None
        ledger = Ledger(resumed.files, resumed.counts, resumed.rules) if resumed else Ledger()
        if not options.fresh:
            await cleared(ledger)
        run_id = resumed.run_id if resumed else new_run_id()
        watcher.starts(run_id)
        rejects = _rejects(job, resumed, watcher, held)
        if resumed is None:
            checkpoint.begin(identity, run_id)
        else:
            checkpoint.go_on()
            watcher.says(_progress(resumed), "run_resumed")
        running = _Running(job, streams, terms, ledger, checkpoint, rejects, watcher, spent)
        state, error = await running.deliver(place, saved, stop)
    return Closing(
        state,
        run_id,
        {stream.name: ledger.counts(stream.name) for stream in streams},
        spent.effort(),
        [path for file in rejects.values() for path in file.paths()],
        job.checkpoint,
        error,
        signal=stop.signal if state == "interrupted" else None,
        is_cut=options.limit is not None,
        held=running.held,
    )


def _opened(job: Job, options: Options, watcher: Watcher) -> Checkpoint:
    """The job's checkpoint; says at once where an old one is kept, whatever comes of the run."""
    checkpoint = Checkpoint.open(job.checkpoint, fresh=options.fresh)
    if checkpoint.kept is not None:
        watcher.says(f"The old checkpoint is kept as {checkpoint.kept}.", "checkpoint_kept")
    return checkpoint


def _progress(resumed: Saved) -> str:
    done = sum(counts.done for counts in resumed.counts.values())
    return f"Run {resumed.run_id} goes on; {done:,} rows are done."


def _terms(job: Job, place: Place, options: Options) -> Terms:
    return Terms(
        int(time.time()),
        options.limit,
        batch_operations_max(job),
        place.is_rehearsal,
        job.max_rejects,
        job.rejects,
    )


def _already_done(job: Job, saved: Saved, spent: _Spent) -> Closing:
    paths = [path for stream in job.streams for path in refused(job.rejects, stream.name)]
    counts = {stream.name: saved.counts.get(stream.name, Counts()) for stream in job.streams}
    effort = spent.effort()
    return Closing("completed", saved.run_id, counts, effort, paths, job.checkpoint, was_done=True)


async def _guarded(
    streams: tuple[OpenStream, ...], ledger: Ledger, terms: Terms, stop: Stop
) -> None:
    """Look for young events without holding up the event loop, and so a signal."""
    looking = guard.check_ages(streams, ledger, terms.now_s, terms.limit)
    while await stop.unless_asked(asyncio.to_thread(next, looking, _OVER)) is not _OVER:
        pass


_OVER = object()


def _rejects(
    job: Job, resumed: Saved | None, watcher: Watcher, held: ExitStack
) -> dict[str, RejectsFile]:
    """The rejects files of a run, as its last commit left them."""
    files = {}
    for stream in job.streams:
        extent = resumed.rejects.get(stream.name, Extent()) if resumed else None
        opened = RejectsFile(job.rejects, stream.name, stream.source, extent)
        files[stream.name] = opened
        held.callback(opened.close)
        whose = "of no commit of this run" if resumed else "that stood there before"
        for path in opened.aside:
            watcher.says(f"The rejects {whose} are kept as {path}.", "rejects_kept")
    return files


class _Running:
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
        spent: _Spent,
    ) -> None:
        self._job, self._streams, self._terms = job, streams, terms
        self._ledger, self._rejects = ledger, rejects
        self._watcher, self._spent = watcher, spent
        self._keeper = Keeper(checkpoint, ledger, rejects, self._cannot_be_kept)
        self._failure: BackfillError | None = None
        self._sender: Sender | None = None
        self.held = 0

    async def deliver(
        self, place: Place, saved: Saved | None, stop: Stop
    ) -> tuple[State, BackfillError | None]:
        """Send every wave; returns what the run came to once that is durable."""
        limits = sending_limits(self._job, saved)
        if said := remark(self._job, limits):
            self._remark(said)
        self._outage = Outage(place.address, limits.give_up_after_s)
        transport = place.transport()
        self._sender = Sender(transport, limits)
        self._ticker = Ticker(self._watcher, self._ledger, self._sender)
        stop.listen(self._sender.stop)
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
            await transport.aclose()
            await self._finish(state)
        return ("stopped" if self._failure else state), self._failure

    async def _waves(self, stop: Stop) -> None:
        for stream in self._streams:
            if stop.signal is not None or self._failure is not None:
                return
            await self._wave(stream)

    async def _wave(self, stream: OpenStream) -> None:
        assert self._sender is not None
        rejects = self._rejects[stream.name]
        self._watcher.begins(stream.name, self._ledger.counts(stream.name).done)
        self._ticker.turn_to(stream.name)
        flow = Flow(stream, self._terms, self._ledger, self._keeper, self._watcher, rejects)
        async with aclosing(flow.batches()) as batches:
            await self._sender.deliver(batches, flow.delivered, self._requested)
        if flow.is_finished:
            self._watcher.ends(self._ledger.counts(stream.name))
        self.held += flow.held
        for said in flow.remarks():
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
        if self._sender:
            self._sender.stop()

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
