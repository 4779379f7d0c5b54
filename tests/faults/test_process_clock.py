"""A wall clock that is set back or forth: between two runs, and in the middle of one."""

from __future__ import annotations

import itertools
import time

import pytest

from backfill.checkpoint import Checkpoint, peek
from backfill.courier import Limits, Outside
from backfill.ledger import Changes, Request
from backfill.pacing import WINDOW_S
from backfill.pipeline import Options
from backfill.sender import Sender
from tests.core.blocks import NOW_S, block, encoded, stream
from tests.end_to_end.people import ids
from tests.end_to_end.recorder import recording
from tests.sending.doubles import ACCEPTED, Book, Scripted, batches_of, send
from tests.sending.virtual import run

from .engine import run as run_here
from .runs import here, write_job, write_source

DAY_S = 86_400.0


def test_a_clock_that_jumps_in_the_middle_of_a_run_changes_neither_pace_nor_outcome():
    jumps = itertools.cycle((0.0, DAY_S, -DAY_S))
    transport, book = Scripted(lambda _: ACCEPTED), Book()
    outside = Outside(wall_s=lambda: NOW_S + next(jumps), draw=lambda: 0.5)

    run(send(Sender(transport, Limits(requests_per_s=20), outside), batches_of(100, 2), book))

    starts_s = transport.starts_s
    busiest = max(sum(a <= b < a + WINDOW_S for b in starts_s) for a in starts_s)
    assert book.numbers() == list(range(200))
    assert len(transport.posts) == 100
    assert 15 < busiest <= 20
    assert starts_s[-1] - starts_s[0] < 7  # of 5 seconds' work


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S], ids=["set back since", "set forth since"])
def test_a_run_goes_on_after_the_clock_was_set(tmp_path, monkeypatch, jump_s):
    write_source(tmp_path / "people.csv")
    write_job(tmp_path)
    path = tmp_path / "state/job.checkpoint"

    with recording() as server:
        here(monkeypatch, server)
        run_here(tmp_path / "job.yaml", options=Options(limit=100))
        with Checkpoint.open(path) as checkpoint:
            last = Request(time.time() + jump_s, "people", 1, 1, 200, 1)
            checkpoint.commit(Changes(requests=(last,)), {}, "stopped")
        finished = run_here(tmp_path / "job.yaml")

    assert finished.state == "completed"
    assert len(ids(server.accepted)) == len(set(ids(server.accepted)))
    assert peek(path).counts["people"].delivered == len(ids(server.accepted))


@pytest.mark.parametrize("timestamp", ["at", "now"])
def test_the_id_of_an_event_does_not_depend_on_the_clock(timestamp):
    event = {"name": "ordered", "timestamp": timestamp, "key": "id"}
    rows = block({"id": ["a", "b"], "at": ["1600000000", "1600000001"]})

    found = [
        [line.split(b'"id":"')[-1][:26] for line in bytes(of.operations).split(b"},{")]
        for of in (encoded(rows, stream(event=event), NOW_S + n) for n in (0, 90_000, -90_000))
    ]

    assert found[0] == found[1] == found[2]
