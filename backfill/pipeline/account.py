"""What becomes of the rows of one stream, told to the ledger, to the rejects and to who watches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from backfill.changes import Departures
from backfill.ledger import Counts, Ledger
from backfill.operations import Encoded, missing
from backfill.phrases import SINCE_LEAVES_NOTHING
from backfill.pipeline import cursors, guard
from backfill.pipeline.keeping import Keeper
from backfill.pipeline.sources import OpenStream
from backfill.pipeline.watching import Terms, Watcher
from backfill.records import BlockStart, Extremes, Form, Int64s, Part, Rejected, SourceFile
from backfill.rejects import RejectsFile
from backfill.remarks import Remark
from backfill.verdict import Delivery


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """What is known of the rows of a block before any of them leaves; as of Encoded.

    start:     where the block begins. row_count: how many rows it has.
    held:      how many of them are kept for a later run.
    names:     the keys of its records; None where the file itself tells its columns.
    readable:  how many records these are the keys of.
    """

    file: SourceFile
    start: BlockStart
    row_count: int
    rejected: Rejected
    filtered: Mapping[Part, Int64s]
    held: int
    young: int
    future: int
    extremes: Extremes
    names: tuple[str, ...] | None
    readable: int

    @property
    def done(self) -> int:
        """How many of the rows become no operation, now or later."""
        return len(self.rejected.rows) + sum(map(len, self.filtered.values()))


def settled(made: Encoded) -> Settled:
    """What an encoded block settles."""
    block = made.block
    return Settled(
        block.file,
        block.start,
        block.row_count,
        made.rejected,
        made.filtered,
        len(made.held),
        made.young,
        made.future,
        made.extremes,
        tuple(block.table.schema.names) if block.form is Form.JSON else None,
        len(block.rows),
    )


class Books(Protocol):
    """Who is told what becomes of the rows of a stream; must not block."""

    def expects(self, rows: int | None) -> None:
        """How many rows the stream will have, as far as can be told by now."""

    def settled(self, settled: Settled) -> None:
        """A block was read and encoded; what it names is done, its other rows are outstanding."""

    def answered(self, delivery: Delivery, rejected: Sequence[Rejected]) -> None:
        """The verdict on a batch; rejected: the rows behind what the API refused of it."""

    def ended(self, file: SourceFile, rows: int) -> None:
        """A file was read to its end and has this many rows."""

    def read_through(self) -> None:
        """All of the stream was read."""


class Account:
    """Keeps the books of one stream in a run. held: rows kept for a later run."""

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

    def expects(self, rows: int | None) -> None:
        """See `Books`."""
        self._watcher.expects(rows)

    def settled(self, settled: Settled) -> None:
        """See `Books`. Raises GuardError where more is refused than `max_rejects` bears."""
        self._look_for_typos(settled)
        self._ledger.read(settled)
        for part, rows in settled.filtered.items():
            self._ledger.filtered(settled.file, rows, part)
        refused = len(settled.rejected.rows)
        if refused:
            self._rejects.append(settled.rejected)
            self._ledger.rejected(settled.rejected)
        self._ledger.found(self._stream.name, settled.extremes)
        self.held += settled.held
        self._young += settled.young
        self._future += settled.future
        self._keeper.notice()
        self._watcher.settled(settled.done, refused)
        self._check_rejects()

    def unsettled(self, held: int, young: int, future: int) -> None:
        """So many rows, as of Settled, will be settled again."""
        self.held -= held
        self._young -= young
        self._future -= future

    def answered(self, delivery: Delivery, rejected: Sequence[Rejected]) -> None:
        """See `Books`. Raises GuardError where more is refused than `max_rejects` bears."""
        if rejected:
            self._rejects.append(*rejected)
            cursors.hold(self._ledger, self._stream, list(rejected))
        self._ledger.delivered(delivery.batch, delivery.rejected)
        self._keeper.notice()
        rows = sum(len(piece.rows) for piece in delivery.batch.pieces)
        self._watcher.settled(rows, sum(len(some.rows) for some in rejected))
        if rejected:
            self._check_rejects()

    def ended(self, file: SourceFile, rows: int) -> None:
        """See `Books`."""
        self._ledger.end_file(file, rows)
        self._keeper.notice()

    def read_through(self) -> None:
        """See `Books`. Raises GuardError where more is refused than `max_rejects` bears."""
        self._is_read = True
        self._ledger.read_through(self._stream.name)
        self._check_rejects()

    @property
    def counts(self) -> Counts:
        """What became of the stream's rows so far."""
        return self._ledger.counts(self._stream.name)

    @property
    def is_finished(self) -> bool:
        """Whether every row was read, and none waits for a verdict."""
        return self._is_read and self.counts.unprocessed == self.held

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
        name, counts = self._stream.name, self.counts
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

    def _look_for_typos(self, settled: Settled) -> None:
        """JSON records tell their keys only one by one: a late key and a typo look alike."""
        if settled.names is None or self._has_looked:
            return
        self._has_looked = True
        for path, name in missing(self._stream.stream, list(settled.names)):
            text = (
                f"{self._stream.name}: none of the first {settled.readable:,} records has"
                f" '{name}' ({path}); if it is spelled otherwise, stop the run and mend the config"
            )
            self._watcher.says(text, "missing_key", "warning")
            self._ledger.remark(text)

    def _check_rejects(self) -> None:
        name = self._stream.name
        guard.check_rejects(
            self._stream.stream,
            self._terms.max_rejects,
            self.counts,
            self._ledger.reach(name),
            self._terms.rejects,
            is_read=self._is_read,
        )
