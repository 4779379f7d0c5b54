"""A checkpoint that is damaged, somebody else's, or of another version."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from backfill.checkpoint import Checkpoint, peek
from backfill.checkpoint.tables import FORMAT
from backfill.errors import CheckpointError
from backfill.identity import FileIdentity, JobIdentity, StreamIdentity
from backfill.ledger import Changes, Counts, FileState, Request
from backfill.records import BlockStart
from backfill.resumption import Extent, Saved

FILES = tuple(FileIdentity(f"{name}.csv", 10, name) for name in "abc")
JOB = JobIdentity("https://track.customer.io:443 1f2e", (StreamIdentity("people", b"m", FILES),))


def commits(count: int) -> list[Changes]:
    return [
        Changes(
            (FileState("people", n % 3, None, n, b"\x40", BlockStart(n, n * 10, n)),),
            {"people": Counts(read=n + 5, delivered=n)},
            (Request(1.5e9 + n, "people", 8, 900, 200, 1),),
        )
        for n in range(1, count)
    ]


def written(path: Path, count: int = 30) -> Saved:
    """Make a checkpoint of some commits; returns what it holds."""
    with Checkpoint.open(path) as checkpoint:
        checkpoint.begin(JOB, "run-1")
        for n, changes in enumerate(commits(count)):
            checkpoint.commit(changes, {"people": Extent(n)})
        found = checkpoint.load()
    assert found is not None
    return found


def both_ways(path: Path) -> list[Saved | CheckpointError | None]:
    """What a run and a look at its status find there, in this order."""
    found: list[Saved | CheckpointError | None] = []
    for look in (opened, peek):
        try:
            found.append(look(path))
        except CheckpointError as error:
            found.append(error)
    return found


def opened(path: Path) -> Saved | None:
    with Checkpoint.open(path) as checkpoint:
        return checkpoint.load()


def test_bytes_overwritten_anywhere_are_harmless_or_refused_and_never_taken_for_progress(tmp_path):
    expected, path, draw = written(tmp_path / "whole"), tmp_path / "x", random.Random(4)
    whole = (tmp_path / "whole").read_bytes()
    used = [i for i, byte in enumerate(whole) if byte]
    refusals = 0

    for _ in range(150):
        at = draw.choice(used)
        path.write_bytes(whole[:at] + draw.randbytes(64) + whole[at + 64 :])
        for found in both_ways(path):
            if isinstance(found, CheckpointError):
                refusals += 1
                assert found.exit_code == 2
            else:
                assert found == expected
        path.unlink()

    assert refusals > 50


@pytest.mark.parametrize("left", [0.9, 0.5, 0.1])
def test_a_checkpoint_that_was_cut_is_refused_and_fresh_keeps_it(tmp_path, left):
    path = tmp_path / "x"
    written(path, 200)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * left)])

    for found in both_ways(path):
        assert isinstance(found, CheckpointError)
        assert "damaged" in found.what
        assert "--fresh" in found.fix
    with Checkpoint.open(path, fresh=True) as checkpoint:
        assert checkpoint.kept.stat().st_size == int(len(whole) * left)


def test_a_log_cut_anywhere_leaves_a_commit_that_was_made(tmp_path):
    path, draw = tmp_path / "x", random.Random(4)
    states = []
    with Checkpoint.open(path) as checkpoint:
        states.append(checkpoint.load())
        checkpoint.begin(JOB, "run-1")
        states.append(checkpoint.load())
        for n, changes in enumerate(commits(20)):
            checkpoint.commit(changes, {"people": Extent(n)})
            states.append(checkpoint.load())
        whole, log = path.read_bytes(), path.with_name("x-wal").read_bytes()
    found = []

    for n in range(20):
        copy = tmp_path / f"copy{n}"
        copy.write_bytes(whole)
        copy.with_name(f"{copy.name}-wal").write_bytes(log[: draw.randrange(len(log))])
        found.append(opened(copy))

    assert all(state in states for state in found)
    assert len({state and state.rejects.get("people") for state in found}) > 5


def test_an_empty_file_is_a_checkpoint_that_has_not_begun(tmp_path):
    (tmp_path / "x").write_bytes(b"")

    assert both_ways(tmp_path / "x") == [None, None]


@pytest.mark.parametrize(
    ("version", "age"), [(0, "an older"), (FORMAT - 1, "an older"), (FORMAT + 1, "a newer")]
)
def test_a_checkpoint_of_another_version_is_refused_with_the_ways_out(tmp_path, version, age):
    path = tmp_path / "x"
    written(path)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()

    for found in both_ways(path):
        assert isinstance(found, CheckpointError)
        assert f"written by {age} version of backfill" in found.what
        assert "end this job with that version" in found.fix
        assert "--fresh" in found.fix
    with Checkpoint.open(path, fresh=True) as checkpoint:
        assert checkpoint.load() is None


def test_a_checkpoint_with_a_second_name_is_refused(tmp_path):
    path = tmp_path / "x"
    written(path)
    (tmp_path / "y").hardlink_to(path)

    for found in both_ways(path):
        assert isinstance(found, CheckpointError)
        assert "hard link" in found.what
        assert "make it a copy" in found.fix
