"""One process at a time: a lock beside the checkpoint that dies with its holder."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backfill.errors import CheckpointError


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the checkpoint at `path` until the context ends or the process dies.

    The lock file stays when it is released: to remove it would let two processes hold two files
    of one name. Raises CheckpointError naming the holder, OSError where no lock can be made.
    """
    descriptor = os.open(_lock_path(path), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CheckpointError(
                f"the checkpoint is in use by {holder(path) or 'another process'}",
                str(path),
                "wait for that run to end, or stop it (it can be taken up again)",
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode())
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder(path: Path) -> str | None:
    """Who holds the checkpoint, as far as can be told without trying the lock; None: nobody.

    A process killed on another host still counts as its holder: from here it cannot be seen.
    Never raises: a lock file that cannot be read tells of nobody.
    """
    try:
        process, host = _lock_path(path.resolve()).read_text().split()
        is_dead = host == socket.gethostname() and not _is_alive(int(process))
    except (OSError, ValueError):
        return None
    return None if is_dead else f"process {process} on {host}"


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # alive, and another user's
        return True
    return True


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")
