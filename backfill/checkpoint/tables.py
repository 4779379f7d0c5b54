"""The tables of a checkpoint: what is written and read in one transaction.

What a job is (streams, files) is written once when a run begins; what is done of it (counts,
done, rejects, requests) with every commit. Names of files need not be UTF-8, so they are bytes.
Each row carries a seal over its values: SQLite keeps no checksum of a page, and a flipped bit must
not pass for progress.  [sqlite.org/cksumvfs.html] Those of requests, carried, remarks and sittings
have none: they only tell people what happened.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from backfill.checkpoint import taken
from backfill.checkpoint.sealed import put as _put
from backfill.checkpoint.sealed import rows as _rows
from backfill.checkpoint.transaction import transaction
from backfill.identity import FileIdentity, JobIdentity, StreamIdentity
from backfill.ledger import Carried, Changes, Counts, Cursor, FileState, Ledger, Request
from backfill.logbook import REQUEST, History, Log, Sitting, reason_in
from backfill.records import BlockStart
from backfill.resumption import Extent, Outset, Saved, State

#: Marks the file as ours, in SQLite's header: "bfck".
APPLICATION_ID = int.from_bytes(b"bfck")

#: Of the tables below; a change that another program would misread makes it one more. 2: seals.
#: 3: what each request carried, rules, remarks, sittings. 4: rows left out by a cursor, and those
#: that a later row of their key supersedes; cursors; files that were taken.
FORMAT = 4

_SCHEMA = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT}",
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value, seal BLOB)",
    "CREATE TABLE streams (place INTEGER PRIMARY KEY, name TEXT UNIQUE, meaning BLOB, seal BLOB)",
    "CREATE TABLE files (stream TEXT, place INTEGER, label BLOB, size INTEGER, digest TEXT,"
    " content TEXT, seal BLOB, PRIMARY KEY (stream, place))",
    taken.TABLE,
    "CREATE TABLE counts (stream TEXT PRIMARY KEY, read INTEGER, delivered INTEGER,"
    " rejected_by_us INTEGER, rejected_by_api INTEGER, filtered_where INTEGER,"
    " filtered_since INTEGER, filtered_unchanged INTEGER, filtered_superseded INTEGER,"
    " filtered_folded INTEGER, operations_delivered INTEGER, operations_rejected INTEGER,"
    " seal BLOB)",
    "CREATE TABLE done (stream TEXT, place INTEGER, rows INTEGER, frontier INTEGER, bits BLOB,"
    " start_row INTEGER, start_offset INTEGER, start_line INTEGER,"
    " rejected INTEGER, seal BLOB, PRIMARY KEY (stream, place))",
    "CREATE TABLE rejects (stream TEXT PRIMARY KEY, length INTEGER, digest BLOB, seal BLOB)",
    "CREATE TABLE rules (stream TEXT, rule TEXT, rows INTEGER, seal BLOB,"
    " PRIMARY KEY (stream, rule))",
    "CREATE TABLE cursors (stream TEXT PRIMARY KEY, base INTEGER, highest INTEGER, open INTEGER,"
    " seal BLOB)",
    "CREATE TABLE requests (number INTEGER PRIMARY KEY, started_at_s REAL, stream TEXT,"
    " operations INTEGER, body_bytes INTEGER, status INTEGER, attempt INTEGER, elapsed_s REAL,"
    " failure TEXT)",
    "CREATE TABLE carried (request INTEGER, place INTEGER, rows BLOB)",
    "CREATE TABLE remarks (text TEXT)",
    "CREATE TABLE sittings (began_s REAL, ended_s REAL)",
)

#: What a new run begins without.
_OF_A_RUN = (
    "streams",
    "files",
    "counts",
    "done",
    "rejects",
    "rules",
    "cursors",
    "requests",
    "carried",
    "remarks",
    "sittings",
)


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file, and mark it as ours."""
    with transaction(connection):
        for statement in _SCHEMA:
            connection.execute(statement)


