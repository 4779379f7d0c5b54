"""Rows in, batches out: what becomes no operation is settled on the way.

Plan: while the batches of one block are sent, the next one is encoded and the one after it read,
each in a thread. Peak memory is therefore that of three blocks, two of them with their operations,
and of what the batches that the sender holds keep of theirs; it does not grow with the input.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from backfill.changes import Departures, refused
from backfill.chunker import Chunker
from backfill.courier import RequestLog
from backfill.ledger import Counts, Ledger, rejected_by_api
from backfill.operations import Encoded, missing
from backfill.phrases import SINCE_LEAVES_NOTHING
from backfill.pipeline import cursors, guard
from backfill.pipeline.encoding import encoded
from backfill.pipeline.keeping import Keeper
from backfill.pipeline.sources import OpenStream
from backfill.records import Batch, Block, Form
from backfill.rejects import RejectsFile
from backfill.remarks import Level, Remark
from backfill.verdict import Delivery
from backfill.waiting import Limit


class Watcher(Protocol):
    """Who is told how the run goes; must not block."""

    def starts(self, run_id: str) -> None:
        """The run begins, or goes on, under this name."""

    def begins(self, stream: str, rows_done: int) -> None:
        """A stream's turn has come; so many of its rows are done already."""

    def expects(self, rows: int | None) -> None:
        """How many rows the stream will have, as far as can be told by now."""

    def settled(self, rows: int, rejected: int) -> None:
        """So many more rows are done, so many of them rejected."""

    def requested(self, log: RequestLog) -> None:
        """A request has ended, however it did."""

    def ticks(self, counts: Counts, limited_by: Limit | None) -> None:
        """About once a second: what became of the stream's rows, also in earlier processes.

        limited_by: what the sender is held up by; None while that is not known.
        """

    def ends(self, counts: Counts) -> None:
        """The stream is finished; one that is interrupted or stopped does not end."""

    def says(self, text: str, event: str = "remark", level: Level = "info") -> None:
        """Something a person should know; the parts of a Remark."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every stream of a run.

    now_s:          its time, unix seconds.
    limit:          how many rows of each stream take part; None: all.
    operations_max: most operations of a batch; None: as many as fit.
    is_rehearsal:   whether it goes to this machine, where no campaign can start.
    max_rejects:    of each stream that does not say it; None: any number.
    rejects:        the folder of the rejected rows.
    is_part:        whether it sends one stream of a job, or mended rows of it.
    """

    now_s: int
    limit: int | None
    operations_max: int | None
    is_rehearsal: bool
    max_rejects: int | str | None
    rejects: Path
    is_part: bool = False


