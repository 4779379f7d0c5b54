"""The files a job is done with for good: the one table that a new run does not begin without.

A file comes in with the commit by which its last row is done, so that a kill at any instant leaves
it either unfinished, to be resumed, or taken.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from backfill.checkpoint import sealed
from backfill.ledger import FileState, Taken

TABLE = (
    "CREATE TABLE taken (stream TEXT, content TEXT, size INTEGER, label BLOB, digest TEXT,"
    " run_id TEXT, rejected INTEGER, seal BLOB, PRIMARY KEY (stream, content))"
)

_OF_A_FILE = (
    "SELECT content, size, label, digest, (SELECT value FROM meta WHERE key = 'run_id')"
    " FROM files WHERE stream = ? AND place = ? AND content IS NOT NULL"
)


def note(connection: sqlite3.Connection, files: Iterable[FileState]) -> None:
    """Remember those of the run's files that are taken once and finished."""
    for file in files:
        if file.is_finished:
            found = connection.execute(_OF_A_FILE, (file.stream, file.index)).fetchall()
            sealed.put(connection, "taken", ((file.stream, *row, file.rejected) for row in found))


def read(connection: sqlite3.Connection) -> tuple[Taken, ...]:
    """All of them, as they came; ValueError for a row that is not as it was written."""
    return tuple(
        Taken(stream, content, size, label.decode(errors="surrogateescape"), *rest)
        for stream, content, size, label, *rest in sealed.rows(connection, "taken")
    )