def begin(
    connection: sqlite3.Connection,
    job: JobIdentity,
    run_id: str,
    outset: Outset,
    now_s: float,
) -> None:
    """Forget the run before, but not when its last request was: the next must keep the pace."""
    with transaction(connection):
        for table in _OF_A_RUN:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 (the names stand above)
        destination = _to_bytes(job.destination)
        meta = {"run_id": run_id, "state": "running", "destination": destination}
        outset_of = {"observed": outset.observed, "is_full": int(outset.is_full)}
        _put(connection, "meta", (meta | outset_of).items())
        for place, stream in enumerate(job.streams):
            _put(connection, "streams", [(place, stream.name, stream.meaning)])
            files = (
                (stream.name, place, _to_bytes(file.label), *file[1:])
                for place, file in enumerate(stream.files)
            )
            _put(connection, "files", files)
        _put(connection, "cursors", ((stream, *one) for stream, one in outset.cursors.items()))
        sit_down(connection, now_s)


def go_on(connection: sqlite3.Connection, dropped: Mapping[str, Counts], now_s: float) -> None:
    """A process takes up the run; dropped: streams without files from now on, what was done."""
    with transaction(connection):
        for stream, counts in dropped.items():
            connection.execute("DELETE FROM files WHERE stream = ?", (stream,))
            connection.execute("DELETE FROM done WHERE stream = ?", (stream,))
            _put(connection, "counts", [(stream, *counts)])
        sit_down(connection, now_s)


def sit_down(connection: sqlite3.Connection, now_s: float) -> None:
    """A process takes up the run."""
    connection.execute("INSERT INTO sittings VALUES (?, ?)", (now_s, now_s))


def write(
    connection: sqlite3.Connection,
    changes: Changes,
    rejects: Mapping[str, Extent],
    state: State,
    now_s: float,
) -> None:
    """One commit."""
    with transaction(connection):
        _put(connection, "meta", [("state", state)])
        _put(connection, "counts", ((stream, *counts) for stream, counts in changes.counts.items()))
        _put(connection, "done", map(_done_row, changes.files))
        taken.note(connection, changes.files)
        _put(connection, "rejects", ((stream, *extent) for stream, extent in rejects.items()))
        _put(connection, "rules", ((*rule, rows) for rule, rows in changes.rules.items()))
        _put(connection, "cursors", ((stream, *one) for stream, one in changes.cursors.items()))
        _put_requests(connection, changes.requests)
        _put_last_request(connection, changes.requests)
        remarks = ((text,) for text in changes.remarks)
        connection.executemany("INSERT INTO remarks VALUES (?)", remarks)
        latest = "WHERE rowid = (SELECT max(rowid) FROM sittings)"
        connection.execute(f"UPDATE sittings SET ended_s = ? {latest}", (now_s,))  # noqa: S608


def read(connection: sqlite3.Connection) -> Saved | None:
    """What the last commit left, of one moment; None: no run has begun.

    Of a damaged file it raises what reading it, or making a ledger of it, trips over.
    """
    connection.execute("BEGIN")
    try:
        meta = dict(_rows(connection, "meta"))
        if not meta:
            return None
        saved = Saved(
            run_id=meta["run_id"],
            state=meta["state"],
            job=JobIdentity(_to_text(meta["destination"]), tuple(_streams(connection))),
            files=tuple(_file_state(*row) for row in _rows(connection, "done")),
            counts={stream: Counts(*row) for stream, *row in _rows(connection, "counts")},
            rejects={stream: Extent(*extent) for stream, *extent in _rows(connection, "rejects")},
            last_request_s=meta.get("last_request_s"),
            is_full=bool(meta["is_full"]),
            rules={(stream, rule): rows for stream, rule, rows in _rows(connection, "rules")},
            cursors={stream: Cursor(*row) for stream, *row in _rows(connection, "cursors")},
            observed=meta["observed"],
            taken=taken.read(connection),
        )
        Ledger(saved.files, saved.counts)  # what makes none is damaged
        return saved
    finally:
        connection.rollback()