class Flow:
    """Takes the rows of one stream to batches, and the verdicts back to the rows."""

    def __init__(
        self,
        stream: OpenStream,
        terms: Terms,
        ledger: Ledger,
        keeper: Keeper,
        watcher: Watcher,
        rejects: RejectsFile,
    ) -> None:
        self._stream, self._terms = stream, terms
        self._ledger, self._rejects, self._keeper = ledger, rejects, keeper
        self._watcher = watcher
        self.held = 0
        self._is_read = False
        self._has_looked = isinstance(stream.detector, Departures)  # its list is our own
        self._was_done = all(ledger.is_finished(file.file) for file in stream.files)
        self._young = self._future = 0

    async def batches(self) -> AsyncGenerator[Batch]:
        """Every batch of the stream. What goes wrong with a source is raised here."""
        chunker = Chunker(self._stream.name, self._terms.operations_max)
        limit, now_s = self._terms.limit, self._terms.now_s
        async with aclosing(encoded(self._stream, self._ledger, limit, now_s)) as found:
            async for reading, made in found:
                self._watcher.expects(reading.expected)
                if made is None:
                    if reading.block is None:
                        self._ledger.end_file(reading.source.file, reading.rows_end)
                        self._keeper.notice()
                    continue
                self._settle(made)
                await self._doubt(made)
                for batch in chunker.add(made):
                    yield batch
        self._is_read = True
        self._check_rejects()
        for batch in chunker.flush():
            yield batch

    def delivered(self, delivery: Delivery) -> None:
        """The verdict on a batch: mark its rows."""
        self._remember(delivery)
        rejected = rejected_by_api(delivery.batch, delivery.rejected) if delivery.rejected else []
        if rejected:
            self._rejects.append(*rejected)
            cursors.hold(self._ledger, self._stream, rejected)
        self._ledger.delivered(delivery.batch, delivery.rejected)
        self._keeper.notice()
        rows = sum(len(piece.rows) for piece in delivery.batch.pieces)
        self._watcher.settled(rows, sum(len(some.rows) for some in rejected))
        if rejected:
            self._check_rejects()

    @property
    def is_finished(self) -> bool:
        """Whether every row was read, and none waits for a verdict."""
        return self._is_read and self._counts.unprocessed == self.held

    def remarks(self) -> list[Remark]:
        """What a person should know of the stream once it is through."""
        name, campaigns = self._stream.name, self._stream.stream.campaigns
        remarks = self._of_nothing()
        if self._young and campaigns is None:
            text = (
                f"{name}: {self._young:,} events are younger than 72 hours; in a live workspace"
                " they could start campaigns, and a run there stops unless the stream says"
                " `campaigns: allow`, `hold` or `refuse`"
            )
            remarks.append(Remark(text, "young_events", "warning"))
        if self._future:
            text = f"{name}: events that lie in the future: {self._future:,}"
            remarks.append(Remark(text, "future_events", "warning"))
        if self.held:
            text = (
                f"{name}: {self.held:,} events are held until they are 72 hours old; the same"
                " command then sends them"
            )
            remarks.append(Remark(text, "held_events"))
        if not (self._was_done or self._terms.is_part):
            remarks += cursors.held_behind(self._ledger, self._stream)
        return remarks

    def _of_nothing(self) -> list[Remark]:
        """Why a stream that was read to its end had nothing to send."""
        name, counts = self._stream.name, self._ledger.counts(self._stream.name)
        if not self._is_read or self._was_done:
            return []
        if not counts.read:
            return [Remark(f"{name}: its source holds no rows", "no_rows", "warning")]
        if counts.filtered_where == counts.read:
            text = f"{name}: `where` leaves out every row"
            return [Remark(text, "where_leaves_nothing", "warning")]
        if counts.filtered_since == counts.read:
            text = f"{name}: {SINCE_LEAVES_NOTHING}"
            return [Remark(text, "since_leaves_nothing", "warning")]
        return []

    def _look_for_typos(self, block: Block) -> None:
        """JSON records tell their keys only one by one: a late key and a typo look alike."""
        if block.form is not Form.JSON or self._has_looked:
            return
        self._has_looked = True
        for path, name in missing(self._stream.stream, block.table.schema.names):
            text = (
                f"{self._stream.name}: none of the first {len(block.rows):,} records has '{name}'"
                f" ({path}); if it is spelled otherwise, stop the run and mend the config"
            )
            self._watcher.says(text, "missing_key", "warning")
            self._ledger.remark(text)

    def _settle(self, made: Encoded) -> None:
        """Mark the rows of a block that became no operation."""
        if made.young and self._stream.stream.campaigns is None and not self._terms.is_rehearsal:
            raise guard.young(self._stream, f"{made.young:,} or more of its events")
        block, rejected = made.block, made.rejected
        self._look_for_typos(block)
        self._ledger.read(block)
        for part, rows in made.filtered.items():
            self._ledger.filtered(block.file, rows, part)
        if len(rejected.rows):
            self._rejects.append(rejected)
            self._ledger.rejected(rejected)
        if self._stream.detector is not None and made.confirmed is not None:
            self._stream.detector.memory.confirm(made.confirmed)
        self._ledger.found(self._stream.name, made.extremes)
        self.held += len(made.held)
        self._young += made.young
        self._future += made.future
        self._keeper.notice()
        filtered = sum(len(rows) for rows in made.filtered.values())
        self._watcher.settled(filtered + len(rejected.rows), len(rejected.rows))
        self._check_rejects()

    async def _doubt(self, made: Encoded) -> None:
        """Operations of a block are about to leave."""
        detector, marks = self._stream.detector, made.piece.marks
        if detector is not None and marks is not None and len(marks):
            await asyncio.to_thread(detector.memory.doubt, marks)

    def _remember(self, delivery: Delivery) -> None:
        """What a batch told of each entity, or did not."""
        if (detector := self._stream.detector) is None:
            return
        first = 0
        for piece in delivery.batch.pieces:
            detector.memory.answered(piece, refused(piece, delivery.rejected, first))
            first += len(piece)

    @property
    def _counts(self) -> Counts:
        return self._ledger.counts(self._stream.name)

    def _check_rejects(self) -> None:
        name = self._stream.name
        guard.check_rejects(
            self._stream.stream,
            self._terms.max_rejects,
            self._counts,
            partial(self._ledger.reach, name),
            self._terms.rejects,
            is_read=self._is_read,
        )
