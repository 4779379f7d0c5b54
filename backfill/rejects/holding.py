"""One run at a time writes a rejects file: its own lock says so, and dies with the process."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from backfill.errors import UsageError


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
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    _hold(descriptor, path)
    os.close(descriptor)


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
