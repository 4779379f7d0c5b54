"""Opening, committing and reading a checkpoint."""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar

import numpy as np

from backfill.checkpoint import tables
from backfill.checkpoint.failures import damaged, mapped, read_from
from backfill.checkpoint.lock import locked
from backfill.checkpoint.work import read_work
from backfill.errors import CheckpointError, StorageError
from backfill.identity import JobIdentity
from backfill.ledger import Changes, Counts
from backfill.logbook import REQUEST, History, Log, Sitting, Work
from backfill.private import make_folder
from backfill.resumption import Extent, Outset, Saved, State

#: SQLite's header: the magic, whether the write-ahead log is on, and the application id.
#: [sqlite.org/fileformat2.html, 1.3]
_HEADER_BYTES = 100
_MAGIC = b"SQLite format 3\x00"
_WRITE_VERSION, _APPLICATION_ID = 18, slice(68, 72)
_WITH_LOG = 2

Found = TypeVar("Found")


class Checkpoint:
    """A checkpoint held by this process. May be used from any thread, by one at a time.

    kept: where `fresh` put the old one, if there was one.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, kept: Path | None, held: ExitStack
    ) -> None:
        self.path, self.kept = path, kept
        self._connection, self._held = connection, held
        self._file = path.stat()

    @classmethod
    def open(cls, path: Path, *, fresh: bool = False) -> Self:
        """Take hold of the checkpoint, and make it if it is not there.

        fresh: keep an old one under another name and start with an empty one.
        Raises InUse where another process holds it; CheckpointError where it is not a checkpoint,
        damaged or of a newer version; StorageError where it cannot be written.
        """
        path = path.resolve()  # one lock for all the names of one file
        with mapped(path), ExitStack() as held:
            make_folder(path.parent)
            held.enter_context(locked(path))
            kept = _set_aside(path) if _check(path) and fresh else None
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite would make it 0644
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            held.callback(connection.close)
            with read_from(path):
                _prepare(connection, path)
            return cls(path, connection, kept, held.pop_all())

    def load(self) -> Saved | None:
        """What the last commit left; None: no run has begun."""
        with read_from(self.path):
            return tables.read(self._connection)

    def work(self) -> Work:
        """What was done for the run that stands here, as of the last commit."""
        with read_from(self.path):
            return read_work(self._connection)

    def begin(self, job: JobIdentity, run_id: str, outset: Outset | None = None) -> None:
        """Start a run from nothing, over whatever run stands here."""
        with mapped(self.path):
            tables.begin(self._connection, job, run_id, outset or Outset(), time.time())

    def go_on(self, dropped: Mapping[str, Counts] = MappingProxyType({})) -> None:
        """Take up the unfinished run that stands here: a sitting of its own, for the report.

        dropped: streams of which nothing more is to be done, and what was.
        """
        with mapped(self.path):
            tables.go_on(self._connection, dropped, time.time())

    def commit(
        self, changes: Changes, rejects: Mapping[str, Extent], state: State = "running"
    ) -> None:
        """Make changes durable, all of them or none; they are when it returns.

        rejects: of each stream, as of the moment the changes were taken; the files are durable up
        to there already, or a refused row could be done and stand nowhere.
        Raises StorageError where the file was removed or replaced since it was opened.
        """
        with mapped(self.path):
            tables.write(self._connection, changes, rejects, state, time.time())
        self._check_in_place()

    def _check_in_place(self) -> None:
        with mapped(self.path), suppress(FileNotFoundError):
            if os.path.samestat(self._file, self.path.stat()):
                return
        raise StorageError(
            "the checkpoint was removed or replaced while the run writes it",
            str(self.path),
            "put the file back, if it was only renamed, and run the same command again; without it"
            " a run begins anew and sends every row once more",
        )

    def close(self) -> None:
        """Let go of it."""
        with mapped(self.path):
            self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def peek(path: Path) -> Saved | None:
    """What the last commit left, also while a run holds it, which notices nothing of it.

    None: there is no checkpoint, or no run has begun. Raises as Checkpoint.open does, except
    that it may be in use.
    """
    return _peeked(path, tables.read)


def peek_log(path: Path) -> Log:
    """What happened in the run that a checkpoint holds; empty where there is none.

    Raises as `peek` does.
    """
    return _peeked(path, tables.read_log) or Log()


def peek_history(path: Path) -> History:
    """The same for a report; as `peek_log`."""
    return _peeked(path, tables.read_history) or History(np.empty(0, REQUEST))


def peek_sittings(path: Path) -> tuple[Sitting, ...]:
    """When processes worked at the run that a checkpoint holds, in their order.

    Raises as `peek` does.
    """
    return _peeked(path, tables.read_sittings) or ()


def peek_reason(path: Path) -> str | None:
    """Why the run stopped that a checkpoint holds, where that is the last that was said.

    Raises as `peek` does.
    """
    return _peeked(path, tables.read_reason)


def peek_work(path: Path) -> Work:
    """What was done for the run that a checkpoint holds.

    Raises as `peek` does.
    """
    return _peeked(path, read_work) or Work()


def _peeked(path: Path, read: Callable[[sqlite3.Connection], Found]) -> Found | None:
    path = path.resolve()
    with read_from(path):
        header = _check(path)
        if not header:
            return None
        # A checkpoint at rest has no log; SQLite would leave an empty one beside it.
        at_rest = header[_WRITE_VERSION] == _WITH_LOG and not _beside(path, "-wal").exists()
        uri = f"{path.as_uri()}?mode=ro{'&immutable=1' if at_rest else ''}"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            _check_format(connection, path)
            return read(connection)


def new_run_id() -> str:
    """A name for a run: sorts by its time (UTC, seconds), and is not given twice."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def began_s(run_id: str) -> float | None:
    """When the run of a name began, unix seconds, up to one too early; None: it is no such name."""
    try:
        begun = datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%SZ")
    except ValueError:
        return None
    return begun.replace(tzinfo=UTC).timestamp()


