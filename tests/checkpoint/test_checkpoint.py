from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.checkpoint import Checkpoint, holder, new_run_id, peek, peek_history, peek_log
from backfill.checkpoint.tables import FORMAT
from backfill.errors import CheckpointError, StorageError
from backfill.identity import FileIdentity, JobIdentity, StreamIdentity
from backfill.ledger import Carried, Changes, Counts, FileState, Request
from backfill.logbook import Log
from backfill.records import BlockStart
from backfill.resumption import Extent, Saved

FILES = (FileIdentity("a.csv", 10, "aa"), FileIdentity("naïve \udcff.csv", 2**40, "bb"))
JOB = JobIdentity(
    "https://track.customer.io:443 1f2e",
    (StreamIdentity("zebras", b"\x00m", FILES), StreamIdentity("apes", b"m2", FILES[:1])),
)
CHANGES = Changes(
    (FileState("zebras", 1, None, 7, b"\x40", BlockStart(5, 50, 6)), FileState("apes", 0, 3, 3)),
    {"zebras": Counts(9, 8, operations_delivered=8), "apes": Counts(read=3, filtered_where=3)},
    (Request(12.5, "zebras", 8, 900, 200, 1), Request(11.0, "zebras", 8, 900, 0, 2)),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "crm.checkpoint"


def test_what_was_committed_is_what_is_loaded(path):
    with Checkpoint.open(path) as checkpoint:
        assert checkpoint.load() is None
        checkpoint.begin(JOB, "run-1")
        assert checkpoint.load() == Saved("run-1", "running", JOB)
        checkpoint.commit(CHANGES, {"zebras": Extent(77, b"digest")})
    with Checkpoint.open(path) as checkpoint:
        loaded = checkpoint.load()

    assert loaded == Saved(
        "run-1",
        "running",
        JOB,
        tuple(sorted(CHANGES.files, key=lambda state: state.stream, reverse=True)),
        CHANGES.counts,
        {"zebras": Extent(77, b"digest")},
        12.5,
    )


counts = st.builds(Counts, *[st.integers(0, 2**62)] * 11)
starts = st.none() | st.builds(BlockStart, *[st.integers(0, 2**62)] * 3)
states = st.builds(
    FileState,
    st.sampled_from(["zebras", "apes"]),
    st.integers(0, 3),
    st.none() | st.integers(0, 2**62),
    st.integers(0, 2**62),
    st.binary(max_size=20),
    starts,
)


@settings(max_examples=25, deadline=None)  # each commit waits for the disk
@given(st.lists(st.tuples(st.lists(states), st.dictionaries(st.text("ab"), counts)), max_size=4))
def test_commits_add_up_and_the_latest_of_each_part_counts(tmp_path_factory, commits):
    path = tmp_path_factory.mktemp("commits") / "checkpoint"
    files, totals = {}, {}
    with Checkpoint.open(path) as checkpoint:
        checkpoint.begin(JOB, "run-1")
        for changed, counted in commits:
            checkpoint.commit(Changes(tuple(changed), counted), {})
            files |= {(state.stream, state.index): state for state in changed}
            totals |= counted
        loaded = checkpoint.load()
    shutil.rmtree(path.parent)

    assert {(state.stream, state.index): state for state in loaded.files} == files
    assert loaded.counts == totals


def test_a_commit_that_fails_leaves_the_last_one_and_says_what_to_do(path):
    with Checkpoint.open(path) as checkpoint:
        checkpoint.begin(JOB, "run-1")
        checkpoint.commit(CHANGES, {"r": Extent(1)})
        before = checkpoint.load()
        (pages,) = checkpoint._connection.execute("PRAGMA page_count").fetchone()
        checkpoint._connection.execute(f"PRAGMA max_page_count = {pages}")
        big = Changes((FileState("zebras", 1, 9, 9, b"x" * 100_000),), {"apes": Counts(5, 5)})

        with pytest.raises(StorageError, match=r"disk is full[\s\S]*same command again"):
            checkpoint.commit(big, {"r": Extent(2)}, "completed")

        assert checkpoint.load() == before
        checkpoint._connection.execute("PRAGMA max_page_count = 1000000")
        checkpoint.commit(big, {"r": Extent(2)}, "completed")
        assert checkpoint.load().rejects == {"r": Extent(2)}


def test_a_new_run_forgets_all_but_the_time_of_the_last_request(path):
    with Checkpoint.open(path) as checkpoint:
        checkpoint.begin(JOB, "run-1")
        checkpoint.commit(CHANGES, {"r": Extent(1)}, "completed")
        other = JobIdentity("elsewhere", JOB.streams[:1])
        checkpoint.begin(other, "run-2")

        assert checkpoint.load() == Saved("run-2", "running", other, last_request_s=12.5)


def test_commits_may_come_from_worker_threads(path):
    with Checkpoint.open(path) as checkpoint, ThreadPoolExecutor(1) as threads:
        checkpoint.begin(JOB, "run-1")
        threads.submit(checkpoint.commit, CHANGES, {}).result()

        assert checkpoint.load().counts == CHANGES.counts


def test_nobody_else_may_read_the_checkpoint(path):
    before = os.umask(0)
    try:
        with Checkpoint.open(path) as checkpoint:
            checkpoint.begin(JOB, "run-1")
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    finally:
        os.umask(before)

    names = ["crm.checkpoint" + suffix for suffix in ("", "-shm", "-wal", ".lock")]
    assert modes == dict.fromkeys(names, 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


# --- What is not a checkpoint of ours ---------------------------------------------------------


def text_file(path: Path) -> None:
    path.write_text("id,email\n" * 100)


def other_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE meta (key, value)")
    connection.close()


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [text_file, other_database, folder])
@pytest.mark.parametrize("fresh", [False, True])
def test_what_is_not_a_checkpoint_is_refused_and_left_alone(tmp_path, make, fresh):
    path = tmp_path / "x"
    make(path)
    before = path.read_bytes() if path.is_file() else b""

    with pytest.raises(CheckpointError, match="not a checkpoint"):
        Checkpoint.open(path, fresh=fresh)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        peek(path)

    assert (path.read_bytes() if path.is_file() else b"") == before
    assert {p.name for p in tmp_path.iterdir()} == {"x", "x.lock"}


def test_a_checkpoint_of_a_newer_version_is_refused(path):
    Checkpoint.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()

    for look in (Checkpoint.open, peek):
        with pytest.raises(CheckpointError, match="newer version"):
            look(path)


def test_a_damaged_checkpoint_is_refused_and_fresh_keeps_it(path):
    with Checkpoint.open(path) as checkpoint:
        checkpoint.begin(JOB, "run-1")
    whole = path.read_bytes()
    damaged = whole[:100] + b"\xff" * (len(whole) - 100)
    path.write_bytes(damaged)

    with pytest.raises(CheckpointError, match=r"damaged[\s\S]*--fresh"):
        Checkpoint.open(path)
    with pytest.raises(CheckpointError, match="damaged"):
        peek(path)
    with Checkpoint.open(path, fresh=True) as checkpoint:
        assert checkpoint.kept.read_bytes() == damaged


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageError, match="name another"):
        Checkpoint.open(tmp_path / "file" / "x.checkpoint")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_a_storage_error(tmp_path):
    tmp_path.chmod(0o500)

    with pytest.raises(StorageError, match="Permission denied"):
        Checkpoint.open(tmp_path / "x.checkpoint")


