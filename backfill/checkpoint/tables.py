"""The tables of a checkpoint: what is written and read in one transaction.

What a job is (streams, files) is written once when a run begins; what is done of it (counts,
done, rejects, requests) with every commit. Names of files need not be UTF-8, so they are bytes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from backfill.ledger import Changes, Counts, FileState, Request
from backfill.records import BlockStart
from backfill.resumption import FileIdentity, JobIdentity, Saved, State, StreamIdentity

#: Marks the file as ours, in SQLite's header: "bfck".
APPLICATION_ID = int.from_bytes(b"bfck")

#: Of the tables below; a change that an older program would misread makes it 2.
FORMAT = 1

_SCHEMA = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value)",
    "CREATE TABLE streams (place INTEGER PRIMARY KEY, name TEXT UNIQUE, meaning BLOB)",
    "CREATE TABLE files (stream TEXT, place INTEGER, label BLOB, size INTEGER, digest TEXT,"
    " PRIMARY KEY (stream, place))",
    "CREATE TABLE counts (stream TEXT PRIMARY KEY, read INTEGER, delivered INTEGER,"
    " rejected_by_us INTEGER, rejected_by_api INTEGER, filtered_where INTEGER,"
    " filtered_unchanged INTEGER, filtered_folded INTEGER, operations_delivered INTEGER,"
    " operations_rejected INTEGER)",
    "CREATE TABLE done (stream TEXT, place INTEGER, rows INTEGER, frontier INTEGER, bits BLOB,"
    " start_row INTEGER, start_offset INTEGER, start_line INTEGER, PRIMARY KEY (stream, place))",
    "CREATE TABLE rejects (stream TEXT PRIMARY KEY, length INTEGER)",
    "CREATE TABLE requests (started_at_s REAL, stream TEXT, operations INTEGER,"
    " body_bytes INTEGER, status INTEGER, attempt INTEGER)",
)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it becomes durable and visible, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file, and mark it as ours."""
    with transaction(connection):
        for statement in _SCHEMA:
            connection.execute(statement)


def begin(connection: sqlite3.Connection, job: JobIdentity, run_id: str) -> None:
    """Forget the run before, but not when its last request was: the next must keep the pace."""
    with transaction(connection):
        for table in ("streams", "files", "counts", "done", "rejects", "requests"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 (the names stand above)
        destination = _to_bytes(job.destination)
        _put(connection, {"run_id": run_id, "state": "running", "destination": destination})
        for place, stream in enumerate(job.streams):
            row = (place, stream.name, stream.meaning)
            connection.execute("INSERT INTO streams VALUES (?, ?, ?)", row)
            connection.executemany(
                "INSERT INTO files VALUES (?, ?, ?, ?, ?)",
                (
                    (stream.name, place, _to_bytes(file.label), file.size, file.digest)
                    for place, file in enumerate(stream.files)
                ),
            )


def write(
    connection: sqlite3.Connection,
    changes: Changes,
    rejects_lengths: Mapping[str, int],
    state: State,
) -> None:
    """One commit."""
    with transaction(connection):
        _put(connection, {"state": state})
        connection.executemany(
            "REPLACE INTO counts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((stream, *counts) for stream, counts in changes.counts.items()),
        )
        connection.executemany(
            "REPLACE INTO done VALUES (?, ?, ?, ?, ?, ?, ?, ?)", map(_done_row, changes.files)
        )
        connection.executemany(
            "REPLACE INTO rejects VALUES (?, ?)",
            rejects_lengths.items(),
        )
        connection.executemany("INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?)", changes.requests)
        _put_last_request(connection, changes.requests)


def read(connection: sqlite3.Connection) -> Saved | None:
    """What the last commit left, of one moment; None: no run has begun."""
    connection.execute("BEGIN")
    try:
        meta = dict(connection.execute("SELECT key, value FROM meta"))
        if "run_id" not in meta:
            return None
        return Saved(
            run_id=meta["run_id"],
            state=meta["state"],
            job=JobIdentity(_to_text(meta["destination"]), tuple(_streams(connection))),
            files=tuple(map(_file_state, connection.execute("SELECT * FROM done"))),
            counts={n: Counts(*row) for n, *row in connection.execute("SELECT * FROM counts")},
            rejects_lengths=dict(connection.execute("SELECT stream, length FROM rejects")),
            last_request_s=meta.get("last_request_s"),
        )
    finally:
        connection.rollback()


def _put(connection: sqlite3.Connection, values: Mapping[str, str | bytes]) -> None:
    connection.executemany("REPLACE INTO meta VALUES (?, ?)", values.items())


def _put_last_request(connection: sqlite3.Connection, requests: Iterable[Request]) -> None:
    last = max((request.started_at_s for request in requests), default=None)
    if last is not None:
        connection.execute(
            "INSERT INTO meta VALUES ('last_request_s', ?)"
            " ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)",
            (last,),
        )


def _streams(connection: sqlite3.Connection) -> Iterator[StreamIdentity]:
    files: dict[str, list[FileIdentity]] = {}
    for stream, label, size, digest in connection.execute(
        "SELECT stream, label, size, digest FROM files ORDER BY stream, place"
    ):
        files.setdefault(stream, []).append(FileIdentity(_to_text(label), size, digest))
    for name, meaning in connection.execute("SELECT name, meaning FROM streams ORDER BY place"):
        yield StreamIdentity(name, meaning, tuple(files.get(name, ())))


def _done_row(file: FileState) -> tuple[str | int | bytes | None, ...]:
    start = file.resume or (None, None, None)
    return (file.stream, file.index, file.rows, file.frontier, file.bits, *start)


def _file_state(row: tuple[str, int, int | None, int, bytes, int | None, int, int]) -> FileState:
    stream, index, rows, frontier, bits, start_row, offset, line = row
    resume = None if start_row is None else BlockStart(start_row, offset, line)
    return FileState(stream, index, rows, frontier, bits, resume)


def _to_bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _to_text(stored: bytes) -> str:
    return stored.decode(errors="surrogateescape")
