"""The files refused rows are appended to; see `backfill.rejects` for what they hold."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

import pyarrow as pa

from backfill import dialect
from backfill.dialect import REJECT_COLUMNS
from backfill.errors import StorageError
from backfill.mapping import Source
from backfill.records import Form, Rejected
from backfill.rejects.rows import csv_cells, json_lines
from backfill.rejects.spool import spooled, write_parquet

_SPOOL, _PARQUET, _EARLIER = ".spool", ".parquet", ".earlier"
#: Where our columns stand in a file we wrote: a CSV header, a JSON line, an Arrow schema.
_HEAD_BYTES = 1 << 20

_APPENDED = (".csv", ".tsv", ".jsonl", _SPOOL)


class RejectsFile:
    """The refused rows of one stream; append-only, and truncated to what was committed on resume.

    folder: made with mode 0700 where it is missing; the files have 0600.
    length: what was committed, in bytes over all the stream's files; None for a new run, before
            which the files of an earlier one are renamed to `NAME.earlier`, `NAME.earlier2`, ….
            What stands here may be somebody else's: nothing is ever overwritten or removed.
    Raises StorageError where a file cannot be written, or is shorter than `length`.
    """

    def __init__(self, folder: Path, stream: str, source: Source, length: int | None) -> None:
        self._folder, self._stream, self._source = folder, stream, source
        self._parts: list[_Part] = []
        self._length = 0
        with _storage_errors(folder):
            if length is None:
                self._put_aside()
            else:
                self._resume(length)

    def append(self, rejected: Rejected) -> None:
        """Add the rows; they are durable after the next `sync`."""
        if not len(rejected.rows):
            return
        with _storage_errors(self._folder):
            if rejected.block.form is Form.TYPED:
                self._write(self._part(_SPOOL), spooled(rejected))
            elif rejected.block.form is Form.JSON:
                lines = json_lines(rejected, self._source.encoding)
                self._write_text(self._part(".jsonl"), lines)
            else:
                self._append_csv(rejected)

    def length(self) -> int:
        """Bytes appended so far, over all files."""
        return self._length

    def sync(self) -> int:
        """Make durable what was appended before the call; returns its length.

        May run in a thread while rows are appended in another.
        """
        length = self._length
        with _storage_errors(self._folder):
            for part in list(self._parts):
                os.fsync(part.descriptor)
        return length

    def close(self) -> None:
        """Sync, and write out the Parquet files; closing again does nothing."""
        if not self._parts:
            return
        self.sync()
        parts, self._parts = self._parts, []
        with _storage_errors(self._folder):
            for part in parts:
                os.close(part.descriptor)
                if part.path.suffix == _SPOOL:
                    write_parquet(part.path, lambda i: self._path(i + 1, _PARQUET))

    def paths(self) -> list[Path]:
        """The files to look at; none as long as nothing was refused, Parquet after `close`."""
        return refused(self._folder, self._stream)

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
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(len(self._parts) + 1, suffix)
        part = _Part(path, _opened(path, os.O_CREAT | os.O_EXCL), columns)
        _sync_folder(self._folder)
        self._parts.append(part)
        return part

    def _write_text(self, part: _Part, lines: Iterable[str]) -> None:
        text = "".join(line + "\n" for line in lines)
        lead = b"" if part.size else dialect.byte_order_mark(self._source.encoding)
        self._write(part, lead + dialect.encode(text, self._source.encoding))

    def _write(self, part: _Part, content: bytes) -> None:
        left = memoryview(content)
        try:
            while left:
                left = left[os.write(part.descriptor, left) :]
        except OSError:
            os.ftruncate(part.descriptor, part.size)  # no half rows: what follows stands after it
            raise
        part.size += len(content)
        self._length += len(content)

    def _path(self, number: int, suffix: str) -> Path:
        return _path(self._folder, self._stream, number, suffix)

    def _existing(self) -> list[Path]:
        return _existing(self._folder, self._stream)

    def _put_aside(self) -> None:
        for path in self._existing():
            _put_aside(path)

    def _is_ours(self, path: Path) -> bool:
        """Whether a file begins as ours do: with our columns, in plain sight or in a schema."""
        with path.open("rb") as file:
            return dialect.encode(dialect.REJECT_COLUMNS[-1], self._source.encoding) in file.read(
                _HEAD_BYTES
            )

    def _ends_a_row(self, path: Path, kept: int) -> bool:
        """Whether so many bytes of the file are whole rows, as a commit leaves them."""
        if path.suffix == _SPOOL:
            return True
        line_end = dialect.encode("\n", self._source.encoding)
        with path.open("rb") as file:
            file.seek(max(0, kept - len(line_end)))
            return kept > 0 and path.suffix != _PARQUET and file.read(len(line_end)) == line_end

    def _resume(self, length: int) -> None:
        existing = self._existing()
        for i, path in enumerate(existing):
            kept = min(path.stat().st_size, length - self._length)
            if path.suffix == _PARQUET and self._path(1, _SPOOL).exists():
                path.unlink()  # made of the spool, and will be again
            elif not kept and self._is_ours(path):
                path.unlink()  # rows of no commit: they will be refused again
            elif self._ends_a_row(path, kept):
                self._go_on_with(path, kept)
            else:  # somebody's, or edited since the commit
                for one in existing[i:]:
                    _put_aside(one)
                return
        if self._length < length:
            raise StorageError(
                f"the rejects of stream {self._stream} are shorter than the checkpoint says",
                str(self._folder),
                "put the files back, or start anew with --fresh",
            )

    def _go_on_with(self, path: Path, kept: int) -> None:
        part = _Part(path, _opened(path, 0), [], kept)
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


def _opened(path: Path, flags: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | flags, 0o600)


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


@contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "input/output error"
        raise StorageError(
            f"the rejects cannot be written: {reason}",
            str(error.filename or folder),
            "see that the folder can be written to and has room, then run again",
        ) from error
    except pa.ArrowException as error:
        raise StorageError(
            "the spool of refused Parquet rows is damaged",
            str(folder),
            "start anew with --fresh",
        ) from error