def _check(path: Path) -> bytes:
    """The file's header, empty if there is no file yet; before SQLite touches what is not ours."""
    if not path.exists():
        return b""
    if not path.is_file():
        raise _foreign(path)
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    marked = int.from_bytes(header[_APPLICATION_ID]) == tables.APPLICATION_ID
    if header and not (header.startswith(_MAGIC) and marked):
        raise _foreign(path)
    if path.stat().st_nlink > 1:
        raise CheckpointError(
            "the checkpoint has another name, a hard link, which it would not be safe under",
            str(path),
            "remove the other name, or make it a copy",
        )
    return header


def _foreign(path: Path) -> CheckpointError:
    return CheckpointError(
        "this is not a checkpoint",
        str(path),
        "name another file as the checkpoint in the config, or move this one away",
    )


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables if there are none; then have every commit reach the disk."""
    if connection.execute("PRAGMA application_id").fetchone() == (0,):
        tables.create(connection)
    _check_format(connection, path)
    if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise damaged(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse what another version wrote: a guess at its meaning could lose rows."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != tables.FORMAT:
        age = "a newer" if version > tables.FORMAT else "an older"
        raise CheckpointError(
            f"the checkpoint was written by {age} version of backfill"
            f" (format {version}, here {tables.FORMAT})",
            str(path),
            "end this job with that version, or start anew with --fresh (which keeps the file under"
            " another name)",
        )


def _set_aside(path: Path) -> Path:
    """Rename a checkpoint, whole: its last commits first go from the log into the file."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(path, isolation_level=None)) as it:
        it.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # [sqlite.org/pragma.html]
    kept = path.with_name(f"{path.name}.{new_run_id()}")
    path.rename(kept)
    for suffix in ("-wal", "-shm"):  # of a damaged one, or one that is being looked at
        if _beside(path, suffix).exists():
            _beside(path, suffix).rename(_beside(kept, suffix))
    return kept


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
