"""One process at a time: a lock beside the checkpoint that dies with its holder."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from backfill.errors import InUse

#: Who looks whether a lock is held has it for some microseconds; a run that starts in these tries
#: again so often, after so many seconds each.
_TRIES, _TRY_AGAIN_S = 5, 0.01

#: Who has just taken the lock, and not written who it is yet.
_SOMEBODY = "another process"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the checkpoint at `path` until the context ends or the process dies.

    The lock file stays when it is released: to remove it would let two processes hold two files
    of one name. Raises InUse naming the holder, OSError where no lock can be made.
    """
    descriptor = os.open(_lock_path(path), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _taken(descriptor):
            raise in_use(path, holder(path) or _SOMEBODY)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode())
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder(path: Path) -> str | None:
    """Who holds the checkpoint; None: nobody.

    The lock itself is asked, for the name in it outlives a killed process, and its number may be
    another one's by now, or one of another host. Never raises: a lock file that cannot be read
    tells of nobody.
    """
    with suppress(OSError), _lock_path(path.resolve()).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            process, _, host = file.read().decode(errors="replace").strip().partition(" ")
            return f"process {process} on {host}" if host else _SOMEBODY
    return None


def in_use(path: Path, by: str) -> InUse:
    """What to say of a checkpoint that another run holds."""
    return InUse(
        f"the checkpoint is in use by {by}",
        str(path),
        "wait for that run to end, as --wait does, or stop it (it can be taken up again)",
    )


def _taken(descriptor: int) -> bool:
    """Whether the lock is ours now."""
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_TRY_AGAIN_S)
    return False


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")
