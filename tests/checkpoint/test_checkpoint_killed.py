"""Real processes, killed as an operator or the kernel would."""

from __future__ import annotations

import os
import random
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from backfill.checkpoint import Checkpoint, holder, peek
from backfill.errors import CheckpointError
from backfill.ledger import Ledger
from backfill.resumption import Extent, Saved

#: Commits without end; commit n leaves n * 10 rows done, n requests and n bytes of rejects, and
#: is told on a line of its own once it is durable.
COMMITTING = """
import sys
import threading
from pathlib import Path
from backfill.checkpoint import Checkpoint
from backfill.ledger import Changes, Counts, FileState, Request
from backfill.identity import FileIdentity, JobIdentity, StreamIdentity
from backfill.resumption import Extent

stream = StreamIdentity("people", b"m", (FileIdentity("a.csv", 1, "aa"),))
checkpoint = Checkpoint.open(Path(sys.argv[1]))
saved = checkpoint.load()
if saved is None:
    checkpoint.begin(JobIdentity("here", (stream,)), "run-1")
    n = 0
else:
    n = saved.rejects.get("r", Extent()).length
print(n, flush=True)
while True:
    n += 1
    state = FileState("people", 0, None, n * 10, b"\\x7f" * (n % 5000))
    request = Request(float(n), "people", 10, 1, 200, 1)
    counts = {"people": Counts(read=n * 10 + 5, delivered=n * 10)}
    checkpoint.commit(Changes((state,), counts, (request,)), {"r": Extent(n)})
    print(n, flush=True)
"""


@contextmanager
def committing(path: Path, limit: Callable[[], None] | None = None) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-c", COMMITTING, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=limit) as child:
        try:
            yield child
        finally:
            child.kill()


def assert_is_of_one_commit(saved: Saved) -> int:
    n = saved.rejects.get("r", Extent()).length
    if n:
        assert saved.counts["people"].delivered == n * 10
        assert saved.last_request_s == n
        (state,) = saved.files
        assert (state.frontier, len(state.bits)) == (n * 10, n % 5000)
    assert Ledger(saved.files, saved.counts).counts("people") == saved.counts["people"]
    return n


def requests_in(path: Path) -> int:
    with Checkpoint.open(path) as checkpoint:
        query = "SELECT count(*) FROM requests"
        return checkpoint._connection.execute(query).fetchone()[0]


def test_a_kill_at_any_instant_leaves_a_state_that_was_committed(tmp_path):
    path, chance, last = tmp_path / "checkpoint", random.Random(20_260_101), 0
    for _ in range(10):
        with committing(path) as child:
            for _ in range(chance.randrange(1, 60)):
                assert child.stdout.readline(), child.stderr.read()
            for _ in range(chance.randrange(20_000)):  # not always right after a line was told
                pass
            child.kill()
            told = child.stdout.read().split()
        found = assert_is_of_one_commit(peek(path))

        assert found >= max([last, *map(int, told)])
        assert requests_in(path) == found
        last = found
    assert last > 0


def test_a_second_process_is_refused_while_the_first_lives_and_admitted_once_it_is_killed(tmp_path):
    path = tmp_path / "checkpoint"
    with committing(path) as child:
        assert child.stdout.readline()

        for fresh in (False, True):
            with pytest.raises(CheckpointError) as refusal:
                Checkpoint.open(path, fresh=fresh)
            assert f"in use by process {child.pid} on " in refusal.value.what
            assert refusal.value.exit_code == 2
        assert peek(path).run_id == "run-1"
        assert f"process {child.pid}" in holder(path)
        assert child.stdout.readline(), "the looks disturbed the run"
        child.kill()
        child.wait()

        assert holder(path) is None
        with Checkpoint.open(path) as checkpoint:
            assert_is_of_one_commit(checkpoint.load())


@pytest.mark.parametrize("host", [socket.gethostname(), "another-host"])
def test_who_is_named_in_a_lock_that_nobody_holds_is_no_holder(tmp_path, host):
    path = tmp_path / "checkpoint"
    lock = tmp_path / "checkpoint.lock"
    lock.write_text(f"{os.getpid()} {host}\n")  # of a killed one; its number is another's by now

    assert holder(path) is None
    with Checkpoint.open(path):
        assert holder(path) == f"process {os.getpid()} on {socket.gethostname()}"
    assert lock.read_text() == ""


def test_looking_who_holds_a_checkpoint_keeps_nobody_from_taking_it(tmp_path):
    path, over = tmp_path / "checkpoint", threading.Event()

    def look() -> None:
        while not over.wait(0.001):
            holder(path)

    with ThreadPoolExecutor(2) as threads:
        looking = [threads.submit(look) for _ in range(2)]
        for _ in range(200):
            Checkpoint.open(path).close()
        over.set()
        for each in looking:
            each.result()


def test_fresh_after_a_kill_keeps_the_last_commits_too_and_in_one_file(tmp_path):
    path = tmp_path / "checkpoint"
    with committing(path) as child:
        told = [int(child.stdout.readline()) for _ in range(5)]
        child.kill()
    with Checkpoint.open(path, fresh=True) as checkpoint:
        kept = checkpoint.kept
    alone = tmp_path / "alone"  # as a kill between two renames would leave it
    alone.write_bytes(kept.read_bytes())

    assert assert_is_of_one_commit(peek(alone)) >= max(told)


def test_a_disk_with_no_room_left_stops_the_run_at_the_last_commit(tmp_path):
    path, room = tmp_path / "checkpoint", 200_000

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    with committing(path, limit) as child:
        told, complaint = child.communicate()

    assert "StorageError" in complaint
    assert "run the same command again" in complaint
    assert assert_is_of_one_commit(peek(path)) == int(told.split()[-1])
