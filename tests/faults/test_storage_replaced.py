"""Files of a run that somebody else moves, removes, edits or breaks."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from backfill.checkpoint import peek
from backfill.errors import UsageError
from backfill.pipeline import Options
from backfill.rejects.holding import opened
from tests.end_to_end.people import ids
from tests.end_to_end.recorder import Answer, Posted, Recorder, recording

from .engine import Words
from .engine import run as run_here
from .runs import ROWS, TOO_LONG, here, rejected_rows, write_job, write_source

CHECKPOINT, REJECTS = Path("state/job.checkpoint"), Path("state/job.rejects/people.csv")


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """The config of a job of fifteen requests, one after the other, in a folder of its own."""
    write_source(tmp_path / "people.csv")
    write_job(tmp_path)
    return tmp_path / "job.yaml"


def at_the_second_request(act: Callable[[], None]) -> Callable[[Posted], Answer]:
    """Act, once, and answer slowly from then on: a commit comes before the next few requests."""

    def answer(posted: Posted) -> Answer:
        if posted.number == 2:
            act()
        return Answer(delay_s=0.2 if posted.number >= 2 else 0)

    return answer


def saved_by_an_editor(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def rotated(path: Path) -> None:
    path.rename(path.with_name("rotated"))


@pytest.mark.parametrize("change", [saved_by_an_editor, rotated, Path.unlink])
@pytest.mark.parametrize("which", [CHECKPOINT, REJECTS], ids=["checkpoint", "rejects"])
def test_a_file_of_the_run_that_is_removed_or_replaced_in_mid_run_stops_it(
    job, monkeypatch, which, change
):
    path = job.parent / which

    with recording(at_the_second_request(lambda: change(path))) as server:
        here(monkeypatch, server)
        stopped = run_here(job)

    assert stopped.state == "stopped"
    assert "removed" in stopped.error.what
    assert stopped.error.where == str(path)
    assert "put" in stopped.error.fix
    assert sum(len(posted.operations) for posted in server.posted) < ROWS - len(TOO_LONG)


def test_rejects_that_were_rotated_and_are_put_back_lose_no_row(job, monkeypatch):
    path = job.parent / REJECTS

    with recording(at_the_second_request(lambda: rotated(path))) as server:
        here(monkeypatch, server)
        run_here(job)
        path.with_name("rotated").rename(path)
        finished = run_here(job)

    assert (finished.state, finished.error) == ("completed", None)
    assert rejected_rows(path) == sorted(TOO_LONG)
    assert len(set(ids(server.accepted))) == finished.counts["people"].delivered


def test_an_error_nobody_foresaw_under_the_checkpoint_stops_the_run(job, monkeypatch):
    def break_it() -> None:
        connection = sqlite3.connect(job.parent / CHECKPOINT)
        connection.execute("DROP TABLE requests")
        connection.close()

    with recording(at_the_second_request(break_it)) as server:
        here(monkeypatch, server)
        stopped = run_here(job)

    assert stopped.state == "stopped"
    assert "OperationalError" in stopped.error.what
    durable = peek(job.parent / CHECKPOINT).counts.get("people")  # None: broken before any commit
    assert durable is None or durable.delivered < ROWS - len(TOO_LONG)
    assert sum(len(posted.operations) for posted in server.posted) < ROWS - len(TOO_LONG)


def completed(job: Path, server: Recorder, patch: pytest.MonkeyPatch) -> None:
    here(patch, server)
    assert run_here(job).state == "completed"


def test_what_stood_where_the_rejects_go_is_kept_and_named(job, monkeypatch):
    words, before = Words(), job.parent / f"{REJECTS}.earlier"

    with recording() as server:
        completed(job, server, monkeypatch)
        found = (job.parent / REJECTS).read_bytes()
        run_here(job, options=Options(fresh=True), watcher=words)

    assert before.read_bytes() == found
    assert any(text.endswith(f"kept as {before}.") for text in words.said)


def test_fresh_that_cannot_begin_says_where_it_keeps_the_checkpoint(job, monkeypatch):
    words = Words()

    with recording() as server:
        completed(job, server, monkeypatch)
        held = opened(job.parent / REJECTS, 0)
        try:
            with pytest.raises(UsageError, match="writes these rejects"):
                run_here(job, options=Options(fresh=True), watcher=words)
        finally:
            os.close(held)

    (kept,) = (job.parent / "state").glob("job.checkpoint.2*")
    assert words.said[0] == f"The old checkpoint is kept as {kept}."
    assert peek(kept).is_finished
