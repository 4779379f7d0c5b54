"""The ledger itself: rows are read, and each becomes filtered, rejected or delivered, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

import numpy as np

from backfill.batches import Batch
from backfill.errors import SourceError
from backfill.ledger.cursor import Cursor
from backfill.ledger.outcome import outcome
from backfill.ledger.rows import FileLedger
from backfill.ledger.state import Changes, Counts, FileState, Request
from backfill.records import BlockStart, Bools, Extremes, Int64s, Part, Rejected, SourceFile


class ReadRows(Protocol):
    """What the ledger needs of a block."""

    @property
    def file(self) -> SourceFile:
        """Where it was read."""
        ...

    @property
    def start(self) -> BlockStart:
        """Where it begins."""
        ...

    @property
    def row_count(self) -> int:
        """How many rows it has."""
        ...


class Ledger:
    """What is done, and what changed since it was last asked.

    files, counts, rules, cursors: what a checkpoint gave back. Rows that were outstanding then
    will be read again, and count once.
    """

    def __init__(
        self,
        files: Iterable[FileState] = (),
        counts: Mapping[str, Counts] | None = None,
        rules: Mapping[tuple[str, str], int] | None = None,
        cursors: Mapping[str, Cursor] | None = None,
    ) -> None:
        self._files = {(state.stream, state.index): FileLedger(state) for state in files}
        self._counts = dict(counts or {})
        self._again = Counter({name: one.unprocessed for name, one in self._counts.items()})
        self._taken_as_again: Counter[str] = Counter()
        self._changed_files: set[tuple[str, int]] = set()
        self._changed_streams: set[str] = set()
        self._requests: list[Request] = []
        self._rules = Counter(rules)
        self._changed_rules: set[tuple[str, str]] = set()
        self._remarks: list[str] = []
        self._cursors = dict(cursors or {})
        self._changed_cursors: set[str] = set()

    @property
    def known(self) -> Mapping[str, Counts]:
        """What became of the rows so far, of each stream that has begun."""
        return self._counts

    def counts(self, stream: str) -> Counts:
        """What became of the stream's rows so far."""
        return self._counts.get(stream, Counts())

    @property
    def cursors(self) -> Mapping[str, Cursor]:
        """How far the streams with `since` are, as far as anything is known of them."""
        return self._cursors

    def cursor(self, stream: str) -> Cursor:
        """How far a stream with `since` is."""
        return self._cursors.get(stream, Cursor())

    def is_done(self, file: SourceFile, start_row: int, stop_row: int) -> Bools:
        """bool[stop_row - start_row]: which rows of the range are done, for Block.without."""
        return self._file(file).done.between(start_row, stop_row)

    def done_from(self, file: SourceFile, start_row: int, stop_row: int | None) -> Bools:
        """Which rows of [start_row, stop_row) are done; None: up to the last that is."""
        done = self._file(file).done
        return done.between(start_row, max(start_row, done.top if stop_row is None else stop_row))

    def unread(self, stream: str, rows: int) -> None:
        """So many rows that were read and are not done will be read again."""
        self._again[stream] += rows

    def rows(self, file: SourceFile) -> int | None:
        """How many rows the file has; None until it was read to its end."""
        return self._file(file).rows

    def reach(self, stream: str) -> int:
        """How many rows of the stream were looked at, at the most.

        Rows that are to be read again are counted as read, and which they are is not known: what
        was taken for one of them may have been another.
        """
        return self.counts(stream).read + self._taken_as_again[stream]

    def is_finished(self, file: SourceFile) -> bool:
        """Whether the file was read to its end and all of its rows are done."""
        known = self._file(file)
        return known.rows is not None and known.done.frontier >= known.rows

    def resume_point(self, file: SourceFile) -> BlockStart | None:
        """The start of the last block with no row not done before it; None: the beginning."""
        return self._file(file).resume_point()

    def read(self, block: ReadRows) -> None:
        """A block was read: its rows are outstanding now.

        block: less the rows that are done; also one with none left, for where it begins.
        """
        self._file(block.file).note(block.start)
        known = min(self._again[block.file.stream], block.row_count)
        self._again[block.file.stream] -= known
        self._taken_as_again[block.file.stream] += known
        self._count(block.file, Counts(read=block.row_count - known))

    def read_through(self, stream: str) -> None:
        """All of the stream was read: what was to be read again and did not come was not read."""
        left = self._again.pop(stream, 0)
        if left:
            self._counts[stream] = self.counts(stream).plus(Counts(read=-left))
            self._changed_streams.add(stream)

    def filtered(self, file: SourceFile, rows: Int64s, part: Part) -> None:
        """Rows nothing is wrong with are not sent, for the named reason."""
        self._mark(file, rows, Counts(**{f"filtered_{part}": len(rows)}))

    def rejected(self, rejected: Rejected) -> None:
        """Rows were refused by us; what the API refuses comes with `delivered`."""
        file = rejected.block.file
        self._mark(file, rejected.rows, Counts(rejected_by_us=len(rejected.rows)))
        broken = Counter((file.stream, rule) for rule in rejected.rules)
        self._rules += broken
        self._changed_rules |= set(broken)

    def delivered(self, batch: Batch, rejected: Collection[int] = ()) -> None:
        """A batch was answered.

        rejected: the operations the API refused, by their place in the batch; it took the others.
        """
        is_refused = np.zeros(len(batch), np.bool_)
        is_refused[list(rejected)] = True
        first = 0
        for piece in batch.pieces:
            stop = first + len(piece)
            self._mark(piece.block.file, piece.rows, outcome(piece, is_refused[first:stop]))
            first = stop

    def end_file(self, file: SourceFile, rows: int) -> None:
        """The file was read to its end and has this many rows.

        Raises SourceError where an earlier reading found another number.
        """
        known = self._file(file)
        if known.rows not in (None, rows):
            raise SourceError(
                f"the file has {rows:,} rows where an earlier reading found {known.rows:,}",
                file.label,
                "put the file back as it was, or start anew with --fresh",
            )
        known.rows = rows
        self._changed_files.add((file.stream, file.index))

    def found(self, stream: str, extremes: Extremes) -> None:
        """What `since` goes by of rows that were read or refused; to be told as they are marked."""
        cursor = self.cursor(stream).plus(extremes)
        if cursor != self.cursor(stream):
            self._cursors[stream] = cursor
            self._changed_cursors.add(stream)

    def log(self, request: Request) -> None:
        """A request was made, whatever came of it."""
        self._requests.append(request)

    def remark(self, text: str) -> None:
        """People were told something that the report is to tell again; no value of a row."""
        self._remarks.append(text)

    def take_changes(self) -> Changes:
        """All that changed since the last call, as it is now; later marks do not alter it."""
        changes = Changes(
            tuple(self._files[key].state(*key) for key in sorted(self._changed_files)),
            {stream: self._counts[stream] for stream in sorted(self._changed_streams)},
            tuple(self._requests),
            {rule: self._rules[rule] for rule in sorted(self._changed_rules)},
            tuple(self._remarks),
            {stream: self._cursors[stream] for stream in sorted(self._changed_cursors)},
        )
        self._changed_files.clear()
        self._changed_streams.clear()
        self._requests.clear()
        self._changed_rules.clear()
        self._remarks.clear()
        self._changed_cursors.clear()
        return changes

    def _file(self, file: SourceFile) -> FileLedger:
        key = (file.stream, file.index)
        if key not in self._files:
            self._files[key] = FileLedger(FileState(*key))
        return self._files[key]

    def _mark(self, file: SourceFile, rows: Int64s, counts: Counts) -> None:
        if len(rows):
            self._file(file).done.mark(rows)
            self._file(file).rejected += counts.rejected
            self._count(file, counts)

    def _count(self, file: SourceFile, counts: Counts) -> None:
        self._counts[file.stream] = self.counts(file.stream).plus(counts)
        self._changed_files.add((file.stream, file.index))
        self._changed_streams.add(file.stream)
