"""Runs of one job that meet: one goes, the other is refused or waits, and both never go at once."""

from __future__ import annotations

import math
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import backfill
from backfill.checkpoint import holder
from backfill.errors import InUse

from .command import Ended, ended, environ, run_job, start, write_job
from .people import PEOPLE, ids, write_people
from .recorder import Answer, Posted, Recorder, recording

CHECKPOINT = "state/job.checkpoint"
ROWS = 40


@pytest.fixture
def job(tmp_path: Path) -> Path:
    write_people(tmp_path / "people.csv", ROWS)
    write_people(tmp_path / "mended.csv", 3, "mended")
    write_job(tmp_path, PEOPLE)
    return tmp_path


def until(is_so: Callable[[], object], *processes: subprocess.Popen[str]) -> None:
    while not is_so():
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)


@contextmanager
def alive(folder: Path, *arguments: str) -> Iterator[tuple[Recorder, subprocess.Popen[str]]]:
    """A run whose first request is under way; long enough for another to start beside it."""

    def script(posted: Posted) -> Answer:
        return Answer(delay_s=0.0 if posted.number else 4.0)

    with recording(script) as server:
        process = start(folder, server.address, "run", "job.yaml", "--json", *arguments)
        until(lambda: server.posted, process)
        try:
            yield server, process
        finally:
            process.kill()
            process.communicate()


def waiting(folder: Path, address: str, *arguments: str) -> subprocess.Popen[str]:
    """A run that has said it waits; that line is read."""
    process = start(folder, address, "run", "job.yaml", "--json", *arguments)
    line = process.stderr.readline()
    assert line.startswith("waiting: "), line + process.stderr.read()
    return process


def test_without_wait_a_second_run_is_refused_at_once_and_names_the_first(job):
    with alive(job) as (server, first):
        refused = run_job(job, server.address)

    assert refused.code == 2
    assert f"in use by process {first.pid} on " in refused.told["error"]["what"]
    assert len(server.posted) == 1


def test_a_run_that_waited_for_the_same_job_finds_nothing_to_do(job):
    with alive(job) as (server, first):
        process = start(job, server.address, "run", "job.yaml", "--json", "--wait")
        said = process.stderr.readline()
        done = ended(first)
        second = ended(process)

    assert f"process {first.pid} on " in said
    assert said.startswith("waiting: ")
    assert "waiting" not in second.text
    assert (done.code, second.code) == (0, 0)
    assert (second.told["run_id"], second.told["requests"]["sent"]) == (done.told["run_id"], 0)
    assert len(server.posted) == 1


def test_a_source_that_changed_during_the_wait_is_read_as_it_is_then(job):
    with alive(job, "--only", "people", "--source", "mended.csv") as (server, part):
        process = waiting(job, server.address, "--wait")
        write_people(job / "people.csv", ROWS + 7)
        done, whole = ended(part), ended(process)

    assert (done.code, whole.code) == (0, 0)
    assert whole.told["rows"]["delivered"] == ROWS + 7


def test_a_run_that_waited_for_one_that_is_killed_goes_on_with_it(job):
    with alive(job) as (server, first):
        process = waiting(job, server.address, "--wait")
        first.kill()
        second = ended(process)

    assert second.code == 0
    assert second.told["rows"]["delivered"] == ROWS
    assert set(ids(server.accepted)) == {f"p{n}" for n in range(ROWS)}


def test_when_the_time_is_over_it_ends_as_without_waiting(job):
    with alive(job) as (server, first):
        process = waiting(job, server.address, "--wait", "0.6s")
        refused = ended(process)

    assert refused.code == 2
    assert f"in use by process {first.pid} on " in refused.told["error"]["what"]
    assert refused.told["state"] == "stopped"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_the_wait_ends_it_at_once_and_sends_nothing(job, number, code):
    with alive(job) as (server, first):
        process = waiting(job, server.address, "--wait")
        process.send_signal(number)
        interrupted = ended(process)
        assert first.poll() is None, "it waited to the end"

    assert (interrupted.code, interrupted.told["state"]) == (code, "interrupted")
    assert len(server.posted) == 1


def both_end(folder: Path, server: Recorder, *arguments: str) -> list[Ended]:
    processes = [
        start(folder, server.address, "run", "job.yaml", "--json", "--wait", *arguments)
        for _ in range(3)
    ]
    return [ended(process) for process in processes]


@pytest.mark.parametrize("destination", [{"region": "us"}, {"sandbox": "state/workspace.db"}])
def test_of_runs_that_wait_for_each_other_one_sends_and_the_others_find_nothing_to_do(
    job, destination
):
    write_job(job, PEOPLE, **({"region": None} | destination))
    with recording(lambda _: Answer(delay_s=0.3)) as server:
        runs = both_end(job, server)

    assert [run.code for run in runs] == [0, 0, 0], [run.text for run in runs]
    assert sorted(run.told["requests"]["sent"] for run in runs) == [0, 0, 1]
    assert len({run.told["run_id"] for run in runs}) == 1


@pytest.mark.parametrize("part_is_first", [True, False])
def test_a_part_and_the_whole_of_a_job_wait_for_each_other(job, part_is_first):
    part = ("--only", "people", "--source", "mended.csv")
    first, second = (part, ()) if part_is_first else ((), part)

    with alive(job, *first) as (server, process):
        waits = waiting(job, server.address, "--wait", *second)
        assert len(server.posted) == 1
        done, after = ended(process), ended(waits)

    assert (done.code, after.code) == (0, 0)
    assert server.posted[1].at_s >= server.posted[0].answered_s


def test_what_is_no_time_is_refused_and_says_how_to_write_one(job):
    refused = run_job(job, None, "--wait", "3x")
    first = ended(start(job, None, "run", "--wait", "job.yaml", "--json"))

    assert (refused.code, first.code) == (2, 2)
    assert "90s, 30m or 2h" in refused.told["error"]["what"]
    assert "stands last" in first.told["error"]["what"]


def test_a_python_program_may_wait_too(job, monkeypatch):
    with alive(job) as (server, first):
        for name, value in environ(server.address).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(InUse, match=f"process {first.pid} on "):
            backfill.run(job / "job.yaml")
        result = backfill.run(job / "job.yaml", wait_s=math.inf)
        done = ended(first)

    assert (result.state, result.closing.was_done) == ("completed", True)
    assert result.closing.run_id == done.told["run_id"]
    assert holder(job / CHECKPOINT) is None
