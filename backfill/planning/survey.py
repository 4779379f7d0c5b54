"""Every row of a job read, encoded and packed as a run does it, and looked at; nothing is sent."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from backfill import config
from backfill.batches import Batch
from backfill.chunker import Chunker
from backfill.config import Job
from backfill.errors import CheckpointError
from backfill.identity import JobIdentity
from backfill.ledger import Counts, Ledger
from backfill.operations import Encoded
from backfill.phrases import SINCE_LEAVES_NOTHING, counted
from backfill.pipeline import OpenStream, Watcher, arriving, comparing
from backfill.pipeline.encoding import encoded
from backfill.pipeline.limits import batch_operations_max
from backfill.pipeline.sources import job_identity
from backfill.pipeline.ticker import TICK_S
from backfill.planning.compared import looking
from backfill.planning.forecast import LATENCY_S, Load, forecast
from backfill.planning.looking import SAMPLES_MAX, Finding, Look, Sample, Seen
from backfill.planning.looks.expected import not_as_expected
from backfill.planning.looks.job import of_job
from backfill.planning.looks.names import Emails, Nobodies, Spellings
from backfill.planning.looks.parents import Orphans
from backfill.planning.looks.profiles import Blanks, Newborn
from backfill.planning.looks.refused import LeftOut, Refused
from backfill.planning.looks.repeats import Again, Unordered
from backfill.planning.looks.times import Ahead, Young
from backfill.planning.pairs import Store
from backfill.planning.plan import Plan, Standing, StreamPlan
from backfill.records import SourceFile
from backfill.resumption import Loose, Saved, Start, cursors_of, decide


@dataclass(frozen=True, slots=True)
class Scope:
    """What part of a job is planned, and on which assumption.

    saved:     what the checkpoint holds; None: nothing.
    goes_on:   whether only what it says is not done yet is planned, if it is of the same sources.
    limit:     rows of each stream that take part, from its first; None: all.
    full:      whether what did not change is sent, too.
    latency_s: seconds the API takes to answer.
    """

    saved: Saved | None = None
    goes_on: bool = False
    limit: int | None = None
    full: bool = False
    latency_s: float = LATENCY_S


async def survey(
    job: Job,
    streams: tuple[OpenStream, ...],
    watcher: Watcher,
    scope: Scope,
) -> Plan:
    """What a run over these sources does.

    Memory: three blocks, and 24 bytes a row for each kind of repeats, up to 48 MB each: three kinds
    for the job, two for each stream. What is more stands in temporary files beside the checkpoint.
    Raises SourceError where a source cannot be read on, StorageError where there is no room for
    such a file; where the rest is asked for, CheckpointError if a run would be refused.
    """
    identity = job_identity("", streams)
    loose = comparing.loose(streams)
    known = standing(identity, scope.saved, loose)
    ledger = _ledger(scope, identity, known, loose)
    unexpected = await not_as_expected(job, streams, known)
    start, arrivals = known.start if known else None, {s.name: s.arrivals for s in streams}
    with Store(job.checkpoint.parent) as store, looking(job, streams) as looked:
        streams = await looked.compared(comparing.Scope(scope.full, scope.limit))
        loads, plans, found = await _read(job, streams, ledger, watcher, scope.limit, store)
    return Plan(
        job,
        str(job.sandbox or config.address(job, os.environ)),
        identity.digest,
        tuple(plans),
        (*unexpected, *found, *looked.found, *_of_sources(plans), *of_job(job, streams)),
        forecast(loads, job.destination, scope.latency_s),
        known,
        tuple(said.text for said in arriving.remarks(start, arrivals)),
    )


async def _read(
    job: Job,
    streams: tuple[OpenStream, ...],
    ledger: Ledger,
    watcher: Watcher,
    limit: int | None,
    store: Store,
) -> tuple[list[Load], list[StreamPlan], list[Finding]]:
    looks = _looks(store)
    files = [file.file for stream in streams for file in stream.files]
    plans, loads = list[StreamPlan](), list[Load]()
    for stream in streams:
        one = _Stream(job, stream, files, looks)
        watcher.begins(stream.name, ledger.counts(stream.name).done)
        await one.read(ledger, watcher, limit)
        plans.append(one.plan(ledger.counts(stream.name).done))
        loads.append(one.load())
    found = list[Finding]()
    for look in looks:
        found += await asyncio.to_thread(_found, look, files)
    return loads, plans, found


def _ledger(scope: Scope, identity: JobIdentity, known: Standing | None, loose: Loose) -> Ledger:
    """What is done of what is planned, and from where on rows are new.

    The plan of a whole job that is finished is that of a run with --fresh, to which all are.
    """
    saved = scope.saved
    if saved is None or known is None:
        return Ledger()
    start = _start(identity, saved, loose) if scope.goes_on else known.start
    if start is Start.NEW_RUN:
        return Ledger(cursors=cursors_of(start, identity, saved, is_full=scope.full))
    if scope.goes_on:
        return Ledger(saved.files, saved.counts, cursors=saved.cursors)
    return Ledger(cursors=saved.cursors if start is Start.RESUME else None)


def standing(job: JobIdentity, saved: Saved | None, loose: Loose) -> Standing | None:
    """What the checkpoint says, in short, and what a run of the job makes of it.

    loose: as of `decide`.
    """
    if saved is None:
        return None
    start, refusal = None, ""
    try:
        start = _start(job, saved, loose)
    except CheckpointError as error:
        refusal = error.what
    done = sum(counts.done for counts in saved.counts.values())
    return Standing(saved.run_id, saved.state, done, start, refusal)


def _start(job: JobIdentity, saved: Saved, loose: Loose) -> Start:
    """What a run does; where it goes is not looked at, for that needs credentials."""
    return decide(job._replace(destination=saved.job.destination), saved, loose)


def _looks(store: Store) -> list[Look]:
    """In the order in which their findings are told."""
    return [
        Young(),
        Nobodies(),
        Emails(store),
        Spellings(store),
        Orphans(store),
        Unordered(store),
        Newborn(),
        Ahead(),
        Again(store),
        Blanks(),
    ]


def _found(look: Look, files: Sequence[SourceFile]) -> list[Finding]:
    return list(look.found(files))


def _of_sources(plans: Sequence[StreamPlan]) -> list[Finding]:
    """Streams that come to nothing."""
    found = []
    for plan in plans:
        again = plan.filtered.get("superseded", 0)
        if again:
            text = (
                f"{counted(again, 'row')} whose key a later row has: of a key the last one counts"
            )
            found.append(Finding("keys_repeated", text, plan.name, again, plan.superseded))
        if plan.files and not plan.read and not plan.rows_done:
            found.append(Finding("no_rows", "its source holds no rows", plan.name))
        elif plan.read and plan.filtered.get("where") == plan.read:
            text = f"`where` leaves out every row: {plan.stream.where}"
            found.append(Finding("where_leaves_nothing", text, plan.name, plan.read))
        elif plan.read and plan.filtered.get("since") == plan.read:
            found.append(
                Finding("since_leaves_nothing", SINCE_LEAVES_NOTHING, plan.name, plan.read)
            )
    return found


class _Stream:
    """One stream while it is read."""

    def __init__(
        self, job: Job, stream: OpenStream, files: Sequence[SourceFile], looks: Sequence[Look]
    ) -> None:
        self._stream = stream
        self._numbers = {file: number for number, file in enumerate(files)}
        self._refused, self._left_out = Refused(), LeftOut()
        self._looks: list[Look | Refused | LeftOut] = [self._refused, self._left_out, *looks]
        self._now_s = int(time.time())
        self._chunker = Chunker(stream.name, batch_operations_max(job))
        self._filtered: Counter[str] = Counter()
        self._rows = self._rejected = self._held = self._deliverable = 0
        self._requests = self._operations = self._bytes = 0
        self._superseded: list[Sample] = []
        self._read_s = 0.0

    async def read(self, ledger: Ledger, watcher: Watcher, limit: int | None) -> None:
        """Read it to its end, or to the limit."""
        began_s = ticked_s = time.monotonic()
        before = ledger.counts(self._stream.name)
        async with aclosing(encoded(self._stream, ledger, limit, self._now_s)) as found:
            async for reading, made in found:
                watcher.expects(reading.expected)
                if made is None:
                    continue
                await asyncio.to_thread(self._note, made)
                block = made.block
                watcher.settled(block.row_count, len(made.rejected.rows))
                if time.monotonic() - ticked_s >= TICK_S:
                    ticked_s = time.monotonic()
                    watcher.ticks(before.plus(self._counts()), None)
        watcher.ends(before.plus(self._counts()))
        self._count(list(self._chunker.flush()))
        self._read_s = time.monotonic() - began_s

    def plan(self, rows_done: int) -> StreamPlan:
        """What was found."""
        filtered = dict(self._filtered)
        parts = (self._deliverable, self._rejected, self._held, *filtered.values())
        if sum(parts) != self._rows:
            raise AssertionError(f"{self._rows} rows were read, and {parts} were accounted for")
        return StreamPlan(
            stream=self._stream.stream,
            files=len(self._stream.files),
            read=self._rows,
            deliverable=self._deliverable,
            rejected=self._rejected,
            filtered=filtered,
            held=self._held,
            operations=self._operations,
            requests=self._requests,
            body_bytes=self._bytes,
            refusals=tuple(self._refused.groups()),
            left_out=tuple(self._left_out.samples),
            superseded=tuple(self._superseded),
            rows_done=rows_done,
            taken_before=self._stream.taken_before,
            waiting=self._stream.waiting,
        )

    def load(self) -> Load:
        """What it sends."""
        return Load(self._requests, self._operations, self._bytes, self._read_s)

    def _counts(self) -> Counts:
        """The rows so far, as a watcher has them: of a plan, a row that was looked at is done."""
        parts = {f"filtered_{part}": rows for part, rows in self._filtered.items()}
        return Counts(self._rows, self._deliverable + self._held, self._rejected, **parts)

    def _note(self, made: Encoded) -> None:
        block, piece = made.block, made.piece
        self._rows += block.row_count
        for part, rows in made.filtered.items():
            self._filtered[part] += len(rows)
        again = made.filtered.get("superseded", np.empty(0, np.int64))
        missing = SAMPLES_MAX - len(self._superseded)
        self._superseded += [Sample(block.file.label, row + 1) for row in again[:missing].tolist()]
        folded = len(piece.rows) - len(piece)
        if folded:
            self._filtered["folded"] += folded
        self._deliverable += len(piece)
        self._rejected += len(made.rejected.rows)
        self._held += len(made.held)
        self._count(list(self._chunker.add(made)))
        seen = Seen(self._stream.stream, self._numbers[block.file], made, self._now_s)
        for look in self._looks:
            look.look(seen)

    def _count(self, batches: list[Batch]) -> None:
        self._requests += len(batches)
        self._operations += sum(map(len, batches))
        self._bytes += sum(batch.body_bytes for batch in batches)
