"""The workspace as a file: one SQLite database, and the work of one request on it.

Times are unix seconds. Attributes and the time of each stand side by side as two JSON objects,
values as the bytes they came in. `cio_id` and `cio_object_id` are the row's number written out.
Events, pages and screens are activities too; they stand in `events` and nowhere else.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from backfill import trackapi
from backfill.errors import UsageError
from backfill.sandbox.settings import Sandbox, unopened

#: Raised with every change of the tables; a file of another number is not opened.
SCHEMA_VERSION: Final = 2

#: Tells a workspace from any other database: "bfsb".
APPLICATION_ID: Final = 0x62667362

SCHEMA: Final = """
CREATE TABLE people (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT, email TEXT, email_key TEXT, phone TEXT,
    created INTEGER NOT NULL, attributes TEXT NOT NULL, times TEXT NOT NULL);
CREATE UNIQUE INDEX people_by_id ON people (id) WHERE id IS NOT NULL;
CREATE UNIQUE INDEX people_by_email ON people (email_key) WHERE email_key IS NOT NULL;
CREATE UNIQUE INDEX people_by_phone ON people (phone) WHERE phone IS NOT NULL;
CREATE TABLE suppressed (
    kind TEXT, value TEXT, suppression INTEGER NOT NULL, PRIMARY KEY (kind, value)) WITHOUT ROWID;