def test_a_failed_opening_lets_go_of_the_lock(path):
    path.parent.mkdir()
    text_file(path)
    with pytest.raises(CheckpointError):
        Checkpoint.open(path)
    path.unlink()

    Checkpoint.open(path).close()


# --- Starting anew, and looking without touching ----------------------------------------------


def test_fresh_keeps_the_old_checkpoint_under_another_name(path):
    with Checkpoint.open(path) as checkpoint:
        checkpoint.begin(JOB, "run-1")
        checkpoint.commit(CHANGES, {})
        expected = checkpoint.load()
    with Checkpoint.open(path, fresh=True) as checkpoint:
        assert checkpoint.load() is None
        assert peek(checkpoint.kept) == expected
        checkpoint.begin(JOB, "run-2")
    assert peek(path).run_id == "run-2"


def test_fresh_without_an_old_checkpoint_keeps_nothing(path):
    with Checkpoint.open(path, fresh=True) as checkpoint:
        assert checkpoint.kept is None


def test_a_log_left_behind_is_not_taken_into_a_new_checkpoint(path):
    with Checkpoint.open(path) as checkpoint:
        checkpoint.begin(JOB, "run-1")
        log = path.with_name(path.name + "-wal").read_bytes()
    path.rename(path.with_name("kept"))
    path.with_name(path.name + "-wal").write_bytes(log)

    with Checkpoint.open(path) as checkpoint:
        assert checkpoint.load() is None