def read_log(connection: sqlite3.Connection) -> Log:
    """What happened, as of the last commit; see `Log`. Raises as `read` does."""
    carried: dict[int, list[Carried]] = {}
    for request, place, rows in connection.execute("SELECT * FROM carried"):
        carried.setdefault(request, []).append(Carried(place, rows))
    logged = connection.execute("SELECT * FROM requests ORDER BY number")
    return Log(
        tuple(
            Request(*row)._replace(carried=tuple(carried.get(number, ())))
            for number, *row in logged
        ),
        _remarks(connection),
    )


def read_reason(connection: sqlite3.Connection) -> str | None:
    """Why the run stopped, where that is the last that was said."""
    query = "SELECT text FROM remarks ORDER BY rowid DESC LIMIT 1"
    return next((reason_in(text) for (text,) in connection.execute(query)), None)


def read_history(connection: sqlite3.Connection) -> History:
    """The same for a report, of one moment; see `History`. Raises as `read` does."""
    connection.execute("BEGIN")
    try:
        logged = connection.execute(
            "SELECT started_at_s, elapsed_s, place, operations, body_bytes, status, attempt"
            " FROM requests JOIN streams ON name = stream ORDER BY number"
        )
        failures = connection.execute(
            "SELECT failure, count(*) AS n FROM requests WHERE failure != ''"
            " GROUP BY failure ORDER BY n DESC, failure"
        )
        return History(
            np.fromiter(logged, REQUEST),
            tuple((what, n) for what, n in failures),
            _remarks(connection),
            read_sittings(connection),
        )
    finally:
        connection.rollback()


def read_sittings(connection: sqlite3.Connection) -> tuple[Sitting, ...]:
    """When processes worked at the run, in their order."""
    query = "SELECT * FROM sittings ORDER BY rowid"
    return tuple(Sitting(*row) for row in connection.execute(query))


def _remarks(connection: sqlite3.Connection) -> tuple[str, ...]:
    return tuple(text for (text,) in connection.execute("SELECT text FROM remarks ORDER BY rowid"))


def _put_requests(connection: sqlite3.Connection, requests: Iterable[Request]) -> None:
    (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM requests").fetchone()
    numbered = list(enumerate(requests, last + 1))
    rows = ((number, *request) for number, (*request, _) in numbered)
    connection.executemany("INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    carried = ((number, *one) for number, request in numbered for one in request.carried)
    connection.executemany("INSERT INTO carried VALUES (?, ?, ?)", carried)


def _put_last_request(connection: sqlite3.Connection, requests: Iterable[Request]) -> None:
    starts = [request.started_at_s for request in requests]
    if starts:
        query = "SELECT value FROM meta WHERE key = 'last_request_s'"
        starts += [start for (start,) in connection.execute(query)]
        _put(connection, "meta", [("last_request_s", max(starts))])


def _streams(connection: sqlite3.Connection) -> Iterator[StreamIdentity]:
    files: dict[str, list[FileIdentity]] = {}
    for stream, _, label, *rest in _rows(connection, "files", "stream, place"):
        files.setdefault(stream, []).append(FileIdentity(_to_text(label), *rest))
    for _, name, meaning in _rows(connection, "streams", "place"):
        yield StreamIdentity(name, meaning, tuple(files.get(name, ())))


def _done_row(file: FileState) -> tuple[str | int | bytes | None, ...]:
    start = file.resume or (None, None, None)
    return (file.stream, file.index, file.rows, file.frontier, file.bits, *start, file.rejected)


def _file_state(
    stream: str, index: int, rows: int | None, frontier: int, bits: bytes, *rest: Any
) -> FileState:
    *start, rejected = rest
    resume = None if start[0] is None else BlockStart(*start)
    return FileState(stream, index, rows, frontier, bits, resume, rejected)


def _to_bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _to_text(stored: bytes) -> str:
    return stored.decode(errors="surrogateescape")