CREATE INDEX suppressed_together ON suppressed (suppression);
CREATE TABLE recognised (
    anonymous_id TEXT PRIMARY KEY, person INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX recognised_as ON recognised (person);
CREATE TABLE devices (
    person INTEGER, token TEXT, platform TEXT NOT NULL, last_used NOT NULL,
    attributes TEXT NOT NULL, PRIMARY KEY (person, token)) WITHOUT ROWID;
CREATE TABLE objects (
    number INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, id TEXT NOT NULL,
    created INTEGER NOT NULL, attributes TEXT NOT NULL, times TEXT NOT NULL, UNIQUE (type, id));
CREATE TABLE relationships (
    person INTEGER, object INTEGER, attributes TEXT NOT NULL, times TEXT NOT NULL,
    PRIMARY KEY (person, object)) WITHOUT ROWID;
CREATE INDEX relationships_of_object ON relationships (object);
CREATE TABLE visitors (
    anonymous_id TEXT, object INTEGER, attributes TEXT NOT NULL, times TEXT NOT NULL,
    PRIMARY KEY (anonymous_id, object)) WITHOUT ROWID;
CREATE TABLE segments (number INTEGER PRIMARY KEY, created INTEGER NOT NULL);
CREATE TABLE memberships (
    segment INTEGER, person INTEGER, PRIMARY KEY (segment, person)) WITHOUT ROWID;
CREATE INDEX memberships_of_person ON memberships (person);
CREATE TABLE events (
    number INTEGER PRIMARY KEY, person INTEGER, anonymous_id TEXT, kind TEXT NOT NULL,
    name TEXT NOT NULL, id TEXT, timestamp NOT NULL, received INTEGER NOT NULL,
    attributes TEXT NOT NULL);
CREATE UNIQUE INDEX events_by_id ON events (id) WHERE id IS NOT NULL;
CREATE INDEX events_of_person ON events (person) WHERE person IS NOT NULL;
CREATE INDEX events_of_visitor ON events (anonymous_id) WHERE person IS NULL;
CREATE TABLE delivery_events (
    number INTEGER PRIMARY KEY, delivery TEXT NOT NULL, name TEXT NOT NULL,
    timestamp NOT NULL, received INTEGER NOT NULL, attributes TEXT NOT NULL);
CREATE TABLE activities (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, name TEXT NOT NULL,
    person INTEGER, object INTEGER, detail TEXT, data TEXT);
CREATE INDEX activities_of_person ON activities (person) WHERE person IS NOT NULL;
CREATE INDEX activities_of_object ON activities (object) WHERE object IS NOT NULL;
CREATE TABLE requests (
    number INTEGER PRIMARY KEY, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,
    status INTEGER NOT NULL, operations INTEGER NOT NULL, refused INTEGER NOT NULL,
    bytes INTEGER NOT NULL, digest BLOB, verdict TEXT, fault TEXT);
"""


Activity = tuple[int, str, int | None, int | None, str | None, str | None]


_NUMBERS: Final = (int, float)


@dataclass(slots=True)
class Work:
    """What one request does to the workspace, with its time of receipt.

    blocks: whether anybody is suppressed. expects_new: whether the last person was new.
    """

    sandbox: Sandbox
    database: sqlite3.Cursor
    now: int
    blocks: bool = False
    expects_new: bool = False
    activities: list[Activity] = field(default_factory=list)

    def note(
        self,
        name: str,
        person: int | None = None,
        thing: int | None = None,
        detail: str | None = None,
        data: str | None = None,
    ) -> None:
        """Add a line to the workspace's log.

        detail: why, for people. data: of an attribute change, JSON of attribute to {from, to}.
        """
        self.activities.append((self.now, name, person, thing, detail, data))

    def moment(self, told: object) -> float:
        """`told` if it is a unix time in seconds, else the time of receipt.

        The API replaces what is not a unix time silently.  [observed: SEG PR #2054]
        """
        if isinstance(told, _NUMBERS) and 0 <= told < trackapi.TIMESTAMP_BOUND:
            return told
        return self.now


def opened(state: Path) -> sqlite3.Connection:
    """Open the workspace, or make it, readable for its owner only; to be locked before.

    A file left by a killed process opens with all that was committed. The write-ahead log is
    not forced to the disk at each commit: what was answered survives the process, not the power.
    Raises UsageError where the file cannot be a workspace of this version.
    """
    where = str(state)
    try:
        os.close(os.open(state, os.O_CREAT | os.O_RDWR, 0o600))
        return _connected(where)
    except OSError as error:
        raise unopened(state, error) from error
    except sqlite3.Error as error:
        problem = f"this file is not a sandbox's state: {error}"
        raise UsageError(problem, where, "give another file, or a new one") from error


def is_new(database: sqlite3.Connection) -> bool:
    """Whether nothing was ever made in the file, not even the tables: they come all at once."""
    asked = ("SELECT count(*) FROM sqlite_schema", "PRAGMA application_id", "PRAGMA user_version")
    return not any(database.execute(query).fetchone()[0] for query in asked)


def _connected(where: str) -> sqlite3.Connection:
    database = sqlite3.connect(where, isolation_level=None, check_same_thread=False)
    try:
        _prepare(database, where)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, where: str) -> None:
    database.execute("PRAGMA busy_timeout = 10000")
    made = not is_new(database)
    ((kind,),) = database.execute("PRAGMA application_id")
    ((version,),) = database.execute("PRAGMA user_version")
    if made and kind != APPLICATION_ID:
        problem = "this file is a database, and not a sandbox's state"
        raise UsageError(problem, where, "give another file, or a new one")
    if made and version != SCHEMA_VERSION:
        problem = f"the sandbox's state has version {version}, this program's is {SCHEMA_VERSION}"
        raise UsageError(problem, where, "rehearse into a new file")
    # Of 8 KiB pages fewer are touched: 7.2 us a new person instead of 8.6 with those of 4 KiB.
    database.execute("PRAGMA page_size = 8192")
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    # Pages of the indexes on identifiers, which are met in no order: -n is n KiB.
    database.execute("PRAGMA cache_size = -65536")
    # Pages of log, 64 MB, between waits for the disk: a full batch dirties hundreds of index alone.
    # With the default of 1000, 29 k new people a second instead of 33 k.
    database.execute("PRAGMA wal_autocheckpoint = 8192")
    if not made:
        kept = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}"
        database.executescript(f"BEGIN; {SCHEMA} {kept}; COMMIT")


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All that is done meanwhile is in the state when this ends, or none of it."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise


@contextmanager
def work(sandbox: Sandbox, database: sqlite3.Connection, now: int) -> Iterator[Work]:
    """What one request does, within a transaction; its activities are kept at the end."""
    ((blocks,),) = database.execute("SELECT EXISTS (SELECT 1 FROM suppressed)")
    begun = Work(sandbox, database.cursor(), now, bool(blocks))
    yield begun
    database.executemany(
        "INSERT INTO activities (at, name, person, object, detail, data) VALUES (?, ?, ?, ?, ?, ?)",
        begun.activities,
    )
