"""The files refused rows are appended to; see `backfill.rejects` for what they hold."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import xxhash

from backfill import dialect
from backfill.dialect import REJECT_COLUMNS
from backfill.mapping import Source
from backfill.private import make_folder, sync_folder
from backfill.records import Form, Rejected
from backfill.rejects.failures import storage_errors
from backfill.rejects.holding import check_free, check_in_place, opened
from backfill.rejects.rows import csv_cells, json_lines
from backfill.rejects.spool import spooled, write_parquet
from backfill.rejects.standing import (
    PARQUET,
    SPOOL,
    committed,
    existing,
    named,
    put_aside,
    refused,
)
from backfill.resumption import Extent


class RejectsFile:
    """The refused rows of one stream; append-only, and truncated to what was committed on resume.

    folder: made with mode 0700 where it is missing; the files have 0600.
    extent: what was committed, and what is there now; None for a new run.
    aside:  the files that stood here and are not this run's, under their new names.
    Raises StorageError where a file cannot be written, was removed or replaced while it is, or is
    not as the last commit left it; UsageError where another run writes them.
    """

    def __init__(self, folder: Path, stream: str, source: Source, extent: Extent | None) -> None:
        self._folder, self._stream, self._source = folder, stream, source
        self._parts: list[_Part] = []
        self._digest = xxhash.xxh3_64()
        self.extent, self.aside = extent or Extent(), list[Path]()
        with storage_errors(folder):
            found = existing(folder, stream)
            for path in found:
                check_free(path)
            if extent is None:
                self.aside += map(put_aside, found)
            else:
                self._resume(found)

    def append(self, *rejected: Rejected) -> None:
        """Add the rows, all or none; they are durable after the next `sync`."""
        before, digest = {part.path: part.size for part in self._parts}, self._digest.copy()
        try:
            for some in rejected:
                if len(some.rows):
                    self._append(some)
        except BaseException:  # no half rows, and none whose ledger will not know of it
            for part in self._parts:
                part.size = before.get(part.path, 0)
                os.ftruncate(part.descriptor, part.size)
            self._digest = digest
            raise
        length = sum(part.size for part in self._parts)
        self.extent = Extent(length, self._digest.digest())

    def sync(self) -> Extent:
        """Make durable what was appended before the call; returns its extent.

        May run in a thread while rows are appended in another.
        """
        extent = self.extent
        for part in list(self._parts):
            part.sync()
        return extent

    def close(self) -> None:
        """Sync, and write out the Parquet files; closing again does nothing."""
        parts, self._parts = self._parts, []
        with ExitStack() as descriptors:
            for part in parts:
                descriptors.callback(os.close, part.descriptor)
            for part in parts:
                part.sync()
                if part.path.suffix == SPOOL:
                    with storage_errors(self._path(1, PARQUET)):
                        write_parquet(part.path, lambda i: self._path(i + 1, PARQUET))

    def paths(self) -> list[Path]:
        """The files to look at; none as long as nothing was refused, Parquet after `close`."""
        return refused(self._folder, self._stream)

    def _append(self, rejected: Rejected) -> None:
        if rejected.block.form is Form.TYPED:
            self._write(self._part(SPOOL), spooled(rejected))
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
            make_folder(self._folder)
            part = _Part(path, opened(path, os.O_CREAT | os.O_EXCL), columns)
            self._parts.append(part)
            sync_folder(self._folder)
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
        self._digest.update(content)

    def _path(self, number: int, suffix: str) -> Path:
        return named(self._folder, self._stream, number, suffix)

    def _resume(self, found: list[Path]) -> None:
        written = [path for path in found if path.suffix != PARQUET]
        sizes, self._digest = committed(written, self.extent, f"{self._folder}, {self._stream}")
        for path, size in zip(written, sizes, strict=True):
            if size:
                self._go_on_with(path, size)
            elif path.stat().st_size:  # rows of no commit, which will be refused again
                self.aside.append(put_aside(path))
            else:  # what a full disk leaves of a file that was just made
                path.unlink()
        is_spooled = any(part.path.suffix == SPOOL for part in self._parts)
        for path in found:
            if path.suffix == PARQUET and is_spooled:
                path.unlink()  # made of the spool, and will be again
            elif path.suffix == PARQUET:
                self.aside.append(put_aside(path))

    def _go_on_with(self, path: Path, size: int) -> None:
        part = _Part(path, opened(path, 0), [], size)
        self._parts.append(part)
        os.ftruncate(part.descriptor, size)
        if path.suffix in (".csv", ".tsv"):
            part.columns = _header(path, self._source)


@dataclass(slots=True)
class _Part:
    """One file: open for appending, with its source columns where it is CSV."""

    path: Path
    descriptor: int
    columns: list[str]
    size: int = 0

    def sync(self) -> None:
        """Make it durable, where it can be found."""
        with storage_errors(self.path):
            os.fsync(self.descriptor)
            check_in_place(self.descriptor, self.path)


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
