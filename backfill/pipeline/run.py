"""One run of a job: everything wired together."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass

from backfill.checkpoint import Checkpoint, new_run_id
from backfill.config import Job
from backfill.ledger import Counts, Ledger
from backfill.pipeline import guard
from backfill.pipeline.comparing import Scope
from backfill.pipeline.destination import Patience, Place, confirmed
from backfill.pipeline.expecting import Expectations, learn
from backfill.pipeline.flow import Terms, Watcher
from backfill.pipeline.limits import batch_operations_max
from backfill.pipeline.preparing import Preparing
from backfill.pipeline.record import Record
from backfill.pipeline.running import Running, Spent
from backfill.pipeline.sources import OpenStream, job_identity, open_streams
from backfill.pipeline.stop import Stop
from backfill.rejects import RejectsFile, refused
from backfill.report import Closing
from backfill.resumption import Extent, JobIdentity, Outset, Saved, Start, cursors_of, decide


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to a config.

    limit: how many rows of each stream take part, from its first; None: all.
    fresh: start anew and keep the old checkpoint under another name.
    full:  send everything, whatever was acknowledged before.
    wait_until_s: how long to wait for other runs of the job, on the clock of `time.monotonic`;
           what is past: not at all.
    """

    limit: int | None = None
    fresh: bool = False
    full: bool = False
    wait_until_s: float = 0.0


async def run(job: Job, place: Place, options: Options, watcher: Watcher, stop: Stop) -> Closing:
    """Send what is not done of a job.

    Raises BackfillError where nothing was begun; what stops a run that began is in the Closing.
    """
    spent = Spent()
    patience = Patience(job.destination.give_up_after, watcher.says)
    streams = await stop.unless_asked(asyncio.to_thread(open_streams, job))
    if job.destination.region == "auto":
        place = (await stop.unless_asked(confirmed(job, place, patience))).place
    identity = job_identity(place.identity, streams)
    terms, expected = _terms(job, place, options), Expectations(job, streams)

    preparing = Preparing(job, streams, Scope(options.full, options.limit), watcher.says, stop)

    async def cleared(found: tuple[OpenStream, ...], ledger: Ledger) -> None:
        """Return where nothing speaks against sending what is not done."""
        if not terms.is_rehearsal:
            ages = guard.check_ages(found, ledger, terms.now_s, terms.limit)
            await stop.through(ages)
        if job.destination.region != "auto":
            await stop.unless_asked(confirmed(job, place, patience))

    with ExitStack() as held:
        if options.fresh:  # the old checkpoint is set aside only for a run that can begin
            await expected.hold(Start.FRESH, stop)
            streams = await preparing.prepared(place.identity, None, held)
            await cleared(streams, Ledger())
        checkpoint = held.enter_context(_opened(job, options, watcher))
        saved = checkpoint.load()
        record = Record(checkpoint, watcher.says, is_cut=options.limit is not None)
        learn(job, saved, watcher.says)  # a run that ended just before it did so itself
        start = decide(identity, saved, preparing.compared, is_full=options.full)
        if start is Start.FINISHED and saved is not None:
            record.found_nothing_new(saved.run_id)
            return _already_done(job, saved, spent)
        resumed = saved if start is Start.RESUME else None
        ledger = _ledger(start, identity, saved, is_full=options.full)
        if not options.fresh:
            await expected.hold(start, stop)
            streams = await preparing.prepared(place.identity, resumed, held)
            await cleared(streams, ledger)
        run_id = resumed.run_id if resumed else new_run_id()
        observed = resumed.observed if resumed else expected.to_learn(options.limit)
        watcher.starts(run_id)
        rejects = _rejects(job, streams, resumed, watcher, held)
        preparing.begin(run_id, is_resumed=resumed is not None)
        if resumed is None:
            _say_closed(saved, watcher)
            record.is_replaced()
            begun = job_identity(place.identity, streams)
            outset = Outset(ledger.cursors, observed, is_full=options.full)
            checkpoint.begin(begun, run_id, outset)
            _tell(expected, watcher, ledger)
        else:
            checkpoint.go_on()
            watcher.says(_progress(resumed), "run_resumed")
        record.began(run_id, ledger.known)
        running = Running(job, streams, terms, ledger, checkpoint, rejects, watcher, spent)
        state, error = await running.deliver(place, saved, stop)
        record.ended(run_id, state, ledger.known, running.held, error)
        if state == "completed":
            learn(job, checkpoint.load(), watcher.says)
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
        config=job.typed,
    )


def _opened(job: Job, options: Options, watcher: Watcher) -> Checkpoint:
    """The job's checkpoint; says at once where an old one is kept, whatever comes of the run."""
    checkpoint = Checkpoint.open(job.checkpoint, fresh=options.fresh)
    if checkpoint.kept is not None:
        watcher.says(f"The old checkpoint is kept as {checkpoint.kept}.", "checkpoint_kept")
    return checkpoint


def _say_closed(saved: Saved | None, watcher: Watcher) -> None:
    """Say what becomes of an unfinished run that another export, or a wish, puts an end to."""
    if saved is not None and not saved.is_finished:
        text = f"Run {saved.run_id} was not finished; what is left of it is part of this run."
        watcher.says(text, "run_closed")


def _ledger(start: Start, identity: JobIdentity, saved: Saved | None, *, is_full: bool) -> Ledger:
    """What is done when the run begins or goes on."""
    if saved is None:
        return Ledger()
    cursors = cursors_of(start, identity, saved, is_full=is_full)
    if start is Start.NEW_RUN:
        return Ledger(cursors=cursors)
    return Ledger(saved.files, saved.counts, saved.rules, cursors)


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
        job.part_of is not None,
    )


def _already_done(job: Job, saved: Saved, spent: Spent) -> Closing:
    names = [stream.name for stream in saved.job.streams]
    paths = [path for name in names for path in refused(job.rejects, name)]
    counts = {name: saved.counts.get(name, Counts()) for name in names}
    effort = spent.effort()
    return Closing(
        "completed",
        saved.run_id,
        counts,
        effort,
        paths,
        job.checkpoint,
        was_done=True,
        config=job.typed,
    )


def _tell(expected: Expectations, watcher: Watcher, ledger: Ledger) -> None:
    for said in expected.remarks():
        watcher.says(*said)
        ledger.remark(said.text)


def _rejects(
    job: Job,
    streams: tuple[OpenStream, ...],
    resumed: Saved | None,
    watcher: Watcher,
    held: ExitStack,
) -> dict[str, RejectsFile]:
    """The rejects files of a run, as its last commit left them."""
    files = {}
    for stream in streams:
        extent = resumed.rejects.get(stream.name, Extent()) if resumed else None
        opened = RejectsFile(job.rejects, stream.name, stream.stream.source, extent)
        files[stream.name] = opened
        held.callback(opened.close)
        whose = "of no commit of this run" if resumed else "that stood there before"
        for path in opened.aside:
            watcher.says(f"The rejects {whose} are kept as {path}.", "rejects_kept")
    return files
