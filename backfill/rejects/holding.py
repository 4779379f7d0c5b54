"""One run at a time writes a rejects file: its own lock says so, and dies with the process."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from backfill.errors import StorageError, UsageError


def opened(path: Path, flags: int) -> int:
    """Open a file for appending and hold it until the descriptor is closed.

    flags: to be added, as of os.open. Raises UsageError where another run has it.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | flags, 0o600)
    except FileExistsError as error:  # made by another job since this run began
        raise _taken(path, "another run") from error
    _hold(descriptor, path)
    return descriptor


def check_free(path: Path) -> None:
    """Raise UsageError where another run writes the file."""
    # For writing: NFS gives an exclusive lock to nobody who only reads.  [flock(2), NFS details]
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    _hold(descriptor, path)
    os.close(descriptor)


def check_in_place(descriptor: int, path: Path) -> None:
    """Raise StorageError where `path` is no longer the file that is open: what is in that is lost.

    An editor saves a file by putting another one in its place.
    """
    with suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return
    raise StorageError(
        "the rejects were removed, renamed or saved by another program while the run writes them",
        str(path),
        "put back the file the run wrote, if it was only renamed, and run the same command again;"
        " else start anew with --fresh",
    )


def _hold(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = _holder(os.fstat(descriptor).st_ino)
        os.close(descriptor)
        raise _taken(path, holder) from error
    except OSError:
        os.close(descriptor)
        raise


def _taken(path: Path, by: str) -> UsageError:
    return UsageError(
        f"{by} writes these rejects: a job with the same `rejects` folder and stream name",
        str(path),
        "give one of the two jobs another folder for `rejects` in its config, or run it when the"
        " other has ended",
    )


def _holder(inode: int) -> str:
    """The process that holds a file, where the system tells.

    Lines are `1: FLOCK ADVISORY WRITE 12345 00:2d:678 0 EOF`: process, then device and inode.
    [proc_locks(5)]
    """
    with suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            _, kind, _, _, process, place, *_ = line.split()
            if kind == "FLOCK" and place.endswith(f":{inode}"):
                return f"process {process}"
    return "another run"
