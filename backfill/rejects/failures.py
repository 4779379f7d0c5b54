"""What goes wrong with a rejects file, in words that tell the user what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from backfill.errors import StorageError

_AGAIN = "and run the same command again: it goes on where it stopped"
_FREE = f"free some space {_AGAIN}"
_ALLOW = f"make the file and its folder writable {_AGAIN}"
_LOCAL = f"move them to a folder on a local disk, name that as `rejects` in the config {_AGAIN}"

_FIXES: dict[int | None, str] = {
    errno.ENOSPC: _FREE,
    errno.EDQUOT: _FREE,
    errno.EROFS: _ALLOW,
    errno.EACCES: _ALLOW,
    errno.EPERM: _ALLOW,
    **dict.fromkeys((errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF), _LOCAL),
}


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the system and pyarrow raise into StorageError.

    path: what is worked on, where the system does not say.
    """
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "input/output error"
        raise StorageError(
            f"the rejects cannot be written: {reason}",
            os.fsdecode(error.filename or path),
            _FIXES.get(error.errno, f"see that the disk is well {_AGAIN}"),
        ) from error
    except pa.ArrowException as error:
        raise StorageError(
            "the spool of refused Parquet rows is damaged",
            str(path),
            "start anew with --fresh",
        ) from error
