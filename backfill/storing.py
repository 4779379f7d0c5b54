"""What SQLite and the system say of a file we keep, in words that tell the user what to do."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from backfill.errors import BackfillError, CheckpointError, StorageError

AGAIN = "and run the same command again: it goes on from the last commit"


class Kept(NamedTuple):
    """What a file keeps.

    name:      as messages begin with it: "the checkpoint". restore: what to do once it is damaged.
    elsewhere: what to do where the disk is not fit for it.
    """

    name: str
    restore: str
    elsewhere: str = "name a checkpoint on a local disk in the config: this one cannot be locked"


#: SQLite's primary result codes that are not our mistake; the names are put in.
#: [sqlite.org/rescode.html]
_SQLITE: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_FULL: ("the disk is full", f"free some space {AGAIN}"),
    sqlite3.SQLITE_IOERR: ("the disk fails", f"check the disk {AGAIN}"),
    sqlite3.SQLITE_READONLY: (
        "{} may not be written",
        f"make it and its folder writable {AGAIN}",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "{} cannot be opened",
        f"make it and its folder readable and writable {AGAIN}",
    ),
    sqlite3.SQLITE_BUSY: ("another program holds {}", f"close that program {AGAIN}"),
}
_DAMAGES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_FREE = f"free some space {AGAIN}"
_OWNER = f"make its folder writable for this user, or become the user who owns it, {AGAIN}"

_SYSTEM: dict[int | None, str] = {
    errno.ENOSPC: _FREE,
    errno.EDQUOT: _FREE,
    errno.EACCES: _OWNER,
    errno.EPERM: _OWNER,
}
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP)


def damaged(path: Path, kept: Kept) -> CheckpointError:
    """A file that is not as we wrote it."""
    return CheckpointError(f"{kept.name} is damaged", str(path), kept.restore)


@contextmanager
def storing(path: Path, kept: Kept) -> Iterator[None]:
    """Turn what SQLite and the system raise into StorageError and CheckpointError.

    A mistake of ours (bad SQL, a broken constraint) stays as it is.
    """
    try:
        yield
    except sqlite3.Error as error:
        # The low byte is the primary code; errors of the Python binding itself carry none.
        code = getattr(error, "sqlite_errorcode", None)
        if (found := _of_sqlite(code, path, kept)) is None:
            raise
        raise found from error
    except OSError as error:
        fix = f"make its folder writable {AGAIN}; or name another in the config"
        fix = kept.elsewhere if error.errno in _NO_LOCKS else _SYSTEM.get(error.errno, fix)
        what = f"{kept.name} cannot be used: {error.strerror}"
        raise StorageError(what, str(path), fix) from error


def _of_sqlite(code: int | None, path: Path, kept: Kept) -> BackfillError | None:
    if code is None:
        return None
    if code & 0xFF in _DAMAGES:
        return damaged(path, kept)
    if (known := _SQLITE.get(code & 0xFF)) is None:
        return None
    what, fix = known
    return StorageError(what.format(kept.name), str(path), fix)
