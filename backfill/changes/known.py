"""The file of what is known: records ordered by key, and behind them what was added since.

Rules: it only grows while a run lasts, and is written anew, in order, when one begins that finds
much added.
What is torn or cut off at its end is forgotten: that costs a sending, never a row.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import xxhash

from backfill.changes import entries
from backfill.changes.entries import Records
from backfill.changes.header import HEADER_BYTES, Header, header_bytes, mapped
from backfill.changes.overlay import Overlay, in_order
from backfill.changes.tidying import looked_through
from backfill.private import make_folder, sync_folder, writing_whole
from backfill.records import Int64s


def path_of(checkpoint: Path, stream: str) -> Path:
    """Where the knowledge of a stream stands."""
    return checkpoint.with_name(f"{checkpoint.name}.changes-{stream}")


class Known:
    """What is known of the entities of a stream, in the order of their keys.

    May be appended to from any thread, by one at a time.
    """

    def __init__(self, file: IO[bytes], records: Overlay, path: Path) -> None:
        self._file, self._records, self.path = file, records, path

    @classmethod
    def open(cls, path: Path, belongs: Mapping[str, Any]) -> Known:
        """Take hold of the file, put it in order, and make it if it is not there.

        Raises CheckpointError where it is damaged or no such file, StorageError where it cannot be
        written.
        """
        path = path.resolve()
        with mapped(path):
            make_folder(path.parent)
            found, records = looked_through(path), None
            if found is not None and found.header.belongs == belongs:
                records = found.overlay()
            if records is None:
                records = _write_anew(path, belongs, found.records() if found else iter(()))
            return cls(path.open("r+b", buffering=0), records, path)

    @classmethod
    def look(cls, path: Path) -> Known:
        """The same, without a change to the file; nobody is known where it is not there."""
        path = path.resolve()
        with mapped(path):
            found = looked_through(path)
            if found is not None and (records := found.overlay()) is not None:
                return cls(path.open("rb", buffering=0), records, path)
            made = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 (closed by `close`)
            made.write(bytes(HEADER_BYTES))
            count = sum(_put(made, piece) for piece in (found.records() if found else ()))
            return cls(made, in_order(count), path)

    @property
    def count(self) -> int:
        """How many entities they are."""
        return self._records.count

    def pieces(self) -> Iterator[Records]:
        """All of them, some at once."""
        with mapped(self.path):
            yield from self._records.pieces(self._file)

    def at(self, places: Int64s) -> Records:
        """The records at some places."""
        with mapped(self.path):
            return self._records.at(self._file, places)

    def append(self, records: Records) -> None:
        """Add later records of entities; they are durable when it returns."""
        if not len(records):
            return
        with mapped(self.path):
            end = self._file.seek(0, os.SEEK_END)
            try:
                _put(self._file, entries.sealed(records))
                os.fdatasync(self._file.fileno())
            except OSError:
                with suppress(OSError):
                    self._file.truncate(end)
                raise

    def settle(self) -> None:
        """Write the file anew, in order, if much was added to it; durable when it returns."""
        with mapped(self.path):
            found = looked_through(self.path)
            if found is not None and found.overlay() is None:
                self._replace(found.header.belongs, found.records())

    def belong(self, belongs: Mapping[str, Any]) -> None:
        """Let the file be of something else, as of `open`; durable when it returns."""
        with mapped(self.path):
            self._replace(belongs, self._records.pieces(self._file))

    def _replace(self, belongs: Mapping[str, Any], pieces: Iterator[Records]) -> None:
        self._records = _write_anew(self.path, belongs, pieces)
        self._file.close()
        self._file = self.path.open("r+b", buffering=0)

    def close(self) -> None:
        """Let go of it."""
        self._file.close()


def _write_anew(path: Path, belongs: Mapping[str, Any], pieces: Iterator[Records]) -> Overlay:
    """Put a file in the place of another, whole or not at all; returns what it holds."""
    seal, count = xxhash.xxh3_128(), 0
    with writing_whole(path) as file:
        file.write(bytes(HEADER_BYTES))
        for piece in pieces:
            seal.update(np.ascontiguousarray(piece).data)
            count += _put(file, piece)
        file.seek(0)
        file.write(header_bytes(Header(belongs, count, seal.hexdigest())))
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
    return in_order(count)


def _put(file: IO[bytes], records: Records) -> int:
    left = memoryview(records.tobytes())
    while left:
        left = left[file.write(left) :]
    return len(records)
