"""The files refused rows are appended to; see `backfill.rejects` for what they hold."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from backfill import dialect
from backfill.dialect import REJECT_COLUMNS
from backfill.errors import StorageError
from backfill.mapping import Source
from backfill.records import Form, Rejected
from backfill.rejects.failures import storage_errors
from backfill.rejects.holding import check_free, opened
from backfill.rejects.rows import csv_cells, json_lines
from backfill.rejects.spool import spooled, write_parquet

_SPOOL, _PARQUET, _EARLIER = ".spool", ".parquet", ".earlier"
_APPENDED = (".csv", ".tsv", ".jsonl", _SPOOL)


class RejectsFile:
    """The refused rows of one stream; append-only, and truncated to what was committed on resume.

    folder: made with mode 0700 where it is missing; the files have 0600.
    length: what was committed, in bytes over all the stream's files; None for a new run, before
            which the files of an earlier one are renamed to `NAME.earlier`, `NAME.earlier2`, ….
            What stands here may be somebody else's: nothing is ever overwritten or removed.
    Raises StorageError where a file cannot be written, or is shorter than `length`; UsageError
    where another run writes them.
    """

    def __init__(self, folder: Path, stream: str, source: Source, length: int | None) -> None:
        self._folder, self._stream, self._source = folder, stream, source
        self._parts: list[_Part] = []
        self._length = 0
        with storage_errors(folder):
            existing = _existing(folder, stream)
            for path in existing:
                check_free(path)
            if length is None:
                for path in existing:
                    _put_aside(path)
            else:
                self._resume(existing, length)

    def append(self, *rejected: Rejected) -> None:
        """Add the rows, all or none; they are durable after the next `sync`."""
        before, length = {part.path: part.size for part in self._parts}, self._length
        try:
            for some in rejected:
                if len(some.rows):
                    self._append(some)
        except StorageError:  # no half rows, and none whose ledger will not know of it
            for part in self._parts:
                part.size = before.get(part.path, 0)
                os.ftruncate(part.descriptor, part.size)
            self._length = length
            raise

    def length(self) -> int:
        """Bytes appended so far, over all files."""
        return self._length

    def sync(self) -> int:
        """Make durable what was appended before the call; returns its length.

        May run in a thread while rows are appended in another.
        """
        length = self._length
        for part in list(self._parts):
            with storage_errors(part.path):
                os.fsync(part.descriptor)
        return length

    def close(self) -> None:
        """Sync, and write out the Parquet files; closing again does nothing."""
        parts, self._parts = self._parts, []
        with ExitStack() as descriptors:
            for part in parts:
                descriptors.callback(os.close, part.descriptor)
            for part in parts:
                with storage_errors(part.path):
                    os.fsync(part.descriptor)
                if part.path.suffix == _SPOOL:
                    with storage_errors(self._path(1, _PARQUET)):
                        write_parquet(part.path, lambda i: self._path(i + 1, _PARQUET))

    def paths(self) -> list[Path]:
        """The files to look at; none as long as nothing was refused, Parquet after `close`."""
        return refused(self._folder, self._stream)

    def _append(self, rejected: Rejected) -> None:
        if rejected.block.form is Form.TYPED:
            self._write(self._part(_SPOOL), spooled(rejected))
        elif rejected.block.form is Form.JSON:
            lines = json_lines(rejected, self._source.encoding)
            self._write_text(self._part(".jsonl"), lines)
        else:
            self._append_csv(rejected)

    def _append_csv(self, rejected: Rejected) -> None:
        suffix = ".tsv" if ".tsv" in rejected.block.file.path.suffixes[-2:] else ".csv"
        names = [name for name in rejected.block.table.schema.names if name not in REJECT_COLUMNS]
        part = self._parts[-1] if self._parts else None
        if part is None or not set(names) <= set(part.columns):
            known = part.columns if part else []
            columns = [*known, *(name for name in names if name not in known)]
            part = self._begin(suffix, columns)
        header = [] if part.size else [[*part.columns, *REJECT_COLUMNS]]
        form = dialect.dialect_of(self._source, part.path)
        records = csv_cells(rejected, part.columns, form, self._source)
        self._write_text(part, map(form.record, chain(header, records)))

    def _part(self, suffix: str) -> _Part:
        return self._parts[0] if self._parts else self._begin(suffix, [])

    def _begin(self, suffix: str, columns: list[str]) -> _Part:
        """Make the next file; the ones before it stay as they are."""
        path = self._path(len(self._parts) + 1, suffix)
        with storage_errors(path):
            for folder in reversed([self._folder, *self._folder.parents]):
                folder.mkdir(mode=0o700, exist_ok=True)  # all of ours: `parents=True` forgets
            part = _Part(path, opened(path, os.O_CREAT | os.O_EXCL), columns)
            self._parts.append(part)
            _sync_folder(self._folder)
        return part

    def _write_text(self, part: _Part, lines: Iterable[str]) -> None:
        text = "".join(line + "\n" for line in lines)
        lead = b"" if part.size else dialect.byte_order_mark(self._source.encoding)
        self._write(part, lead + dialect.encode(text, self._source.encoding))

    def _write(self, part: _Part, content: bytes) -> None:
        left = memoryview(content)
        with storage_errors(part.path):
            while left:
                left = left[os.write(part.descriptor, left) :]
        part.size += len(content)
        self._length += len(content)

    def _path(self, number: int, suffix: str) -> Path:
        return _path(self._folder, self._stream, number, suffix)

    def _ends_a_row(self, path: Path, kept: int) -> bool:
        """Whether so many bytes of the file, at least one, are whole rows: a commit leaves them."""
        if not kept or path.suffix in (_PARQUET, _SPOOL):
            return kept > 0 and path.suffix == _SPOOL
        line_end = dialect.encode("\n", self._source.encoding)
        with path.open("rb") as file:
            file.seek(max(0, kept - len(line_end)))
            return file.read(len(line_end)) == line_end

    def _resume(self, existing: list[Path], length: int) -> None:
        for i, path in enumerate(existing):
            size = path.stat().st_size
            kept = min(size, length - self._length)
            if path.suffix == _PARQUET and self._path(1, _SPOOL).exists():
                path.unlink()  # made of the spool, and will be again
            elif not size:
                path.unlink()  # what a full disk leaves of a file that was just made
            elif self._ends_a_row(path, kept):
                self._go_on_with(path, kept)
            else:  # rows of no commit, which will be refused again; edited since; or another job's
                for one in existing[i:]:
                    _put_aside(one)
                return
        if self._length < length:
            raise StorageError(
                f"the rejects of stream {self._stream} are shorter than the checkpoint says",
                str(self._folder),
                "put the files back (a job that shares the folder renames them to NAME.earlier), or"
                " start anew with --fresh",
            )

    def _go_on_with(self, path: Path, kept: int) -> None:
        part = _Part(path, opened(path, 0), [], kept)
        self._parts.append(part)
        os.ftruncate(part.descriptor, kept)
        if path.suffix in (".csv", ".tsv"):
            part.columns = _header(path, self._source)
        self._length += kept


def refused(folder: Path, stream: str) -> list[Path]:
    """The files of a stream for a person to look at, whether a run is alive or not."""
    return [path for path in _existing(folder, stream) if path.suffix != _SPOOL]


def _path(folder: Path, stream: str, number: int, suffix: str) -> Path:
    # "+" is in no stream's name, so that two streams never share a file.
    return folder / ((f"{stream}+{number}" if number > 1 else stream) + suffix)


def _existing(folder: Path, stream: str) -> list[Path]:
    found: list[Path] = []
    for number in count(1):
        here = [_path(folder, stream, number, suffix) for suffix in (*_APPENDED, _PARQUET)]
        here = [path for path in here if path.exists()]
        if not here:
            return found
        found += here
    raise AssertionError("counting does not end")


def _put_aside(path: Path) -> None:
    for number in count(1):
        kept = path.with_name(f"{path.name}{_EARLIER}{number if number > 1 else ''}")
        if not kept.exists():
            path.rename(kept)
            return


@dataclass(slots=True)
class _Part:
    """One file: open for appending, with its source columns where it is CSV."""

    path: Path
    descriptor: int
    columns: list[str]
    size: int = 0


def _header(path: Path, source: Source) -> list[str]:
    """The source's columns in the header of a file we wrote."""
    form = dialect.dialect_of(source, path)
    header = ""
    # Replacing: what follows the header may hold bytes that are no text.
    with path.open(encoding=source.encoding, errors="replace", newline="") as file:
        for line in file:
            header += line
            if not form.quote or header.count(form.quote) % 2 == 0:
                break
    return form.cells(header.removesuffix("\n"))[: -len(REJECT_COLUMNS)]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
