"""What is said of a checkpoint that cannot be used."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from backfill import storing
from backfill.errors import CheckpointError
from backfill.storing import Kept

CHECKPOINT = Kept(
    "the checkpoint",
    "restore the file from a copy, or start anew with --fresh (which keeps it under another name)",
)


def damaged(path: Path) -> CheckpointError:
    """A checkpoint that is not as we wrote it."""
    return storing.damaged(path, CHECKPOINT)


def mapped(path: Path) -> AbstractContextManager[None]:
    """As `storing`, of a checkpoint."""
    return storing.storing(path, CHECKPOINT)


@contextmanager
def read_from(path: Path) -> Iterator[None]:
    """As `mapped`, where only what we wrote is read: whatever that trips over is damage."""
    try:
        with mapped(path):
            yield
    except (sqlite3.Error, LookupError, TypeError, ValueError) as error:
        raise damaged(path) from error
