"""What SQLite and the system say, in words that tell the user what to do."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backfill.errors import BackfillError, CheckpointError, StorageError

AGAIN = "and run the same command again: it goes on from the last commit"
_IS_DAMAGED = "the checkpoint is damaged"
_RESTORE = (
    "restore the file from a copy, or start anew with --fresh (which keeps it under another name)"
)

#: SQLite's primary result codes that are not our mistake.  [sqlite.org/rescode.html]
_SQLITE: dict[int, tuple[type[BackfillError], str, str]] = {
    sqlite3.SQLITE_FULL: (StorageError, "the disk is full", f"free some space {AGAIN}"),
    sqlite3.SQLITE_IOERR: (StorageError, "the disk fails", f"check the disk {AGAIN}"),
    sqlite3.SQLITE_READONLY: (
        StorageError,
        "the checkpoint may not be written",
        f"make it and its folder writable {AGAIN}",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        StorageError,
        "the checkpoint cannot be opened",
        f"make it and its folder readable and writable {AGAIN}",
    ),
    sqlite3.SQLITE_BUSY: (
        StorageError,
        "another program holds the checkpoint",
        f"close that program {AGAIN}",
    ),
    sqlite3.SQLITE_CORRUPT: (CheckpointError, _IS_DAMAGED, _RESTORE),
    sqlite3.SQLITE_NOTADB: (CheckpointError, _IS_DAMAGED, _RESTORE),
}

_OWNER = f"make its folder writable for this user, or become the user who owns it, {AGAIN}"

_SYSTEM: dict[int | None, str] = {
    errno.ENOSPC: f"free some space {AGAIN}",
    errno.EDQUOT: f"free some space {AGAIN}",
    errno.EACCES: _OWNER,
    errno.EPERM: _OWNER,
    errno.ENOLCK: "name a checkpoint on a local disk in the config: this one cannot be locked",
    errno.EOPNOTSUPP: "name a checkpoint on a local disk in the config: this one cannot be locked",
}


def damaged(path: Path) -> CheckpointError:
    """A checkpoint that is not as we wrote it."""
    return CheckpointError(_IS_DAMAGED, str(path), _RESTORE)


@contextmanager
def read_from(path: Path) -> Iterator[None]:
    """As `mapped`, where only what we wrote is read: whatever that trips over is damage."""
    try:
        with mapped(path):
            yield
    except (sqlite3.Error, LookupError, TypeError, ValueError) as error:
        raise damaged(path) from error


@contextmanager
def mapped(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system raise into StorageError and CheckpointError.

    A mistake of ours (bad SQL, a broken constraint) stays as it is.
    """
    try:
        yield
    except sqlite3.Error as error:
        # The low byte is the primary code; errors of the Python binding itself carry none.
        code = getattr(error, "sqlite_errorcode", None)
        if code is None or code & 0xFF not in _SQLITE:
            raise
        kind, what, fix = _SQLITE[code & 0xFF]
        raise kind(what, str(path), fix) from error
    except OSError as error:
        raise StorageError(
            f"the checkpoint cannot be used: {error.strerror}",
            str(path),
            _SYSTEM.get(
                error.errno, f"make its folder writable {AGAIN}; or name another in the config"
            ),
        ) from error
