"""What was sent, as text: identifiers of who may vanish, operations that are compared or undone.

Only where a stream asks for it: one SQLite table beside what is known, a row an entity. Its values
are personal data, and its file is readable by its owner alone.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from backfill.changes.entries import RECORD, Records, key_of
from backfill.private import make_folder
from backfill.storing import Kept, storing

TEXTS = Kept(
    "what is kept of earlier runs",
    "restore the file from a copy, or move it away and run with --full",
)

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS runs (number INTEGER PRIMARY KEY, run_id TEXT UNIQUE, undoes TEXT)",
    "CREATE TABLE IF NOT EXISTS texts (key BLOB PRIMARY KEY, text BLOB, run INTEGER,"
    " previous BLOB, is_first INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS overtaken (run INTEGER, later INTEGER, entities INTEGER,"
    " PRIMARY KEY (run, later)) WITHOUT ROWID",
    "CREATE TRIGGER IF NOT EXISTS overtaking AFTER UPDATE OF run ON texts WHEN old.run <> new.run"
    " BEGIN INSERT INTO overtaken VALUES (old.run, new.run, 1)"
    " ON CONFLICT (run, later) DO UPDATE SET entities = entities + 1; END",
)

#: Entities that are read at once: 64 MB where both texts of each are as long as can be.
_AT_ONCE = 1_000

#: Of the last text, if the run is the one it is of, stays what stood before that run; of what was
#: sent to somebody who was deleted, only whom it names. Who is told the same again is left as they
#: are: the run that told them first can still be undone.
_PUT = """
INSERT INTO texts VALUES (?1, ?2, ?3, NULL, ?4) ON CONFLICT (key) DO UPDATE SET
    previous = CASE
        WHEN ?5 AND ?2 IS NULL AND text IS NOT NULL THEN CAST(coalesce(
            '{"identifiers":' || json_extract(CAST(text AS TEXT), '$.identifiers') || '}', text
        ) AS BLOB)
        WHEN run = ?3 THEN previous WHEN ?5 THEN text ELSE NULL END,
    is_first = CASE WHEN run = ?3 THEN is_first ELSE ?4 END,
    text = ?2, run = ?3
    WHERE text IS NOT ?2 OR ?4
