"""CSV: text cut into blocks at record ends, cells read by pyarrow, every one as text.

Rules of reading: an empty cell, quoted or not, is null, and nothing else is; nothing is trimmed;
blank lines are not records. A block that pyarrow does not take as it is holds broken records:
these are found by their layout, become faults, and the rest is read.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

from backfill import dialect
from backfill.errors import MappingError, SourceError
from backfill.mapping import Source
from backfill.readers import layout
from backfill.readers.decoded import DecodedFile, as_in_file
from backfill.readers.framing import (
    BLOCK_BYTES,
    Point,
    Wanted,
    blocks_of,
    line_count,
    next_chunk,
    points_of,
    sifted_blocks,
)
from backfill.readers.source_errors import check_names
from backfill.records import Block, BlockStart, Fault, Form, Int64s, SourceFile
from backfill.sieve import Sieve

#: A quoted cell with more line ends than this is taken for a stray quote that swallows rows.
CELL_LINES_MAX = 100

_HEADER_BYTES = 1 << 16


class CsvReader:
    """A CSV file; see `framing.Reader`.

    Opening it reads the header. Raises MappingError for a dialect that cannot be, and for
    missing, blank or repeated column names; SourceError where the file cannot be read.
    """

    form = Form.TEXT

    def __init__(self, file: SourceFile, source: Source, block_bytes: int = BLOCK_BYTES) -> None:
        where = f"stream {file.stream}, {file.label}"
        self._file = file
        self._block_bytes = block_bytes
        self._is_wanted: Wanted | None = None
        self.share = 0.0
        self._dialect = dialect.dialect_of(source, file.path)
        dialect.check_dialect(self._dialect, where)
        self._encoding = dialect.encoding_name(source.encoding, where)
        self._namer = "`columns`" if source.columns else "the header"
        self.columns, self._first = self._opening(source.columns or None)
        check_names(self.columns, where)

    def blocks(
        self,
        start: BlockStart | None = None,
        is_wanted: Wanted | None = None,
        sieve: Sieve | None = None,
    ) -> Iterator[Block]:
        """The blocks from `start` on; see `framing.Reader`.

        is_wanted: told the text of each block; of those it refuses most are left out.
        """
        self._is_wanted = is_wanted
        with self._open() as text:
            at, size = start or self._first, self._block_bytes
            for block in (
                blocks_of(text, at, self, size)
                if sieve is None
                else sifted_blocks(text, at, self, sieve, size)
            ):
                self.share = text.share
                yield block

    def count(self) -> Iterator[int]:
        """How many rows the pieces of the file have; see `framing.Reader`.

        Measured on 1 M rows of 12 columns: to pass over them takes as long as to read them, and 1.6
        times as long where cells are quoted.
        """
        return (block.stop.row - block.start.row for block in self.blocks())

    def points(self, start: BlockStart | None) -> Iterator[Point] | None:
        """Where blocks may begin after `start`; see `framing.Reader`."""
        self._is_wanted = lambda _: False
        return points_of(self._open, start or self._first, self, self._block_bytes)

    def record_end(self, at: BlockStart, text: bytes, is_last: bool) -> int:
        """Where the last whole record ends; SourceError for a quote that is never closed."""
        lines = self._lines(text) if self._has_quotes(text) else None
        if lines is not None and not (is_last and lines.is_open):
            return len(text) if is_last else lines.end
        quoted = self._quoted_cells(text)
        self._check_quotes(at, text, quoted, is_last)
        return len(text) if is_last else layout.last_record_end(text, quoted)

    def passed_over(self, text: bytes) -> int | None:
        """How many records there are, where nothing is wanted of them."""
        if self._is_wanted is None or self._is_wanted(text):
            return None
        lines = self._lines(text)
        if lines is None or lines.is_open:
            return len(self.record_starts(text))
        return lines.whole + (lines.end < len(text))

    def block(self, at: BlockStart, text: bytes) -> Block:
        """The records of the text, the broken ones as faults."""
        table, rows, faults = self._read(text, None, at.row)
        stop = BlockStart(
            at.row + len(rows) + len(faults), at.offset + len(text), at.line + line_count(text)
        )
        return Block(self._file, self.form, at, stop, table, rows, faults)

    def kept_blocks(self, at: BlockStart, text: bytes, rows: Int64s) -> Iterator[Block]:
        """Records that a sieve leaves, as one block."""
        yield Block(self._file, self.form, at, at, *self._read(text, rows, at.row))

    def record_starts(self, text: bytes) -> Int64s:
        """Where each record begins."""
        quote = self._dialect.quote.encode()
        feeds = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
        # Not by searching for two line ends: that takes five times as long.
        has_blank = text[:1] == b"\n" or bool((feeds[1:] - feeds[:-1] == 1).any())
        if has_blank or b"\r" in text or (quote and quote in text):
            return layout.record_starts(text, self._quoted_cells(text))
        starts = np.empty(len(feeds) + 1, np.int64)
        starts[0], starts[1:] = 0, feeds + 1
        return starts[: len(feeds) + (not text.endswith(b"\n"))]

    def _read(
        self, text: bytes, rows: Int64s | None, first: int
    ) -> tuple[pa.RecordBatch, Int64s, tuple[Fault, ...]]:
        """The table of some records, and their rows; rows: None: those from `first` on."""
        try:
            table = self._table(text)
        except pa.ArrowInvalid:
            return self._mended(text, rows, first)
        if rows is None:
            rows = np.arange(first, first + table.num_rows, dtype=np.int64)
        assert table.num_rows == len(rows), "the layout and pyarrow see the same records"
        return table, rows, ()

    def _open(self) -> DecodedFile:
        file = self._file
        return DecodedFile(file.path, file.label, self._encoding, file.bytes_max)

    def _has_quotes(self, text: bytes) -> bool:
        return bool(self._dialect.quote) and self._dialect.quote.encode() in text

    def _lines(self, text: bytes) -> layout.Lines | None:
        return layout.lines(text, self._dialect.delimiter, self._dialect.quote)

    def _quoted_cells(self, text: bytes) -> layout.QuotedCells:
        return layout.quoted_cells(text, self._dialect.delimiter, self._dialect.quote)

    def _opening(self, given: list[str] | None) -> tuple[tuple[str, ...], BlockStart]:
        """The columns, and where the first data record may begin."""
        record, before, after = self._first_record()
        try:
            header = tuple(self._dialect.cells(record.decode())) if record else ()
        except UnicodeDecodeError as error:
            if given is not None:
                return tuple(given), before
            raise MappingError(
                f"the header is not text in {self._encoding}",
                self._file.label,
                "say how the file is written: source: {path: …, encoding: utf-16 or cp1252}",
            ) from error
        if given is None or _is_header(header, tuple(given)):
            return header, after
        return tuple(given), before

    def _first_record(self) -> tuple[bytes, BlockStart, BlockStart]:
        """The first record (empty in an empty file), and the places before and behind it."""
        at, rest = BlockStart(0, 0), b""
        with self._open() as text:
            while True:
                cut = partial(self.record_end, at)
                chunk, rest = next_chunk(text, rest, cut, _HEADER_BYTES, self._file.label)
                if at.offset == 0 and chunk.startswith(BOM_UTF8):
                    at, chunk = at._replace(offset=len(BOM_UTF8)), chunk[len(BOM_UTF8) :]
                if not chunk:
                    return b"", at, at
                found = layout.records(chunk, self._quoted_cells(chunk), self._dialect.delimiter)
                if len(found.starts):
                    break
                at = BlockStart(0, at.offset + len(chunk), at.line + line_count(chunk))
        end = int(found.starts[1]) if len(found.starts) > 1 else len(chunk)
        after = BlockStart(0, at.offset + end, at.line + line_count(chunk[:end]))
        return chunk[found.starts[0] : found.stops[0]], at, after

    def _check_quotes(
        self, at: BlockStart, text: bytes, quoted: layout.QuotedCells, is_last: bool
    ) -> None:
        """Raise SourceError for the first quoted cell that looks like a stray quote."""
        wide = np.flatnonzero(quoted.stops - quoted.starts > CELL_LINES_MAX)
        for start, stop in zip(
            quoted.starts[wide].tolist(), quoted.stops[wide].tolist(), strict=True
        ):
            if line_count(text[start:stop]) > CELL_LINES_MAX:
                raise self._stray_quote(f"spans more than {CELL_LINES_MAX} lines", at, text[:start])
        if is_last and quoted.is_open:
            raise self._stray_quote(
                "is still open at the end of the file", at, text[: quoted.starts[-1]]
            )

    def _stray_quote(self, claim: str, at: BlockStart, before: bytes) -> SourceError:
        return SourceError(
            f"a quoted cell {claim}",
            f"{self._file.label}, line {at.line + line_count(before) + 1}, where it opens",
            'close the quote there; where quotes are ordinary characters, set quote: ""',
        )

    def _table(self, text: bytes) -> pa.RecordBatch:
        """The cells of the text; pa.ArrowInvalid for a ragged record or one that is no UTF-8."""
        schema = pa.schema([(name, pa.string()) for name in self.columns])
        if not text:
            return _no_rows(schema)
        # pyarrow drops a byte order mark at the start of what it reads: here it would be data.
        lead = BOM_UTF8 if text.startswith(BOM_UTF8) else b""
        has_quotes = self._has_quotes(text)
        table = pv.read_csv(
            pa.BufferReader(lead + text),
            # One thread: measured as fast as two for one block, and the encoder has the other.
            pv.ReadOptions(
                use_threads=False, block_size=len(lead + text) + 1, column_names=self.columns
            ),
            pv.ParseOptions(
                delimiter=self._dialect.delimiter,
                quote_char=self._dialect.quote or False,
                newlines_in_values=has_quotes,
            ),
            pv.ConvertOptions(column_types=schema, null_values=[""], strings_can_be_null=True),
        )
        return table.combine_chunks().to_batches()[0] if table.num_rows else _no_rows(schema)

    def _mended(
        self, text: bytes, numbers: Int64s | None, first: int
    ) -> tuple[pa.RecordBatch, Int64s, tuple[Fault, ...]]:
        """The table of the sound records, their rows, and the faults of the others; as `_read`."""
        found = layout.records(text, self._quoted_cells(text), self._dialect.delimiter)
        if numbers is None:
            numbers = np.arange(first, first + len(found.starts), dtype=np.int64)
        is_not_text = layout.not_utf8(text, found)
        is_broken = is_not_text | (found.cell_counts != len(self.columns))
        begins = np.append(found.starts, len(text))
        sound = b"".join(
            text[begins[i] : begins[i + 1]] for i in np.flatnonzero(~is_broken).tolist()
        )
        faults = tuple(
            self._fault(
                int(numbers[i]),
                text[found.starts[i] : found.stops[i]],
                None if is_not_text[i] else int(found.cell_counts[i]),
            )
            for i in np.flatnonzero(is_broken).tolist()
        )
        rows = numbers[~is_broken]
        table = self._table(sound)
        assert table.num_rows == len(rows), "the layout and pyarrow see the same records"
        return table, rows, faults

    def _fault(self, row: int, record: bytes, count: int | None) -> Fault:
        """The fault of one record; count: its cells, None where it is not text."""
        raw = as_in_file(record, self._encoding)
        if count is None:
            return Fault(row, "invalid_encoding", f"not text in {self._encoding}", raw)
        cells = f"{count} cell{'' if count == 1 else 's'}"
        reason = f"{cells} where {self._namer} has {len(self.columns)}"
        return Fault(row, "ragged_row", reason, raw)


def _is_header(record: tuple[str, ...], given: tuple[str, ...]) -> bool:
    """Whether a file that should have no header begins with one: the columns' own names.

    It is a rejects file then, of whose own columns a spreadsheet may have dropped some.
    """
    rest = record[len(given) :]
    return record[: len(given)] == given and set(rest) <= set(dialect.REJECT_COLUMNS)


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(0, kind) for kind in schema.types], schema=schema)