def test_a_look_sees_the_last_commit_and_disturbs_nothing(path):
    assert peek(path) is None
    with Checkpoint.open(path) as checkpoint:
        assert peek(path) is None
        checkpoint.begin(JOB, "run-1")
        checkpoint.commit(CHANGES, {})
        assert peek(path) == checkpoint.load()
        checkpoint.commit(Changes(), {}, "completed")
        assert peek(path).state == "completed"
        assert str(os.getpid()) in holder(path)
    files = sorted(p.name for p in path.parent.iterdir())

    assert peek(path).counts == CHANGES.counts
    assert sorted(p.name for p in path.parent.iterdir()) == files
    assert holder(path) is None


def test_another_name_of_the_same_file_is_the_same_checkpoint(path):
    with Checkpoint.open(path) as checkpoint:
        checkpoint.begin(JOB, "run-1")
        link = path.with_name("link")
        link.symlink_to(path)

        with pytest.raises(CheckpointError, match=f"in use by process {os.getpid()}"):
            Checkpoint.open(link)


def test_run_ids_are_not_given_twice():
    assert len({new_run_id() for _ in range(100)}) == 100


def test_what_happened_is_kept_in_order_and_a_new_run_forgets_it(path):
    requests = (
        Request(12.5, "zebras", 8, 900, 0, 1, 0.25, "no answer", (Carried(0, b"x"),)),
        Request(13.5, "zebras", 8, 900, 200, 2, 0.5, "", (Carried(0, b"x"), Carried(1, b"y"))),
    )
    with Checkpoint.open(path) as checkpoint:
        checkpoint.begin(JOB, "run-1")
        checkpoint.commit(Changes(requests=requests[:1], remarks=("first",)), {})
        checkpoint.commit(Changes(requests=requests[1:], remarks=("second", "third")), {})
        told = peek_log(path)
        checkpoint.begin(JOB, "run-2")

        assert told == Log(requests, ("first", "second", "third"))
        assert peek_log(path) == Log()


def test_how_many_rows_broke_a_rule_is_kept_as_last_told(path):
    with Checkpoint.open(path) as checkpoint:
        checkpoint.begin(JOB, "run-1")
        checkpoint.commit(Changes(rules={("zebras", "api"): 1, ("apes", "not_json"): 2}), {})
        checkpoint.commit(Changes(rules={("zebras", "api"): 5}), {})
        checkpoint.close()

    assert peek(path).rules == {("zebras", "api"): 5, ("apes", "not_json"): 2}


def test_each_process_that_takes_up_a_run_is_a_sitting_until_its_last_commit(path):
    with Checkpoint.open(path) as checkpoint:
        checkpoint.begin(JOB, "run-1")
        checkpoint.commit(CHANGES, {})
        (first,) = peek_history(path).sittings
        checkpoint.go_on()
        checkpoint.commit(Changes(), {})
        kept, second = peek_history(path).sittings
        checkpoint.begin(JOB, "run-2")
        (other,) = peek_history(path).sittings

    assert kept == first
    assert first.began_s < first.ended_s <= second.began_s < second.ended_s <= other.began_s


def test_a_history_has_every_request_in_the_order_of_the_answers_and_why_some_failed(path):
    requests = (
        Request(12.5, "zebras", 8, 900, 0, 1, 0.25, "no answer", (Carried(0, b"x"),)),
        Request(11.5, "apes", 7, 800, 429, 1, 0.5, "too many"),
        Request(13.5, "zebras", 8, 900, 0, 2, 0.5, "no answer"),
    )
    with Checkpoint.open(path) as checkpoint:
        checkpoint.begin(JOB, "run-1")
        checkpoint.commit(Changes(requests=requests, remarks=("said",)), {})
        told = peek_history(path)

    assert [tuple(request) for request in told.requests.tolist()] == [
        (12.5, 0.25, 0, 8, 900, 0, 1),
        (11.5, 0.5, 1, 7, 800, 429, 1),
        (13.5, 0.5, 0, 8, 900, 0, 2),
    ]
    assert told.failures == (("no answer", 2), ("too many", 1))
    assert told.remarks == ("said",)


def test_a_job_that_was_never_run_has_no_history(path):
    assert [len(part) for part in peek_history(path)] == [0, 0, 0, 0]
