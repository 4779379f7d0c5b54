"""One run of a job: everything wired together."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import replace

from backfill.checkpoint import Checkpoint, new_run_id, peek
from backfill.config import Job
from backfill.errors import BackfillError, Interrupted, InUse
from backfill.identity import JobIdentity
from backfill.ledger import Counts, Ledger
from backfill.pipeline import arriving, done_folder
from backfill.pipeline.cautions import cautions
from backfill.pipeline.clearing import Clearing
from backfill.pipeline.comparing import loose
from backfill.pipeline.destination import Patience, Place, confirmed
from backfill.pipeline.expecting import learn
from backfill.pipeline.limits import batch_operations_max
from backfill.pipeline.options import Options
from backfill.pipeline.record import Record, never_began
from backfill.pipeline.running import Running, Spent
from backfill.pipeline.sources import OpenStream, job_identity, open_streams
from backfill.pipeline.stop import Stop
from backfill.pipeline.watching import Terms, Watcher
from backfill.rejects import RejectsFile, refused
from backfill.remarks import Remark
from backfill.report import Closing
from backfill.resumption import Extent, Outset, Saved, Start, cursors_of, decide


async def run(job: Job, place: Place, options: Options, watcher: Watcher, stop: Stop) -> Closing:
    """Send what is not done of a job.

    Raises BackfillError where nothing was begun; what stops a run that began is in the Closing.
    """
    began_s = time.time()
    try:
        return await _run(job, place, options, watcher, stop)
    except (InUse, Interrupted):
        raise
    except BackfillError as error:
        never_began(job.checkpoint, began_s, error)
        raise


async def _run(job: Job, place: Place, options: Options, watcher: Watcher, stop: Stop) -> Closing:
    spent = Spent()
    known = _known(job, options)
    base = await stop.unless_asked(asyncio.to_thread(open_streams, job, known))
    told = asyncio.to_thread(list, cautions(job, base, options.done_folder))
    _say(await stop.unless_asked(told), watcher)
    place = await _workspace(job, place, watcher, stop)
    terms = _terms(job, place, options)
    clearing = Clearing(job, place, terms, options, watcher, stop)
    with ExitStack() as held:
        streams = base
        if options.fresh:  # the old checkpoint is set aside only for a run that can begin
            streams = await clearing.cleared(base, Start.FRESH, None, Ledger(), held)
        checkpoint = held.enter_context(_opened(job, options, watcher))
        saved = checkpoint.load()
        record = Record(checkpoint, watcher.says, is_cut=options.limit is not None)
        learn(job, saved, watcher.says)  # a run that ended just before it did so itself
        if not options.fresh:
            base = await _as_of(saved, known, base, job, stop)
        identity = job_identity(place.identity, base)
        start = decide(identity, saved, loose(base), is_full=options.full)
        if closed := _closed(start, saved):
            base = await stop.unless_asked(asyncio.to_thread(open_streams, job, closed))
            identity = job_identity(place.identity, base)
        _say(arriving.remarks(start, {each.name: each.arrivals for each in base}), watcher)
        if start is Start.FINISHED and saved is not None:
            record.found_nothing_new(saved.run_id)
            await _put_away(base, checkpoint, options, watcher, stop)
            return _already_done(job, saved, spent)
        resumed = saved if start is Start.RESUME else None
        ledger = _ledger(start, identity, saved, is_full=options.full)
        if not options.fresh:
            streams = await clearing.cleared(base, start, resumed, ledger, held)
        for name in {*ledger.known} - {stream.name for stream in streams}:
            ledger.read_through(name)  # nothing of it is read again
        run_id = resumed.run_id if resumed else new_run_id()
        watcher.starts(run_id)
        rejects = _rejects(job, streams, resumed, watcher, held)
        clearing.begin(run_id, is_resumed=resumed is not None)
        if resumed is None:
            _say_closed(saved, watcher)
            record.is_replaced()
            outset = Outset(ledger.cursors, clearing.observed, is_full=options.full)
            checkpoint.begin(job_identity(place.identity, streams), run_id, outset)
            clearing.tell(ledger)
        else:
            checkpoint.go_on(clearing.dropped)
            watcher.says(_progress(resumed), "run_resumed")
        record.began(run_id, ledger.known)
        carries = options.carries
        running = Running(job, streams, terms, ledger, checkpoint, rejects, watcher, spent, carries)
        state, error = await running.deliver(place, saved, stop)
        record.ended(run_id, state, ledger.known, running.held, error)
        if state in ("completed", "held"):
            await asyncio.to_thread(clearing.end)
            learn(job, checkpoint.load(), watcher.says, is_whole=options.limit is None)
        if state == "completed":
            await _put_away(base, checkpoint, options, watcher, stop)
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
        waiting=sum(stream.waiting for stream in streams),
        config=job.typed,
    )


async def _workspace(job: Job, place: Place, watcher: Watcher, stop: Stop) -> Place:
    """Where the workspace is, which the API is asked where the config does not say it."""
    if job.destination.region != "auto":
        return place
    patience = Patience(job.destination.give_up_after, watcher.says)
    return (await stop.unless_asked(confirmed(job, place, patience))).place


def _known(job: Job, options: Options) -> Saved | None:
    """What a run starts over, as far as can be told before it holds the checkpoint."""
    if options.done_folder is not None:
        done_folder.check(job, options.done_folder)
    return None if options.fresh else peek(job.checkpoint)


async def _as_of(
    saved: Saved | None,
    known: Saved | None,
    streams: tuple[OpenStream, ...],
    job: Job,
    stop: Stop,
) -> tuple[OpenStream, ...]:
    """The streams as a run over `saved` reads them, where they were opened over `known`."""
    if saved == known:
        return streams
    # Another run of the job was alive a moment ago.
    return await stop.unless_asked(asyncio.to_thread(open_streams, job, saved))


def _opened(job: Job, options: Options, watcher: Watcher) -> Checkpoint:
    """The job's checkpoint; says at once where an old one is kept, whatever comes of the run."""
    checkpoint = Checkpoint.open(job.checkpoint, fresh=options.fresh)
    if checkpoint.kept is not None:
        watcher.says(f"The old checkpoint is kept as {checkpoint.kept}.", "checkpoint_kept")
    return checkpoint


