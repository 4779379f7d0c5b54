"""What the files of a stream look like: one pass over them, no more of it than is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from backfill.columns import columns_of
from backfill.pipeline.expecting.nights import Night
from backfill.pipeline.sources import OpenFile, OpenStream
from backfill.records import Block, Form


class Look:
    """A stream with `expect`, and what is seen of its files.

    labels: of each list of columns, the first file that has it.
    """

    def __init__(self, stream: OpenStream) -> None:
        expect = stream.stream.expect
        assert expect is not None
        self.stream, self.expect = stream, expect
        self._counts_blanks = expect == "accept" or expect.max_null_change is not None
        names_columns = expect == "accept" or expect.columns is not None
        self.is_json = stream.files[0].reader.form is Form.JSON
        self._reads = self._counts_blanks or (self.is_json and names_columns)
        self._rows = 0
        self._filled: Counter[str] = Counter()
        self._headers: dict[tuple[str, ...], str] = {}

    def read(self) -> Iterator[None]:
        """Read every file to its end. Yields now and then, so that the caller can stop.

        Raises SourceError where a file cannot be read on, or changes meanwhile.
        """
        for source in self.stream.files:
            if self._reads:
                for block in source.reader.blocks():
                    self._note(block)
                    yield
            else:
                for rows in source.reader.count():
                    self._rows += rows
                    yield
            source.check_unchanged()
            self._note_header(source)

    @property
    def night(self) -> Night:
        """What was seen."""
        columns = self._columns
        names = dict.fromkeys(name for header in columns or () for name in header)
        blanks = {name: self._rows - self._filled[name] for name in names}
        return Night(
            "",
            self._rows,
            columns,
            blanks if self._counts_blanks else None,
            self.expect == "accept",
            1 if self.stream.arrivals is None else len(self.stream.files),
        )

    @property
    def labels(self) -> list[str]:
        """The first file of each list of columns."""
        return [self.stream.files[0].file.label] if self.is_json else list(self._headers.values())

    @property
    def _columns(self) -> tuple[tuple[str, ...], ...] | None:
        if not self.is_json:
            return tuple(self._headers)
        return (tuple(self._filled),) if self._reads else None

    def _note_header(self, source: OpenFile) -> None:
        if source.reader.columns is not None:
            self._headers.setdefault(source.reader.columns, source.file.label)

    def _note(self, block: Block) -> None:
        self._rows += block.stop.row - block.start.row
        if not self._counts_blanks:
            self._filled.update(dict.fromkeys(block.table.schema.names, 0))
            return
        for name, column in columns_of(block).items():
            self._filled[name] += len(block.rows) - int(column.is_blank.sum())