"""


class Change(NamedTuple):
    """What a run did to an entity.

    key: as of `keys`. text: what was sent last; None: that it be deleted.
    previous: what was before, or of who was deleted the identifiers; None: not kept.
    is_first: whether the run was the first to name it.
    """

    key: bytes
    text: bytes | None
    previous: bytes | None
    is_first: bool


class Overtaken(NamedTuple):
    """How many entities that a run changed were undone since, or changed by how many runs."""

    undone: int
    changed: int
    runs: int


def path_of(known: Path) -> Path:
    """Where the texts of a stream stand; known: the file of what is known of it."""
    return known.with_name(f"{known.name}.texts")


class Texts:
    """The texts of a stream; may be used from any thread.

    names: attributes that name an entity beside what it is known by.
    keeps_previous: whether the last text of each entity but one is kept as well.
    Raises StorageError where the file cannot be written, CheckpointError where it is damaged.
    """

    def __init__(
        self, path: Path, names: Sequence[str] = (), *, keeps_previous: bool = False
    ) -> None:
        self.names = names
        self._path, self._keeps_previous = path, keeps_previous
        self._lock = threading.Lock()
        self._run = 0
        with self._mapped():
            make_folder(path.parent)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA secure_delete = ON")
            for statement in _SCHEMA:
                self._connection.execute(statement)

    def begin(self, run_id: str, undoes: str | None = None) -> None:
        """What is put from now on is of this run; undoes: another that it takes back."""
        insert = "INSERT OR IGNORE INTO runs (run_id, undoes) VALUES (?, ?)"
        with self._mapped():
            self._connection.execute(insert, (run_id, undoes))
            query = "SELECT number FROM runs WHERE run_id = ?"
            (self._run,) = self._connection.execute(query, (run_id,)).fetchone()

    def of(self, records: Records) -> list[bytes | None]:
        """The text of each entity; None: none is kept."""
        query = "SELECT text FROM texts WHERE key = ?"
        with self._mapped():
            found = (self._connection.execute(query, (key,)).fetchone() for key in keys(records))
            return [row[0] if row else None for row in found]

    def put(
        self, records: Records, texts: Sequence[bytes | None], are_first: Sequence[bool]
    ) -> None:
        """Keep texts of entities; None: it was deleted. They are durable when it returns.

        are_first: which of them nothing was known of before.
        """
        rows = [
            (key, text, self._run, is_first, self._keeps_previous)
            for key, text, is_first in zip(keys(records), texts, are_first, strict=True)
        ]
        with self._mapped():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(_PUT, rows)
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.rollback()
                raise

    def each(self) -> Iterator[tuple[bytes, bytes]]:
        """Every key whose entity is there, and its text, by key."""
        query = (
            "SELECT key, text FROM texts WHERE key > ? AND text IS NOT NULL ORDER BY key LIMIT ?"
        )
        last = b""
        while True:
            with self._mapped():
                rows = self._connection.execute(query, (last, _AT_ONCE)).fetchall()
            if not rows:
                return
            yield from rows
            last = rows[-1][0]

    def runs(self) -> list[str]:
        """The runs that were remembered, in their order; undos among them."""
        with self._mapped():
            found = self._connection.execute("SELECT run_id FROM runs ORDER BY number")
            return [run_id for (run_id,) in found]

    def changed_by(self, run_id: str) -> Iterator[list[Change]]:
        """What a run did to the entities that no later run named, some at once, by key."""
        query = (
            "SELECT key, text, previous, is_first FROM texts WHERE key > ?"
            " AND run = (SELECT number FROM runs WHERE run_id = ?) ORDER BY key LIMIT ?"
        )
        last = b""
        while True:
            with self._mapped():
                rows = self._connection.execute(query, (last, run_id, _AT_ONCE)).fetchall()
            if not rows:
                return
            yield [
                Change(key, text, previous, bool(is_first))
                for key, text, previous, is_first in rows
            ]
            last = rows[-1][0]

    def overtaken(self, run_id: str) -> Overtaken:
        """What became since of the entities that a run changed."""
        query = (
            "SELECT coalesce(sum(entities) FILTER (WHERE after.undoes IS own.run_id), 0),"
            " coalesce(sum(entities) FILTER (WHERE after.undoes IS NOT own.run_id), 0),"
            " count(*) FILTER (WHERE after.undoes IS NOT own.run_id) FROM overtaken"
            " JOIN runs AS own ON own.number = run JOIN runs AS after ON after.number = later"
            " WHERE own.run_id = ?"
        )
        with self._mapped():
            return Overtaken(*self._connection.execute(query, (run_id,)).fetchone())

    def close(self) -> None:
        """Let go of the file."""
        with self._mapped():
            self._connection.close()

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        with self._lock, storing(self._path, TEXTS):
            yield


_KEY = np.dtype([("hi", ">u8"), ("lo", ">u4")])


def keys(records: Records) -> list[bytes]:
    """The keys of records as bytes; these are in the order in which the records are."""
    found = np.zeros(len(records), _KEY)
    found["hi"], found["lo"] = records["hi"], key_of(records["lo"])
    whole = found.tobytes()
    return [whole[i : i + 12] for i in range(0, len(whole), 12)]


def records_of(wanted: Sequence[bytes]) -> Records:
    """Records with nothing but a key in them, of keys as bytes."""
    parts, found = np.frombuffer(b"".join(wanted), _KEY), np.zeros(len(wanted), RECORD)
    found["hi"], found["lo"] = parts["hi"], parts["lo"] << np.uint32(8)
    return found