def _closed(start: Start, saved: Saved | None) -> Saved | None:
    """The unfinished run that another one takes the place of; None: there is none.

    Files that came while it went on are taken by that one, and those it has sent are not again.
    """
    if start is not Start.NEW_RUN or saved is None or saved.is_finished:
        return None
    return replace(saved, is_closed=True)


def _say_closed(saved: Saved | None, watcher: Watcher) -> None:
    """Say what becomes of an unfinished run that another export, or a wish, puts an end to."""
    if saved is not None and not saved.is_finished:
        text = (
            f"Run {saved.run_id} was not finished; what is left of it is part of this run,"
            " as far as the exports still hold it."
        )
        watcher.says(text, "run_closed")


def _ledger(start: Start, identity: JobIdentity, saved: Saved | None, *, is_full: bool) -> Ledger:
    """What is done when the run begins or goes on."""
    if saved is None:
        return Ledger()
    cursors = cursors_of(start, identity, saved, is_full=is_full)
    if start is Start.NEW_RUN:
        return Ledger(cursors=cursors)
    return Ledger(saved.files, saved.counts, saved.rules, cursors)


async def _put_away(
    streams: tuple[OpenStream, ...],
    checkpoint: Checkpoint,
    options: Options,
    watcher: Watcher,
    stop: Stop,
) -> None:
    """Move the files that are done with, if that is asked for and the run is finished."""
    if options.done_folder is None or not (saved := checkpoint.load()) or not saved.is_finished:
        return
    folder = options.done_folder
    work = asyncio.to_thread(
        done_folder.put_away, streams, saved, folder, lambda: stop.signal is not None
    )
    _say(await work, watcher)


def _say(remarks: list[Remark], watcher: Watcher) -> None:
    for said in remarks:
        watcher.says(*said)


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
