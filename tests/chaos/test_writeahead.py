"""A write that was cut leaves what the one before it had left."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.chaos.plan import WriteCut
from backfill.chaos.writeahead import cut

WRITES = 5


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """The files of a database whose process was killed after its last write."""
    folder = tmp_path_factory.mktemp("database")
    with closing(sqlite3.connect(folder / "open", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE writes (number INTEGER, content BLOB)")
        for number in range(1, WRITES + 1):
            database.execute("INSERT INTO writes VALUES (?, zeroblob(9000))", (number,))
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(folder / f"open{suffix}", folder / f"killed{suffix}")
    return folder / "killed"


def copied(killed, folder):
    for path in killed.parent.glob(f"{killed.name}*"):
        shutil.copy(path, folder)
    return folder / killed.name


def writes(path):
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [number for (number,) in database.execute("SELECT number FROM writes")]


@given(at=st.floats(0, 1, exclude_max=True), is_torn=st.booleans())
@settings(max_examples=30, deadline=None)
def test_the_last_write_is_lost_and_none_before_it(killed, tmp_path_factory, at, is_torn):
    path = copied(killed, tmp_path_factory.mktemp("cut"))

    was_cut = cut(path, WriteCut(at, is_torn=is_torn))

    assert was_cut
    assert writes(path) == list(range(1, WRITES))


def test_a_write_that_the_database_holds_already_is_left_alone(tmp_path):
    path = tmp_path / "open"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE writes (number INTEGER)")
        database.execute("INSERT INTO writes VALUES (1)")
        database.execute("PRAGMA wal_checkpoint(PASSIVE)")

        was_cut = cut(path, WriteCut(0.5, is_torn=False))

        assert not was_cut
    assert writes(path) == [1]


def test_a_database_without_a_log_is_left_alone(tmp_path):
    assert not cut(tmp_path / "none", WriteCut(0.5, is_torn=False))
